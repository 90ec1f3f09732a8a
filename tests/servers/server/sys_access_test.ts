/** Requests of OTP's `sys` from other nodes: which of them a node allows, and how long a suspension lasts. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Application } from "../../../packages/servers/application/application.ts";
import {
  GenServer,
  type GenServerModule,
} from "../../../packages/servers/gen_server/gen_server.ts";
import { Node, type NodeOptions } from "../../../node.ts";
import { Observer } from "../../../packages/observe/observer.ts";
import { Supervisor } from "../../../packages/servers/supervisor/supervisor.ts";
import { type Atom, atom } from "../../../packages/processes/values/atom.ts";
import { improperList } from "../../../packages/processes/values/improper_list.ts";
import { Pid, Ref } from "../../../packages/processes/values/pid.ts";
import { type Tuple, tuple } from "../../../packages/processes/values/tuple.ts";
import * as control from "../../../packages/beam/wire/control.ts";
import { clusterTest } from "../../_nodes.ts";
import { CREATION, RAW, RawBeam, tagged } from "../../_raw_beam.ts";

const FROM = new Pid(RAW, 1, CREATION);

const Counter: GenServerModule<
  { arg: number; state: number; call: ["get", number] }
> = {
  init: (state) => ({ type: "ok", state }),
  handleCall: (_request, _from, state) => ({
    type: "reply",
    reply: state,
    state,
  }),
};

let lastRef = 0;

/** Sends a request as OTP's `gen:call` does; returns the text of a refusal, or `"answered"`. */
async function ask(
  peer: RawBeam,
  name: string,
  request: unknown,
): Promise<string> {
  const ref = new Ref(RAW, ++lastRef, CREATION);
  peer.say([control.DOP_MONITOR, FROM, atom(name), ref]);
  peer.send(
    name,
    tagged("system", tuple(FROM, improperList([atom("alias")], ref)), request),
  );
  for (;;) {
    const { control: [kind], message } = (await peer.hear())!;
    if (kind === control.DOP_ALIAS_SEND) return "answered";
    if (kind !== control.DOP_PAYLOAD_DOWN) continue;
    const [reason, text] = (message as Tuple<[Atom, string]>).elements;
    assertEquals(reason, atom("not_allowed"));
    return text;
  }
}

async function startCounter(node: Node): Promise<void> {
  await node.run(() => GenServer.start(Counter, 7, { name: "counter" }));
}

const STATE = atom("get_state");
const STATUS = atom("get_status");
const LOG = tagged("debug", tagged("log", atom("get")));
const NO_DEBUG = tagged("debug", atom("no_debug"));
const SUSPEND = atom("suspend");
const RESUME = atom("resume");
const REPLACE = tagged("replace_state", atom("fun"));
const STOP = tagged("terminate", atom("normal"));

const READ = /--allow-observe \(allowObserve: true\)$/;
const WRITE = /allowObserve: "write"$/;
const RULE = /its `allow` option says no$/;
const FINE = /^answered$/;

const REQUESTS = [
  STATE,
  STATUS,
  LOG,
  NO_DEBUG,
  SUSPEND,
  RESUME,
  REPLACE,
  STOP,
];

/** Options of a node, and its answers to the requests. */
const ACCESS: [Partial<NodeOptions>, RegExp[]][] = [
  [{}, [READ, READ, READ, WRITE, WRITE, WRITE, WRITE, FINE]],
  [
    { allowObserve: true },
    [FINE, FINE, FINE, WRITE, WRITE, WRITE, WRITE, FINE],
  ],
  [{ allowObserve: "write" }, REQUESTS.map(() => FINE)],
  [{
    allowObserve: "write",
    allow: (node, module, fn) =>
      node === RAW && module === "sys" && fn === "suspend",
  }, [RULE, RULE, RULE, RULE, FINE, RULE, RULE, RULE]],
];

for (const [options, answers] of ACCESS) {
  clusterTest(
    `sys, with ${Object.entries(options).join()}`,
    async (cluster) => {
      const alex = await cluster.start("alex", options);
      await startCounter(alex);
      await using peer = await RawBeam.dial(alex);
      for (const [i, request] of REQUESTS.entries()) {
        assertMatch(await ask(peer, "counter", request), answers[i]);
      }
      const refused = answers.filter((answer) => answer !== FINE).length;
      const stats = await alex.run(() => Node.stats());
      assertEquals(stats?.refusedRequests.not_allowed, refused);
    },
  );
}

