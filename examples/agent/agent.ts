/** The agents: an entity for each session, which asks the model and writes what it says into a stream. */

import { Entity, type EntityContext } from "@otp/distribution/entities";
import { streams, streamType } from "@otp/distribution/streams";
import { tokensOf } from "./model.ts";

const MAX_TEXT = 500; // characters of a message
const MAX_WAITING = 5; // messages that wait for the model
const MAX_EVENTS = 20_000; // of a session
const BATCH = 50; // tokens of one write
const PACE = 100; // milliseconds between two writes
const RETRY = 1000; // milliseconds after which a stream that did not answer is asked again
const UNUSED = 24 * 3_600_000; // milliseconds after which a session that nobody writes to is deleted

/** An event of a session, as its stream has it. */
type SessionEvent =
  | { type: "user" | "tokens"; text: string }
  | { type: "done" | "stopped" };

interface State {
  /** The messages that are not answered; the model works on the first. */
  waiting: string[];
  /** The tokens of the answer so far. */
  tokens: number;
  /** Events that may not be in the stream yet, and the number of events that are. */
  unsent: SessionEvent[];
  sent: number;
}

type Room = EntityContext<State>;

/** The streams of the sessions. */
export const Stream = streamType();

/** The handler with which sessions write. No request from outside reaches it. */
const handle = streams({ entities: Stream, authorize: () => true });

/**
 * A session; its key is `USER/NUMBER`. Its state has each event before the stream gets it, by its number, which the
 * stream stores once. So another node, on which the session goes on, may write an event again.
 */
export const Session = Entity.define("session", {
  state: (): State => ({ waiting: [], tokens: 0, unsent: [], sent: 0 }),

  /** Adds a message of the user. */
  say(room: Room, text: string) {
    const { key, state } = room;
    if (!/^[\w-]{1,40}\/\d$/.test(key)) {
      room.refuse("wrong session", "A session is USER/NUMBER, from 0 to 9.");
    }
    if (
      typeof text !== "string" || !/\S/.test(text) || text.length > MAX_TEXT
    ) {
      room.refuse("wrong text", `A message has 1 to ${MAX_TEXT} characters.`);
    }
    const events = state.sent + state.unsent.length;
    if (state.waiting.length >= MAX_WAITING || events >= MAX_EVENTS) {
      room.refuse("full", "The session takes no more messages now.");
    }
    state.waiting.push(text);
    state.unsent.push({ type: "user", text });
    room.alarm(room.now());
  },

  /** Ends the answer; the model goes on with the next message. */
  stop(room: Room) {
    if (room.state.waiting.length === 0) return;
    end(room.state, "stopped");
    room.alarm(room.now());
  },

  /** Writes what is new into the stream, and asks the model for the next tokens; deletes a session that is not used. */
  async alarm(room: Room) {
    const { key, state } = room;
    if (state.waiting.length + state.unsent.length === 0) {
      if (await ask(key, "DELETE")) return room.delete();
      return room.alarm(room.now() + RETRY);
    }
    for (const event of state.unsent.slice()) {
      // A stream whose node was lost is reached again after a lease.
      if (!await append(key, state.sent, event)) {
        return room.alarm(room.now() + RETRY);
      }
      state.sent++;
      state.unsent.shift();
    }
    const [text] = state.waiting;
    if (text === undefined) return room.alarm(room.now() + UNUSED);
    const tokens = tokensOf(text, state.tokens, BATCH);
    state.tokens += tokens.length;
    if (tokens.length > 0) {
      state.unsent.push({ type: "tokens", text: tokens.join("") });
    }
    if (tokens.length < BATCH) end(state, "done");
    room.alarm(room.now() + PACE);
  },
});

function end(state: State, type: "done" | "stopped"): void {
  state.unsent.push({ type });
  state.waiting.shift();
  state.tokens = 0;
}

/** Appends an event to the stream of a session, which the first one creates. */
async function append(
  session: string,
  number: number,
  event: SessionEvent,
): Promise<boolean> {
  if (number === 0 && !await ask(session, "PUT")) return false;
  return await ask(session, "POST", {
    headers: {
      "producer-id": "agent",
      "producer-epoch": "0",
      "producer-seq": `${number}`,
    },
    body: JSON.stringify(event),
  });
}

/** Asks the stream of a session; returns whether it has done that, now or before. */
async function ask(
  session: string,
  method: string,
  { headers, body }: { headers?: Record<string, string>; body?: string } = {},
): Promise<boolean> {
  const { ok, status } = await handle(
    new Request(`http://localhost/${session}`, {
      method,
      headers: { ...headers, "content-type": "application/json" },
      body,
    }),
  );
  if (ok || method === "DELETE" && status === 404) return true;
  if (status === 429 || status >= 500) return false;
  throw new Error(
    `Cannot ${method} the stream of ${session}: status ${status}`,
  );
}
