/** The properties that a history must have when everything is at rest. */

import {
  type DownMessage,
  isDown,
  isExit,
  Pid,
} from "../../packages/processes/process.ts";
import { inspect } from "../../packages/processes/values/inspect.ts";
import {
  type Actor,
  type History,
  letterOf,
  type LinkRecord,
  type MonitorRecord,
  type Sent,
} from "./_simulated_actors.ts";
import type { Heard, Incarnation } from "../_simulated_lives.ts";

type Say = (text: string) => void;

/** The arrival of a letter: its time and its receiver. */
interface Arrival {
  actor: Actor;
  at: number;
}

/** The violations of a history, one per line. */
export function violations(history: History): string[] {
  const wrong = [...history.wrong];
  const say = (text: string) => void wrong.push(text);
  const arrivals = new Map<Sent, Arrival>();
  for (const actor of history.actors) {
    checkOrder(history, actor, arrivals, say);
    checkDeath(history, actor, say);
  }
  for (const sent of history.sent) {
    checkArrival(history, sent, arrivals.get(sent), say);
  }
  checkGaps(history, arrivals, say);
  checkMonitors(history, say);
  checkLinks(history, say);
  return wrong;
}

/** Whether a node reported another node down between two moments. */
function wasDown(
  at: Incarnation,
  node: string,
  after: number,
  before = Infinity,
): boolean {
  return at.downs.some((each) =>
    each.node === node && each.at > after && each.at < before
  );
}

/** When an actor died; before everything else if it never lived. */
function deathOf(actor: Actor): number {
  if (!actor.hasBegun) return 0;
  return Math.min(actor.end?.from ?? Infinity, actor.home.endedAt);
}

function isDead(actor: Actor): boolean {
  return deathOf(actor) < Infinity;
}

/** The sent letter that a received one stands for, in mail or as an exit signal. */
function sentAs(
  history: History,
  actor: Actor,
  { message }: Heard,
): Sent | undefined {
  const letter = letterOf(message);
  if (letter === undefined) return undefined;
  const sent = history.letter(letter);
  if (!isExit(message)) return sent;
  // Others are notified of the reason of an actor that a letter killed, too.
  const isSignal = sent?.via === "exit" && "actor" in sent.to &&
    sent.to.actor === actor &&
    history.actors[sent.by].pid!.equals(message.from);
  return isSignal ? sent : undefined;
}

/** Letters arrive once, in the order of sending, and only at their receiver. */
function checkOrder(
  history: History,
  actor: Actor,
  arrivals: Map<Sent, Arrival>,
  say: Say,
): void {
  const last = new Map<number, number>();
  const ended = new Set<number>();
  for (const heard of actor.heard) {
    const { at, message } = heard;
    const sent = sentAs(history, actor, heard);
    const who = endOf(history, message);
    if (who !== undefined) ended.add(who.id);
    if (sent === undefined) {
      if (!isExit(message) && !isDown(message)) {
        say(`${actor.id} heard ${inspect(message)}, which nobody sent`);
      }
      continue;
    }
    const name = `letter ${sent.by}.${sent.n}`;
    if (arrivals.has(sent)) say(`${name} came twice, to ${actor.id} last`);
    arrivals.set(sent, { actor, at });
    const before = last.get(sent.by) ?? 0;
    if (sent.n < before) {
      say(`${name} came to ${actor.id} after letter ${sent.by}.${before}`);
    }
    last.set(sent.by, Math.max(before, sent.n));
    if (ended.has(sent.by)) {
      say(`${name} came to ${actor.id} after the end of its sender`);
    }
    if (!isMeant(actor, sent, at)) {
      say(`${name} came to ${actor.id}, who was not meant`);
    }
  }
}

/** The actor whose exit an EXIT or DOWN reports; `undefined` if it reports a lost connection or no process. */
function endOf(history: History, message: unknown): Actor | undefined {
  if (!isExit(message) && !isDown(message)) return undefined;
  const { reason } = message;
  if (reason === "noconnection" || reason === "noproc") return undefined;
  const pid = isExit(message) ? message.from : message.object;
  const actor = pid instanceof Pid ? history.of(pid) : undefined;
  // An exit signal may come from a live process.
  return actor?.end !== undefined && isSame(actor.end.reason, reason) &&
      !(isExit(message) && reason === "normal")
    ? actor
    : undefined;
}

