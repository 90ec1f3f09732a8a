/** Calls of functions between nodes of this library and of Elixir, both ways. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { beam } from "../../../core/beam.ts";
import { ExitError, UndefinedFunctionError } from "../../../core/errors.ts";
import { IO } from "../../../otp/io/io.ts";
import { Node } from "../../../node.ts";
import {
  exit,
  Pid,
  Process,
  receive,
  self,
  send,
  spawn,
} from "../../../otp/process/process.ts";
import { rpc } from "../../../otp/rpc/rpc.ts";
import { atom } from "../../../core/values/atom.ts";
import { Tuple, tuple } from "../../../core/values/tuple.ts";
import { ELIXIR, ElixirNode } from "../../_elixir.ts";
import { test } from "../../../testing/tags.ts";
import { clusterTest, COOKIE } from "../../_nodes.ts";
import { readPage } from "../../_pages.ts";
import { internalsOf } from "../../../node/node_internals.ts";

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
  '{:error, :"it is a TypeScript node: use deno task chat --remsh, or :rpc.call"}';

let listener: Pid;

const Work = {
  listener: () => listener,
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
  run: () => atom("ran"),
  unsendable: () => () => 1,
  tell: (to: Pid, value: unknown) => void send(to, value),
  print: (text: string) => IO.puts(text),
  async hold(to: Pid) {
    send(to, tuple(atom("holding"), self()));
    return await receive((m) => m === atom("go"));
  },
  /** Answers what `:rpc.server_call` asks, and tells a process what it is asked to. */
  async listen() {
    Process.register(self(), "listener");
    for (;;) {
      const [from, request] = (await receive<Tuple>()).elements;
      if (from instanceof Pid) {
        const node = atom(Node.self());
        send(from, tuple(atom("listener"), node, request));
      } else send(request as Pid, atom("told"));
    }
  },
};

