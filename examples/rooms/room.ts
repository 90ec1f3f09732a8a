/** The rooms: an entity for each, with its last lines and the tabs that are in it. */

import { Node } from "@otp/distribution";
import { Entity, type EntityContext } from "@otp/distribution/entities";

/** The number of lines that a room keeps for tabs that come back. */
const KEPT_LINES = 500;

/** How long a tab that is silent counts as present, in milliseconds; tabs call `enter` more often. */
const ABSENT = 12_000;

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

/** A room. Each of its changes is a broadcast, and broadcasts have numbers: so a tab knows which ones it has missed. */
export const Room = Entity.define("room", {
  state: (): State => ({
    ...{ number: 0, lines: [], present: [] },
    ...{ dropped: 0, tabs: {} },
  }),

  /** Notes that a tab is present; returns all that has happened since a broadcast. */
  enter(room, tab: string, name: string, last: number) {
    const { state } = room;
    state.tabs[tab] = { name, until: room.now() + ABSENT };
    notePresent(room);
    return {
      number: state.number,
      lines: state.lines.filter(({ number }) => number > last),
      present: state.present,
      isIncomplete: last < state.dropped,
      node: Node.self(),
    };
  },

  /** Adds a line. */
  say(room, id: string, name: string, text: string) {
    const { state } = room;
    if (!/\S/.test(text) || text.length > 500) {
      room.refuse("a line has 1 to 500 characters");
    }
    state.number = room.broadcast({ lines: [{ id, name, text }] });
    state.lines.push({ number: state.number, id, name, text });
    if (state.lines.length > KEPT_LINES) {
      state.dropped = state.lines.shift()!.number;
    }
  },

  /** Forgets the tabs that have been silent for too long. */
  alarm: notePresent,
}, { remember: KEPT_LINES });

function notePresent(room: EntityContext<State>): void {
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
  room.alarm(present.length === 0 ? null : room.now() + ABSENT);
}