function isSame(one: unknown, other: unknown): boolean {
  return one === other || inspect(one) === inspect(other);
}

function isMeant(actor: Actor, { to, alias }: Sent, at: number): boolean {
  if (!("actor" in to)) {
    return actor.home.node === to.node &&
      actor.names.some((own) =>
        own.name === to.name && own.from < at && at < own.to
      );
  }
  if (to.actor !== actor) return false;
  return alias === undefined ||
    actor.aliases.some((own) => own.ref.equals(alias) && at < own.to);
}

/** A letter that does not arrive was lost with its receiver, or with a connection whose loss was reported. */
function checkArrival(
  history: History,
  sent: Sent,
  arrival: Arrival | undefined,
  say: Say,
): void {
  const { by, n, at, to, via } = sent;
  if (arrival !== undefined) return;
  const sender = history.actors[by];
  const receiver = "actor" in to ? to.actor : holderFrom(history, to, at);
  if (receiver === undefined || isDead(receiver)) return;
  const aliases = receiver.aliases.filter(({ ref }) => sent.alias?.equals(ref));
  if (aliases.some((own) => own.to < Infinity)) return;
  // A signal that kills leaves no message, and this receiver is alive.
  if (via === "normal") return;
  const isLocal = sender.home === receiver.home;
  if (!isLocal) {
    const node = receiver.home.node;
    if (sender.home.endedAt < Infinity || wasDown(sender.home, node, at)) {
      return;
    }
  }
  say(
    `${via} letter ${by}.${n} never came to ${receiver.id}, which is alive, over a connection that was not lost`,
  );
}

/** Of two letters to the same process, the first is lost alone only if a connection was lost between them. */
function checkGaps(
  history: History,
  arrivals: Map<Sent, Arrival>,
  say: Say,
): void {
  const lost = new Map<string, Sent>();
  for (const sent of history.sent) {
    const { by, n, to, via, at } = sent;
    if (!("actor" in to) || (via !== "pid" && via !== "exit")) continue;
    const pair = `${by} ${to.actor.id}`;
    const first = lost.get(pair);
    if (!arrivals.has(sent)) {
      if (first === undefined) lost.set(pair, sent);
    } else if (first !== undefined) {
      const { home } = history.actors[by];
      if (!wasDown(home, to.actor.home.node, first.at, at)) {
        say(
          `letter ${by}.${first.n} never came to ${to.actor.id}, and ${by}.${n} did, over the same connection`,
        );
      }
      lost.delete(pair);
    }
  }
}

/** The holder of a name from a moment to the end. */
function holderFrom(
  history: History,
  { name, node }: { name: string; node: string },
  at: number,
): Actor | undefined {
  return history.actors.find((actor) =>
    actor.home.node === node &&
    actor.names.some((own) =>
      own.name === name && own.from < at && own.to === Infinity
    )
  );
}

/**
 * Whether a link to an actor can have reported a reason: its own, that there is no such process, or that
 * its node was lost.
 */
function isTold(
  home: Incarnation,
  other: Actor,
  reason: unknown,
  after: number,
  before: number,
): boolean {
  const isOver = deathOf(other) < before;
  return isOver && (reason === "noproc" || isSame(other.end?.reason, reason)) ||
    reason === "noconnection" &&
      (other.isGhost || wasDown(home, other.home.node, after, before));
}

/** No actor dies without a cause. */
function checkDeath(history: History, actor: Actor, say: Say): void {
  const { end, home, id } = actor;
  if (end === undefined || actor.isGhost) return;
  const { at, reason } = end;
  const isKilled = history.sent.some((sent) =>
    "actor" in sent.to && sent.to.actor === actor && sent.at < at &&
    (sent.via === "kill" && reason === "killed" ||
      sent.via === "exit" && isSame({ by: sent.by, n: sent.n }, reason))
  );
  const isOver = reason === "shutdown" && home.endedAt < Infinity;
  const ownEnd = history.exits.some((each) =>
    each.by === actor && isSame(each.reason, reason)
  );
  const partners = history.links.filter(({ by, to, at: when }) =>
    (by === actor || to === actor) && when < at
  ).map(({ by, to }) => by === actor ? to : by);
  const isLinked = partners.some((other) => isTold(home, other, reason, 0, at));
  if (isKilled || isOver || ownEnd || isLinked) return;
  say(`${id} ended by ${inspect(reason)} for no cause`);
}

