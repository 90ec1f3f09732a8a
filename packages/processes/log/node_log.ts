/**
 * The log of a node: all events pass here on their way to the log hook.
 *
 * No event may harm the node that reports it. So events are created only if they pass, and their number is limited
 * three times: for each cause, for each peer and all peers together, and in total, as OTP's logger handlers limit
 * bursts. Beyond a limit, events are counted, and one line reports their number. Messages are cut and escaped, so
 * that no event looks like two.
 */

import type { Clock } from "../host/clock.ts";
import { outside } from "../context/async_context.ts";
import {
  type LogEvent,
  type LogFilter,
  type LogHook,
  type LogLevel,
  type RuntimeEvent,
  safeLog,
  standardLog,
  type TraceIds,
} from "./log_event.ts";
import { LOG_LEVELS, rankOf } from "./log_level.ts";
import { tracing } from "../context/tracing.ts";
import {
  inspectArgument,
  printableLine,
  printableWithin,
} from "../values/inspect.ts";
import { exitLine } from "./event_text.ts";

/** The maximum length of a message, in characters. */
const MAX_MESSAGE = 16_384;

/** The maximum length of a single-line message. */
const MAX_LINE = 2048;

/** The maximum number of separately counted causes; further causes are counted together. */
const MAX_CAUSES = 256;

interface Limit {
  /** The number of events that pass in a window. */
  most: number;
  /** The length of a window, in milliseconds. */
  time: number;
}

const OF_CAUSE: Limit = { most: 10, time: 10_000 };
const OF_PEER: Limit = { most: 50, time: 10_000 };
const OF_PEERS: Limit = { most: 200, time: 10_000 };
/** The burst limit of OTP's handlers. */
const IN_ALL: Limit = { most: 500, time: 1000 };

/** The cause of a frequent event. */
export interface LogCause {
  /** The kind of event, in the plural, for the line that counts suppressed events. */
  what: string;
  /** The node that causes the events. */
  peer?: string;
  /**
   * The number of events that pass in 10 seconds.
   *
   * @default {10}
   */
  most?: number;
}

interface Window {
  level: LogLevel;
  until: number;
  lines: number;
  most: number;
  stop: (() => void) | undefined;
}

/** Windows by the name of their suppressed events. */
type Windows = Map<string, Window>;

export interface NodeLogOptions {
  node: string;
  /** Receives the events that pass. */
  hook: LogHook;
  /**
   * The least severe level that passes.
   *
   * @default {"debug"}
   */
  level?: LogLevel | "none";
  /**
   * Drops or replaces events that pass.
   *
   * @default {undefined}
   */
  filter?: LogFilter;
  clock: Pick<Clock, "now" | "after">;
}

export class NodeLog {
  readonly #node: string;
  readonly #hook: LogHook;
  #level: LogLevel | "none";
  #least: number;
  filter: LogFilter | undefined;
  /** Receives the events after the filter, besides the hook; must not throw. */
  tap: LogHook | undefined;
  /** Sends events after the filter to other nodes; must not throw. */
  relay: LogHook | undefined;
  readonly #clock: NodeLogOptions["clock"];
  /** The windows of local causes, of peers and their causes, and of totals. */
  readonly #own: Windows = new Map();
  readonly #peers: Windows = new Map();
  readonly #totals: Windows = new Map();

