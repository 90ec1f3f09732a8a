/** Registered names: their owners, when they become free, invalid registrations. */

import {
  beam,
  exit,
  Node,
  type Pid,
  Process,
  self,
  send,
  spawn,
  spawnLink,
} from "../../../mod.ts";
import {
  attempt,
  expect,
  forever,
  message,
  next,
  on,
  peer,
  reasonOf,
  scenario,
  trace,
  UNKNOWN_NODE,
} from "../_scenario.ts";

export async function named(name: string, main: Pid): Promise<void> {
  Process.register(self(), name);
  send(main, message("registered", self()));
  exit((await expect("exit"))[1]);
}

beam(named, { args: ["atom"] });

export async function tell(main: Pid): Promise<void> {
  send(main, message("ready"));
  send(main, message("heard", await next(5000)));
}

scenario("a name is free when its process's EXIT has arrived", async () => {
  Process.trapExit(true);
  const pid = spawnLink(named, ["clerk", self()]);
  await expect("registered");
  await trace("before", Process.whereis("clerk")?.equals(pid));
  send("clerk", message("exit", "oops"));
  await trace("exit", expect("EXIT"));
  await trace("whereis", Process.whereis("clerk"));
  await trace("register", Process.register(self(), "clerk"));
  Process.unregister("clerk");
});

scenario("a name is free when its process's DOWN has arrived", async () => {
  const pid = spawn(named, ["clerk", self()]);
  await expect("registered");
  await trace("monitor", [pid, Process.monitor(pid)]);
  Process.exit(pid, "kill");
  await trace("down", expect("DOWN"));
  await trace("register", Process.register(self(), "clerk"));
  await trace("whereis", Process.whereis("clerk")?.equals(self()));
  Process.unregister("clerk");
});

scenario("another node's name is free when its DOWN has arrived", async () => {
  const clerk = { name: "clerk", node: await peer("kate") };
  await Node.spawn(clerk.node, named, ["clerk", self()]);
  await expect("registered");
  const ref = Process.monitor(clerk);
  send(clerk, message("exit", "oops"));
  await trace("down", [await expect("DOWN"), ref]);
  const again = Process.monitor(clerk);
  await trace("again", [await expect("DOWN"), again]);
});

scenario("the receiver of a DOWN can reuse the name at once", async () => {
  Process.trapExit(true);
  for (const reason of ["one", "two"]) {
    const pid = spawnLink(named, ["clerk", self()]);
    await trace("registered", [(await expect("registered"))[1], pid]);
    send("clerk", message("exit", reason));
    await trace("exit", expect("EXIT"));
  }
});

scenario("an invalid registration raises", async () => {
  const kate = await peer("kate");
  spawn(named, ["clerk", self()]);
  const [, pid] = await expect("registered");
  const dead = spawn(() => {});
  await reasonOf(dead);
  const remote = await Node.spawn(kate, forever);
  await attempt("taken", () => Process.register(self(), "clerk"));
  await attempt("has a name", () => Process.register(pid, "other"));
  await attempt("same again", () => Process.register(pid, "clerk"));
  await attempt("undefined", () => Process.register(self(), "undefined"));
  await attempt("dead", () => Process.register(dead, "other"));
  await attempt("remote", () => Process.register(remote, "other"));
  await attempt("unregister", () => Process.unregister("other"));
  await trace("clerk", Process.whereis("clerk")?.equals(pid));
  await trace("other", Process.whereis("other"));
});

scenario("a message to a free name raises here, drops elsewhere", async () => {
  const kate = await peer("kate");
  const sendTo = (node: string) => {
    send({ name: "nobody", node }, message("hello"));
    return "sent";
  };
  await attempt("local", () => send("nobody", message("hello")));
  await attempt("here", () => sendTo(Node.self()));
  await attempt("there", () => sendTo(kate));
  await attempt("nowhere", () => sendTo(UNKNOWN_NODE));
});

export function changeHands(one: Pid, other: Pid): void {
  Process.register(one, "clerk");
  Process.unregister("clerk");
  Process.register(other, "clerk");
}

scenario("the new owner of a name receives its messages", async () => {
  const kate = await peer("kate");
  const one = await Node.spawn(kate, tell, [self()]);
  await expect("ready");
  const other = await Node.spawn(kate, tell, [self()]);
  await expect("ready");
  await on("kate", changeHands, one, other);
  send({ name: "clerk", node: kate }, message("for_the_other"));
  send(one, message("for_the_one"));
  const got = [await expect("heard"), await expect("heard")];
  got.sort(([, a], [, b]) => String(a) < String(b) ? -1 : 1);
  for (const heard of got) await trace("got", heard);
});

scenario("unregister leaves the process alive", async () => {
  const pid = spawn(named, ["clerk", self()]);
  await expect("registered");
  await trace("unregister", Process.unregister("clerk"));
  await trace("whereis", Process.whereis("clerk"));
  await trace("alive", Process.alive(pid));
  await trace("register", Process.register(pid, "other"));
  Process.exit(pid, "kill");
  await reasonOf(pid);
  await trace("whereis", Process.whereis("other"));
});