// Monitors.

function checkMonitors(history: History, say: Say): void {
  const known = new Set(history.monitors.map(({ ref }) => String(ref.number)));
  for (const actor of history.actors) {
    for (const { message } of actor.heard) {
      if (isDown(message) && !known.has(String(message.ref.number))) {
        say(`${actor.id} heard a DOWN of no monitor: ${inspect(message)}`);
      }
    }
  }
  for (const record of history.monitors) checkMonitor(history, record, say);
}

function checkMonitor(history: History, record: MonitorRecord, say: Say): void {
  const { by, at, ref, target, node, endedAt } = record;
  const downs = by.heard.filter(({ message }) =>
    isDown(message) && ref.equals(message.ref)
  ) as { at: number; message: DownMessage }[];
  const name = `the monitor of ${by.id} on ${
    "actor" in target ? target.actor.id : `${target.name} at ${target.node}`
  }`;
  if (downs.length > 1) say(`${name} told ${downs.length} times`);
  const down = downs[0];
  if (endedAt !== undefined && down !== undefined && down.at > endedAt) {
    say(`${name} told after its end`);
  }
  if (down !== undefined) checkDown(history, record, down, name, say);
  if (isDead(by) || endedAt !== undefined) return;
  const wasLost = node !== by.home.node && wasDown(by.home, node, at);
  const isOver = "actor" in target
    ? isDead(target.actor)
    : !history.actors.some((actor) =>
      actor.home.node === node && !isDead(actor) &&
      actor.names.some((own) => own.name === target.name)
    );
  if (down === undefined && (wasLost || isOver)) {
    say(
      `${name} never told, and ${wasLost ? "its node was lost" : "it ended"}`,
    );
  }
}

/** A DOWN reports the monitored process, and its exit reason. */
function checkDown(
  history: History,
  { by, at, target, node }: MonitorRecord,
  { at: toldAt, message: { object, reason } }: {
    at: number;
    message: DownMessage;
  },
  name: string,
  say: Say,
): void {
  const expected = "actor" in target ? target.actor.pid : target;
  if (!isSame(object, expected)) {
    say(
      `${name} told of ${JSON.stringify(object)} ${JSON.stringify(expected)}`,
    );
  }
  const candidates = "actor" in target
    ? [target.actor]
    : history.actors.filter((actor) =>
      actor.home.node === node &&
      actor.names.some((own) => own.name === target.name && own.from < toldAt)
    );
  const isLocal = node === by.home.node;
  const isOwn = candidates.some((each) =>
    deathOf(each) < toldAt && isSame(each.end?.reason, reason)
  );
  if (isOwn) return;
  if (reason === "noconnection") {
    const isGhost = "actor" in target && target.actor.isGhost;
    if (!isGhost && !wasDown(by.home, node, at, toldAt)) {
      say(`${name} told of a lost connection, and none was lost`);
    }
  } else if (reason === "noproc") {
    const isPossible = "actor" in target
      ? candidates.some((each) => deathOf(each) < (isLocal ? at : toldAt))
      : holderFrom(history, target, at) === undefined;
    if (!isPossible) say(`${name} found no process, and there is one`);
  } else say(`${name} told ${inspect(reason)}, and nobody ended by it`);
}

// Links.

function checkLinks(history: History, say: Say): void {
  for (const actor of history.actors) {
    const exits = new Map<Actor, Heard[]>();
    for (const heard of actor.heard) {
      const { message } = heard;
      if (!isExit(message) || sentAs(history, actor, heard) !== undefined) {
        continue;
      }
      const other = history.of(message.from);
      if (other === undefined) {
        say(`${actor.id} heard an EXIT of nobody: ${inspect(message)}`);
        continue;
      }
      if (!exits.has(other)) exits.set(other, []);
      exits.get(other)!.push(heard);
    }
    const others = new Set([
      ...exits.keys(),
      ...history.links.filter(({ by }) => by === actor).map(({ to }) => to),
      ...history.links.filter(({ to }) => to === actor).map(({ by }) => by),
    ]);
    for (const other of others) {
      checkPair(history, actor, other, exits.get(other) ?? [], say);
      checkUnlinked(history, actor, other, exits.get(other) ?? [], say);
    }
  }
}

