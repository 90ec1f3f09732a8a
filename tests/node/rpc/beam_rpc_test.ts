/** Calls of functions between nodes of this library and of Elixir, both ways. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { beam } from "../../../packages/beam/functions/declaration.ts";
import {
  ExitError,
  UndefinedFunctionError,
} from "../../../packages/processes/errors.ts";
import { Agent } from "../../../packages/servers/agent/agent.ts";
import { Application } from "../../../packages/servers/application/application.ts";
import { IO } from "../../../packages/node/io/io.ts";
import { Node } from "../../../node.ts";
import {
  exit,
  Pid,
  Process,
  receive,
  self,
  send,
  spawn,
} from "../../../packages/processes/process.ts";
import { rpc } from "../../../packages/node/rpc/rpc.ts";
import { Supervisor } from "../../../packages/servers/supervisor/supervisor.ts";
import { atom } from "../../../packages/processes/values/atom.ts";
import { Tuple, tuple } from "../../../packages/processes/values/tuple.ts";
import { connectShell } from "../../../packages/shell/remote.ts";
import { ELIXIR, ElixirNode } from "../../_elixir.ts";
import { elixirPairTest } from "../../_elixir_pair.ts";
import { test } from "../../../packages/testing/tags.ts";
import { type Cluster, clusterTest, COOKIE } from "../../_nodes.ts";
import { readPage } from "../../_pages.ts";
import { errorOf } from "../../_processes.ts";
import { until } from "../../_until.ts";
import { internalsOf } from "../../../packages/node/start/node_internals.ts";

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
  '{:error, :"it is a TypeScript node that opens no shell: start it with --allow-remsh (allowRemsh: true)"}';

let listener: Pid;

const Work = {
  listener: () => listener,
  gone: () => spawn(() => {}),
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

/** What Elixir evaluates, and what it prints of the value. */
interface Case {
  /** The heading above the case. */
  readonly name: string;
  readonly code: string;
  readonly value: string;
}

/** Reads cases in the form of Elixir's doctests. */
function doctests(text: string): Case[] {
  let name = "";
  return text.trim().split(/\n(?=#|iex> )/).flatMap((part): Case[] => {
    if (part.startsWith("## ")) name = part.slice(3);
    if (part.startsWith("#")) return [];
    const [, code, value] = /^iex> (.*(?:\n\.\.\.> .*)*)\n(.*)$/.exec(part)!;
    return [{ name, code: code.replaceAll("\n...> ", "\n"), value }];
  });
}

