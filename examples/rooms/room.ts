/** The rooms: an entity for each, with its last lines and the tabs that are in it. */

import { Node } from "@otp/distribution";
import { Entity, type EntityContext } from "@otp/distribution/entities";

/** The number of lines that a room keeps for tabs that come back. */
const KEPT_LINES = 500;

/** The number of tabs in a room. */
const MAX_TABS = 100;

/** How long a tab that is silent counts as present, in milliseconds; tabs call `enter` more often. */
const ABSENT = 12_000;

/** How long a room keeps its lines when nobody is present, in milliseconds. */
const UNUSED = 24 * 3_600_000;

/** News of a room for a tab. */
export interface News {
  /** The number of the last broadcast. */
  number: number;
  /** The lines since the last news. */
  lines: { number: number; id: string; name: string; text: string }[];
  /** The names of those who are present. */
  present: string[];
}

interface State extends News {
  /** The number of the last line that is kept no more. */
  dropped: number;
  tabs: Record<string, { name: string; until: number }>;
}

type RoomContext = EntityContext<State>;

/** A room. Each of its changes is a broadcast, and broadcasts have numbers: so a tab knows which ones it has missed. */
export const Room = Entity.define("room", {
  state: (): State => ({
    ...{ number: 0, lines: [], present: [] },
    ...{ dropped: 0, tabs: {} },
  }),

  /** Notes that a tab is present; returns all that has happened since a broadcast. */
  enter(room: RoomContext, tab: string, name: string, last: number) {
    const { state } = room;
    check(room, tab, name);
    if (!(tab in state.tabs) && Object.keys(state.tabs).length >= MAX_TABS) {
      room.refuse("the room is full", "The room is full.");
    }
    state.tabs[tab] = { name, until: room.now() + ABSENT };
    notePresent(room);
    // A higher number than the room's is from before its lines were deleted.
    const since = last <= state.number ? last : 0;
    return {
      number: state.number,
      lines: state.lines.filter(({ number }) => number > since),
      present: state.present,
      isIncomplete: since < state.dropped,
      node: Node.self(),
    };
  },

  /** Adds a line. */
  say(room: RoomContext, id: string, name: string, text: string) {
    const { state } = room;
    check(room, id, name, text ?? "");
    state.number = room.broadcast({ lines: [{ id, name, text }] });
    state.lines.push({ number: state.number, id, name, text });
    if (state.lines.length > KEPT_LINES) {
      state.dropped = state.lines.shift()!.number;
    }
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
    state.number = room.broadcast({ present });
    state.present = present;
  }
  const isKept = present.length === 0 && state.lines.length > 0;
  room.alarm(room.now() + (isKept ? UNUSED : ABSENT));
}