/** The links between two actors, as one of them records them. */
function checkPair(
  history: History,
  actor: Actor,
  other: Actor,
  exits: Heard[],
  say: Say,
): void {
  const between = history.links.filter(({ by, to }) =>
    (by === actor && to === other) || (by === other && to === actor)
  );
  const name = `the link of ${actor.id} with ${other.id}`;
  // A requested link that was not answered may have existed at one end.
  const attempts = between.filter(({ what, isAnswered }) =>
    what === "link" || (what === "ask" && !isAnswered)
  );
  const normals = history.sent.filter(({ by, to, via }) =>
    via === "normal" && by === other.id && "actor" in to && to.actor === actor
  );
  const told = exits.filter(({ message }) => message.reason !== "normal");
  if (told.length > attempts.length) {
    say(`${name} told ${told.length} times, and was made ${attempts.length}`);
  }
  if (exits.length > attempts.length + normals.length) {
    say(`${name} ended ${exits.length} times`);
  }
  for (const heard of exits) {
    checkExit(actor, other, heard, between, normals, name, say);
  }
  checkLinkEnd(actor, other, exits, between, name, say);
}

/** After the end of a link nothing arrives over it: at once for the side that ended it, later for the other. */
function checkUnlinked(
  history: History,
  actor: Actor,
  other: Actor,
  exits: Heard[],
  say: Say,
): void {
  const own = history.links.filter(({ by, to }) =>
    by === actor && to === other
  );
  const others = history.links.filter(({ by, to }) =>
    by === other && to === actor
  );
  const restAt = history.restAt ?? Infinity;
  const endedAt = own.at(-1)?.what === "unlink" && others.length === 0
    ? own.at(-1)!.at
    : others.at(-1)?.what === "unlink" && own.length === 0
    ? Math.max(others.at(-1)!.at, restAt)
    : Infinity;
  const late = exits.find(({ at, message: { reason } }) =>
    at > endedAt && reason !== "normal"
  );
  if (late !== undefined) {
    say(
      `${actor.id} heard ${
        inspect(late.message)
      } over a link that was ended before`,
    );
  }
}

function checkExit(
  actor: Actor,
  other: Actor,
  { at, message: { reason } }: Heard,
  between: LinkRecord[],
  normals: Sent[],
  name: string,
  say: Say,
): void {
  const since = between[0]?.at ?? Infinity;
  if (reason === "normal" && normals.some((sent) => sent.at < at)) return;
  const isTrue = isTold(actor.home, other, reason, since, at);
  if (!isTrue) say(`${name} told ${inspect(reason)}, which is not so`);
}

/** A link that existed when the other end exited, or the connection was lost, has reported it. */
function checkLinkEnd(
  actor: Actor,
  other: Actor,
  exits: Heard[],
  between: LinkRecord[],
  name: string,
  say: Say,
): void {
  if (isDead(actor)) return;
  const own = between.findLast(({ by, what }) =>
    by === actor && what !== "ask"
  );
  if (own === undefined || own.what === "unlink") return;
  if (between.some(({ by, what }) => by === other && what === "unlink")) return;
  const isLocal = actor.home === other.home;
  const wasLost = !isLocal && wasDown(actor.home, other.home.node, own.at);
  if (!isDead(other) && !wasLost) return;
  if (exits.some(({ at }) => at > own.at)) return;
  const trapped = actor.traps.filter(({ at }) => at < own.at).at(-1)?.on ===
      true && !actor.traps.some(({ at, on }) => at > own.at && !on);
  // Only a normal exit is not reported to a process that traps no exits.
  if (!trapped && isDead(other) && other.end?.reason === "normal") return;
  say(`${name} never told, and ${wasLost ? "it was lost" : "it ended"}`);
}
