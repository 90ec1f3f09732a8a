/**
 * The commands of a shell that observe a node: `top`, `tree` and `trace`.
 *
 * `Observer` provides the data of the node that the shell runs on, or of another node that allows it. Text of another
 * node is escaped before it is printed.
 */

import { IO } from "@otp/node/io/io";
import {
  type ObservedChild,
  Observer,
  type ProcessOrder,
  type TraceOptions,
} from "@otp/observe/observer";
import { type Pid, Process } from "@otp/processes/process";
import { Task } from "@otp/servers/task/task";
import { PRINTED, printed } from "./printed.ts";
import { checkOptions } from "@otp/processes/values/check_arguments";
import { inspect, printable } from "@otp/processes/values/inspect";
import type { OptionChecks } from "@otp/processes/values/options";

/** The time over which `top` counts messages, in milliseconds. */
const SAMPLE = 500;

const ROWS = 10;

const MAX_WIDTH = 40;

const MAX_LINES = 200;

const ORDERS = ["messages", "memory", "rate", "links", "started"] as const;

type Order = typeof ORDERS[number];

/** Another node. */
export interface OnNode {
  node?: string;
}

const ON_NODE: OptionChecks<OnNode> = { node: true };

/** @throws {TypeError} If the options are invalid. */
export function checkOnNode(options: OnNode, doing: string): void {
  checkOptions(options, doing, ON_NODE, '{ node: "kate@localhost" }');
}

/** Shows the processes of a node with the greatest values of a key, at most ten. */
export async function top(
  by: Order = "messages",
  options: OnNode = {},
): Promise<typeof PRINTED> {
  if (!ORDERS.includes(by)) {
    throw new TypeError(
      `Cannot sort the processes by ${inspect(by)}: give ${
        ORDERS.map((name) => `"${name}"`).join(", ")
      }`,
    );
  }
  checkOnNode(options, "show processes");
  const order: ProcessOrder = by === "rate" ? "received" : by;
  // A rate needs two observations. Observe many processes: those with the most messages so far may not be the busiest.
  const limit = by === "rate" ? 500 : ROWS;
  const query = { ...options, order, limit };
  const first = await Observer.processes(query);
  const started = performance.now();
  await Process.sleep(SAMPLE);
  const second = await Observer.processes(query);
  const seconds = (performance.now() - started) / 1000;
  const before = new Map(
    first.processes.map(({ pid, received }) => [String(pid), received]),
  );
  const rows = second.processes.map((process) => {
    const { pid, received } = process;
    const earlier = before.get(String(pid)) ?? received;
    return { process, rate: (received - earlier) / seconds };
  });
  if (by === "rate") rows.sort((a, b) => b.rate - a.rate);
  const shown = rows.slice(0, ROWS);
  const table = [
    ["pid", "name or call", "kind", "messages", "bytes", "msgs/s"],
    ...shown.map(({ process, rate }) => [
      String(process.pid),
      process.name ?? process.label ?? process.initialCall ?? "a function",
      process.kind,
      String(process.messageQueueLen),
      String(process.queueBytes),
      String(Math.round(rate)),
    ]),
  ];
  const lines = aligned(table, 3);
  const rest = second.total - shown.length;
  if (rest > 0) lines.push(`and ${rest} more`);
  return await printed(lines.join("\n"));
}

/** A table as lines; the columns from `numbers` on are aligned to the right. */
export function aligned(table: string[][], numbers: number): string[] {
  const cells = table.map((row) => row.map(printable));
  const widths = cells[0].map((_, column) =>
    Math.min(MAX_WIDTH, Math.max(...cells.map((row) => row[column].length)))
  );
  return cells.map((row) =>
    row.map((cell, column) => {
      const text = cell.slice(0, widths[column]);
      return column < numbers
        ? text.padEnd(widths[column])
        : text.padStart(widths[column]);
    }).join("  ").trimEnd()
  );
}

/** Shows the supervision trees of a node, with the restarts of each child. */
export async function tree(options: OnNode = {}): Promise<typeof PRINTED> {
  checkOnNode(options, "show the tree");
  const { roots, more } = await Observer.tree(options);
  const lines: string[] = [];
  for (const root of roots) draw(root, "", "", lines);
  const rest = more + Math.max(0, lines.length - MAX_LINES);
  lines.length = Math.min(lines.length, MAX_LINES);
  if (rest > 0) lines.push(`and ${rest} more`);
  return await printed(
    lines.length === 0 ? "There are no supervisors" : lines.join("\n"),
  );
}

function draw(
  child: ObservedChild,
  first: string,
  rest: string,
  lines: string[],
): void {
  lines.push(first + printable(lineOf(child)));
  const { children, more } = child;
  children.forEach((each, at) => {
    const isLast = at === children.length - 1 && more === 0;
    draw(
      each,
      rest + (isLast ? "└─ " : "├─ "),
      rest + (isLast ? "   " : "│  "),
      lines,
    );
  });
  if (more > 0) lines.push(`${rest}└─ and ${more} more`);
}

function lineOf(child: ObservedChild): string {
  const { id, name, kind, pid, restarting, restarts, messageQueueLen } = child;
  const { suspendedBy } = child;
  const parts = [
    id !== undefined && id !== name ? `${id}: ${name}` : name,
    kind,
    pid === undefined ? restarting ? "restarting" : "not running" : String(pid),
  ];
  if (messageQueueLen > 0) parts.push(`${messageQueueLen} messages`);
  if (suspendedBy !== undefined) parts.push(`suspended by ${suspendedBy}`);
  if (restarts > 0) {
    parts.push(
      `restarted ${restarts === 1 ? "once" : `${restarts} times`}, last for ${
        (child.lastReason ?? "").split("\n")[0]
      }`,
    );
  }
  return parts.join(", ");
}

/** Prints the messages that a process receives and sends, until a limit or a time is reached. */
export async function trace(
  pid: Pid,
  options: TraceOptions = {},
): Promise<typeof PRINTED> {
  // Run in a separate process, so that the trace's messages do not mix with messages that lines receive. Its error is
  // one of this line: over the link, it would end the shell's process.
  const task = Task.async(() =>
    printTrace(pid, options).catch((error: unknown) => ({ error }))
  );
  const failed = await Task.await(task, Infinity);
  if (failed !== undefined) throw failed.error;
  return PRINTED;
}

async function printTrace(pid: Pid, options: TraceOptions): Promise<void> {
  const messages = await Observer.trace(pid, options);
  await IO.puts(
    `Tracing ${pid}: ${options.limit ?? 100} messages, ${
      (options.timeout ?? 60_000) / 1000
    } s at most`,
  );
  let count = 0;
  for await (const { at, type, to, message } of messages) {
    const time = new Date(at).toISOString().slice(11, 23);
    const what = type === "receive"
      ? "<-"
      : type === "send"
      ? `-> ${to}:`
      : "exits:";
    if (type !== "exit") count++;
    await IO.puts(printable(`${time} ${what} ${message}`));
  }
  await IO.puts(`The trace ends after ${count} messages`);
}