/** Each program or function in a row of the table of docs/elixir.md, what Elixir evaluates, and its value. */
const CALLS: Record<string, [code: string, value: string][]> = {
  ":erpc.call": [
    [":erpc.call(on, Work, :double_it, [21])", "42"],
    [":erpc.call(on, Work, :status, [:ready])", ":ok"],
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
      "{:error, {:exception, error, _}} = try_it.(fn -> :erpc.call(on, Work, :secret, []) end); error.message =~ ~r/allow.* says no/",
      "true",
    ],
  ],
  ":erpc.send_request": [[
    ":erpc.receive_response(:erpc.send_request(on, Work, :double_it, [21]))",
    "42",
  ]],
  ":erpc.multicall": [
    [":erpc.multicall([on], Work, :double_it, [21])", "[ok: 42]"],
    [
      ":erpc.multicall([on, node()], :erlang, :node, [])",
      "[error: {:exception, :undef, [{:erlang, :node, [], []}]}, ok: :kate@localhost]",
    ],
  ],
  ":erpc.cast": [[
    // One that does not exist has no effect.
    ":erpc.cast(on, Work, :missing, [self()]); :erpc.cast(on, Work, :tell, [self(), :a]); receive do x -> x end",
    ":a",
  ]],
  ":erpc.multicast": [[
    ":erpc.multicast([on], Work, :tell, [self(), :b]); receive do x -> x end",
    ":b",
  ]],
  ":erpc.call(node, fn -> … end)": [
    [
      "{:error, {:exception, error, _}} = try_it.(fn -> :erpc.call(on, fn -> 1 end) end); error.message =~ no_fun",
      "true",
    ],
  ],
  ":proc_lib.spawn(node, fn -> … end)": [[
    "{:error, error} = try_it.(fn -> :proc_lib.spawn(on, fn -> 1 end) end); inspect(error) =~ ~s(a function of the BEAM)",
    "true",
  ]],
  "&Work.run/0": [
    [":erpc.call(on, &Work.run/0)", ":ran"],
    [
      "{pid, ref} = :proc_lib.spawn_opt(on, &Work.run/0, [:monitor]); receive do {:DOWN, ^ref, _, ^pid, why} -> why end",
      ":normal",
    ],
  ],
  ":rpc.call": [
    [":rpc.call(on, Work, :double_it, [21])", "42"],
    [
      ":rpc.call(on, Work, :missing, [1])",
      "{:badrpc, {:EXIT, {:undef, [{Work, :missing, [1], []}]}}}",
    ],
  ],
  ":rpc.async_call": [[
    ":rpc.yield(:rpc.async_call(on, Work, :double_it, [21]))",
    "42",
  ]],
  ":rpc.multicall": [[
    ":rpc.multicall([on], Work, :double_it, [500])",
    "{[1000], []}",
  ]],
  ":rpc.cast": [[
    ":rpc.cast(on, Work, :tell, [self(), :c]); receive do x -> x end",
    ":c",
  ]],
  ":rpc.eval_everywhere": [[
    ":rpc.eval_everywhere([on], Work, :tell, [self(), :d]); receive do x -> x end",
    ":d",
  ]],
  ":rpc.block_call": [
    [":rpc.block_call(on, Work, :double_it, [21])", "42"],
    [":rpc.block_call(on, Work, :double_it, [21], 30_000)", "42"],
    [":rpc.block_call(on, Work, :print, [~s(printed at kate)])", '"ok"'],
    [":rpc.block_call(on, Work, :toss, [{:a, 1}])", "{:a, 1}"],
    [":rpc.block_call(on, Work, :fail, [:bad])", "{:badrpc, {:EXIT, :bad}}"],
    [
      "{:badrpc, {:EXIT, {error, [_ | _]}}} = :rpc.block_call(on, Work, :crash, []); error.message",
      '"(RangeError) oops"',
    ],
    [
      ":rpc.block_call(on, Work, :missing, [1])",
      "{:badrpc, {:EXIT, {:undef, [{Work, :missing, [1], []}]}}}",
    ],
    [
      "{:badrpc, {:EXIT, {error, _}}} = :rpc.block_call(on, Work, :secret, []); error.message =~ ~r/allow.* says no/",
      "true",
    ],
    // One runs at a time; a call that is not of this kind does not wait.
    [
      `rex = {:rex, on}
       ask = fn kind, f, args -> :gen_server.send_request(rex, {kind, Work, f, args, Process.group_leader()}) end
       held = ask.(:block_call, :hold, [self()])
       pid = receive do {:holding, pid} -> pid end
       waits = ask.(:block_call, :double_it, [21])
       {:reply, 2} = :gen_server.receive_response(ask.(:call, :double_it, [1]), 30_000)
       early = :gen_server.wait_response(waits, 0)
       send(pid, :go)
       {early, :gen_server.receive_response(held, 30_000), :gen_server.receive_response(waits, 30_000)}`,
      "{:timeout, {:reply, :go}, {:reply, 42}}",
    ],
    [
      `held = ask.(:block_call, :hold, [self()])
       receive do {:holding, pid} -> Process.exit(pid, :kill) end
       :gen_server.receive_response(held, 30_000)`,
      "{:reply, {:badrpc, {:EXIT, :killed}}}",
    ],
    // The request of a process that another node has made up.
    [
      `listener = :rpc.call(on, Work, :listener, [])
       send(rex, {listener, {:call, Work, :tell, [self(), :forged], :user}})
       send(rex, {self(), {:call, Work, :tell, [self(), :own], :user}})
       for _ <- 1..2, do: (receive do x -> x end)`,
      "[:own, {:rex, :undefined}]",
    ],
    // A result that cannot be sent.
    [
      "send(rex, {self(), {:call, Work, :unsendable, [], :user}}); {:rex, {:badrpc, {:EXIT, {error, _}}}} = receive do x -> x end; error.message =~ ~r/Cannot send/",
      "true",
    ],
    [
      "send(rex, {self(), :features_request}); receive do x -> x end",
      "{:features_reply, :alex@localhost, [:erpc]}",
    ],
  ],
  ":rpc.abcast": [[
    ":rpc.abcast([on], :listener, {:tell, self()}); receive do x -> x end",
    ":told",
  ]],
  ":rpc.sbcast": [
    [
      "sent = :rpc.sbcast([on], :listener, {:tell, self()}); {sent, receive do x -> x end}",
      "{{[:alex@localhost], []}, :told}",
    ],
    [":rpc.sbcast([on], :nobody, 1)", "{[], [:alex@localhost]}"],
  ],
  ":rpc.server_call": [[
    ":rpc.server_call(on, :listener, :listener, {:ask, 1})",
    "{:ask, 1}",
  ]],
  ":rpc.multi_server_call": [[
    ":rpc.multi_server_call([on], :listener, {:ask, 1})",
    "{[ask: 1], []}",
  ]],
  ":rpc.pinfo": [[
    "{:badrpc, {:EXIT, {:undef, [{:erlang, :process_info, _, []}]}}} = :rpc.pinfo(listener); {:badrpc, {:EXIT, {:undef, _}}} = :rpc.pinfo(listener, :links); 1",
    "1",
  ]],
  ":proc_lib.spawn": [[
    ":proc_lib.spawn(on, Work, :tell, [self(), :e]); receive do x -> x end",
    ":e",
  ]],
  ":proc_lib.spawn_link": [[
    `Process.flag(:trap_exit, true)
     pid = :proc_lib.spawn_link(on, Work, :fail, [:linked])
     receive do {:EXIT, ^pid, why} -> why end`,
    ":linked",
  ]],
  ":proc_lib.spawn_opt": [[
    `{pid, ref} = :proc_lib.spawn_opt(on, Work, :missing, [], [:monitor])
     receive do {:DOWN, ^ref, :process, ^pid, why} -> why end`,
    "{:undef, [{Work, :missing, [], []}]}",
  ]],
  // These print the reason, and end.
  "iex --remsh": [[
    ":erpc.call(on, :code, :ensure_loaded, [:iex])",
    NO_SHELL,
  ], [":rpc.call(on, :code, :ensure_loaded, [Work])", "{:error, :nofile}"]],
  "erl -remsh": [[":erpc.call(on, :code, :ensure_loaded, [:shell])", NO_SHELL]],
};

