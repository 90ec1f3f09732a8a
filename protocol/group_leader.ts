/**
 * The group leader of a node: a process that owns a device and does input and output for others.
 *
 * @module
 */

import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import nodeProcess from "node:process";
import { outside } from "../runtime/context.ts";
import { printable } from "../runtime/inspect.ts";
import { Pid, Ref } from "../runtime/pid.ts";
import type { Process } from "../runtime/process.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { streamsStandIn } from "../runtime/streams.ts";
import { type IoOperation, type IoRequest, isTyped } from "./messages.ts";
import { PendingReads } from "./pending_reads.ts";

/** Where a node's output goes and its input comes from. */
export interface IoDevice {
  /**
   * Writes text.
   *
   * @param text The text, with its line feeds.
   */
  write(text: string): void | Promise<void>;
  /**
   * Reads a line; without it, input has ended.
   *
   * @param prompt Shown before reading; one of another node has nothing in it that steers a terminal.
   * @param node The node that asks, if it is another one.
   * @returns The line with its line feed, or `undefined` at the end.
   */
  readLine?(prompt: string, node?: string): Promise<string | undefined>;
}

/** Standard output and input, or what stands in for them. */
export function standardIo(): IoDevice {
  let input: Interface | undefined;
  let lines: AsyncIterator<string> | undefined;
  return {
    write(text: string): void | Promise<void> {
      const standIn = streamsStandIn();
      if (standIn?.write !== undefined) return standIn.write(text);
      if (nodeProcess.stdout.write(text)) return;
      // Whoever prints faster than it is read is held back; `once` rejects on an error.
      return once(nodeProcess.stdout, "drain").then(() => {});
    },
    async readLine(
      prompt: string,
      node?: string,
    ): Promise<string | undefined> {
      const standIn = streamsStandIn();
      if (standIn !== undefined) return await standIn.readLine(prompt, node);
      nodeProcess.stdout.write(prompt);
      if (lines === undefined) {
        input = outside(() => createInterface({ input: nodeProcess.stdin }));
        lines = input[Symbol.asyncIterator]();
      }
      const next = await lines.next();
      return next.done ? undefined : `${next.value}\n`;
    },
  };
}

/** Starts the group leader of a node and makes it the one of the node's shell. */
export function startGroupLeader(runtime: Runtime, device: IoDevice): Pid {
  const process = runtime.spawn(() => serve(process, device), {
    label: "user",
  });
  runtime.register("user", process);
  return process.pid;
}

async function serve(process: Process, device: IoDevice): Promise<never> {
  const reads = new PendingReads(process);
  for (;;) {
    const message = await process.mailbox.receive(
      undefined,
      undefined,
      process,
    );
    process.assertAlive();
    if (!isTyped(message, "io_request")) continue;
    const { from, request, replyAs } = message as unknown as IoRequest;
    if (
      !(from instanceof Pid) || !(replyAs instanceof Ref) ||
      replyAs.node !== from.node
    ) continue;
    const node = askingNode(process.runtime, from);
    const work = async () =>
      answer(process, replyAs, await perform(request, device, node));
    if (!waitsForInput(request)) await work();
    // Output must not wait for people.
    else if (!reads.add({ from, node, perform: work })) {
      answer(process, replyAs, { type: "error", reason: "system_limit" });
    }
  }
}

/** The other node that a process asks for: its own, or the one that it was started for. */
function askingNode(runtime: Runtime, from: Pid): string | undefined {
  return from.node === runtime.node ? runtime.find(from)?.origin : from.node;
}

function answer(process: Process, replyAs: Ref, value: unknown): void {
  if (!process.alive) return;
  try {
    process.reply(replyAs, value);
  } catch (error) {
    // A line that is larger than the node takes that asked for it.
    process.reply(replyAs, { type: "error", reason: printable(String(error)) });
  }
}

function waitsForInput(request: IoOperation): boolean {
  return request?.type === "get_line" || request?.type === "get_chars" ||
    (request?.type === "requests" && Array.isArray(request.requests) &&
      request.requests.some(waitsForInput));
}

/** The longest prompt of another node that is shown, in characters. */
const MAX_PROMPT = 1000;

async function perform(
  request: IoOperation,
  device: IoDevice,
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
          last = await perform(each, device, node);
          if (isTyped(last, "error")) break;
        }
        return last;
      }
      default:
        return { type: "error", reason: "request" };
    }
  } catch (error) {
    return { type: "error", reason: String(error) };
  }
}
