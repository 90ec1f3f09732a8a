/** The consistency of the nodes' tables when everything is at rest. */

import type { Node } from "../../node.ts";
import type { Pid, Ref } from "../../packages/processes/process.ts";
import type { LocalProcess } from "../../packages/processes/process/local_process.ts";
import { watchersOf } from "../../packages/processes/process/watchers.ts";
import type { Runtime } from "../../packages/processes/process/runtime.ts";
import { internalsOf } from "../../packages/node/start/node_internals.ts";

/** The entries that one table has and another lacks, one per line. */
export function disagreements(nodes: readonly Node[]): string[] {
  const runtimes = nodes.map((node) => internalsOf(node).runtime);
  return runtimes.flatMap((runtime) => [
    ...namesOf(runtime),
    ...[...runtime.processes.values()].flatMap((process) => [
      ...linksOf(process, runtimes),
      ...monitorsOf(process, runtimes),
      ...watchedBy(process, runtimes),
      ...[...process.entries?.values() ?? []].some(({ wait }) => wait)
        ? [`${process.pid} still waits`]
        : [],
    ]),
  ]);
}

function find(pid: Pid, runtimes: Runtime[]): LocalProcess | undefined {
  return runtimes.map((runtime) => runtime.find(pid)).find(Boolean);
}

function has(refs: Iterable<{ ref: Ref }> | undefined, ref: Ref): boolean {
  return [...refs ?? []].some((each) => each.ref.equals(ref));
}

function namesOf(runtime: Runtime): string[] {
  const wrong: string[] = [];
  for (const [name, process] of runtime.names) {
    if (!process.alive || process.name !== name) {
      wrong.push(`${name} is the name of ${process.pid}, which has it not`);
    }
  }
  for (const { process, ref: { number } } of runtime.aliases.values()) {
    if (
      !process.alive || process.entries?.get(number)?.alias === undefined
    ) {
      wrong.push(`${number} is an alias of ${process.pid}, which has it not`);
    }
  }
  return wrong;
}

function linksOf({ pid, links }: LocalProcess, runtimes: Runtime[]): string[] {
  const wrong: string[] = [];
  for (const link of links?.values() ?? []) {
    const pair = `${pid} with ${link.pid}`;
    if (link.unlinking !== 0) {
      wrong.push(`the link of ${pair} is still being ended`);
      continue;
    }
    const other = find(link.pid, runtimes);
    const isMutual = [...other?.links?.values() ?? []].some((each) =>
      each.pid.equals(pid)
    );
    if (!isMutual) wrong.push(`the link of ${pair} has one end`);
  }
  return wrong;
}

function monitorsOf(process: LocalProcess, runtimes: Runtime[]): string[] {
  const { pid } = process;
  const wrong: string[] = [];
  for (const { ref, target, node } of process.monitors()) {
    const watched = typeof target === "string"
      ? runtimes.filter((runtime) => runtime.node === node).flatMap((
        runtime,
      ) => [...runtime.processes.values()])
      : [find(target, runtimes)];
    if (
      !watched.some((process) =>
        process !== undefined && has(watchersOf(process), ref)
      )
    ) {
      wrong.push(`the monitor of ${pid} on ${target} is not known there`);
    }
  }
  return wrong;
}

function watchedBy(process: LocalProcess, runtimes: Runtime[]): string[] {
  const wrong: string[] = [];
  for (const watcher of watchersOf(process)) {
    const other = find(watcher.pid, runtimes);
    if (!has(other?.monitors(), watcher.ref)) {
      wrong.push(`${process.pid} is watched by ${watcher.pid}, which does not`);
    }
  }
  return wrong;
}
