/**
 * The messages of one process as they arrive and leave, as Erlang's `dbg` and `recon_trace` show them.
 *
 * A trace overrides methods of the traced process's objects to report each message. So an untraced process pays nothing.
 * The trace ends at its limit, after its time, when the process exits, or when it is stopped; the end restores the
 * methods of the class.
 *
 * Messages that a trace itself sends are not traced: two traced processes that show each other's messages would otherwise
 * send messages for ever, within one call.
 *
 * A trace does not show signals that the runtime sends for the process: links, monitors and exit signals.
 */

import type { Entry, LocalProcess } from "@otp/processes/process/local_process";
import type { Wait } from "@otp/processes/process/links_and_monitors";
import type { Ref } from "@otp/processes/values/pid";
import { ServerMessage } from "@otp/processes/values/server_message";
import { formatExit } from "@otp/processes/values/exit_reason";
import { valueText } from "./observed_texts.ts";
import type { TracedMessage } from "./observed_terms.ts";

/** The maximum length of a message's text, and the number of concurrent traces of a node. */
const MAX_TEXT = 500;
const MAX_TRACES = 8;

/** The interval at which a trace finds that its process has exited, in milliseconds. */
const CHECK_INTERVAL = 100;

export interface TraceLimits {
  /** The number of messages. */
  limit: number;
  /** The maximum time, in milliseconds. */
  timeout: number;
}

const traced = new WeakMap<object, Set<LocalProcess>>();

/** Whether a trace is sending a message about a traced message. */
let isNoting = false;

export type TraceStart = "ok" | "noproc" | "already_traced" | "too_many";

/**
 * Traces a process.
 *
 * @param limits When the trace ends.
 * @param note Called for each message; must not throw.
 * @param ended Called when the trace ends by itself.
 * @returns A function that ends the trace, or the reason why it was not started.
 */
export function traceMessages(
  process: LocalProcess,
  { limit, timeout }: TraceLimits,
  note: (message: TracedMessage) => void,
  ended: () => void,
): (() => void) | Exclude<TraceStart, "ok"> {
  const { runtime } = process;
  let all = traced.get(runtime);
  if (all === undefined) traced.set(runtime, all = new Set());
  if (all.has(process)) return "already_traced";
  if (all.size >= MAX_TRACES) return "too_many";
  if (!process.alive) return "noproc";
  all.add(process);
  let left = limit;
  let isOver = false;
  const add = (type: "receive" | "send", message: unknown, to?: unknown) => {
    if (left <= 0 || isOver || isNoting) return;
    left--;
    isNoting = true;
    try {
      note({
        at: Date.now(),
        type,
        to: to === undefined ? undefined : String(to),
        message: textOf(message),
      });
    } finally {
      isNoting = false;
    }
    // Not within the send: the methods that `finish` restores are running.
    if (left === 0) queueMicrotask(finish);
  };
  const stopTimer = runtime.deadlines.after(timeout, () => finish());
  const stopChecks = runtime.deadlines.every(CHECK_INTERVAL, () => {
    if (!process.alive) finish();
  });
  const restore = replaceMethods(process, add);
  // Finish after the start has been reported.
  if (left <= 0) queueMicrotask(() => finish());
  const stop = () => {
    if (isOver) return;
    isOver = true;
    stopTimer();
    stopChecks();
    restore();
    all.delete(process);
  };
  const finish = () => {
    if (isOver) return;
    stop();
    if (!process.alive) {
      const message = formatExit(process.exitReason).slice(0, MAX_TEXT);
      note({ at: Date.now(), type: "exit", to: undefined, message });
    }
    ended();
  };
  return stop;
}

type Note = (type: "receive" | "send", message: unknown, to?: unknown) => void;

/** Replaces the methods by which messages arrive and leave; returns a function that restores them. */
function replaceMethods(process: LocalProcess, note: Note): () => void {
  const { mailbox } = process;
  const { push } = mailbox;
  const { send, sendName, sendAlias, reply, addEntry } = process;
  const restoreMailbox = overlay(mailbox, {
    push(...args: Parameters<typeof push>) {
      note("receive", args[0]);
      push.apply(mailbox, args);
    },
  });
  const restoreProcess = overlay(process, {
    send(...args: Parameters<typeof send>) {
      note("send", args[1], args[0]);
      return send.apply(process, args);
    },
    sendName(name: string, node: string, message: unknown) {
      note("send", message, `${name} on ${node}`);
      return sendName.call(process, name, node, message);
    },
    sendAlias(alias: Ref, message: unknown) {
      note("send", message, alias);
      return sendAlias.call(process, alias, message);
    },
    reply(...args: Parameters<typeof reply>) {
      const [to, value] = args;
      note("send", value, "pid" in to ? to.pid : to);
      reply.apply(process, args);
    },
    addEntry(entry: Entry) {
      const isNew = process.entries?.get(entry.ref.number) !== entry;
      if (isNew && entry.wait !== undefined) noteReply(entry.wait, note);
      addEntry.call(process, entry);
    },
  });
  return () => {
    restoreMailbox();
    restoreProcess();
  };
}

/**
 * Overrides methods of one object; returns a function that removes the overrides.
 *
 * The overrides are in an additional prototype, since V8 makes an object slow for good if it gains and loses properties.
 */
function overlay(object: object, methods: object): () => void {
  const before = Object.getPrototypeOf(object);
  Object.setPrototypeOf(object, Object.assign(Object.create(before), methods));
  return () => void Object.setPrototypeOf(object, before);
}

/** Notes the answer to a call, which does not pass the mailbox. */
function noteReply(wait: Wait, note: Note): void {
  const { reply } = wait;
  wait.reply = (...args: Parameters<typeof reply>) => {
    note("receive", args[0]);
    reply.apply(wait, args);
  };
}

function textOf(message: unknown): string {
  return valueText(
    message instanceof ServerMessage ? message.fields() : message,
    MAX_TEXT,
  );
}
