/**
 * Lives of calls, casts and aliases.
 *
 * Each node has a server. Clients call it with short timeouts, or signals that are aborted, and cast to it; it answers at once, later,
 * through another process, or never, and stops or crashes meanwhile. Clients also send requests by hand, each
 * with a monitor whose reference is an alias of one of the three modes, or with an alias for one reply without a
 * monitor, and receive several answers to it. The
 * races: an answer arrives with the timeout, or after it; a DOWN and an answer arrive at the same time; a
 * connection is lost between a request and its answer, and is made again before the answer.
 *
 * A call ends in time: with its own answer, or with a true reason. No message of it arrives later. A server
 * receives the requests of one client once and in order, and misses one only if a connection was lost. An alias
 * delivers answers until it ends according to its mode, and none after; a DOWN arrives once, or never if the
 * monitor ended before.
 */

import { ExitError } from "../../../packages/processes/errors.ts";
import {
  type From,
  GenServer,
} from "../../../packages/servers/gen_server/gen_server.ts";
import {
  type AliasMode,
  exit,
  isDown,
  Process,
  type Ref,
  send,
  spawn,
} from "../../../packages/processes/process.ts";
import { inspect } from "../../../packages/processes/values/inspect.ts";
import {
  type Actor,
  type Incarnation,
  livesTest,
  pick,
  type Property,
  type Scene,
  type World,
} from "../../_simulated_lives.ts";

const TIMEOUTS = [1, 20, 100, 1000];
const DELAYS = [0, 1, 19, 100, 900];
/** The modes of a monitor's alias, and `Process.alias({ reply: true })`, which has no monitor. */
const MODES: readonly (AliasMode | "reply")[] = [
  "explicit_unalias",
  "demonitor",
  "reply_demonitor",
  "reply",
];

/** The reason of the signals that end calls in place of a timeout. */
const ABORTED = Symbol("aborted");

type How = "reply" | "later" | "other" | "never" | "stop" | "crash";
const HOWS: readonly How[] = [
  "reply",
  "reply",
  "later",
  "other",
  "other",
  "never",
  "stop",
  "crash",
];

/** A signal that is aborted after that many milliseconds, if the calling process's node is alive then. */
function abortedAfter(ms: number): AbortSignal {
  const controller = new AbortController();
  spawn(async () => {
    // safe: virtual time
    await Process.sleep(ms);
    controller.abort(ABORTED);
  });
  return controller.signal;
}

/** A request to a server: the client, and the number of its earlier requests to that server. */
interface Request {
  by: number;
  n: number;
  how: How;
  delay: number;
}

/** A request that a client sent. */
interface Asked extends Request {
  at: number;
  node: string;
}

/** A request for answers by hand: their receiver, and their number. */
interface Question {
  question: number;
  to: Ref;
  delays: number[];
}

/** A question with an alias. */
interface AliasRecord {
  by: Actor;
  server: Incarnation;
  mode: AliasMode | "reply";
  ref: Ref;
  at: number;
  answers: number;
  /** When its monitor, or its alias, was ended explicitly. */
  demonitoredAt: number;
  unaliasedAt: number;
}

/** A server, from its start to its end. */
interface ServerLife {
  home: Incarnation;
  startedAt: number;
  endedAt: number;
  got: (Request & { at: number })[];
}

