/** Processes: `Process`, and what `Kernel` has for them. */

import { atom } from "../../../packages/processes/values/atom.ts";
import { Tuple } from "../../../packages/processes/values/tuple.ts";
import type { Bindings } from "../interpreter/modules.ts";
import { functionOf } from "../interpreter/modules.ts";
import { isAtom, snake, termOf, tuple } from "../interpreter/values.ts";
import {
  exit,
  makeRef,
  Node,
  Process,
  self,
  send,
  spawn,
  spawnLink,
  spawnMonitor,
} from "./_api.ts";
import {
  type Any,
  atoms,
  destination,
  limit,
  nameOf,
  options,
  reason,
} from "./_terms.ts";

/** A message: an EXIT that a program makes itself is the library's. */
function messageOf(message: unknown): unknown {
  const [tag, from, why] = message instanceof Tuple ? message.elements : [];
  return isAtom(tag, "EXIT")
    ? { type: "EXIT", from, reason: reason(why) }
    : message instanceof Tuple
    ? termOf(message)
    : message;
}

function pair({ pid, ref }: { pid: unknown; ref: unknown }): Tuple {
  return tuple(pid, ref);
}

/** A fact of `Process.info`, as a pair. */
function fact(key: Any, value: Any): Tuple {
  const name = String(key);
  if (name === "monitors") {
    return tuple(
      key,
      value.map((what: unknown) => tuple(atom("process"), what)),
    );
  }
  if (name === "registered_name") {
    return tuple(key, value === undefined ? [] : atom(value));
  }
  return tuple(key, value);
}

/** What OTP keeps in the dictionaries of processes. */
function dictionary({ callers, ancestors }: Any): Tuple[] {
  return [
    tuple(atom("$callers"), callers),
    tuple(atom("$ancestors"), ancestors),
  ];
}

function info(pid: Any, keys?: Any): unknown {
  const found = Process.info(pid) as Any;
  if (found === undefined) return null;
  if (isAtom(keys, "dictionary")) return tuple(keys, dictionary(found));
  if (keys !== undefined && !Array.isArray(keys)) {
    return (info(pid, [keys]) as Any)[0];
  }
  const names = keys ?? Object.keys(found).map((each) => atom(snake(each)));
  return names.map((key: Any) =>
    fact(
      key,
      found[
        String(key).replace(/_([a-z])/g, (_, letter) => letter.toUpperCase())
      ],
    )
  );
}

/** With `:info`, whether there was a monitor. */
function demonitor(ref: Any, list?: unknown): boolean {
  const { info, ...rest } = options(list);
  const isRemoved = Process.demonitor(ref, rest);
  return info ? isRemoved : true;
}

function flag(name: unknown, value: Any): unknown {
  if (isAtom(name, "trap_exit")) return Process.trapExit(value);
  throw new TypeError(`Cannot set the flag ${name}: use trap_exit`);
}

export const PROCESSES: Bindings = {
  exit: (why) => exit(reason(why)),
  make_ref: () => makeRef(),
  node: (of) => atom(of === undefined ? Node.self() : of.node),
  self: () => self(),
  send(to, message) {
    send(destination(to), messageOf(message));
    return message;
  },
  spawn: (fn, name, args) =>
    name === undefined ? spawn(fn) : spawn(functionOf(fn, name), args),
  spawn_link: (fn, name, args) =>
    name === undefined ? spawnLink(fn) : spawnLink(functionOf(fn, name), args),
  spawn_monitor: (fn, name, args) =>
    pair(
      name === undefined
        ? spawnMonitor(fn)
        : spawnMonitor(functionOf(fn, name), args),
    ),
  "Process.alias": (list) => Process.alias(options(list)),
  "Process.alive?": (pid) => Process.alive(pid),
  "Process.cancel_timer": (timer, list) =>
    Process.cancelTimer(timer, options(list)),
  "Process.delete": (key) => Process.delete(key),
  "Process.demonitor": demonitor,
  "Process.exit": (pid, why) => Process.exit(pid, reason(why)),
  "Process.flag": flag,
  "Process.get": (key, otherwise) =>
    isAtom(key, "$callers")
      ? Process.callers()
      : isAtom(key, "$ancestors")
      ? Process.info()!.ancestors
      : Process.get(key, otherwise),
  "Process.get_keys": (...values) =>
    Process.getKeys(values.length === 0 ? {} : { value: values[0] }),
  "Process.group_leader": (...args) =>
    args.length === 0
      ? Process.groupLeader()
      : (Process.groupLeader(args[0], args[1]), true),
  "Process.info": info,
  "Process.link": (pid) => Process.link(pid),
  "Process.list": () => Process.list(),
  "Process.monitor": (target, list) =>
    Process.monitor(destination(target), options(list)),
  "Process.put": (key, value) => Process.put(key, value),
  "Process.read_timer": (timer) => Process.readTimer(timer),
  "Process.register": (pid, name) => Process.register(pid, nameOf(name)),
  "Process.registered": () => atoms(Process.registered()),
  "Process.send": (to, message, list) =>
    Process.send(destination(to), messageOf(message), options(list)),
  "Process.send_after": (to, message, ms, list) =>
    Process.sendAfter(destination(to), message, ms, options(list)),
  "Process.set_label": (label) => Process.setLabel(label),
  "Process.sleep": (ms) => Process.sleep(limit(ms)),
  "Process.unalias": (ref) => Process.unalias(ref),
  "Process.unlink": (pid) => Process.unlink(pid),
  "Process.unregister": (name) => Process.unregister(nameOf(name)),
  "Process.whereis": (name) => Process.whereis(nameOf(name)),
  "proc_lib.get_label": (pid) => Process.info(pid)?.label ?? atom("undefined"),
};
