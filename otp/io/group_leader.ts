/** The group leader of a node: a process that owns a device, and reads and writes for other processes. */

import { outside } from "../../core/context/async_context.ts";
import { printable } from "../../core/values/inspect.ts";
import { Pid, Ref } from "../../core/values/pid.ts";
import { type ReplyTarget, ReplyTo } from "../../core/values/reply_to.ts";
import type { LocalProcess } from "../../core/processes/local_process.ts";
import type { Runtime } from "../../core/processes/runtime.ts";
import { PendingWrites } from "./pending_writes.ts";
import { type IoRequest, isTyped } from "../gen/messages.ts";
import type { IoDevice } from "./io_device.ts";
import {
  type IoResult,
  type LeaderOperation,
  LeaderOperations,
} from "./leader_operations.ts";
import { PendingReads } from "./pending_reads.ts";

type OtpEncoding = typeof import("./leader_otp.ts");

/**
 * Starts the group leader of a node, and registers it as `user`.
 *
 * Any process can kill the leader, so a new one starts under its name, as in OTP. Processes that had the dead leader
 * keep its pid, and their output fails.
 */
export function startGroupLeader(runtime: Runtime, device: IoDevice): Pid {
  const process = runtime.spawn(() => serveDevice(process, device), {
    label: "user",
  });
  runtime.register("user", process);
  process.abortSignal().addEventListener("abort", () => {
    if (!runtime.stopped) outside(() => startGroupLeader(runtime, device));
  });
  return process.pid;
}

/** Serves a device for the processes whose group leader the process is. */
export async function serveDevice(
  process: LocalProcess,
  device: IoDevice,
): Promise<never> {
  const reads = new PendingReads(process);
  const writes = new PendingWrites();
  const operations = new LeaderOperations(device);
  let otp: OtpEncoding | undefined;
  for (;;) {
    const message = await process.mailbox.receive(
      undefined,
      undefined,
      process,
    );
    process.assertAlive();
    if (!isTyped(message, "io_request")) continue;
    const { from, replyAs, ...asked } = message as unknown as IoRequest;
    if (
      !(from instanceof Pid) ||
      !(replyAs instanceof Ref || replyAs instanceof ReplyTo) ||
      replyAs.node !== from.node
    ) continue;
    if (replyAs instanceof ReplyTo && otp === undefined) {
      otp = await import("./leader_otp.ts");
      process.assertAlive();
    }
    const request = replyAs instanceof ReplyTo
      ? otp!.operationFromOtp(asked.request)
      : asked.request;
    const node = askingNode(process.runtime, from);
    const reply = (result: IoResult) =>
      answer(
        process,
        replyAs,
        result,
        replyAs instanceof ReplyTo
          ? (result) => otp!.replyToOtp(result, operations.isBinary(node))
          : ownReply,
      );
    const perform = async () => {
      if (!process.alive) return;
      reply(await operations.perform(request, node));
    };
    // Output must not wait for people, but a prompt for the output before it.
    const isTaken = waitsForInput(request)
      ? reads.add({ from, node, perform: after(writes.settled, perform) })
      : writes.add({ request, node, perform });
    if (!isTaken) {
      reply({ type: "error", reason: "system_limit" });
    }
  }
}

function after(
  before: Promise<void> | undefined,
  perform: () => Promise<void>,
): () => Promise<void> {
  return before === undefined ? perform : () => before.then(perform);
}

/** The other node that `from` acts for: its own node, or the node that started it here. */
function askingNode(runtime: Runtime, from: Pid): string | undefined {
  return from.node === runtime.node
    ? runtime.find(from)?.cold?.origin
    : from.node;
}

function answer(
  process: LocalProcess,
  replyAs: ReplyTarget,
  result: IoResult,
  encode: (result: IoResult) => unknown,
): void {
  if (!process.alive) return;
  const reply = (result: IoResult) => process.reply(replyAs, encode(result));
  try {
    reply(result);
  } catch (error) {
    // The line is larger than the caller's node accepts.
    try {
      reply({ type: "error", reason: printable(String(error)) });
    } catch {
      // The tag of a BEAM's call can alone be as large as a message.
      const ref = replyAs instanceof Ref ? replyAs : replyAs.monitor;
      if (ref !== undefined) {
        process.runtime.failMonitor(process, ref, "system_limit");
      }
    }
  }
}

/** Encodes a result for nodes of this library. */
function ownReply(result: IoResult): unknown {
  return typeof result === "object" && result.type === "text"
    ? { [result.of]: result.text }
    : result;
}

const INPUT = ["get_line", "get_chars"];

function waitsForInput(request: LeaderOperation): boolean {
  return INPUT.includes(request?.type) ||
    (request?.type === "requests" && Array.isArray(request.requests) &&
      request.requests.some(waitsForInput));
}
