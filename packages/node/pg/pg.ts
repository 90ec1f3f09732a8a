/**
 * Process groups in the cluster: a process that joins a group on one node is a member on all nodes.
 *
 * Follows OTP's [pg](https://www.erlang.org/doc/apps/kernel/pg.html).
 *
 * @module
 */

import { call } from "@otp/servers/server/call";
import type { ChildSpec } from "@otp/servers/server/child_spec";
import { PgScope } from "./pg_scope.ts";
import { findScope, type PgRequest, runningScope } from "./scopes.ts";
import {
  checkGroup,
  type GroupMembers,
  type PgMessage,
  type Where,
} from "./pg_groups.ts";
import { startServer } from "@otp/servers/server/start";
import { checkOptions, checkRef } from "@otp/processes/values/check_arguments";
import {
  currentProcess,
  never,
  waitingProcess,
} from "@otp/processes/runtime/current_process";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { inspect } from "@otp/processes/values/inspect";
import { Pid, type Ref } from "@otp/processes/values/pid";
import { type Atom, nameOf } from "@otp/processes/values/atom";
import { OwnRequest } from "@otp/processes/values/server_message";
import type { OptionChecks } from "@otp/processes/values/options";

export type { Atom } from "@otp/processes/values/atom";
export type { Pid, Ref } from "@otp/processes/values/pid";
export type {
  ChildRestart,
  ChildShutdown,
  ChildStart,
} from "@otp/servers/server/child_spec";

export type { ChildSpec, GroupMembers, PgMessage };

/** Options that name a scope. */
export interface PgOptions {
  /**
   * The scope's name.
   *
   * @default {"pg"}
   */
  scope?: string | Atom;
}

const PG_OPTIONS: OptionChecks<PgOptions> = { scope: true };

/** The result of {@linkcode pg.monitor}. */
export interface GroupMonitor {
  /** The monitor; each message contains it, and {@linkcode pg.demonitor} ends it. */
  ref: Ref;
  /** The members when the monitor started. */
  pids: Pid[];
}

/** The result of {@linkcode pg.monitorScope}. */
export interface ScopeMonitor {
  /** The monitor; each message contains it, and {@linkcode pg.demonitor} ends it. */
  ref: Ref;
  /** The groups when the monitor started, with their members. */
  groups: GroupMembers[];
}

const DEFAULT_SCOPE = "pg";

/**
 * Process groups in the cluster: a process that joins a group on one node is a member on all nodes.
 *
 * Each function follows the function of the same name in OTP's
 * [pg](https://www.erlang.org/doc/apps/kernel/pg.html): `getMembers` is `get_members`.
 *
 * Groups belong to a scope: a process on each participating node, usually started under a supervisor, with a
 * name (`"pg"` by default). Scopes are independent of each other. A group is any value that can be sent, and
 * is compared by its contents. It exists while it has members.
 *
 * A process joins on its own node. It can join several times and is then a member as many times, until it has
 * left as often, or exits. The nodes exchange memberships without a consensus protocol:
 * {@linkcode pg.getMembers} returns at once the members that this node knows. Other nodes may have learnt of
 * them earlier or learn of them later; all connected nodes agree once nothing has changed for some time. When
 * the connection to a node is lost, its processes are no longer members here; when it is restored, they are
 * again. A node knows only the processes of nodes that it is connected to itself.
 *
 * A node that drains (`Node.drain`) stays part of the scope: its processes are members until they exit. Only its
 * supervisors, which take no more work of other nodes, are members for their own node alone from then on.
 *
 * If the process of a scope crashes, the memberships of its node's processes are lost, here and on other
 * nodes: they have to join again. If the scope does not run on this node, {@linkcode pg.join}, {@linkcode pg.leave} and
 * the functions for monitors throw an `ExitError` with the call.
 */
export class pg {
  private constructor() {}

  /**
   * Starts a scope on this node, without a link.
   *
   * @param scope The scope's name, under which its process is registered; `"pg"` by default.
   * @throws {ExitError} If the name is taken: `{ type: "already_started", pid }`.
   *
   * @example Usage
   * ```ts
   * import { Process } from "@otp/distribution/process";
   * import { pg } from "@otp/distribution/pg";
   * import { assertEquals } from "@std/assert";
   *
   * const pid = await pg.start("chat");
   * assertEquals(Process.whereis("chat"), pid);
   * ```
   */
  static start(scope: string | Atom = DEFAULT_SCOPE): Promise<Pid> {
    return startScope(scope, false);
  }

  /**
   * Starts a scope on this node as {@linkcode pg.start} does, linked to the caller.
   *
   * @example Usage
   * ```ts
   * import { pg } from "@otp/distribution/pg";
   * import { assertEquals } from "@std/assert";
   *
   * await pg.startLink("chat");
   * assertEquals(pg.whichGroups({ scope: "chat" }), []);
   * ```
   */
  static startLink(scope: string | Atom = DEFAULT_SCOPE): Promise<Pid> {
    return startScope(scope, true);
  }

