/** Process groups across the cluster. */

import {
  atom,
  beam,
  ExitError,
  makeRef,
  Node,
  pg,
  type Pid,
  Process,
  receive,
  type Ref,
  self,
  send,
  spawn,
} from "../../../mod.ts";
import type { GroupMembers } from "../../../packages/node/pg/pg.ts";
import {
  attempt,
  expect,
  forever,
  killNode,
  on,
  part,
  peer,
  reasonOf,
  scenario,
  trace,
  traceMarker,
  traceNext,
} from "../_scenario.ts";

const SCOPE = { scope: "scope" };

/** Groups that nodes of either language have. */
const G = atom("g");
const LATE = atom("late");

type Names = Record<string, Pid>;

export function start(): Promise<Pid> {
  return pg.startLink(SCOPE.scope);
}

function idle(): Pid {
  return spawn(forever);
}

/** A process that waits, and is a member. */
export async function member(group: unknown, times = 1): Promise<Pid> {
  const pid = idle();
  await pg.join(group, Array(times).fill(pid), SCOPE);
  return pid;
}

export function leave(group: unknown, pid: Pid): Promise<unknown> {
  return pg.leave(group, pid, SCOPE);
}

export function join(group: unknown, pid: Pid): Promise<unknown> {
  return pg.join(group, pid, SCOPE);
}

export function getMembers(group: unknown): Pid[] {
  return pg.getMembers(group, SCOPE);
}

export async function crash(): Promise<void> {
  const pid = Process.whereis(SCOPE.scope)!;
  Process.unlink(pid);
  const ended = reasonOf(pid);
  Process.exit(pid, "kill");
  await ended;
}

export const connect = beam(
  (node: string): Promise<unknown> => Node.connect(node),
  { args: ["atom"] },
);

export async function seen(group: unknown, pid: Pid): Promise<string> {
  // safe: asked again until it is so
  while (!getMembers(group)[0]?.equals(pid)) await Process.sleep(1);
  return "seen";
}

function members(group: unknown, names: Names): unknown[] {
  return named(getMembers(group), names);
}

function named(pids: Pid[], names: Names): unknown[] {
  const nameOf = (pid: Pid) =>
    Object.keys(names).find((name) => names[name].equals(pid));
  return pids.map(nameOf).sort();
}

async function told(label: string, ref: Ref): Promise<void> {
  const message = await receive((m) => ref.equals(m?.ref), {
    timeout: 10_000,
    after: "nothing",
  });
  if (typeof message === "string") return await trace(label, message);
  const { ref: _, ...rest } = message;
  await trace(label, rest);
}

export async function askScope(): Promise<void> {
  await pg.demonitor(makeRef(), SCOPE);
}

/** Waits until the scope there has handled the earlier signals on the connection: it answers discoveries. */
async function settle(): Promise<void> {
  await reasonOf(await Node.spawn(await peer("kate"), askScope));
}

/** Both nodes run the scope, and are not connected; the main node monitors the group. */
async function withKate(group: unknown): Promise<Ref> {
  // A late message of an earlier scenario may have connected them again.
  await part("kate");
  await start();
  await on("kate", start);
  return (await pg.monitor(group, SCOPE)).ref;
}

function groupsIn(groups: GroupMembers[], ...wanted: unknown[]): unknown[] {
  return wanted.map((each) => groups.find(({ group }) => group === each)?.pids);
}

scenario("a process is a member for each join without a leave", async () => {
  await start();
  const names = { a: idle(), b: idle() };
  const { a, b } = names;
  await trace("join", pg.join("g", a, SCOPE));
  await trace("join", pg.join("g", [b, a], SCOPE));
  await trace("members", members("g", names));
  await trace("leave", pg.leave("g", a, SCOPE));
  await trace("members", members("g", names));
  await trace("leave", pg.leave("g", [a, b], SCOPE));
  await trace("members", members("g", names));
  await trace("groups", pg.whichGroups(SCOPE));
});

scenario("leaving returns not_joined unless one is a member", async () => {
  await start();
  const [a, b] = [idle(), idle()];
  await pg.join("g", a, SCOPE);
  await trace("other process", pg.leave("g", b, SCOPE));
  await trace("other group", pg.leave("h", a, SCOPE));
  await trace("none", pg.leave("g", [], SCOPE));
  const { ref } = await pg.monitor("g", SCOPE);
  await trace("who", [a, b]);
  await trace("several", pg.leave("g", [b, a, a], SCOPE));
  await told("told", ref);
  await trace("members", getMembers("g"));
  await traceMarker("no more");
});

