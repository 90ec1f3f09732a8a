/** Node.start() without its requirements: a permission, a home folder, EPMD. Each runs as a program. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { freePort } from "../../_nodes.ts";
import { test } from "../../../exports/testing.ts";

const FILE = fileURLToPath(new URL("./_starting.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../../deno.json", import.meta.url));

interface Failure {
  name: string;
  code?: string;
  message: string;
  cause?: string;
}

/** Runs the program; returns the result of the start, after which nothing may run. */
async function start(
  options: object,
  flags: readonly string[],
  env: { HOME?: string } = {},
): Promise<Failure & { started?: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "--no-check",
      `--config=${CONFIG}`,
      ...flags,
      FILE,
      JSON.stringify({ name: "alex@localhost", ...options }),
    ],
    clearEnv: true,
    env: { DENO_DIR: Deno.env.get("DENO_DIR") ?? denoDir(), ...env },
  }).output();
  const text = new TextDecoder();
  assertEquals([code, text.decode(stderr)], [0, ""]);
  return JSON.parse(text.decode(stdout));
}

function denoDir(): string {
  return `${Deno.env.get("HOME")}/.cache/deno`;
}

function assertFailure(
  failure: Failure,
  code: string,
  flag: string,
  cause?: string,
): void {
  assertEquals([failure.name, failure.code], ["NodeStartError", code]);
  assertMatch(failure.message, /^Cannot /);
  assertStringIncludes(failure.message, flag);
  if (cause !== undefined) assertEquals(failure.cause, cause);
}

test("Node.start() rejects without the permission to listen, or to reach or serve EPMD, and names the flag", async () => {
  const [epmdPort, port] = [freePort(), freePort()];
  const listen = "0.0.0.0";
  for (
    const [options, net, flag, cause] of [
      [{}, undefined, "127.0.0.1,", "NotCapable"],
      [{ port }, `127.0.0.1:${epmdPort}`, `127.0.0.1:${port},`, "NotCapable"],
      [{ listen }, "127.0.0.1", "0.0.0.0,", "NotCapable"],
      [{ listen: "alex.test" }, "127.0.0.1", "alex.test,", "Error"],
      [{ port }, `127.0.0.1:${port}`, `127.0.0.1:${epmdPort}`],
      [
        { listen },
        `0.0.0.0:0,127.0.0.1:${epmdPort}`,
        `127.0.0.1:${epmdPort},0.0.0.0:${epmdPort}`,
      ],
    ] as const
  ) {
    const flags = net === undefined ? [] : [`--allow-net=${net}`];
    const failure = await start({ cookie: "c", epmdPort, ...options }, flags);
    assertFailure(failure, "permission", `--allow-net=${flag}`, cause);
  }
});

test("Node.start() runs with its own two ports, and no other permission", async () => {
  const [epmdPort, port] = [freePort(), freePort()];
  const { started } = await start({ cookie: "c", epmdPort, port }, [
    `--allow-net=127.0.0.1:${port},127.0.0.1:${epmdPort}`,
  ]);
  assertEquals(started, "alex@localhost");
});

test("Node.start() rejects if a program other than EPMD has EPMD's port", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = (async () => {
    for await (const connection of listener) connection.close();
  })();
  const failure = await start({
    cookie: "c",
    epmdPort: (listener.addr as Deno.NetAddr).port,
  }, ["--allow-net=127.0.0.1"]);
  listener.close();
  await accepting;
  assertFailure(failure, "network", "--epmd-port");
});

test("Node.start() rejects without the permission to read the host's name", {
  tags: ["slow"],
}, async () => {
  assertFailure(
    await start({ name: "alex", cookie: "c", epmdPort: freePort() }, [
      "--allow-net=127.0.0.1",
    ]),
    "permission",
    "--allow-sys=hostname",
    "NotCapable",
  );
});

test("Node.start() rejects without the permissions that a cookie file needs", {
  tags: ["slow"],
}, async () => {
  const HOME = await Deno.makeTempDir();
  const file = `${HOME}/.erlang.cookie`;
  const epmdPort = freePort();
  const net = "--allow-net=127.0.0.1";
  const env = "--allow-env=HOME";
  for (
    const [flags, flag] of [
      [[], "--allow-env=HOME"],
      [[env], `--allow-read=${file}`],
      [[env, `--allow-read=${file}`], `--allow-write=${file}`],
    ] as const
  ) {
    const failure = await start({ epmdPort }, [net, ...flags], { HOME });
    assertFailure(failure, "cookie", flag, "NotCapable");
    assertStringIncludes(failure.message, "--cookie");
  }
  const { started } = await start({ epmdPort }, [
    net,
    env,
    `--allow-read=${file}`,
    `--allow-write=${file}`,
  ], { HOME });
  assertEquals(started, "alex@localhost");
  await Deno.remove(HOME, { recursive: true });
});

test("Node.start() rejects without HOME", async () => {
  for (const env of [{}, { HOME: "" }, { HOME: "relative" }]) {
    const failure = await start({ epmdPort: freePort() }, ["-A"], env);
    assertFailure(failure, "cookie", "HOME is");
  }
});