  /**
   * Returns the child specification of a scope; `pg` and `[pg, { scope }]` are shorthands.
   *
   * @example Usage
   * ```ts
   * import { pg } from "@otp/distribution/pg";
   * import { Supervisor } from "@otp/distribution/supervisor";
   *
   * const sup = await Supervisor.startLink([[pg, { scope: "chat" }]], { strategy: "one_for_one" });
   * await Supervisor.stop(sup);
   * ```
   */
  static childSpec(options: PgOptions = {}): ChildSpec<() => Promise<Pid>> {
    const scope = scopeOf(options);
    return { id: scope, start: () => pg.startLink(scope) };
  }

  /**
   * Makes processes of this node members of a group.
   *
   * When the promise resolves, the processes are members on this node, and the change has been sent to other nodes. A
   * process that joins twice, or is listed twice, is a member twice. A process that is not alive is removed at once.
   *
   * @throws {RangeError} If the group has more than 65,536 characters.
   * @throws {TypeError} If a process is on another node (`cause` is then `{ type: "nolocal", pid }`), or the
   *   group cannot be sent.
   *
   * @example Usage
   * ```ts
   * import { self } from "@otp/distribution/process";
   * import { pg } from "@otp/distribution/pg";
   * import { assertEquals } from "@std/assert";
   *
   * await pg.startLink("chat");
   * await pg.join(["room", 1], self(), { scope: "chat" });
   * assertEquals(pg.getMembers(["room", 1], { scope: "chat" }), [self()]);
   * ```
   */
  static async join(
    group: unknown,
    pids: Pid | readonly Pid[],
    options: PgOptions = {},
  ): Promise<"ok"> {
    return await change<"ok">("join", group, pids, options);
  }

  /**
   * Removes processes of this node from a group, each once.
   *
   * @returns `"ok"`, or `"not_joined"` if none of them was a member.
   * @throws {TypeError} As {@linkcode pg.join}.
   *
   * @example Usage
   * ```ts
   * import { self } from "@otp/distribution/process";
   * import { pg } from "@otp/distribution/pg";
   * import { assertEquals } from "@std/assert";
   *
   * await pg.startLink();
   * await pg.join("listeners", self());
   * assertEquals(await pg.leave("listeners", self()), "ok");
   * assertEquals(await pg.leave("listeners", self()), "not_joined");
   * ```
   */
  static async leave(
    group: unknown,
    pids: Pid | readonly Pid[],
    options: PgOptions = {},
  ): Promise<"ok" | "not_joined"> {
    return await change("leave", group, pids, options);
  }

  /**
   * Returns the members of a group on all connected nodes, according to this node.
   *
   * Contacts no process, so it is cheap, but can return a process that has just exited.
   *
   * @returns The members, in no particular order; empty also if the scope does not run on this node.
   *
   * @example Usage
   * ```ts
   * import { self } from "@otp/distribution/process";
   * import { pg } from "@otp/distribution/pg";
   * import { assertEquals } from "@std/assert";
   *
   * await pg.startLink();
   * await pg.join("listeners", [self(), self()]);
   * assertEquals(pg.getMembers("listeners"), [self(), self()]);
   * assertEquals(pg.getMembers("others"), []);
   * ```
   */
  static getMembers(group: unknown, options: PgOptions = {}): Pid[] {
    return membersOf(group, options, "all");
  }

  /**
   * Returns the members of a group that are processes of this node, as {@linkcode pg.getMembers} does.
   *
   * @example Usage
   * ```ts
   * import { self } from "@otp/distribution/process";
   * import { pg } from "@otp/distribution/pg";
   * import { assertEquals } from "@std/assert";
   *
   * await pg.startLink();
   * await pg.join("listeners", self());
   * assertEquals(pg.getLocalMembers("listeners"), [self()]);
   * ```
   */
  static getLocalMembers(group: unknown, options: PgOptions = {}): Pid[] {
    return membersOf(group, options, "local");
  }

  /**
   * Returns the groups that have members.
   *
   * @returns The groups, in no particular order.
   * @throws {NoProcessError} If the scope does not run on this node.
   *
   * @example Usage
   * ```ts
   * import { self } from "@otp/distribution/process";
   * import { pg } from "@otp/distribution/pg";
   * import { assertEquals } from "@std/assert";
   *
   * await pg.startLink();
   * await pg.join("listeners", self());
   * assertEquals(pg.whichGroups(), ["listeners"]);
   * ```
   */
  static whichGroups(options: PgOptions = {}): unknown[] {
    return groupsOf(options, "all");
  }

  /**
   * Returns the groups that have members on this node, as {@linkcode pg.whichGroups} does.
   *
   * @example Usage
   * ```ts
   * import { self } from "@otp/distribution/process";
   * import { pg } from "@otp/distribution/pg";
   * import { assertEquals } from "@std/assert";
   *
   * await pg.startLink();
   * await pg.join("listeners", self());
   * assertEquals(pg.whichLocalGroups(), ["listeners"]);
   * ```
   */
  static whichLocalGroups(options: PgOptions = {}): unknown[] {
    return groupsOf(options, "local");
  }