scenario("a group is any term, and exists while it has members", async () => {
  await start();
  const me = self();
  const groups = ["room", ["room", 1], { a: 1, b: [2] }, 7];
  for (const group of groups) await pg.join(group, me, SCOPE);
  await trace("groups", pg.whichGroups(SCOPE).length);
  await trace("same", getMembers({ b: [2], a: 1 }));
  await trace("other", getMembers(["room", 2]));
  await trace("nothing", getMembers("nothing"));
  await trace("leave", pg.leave({ b: [2], a: 1 }, me, SCOPE));
  await trace("groups", pg.whichGroups(SCOPE).length);
});

scenario("a member that exits leaves its groups, the last first", async () => {
  await start();
  const a = await member("g", 2);
  await pg.join("h", a, SCOPE);
  await pg.join("left", a, SCOPE);
  await pg.leave("left", a, SCOPE);
  const { ref, groups } = await pg.monitorScope(SCOPE);
  await trace("groups", groupsIn(groups, "g", "h", "left"));
  Process.exit(a, "kill");
  for (let i = 0; i < 3; i++) await told("told", ref);
  await trace("groups", pg.whichGroups(SCOPE));
  await traceMarker("no more");
});

scenario("an exited process joins, and leaves at once", async () => {
  await start();
  const a = idle();
  Process.exit(a, "kill");
  await reasonOf(a);
  const { ref } = await pg.monitor("g", SCOPE);
  await trace("join", pg.join("g", a, SCOPE));
  for (let i = 0; i < 2; i++) await told("told", ref);
  await trace("members", getMembers("g"));
});

scenario("only local processes can join", async () => {
  await start();
  const pid = await Node.spawn(await peer("kate"), forever);
  await trace("pid", pid);
  await attempt("remote", () => pg.join("g", pid, SCOPE));
  await attempt("remote", () => pg.join("g", [self(), pid], SCOPE));
  await attempt("remote", () => pg.leave("g", pid, SCOPE));
  await trace("groups", pg.whichGroups(SCOPE));
});

scenario("without a running scope there are no members", async () => {
  await trace("members", getMembers("g"));
  await trace("local members", pg.getLocalMembers("g", SCOPE));
  await attempt("groups", () => pg.whichGroups(SCOPE));
  const reason = (fn: () => Promise<unknown>) =>
    attempt("exit", async () => {
      try {
        await fn();
      } catch (error) {
        const { reason } = error as ExitError;
        throw new ExitError((reason as { reason: unknown }).reason);
      }
    });
  await reason(() => pg.join("g", self(), SCOPE));
  await reason(() => pg.leave("g", self(), SCOPE));
  await reason(() => pg.monitor("g", SCOPE));
  await reason(() => pg.demonitor(makeRef(), SCOPE));
});

scenario("a scope registers its name once, and is independent", async () => {
  const pid = await start();
  await trace("whereis", Process.whereis(SCOPE.scope)!.equals(pid));
  let again: unknown;
  try {
    again = await pg.start(SCOPE.scope);
  } catch (error) {
    again = { type: "error", reason: (error as ExitError).reason };
  }
  await trace("again", [pid, again]);
  const other = { scope: "other_scope" };
  await pg.startLink(other.scope);
  await pg.join("g", self(), SCOPE);
  await trace("other", pg.getMembers("g", other));
  await trace("leave", pg.leave("g", self(), other));
  await trace("members", getMembers("g"));
});

scenario("a linked scope exits with its starter", async () => {
  const main = self();
  const starter = spawn(async () => {
    const linked = await pg.startLink("linked");
    const alone = await pg.start("alone");
    send(main, { type: "scopes", linked, alone });
    await forever();
  });
  const { linked, alone } = await expect("scopes");
  const refs = [linked, alone].map((pid) => Process.monitor(pid));
  await trace("scopes", [linked, alone, refs]);
  Process.exit(starter, "oops");
  await traceNext("down");
  await trace("alone", Process.alive(alone));
});

scenario("a monitor of a group reports only that group", async () => {
  await start();
  const a = await member("g");
  const { ref: one, pids } = await pg.monitor("g", SCOPE);
  const { ref: two } = await pg.monitor("g", SCOPE);
  await trace("members", [pids, a]);
  await pg.join("h", a, SCOPE);
  const b = idle();
  await pg.join("g", [b, a], SCOPE);
  for (const ref of [one, two]) await told("told", ref);
  await pg.leave("g", b, SCOPE);
  for (const ref of [one, two]) await told("told", ref);
  await traceMarker("no more");
});

scenario("a monitor of the scope reports all groups", async () => {
  await start();
  const a = await member("g", 2);
  await pg.join("h", self(), SCOPE);
  const { ref, groups } = await pg.monitorScope(SCOPE);
  await trace("groups", [a, groups.length, ...groupsIn(groups, "g", "h")]);
  await pg.join("new", a, SCOPE);
  await told("told", ref);
  await pg.leave("h", self(), SCOPE);
  await told("told", ref);
  await traceMarker("no more");
});

