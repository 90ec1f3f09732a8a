/** What is the same on all nodes: `:erpc`, `:global` and `:pg`. */

import { atom } from "../../../packages/processes/values/atom.ts";
import type { Bindings, Fn } from "../interpreter/modules.ts";
import { elementsOf, tuple } from "../interpreter/values.ts";
import { ExitError, global, pg, rpc } from "./_api.ts";
import { type Any, limit, nameOf, remote, started, then } from "./_terms.ts";

function timeLimit(timeout: unknown): Any {
  return timeout === undefined ? {} : { timeout: limit(timeout) };
}

/** A result of a multicall. */
function result({ type, ...rest }: Any): unknown {
  return type === "error" ? { type, error: rest.error } : { type, ...rest };
}

/** `:yes` and `:no`. */
async function yesOrNo(answer: Promise<boolean>): Promise<unknown> {
  return atom(await answer ? "yes" : "no");
}

function lockOptions(nodes: Any, retries: unknown): Any {
  return {
    ...nodes && { nodes: nodes.map(nameOf) },
    ...retries !== undefined && { retries: limit(retries) },
  };
}

function lockId(id: unknown): Any {
  return elementsOf(id);
}

function scoped(scope: unknown): { scope: string } {
  return { scope: nameOf(scope) };
}

export const CLUSTERS: Bindings = {
  "erpc.call": (node, module, name, args, timeout) =>
    rpc.call(nameOf(node), remote(module, name), args, timeLimit(timeout)),
  "erpc.cast": (node, module, name, args) =>
    rpc.cast(nameOf(node), remote(module, name), args),
  "erpc.multicall": async (nodes, module, name, args, timeout) =>
    (await rpc.multicall(
      nodes.map(nameOf),
      remote(module, name),
      args,
      timeLimit(timeout),
    )).map(result),
  "erpc.multicast": (nodes, module, name, args) =>
    rpc.multicast(nodes.map(nameOf), remote(module, name), args),
  "global.del_lock": (id, nodes) =>
    global.delLock(lockId(id), lockOptions(nodes, undefined)),
  "global.re_register_name": (name, pid) =>
    yesOrNo(global.reRegisterName(name, pid)),
  "global.register_name": (name, pid, ...resolve) =>
    yesOrNo(global.registerName(name, pid, ...resolve)),
  "global.registered_names": () => global.registeredNames(),
  async "global.send"(name, message) {
    try {
      return await global.send(name, message);
    } catch (thrown) {
      if (!(thrown instanceof ExitError)) throw thrown;
      throw new ExitError(tuple(atom("badarg"), tuple(name, message)));
    }
  },
  "global.set_lock": (id, nodes, retries) =>
    global.setLock(lockId(id), lockOptions(nodes, retries)),
  "global.sync": () => global.sync(),
  "global.trans": (id, fn, nodes, retries) =>
    global.trans(lockId(id), fn, lockOptions(nodes, retries)),
  "global.unregister_name": (name) => global.unregisterName(name),
  "global.whereis_name": (name) =>
    then(global.whereisName(name), (pid) => pid ?? atom("undefined")),
  "pg.demonitor": (scope, ref) =>
    then(pg.demonitor(ref, scoped(scope)), (is) => is ? atom("ok") : false),
  "pg.get_local_members": (scope, group) =>
    pg.getLocalMembers(group, scoped(scope)),
  "pg.get_members": (scope, group) => pg.getMembers(group, scoped(scope)),
  "pg.join": (scope, group, pids) => pg.join(group, pids, scoped(scope)),
  "pg.leave": (scope, group, pids) => pg.leave(group, pids, scoped(scope)),
  async "pg.monitor"(scope, group) {
    const { ref, pids } = await pg.monitor(group, scoped(scope));
    return tuple(ref, pids);
  },
  async "pg.monitor_scope"(scope) {
    const { ref, groups } = await pg.monitorScope(scoped(scope));
    return tuple(ref, new Map(groups.map(({ group, pids }) => [group, pids])));
  },
  "pg.start": (scope) => started(() => pg.start(nameOf(scope))),
  "pg.start_link": (scope) => started(() => pg.startLink(nameOf(scope))),
  "pg.which_groups": (scope) => pg.whichGroups(scoped(scope)),
  "pg.which_local_groups": (scope) => pg.whichLocalGroups(scoped(scope)),
};

/** The resolvers of conflicts: the API knows each by its function. */
export const RESOLVERS: Bindings = {
  "global.notify_all_name": global.notifyAllName as Fn,
  "global.random_exit_name": global.randomExitName as Fn,
  "global.random_notify_name": global.randomNotifyName as Fn,
};
