import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import nodeProcess from "node:process";
import { ProcessExited } from "../../../packages/processes/errors.ts";
import { main } from "../../../chat/main.ts";
import { greeting } from "../../../packages/shell/cli/run.ts";
import { StrayErrors } from "../../../packages/shell/cli/stray_errors.ts";
import config from "../../../deno.json" with { type: "json" };
import type { ModuleExports } from "../../../node.ts";
import { test } from "../../../packages/testing/tags.ts";
import {
  assertPrinted,
  assertRefused,
  chat,
  cliTest,
  type Ended,
  slowCliTest,
} from "../../_cli.ts";

/** Wrong command lines, and their error messages. */
const WRONG: [args: string[], says: string][] = [
  [["--sname", "a", "--cookie", ""], "--cookie without a value"],
  [
    ["--sname", "a b@localhost"],
    '"a b@localhost" is not a node name: write name@host',
  ],
  [
    ["--sname", "\u001b[31m@localhost"],
    '"\\u001b[31m@localhost" is not a node name',
  ],
  ...["kate", "dns:web.example", "srv:web.example:1", "gossip:x", "epmd:", ":1"]
    .map((value): [string[], string] => [
      ["--sname", "a", "--cluster", value],
      `--cluster "${value}": give nodes, as in kate@localhost or 10.0.0.1:4370; dns:web.example:4370`,
    ]),
  ...`
--snam alex => the flag --snam: no flag has that name; did you mean --sname?
-sname alex => the flag -sname: no flag has that name; did you mean --sname?
--epmd=1 => did you mean --epmd-port?
--setcookie x => did you mean --cookie?
--xyzzy => the flag --xyzzy: no flag has that name; --help lists them
alex@localhost => write --sname alex@localhost
-- code => the argument "code": only flags are taken
--sname => --sname without a value: write --sname NAME
-e => --eval (-e) without a value: write --eval CODE
--sname a@host.example.org => the host host.example.org has a dot, but a short name has none; use --name
--name a@localhost => the host localhost has no dot, but a long name needs one; write --name a@host.example.org
--sname a --name b => --sname and --name together
--sname a --cookie b --cookie-file c => --cookie and --cookie-file together
--sname a --port x => --port "x": give an integer from 0 to 65535
--sname a --advertise host:1 => --advertise "host:1": give the IP address
--sname a --epmd-port 0 => --epmd-port "0": give an integer from 1 to 65535, or false
--cookie x => --cookie without a node: give --sname NAME
--hidden => --hidden without a node
--wire beam => --wire without a node
--sname a --wire json,beam => --wire "json,beam": give json or beam; for both, give the flag twice
--sname a --tls-key k => --tls-key without --tls-cert and --tls-ca: TLS needs all three
--allow-closures => --allow-closures without a node
--dashboard => --dashboard without a node
--sname a --dashboard x => --dashboard "x": give an integer from 0 to 65535
--sname a --dashboard-write => --dashboard-write without --dashboard
--log-format json => --log-format without a node
--sname a --log-format xml => --log-format "xml": give text or json
--cluster kate@localhost => --cluster without a node
--sname a --cluster gossip --cluster gossip => --cluster "gossip": it is given twice
--stop-timeout 5 => --stop-timeout without a node
--drain-timeout 5 => --drain-timeout without a node
--tick-time 5 => --tick-time without a node
--min-peers 1 => --min-peers without a node
--sname a --min-peers few => --min-peers "few": give an integer, 0 or more
--sname a --tick-time 0 => --tick-time "0": give milliseconds, more than 0
--sname a --drain-timeout 1s => --drain-timeout "1s": give milliseconds
--sname a --stop-timeout 1s => --stop-timeout "1s": give milliseconds
--env prod => --env "prod": there is no such configuration; give dev or test
--module Kate => write a name, = and a file, as in --module Kate=./kate.ts
--module 9=./chat/kate.ts => write a name, = and a file
--module Kate=./nothing.ts => there is no file
--module Kate=./chat => there is no file
--module Node=./chat/kate.ts => Node means something else here; choose another name
--module K=./chat/kate.ts --module K=./chat/kate.ts => K is given twice
--module Dev=./chat/config/dev.ts => it exports no functions
`.trim().split("\n").map((line): [string[], string] => {
    const [args, says] = line.split(" => ");
    return [args.split(" "), says];
  }),
];