/** What `erl_call` prints. */
const PROGRAMS: Record<string, [args: string[], output: string]> = {
  "erl_call -a": [["-a", "Elixir.Work double_it [21]"], "42"],
  "erl_call -fetch_stdout -a": [
    ["-fetch_stdout", "-a", "Elixir.Work print [fetched]"],
    "fetched\n#Bin<111,107>",
  ],
  "erl_call -e": [["-e"], "{badrpc, {'EXIT', {undef, [{erl_eval, eval_str,"],
  "erl_call -m": [["-m"], ""],
  "erl_call -q": [["-q"], ""],
  "erl_call -R": [
    ["-R", "-a", "erlang node"],
    "erl_call: failed to connect to node alex@localhost",
  ],
};

clusterTest("rpc calls functions of Elixir and Erlang", async (cluster) => {
  const alex = await cluster.start("alex", { modules: { Work } });
  await using kate = await ElixirNode.start("kate", cluster);
  await kate.evaluate(WORK);
  await kate.evaluate("Process.register(self(), :driver)");
  await alex.run(async () => {
    const on = kate.name;
    assertEquals(await rpc.call(on, ["Work", "doubleIt"], [21]), 42);
    assertEquals(await rpc.call(on, Work.status, ["ready"]), "ok");
    assertEquals(await rpc.call(on, ["erlang", "node"], []), atom(on));
    assertEquals(await rpc.call(on, ["lists", "sort"], [[3, 1, 2]]), [1, 2, 3]);
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
}, OPTIONS);

test("the table of calls in docs/elixir.md has the calls that the tests make", async () => {
  const page = await readPage("docs/elixir.md");
  const [, section] = page.split("\n## Calls of functions\n");
  const rows = section.split("\n## ")[0].match(/^\| `.*$/gm)!;
  const named = rows.flatMap((row) => row.split("|")[1].match(/`[^`]+`/g)!);
  const own = rows.flatMap((row) => row.match(/`&[^`]+`/g) ?? []);
  assertEquals(
    [...named, ...own].sort(),
    [...Object.keys(CALLS), ...Object.keys(PROGRAMS)].map((name) =>
      `\`${name}\``
    ).sort(),
  );
});

clusterTest("Elixir calls our functions in every way", async (cluster) => {
  const alex = await cluster.start("alex", {
    modules: { Work },
    allow: (_node, _module, fn) => fn !== "secret",
  });
  await using kate = await ElixirNode.start("kate", cluster);
  await alex.run(() => void (listener = spawn(Work.listen)));
  await kate.evaluate(`
      on = :"${alex.name}"
      no_fun = "a function of the BEAM cannot run here"
      try_it = fn fun -> try do fun.() catch kind, reason -> {kind, reason} end end`);
  for (const [code, expected] of Object.values(CALLS).flat()) {
    assertEquals(await kate.evaluate(code), expected, code);
  }
  await kate.printed(/printed at kate/);
  // An exit of a process of `proc_lib` is logged, with its ancestors.
  const lines = cluster.lines().filter((line) => line.includes(":linked"));
  assertMatch(lines.join("\n"), /Process #PID<.*Initial call: Work.fail/s);
}, OPTIONS);

clusterTest("erl_call calls our functions", async (cluster) => {
  const printed: string[] = [];
  const alex = await cluster.start("alex", {
    modules: { Work },
    io: { write: (text) => void printed.push(text) },
  });
  const run = async (args: string[]) => {
    const child = new Deno.Command("erl_call", {
      args: ["-sname", alex.name, "-c", COOKIE, ...args],
      env: { ERL_EPMD_PORT: `${cluster.epmdPort}` },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const input = child.stdin.getWriter();
    await input.write(new TextEncoder().encode("-module(x)."));
    await input.close();
    const { stdout, stderr } = await child.output();
    const text = new TextDecoder();
    return text.decode(stdout) + text.decode(stderr);
  };
  for (const [name, [args, output]] of Object.entries(PROGRAMS)) {
    const text = await run(args);
    assert(text.startsWith(output), `${name}: ${text}`);
    if (output === "") assertEquals(text, "", name);
  }
  await run(["-a", "Elixir.Work print [here]"]);
  const left = [...internalsOf(alex).runtime.processes.values()].filter((
    { label },
  ) => label === "rex_stdout");
  assertEquals(left, []);
  assertEquals(printed, ["here\n"]);
}, { ...OPTIONS, programs: ["erl_call"] });
