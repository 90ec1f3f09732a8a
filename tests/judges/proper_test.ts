/**
 * PropEr, in a node of Erlang/OTP, judges nodes of this library and of Erlang by the same models: random commands one after
 * the other, and random commands in two processes at once, whose answers must fit into one order. The models are
 * `judge_*.erl`; `judge.erl` runs them.
 *
 * `FUZZ_TIMES` makes more tests: `FUZZ_TIMES=20 deno test -P=dev tests/judges/proper_test.ts` takes some minutes.
 */

import { assert, AssertionError, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import { pg } from "../../packages/node/pg/pg.ts";
import { self } from "../../packages/processes/process.ts";
import { Node } from "../../node.ts";
import { atom } from "../../packages/processes/values/atom.ts";
import { Registry } from "../../packages/servers/registry/registry.ts";
import { global } from "../../packages/cluster/global/global.ts";
import { ELIXIR, ElixirNode, hasErlangApplication } from "../_elixir.ts";
import { type Cluster, clusterTest, COOKIE } from "../_nodes.ts";
import { commandOf, runs, SEED } from "../_seeds.ts";
import { temporaryFolder } from "../_temporary.ts";
import { Program } from "../examples/_program.ts";
import { serve, subject } from "./_subject.ts";

/** PropEr is no program, but a missing one of its name excludes a test. */
const PROPER = await hasErlangApplication("proper") ? [] : ["erlang-proper"];
const OPTIONS = {
  programs: [...ELIXIR, ...PROPER],
  tags: ["erlang-proper"],
  timeout: 60_000 + runs(60_000),
};

const SLOW = { ...OPTIONS, tags: [...OPTIONS.tags, "slow"] };

type Kind = "sequential" | "parallel" | "lives" | "tables" | "keys";

/** A check of a model. */
interface Check {
  model: "judge_actors" | "judge_tasks" | "judge_entities";
  kind: Kind;
  /** The number of tests. */
  times: number;
  /** The module of the subject on the node. */
  module?: string;
  /** Further settings of the model, as terms of Elixir. */
  settings?: string;
  /** How long the judge waits for what must happen at last, in milliseconds. */
  limit?: number;
}

/** Starts a node of Erlang with the subject and the models. */
async function startErlang(
  name: string,
  cluster: Cluster,
): Promise<ElixirNode> {
  const node = await ElixirNode.start(name, cluster);
  const folder = fileURLToPath(new URL(".", import.meta.url));
  await node.evaluate(`
    Logger.configure(level: :none)
    for module <- [:subject, :judge, :judge_actors, :judge_tasks, :judge_entities] do
      {:ok, ^module, code} = :compile.file(~c"${folder}#{module}.erl", [:binary, :return_errors])
      {:module, _} = :code.load_binary(module, ~c"#{module}.erl", code)
    end
    :subject.serve()`);
  return node;
}

/** The result of a check. */
type Verdict = { tests: number; commands: number } | { failure: string };

/** Has a node judged. */
async function verdictOf(
  judge: ElixirNode,
  node: string,
  check: Check,
): Promise<Verdict> {
  const { model, kind, times, module = "subject" } = check;
  const { limit = 5000, settings = "" } = check;
  await judge.evaluate(`ref = :judge.start(%{
    model: :${model}, kind: :${kind}, node: :"${node}", module: :${module},
    times: ${times}, seed: ${SEED}, limit: ${limit}, ${settings}
  })`);
  for (;;) {
    const verdict = await judge.evaluate(`
      case :judge.verdict(ref) do
        {:failed, seed, text} -> "#{seed} #{Base.encode64(text)}"
        {:held, tests, commands} -> "held #{tests} #{commands}"
        :running -> "running"
      end`);
    const [first, second, third] = JSON.parse(verdict).split(" ");
    if (first === "running") continue;
    if (first === "held") {
      return { tests: Number(second), commands: Number(third) };
    }
    const bytes = Uint8Array.from(atob(second), (each) => each.charCodeAt(0));
    return {
      failure: `${node}, ${kind}:\n${new TextDecoder().decode(bytes)}` +
        `Repeat it: ${commandOf(Number(first))}`,
    };
  }
}

/** Asserts that a node does as the model says. */
async function assertHolds(
  judge: ElixirNode,
  node: string,
  check: Check,
): Promise<void> {
  const verdict = await verdictOf(judge, node, check);
  if ("failure" in verdict) throw new AssertionError(verdict.failure);
  assert(verdict.commands > check.times, "no commands");
  if (runs(1) > 1) console.log(node, check.model, check.kind, verdict);
}

const CHECKS: Check[] = [
  { model: "judge_actors", kind: "sequential", times: runs(20) },
  { model: "judge_actors", kind: "lives", times: runs(10) },
  { model: "judge_actors", kind: "keys", times: runs(10) },
  { model: "judge_actors", kind: "tables", times: runs(5) },
  { model: "judge_tasks", kind: "sequential", times: runs(10) },
];

clusterTest(
  "PropEr finds no difference between its models, this library and Erlang",
  async (cluster) => {
    const alex = await cluster.start("alex", {
      modules: { subject: subject() },
      allowObserve: true,
    });
    await using stack = new AsyncDisposableStack();
    const [judge, mike] = await Promise.all(
      ["judge", "mike"].map(async (name) =>
        stack.use(await startErlang(name, cluster))
      ),
    );
    await alex.run(async () => {
      await serve();
      // The control comes first: what it does not hold is no promise.
      for (const node of [mike.name, alex.name]) {
        await judge.evaluate(`true = Node.connect(:"${node}")`);
        await judge.evaluate(":ok = :global.sync()");
        for (const check of CHECKS) await assertHolds(judge, node, check);
      }
    });
  },
  OPTIONS,
);

/** Errors of actors, and what the printed commands have: how short they become depends on the seed and on what runs at once. */
const ERRORS: Record<
  string,
  { acts: Parameters<typeof subject>[0]; kind?: Kind; command: RegExp }
> = {
  "a process that leaves a group leaves it twice": {
    acts: {
      async leave(_box, group) {
        const left = await pg.leave(group, self());
        await pg.leave(group, self());
        return atom(left);
      },
    },
    command: /^ {2}leave\(/m,
  },
  "a global name is given twice": {
    acts: {
      async claim(_box, name) {
        await global.reRegisterName(name, self());
        return atom("yes");
      },
    },
    command: /^ {2}claim\(.* -> yes$/m,
  },
  "a DOWN is lost": {
    acts: {
      take: (box) =>
        box.messages.splice(0).filter(([type, , reason]) =>
          type !== atom("down") || reason !== atom("boom")
        ),
    },
    command: /^ {2}watch\(/m,
  },
  "a DOWN comes twice": {
    acts: {
      take: (box) =>
        box.messages.splice(0).flatMap((message) =>
          message[0] === atom("down") ? [message, message] : [message]
        ),
    },
    command: /^ {2}watch\(/m,
  },
  "a process that takes a key looks whether it is free, and waits": {
    acts: {
      async enter(_box, key) {
        if (Registry.lookup("keys", key).length > 0) return atom("taken");
        // Meanwhile another process does the same.
        for (let i = 0; i < 3; i++) await Node.ping("judge@localhost");
        Registry.register("keys", key);
        return atom("ok");
      },
    },
    kind: "keys",
    command: /enter.* -> ok\n[^]*enter.* -> ok\n[^]*no order of these/,
  },
};

clusterTest(
  "PropEr finds planted errors, and prints the commands",
  async (cluster) => {
    const errors = Object.entries(ERRORS);
    const alex = await cluster.start("alex", {
      modules: Object.fromEntries(
        errors.map(([, { acts }], i) => [`wrong${i}`, subject(acts)]),
      ),
      allowObserve: true,
    });
    await using judge = await startErlang("judge", cluster);
    await alex.run(async () => {
      await serve();
      assert(await Node.connect(judge.name));
      for (const [i, [error, { kind, command }]] of errors.entries()) {
        const verdict = await verdictOf(judge, alex.name, {
          ...{ model: "judge_actors", kind: kind ?? "sequential" },
          ...{ module: `wrong${i}`, times: 3000, limit: 1000 },
        });
        assert("failure" in verdict, error);
        assertMatch(verdict.failure, command);
        assertMatch(verdict.failure, /^Repeat it: FUZZ_SEED=\d+ /m);
      }
    });
  },
  SLOW,
);

const NODES = ["alex@localhost", "kate@localhost"];
/** The lease of an owner in milliseconds: one that is killed is replaced after it. */
const LEASE = 500;

clusterTest(
  "PropEr finds no lost or repeated write of entities whose programs are killed, except a planted one",
  async (cluster) => {
    await using stack = new AsyncDisposableStack();
    const folder = stack.use(await temporaryFolder());
    const programs = new Map<string, Program>();
    const start = async (name: string) => {
      const program = new Program("../tests/judges/_entity_program.ts", [
        JSON.stringify({
          ...{ name, cookie: COOKIE, epmdPort: cluster.epmdPort },
          ...{ file: `${folder.path}/entities.db`, lease: LEASE },
        }),
      ]);
      programs.set(name, program);
      await program.matches(/^up$/m);
    };
    const end = (name: string) => programs.get(name)?.[Symbol.asyncDispose]();
    const control = {
      async kill(name: string): Promise<unknown> {
        await end(name);
        await start(name);
        return atom("ok");
      },
    };
    const { name } = await cluster.start("control", { modules: { control } });
    stack.defer(async () => void await Promise.all(NODES.map(end)));
    const [judge] = await Promise.all([
      startErlang("judge", cluster),
      ...NODES.map(start),
    ]);
    stack.use(judge);
    const model = "judge_entities";
    const nodes = NODES.map((each) => `:"${each}"`);
    const settings = `control: :"${name}", nodes: [${nodes}]`;
    for (const kind of ["sequential", "parallel"] as const) {
      const times = runs(2);
      await assertHolds(judge, NODES[0], { model, kind, times, settings });
    }
    const verdict = await verdictOf(judge, NODES[0], {
      ...{ model, kind: "sequential", module: "wrong", times: 100, settings },
    });
    assert("failure" in verdict);
    assertMatch(verdict.failure, /^ {2}add\(/m);
  },
  SLOW,
);
