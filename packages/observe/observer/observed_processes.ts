/** The processes of a node, as an observer sees them. */

import { watchersOf } from "@otp/processes/process/watchers";
import type { LocalProcess } from "@otp/processes/process/local_process";
import type { Runtime } from "@otp/processes/process/runtime";
import { Pid } from "@otp/processes/values/pid";
import { suspensionOf } from "@otp/servers/server/suspension";
import { supervisionOf } from "@otp/servers/supervisor/supervision";
import type {
  ObservedProcess,
  ObservedProcessDetails,
} from "./observed_terms.ts";
import {
  kindOf,
  labelOf,
  MAX_TEXT,
  shortText,
  valueText,
} from "./observed_texts.ts";
import type { MessageRates } from "./message_rates.ts";
import { childrenOf } from "./supervision_tree.ts";
import { mailboxBytes, SlowValues } from "./value_size.ts";

/** A sort key of processes, the greatest value first; for `"started"`, the newest process first. */
export type ProcessOrder =
  | "messages"
  | "memory"
  | "received"
  | "rate"
  | "links"
  | "started";

const VALUES: Record<
  ProcessOrder,
  (process: LocalProcess, rates: MessageRates) => number
> = {
  messages: ({ mailbox }) => mailbox.length,
  memory: ({ mailbox }) => mailboxBytes(mailbox),
  received: ({ mailbox }) => mailbox.received,
  rate: (process, rates) => rates.of(process) ?? 0,
  links: ({ links }) => links?.size ?? 0,
  started: ({ pid }) => pid.number,
};

/** The sort keys of processes. */
export const PROCESS_ORDERS: readonly ProcessOrder[] = Object.keys(
  VALUES,
) as ProcessOrder[];

export const MAX_PROCESSES = 500;

/** The maximum number of processes whose mailboxes are measured to sort by memory. */
const MAX_MEASURED = 1000;

const messageTexts = new SlowValues<string>();

const MAX_PIDS = 100;
const MAX_ANCESTORS = 20;
const MAX_MESSAGES = 10;
const MAX_ENTRIES = 20;

export interface ProcessSelection {
  order: ProcessOrder;
  limit: number;
  /** A text that the name, label, call or pid must contain, in upper or lower case. */
  search: string;
}

/** Returns the processes with the greatest values of a key, and the number of all matching processes. */
export function selectProcesses(
  runtime: Runtime,
  { order, limit, search }: ProcessSelection,
  rates: MessageRates,
): { processes: ObservedProcess[]; total: number } {
  if (order === "rate") rates.sample();
  const sought = search.toLowerCase();
  const matching: LocalProcess[] = [];
  for (const process of runtime.processes.unordered()) {
    if (sought === "" || textOf(process).toLowerCase().includes(sought)) {
      matching.push(process);
    }
  }
  const measured = order === "memory"
    ? greatest(matching, MAX_MEASURED, rates, VALUES.messages)
    : matching;
  return {
    processes: greatest(measured, limit, rates, VALUES[order])
      .map((process) => observe(process, rates)),
    total: matching.length,
  };
}

/** Returns the processes with the greatest values, the oldest first among equals; computes each value once. */
function greatest(
  processes: readonly LocalProcess[],
  count: number,
  rates: MessageRates,
  valueOf: typeof VALUES[ProcessOrder],
): LocalProcess[] {
  if (count === 0) return [];
  // Sorting an array of numbers is ten times as fast as comparing objects.
  const values = new Float64Array(processes.length);
  processes.forEach((process, at) => values[at] = valueOf(process, rates));
  const least = nth(values, count);
  const taken: { process: LocalProcess; value: number }[] = [];
  const equal: LocalProcess[] = [];
  processes.forEach((process, at) => {
    const value = values[at];
    if (value > least) taken.push({ process, value });
    else if (value === least) equal.push(process);
  });
  // The oldest processes have the greatest negated numbers.
  const ages = new Float64Array(equal.length);
  equal.forEach(({ pid }, at) => ages[at] = -pid.number);
  const youngest = nth(ages, count - taken.length);
  equal.forEach((process, at) => {
    if (ages[at] >= youngest) taken.push({ process, value: least });
  });
  return taken
    .sort((a, b) =>
      b.value - a.value || a.process.pid.number - b.process.pid.number
    )
    .map(({ process }) => process);
}

/** Returns the nth greatest number, or the smallest if there are fewer. */
function nth(numbers: Float64Array, count: number): number {
  return numbers.slice().sort()[Math.max(0, numbers.length - count)];
}

function textOf(process: LocalProcess): string {
  return [
    process.name ?? "",
    labelOf(process) ?? "",
    process.label ?? "",
    String(process.pid),
  ].join(" ");
}

function observe(process: LocalProcess, rates: MessageRates): ObservedProcess {
  const { pid, name, mailbox, links } = process;
  return {
    pid,
    name: shortText(name),
    label: labelOf(process),
    initialCall: shortText(process.label || undefined),
    kind: kindOf(process),
    messageQueueLen: mailbox.length,
    queueBytes: mailboxBytes(mailbox),
    received: mailbox.received,
    rate: rates.of(process),
    waiting: mailbox.waiting > 0,
    suspendedBy: suspensionOf(process)?.by,
    linkCount: links?.size ?? 0,
    monitorCount: process.monitored().length,
  };
}

/** Describes a process in full; returns `undefined` if the process is not alive. */
export function observeProcess(
  runtime: Runtime,
  pid: unknown,
  rates: MessageRates,
): ObservedProcessDetails | undefined {
  const process = pid instanceof Pid ? runtime.find(pid) : undefined;
  if (process === undefined) return undefined;
  const { mailbox, dictionary } = process;
  const watchers = watchersOf(process);
  const monitors = process.monitored();
  const links = process.activeLinks();
  const messages: string[] = [];
  for (let i = 0; i < mailbox.length && i < MAX_MESSAGES; i++) {
    const message = mailbox.at(i);
    messages.push(messageTexts.of(message, () => valueText(message)));
  }
  return {
    ...observe(process, rates),
    links: links.slice(0, MAX_PIDS),
    monitors: monitors.slice(0, MAX_PIDS).map((each) =>
      valueText(each, MAX_TEXT)
    ),
    monitoredBy: watchers.slice(0, MAX_PIDS)
      .map(({ pid }) => pid),
    counts: {
      links: links.length,
      monitors: monitors.length,
      monitoredBy: watchers.length,
    },
    trapExit: process.trapExit,
    groupLeader: process.groupLeader,
    parent: process.parent,
    ancestors: [...process.lineage?.ancestors ?? []].slice(0, MAX_ANCESTORS)
      .map((each) => String(each).slice(0, MAX_TEXT)),
    messages,
    dictionary: [...dictionary?.values() ?? []].slice(0, MAX_ENTRIES)
      .map(({ key, value }) => [valueText(key), valueText(value)]),
    children: supervisionOf(process) === undefined
      ? undefined
      : childrenOf(process).children,
  };
}
