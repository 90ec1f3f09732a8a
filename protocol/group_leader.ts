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
import { type Pid, Ref } from "../runtime/pid.ts";
import type { Process } from "../runtime/process.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { streamsStandIn } from "../runtime/streams.ts";
import { type IoOperation, type IoRequest, isTyped } from "./messages.ts";

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
   * @param prompt Shown before reading.
   * @returns The line with its line feed, or `undefined` at the end.
   */
  readLine?(prompt: string): Promise<string | undefined>;
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
    async readLine(prompt: string): Promise<string | undefined> {
      const standIn = streamsStandIn();
      if (standIn !== undefined) return await standIn.readLine(prompt);
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
  let reading: Promise<void> = Promise.resolve();
  for (;;) {
    const message = await process.mailbox.receive(
      undefined,
      undefined,
      process,
    );
    process.assertAlive();
    if (!isTyped(message, "io_request")) continue;
    const { request, replyAs } = message as unknown as IoRequest;
    if (!(replyAs instanceof Ref)) continue;
    if (waitsForInput(request)) {
      // Reading takes as long as people do, and output must not wait for it.
      reading = reading.then(async () => {
        answer(process, replyAs, await perform(request, device));
      });
    } else answer(process, replyAs, await perform(request, device));
  }
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

async function perform(
  request: IoOperation,
  device: IoDevice,
): Promise<unknown> {
  try {
    switch (request?.type) {
      case "put_chars":
        await device.write(String(request.chars));
        return "ok";
      case "get_line": {
        const line = await device.readLine?.(String(request.prompt));
        return line === undefined ? "eof" : { line };
      }
      case "requests": {
        let last: unknown = "ok";
        for (const each of request.requests) {
          last = await perform(each, device);
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
