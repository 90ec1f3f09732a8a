/** A room: an entity, which keeps the lines, and a channel, which shows them to tabs and says who is here. */

import { Node, spawnLink } from "@otp/distribution";
import {
  Channel,
  type ChannelSocket,
  Presence,
} from "@otp/distribution/channels";
import {
  Entity,
  type EntityContext,
  EntityError,
  type EntityLogOptions,
} from "@otp/distribution/entities";

const KEPT_LINES = 500; // of a room, for tabs that come back
const UNUSED = 24 * 3_600_000; // milliseconds for which a room is kept after its last line
const MAX_USERS = 100; // in a room: who comes or goes is news for all others
const TIMEOUT = 30_000; // milliseconds that a line waits for a room whose node was lost
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

interface Line {
  name: string;
  text: string;
}

/** The lines of a room are its log: they have numbers, and each node can follow them. */
export const Rooms = Entity.define("room", {
  state: () => ({}),
  log: { keep: { events: KEPT_LINES } } as EntityLogOptions<Line>,
  say(room: EntityContext<object, Line>, line: Line) {
    room.alarm(room.now() + UNUSED);
    return { number: room.log.append(line), node: Node.self() };
  },
  alarm: (room: EntityContext<object, Line>) => room.delete(),
}, { remember: KEPT_LINES });

/** The channel of a tab in a room. Browsers send what they like: a channel refuses what is wrong. */
export const Room = Channel.define("room:*", {
  async join(socket, params: { after?: number } | null) {
    const { after = 0 } = params ?? {};
    const { id, name } = socket.user;
    const isRoom = /^[\w-]{1,40}$/.test(socket.rest);
    if (!isRoom || !Number.isSafeInteger(after) || after < 0) {
      return Channel.refuse({ reason: "There is no such room." });
    }
    const here = Presence.list(socket.topic);
    if (!Object.hasOwn(here, id) && Object.keys(here).length >= MAX_USERS) {
      return Channel.refuse({ reason: "The room is full." });
    }
    await Presence.track(socket, id, { name });
    socket.push("at", { node: Node.self() });
    spawnLink(() => follow(socket, after)); // It ends with the channel.
  },
  in: {
    async say(socket, line: { id: string; text: string }) {
      if (!isLine(line)) {
        return Channel.refuse({ reason: "A line has 1 to 500 characters." });
      }
      // The id: the line is said once, however often the tab repeats it.
      const room = Rooms.get(socket.rest, { id: line.id, timeout: TIMEOUT });
      return await room.say({ name: socket.user.name, text: line.text });
    },
  },
  out: Channel.events<{
    at: { node: string };
    said: Line & { number: number };
    gap: { first: number };
  }>(),
});

function isLine(value: unknown): value is { id: string; text: string } {
  const { id, text } = Object(value);
  return typeof id === "string" && UUID.test(id) &&
    typeof text === "string" && /\S/.test(text) && text.length <= 500;
}

/** Sends a tab the lines after the last one that it has, and then each new one. */
async function follow(socket: ChannelSocket, after: number): Promise<void> {
  for (;;) {
    try {
      const lines = Rooms.get(socket.rest).log.follow({ after });
      for await (const { number, event } of lines) {
        socket.push("said", { number, ...event });
      }
    } catch (error) {
      if (!(error instanceof EntityError) || error.code !== "gap") throw error;
      const { first } = error.data as { first: number };
      socket.push("gap", { first });
      after = first - 1;
    }
  }
}