/** Cases for each program or function in the list of docs/elixir.md. */
const CALLS = doctests(String.raw`
## :erpc.call
iex> :erpc.call(on, Work, :double_it, [21])
42
iex> :erpc.call(on, Work, :status, [:ready])
:ok
iex> try_it.(fn -> :erpc.call(on, Work, :fail, [:bad]) end)
{:exit, {:exception, :bad}}
iex> try_it.(fn -> :erpc.call(on, Work, :toss, [{:a, 1}]) end)
{:throw, {:a, 1}}
iex> {:error, {:exception, error, [_ | _]}} = try_it.(fn -> :erpc.call(on, Work, :crash, []) end); error
%RuntimeError{message: "(RangeError) oops"}
iex> try_it.(fn -> :erpc.call(on, Work, :forever, [], 20) end)
{:error, {:erpc, :timeout}}
iex> {:error, {:exception, error, _}} = try_it.(fn -> :erpc.call(on, Work, :secret, []) end); error.message =~ ~r/allow.* says no/
true
## :erpc.send_request
iex> :erpc.receive_response(:erpc.send_request(on, Work, :double_it, [21]))
42
## :erpc.multicall
iex> :erpc.multicall([on], Work, :double_it, [21])
[ok: 42]
iex> :erpc.multicall([on, node()], :erlang, :date, []) |> hd()
{:error, {:exception, :undef, [{:erlang, :date, [], []}]}}
## :erpc.cast
# One that does not exist has no effect.
iex> :erpc.cast(on, Work, :missing, [self()]); :erpc.cast(on, Work, :tell, [self(), :a]); receive do x -> x end
:a
## :erpc.multicast
iex> :erpc.multicast([on], Work, :tell, [self(), :b]); receive do x -> x end
:b
## :erpc.call(node, fn -> … end)
iex> {:error, {:exception, error, _}} = try_it.(fn -> :erpc.call(on, fn -> 1 end) end); error.message =~ no_fun
true
## :proc_lib.spawn(node, fn -> … end)
iex> {:error, error} = try_it.(fn -> :proc_lib.spawn(on, fn -> 1 end) end); inspect(error) =~ ~s(a function of the BEAM)
true
## &Work.run/0
iex> :erpc.call(on, &Work.run/0)
:ran
iex> {pid, ref} = :proc_lib.spawn_opt(on, &Work.run/0, [:monitor]); receive do {:DOWN, ^ref, _, ^pid, why} -> why end
:normal
## :rpc.call
iex> :rpc.call(on, Work, :double_it, [21])
42
iex> :rpc.call(on, Work, :missing, [1])
{:badrpc, {:EXIT, {:undef, [{Work, :missing, [1], []}]}}}
## :rpc.async_call
iex> :rpc.yield(:rpc.async_call(on, Work, :double_it, [21]))
42
## :rpc.multicall
iex> :rpc.multicall([on], Work, :double_it, [500])
{[1000], []}
## :rpc.cast
iex> :rpc.cast(on, Work, :tell, [self(), :c]); receive do x -> x end
:c
## :rpc.eval_everywhere
iex> :rpc.eval_everywhere([on], Work, :tell, [self(), :d]); receive do x -> x end
:d
## :rpc.block_call
iex> :rpc.block_call(on, Work, :double_it, [21])
42
iex> :rpc.block_call(on, Work, :double_it, [21], 30_000)
42
iex> :rpc.block_call(on, Work, :print, [~s(printed at kate)])
"ok"
iex> :rpc.block_call(on, Work, :toss, [{:a, 1}])
{:a, 1}
iex> :rpc.block_call(on, Work, :fail, [:bad])
{:badrpc, {:EXIT, :bad}}
iex> {:badrpc, {:EXIT, {error, [_ | _]}}} = :rpc.block_call(on, Work, :crash, []); error.message
"(RangeError) oops"
iex> :rpc.block_call(on, Work, :missing, [1])
{:badrpc, {:EXIT, {:undef, [{Work, :missing, [1], []}]}}}
iex> {:badrpc, {:EXIT, {error, _}}} = :rpc.block_call(on, Work, :secret, []); error.message =~ ~r/allow.* says no/
true
# No call waits for another.
iex> rex = {:rex, on}
...> held = :gen_server.send_request(rex, {:block_call, Work, :hold, [self()], :user})
...> pid = receive do {:holding, pid} -> pid end
...> value = :rpc.block_call(on, Work, :double_it, [21])
...> send(pid, :go)
...> {value, :gen_server.receive_response(held, 30_000)}
{42, {:reply, :go}}
iex> held = :gen_server.send_request(rex, {:block_call, Work, :hold, [self()], :user})
...> receive do {:holding, pid} -> Process.exit(pid, :kill) end
...> :gen_server.receive_response(held, 30_000)
{:reply, {:badrpc, {:EXIT, :killed}}}
# The request of a process that another node has made up.
iex> listener = :rpc.call(on, Work, :listener, [])
...> send(rex, {listener, {:call, Work, :tell, [self(), :forged], :user}})
...> send(rex, {self(), {:call, Work, :tell, [self(), :own], :user}})
...> for _ <- 1..2, do: (receive do x -> x end)
[:own, {:rex, :undefined}]
# A result that cannot be sent.
iex> send(rex, {self(), {:call, Work, :unsendable, [], :user}}); {:rex, {:badrpc, {:EXIT, {error, _}}}} = receive do x -> x end; error.message =~ ~r/Cannot send/
true
iex> send(rex, {self(), :features_request}); receive do x -> x end
{:features_reply, :alex@localhost, [:erpc]}
## :rpc.abcast
iex> :rpc.abcast([on], :listener, {:tell, self()}); receive do x -> x end
:told
## :rpc.sbcast
iex> sent = :rpc.sbcast([on], :listener, {:tell, self()}); {sent, receive do x -> x end}
{{[:alex@localhost], []}, :told}
iex> :rpc.sbcast([on], :nobody, 1)
{[], [:alex@localhost]}
## :rpc.server_call
iex> :rpc.server_call(on, :listener, :listener, {:ask, 1})
{:ask, 1}
## :rpc.multi_server_call
iex> :rpc.multi_server_call([on], :listener, {:ask, 1})
{[ask: 1], []}
## :rpc.pinfo
iex> {:badrpc, {:EXIT, {error, _}}} = :rpc.pinfo(listener); {:badrpc, {:EXIT, _}} = :rpc.pinfo(listener, :links); error.message =~ ~s(--allow-observe)
true
## :proc_lib.spawn
iex> :proc_lib.spawn(on, Work, :tell, [self(), :e]); receive do x -> x end
:e
## :proc_lib.spawn_link
iex> Process.flag(:trap_exit, true)
...> pid = :proc_lib.spawn_link(on, Work, :fail, [:linked])
...> receive do {:EXIT, ^pid, why} -> why end
:linked
## :proc_lib.spawn_opt
iex> {pid, ref} = :proc_lib.spawn_opt(on, Work, :missing, [], [:monitor])
...> receive do {:DOWN, ^ref, :process, ^pid, why} -> why end
{:undef, [{Work, :missing, [], []}]}
# These print the reason, and end; a Tab in their terminal finds nothing.
## iex --remsh
iex> :erpc.call(on, :code, :ensure_loaded, [:iex])
${NO_SHELL}
iex> :rpc.call(on, :code, :ensure_loaded, [Work])
{:error, :nofile}
## erl -remsh
iex> :erpc.call(on, :code, :ensure_loaded, [:shell])
${NO_SHELL}
iex> :erpc.call(on, :edlin_expand, :expand, [~c(x), []])
{:no, [], []}
`);

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
    ["-R", "-a", "Elixir.Work double_it [21]"],
    "42",
  ],
};

