/** `nodeFlags()`: the flags of a node for a program of the user's own. */

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { fileURLToPath } from "node:url";
import {
  nodeFlags,
  UsageError,
} from "../../../packages/shell/cli/node_flags.ts";
import { cliTest } from "../../_cli.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
/** Runs a program that prints the name of its node. */
async function program(...args: string[]): Promise<[number, string, string]> {
  const ended = await run("console.log(nodeFlags().name);", args);
  return [ended.code, ended.stdout, ended.stderr];
}

/** Runs a program that starts its node, and stops it. */
function serve(
  args: string[],
): Promise<{ code: number; stdout: string; stderr: string }> {
  const code = `import { Node } from "${ROOT}packages/node/node.ts";
    const node = await Node.start({ ...nodeFlags(), modules: {} });
    console.log(await node.run(() => Process.whereis("Dashboard") !== undefined));
    await node.stop();`;
  return run(
    `import { Process } from "${ROOT}packages/processes/process.ts";${code}`,
    args,
  );
}

/** Runs a program with `nodeFlags` in its scope. */
async function run(
  code: string,
  args: string[],
): Promise<{ code: number; stdout: string; stderr: string }> {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(
    file,
    `import { nodeFlags } from "${ROOT}packages/shell/cli/node_flags.ts";\n${code}`,
  );
  const ended = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", `--config=${ROOT}deno.json`, "-A", file, ...args],
    env: { NO_COLOR: "1" },
  }).output();
  await Deno.remove(file);
  const [stdout, stderr] = [ended.stdout, ended.stderr]
    .map((bytes) => new TextDecoder().decode(bytes));
  return { code: ended.code, stdout, stderr };
}

cliTest("nodeFlags() returns the options of every flag of a node", () => {
  const args =
    "--name web@10.0.0.7 --cookie-file cookie --listen 0.0.0.0 --port 4370 --epmd-port none --cluster gossip --min-peers 2 --wire json --hidden --log-level info --tick-time 3 --poll auto --drain-timeout 1 --stop-timeout 2 --tls-cert a --tls-key b --tls-ca c --allow-closures --allow-remsh --allow-observe"
      .split(" ");
  assertEquals(nodeFlags({ args }), {
    name: "web@10.0.0.7",
    cookieFile: "cookie",
    listen: "0.0.0.0",
    port: 4370,
    epmdPort: false,
    cluster: { gossip: { strategy: "gossip" } },
    minPeers: 2,
    wires: ["json"],
    hidden: true,
    logLevel: "info",
    tickTime: 3,
    poll: "auto",
    drainTimeout: 1,
    stopTimeout: 2,
    tls: { cert: "a", key: "b", ca: "c" },
    allowClosures: true,
    allowRemsh: true,
    allowObserve: true,
  });
});

cliTest("nodeFlags() rejects flags that are no node's", () => {
  const wrong = (...args: string[]) =>
    assertThrows(() => nodeFlags({ args, exit: false }), UsageError).message;
  for (const flag of ["--eval", "--module", "--remsh", "--env", "--no-halt"]) {
    assert(wrong(flag, "x").startsWith(`Cannot use the flag ${flag}: `));
  }
  assert(wrong().includes("without a node: give --sname NAME"));
  assert(wrong("--port", "1").includes("--port without a node"));
  assert(wrong("--allow-remsh").includes("--allow-remsh without a node"));
  assert(wrong("--snam", "a").includes("did you mean --sname?"));
  assertEquals(wrong("x"), 'Cannot use the argument "x": only flags are taken');
  const help = wrong("--help");
  assert(help.includes("--cluster NODES") && !help.includes("--eval"));
});

cliTest("nodeFlags() serves the page of --dashboard", async () => {
  const args = ["--sname", "page@localhost", "--cookie", "c"];
  args.push("--epmd-port", "none", "--dashboard");
  const { code, stdout, stderr } = await serve(args);
  assertEquals([code, stdout], [0, "true\n"], stderr);
  assertMatch(stderr, /^Dashboard: http:\/\/127\.0\.0\.1:\d+\/\?token=\S+\n$/);
  const wrong = () =>
    nodeFlags({ args: ["--sname", "a", "--dashboard-write"], exit: false });
  assertThrows(wrong, UsageError, "without --dashboard");
});

cliTest("nodeFlags() checks its options", () => {
  for (const args of [1, [1], "--help"]) {
    assertThrows(() => nodeFlags({ args: args as never }), TypeError);
  }
  assertThrows(() => nodeFlags({ exit: 1 as never }), TypeError);
  assertThrows(() => nodeFlags(null as never), TypeError);
});

cliTest("nodeFlags() reads a program's command line", async () => {
  assertEquals(await program("--sname", "web@localhost"), [
    0,
    "web@localhost\n",
    "",
  ]);
  const [code, stdout, stderr] = await program("--sname");
  assertEquals([code, stdout], [2, ""]);
  assertEquals(
    stderr,
    "Cannot use --sname without a value: write --sname NAME\n",
  );
  const help = await program("--help");
  assertEquals([help[0], help[2]], [0, ""]);
  assert(help[1].includes("--sname NAME"));
});