scenario("demonitor flushes the messages of its own monitor only", async () => {
  await start();
  const { ref: one } = await pg.monitor("g", SCOPE);
  const { ref: two } = await pg.monitor("g", SCOPE);
  const { ref: all } = await pg.monitorScope(SCOPE);
  const a = await member("g");
  await pg.leave("g", a, SCOPE);
  await trace("end", pg.demonitor(one, SCOPE));
  await trace("end", pg.demonitor(all, SCOPE));
  await trace("again", pg.demonitor(one, SCOPE));
  await trace("unknown", pg.demonitor(makeRef(), SCOPE));
  await trace("who", a);
  for (let i = 0; i < 2; i++) await told("told", two);
  await pg.join("g", a, SCOPE);
  await told("told", two);
  await traceMarker("no more");
});

scenario("all nodes see the members, and which are local", async () => {
  const ref = await withKate(G);
  const ours = await member(G);
  const theirs = await on("kate", member, G);
  const names = { ours, theirs };
  await told("told", ref);
  await traceMarker("no more");
  await Node.connect(await peer("kate"));
  await told("told", ref);
  await trace("members", members(G, names));
  await trace("local", named(pg.getLocalMembers(G, SCOPE), names));
  const late = await on("kate", member, LATE);
  const again = await on("kate", member, G, 2);
  await told("told", ref);
  await trace("members", members(G, { ...names, again }));
  await trace("late", getMembers(LATE)[0].equals(late));
  await trace("groups", pg.whichGroups(SCOPE).sort());
  await trace("local groups", pg.whichLocalGroups(SCOPE));
  Process.exit(theirs, "kill");
  await told("told", ref);
  await on("kate", leave, G, again);
  await told("told", ref);
  await settle();
  await trace("members", members(G, { ...names, again }));
});

scenario("a scope started on connected nodes finds the others", async () => {
  await on("kate", start);
  const theirs = await on("kate", member, G);
  await Node.connect(await peer("kate"));
  await start();
  const { ref, pids } = await pg.monitor(G, SCOPE);
  if (pids.length === 0) await receive((m) => ref.equals(m?.ref));
  await trace("members", members(G, { theirs }));
  await traceMarker("no more");
  await settle();
});

scenario("members leave with the connection, and come back", async () => {
  const ref = await withKate(G);
  await Node.connect(await peer("kate"));
  const stays = await on("kate", member, G);
  await told("told", ref);
  const goes = await on("kate", member, G);
  await told("told", ref);
  await settle();
  await part("kate");
  const gone = await receive((m) => m?.type === "leave" && ref.equals(m.ref));
  await trace("gone", named(gone.pids, { stays, goes }));
  await trace("members", getMembers(G));
  const comes = await on("kate", member, G);
  await on("kate", leave, G, goes);
  await Node.connect(await peer("kate"));
  const back = await receive((m) => m?.type === "join" && ref.equals(m.ref));
  await trace("back", named(back.pids, { stays, goes, comes }));
  await trace("members", members(G, { stays, goes, comes }));
  await traceMarker("no more");
  await settle();
});

scenario("members of a node that goes down leave", async () => {
  const node = await peer("victim");
  await on("victim", start);
  await start();
  await Node.connect(node);
  const { ref } = await pg.monitor(G, SCOPE);
  const theirs = await on("victim", member, G, 2);
  await trace("who", theirs);
  await told("told", ref);
  await killNode("victim");
  await told("told", ref);
  await trace("groups", pg.whichGroups(SCOPE));
});

scenario("members are lost with their node's scope, and rejoin", async () => {
  const ref = await withKate(G);
  await Node.connect(await peer("kate"));
  const theirs = await on("kate", member, G);
  await told("told", ref);
  await settle();
  await on("kate", crash);
  await told("told", ref);
  await on("kate", start);
  await trace("its members", on("kate", getMembers, G));
  await on("kate", join, G, theirs);
  await told("told", ref);
  await settle();
  await traceMarker("no more");
});

scenario("connecting to one node brings the members of all", async () => {
  const ref = await withKate(G);
  await on("moebi", start);
  const [kate, moebi] = [await peer("kate"), await peer("moebi")];
  await on("kate", connect, moebi);
  const theirs = await on("moebi", member, G);
  await trace("kate", on("kate", seen, G, theirs));
  await traceMarker("no more");
  await Node.connect(kate);
  await told("told", ref);
  await trace("main", members(G, { theirs }));
  await settle();
});