clusterTest("allow decides on GenServer.stop()", async (cluster) => {
  const alex = await cluster.start("alex", {
    allow: (_node, module, fn) => `${module}.${fn}` !== "sys.terminate",
  });
  const kate = await cluster.start("kate");
  await startCounter(alex);
  const counter = { name: "counter", node: alex.name };
  await kate.run(async () => {
    await assertRejects(
      () => GenServer.stop(counter),
      Error,
      "does not let kate@localhost run sys.terminate",
    );
    assertEquals(await GenServer.call(counter, "get"), 7);
  });
  assertEquals(await alex.run(() => GenServer.stop("counter")), "ok");
});

clusterTest("a suspended server goes on without its peer", async (cluster) => {
  const alex = await cluster.start("alex", { allowObserve: "write" });
  await alex.run(() =>
    Application.start({
      name: "chat",
      start: () =>
        Supervisor.startLink([], { strategy: "one_for_one", name: "Sup" }),
    })
  );
  const sup = "Elixir.Sup";
  await using peer = await RawBeam.dial(alex);
  assertEquals(await ask(peer, sup, SUSPEND), "answered");
  await cluster.logged(/Sup \(.*\) is suspended by #PID<.*> of raw@localhost/);
  const { roots } = await Observer.tree({ node: alex.name });
  assertEquals(roots.map(({ suspendedBy }) => suspendedBy), [FROM]);
  const shown = await Observer.process(roots[0].pid!);
  assertEquals(shown?.suspendedBy, FROM);
  const counted = alex.run(() => Supervisor.countChildren("Sup"));
  assertEquals(await ask(peer, sup, STATE), "answered");
  await peer[Symbol.asyncDispose]();
  await cluster.logged(/Sup \(.*\) is resumed, as raw@localhost is gone/);
  assertEquals((await counted).specs, 0);
  const after = await Observer.process(roots[0].pid!);
  assertEquals(after?.suspendedBy, undefined);
});

clusterTest("a server goes on when both suspenders left", async (cluster) => {
  const alex = await cluster.start("alex", { allowObserve: "write" });
  await startCounter(alex);
  await using other = await RawBeam.dial(alex, "other@localhost");
  await using peer = await RawBeam.dial(alex);
  other.send("counter", tagged("system", tuple(other.pid, "tag"), SUSPEND));
  await other.hear();
  assertEquals(await ask(peer, "counter", SUSPEND), "answered");
  const got = alex.run(() => GenServer.call("counter", "get"));
  await other[Symbol.asyncDispose]();
  assertEquals(await ask(peer, "counter", STATE), "answered");
  assert(!cluster.lines().some((line) => line.includes("is resumed")));
  await peer[Symbol.asyncDispose]();
  assertEquals(await got, 7);
  await cluster.logged(/counter .* is resumed, as raw@localhost is gone/);
});

clusterTest("a node's stop skips suspended servers", async (cluster) => {
  const alex = await cluster.start("alex", { allowObserve: "write" });
  let stopped = false;
  await alex.run(() =>
    Application.start({
      name: "chat",
      start: () => Supervisor.startLink([], { strategy: "one_for_one" }),
      stop: () => void (stopped = true),
    })
  );
  await using peer = await RawBeam.dial(alex);
  assertEquals(await ask(peer, "application_controller", SUSPEND), "answered");
  await alex.stop({ timeout: Infinity });
  assert(stopped);
  await cluster.logged(
    /application_controller .* is resumed, as alex@localhost stops; #PID<.*> had suspended it/,
  );
});

clusterTest("a stop out of time says what it awaited", async (cluster) => {
  const alex = await cluster.start("alex");
  const { promise, resolve } = Promise.withResolvers<void>();
  await alex.run(() =>
    GenServer.start(
      { ...Counter, terminate: () => promise },
      0,
      { name: "stuck" },
    )
  );
  // safe: the server never ends, so that only the limit ends the stop
  await alex.stop({ timeout: 10 });
  resolve();
  assertMatch(
    cluster.lines().join("\n"),
    /alex@localhost has not stopped in order within 10 ms: it waited for stuck \(#PID<.*>\), and now ends all processes/,
  );
});
