/** Input and output between Erlang's processes and this library's: each through a group leader of the other. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { IoError } from "../../../packages/processes/errors.ts";
import { IO } from "../../../packages/node/io/io.ts";
import type { IoDevice } from "../../../node.ts";
import {
  Pid,
  Process,
  receive,
  send,
  spawnMonitor,
} from "../../../packages/processes/process.ts";
import type { ElixirNode } from "../../_elixir.ts";
import { elixirPairTest } from "../../_elixir_pair.ts";

/** A device whose lines a test gives, and whose output it reads. */
class Paper implements IoDevice {
  printed = "";
  readonly lines: string[] = [];
  readonly prompts: string[] = [];
  terminal: { columns: number; rows: number } | undefined;

  write(text: string): void {
    this.printed += text;
  }

  readLine(prompt: string): Promise<string | undefined> {
    this.prompts.push(prompt);
    return Promise.resolve(this.lines.shift());
  }

  size() {
    return this.terminal;
  }

  take(): string {
    const { printed } = this;
    this.printed = "";
    return printed;
  }
}

const paper = new Paper();

/** Binds `leader` at an Elixir node to the group leader of the caller. */
async function lend(kate: ElixirNode): Promise<void> {
  await kate.evaluate("Process.register(self(), :evaluator)");
  send({ name: "evaluator", node: kate.name }, Process.groupLeader());
  await kate.evaluate("leader = receive do pid when is_pid(pid) -> pid end");
}

elixirPairTest("a group leader writes as Erlang's io", async (pair) => {
  const { cluster, kate } = pair;
  await lend(kate);
  for (
    const [code, printed, answer] of [
      [`IO.puts(leader, "hï")`, "hï\n", ":ok"],
      [`IO.write(leader, ["a", ?b, [[~c"ć"] | "d"]])`, "abćd", ":ok"],
      [`IO.inspect(leader, {:a, "b"}, [])`, `{:a, "b"}\n`, `{:a, "b"}`],
      [`IO.binwrite(leader, <<0xE9>>)`, "é", ":ok"],
      [`IO.binwrite(leader, "é")`, "Ã©", ":ok"],
      [
        `:io.format(leader, "~p ~ts ~5.2f|~6w|~n", [{:ok, "x"}, "é", 1.5, 42])`,
        `{ok,<<"x">>} é 1.5|42|\n`,
        ":ok",
      ],
      [`:io.fwrite(leader, ~c"~c~3c~n", [?a, ?b])`, "ab\n", ":ok"],
      [
        `:io.format(leader, ~c"no arguments~~~n", [])`,
        "no arguments~\n",
        ":ok",
      ],
      [`:io.write(leader, {:a, "b", 'c'})`, "{a,<<98>>,[99]}", ":ok"],
      [`:io.nl(leader)`, "\n", ":ok"],
      [`:io.put_chars(leader, ["é", 8364])`, "é€", ":ok"],
      [`:io.request(leader, {:put_chars, :latin1, [233]})`, "é", ":ok"],
      [`:file.write(leader, <<233, 10>>)`, "é\n", ":ok"],
      [
        `:io.requests(leader, [{:put_chars, :unicode, "a"}, :nl, {:format, "~w", [:b]}])`,
        "a\nb",
        ":ok",
      ],
      [
        `:io.request(leader, {:put_chars, :unicode, :io_lib, :nope, []})`,
        "",
        "{:error, :nope}",
      ],
      [
        `:io.request(leader, {:put_chars, :unicode, :erlang, :halt, []})`,
        "",
        "{:error, :halt}",
      ],
      [
        `:io.request(leader, {:put_chars, :unicode, :io_lib, :format, ["~b", [:a]]})`,
        "",
        "{:error, :format}",
      ],
      [
        `:io.request(leader, {:put_chars, :latin1, :io_lib, :format, ["~ts", ["€"]]})`,
        "",
        "{:error, :format}",
      ],
      [
        `:io.request(leader, {:put_chars, :unicode, [:a]})`,
        "",
        "{:error, {:put_chars, :unicode, [:a]}}",
      ],
      [
        `:io.request(leader, {:put_chars, :unicode, <<255>>})`,
        "",
        "{:error, {:put_chars, :unicode, <<255>>}}",
      ],
      [`:io.request(leader, :something)`, "", "{:error, :request}"],
      [
        `try do :io.format(leader, "~s", []) rescue e in ArgumentError -> :badarg end`,
        "",
        ":badarg",
      ],
      // The protocol by hand: old forms, and any term as the name of the reply.
      [
        `for r <- [{:put_chars, "x"}, {:put_chars, :io_lib, :format, ["~w", [1]]}, :nonsense] do
             send(leader, {:io_request, self(), {:tag, r}, r})
             receive do {:io_reply, {:tag, ^r}, reply} -> reply end
           end`,
        "x1",
        "[:ok, :ok, {:error, :request}]",
      ],
      [
        `Process.group_leader(self(), leader); IO.puts("mine"); :io.format("~p~n", [[1, "a"]])`,
        `mine\n[1,<<"a">>]\n`,
        ":ok",
      ],
    ]
  ) {
    assertEquals(
      [await kate.evaluate(code), paper.take()],
      [answer, printed],
      code,
    );
  }
  assertEquals(cluster.lines(), []);
}, { io: paper });