class CallsScene implements Scene {
  readonly #world: World;
  readonly #servers: ServerLife[] = [];
  readonly #asked: Asked[] = [];
  readonly #aliases: AliasRecord[] = [];
  readonly #counts = new Map<string, number>();
  /** The answers to questions that servers sent. */
  readonly #sent: { at: number; home: Incarnation; to: Ref }[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  begin(home: Incarnation): void {
    this.#world.actor(home, true, () => this.#start(home));
    this.#world.actor(home, true);
  }

  async #start(home: Incarnation): Promise<void> {
    const world = this.#world;
    const life: ServerLife = {
      home,
      startedAt: world.tick(),
      endedAt: Infinity,
      got: [],
    };
    const answer = async (from: From, { delay, n }: Request) => {
      // safe: virtual time
      await Process.sleep(delay);
      GenServer.reply(from, n);
    };
    const answers = this.#sent;
    const got = (request: Request) =>
      void life.got.push({ ...request, at: world.tick() });
    await GenServer.start(
      {
        init: () => ({ type: "ok", state: 0 }),
        handleCall(request: Request, from: From, state: number) {
          got(request);
          const { how, n } = request;
          switch (how) {
            case "reply":
              return { type: "reply", reply: n, state };
            case "later":
              spawn(() => answer(from, request));
              return { type: "noreply", state };
            case "other":
              // Twice: the second answer is one too many.
              spawn(() => answer(from, request));
              spawn(() =>
                answer(from, { ...request, delay: request.delay + 1 })
              );
              return { type: "noreply", state };
            case "stop":
              life.endedAt = world.tick();
              return { type: "stop", reason: "shutdown", reply: n, state };
            case "crash":
              life.endedAt = world.tick();
              return exit({ crashed: n });
            case "never":
              return { type: "noreply", state };
          }
        },
        handleCast(request: Request, state: number) {
          got(request);
          return { type: "noreply", state };
        },
        handleInfo(message: Question, state: number) {
          for (const [i, delay] of message.delays.entries()) {
            const say = () => {
              answers.push({ at: world.tick(), home, to: message.to });
              void send(message.to, { answer: i, to: message.to });
            };
            if (delay === 0) say();
            else {
              spawn(async () => {
                // safe: virtual time
                await Process.sleep(delay);
                say();
              });
            }
          }
          return { type: "noreply", state };
        },
      },
      undefined,
      { name: "server" },
    );
    this.#servers.push(life);
  }

  act(what: string, a: number, b: number, c: number): void {
    const world = this.#world;
    const by = world.liveActor(a);
    if (by === undefined) return;
    const node = pick(world.nodes, b)!;
    const server = { name: "server", node };
    switch (what) {
      case "call":
      case "cast":
        return by.order(what, async () => {
          const request: Request = {
            by: by.id,
            n: this.#next(by, node),
            how: what === "cast" ? "never" : pick(HOWS, c)!,
            delay: pick(DELAYS, a + b + c)!,
          };
          this.#asked.push({ ...request, at: world.tick(), node });
          if (what === "cast") {
            await GenServer.cast(server, request);
          } else await this.#call(by, server, request, pick(TIMEOUTS, b + c)!);
        });
      case "ask":
        return by.order(what, () => {
          const mode = pick(MODES, c)!;
          const delays = [0, 1, 40, 500].slice(a % 2, 1 + b % 4);
          const at = world.tick();
          const ref = mode === "reply"
            ? Process.alias({ reply: true })
            : Process.monitor(server, { alias: mode });
          const question: Question = { question: by.id, to: ref, delays };
          this.#aliases.push({
            by,
            server: world.home(node),
            mode,
            ref,
            at,
            answers: delays.length,
            demonitoredAt: Infinity,
            unaliasedAt: Infinity,
          });
          void send(server, question);
        });
      case "demonitor":
      case "unalias": {
        return by.order(what, () => {
          const own = this.#aliases.filter((each) =>
            each.by === by && (what === "unalias" || each.mode !== "reply")
          );
          const record = pick(own.slice(-3), b);
          if (record === undefined) return;
          if (what === "demonitor") {
            Process.demonitor(record.ref, { flush: true });
            record.demonitoredAt = Math.min(record.demonitoredAt, world.tick());
          } else {
            Process.unalias(record.ref);
            record.unaliasedAt = Math.min(record.unaliasedAt, world.tick());
          }
        });
      }
      case "start": {
        const home = world.home(world.liveNode(b));
        const isThere = this.#servers.some((life) =>
          life.home === home && life.endedAt === Infinity
        );
        if (!isThere) world.actor(home, true, () => this.#start(home));
      }
    }
  }

  #next(by: Actor, node: string): number {
    const key = `${by.id} ${node}`;
    const n = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, n);
    return n;
  }

  async #call(
    by: Actor,
    server: { name: string; node: string },
    request: Request,
    timeout: number,
  ): Promise<void> {
    const world = this.#world;
    const say = (text: string) =>
      world.wrong.push(`call ${by.id}.${request.n} of ${server.node} ${text}`);
    const from = world.cluster.now();
    const at = world.tick();
    const options = request.n % 2 === 0
      ? { timeout }
      : { timeout: Infinity, signal: abortedAfter(timeout) };
    try {
      const reply = await GenServer.call(server, request, options);
      if (reply !== request.n) say(`got the answer ${reply}`);
      if (request.how === "never") say("was answered, and never is");
    } catch (error) {
      if (error !== ABORTED) {
        if (!(error instanceof ExitError) || !by.isAlive) throw error;
        const { reason } = error.reason as { reason: unknown };
        this.#checkReason(by, server.node, reason, at, say);
      }
    }
    const took = world.cluster.now() - from;
    if (took > timeout + 0.001) say(`took ${took} ms of ${timeout}`);
  }

  #checkReason(
    { home }: Actor,
    node: string,
    reason: unknown,
    at: number,
    say: (text: string) => void,
  ): void {
    const type = (reason as { type?: string }).type;
    if (reason === "timeout") return;
    if (type === "nodedown") {
      const wasDown = home.downs.some((down) =>
        down.node === node && down.at > at
      );
      if (!wasDown) say("failed for a node that was not down");
    } else if (reason === "noproc") {
      const isThere = this.#servers.some((life) =>
        life.home.node === node && life.startedAt < at &&
        Math.min(life.endedAt, life.home.endedAt) === Infinity
      );
      if (isThere) say("found no server");
    } else if (reason === "shutdown" || typeof reason === "object") {
      const hasEnded = this.#servers.some((life) =>
        life.home.node === node &&
        Math.min(life.endedAt, life.home.endedAt) < Infinity
      );
      if (!hasEnded) say(`failed by ${inspect(reason)}, and nobody ended`);
    } else say(`failed by ${inspect(reason)}`);
  }

  check(): string[] {
    return [
      ...this.#servers.flatMap((life) => this.#order(life)),
      ...this.#world.actors.flatMap((actor) => this.#mail(actor)),
      ...this.#aliases.flatMap((record) => this.#alias(record)),
    ];
  }

  /** Requests arrive once and in order, and none is missing unless a connection was lost. */
  #order({ home, got, startedAt, endedAt }: ServerLife): string[] {
    const wrong: string[] = [];
    const last = new Map<number, Request>();
    for (const request of got) {
      const { by, n } = request;
      const before = last.get(by)?.n ?? 0;
      if (n <= before) {
        wrong.push(`request ${by}.${n} came to ${home.node} after ${before}`);
      }
      last.set(by, request);
    }
    const client = (by: number) => this.#world.actors[by].home;
    for (const { by, n, at, node } of this.#asked) {
      if (node !== home.node || at < startedAt) continue;
      if (got.some((each) => each.by === by && each.n === n)) continue;
      const later = got.find((each) => each.by === by && each.n > n);
      if (later === undefined || later.at > endedAt) continue;
      if (this.#world.wasParted(client(by), home, at, later.at)) continue;
      wrong.push(
        `request ${by}.${n} never came to ${node}, and ${by}.${later.n} did`,
      );
    }
    return wrong;
  }

  /** Only answers to questions, and their DOWNs, arrive. */
  #mail(actor: Actor): string[] {
    const own = this.#aliases.filter(({ by }) => by === actor);
    return actor.heard.filter(({ message }) =>
      message?.answer === undefined &&
      !(isDown(message) && own.some(({ ref }) => ref.equals(message.ref)))
    ).map(({ message }) => `${actor.id} heard ${inspect(message)}`);
  }

  #alias(record: AliasRecord): string[] {
    const { by, mode, ref, demonitoredAt, unaliasedAt } = record;
    const wrong: string[] = [];
    const say = (text: string) =>
      wrong.push(`the alias ${mode} of ${by.id} ${text}`);
    const downs = by.heard.filter(({ message }) =>
      isDown(message) && ref.equals(message.ref)
    );
    if (downs.length > 1) say(`heard ${downs.length} DOWNs`);
    const down = downs[0]?.at ?? Infinity;
    if (down < Infinity && down > demonitoredAt) say("heard a late DOWN");
    const answers = this.#answers.get(ref) ?? [];
    if (answers.length > record.answers) say("was answered twice");
    const end = mode === "explicit_unalias"
      ? unaliasedAt
      : Math.min(unaliasedAt, demonitoredAt, down);
    for (const at of answers) {
      if (at > end) say("was answered after its end");
    }
    if (mode === "reply" && downs.length > 0) say("heard a DOWN");
    if (mode === "reply" || mode === "reply_demonitor") {
      if (answers.length > 1) say(`was answered ${answers.length} times`);
      if (answers.length > 0 && down < Infinity) {
        say("was answered, and heard a DOWN");
      }
    }
    if (!by.isAlive) return wrong;
    const wasSent = this.#sent.some(({ to, at, home }) =>
      to.equals(ref) && !this.#world.wasParted(by.home, home, at, Infinity)
    );
    const isOpen = Math.min(unaliasedAt, demonitoredAt, down) === Infinity;
    if (wasSent && isOpen && answers.length === 0) say("never got an answer");
    const { node } = record.server;
    const wasParted = by.home.downs.some((down) =>
      down.node === node && down.at > record.at
    );
    const isWatching = mode !== "reply" &&
      (mode !== "reply_demonitor" || answers.length === 0);
    if (
      wasParted && demonitoredAt === Infinity && isWatching &&
      downs.length === 0
    ) say("never heard a DOWN");
    return wrong;
  }

  /** When each question was answered. */
  get #answers(): Map<Ref, number[]> {
    return new Map(this.#aliases.map(({ by, ref }) => [
      ref,
      by.heard.filter(({ message }) => message?.to?.equals?.(ref)).map((
        { at },
      ) => at),
    ]));
  }
}

/** Calls, casts, and aliases of monitors. */
const CALLS: Property = {
  actions: { call: 14, cast: 4, ask: 10, demonitor: 3, unalias: 2, start: 4 },
  scene: (world) => new CallsScene(world),
};

livesTest("calls", CALLS, 60);
