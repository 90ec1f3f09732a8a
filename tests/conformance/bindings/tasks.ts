/** Tasks: `Task` and `Task.Supervisor`. */

import { atom } from "../../../packages/processes/values/atom.ts";
import type { Bindings, Fn } from "../interpreter/modules.ts";
import { isAtom, isObject, itemsOf, tuple } from "../interpreter/values.ts";
import { Task, TaskSupervisor } from "./_api.ts";
import {
  type Any,
  destination,
  limit,
  options,
  remote,
  started,
  status,
} from "./_terms.ts";

/** A call whose arguments end with a function, or with a module, the name of a function and its arguments; then options. */
function working(
  call: (fn: Any, args: Any, list: unknown) => unknown,
  fn: unknown,
  rest: Any[],
): unknown {
  if (typeof fn === "function") return call(fn, undefined, rest[0]);
  const [name, args, list] = rest;
  return call(remote(fn, name), args, list);
}

/** A time limit, or options. */
function limits(given: unknown): Any {
  if (given === undefined) return undefined;
  return Array.isArray(given)
    ? options(given)
    : isAtom(given, "brutal_kill")
    ? "brutal_kill"
    : limit(given);
}

/** The options of a stream. */
function streamOptions(list: unknown, args: unknown): Any {
  return { ...options(list), ...args !== undefined && { args } };
}

/** A result of a stream: an exit with its element is a pair. */
function result(value: unknown): unknown {
  return isObject(value) && "input" in value
    ? { type: value.type, value: tuple(value.input, value.reason) }
    : value;
}

/** A stream that starts its tasks when it is iterated. */
function stream(
  start: (items: Any) => AsyncIterable<unknown>,
  items: unknown,
): AsyncIterable<unknown> {
  const results = start(itemsOf(items));
  return {
    async *[Symbol.asyncIterator]() {
      for await (const each of results) yield result(each);
    },
  };
}

function supervised(
  call: (supervisor: Any, fn: Any, args: Any, list: unknown) => unknown,
): Fn {
  return (to, fn, ...rest) =>
    working((...work) => call(destination(to), ...work), fn, rest);
}

function streamOf(method: "asyncStream" | "asyncStreamNolink"): Fn {
  return (to, items, given, ...rest) =>
    working(
      (fn, args, list) => {
        const given = streamOptions(list, args);
        const start = (items: Any) =>
          TaskSupervisor[method](destination(to), items, fn, given);
        return stream(start, items);
      },
      given,
      rest,
    );
}

async function pairs(yields: Promise<Any[]>): Promise<unknown[]> {
  return (await yields).map(([task, result]) => tuple(task, result));
}

export const TASKS: Bindings = {
  "Task.async": (fn, ...rest) =>
    working((fn, args) => Task.async(fn, args), fn, rest),
  "Task.async_stream": (items, given, ...rest) =>
    working(
      (fn, args, list) => {
        const given = streamOptions(list, args);
        return stream((items) => Task.asyncStream(items, fn, given), items);
      },
      given,
      rest,
    ),
  "Task.await": (task, timeout) => Task.await(task, limits(timeout)),
  "Task.await_many": (tasks, timeout) => Task.awaitMany(tasks, limits(timeout)),
  "Task.child_spec": (fn) => Task.childSpec(fn),
  "Task.completed": (value) => Task.completed(value),
  "Task.ignore": (task) => Task.ignore(task),
  "Task.shutdown": (task, timeout) => Task.shutdown(task, limits(timeout)),
  "Task.start": (fn) => tuple(atom("ok"), Task.start(fn)),
  "Task.start_link": (fn) => tuple(atom("ok"), Task.startLink(fn)),
  "Task.yield": (task, timeout) => Task.yield(task, limits(timeout)),
  "Task.yield_many": (tasks, timeout) =>
    pairs(Task.yieldMany(tasks, limits(timeout)) as Any),
  "Task.Supervisor.async": supervised((to, fn, args) =>
    TaskSupervisor.async(to, fn, args)
  ),
  "Task.Supervisor.async_nolink": supervised((to, fn, args) =>
    TaskSupervisor.asyncNolink(to, fn, args)
  ),
  "Task.Supervisor.async_stream": streamOf("asyncStream"),
  "Task.Supervisor.async_stream_nolink": streamOf("asyncStreamNolink"),
  "Task.Supervisor.children": (to) => TaskSupervisor.children(destination(to)),
  "Task.Supervisor.start_child": supervised((to, fn, args, list) =>
    started(() => TaskSupervisor.startChild(to, fn, args, options(list)))
  ),
  "Task.Supervisor.start_link": (list) =>
    started(() => TaskSupervisor.startLink(options(list))),
  "Task.Supervisor.terminate_child": async (to, pid) =>
    status(await TaskSupervisor.terminateChild(destination(to), pid)),
};