elixirPairTest("a group leader reads as Erlang's io", async ({ kate }) => {
  await lend(kate);
  for (
    const [code, lines, answer, prompts] of [
      [`IO.gets(leader, "name? ")`, ["ünal\n"], `"ünal\\n"`, ["name? "]],
      [`IO.gets(leader, "name? ")`, [], ":eof", ["name? "]],
      [`IO.read(leader, :line)`, ["a\n"], `"a\\n"`, [""]],
      [
        `[IO.read(leader, 2), IO.read(leader, :line), IO.read(leader, 1)]`,
        ["a€bc\n"],
        `["a€", "bc\\n", :eof]`,
        ["", ""],
      ],
      [`IO.read(leader, 5)`, ["ab\n", "cd\n"], `"ab\\ncd"`, ["", ""]],
      [`IO.read(leader, 10)`, ["rest"], `"\\nrest"`, ["", ""]],
      [`IO.read(leader, :eof)`, ["x\n", "y\n"], `"x\\ny\\n"`, ["", "", ""]],
      [`IO.binread(leader, :line)`, ["é\n"], "<<233, 10>>", [""]],
      [
        `:io.request(leader, {:get_line, :latin1, ""})`,
        ["€\n"],
        "{:error, {:no_translation, :unicode, :latin1}}",
        [""],
      ],
      [`:io.get_line(leader, ~c"> ")`, ["l\n"], `"l\\n"`, ["> "]],
      [`:io.get_line(leader, :prompt)`, ["l\n"], `"l\\n"`, ["prompt"]],
      [`:io.get_line(leader, {:format, ~c"~p> ", [1]})`, ["l\n"], `"l\\n"`, [
        "1> ",
      ]],
      [`:io.get_line(leader, {:a, 1})`, ["l\n"], `"l\\n"`, ["{a,1}"]],
      [`:io.get_line(leader, {:format, ~c"~p", []})`, ["l\n"], `"l\\n"`, [
        "???",
      ]],
      [`:io.get_chars(leader, "", 3)`, ["abc\n"], `"abc"`, [""]],
      [`:io.get_line(leader, "")`, [], `"\\n"`, []],
      [`:io.fread(leader, "", "~d")`, [], "{:error, :enotsup}", []],
      [`:io.read(leader, "")`, [], "{:error, :enotsup}", []],
      [`:io.get_password(leader)`, [], "{:error, :enotsup}", []],
      [
        `:io.getopts(leader) |> Enum.sort()`,
        [],
        "[binary: true, echo: true, encoding: :unicode]",
        [],
      ],
      [
        `:ok = :io.setopts(leader, [:list, {:encoding, :unicode}]); {:io.get_line(leader, ""), Keyword.get(:io.getopts(leader), :binary)}`,
        ["hé\n"],
        `{[104, 233, 10], false}`,
        [""],
      ],
      [`:io.setopts(leader, binary: true)`, [], ":ok", []],
      [
        `:ok = :io.setopts(leader, binary: false); Keyword.get(:io.getopts(leader), :binary)`,
        [],
        "false",
        [],
      ],
      [`:io.setopts(leader, binary: true)`, [], ":ok", []],
      [`:io.setopts(leader, encoding: :latin1)`, [], "{:error, :enotsup}", []],
      [`:io.columns(leader)`, [], "{:error, :enotsup}", []],
    ] as [string, string[], string, string[]][]
  ) {
    paper.lines.push(...lines);
    paper.prompts.length = 0;
    assertEquals([await kate.evaluate(code), paper.prompts], [
      answer,
      prompts,
    ], code);
    assertEquals(paper.lines, [], code);
  }
  paper.terminal = { columns: 132, rows: 43 };
  assertEquals(
    await kate.evaluate("{:io.columns(leader), :io.rows(leader)}"),
    "{{:ok, 132}, {:ok, 43}}",
  );
  // A prompt of another node neither steers the terminal nor fills it.
  paper.prompts.length = 0;
  paper.lines.push("l\n");
  await kate.evaluate(
    `IO.gets(leader, "\\e[2Jx" <> String.duplicate("y", 10_000))`,
  );
  assert(
    paper.prompts[0].startsWith("\\u001b[2Jxyyy"),
    paper.prompts[0].slice(0, 20),
  );
  assert(paper.prompts[0].length < 1100);
}, { io: paper });