  /**
   * Notifies the caller of processes that join or leave a group, by a {@linkcode PgMessage} each time.
   *
   * The returned members and the following messages neither miss nor repeat a change. The monitor ends with the
   * caller, and with the scope's process, whose exit sends the caller no message: link to that process, or monitor it.
   *
   * @example Usage
   * ```ts
   * import { receive, self } from "@otp/distribution/process";
   * import { pg } from "@otp/distribution/pg";
   * import { assertEquals } from "@std/assert";
   *
   * await pg.startLink();
   * const { ref, pids } = await pg.monitor("listeners");
   * assertEquals(pids, []);
   * await pg.join("listeners", self());
   * assertEquals(await receive(), { type: "join", ref, group: "listeners", pids: [self()] });
   * ```
   */
  static monitor(
    group: unknown,
    options: PgOptions = {},
  ): Promise<GroupMonitor> {
    return ask(options, { type: "monitor", group }, "monitor", [group]);
  }

  /**
   * Notifies the caller of processes that join or leave any group of a scope, as {@linkcode pg.monitor} does for
   * one group.
   *
   * @example Usage
   * ```ts
   * import { self } from "@otp/distribution/process";
   * import { pg } from "@otp/distribution/pg";
   * import { assertEquals } from "@std/assert";
   *
   * await pg.startLink();
   * await pg.join("listeners", self());
   * const { groups } = await pg.monitorScope();
   * assertEquals(groups, [{ group: "listeners", pids: [self()] }]);
   * ```
   */
  static monitorScope(options: PgOptions = {}): Promise<ScopeMonitor> {
    return ask(options, { type: "monitor_scope" }, "monitorScope", []);
  }

  /**
   * Ends a monitor of a group or a scope, and removes its messages from the caller's mailbox.
   *
   * @returns Whether the monitor was active.
   *
   * @example Usage
   * ```ts
   * import { self } from "@otp/distribution/process";
   * import { pg } from "@otp/distribution/pg";
   * import { assert } from "@std/assert";
   *
   * await pg.startLink();
   * const { ref } = await pg.monitor("listeners");
   * await pg.join("listeners", self()); // the message is dropped
   * assert(await pg.demonitor(ref));
   * ```
   */
  static async demonitor(ref: Ref, options: PgOptions = {}): Promise<boolean> {
    checkRef(ref, "demonitor", "pg.monitor returned");
    const process = waitingProcess();
    if (process === undefined) return never();
    const request = { type: "demonitor", ref } as const;
    const found = await ask<boolean>(options, request, "demonitor", [ref]);
    const isTold = (message: unknown) => {
      const told = message as PgMessage | null;
      return (told?.type === "join" || told?.type === "leave") &&
        ref.equals(told.ref);
    };
    while (found && process.mailbox.take(isTold) !== undefined);
    return found;
  }
}

async function startScope(scope: string | Atom, link: boolean): Promise<Pid> {
  const name = nameOf(scope);
  const serverOf = (process: LocalProcess) => new PgScope(process, name);
  return await startServer(serverOf, { name, label: name, link });
}

function scopeOf(options: PgOptions): string {
  checkOptions(options, "use a scope of pg", PG_OPTIONS, '{ scope: "chat" }');
  const { scope = DEFAULT_SCOPE } = options;
  return nameOf(scope);
}

function membersOf(group: unknown, options: PgOptions, where: Where): Pid[] {
  const { runtime } = currentProcess();
  return findScope(runtime, scopeOf(options))?.members(group, where) ?? [];
}

function groupsOf(options: PgOptions, where: Where): unknown[] {
  const { runtime } = currentProcess();
  return runningScope(runtime, scopeOf(options)).which(where)
    .map(({ group }) => group);
}

async function change<T>(
  type: "join" | "leave",
  group: unknown,
  given: Pid | readonly Pid[],
  options: PgOptions,
): Promise<T> {
  const process = waitingProcess();
  if (process === undefined) return never();
  const { node } = process.runtime;
  const pids = Array.isArray(given) ? [...given] as Pid[] : [given as Pid];
  for (const pid of pids) {
    if (pid instanceof Pid && pid.node === node) continue;
    throw new TypeError(
      `Cannot ${type} ${inspect(group)}: ${
        inspect(pid)
      } is not a process of ${node}; a process joins and leaves on its own node`,
      // The error of OTP contains only this cause.
      pid instanceof Pid ? { cause: { type: "nolocal", pid } } : undefined,
    );
  }
  return await ask(options, { type, group, pids }, type, [group, pids]);
}

async function ask<T>(
  options: PgOptions,
  request: PgRequest,
  fn: string,
  args: unknown[],
): Promise<T> {
  const process = waitingProcess();
  if (process === undefined) return never();
  // An invalid group must fail in the caller, not in the scope.
  if ("group" in request) {
    checkGroup(request.group, request.type, process.runtime);
  }
  return await call<T>(scopeOf(options), new OwnRequest(request), {
    timeout: Infinity,
    as: () => ["pg", fn, args],
  });
}