elixirPairTest("rpc calls functions of Elixir and Erlang", async ({ kate }) => {
  await kate.evaluate(WORK);
  await kate.evaluate("Process.register(self(), :driver)");
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
  const toss = rpc.call(on, ["Work", "toss"], [tuple(atom("a"), 1)]);
  const thrown = await errorOf(toss);
  assert(thrown instanceof Tuple && thrown.equals(tuple(atom("a"), 1)));
  const crash = rpc.call(on, ["Work", "crash"], []);
  const { name } = await assertRejects(() => crash, Error, "oops");
  assertEquals(name, "ArgumentError");
  const match = rpc.call(on, ["Work", "match"], [1]);
  await assertRejects(() => match, Error, "badmatch");
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
}, { modules: { Work } });

test("the calls in docs/elixir.md are those that the tests make", async () => {
  const page = await readPage("docs/elixir.md");
  const [, section] = page.split("\n## Calls of functions\n");
  const items = section.split("\n## ")[0].split(/^- /m).slice(1);
  const named = items.flatMap((item) =>
    item.split(/:\s/)[0].match(/`[^`]+`/g)!.map((name) =>
      name.replace(/\s+/g, " ")
    )
  );
  const own = items.flatMap((item) => item.match(/`&[^`]+`/g) ?? []);
  assertEquals(
    [...named, ...own].sort(),
    [...new Set(CALLS.map(({ name }) => name)), ...Object.keys(PROGRAMS)]
      .map((name) => `\`${name}\``).sort(),
  );
});