/** A device of an Elixir node, which code there makes. */
async function deviceOf(kate: ElixirNode, code: string): Promise<Pid> {
  await kate.evaluate(`send({:main, :"alex@localhost"}, ${code})`);
  return await receive<Pid>((m) => m instanceof Pid);
}

elixirPairTest("IO uses a leader of Elixir's", async ({ cluster, kate }) => {
  // Its own group leader: all that a process started there prints appears at kate, and so it is here.
  const leader = await deviceOf(kate, "Process.group_leader()");
  Process.groupLeader(leader);
  assertEquals(Process.groupLeader(), leader);
  assertEquals(await IO.puts("hï from alex"), "ok");
  await IO.write("in two ");
  await IO.inspect({ parts: [1] }, { label: "shown" });
  await kate.printed(/hï from alex\nin two shown: \{ parts: \[1\] \}\n/);
  await kate.type("ünal\nrest");
  assertEquals(await IO.gets("name? "), "ünal\n");
  await kate.printed(/name\? /);
  // A process that is spawned here inherits it.
  const { ref } = spawnMonitor(() => IO.puts("from a child"));
  await receive((m) => ref.equals(m?.ref));
  await kate.printed(/from a child\n/);

  const string = await deviceOf(
    kate,
    `(fn -> {:ok, device} = StringIO.open("a€\\nb\\n"); device end).()`,
  );
  assertEquals(await IO.puts("x", { device: string }), "ok");
  assertEquals(await IO.gets("> ", { device: string }), "a€\n");
  assertEquals(await IO.gets("> ", { device: string }), "b\n");
  assertEquals(await IO.gets("> ", { device: string }), "eof");
  const more = await deviceOf(
    kate,
    `(fn -> {:ok, device} = StringIO.open("a€bc\\nd\\n\\e\\n"); device end).()`,
  );
  assertEquals(await IO.read(3, { device: more }), "a€b");
  assertEquals(await IO.read("line", { device: more }), "c\n");
  assertEquals(await IO.read("eof", { device: more }), "d\n\x1b\n");
  assertEquals(await IO.read("eof", { device: more }), "eof");
  assertEquals(await IO.read(1, { device: more }), "eof");
  assertEquals(await IO.read(undefined, { device: more }), "eof");
  assertEquals(cluster.lines(), []);
});

elixirPairTest("IO takes Erlang's replies", async ({ cluster, kate }) => {
  await kate.evaluate(`
      defmodule Kate.Leader do
        def loop(answer) do
          receive do
            {:io_request, from, tag, _} -> send(from, {:io_reply, tag, answer})
          end
          loop(answer)
        end
      end`);
  const answering = (answer: string) =>
    deviceOf(kate, `spawn(fn -> Kate.Leader.loop(${answer}) end)`);
  for (
    const [answer, line] of [
      [`~c"hé\\n"`, "hé\n"],
      [`"hé\\n"`, "hé\n"],
      [`["h", [?é, [[~c"\\n"]]]]`, "hé\n"],
      [`:eof`, "eof"],
    ]
  ) {
    const device = await answering(answer);
    assertEquals(await IO.gets("", { device }), line, answer);
  }
  for (
    const [answer, reason] of [
      ["{:error, :terminated}", "terminated"],
      ["{:error, :enotsup}", "enotsup"],
      [
        "{:error, {:no_translation, :unicode, :latin1}}",
        "{:no_translation, :unicode, :latin1}",
      ],
    ]
  ) {
    const device = await answering(answer);
    for (
      const ask of [
        () => IO.puts("x", { device }),
        () => IO.gets("", { device }),
      ]
    ) {
      const error = await assertRejects(ask, IoError);
      assertEquals(error.reason, reason);
    }
  }
  // Neither is a text.
  for (const answer of ["%{a: 1}", "[:a]", "[-1]", "[1114112]"]) {
    const device = await answering(answer);
    await assertRejects(() => IO.gets("", { device }), IoError);
  }
  // A leader that ends, before it is asked and while it is.
  const gone = await deviceOf(kate, "spawn(fn -> :ok end)");
  const error = await assertRejects(
    () => IO.puts("x", { device: gone }),
    IoError,
  );
  assertEquals(error.reason, "terminated");
  const silent = await deviceOf(
    kate,
    "spawn(fn -> receive do {:io_request, _, _, _} -> exit(:tired) end end)",
  );
  const other = await assertRejects(
    () => IO.puts("x", { device: silent }),
    IoError,
  );
  assertEquals(other.reason, "terminated");
  assertEquals(cluster.lines(), []);
});
