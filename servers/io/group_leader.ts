/**
 * The group leader of a node: a process that owns a device and does input and output for others.
 *
 * @module
 */

import type { Interface } from "node:readline";
import nodeProcess from "node:process";
import { outside } from "../../runtime/context/async_context.ts";
import { printable, printableWithin } from "../../runtime/values/inspect.ts";
import { Pid, Ref } from "../../runtime/values/pid.ts";
import { type ReplyTarget, ReplyTo } from "../../runtime/values/reply_to.ts";
import type { LocalProcess } from "../../runtime/processes/local_process.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { builtin } from "../../runtime/host/builtin.ts";
import { standardOutput } from "../../runtime/host/output_stream.ts";
import { streamsStandIn } from "../../runtime/host/standard_streams.ts";
import { operationFromOtp, replyToOtp } from "./io_otp.ts";
import { PendingWrites } from "./pending_writes.ts";
import {
  type IoOperation,
  type IoRequest,
  isTyped,
} from "../../gen/messages.ts";
import { PendingReads } from "./pending_reads.ts";

/** The output and input of a node. */
export interface IoDevice {
  /**
   * Writes text.
   *
   * @param text The text, with its line feeds.
   */
  write(text: string): void | Promise<void>;
  /**
   * Reads a line; without it, there is no input.
   *
   * @param prompt The text to show before reading; the prompt of another node contains no terminal control
   *   sequences.
   * @param node The requesting node, if it is another one.
   * @returns The line with its line feed, or `undefined` at the end of the input.
   */
  readLine?(prompt: string, node?: string): Promise<string | undefined>;
}

/** Standard output and input, or their stand-in. */
export function standardIo(): IoDevice {
  let input: Interface | undefined;
  let lines: AsyncIterator<string> | undefined;
  return {
    write(text: string): void | Promise<void> {
      const standIn = streamsStandIn();
      // The promise holds back a process that prints faster than its output is read.
      return standIn?.write === undefined
        ? standardOutput.write(text)
        : standIn.write(text);
    },
    async readLine(
      prompt: string,
      node?: string,
    ): Promise<string | undefined> {
      const standIn = streamsStandIn();
      if (standIn !== undefined) return await standIn.readLine(prompt, node);
      await standardOutput.write(prompt);
      if (lines === undefined) {
        const { createInterface } = builtin("node:readline");
        input = outside(() => createInterface({ input: nodeProcess.stdin }));
        lines = input[Symbol.asyncIterator]();
      }
      const next = await lines.next();
      return next.done ? undefined : `${next.value}\n`;
    },
  };
}

/**
 * Starts the group leader of a node and makes it the one of the node's shell.
 *
 * It restarts when it exits, under the same name, as `user_sup` does in OTP: any process can kill it.
 * Processes whose group leader it was keep the pid of the dead one, and their output fails.
 */
export function startGroupLeader(runtime: Runtime, device: IoDevice): Pid {
  const process = runtime.spawn(() => serve(process, device), {
    label: "user",
  });
  runtime.register("user", process);
  process.abortSignal().addEventListener("abort", () => {
    if (!runtime.stopped) outside(() => startGroupLeader(runtime, device));
  });
  return process.pid;
}

/** A request that no group leader knows. */
const UNKNOWN = { type: "unknown" } as unknown as IoOperation;

async function serve(process: LocalProcess, device: IoDevice): Promise<never> {
  const reads = new PendingReads(process);
  const writes = new PendingWrites();
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
    const request = replyAs instanceof ReplyTo
      ? operationFromOtp(asked.request) ?? UNKNOWN
      : asked.request;
    const node = askingNode(process.runtime, from);
    const perform = async () => {
      if (!process.alive) return;
      answer(process, replyAs, await performOn(device, request, node));
    };
    // Output must not wait for people, but a prompt for the output before it.
    const isTaken = waitsForInput(request)
      ? reads.add({ from, node, perform: after(writes.settled, perform) })
      : writes.add({ request, node, perform });
    if (!isTaken) {
      answer(process, replyAs, { type: "error", reason: "system_limit" });
    }
  }
}

function after(
  before: Promise<void> | undefined,
  perform: () => Promise<void>,
): () => Promise<void> {
  return before === undefined ? perform : () => before.then(perform);
}

/** The other node that a process asks for: its own, or the one that it was started for. */
function askingNode(runtime: Runtime, from: Pid): string | undefined {
  return from.node === runtime.node ? runtime.find(from)?.origin : from.node;
}

function answer(
  process: LocalProcess,
  replyAs: ReplyTarget,
  value: unknown,
): void {
  if (!process.alive) return;
  const reply = (value: unknown) =>
    process.reply(
      replyAs,
      replyAs instanceof ReplyTo ? replyToOtp(value) : value,
    );
  try {
    reply(value);
  } catch (error) {
    // A line that is larger than the caller's node accepts.
    reply({ type: "error", reason: printable(String(error)) });
  }
}

function waitsForInput(request: IoOperation): boolean {
  return request?.type === "get_line" || request?.type === "get_chars" ||
    (request?.type === "requests" && Array.isArray(request.requests) &&
      request.requests.some(waitsForInput));
}

/** The longest prompt of another node that is shown, in characters. */
const MAX_PROMPT = 1000;

async function performOn(
  device: IoDevice,
  request: IoOperation,
  node: string | undefined,
): Promise<unknown> {
  try {
    switch (request?.type) {
      case "put_chars":
        await device.write(String(request.chars));
        return "ok";
      case "get_line": {
        const prompt = String(request.prompt);
        const line = await device.readLine?.(
          node === undefined ? prompt : printable(prompt.slice(0, MAX_PROMPT)),
          node,
        );
        return line === undefined ? "eof" : { line };
      }
      case "requests": {
        let last: unknown = "ok";
        for (const each of request.requests) {
          last = await performOn(device, each, node);
          if (isTyped(last, "error")) break;
        }
        return last;
      }
      default:
        return { type: "error", reason: "request" };
    }
  } catch (error) {
    return { type: "error", reason: reasonOf(error) };
  }
}

/** Why a device failed: the system's code, as Erlang has it, or a text. */
function reasonOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === "string"
    ? printableWithin(code.toLowerCase(), 64)
    : printableWithin(String(error), 1024);
}
