/** Aliases: when they end, and which messages are dropped then. */

import {
  makeRef,
  Node,
  type Pid,
  Process,
  receive,
  type Ref,
  self,
  send,
  spawn,
  spawnMonitor,
} from "../../../mod.ts";
import type { AliasMode } from "../../../packages/processes/process.ts";
import {
  attempt,
  expect,
  isMessage,
  message,
  next,
  peer,
  reasonOf,
  scenario,
  trace,
  traceNext,
  traceNothing,
} from "../_scenario.ts";

/** Sends to the alias on request, and reports when it has. */
export async function sender(): Promise<never> {
  for (;;) {
    const [, to, address, messages] = await expect("send");
    for (const each of messages) send(address, each);
    send(to, message("sent"));
  }
}

async function through(
  pid: Pid,
  address: Ref,
  messages: unknown[],
): Promise<void> {
  send(pid, message("send", self(), address, messages));
  await expect("sent");
}

async function flushAll(): Promise<unknown[]> {
  const all = [];
  for (let each = await next(0); each !== "nothing"; each = await next(0)) {
    all.push(each);
  }
  return all;
}

async function ended(ref: Ref): Promise<void> {
  await receive((message) => ref.equals(message?.ref));
}

scenario("an alias is active until unalias", async () => {
  for (const node of [Node.self(), await peer("kate")]) {
    const pid = await Node.spawn(node, sender);
    const address = Process.alias();
    await through(pid, address, [1, 2]);
    await trace("got", flushAll());
    await trace("unalias", Process.unalias(address));
    await through(pid, address, [3]);
    await trace("got", flushAll());
    await trace("again", Process.unalias(address));
  }
});

scenario("one for a reply accepts one message", async () => {
  for (const node of [Node.self(), await peer("kate")]) {
    const pid = await Node.spawn(node, sender);
    const address = Process.alias({ reply: true });
    await through(pid, address, [1, 2]);
    await trace("got", flushAll());
    await trace("unalias", Process.unalias(address));
  }
});

scenario("only its process can deactivate one", async () => {
  const address = Process.alias();
  const main = self();
  const { ref } = spawnMonitor(() => {
    send(main, message("unalias", Process.unalias(address)));
  });
  await traceNext("other");
  await ended(ref);
  send(address, message("hello"));
  await traceNext("got");
});

scenario("a message to an alias of a dead process is dropped", async () => {
  const main = self();
  const { ref } = spawnMonitor(() => {
    send(main, message("alias", Process.alias()));
  });
  const [, address] = await expect("alias");
  await ended(ref);
  await attempt("sent", () => {
    send(address, message("hello"));
    return "sent";
  });
  await trace("unalias", Process.unalias(address));
  await trace("of none", Process.unalias(makeRef()));
});

function watched(mode: AliasMode): { pid: Pid; ref: Ref } {
  const pid = spawn(sender);
  return { pid, ref: Process.monitor(pid, { alias: mode }) };
}

scenario("of a monitor, with explicit_unalias, outlives the DOWN", async () => {
  const { pid, ref } = watched("explicit_unalias");
  await through(pid, ref, [1]);
  await trace("got", [await next(), ref]);
  Process.exit(pid, "kill");
  await traceNext("got");
  send(ref, 2);
  await traceNext("got");
  await trace("unalias", Process.unalias(ref));
});

scenario("of a monitor, explicit_unalias outlives demonitor", async () => {
  const { ref } = watched("explicit_unalias");
  await trace("demonitor", Process.demonitor(ref));
  send(ref, 1);
  await traceNext("got");
  await trace("unalias", Process.unalias(ref));
});

scenario("of a monitor, ends with the monitor by demonitor", async () => {
  const { pid, ref } = watched("demonitor");
  await through(pid, ref, [1, 2]);
  await trace("got", flushAll());
  Process.demonitor(ref);
  await through(pid, ref, [3]);
  await trace("got", flushAll());
  await trace("unalias", Process.unalias(ref));
});

scenario("of a monitor, ends with the DOWN", async () => {
  const { pid, ref } = watched("demonitor");
  Process.exit(pid, "kill");
  await trace("down", [await expect("DOWN"), ref]);
  send(ref, message("late"));
  await trace("got", flushAll());
  await trace("unalias", Process.unalias(ref));
});

scenario("of a monitor, ends the monitor at the first reply", async () => {
  for (const node of [Node.self(), await peer("kate")]) {
    const pid = await Node.spawn(node, sender);
    const ref = Process.monitor(pid, { alias: "reply_demonitor" });
    await through(pid, ref, [message("reply"), message("second")]);
    await trace("got", flushAll());
    await trace("demonitor", Process.demonitor(ref));
    Process.exit(pid, "kill");
    await trace("reason", reasonOf(pid));
    await traceNothing("then");
  }
});

export async function answerLate(): Promise<void> {
  const [, from, address] = await expect("question");
  send(from, message("asked"));
  await expect("answer");
  send(address, message("answer", 42));
}

scenario("a reply that is late for its request is dropped", async () => {
  const pid = await Node.spawn(await peer("kate"), answerLate);
  const ref = Process.monitor(pid, { alias: "reply_demonitor" });
  send(pid, message("question", self(), ref));
  await expect("asked");
  send(pid, message("answer"));
  // It may have arrived just before; from here on it does not.
  Process.demonitor(ref, { flush: true });
  await receive((m) => isMessage(m, "answer"), {
    timeout: 0,
    after: undefined,
  });
  await trace("given up", Process.unalias(ref));
  await trace("reason", ["normal", "noproc"].includes(await reasonOf(pid)));
  await traceNothing("then");
});

scenario("unalias of a monitor's alias keeps the monitor", async () => {
  const { pid, ref } = watched("demonitor");
  await trace("unalias", Process.unalias(ref));
  await through(pid, ref, [1]);
  await trace("got", flushAll());
  Process.exit(pid, "kill");
  await trace("down", [await next(), ref, pid]);
});
