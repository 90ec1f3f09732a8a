/** The rooms: an entity for each, with its last lines and the tabs that are in it. */

import { Node } from "@otp/distribution";
import {
  Entity,
  type EntityContext,
  type EntityLogOptions,
} from "@otp/distribution/entities";

/** The number of lines that a room keeps for tabs that come back. */
const KEPT_LINES = 500;

/** The number of tabs in a room. */
const MAX_TABS = 100;

/** How long a tab that is silent counts as present, in milliseconds; tabs call `enter` more often. */
const ABSENT = 12_000;

/** How long a room keeps its lines when nobody is present, in milliseconds. */
const UNUSED = 24 * 3_600_000;

/** A line of a room. */
export interface Line {
  id: string;
  name: string;
  text: string;
}

interface State {
  /** The names of those who are present. */
  present: string[];
  tabs: Record<string, { name: string; until: number }>;
  /** Whether anybody has said anything. */
  hasLines: boolean;
}

type RoomContext = EntityContext<State, Line>;

/** A room. Its lines are a log, which tabs follow from the last line that they have; who is present is broadcast. */
export const Room = Entity.define("room", {
  state: (): State => ({ present: [], tabs: {}, hasLines: false }),
  log: { keep: { events: KEPT_LINES } } as EntityLogOptions<Line>,

  /** Notes that a tab is present; returns who is. */
  enter(room: RoomContext, tab: string, name: string) {
    const { state } = room;
    check(room, tab, name);
    if (!(tab in state.tabs) && Object.keys(state.tabs).length >= MAX_TABS) {
      room.refuse("the room is full", "The room is full.");
    }
    state.tabs[tab] = { name, until: room.now() + ABSENT };
    notePresent(room);
    return { present: state.present, node: Node.self() };
  },

  /** Adds a line. */
  say(room: RoomContext, id: string, name: string, text: string) {
    check(room, id, name, text ?? "");
    room.state.hasLines = true;
    room.log.append({ id, name, text });
  },

  /** Forgets the tabs that have been silent for too long; deletes a room that nobody uses. */
  alarm(room: RoomContext) {
    const { present } = room.state;
    if (present.length > 0) notePresent(room);
    else room.delete();
  },
}, { remember: KEPT_LINES });

/** Whether a value is a UUID. Other texts, such as `__proto__`, may mean something as keys of objects. */
export function isId(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f-]{36}$/.test(value);
}

/**
 * Refuses arguments of a wrong type or size: they come from browsers. A method must not throw for them, as that ends the
 * room; if it throws again and again, the room is parked for everybody.
 */
function check(room: RoomContext, id: unknown, name: unknown, line?: unknown) {
  const isText = (text: unknown, most: number) =>
    typeof text === "string" && /\S/.test(text) && text.length <= most;
  const wrong = !isId(id)
    ? "An id is a UUID."
    : !isText(name, 40)
    ? "A name has 1 to 40 characters."
    : line !== undefined && !isText(line, 500)
    ? "A line has 1 to 500 characters."
    : undefined;
  if (wrong !== undefined) room.refuse(wrong, wrong);
}

function notePresent(room: RoomContext): void {
  const { state } = room;
  for (const [tab, { until }] of Object.entries(state.tabs)) {
    if (until <= room.now()) delete state.tabs[tab];
  }
  const names = Object.values(state.tabs).map(({ name }) => name);
  const present = [...new Set(names)].sort();
  if (present.join("\n") !== state.present.join("\n")) {
    state.present = present;
    room.broadcast({ present });
  }
  const isKept = present.length === 0 && state.hasLines;
  room.alarm(room.now() + (isKept ? UNUSED : ABSENT));
}