elixirPairTest("Elixir calls our functions in every way", async (pair) => {
  const { alex, cluster, kate } = pair;
  listener = spawn(Work.listen);
  await kate.evaluate(`
      on = :"${alex.name}"
      no_fun = "a function of the BEAM cannot run here"
      try_it = fn fun -> try do fun.() catch kind, reason -> {kind, reason} end end`);
  for (const { code, value } of CALLS) {
    assertEquals(await kate.evaluate(code), value, code);
  }
  await kate.printed(/printed at kate/);
  // An exit of a process of `proc_lib` is logged, with its ancestors.
  const lines = cluster.lines().filter((line) => line.includes(":linked"));
  assertMatch(lines.join("\n"), /Process #PID<.*Initial call: Work.fail/s);
}, {
  modules: { Work },
  allow: (_node, _module, fn) => fn !== "secret",
});

/** What Erlang's tools ask for. */
const QUERIES = doctests(String.raw`
# The items are the items of a process there.
iex> info = ask.(:erlang, :process_info, [pid]); Keyword.keys(info) |> Enum.sort() == keys
true
iex> Keyword.take(info, [:registered_name, :status, :message_queue_len, :links, :trap_exit])
[registered_name: :listener, status: :waiting, message_queue_len: 0, links: [], trap_exit: false]
iex> ask.(Process, :info, [pid]) == info
true
iex> ask.(Process, :info, [pid, :registered_name])
{:registered_name, :listener}
iex> :rpc.pinfo(pid, [:registered_name, :messages, :monitors])
[registered_name: :listener, messages: [], monitors: []]
iex> {ask.(:erlang, :process_info, [gone]), ask.(Process, :info, [gone]), ask.(:erlang, :is_process_alive, [gone])}
{:undefined, nil, false}
iex> pid in ask.(:erlang, :processes, []) and pid in ask.(Process, :list, [])
true
iex> :listener in ask.(:erlang, :registered, []) and ask.(:erlang, :whereis, [:listener]) == pid
true
iex> ask.(:erlang, :whereis, [:nobody])
:undefined
iex> try_it.(fn -> ask.(:erlang, :node, []) end) |> inspect() =~ ~s(option says no)
true
iex> ask.(:erlang, :memory, [])[:total] > ask.(:erlang, :memory, [:processes])
true
iex> {{:input, i}, {:output, o}} = ask.(:erlang, :statistics, [:io]); i > 0 and o > 0
true
iex> ask.(:erlang, :system_info, [:process_count]) > 1
true
iex> try_it.(fn -> ask.(:erlang, :system_info, [:nothing]) end) |> inspect() =~ ~s(has no)
true
iex> ask.(:application, :which_applications, [])
[{:shop, ~c"A shop", ~c"1.2"}]
iex> {ask.(:application, :get_env, [:shop, :currency]), ask.(:application, :get_env, [:shop, :none]), ask.(:application, :get_env, [:shop, :none, 1])}
{{:ok, "EUR"}, :undefined, 1}
# As observer calls them.
iex> sys = :rpc.block_call(on, :observer_backend, :sys_info, []); {sys[:process_count] > 1, sys[:total] > 0, sys[:otp_release]}
{true, true, ~c"27"}
iex> {ask.(:observer_backend, :get_table_list, [:ets, []]), ask.(:observer_backend, :get_port_list, []), ask.(:code, :which, [:observer_backend])}
{[], [], :non_existing}
iex> worker = :erlang.spawn(on, :observer_backend, :procs_info, [self()])
...> receive do {:procs_info, ^worker, all} -> {_, _, _, _, name, _, _, 0} = List.keyfind(all, pid, 1); name end
:listener
# As the lists and the charts of observer call them.
iex> {ask.(:observer_backend, :vsn, []), for(f <- [:fetch_stats, :other], do: ask.(:erlang, :function_exported, [:observer_backend, f, 2]))}
{{:ok, ~c"2.1.1"}, [true, false]}
iex> worker = :erlang.spawn(on, :observer_backend, :etop_collect, [self()])
...> receive do {^worker, {:etop_info, {_, _, _}, count, :undefined, [{1, _, _}], 0, [], memory, all}} ->
...>   {count == length(all), memory[:processes] > 0, List.keymember?(all, pid, 1)} end
{true, true, true}
iex> load = :erlang.spawn(on, :observer_backend, :fetch_stats, [self(), 100])
...> total = fn -> receive do {:stats, 1, [{1, _, total}], {{:input, _}, {:output, _}}, [{:total, _} | _]} -> total end end
...> {one, two} = {total.(), total.()}
...> ref = Process.monitor(load)
...> send(load, :stop)
...> {one < two, receive do {:DOWN, ^ref, _, _, reason} -> reason end}
{true, :normal}
# As observer asks for the trees of applications.
iex> start = fn -> :rpc.call(on, :appmon_info, :start_link2, [self(), self(), []]) end
...> {:ok, appmon} = start.()
...> {:ok, ^appmon} = start.()
...> ask_for = fn kind, key ->
...>   GenServer.cast(appmon, {self(), kind, key, true, []})
...>   receive do {:delivery, ^appmon, ^kind, ^key, found} -> found end
...> end
...> for {root, name, {name, _, vsn}} <- ask_for.(:app_ctrl, on), is_pid(root), do: {name, vsn}
[shop: ~c"1.2", typescript: []]
iex> {root, [{_, root} | nodes], links, []} = ask_for.(:app, :shop)
...> {for({_, name} <- nodes, do: name), links == [{root, ~c"Shop.Supervisor"}, {~c"Shop.Supervisor", ~c"till"}]}
{[~c"Shop.Supervisor", ~c"till"], true}
iex> ask_for.(:app, :nothing)
{[], [], [], []}
# A process of another node gets nothing.
iex> for {module, fun, args} <- [{:observer_backend, :fetch_stats, [pid, 100]}, {:appmon_info, :start_link2, [pid, pid, []]}] do
...>   try_it.(fn -> ask.(module, fun, args) end) |> inspect() =~ "of the asking node"
...> end
[true, true]
iex> ask.(:observer_backend, :procs_info, [pid]); ask.(:erlang, :process_info, [pid, :message_queue_len])
{:message_queue_len, 0}
`);

elixirPairTest("Erlang's tools observe a node here", async ({ alex, kate }) => {
  listener = spawn(Work.listen);
  Application.putEnv("shop", "currency", "EUR");
  await Application.start({
    ...{ name: "shop", description: "A shop", vsn: "1.2" },
    start: () =>
      Supervisor.startLink(
        [Agent.childSpec(() => 0, { name: "till" })],
        { strategy: "one_for_one", name: "Shop.Supervisor" },
      ),
  });
  await kate.evaluate(`
    on = :"${alex.name}"
    try_it = fn fun -> try do fun.() catch kind, reason -> {kind, reason} end end
    ask = fn module, fun, args -> :erpc.call(on, module, fun, args) end
    pid = ask.(Work, :listener, [])
    gone = ask.(Work, :gone, [])
    keys = :erlang.process_info(Process.whereis(:user)) |> Keyword.keys() |> Enum.sort()`);
  for (const { code, value } of QUERIES) {
    assertEquals(await kate.evaluate(code), value, code);
  }
}, {
  modules: { Work },
  allowObserve: true,
  allow: (_node, module, fn) => `${module}.${fn}` !== "erlang.node",
});

/** Runs a program of Erlang with an input; returns all that it prints. */
async function outputOf(
  { epmdPort }: Cluster,
  program: string,
  args: string[],
  typed: string,
): Promise<string> {
  const child = new Deno.Command(program, {
    args,
    env: { ERL_EPMD_PORT: `${epmdPort}`, TERM: "dumb" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const input = child.stdin.getWriter();
  await input.write(new TextEncoder().encode(typed));
  await input.close();
  const { stdout, stderr } = await child.output();
  const text = new TextDecoder();
  return text.decode(stdout) + text.decode(stderr);
}

/** The command lines of remote shells, the last one for a node without a name. */
const REMOTE_SHELLS: [program: string, ...args: string[]][] = [
  ["iex", "--sname", "kate@localhost", "--erl", "-start_epmd false"],
  ["erl", "-sname", "kate@localhost", "-start_epmd", "false"],
  ["iex", "--erl", "-start_epmd false"],
];

elixirPairTest(
  "--remsh names the shell of a node of Elixir",
  async ({ kate }) => {
    await assertRejects(
      () => connectShell(kate.name, { hook() {} }),
      Error,
      "it is a node of Erlang or Elixir; attach with iex --remsh kate@localhost",
    );
  },
);

clusterTest("iex --remsh and erl -remsh open a shell here", async (cluster) => {
  const alex = await cluster.start("alex", {
    modules: { Work },
    allowRemsh: true,
  });
  const typed = "Work.doubleIt(\n21)\nawait IO.gets('name? ')\nkitten\nnope\n";
  for (const [program, ...args] of REMOTE_SHELLS) {
    const [remsh, cookie] = program === "iex"
      ? ["--remsh", "--cookie"]
      : ["-remsh", "-setcookie"];
    const text = await outputOf(cluster, program, [
      ...args,
      cookie,
      COOKIE,
      remsh,
      alex.name,
    ], typed);
    assertMatch(text, /^TypeScript on .*Interactive TypeScript on alex@/s);
    assertMatch(
      text,
      /ts\(alex@localhost\)1> .*42\nts.*"kitten\\n"\nts.*\*\* \(ReferenceError\) nope/s,
    );
  }
  const { processes } = internalsOf(alex).runtime;
  await until(() =>
    [...processes.values()].every(({ label }) => label !== "Shell.start/1")
  );
  assertEquals(cluster.lines(), []);
}, { ...OPTIONS, programs: ["iex"] });

clusterTest("a terminal of Erlang drives its shell here", async (cluster) => {
  const allowed: string[] = [];
  const alex = await cluster.start("alex", {
    modules: { Work },
    allowRemsh: true,
    allow: (node, module, fn) =>
      allowed.includes(node) && `${module}.${fn}` === "Shell.start",
  });
  await using kate = await ElixirNode.start("kate", cluster);
  const loaded = `:erpc.call(:"${alex.name}", :code, :ensure_loaded, [:iex])`;
  assertMatch(await kate.evaluate(loaded), /:error, .* run Shell.start/);
  assertMatch(
    await kate.evaluate(
      `try do :erpc.call(:"${alex.name}", :shell, :start, []) rescue e -> e end`,
    ),
    /Shell.start.*says no/,
  );
  allowed.push(kate.name);
  assertEquals(await kate.evaluate(loaded), "{:module, :iex}");
  // A process of kate is the terminal: it sends all requests here, and gets the lines from here.
  await kate.evaluate(`
      test = self()
      terminal = spawn(fn ->
        loop = fn loop ->
          receive do
            {:io_request, from, ref, {:get_line, _, prompt}} ->
              send(test, {:prompt, prompt})
              receive do {:line, line} -> send(from, {:io_reply, ref, line}) end
            {:io_request, from, ref, {:put_chars, _, text}} ->
              send(test, {:shown, text})
              send(from, {:io_reply, ref, :ok})
            {:io_request, from, ref, _} -> send(from, {:io_reply, ref, {:error, :enotsup}})
          end
          loop.(loop)
        end
        loop.(loop)
      end)
      at = fn fun -> Task.await(Task.async(fn -> Process.group_leader(self(), terminal); fun.() end), :infinity) end
      prompt = fn -> receive do {:prompt, prompt} -> prompt end end
      shown = fn -> receive do {:shown, text} when text != "" -> text end end
      sync = make_ref()
      starting = Task.async(fn -> at.(fn ->
        :erpc.call(:"${alex.name}", :iex, :start, [[], {:iex, :sync_remote, [test, sync]}]) end) end)
      receive do {:begin, ^sync, pid} -> send(pid, {:done, sync}) end
      shell = Task.await(starting, :infinity)
      ref = Process.monitor(shell)
      shown.()`);
  assertEquals(await kate.evaluate("prompt.()"), '"ts(alex@localhost)1> "');
  const expand = (text: string) =>
    kate.evaluate(
      `at.(fn -> :erpc.call(:"${alex.name}", :edlin_expand, :expand, [Enum.reverse(~c"${text}"), []]) end)`,
    );
  assertEquals(await expand("Work.dou"), '{:yes, ~c"bleIt", []}');
  assertMatch(await expand("Work."), /^{:yes, \[\], \[.*~c"doubleIt"/);
  assertEquals(await expand("Work.nothing"), "{:no, [], []}");
  await kate.evaluate(`send(terminal, {:line, "await Work.forever()\n"})`);
  // The shell reads no further line until the running one has ended.
  await until(() =>
    [...internalsOf(alex).runtime.processes.values()].some((
      { label, mailbox },
    ) => label === "shell" && mailbox.waiting > 0)
  );
  await kate.evaluate("Process.exit(shell, :interrupt)");
  assertMatch(await kate.evaluate("shown.()"), /interrupted/);
  assertEquals(await kate.evaluate("prompt.()"), '"ts(alex@localhost)2> "');
  assertEquals(
    await kate.evaluate(
      "send(terminal, {:line, :eof}); receive do {:DOWN, ^ref, _, _, why} -> why end",
    ),
    ":normal",
  );
}, OPTIONS);

elixirPairTest(
  "dbg and Mnesia of a BEAM do not take this node for a member",
  async ({ alex, kate }) => {
    // As `dbg:n` does; its server waits for this message only, and then for the exit.
    for (const session of ["", ":session, "]) {
      const started = session === ""
        ? "{:started, ^relay}"
        : "{:started, ^relay, :undefined}";
      assertEquals(
        await kate.evaluate(`
        Process.flag(:trap_exit, true)
        relay = Node.spawn_link(:"${alex.name}", :dbg, :do_relay, [${session}self(), self()])
        receive do ${started} -> receive do {:EXIT, ^relay, why} -> why end end`),
        ":normal",
      );
      await kate.printed(/dbg: alex@localhost is a TypeScript node/);
    }
    // A server of Mnesia, and the function that `create_schema` calls on each node.
    assertEquals(
      await kate.evaluate(`
      try do
        :gen_server.call({:mnesia_monitor, :"${alex.name}"}, :negotiate)
      catch
        :exit, {why, _} -> why
      end`),
      ":noproc",
    );
    assertEquals(
      await kate.evaluate(
        `:rpc.call(:"${alex.name}", :mnesia_schema, :remote_read_schema, [])`,
      ),
      "{:badrpc, {:EXIT, {:undef, [{:mnesia_schema, :remote_read_schema, [], []}]}}}",
    );
  },
);

clusterTest("erl_call calls our functions", async (cluster) => {
  const printed: string[] = [];
  const alex = await cluster.start("alex", {
    modules: { Work },
    io: { write: (text) => void printed.push(text) },
  });
  const run = (args: string[]) =>
    outputOf(
      cluster,
      "erl_call",
      ["-sname", alex.name, "-c", COOKIE, ...args],
      "-module(x).",
    );
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