  constructor({ node, hook, clock, level, filter }: NodeLogOptions) {
    this.#node = node;
    this.#clock = clock;
    this.#level = level ?? "debug";
    this.#least = rankOf(this.#level);
    this.filter = filter;
    this.#hook = safeLog((event) => {
      const logged = this.#filtered(event);
      if (logged === undefined) return;
      this.tap?.(logged);
      this.relay?.(logged);
      return hook(logged);
    });
  }

  get level(): LogLevel | "none" {
    return this.#level;
  }

  set level(level: LogLevel | "none") {
    this.#level = level;
    this.#least = rankOf(level);
  }

  /** Whether events of a level pass. */
  logs(level: LogLevel): boolean {
    return LOG_LEVELS.indexOf(level) >= this.#least;
  }

  /**
   * Reports an event within the limits; never throws.
   *
   * @param event Creates the event, or its message; called only if the event passes.
   * @param cause Set if the event may be frequent, or is caused by a peer.
   */
  report(
    level: LogLevel,
    event: () => RuntimeEvent | string,
    cause?: LogCause,
  ): void {
    if (!this.logs(level) || !this.#passes(level, cause)) return;
    let made: RuntimeEvent | string;
    try {
      made = event();
    } catch {
      // A value in the event threw while it was described.
      made = "Cannot describe an event: its description threw";
    }
    this.#write(typeof made === "string" ? { level, message: made } : made);
  }

  /** Passes on an event of another node of this program, already limited and escaped there. */
  forward(event: LogEvent): void {
    if (this.logs(event.level) && this.#passes(event.level, undefined)) {
      this.#hook(event);
    }
  }

  /** Reports a one-line message, which may contain text from other nodes. */
  line(
    level: LogLevel,
    message: string | (() => string),
    cause?: LogCause,
  ): void {
    this.report(
      level,
      () =>
        printableLine(
          typeof message === "string" ? message : message(),
          MAX_LINE,
        ),
      cause,
    );
  }

  #passes(level: LogLevel, cause: LogCause | undefined): boolean {
    return (cause === undefined || this.#isAllowed(level, cause)) &&
      this.#take(this.#totals, level, "events", IN_ALL);
  }

  #isAllowed(
    level: LogLevel,
    { what, peer, most = OF_CAUSE.most }: LogCause,
  ): boolean {
    const limit = { ...OF_CAUSE, most };
    if (peer === undefined) return this.#take(this.#own, level, what, limit);
    const own = `events caused by ${peer}`;
    const all = "events caused by peers";
    // Beyond its share, a peer is not counted by cause, because it could make up causes.
    if (this.#isFull(this.#totals, all)) {
      return this.#take(this.#totals, level, all, OF_PEER);
    }
    if (this.#isFull(this.#peers, own)) {
      return this.#take(this.#peers, level, own, OF_PEER);
    }
    return this.#take(this.#peers, level, `${what} by ${peer}`, limit) &&
      this.#take(this.#peers, level, own, OF_PEER) &&
      this.#take(this.#totals, level, all, OF_PEERS);
  }

  #isFull(windows: Windows, name: string): boolean {
    const window = windows.get(name);
    return window !== undefined && window.lines >= window.most &&
      this.#clock.now() < window.until;
  }

  /** Counts an event; returns whether its window has room for it. */
  #take(
    windows: Windows,
    level: LogLevel,
    name: string,
    { most, time }: Limit,
  ): boolean {
    const now = this.#clock.now();
    let window = windows.get(name);
    if (window === undefined && windows.size >= MAX_CAUSES) {
      this.#endOld(windows, now);
      if (windows.size >= MAX_CAUSES) {
        name = "events of other causes";
        window = windows.get(name);
      }
    }
    if (window === undefined || now >= window.until) {
      if (window !== undefined) this.#end(windows, name, window);
      window = { level, until: now + time, lines: 0, most, stop: undefined };
      windows.set(name, window);
    }
    if (++window.lines <= window.most) return true;
    const full = window;
    window.stop ??= outside(() =>
      this.#clock.after(full.until - now, () => {
        full.stop = undefined;
        if (windows.get(name) === full) this.#end(windows, name, full);
      })
    );
    return false;
  }

  /** Ends the windows whose time has passed. */
  #endOld(windows: Windows, now: number): void {
    for (const [name, window] of windows) {
      if (now >= window.until) this.#end(windows, name, window);
    }
  }

  /** Ends a window, and reports the number of suppressed events. */
  #end(
    windows: Windows,
    name: string,
    { level, lines, most, stop }: Window,
  ): void {
    stop?.();
    windows.delete(name);
    if (lines <= most) return;
    this.#write({ level, message: `${lines - most} more of these: ${name}` });
  }

  /** Returns the event that the filter passes, if any. If the filter fails, the event passes unchanged. */
  #filtered(event: LogEvent): LogEvent | undefined {
    if (this.filter === undefined) return event;
    let failure: string;
    try {
      const result: unknown = this.filter(event);
      if (result === true) return event;
      if (result === false) return undefined;
      if (isEvent(result)) {
        return { ...result, message: messageText(result.message) };
      }
      // A rejection would end the program.
      if (result instanceof Promise) result.catch(() => {});
      failure = `it returned ${
        inspectArgument(result)
      }; return true, false or an event`;
    } catch (error) {
      failure = `it threw: ${exitLine(error)}`;
    }
    const message = messageText(`Cannot filter the log: ${failure}`);
    standardLog({ level: "error", node: this.#node, message });
    return event;
  }

  #write(event: RuntimeEvent): void {
    const message = messageText(event.message);
    const { crash, supervisor, remote } = event;
    const pid = event.pid ?? crash?.pid ?? supervisor?.supervisor ??
      remote?.pid;
    const label = event.label ?? crash?.label;
    const trace = event.trace ?? traceIds();
    this.#hook({
      ...event,
      node: this.#node,
      message,
      ...pid === undefined ? {} : { pid },
      ...label === undefined ? {} : { label },
      ...trace === undefined ? {} : { trace },
    });
  }

  /** Reports the suppressed events of open windows, and ends. */
  stop(): void {
    for (const windows of [this.#own, this.#peers, this.#totals]) {
      this.#endOld(windows, Infinity);
    }
  }
}

/** Indents the later lines of a message, so that it cannot look like two events. */
function messageText(message: string): string {
  return printableWithin(message, MAX_MESSAGE).replace(/\n(?! )/g, "\n    ");
}

function isEvent(value: unknown): value is LogEvent {
  if (typeof value !== "object" || value === null) return false;
  const { level, message, node } = value as Partial<LogEvent>;
  return LOG_LEVELS.includes(level as LogLevel) &&
    typeof message === "string" && typeof node === "string";
}

function traceIds(): TraceIds | undefined {
  const trace = tracing?.current();
  if (trace === undefined) return undefined;
  const [, traceId, spanId] = trace.split("-");
  return { traceId, spanId };
}
