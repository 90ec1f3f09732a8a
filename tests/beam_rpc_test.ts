/** Calls of functions between nodes of this library and of Elixir, both ways. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { beam } from "../beam.ts";
import { ExitError, UndefinedFunctionError } from "../errors.ts";
import { exit, type Pid, receive, send } from "../process.ts";
import { rpc } from "../rpc.ts";
import { atom } from "../runtime/values/atom.ts";
import { Tuple, tuple } from "../runtime/values/tuple.ts";
import { ELIXIR, ElixirNode } from "./_elixir.ts";
import { clusterTest } from "./_nodes.ts";

const OPTIONS = { programs: ELIXIR, timeout: 60_000 };

const WORK = `
defmodule Work do
  def double_it(x), do: x * 2
  def status(:ready), do: :ok
  def fail(reason), do: exit(reason)
  def toss(value), do: throw(value)
  def crash, do: raise(ArgumentError, "oops")
  def match(x), do: {:ok, _} = x
  def forever, do: Process.sleep(:infinity)
  def tell(pid), do: send(pid, :told)
end
`;

const NO_SHELL =
  "it is a TypeScript node: use deno task chat --remsh, or :rpc.call";

const Work = {
  doubleIt: (x: number) => x * 2,
  status: beam((text: string) => text === "ready" ? "ok" : "no", {
    args: ["atom"],
    returns: "atom",
  }),
  fail: (reason: unknown) => exit(reason),
  toss: (value: unknown) => {
    throw value;
  },
  crash: () => {
    throw new RangeError("oops");
  },
  forever: () => receive(() => false),
  secret: () => 1,
  tell: (to: Pid, value: unknown) => void send(to, value),
};

clusterTest(
  "rpc calls functions of Elixir and Erlang: results, exits, throws, exceptions, functions that do not exist, a timeout",
  async (cluster) => {
    const alex = await cluster.start("alex", { modules: { Work } });
    await using kate = await ElixirNode.start("kate", cluster);
    await kate.evaluate(WORK);
    await kate.evaluate("Process.register(self(), :driver)");
    await alex.run(async () => {
      const on = kate.name;
      assertEquals(await rpc.call(on, ["Work", "doubleIt"], [21]), 42);
      assertEquals(await rpc.call(on, Work.status, ["ready"]), "ok");
      assertEquals(await rpc.call(on, ["erlang", "node"], []), atom(on));
      assertEquals(await rpc.call(on, ["lists", "sort"], [[3, 1, 2]]), [
        1,
        2,
        3,
      ]);
      const exited = await assertRejects(
        () => rpc.call(on, ["Work", "fail"], [atom("bad")]),
        ExitError,
      );
      assertEquals(exited.reason, { type: "exception", reason: "bad" });
      let thrown;
      try {
        await rpc.call(on, ["Work", "toss"], [tuple(atom("a"), 1)]);
      } catch (value) {
        thrown = value;
      }
      assert(thrown instanceof Tuple && thrown.equals(tuple(atom("a"), 1)));
      const crash = await assertRejects(
        () => rpc.call(on, ["Work", "crash"], []),
        Error,
        "oops",
      );
      assertEquals(crash.name, "ArgumentError");
      await assertRejects(
        () => rpc.call(on, ["Work", "match"], [1]),
        Error,
        "badmatch",
      );
      await assertRejects(
        () => rpc.call(on, ["Work", "missing"], [1]),
        UndefinedFunctionError,
        "Work.missing/1",
      );
      await assertRejects(
        // safe: its expiry is tested
        () => rpc.call(on, ["Work", "forever"], [], { timeout: 20 }),
        Error,
        "no answer",
      );
      await assertRejects(
        () => rpc.call(on, () => 1, []),
        TypeError,
        "module and function",
      );
      rpc.cast(on, ["erlang", "send"], [atom("driver"), atom("cast")]);
      assertEquals(await kate.evaluate("receive do :cast -> :got end"), ":got");
    });
  },
  OPTIONS,
);

clusterTest(
  "a cast and a multicast of erpc run functions of this library",
  async (cluster) => {
    const alex = await cluster.start("alex", { modules: { Work } });
    await using kate = await ElixirNode.start("kate", cluster);
    const next = "receive do got -> got after 30_000 -> :nothing end";
    for (
      const cast of [
        `:erpc.cast(:"${alex.name}", Work, :tell, [self(), :once])`,
        `:erpc.multicast([:"${alex.name}"], Work, :tell, [self(), :many])`,
        // One that does not exist has no effect.
        `:erpc.cast(:"${alex.name}", Work, :missing, [self()])
         :rpc.cast(:"${alex.name}", Work, :tell, [self(), :rpc])`,
      ]
    ) await kate.evaluate(cast);
    const got = [];
    for (let i = 0; i < 3; i++) got.push(await kate.evaluate(next));
    assertEquals(got.sort(), [":many", ":once", ":rpc"]);
  },
  OPTIONS,
);

clusterTest(
  "erpc and rpc of Erlang call functions of this library: results, exits, throws, errors, functions that do not exist, a timeout",
  async (cluster) => {
    const alex = await cluster.start("alex", {
      modules: { Work },
      allow: (_node, _module, fn) => fn !== "secret",
    });
    await using kate = await ElixirNode.start("kate", cluster);
    await kate.evaluate(`
      on = :"${alex.name}"
      try_it = fn fun -> try do fun.() catch kind, reason -> {kind, reason} end end`);
    for (
      const [code, expected] of [
        [":erpc.call(on, Work, :double_it, [21])", "42"],
        [":erpc.call(on, Work, :status, [:ready])", ":ok"],
        [":rpc.call(on, Work, :double_it, [21])", "42"],
        [
          ":rpc.call(on, Work, :missing, [1])",
          "{:badrpc, {:EXIT, {:undef, [{Work, :missing, [1], []}]}}}",
        ],
        [
          "try_it.(fn -> :erpc.call(on, Work, :fail, [:bad]) end)",
          "{:exit, {:exception, :bad}}",
        ],
        [
          "try_it.(fn -> :erpc.call(on, Work, :toss, [{:a, 1}]) end)",
          "{:throw, {:a, 1}}",
        ],
        [
          "{:error, {:exception, error, [_ | _]}} = try_it.(fn -> :erpc.call(on, Work, :crash, []) end); error",
          '%RuntimeError{message: "(RangeError) oops"}',
        ],
        [
          "try_it.(fn -> :erpc.call(on, Work, :forever, [], 20) end)",
          "{:error, {:erpc, :timeout}}",
        ],
        [
          ":erpc.multicall([on, node()], :erlang, :node, [])",
          `[error: {:exception, :undef, [{:erlang, :node, [], []}]}, ok: :kate@localhost]`,
        ],
        [
          "{:error, {:exception, error, _}} = try_it.(fn -> :erpc.call(on, Work, :secret, []) end); error.message =~ ~r/allow.* says no/",
          "true",
        ],
        // `iex --remsh` and `erl -remsh` print this reason, and end.
        [
          "for shell <- [:iex, :shell], do: :erpc.call(on, :code, :ensure_loaded, [shell])",
          `[error: :"${NO_SHELL}", error: :"${NO_SHELL}"]`,
        ],
        [":rpc.call(on, :code, :ensure_loaded, [Work])", "{:error, :nofile}"],
      ] as const
    ) {
      assertEquals(await kate.evaluate(code), expected, code);
    }
  },
  OPTIONS,
);