for (const [args, says] of WRONG) {
  // Relative paths start at the program's folder. A newcomer's run starts a program for two of these.
  const isHere = !args.includes("--module");
  const declare = isHere || /Kate$|nothing/.test(args[1])
    ? cliTest
    : slowCliTest;
  declare(`chat ${shown(args)} is rejected as wrong usage`, async () => {
    assertRefused(await (isHere ? here(args) : chat(args)), 2, says);
  });
}

/** Runs a command line in this program, where it takes a fraction of the time. */
async function here(args: string[]): Promise<Ended> {
  const ended: Ended = { code: 0, signal: null, stdout: "", stderr: "" };
  const { stdout, stderr } = nodeProcess;
  using stack = new DisposableStack();
  for (const [name, stream] of Object.entries({ stdout, stderr })) {
    const { write } = stream;
    stack.defer(() => void (stream.write = write));
    stream.write = (text: unknown) => {
      ended[name as "stdout" | "stderr"] += text;
      return true;
    };
  }
  ended.code = await main(args);
  return ended;
}

function shown(args: string[]): string {
  return args.map((arg) => /^[\w.=@/-]+$/.test(arg) ? arg : JSON.stringify(arg))
    .join(" ");
}

cliTest("an invalid ERL_EPMD_PORT is wrong usage", async () => {
  const env = { ERL_EPMD_PORT: "x" };
  const ended = await chat(["--sname=a@localhost", "--cookie=c"], { env });
  assertRefused(ended, 2, 'ERL_EPMD_PORT is "x", and not a port');
});

test("a program that serves says what other nodes can call", () => {
  const node = { name: "kate@localhost" };
  const said = (modules: Record<string, ModuleExports>, allowsCode = false) =>
    greeting(node, { modules, allowsCode }).split("\n")[1];
  const Kate = { sayName: () => 1 };
  assertEquals(said({ Kate }), "Other nodes can call Kate (sayName).");
  assertEquals(said({}, true), "Other nodes can call any code.");
  assertEquals(
    said({}),
    "Other nodes can call nothing: --module NAME=FILE exports the functions of a file.",
  );
});

cliTest("--help lists every flag", async () => {
  for (const flag of ["--help", "-h"]) {
    const { code, stdout, stderr } = await chat([flag]);
    assertEquals([code, stderr], [0, ""]);
    for (
      const name
        of "sname name cookie cookie-file listen port epmd-port cluster min-peers wire hidden tick-time log-format log-level drain-timeout stop-timeout tls-cert tls-key tls-ca allow-closures allow-remsh allow-observe dashboard dashboard-write remsh module env eval no-halt help version"
          .split(" ")
    ) assertMatch(stdout, new RegExp(`^ .*--${name} .*$`, "m"));
    assertStringIncludes(stdout, "dev or test [dev]");
    assert(stdout.split("\n").every((line) => line.length <= 100));
  }
});

cliTest("--version prints the version", async () => {
  assertPrinted(await chat(["--version"]), `chat ${config.version}\n`);
});

test("an unhandled error fails the work that runs, but not that of a process that has exited", async () => {
  using stray = new StrayErrors();
  const { promise, reject } = Promise.withResolvers<never>();
  const work = stray.during(promise).catch((error) => error.message);
  nodeProcess.emit("unhandledRejection", new ProcessExited("x"), promise);
  reject(new Error("the work's own"));
  assertEquals(await work, "the work's own");
  const other = stray.during(new Promise(() => {}))
    .catch((error) => error.message);
  nodeProcess.emit("unhandledRejection", new Error("stray"), promise);
  assertEquals(await other, "stray");
});
