/** The cookie's file: its creator and its permissions; no other user learns its content. */

import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { userCookie } from "../../../packages/node/host/cookie_file.ts";
import { NodeStartError } from "../../../packages/processes/errors.ts";
import { Node } from "../../../node.ts";
import { internalsOf } from "../../../packages/node/start/node_internals.ts";
import { test } from "../../../packages/testing/mod.ts";
import { ChatProcess } from "../../_cli.ts";
import { freePort } from "../../_nodes.ts";

const FILE = fileURLToPath(new URL("./_cookie.ts", import.meta.url));
const FILE_OF_ROOT = fileURLToPath(
  new URL("./_cookie_of_root.ts", import.meta.url),
);
const CONFIG = fileURLToPath(new URL("../../../deno.json", import.meta.url));
const PROCESSES = 10;

/** A folder that is removed when it goes out of scope. */
async function folder(): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempDir();
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

/** Starts a program that looks for the cookie on request; returns the request and the answer. */
async function seeker(home: string, writable: string[]) {
  const file = `${home}/.erlang.cookie`;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "--no-check",
      `--config=${CONFIG}`,
      "--allow-env=HOME",
      `--allow-read=${file},${file}.new`,
      `--allow-write=${writable.join(",")}`,
      FILE,
    ],
    env: { HOME: home, NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("\n")) text += (await reader.read()).value ?? "";
  return async (): Promise<string> => {
    const writer = child.stdin.getWriter();
    await writer.write(new Uint8Array([10]));
    await writer.close();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      text += value;
    }
    await child.status;
    return text.replace("ready\n", "").trim();
  };
}

for (const withFolder of [true, false]) {
  test(
    `nodes that start at once agree on one cookie, ${
      withFolder ? "by a link" : "where they may write no other file"
    }`,
    { timeout: 60_000, tags: withFolder ? [] : ["slow"] },
    async () => {
      await using home = await folder();
      const file = `${home.path}/.erlang.cookie`;
      const writable = withFolder ? [file, `${file}.new`] : [file];
      const seekers = await Promise.all(
        Array.from({ length: PROCESSES }, () => seeker(home.path, writable)),
      );
      const cookies = await Promise.all(seekers.map((seek) => seek()));
      const [cookie] = cookies;
      assertMatch(cookie, /^[\w-]{43}$/);
      assertEquals(cookies, cookies.map(() => cookie));
      assertEquals(await Deno.readTextFile(file), cookie);
      assertEquals((await Deno.stat(file)).mode! & 0o777, 0o400);
      const names = [...Deno.readDirSync(home.path)].map(({ name }) => name)
        .filter((name) => name.startsWith(".erlang"));
      assertEquals(names, [".erlang.cookie"]);
    },
  );
}

async function refusal(cookieFile: string): Promise<NodeStartError> {
  const error = await assertRejects(
    () =>
      Node.start({
        name: "alex@localhost",
        cookieFile,
        epmdPort: freePort(),
        log() {},
      }),
    NodeStartError,
  );
  assertEquals(error.code, "cookie");
  return error;
}

test("Node.start() rejects a cookie file that others have access to", async () => {
  await using home = await folder();
  const file = `${home.path}/cookie`;
  await refusal(file);
  await Deno.writeTextFile(file, "secret_token\n");
  const ofGroup = Deno.uid() === 0 ? [] : [0o440]; // root may hand it to a group
  for (const mode of [...ofGroup, 0o404, 0o420, 0o402, 0o410, 0o401, 0o644]) {
    await Deno.chmod(file, mode);
    const { message } = await refusal(file);
    assertStringIncludes(message, `mode ${mode.toString(8)}`);
    assertStringIncludes(message, "chmod 400");
    assertEquals(message.includes("secret_token"), false);
  }
  await Deno.chmod(file, 0o400);
  await using node = await Node.start({
    name: "alex@localhost",
    cookieFile: file,
    epmdPort: freePort(),
  });
  assertEquals(internalsOf(node).options.cookie, "secret_token");
});

test("Node.start() rejects a cookie file of another user", {
  // Only root can change the owner of a file.
  ignore: Deno.uid() !== 0,
}, async () => {
  await using home = await folder();
  const file = `${home.path}/cookie`;
  await Deno.writeTextFile(file, "secret_token", { mode: 0o400 });
  await Deno.chown(file, 12345, 12345);
  const { message } = await refusal(file);
  assertStringIncludes(message, "belongs to another user (uid 12345");
});

test(
  "a service reads the cookie that root hands to it, and no one else can change or read it",
  {
    // Only root can make such a file, and become another user.
    ignore: Deno.uid() !== 0,
  },
  async () => {
    await using home = await folder();
    await Deno.chmod(home.path, 0o755);
    const file = `${home.path}/cookie`;
    await Deno.writeTextFile(file, "secret_token\n");
    const read = async (mode: number, owner = 0, reader = 12345) => {
      await Deno.chown(file, owner, 12346);
      await Deno.chmod(file, mode);
      const { stdout } = await new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "--quiet",
          "--no-check",
          "--allow-all",
          `--config=${CONFIG}`,
          FILE_OF_ROOT,
          file,
          `${reader}`,
          "12346",
        ],
        env: { NO_COLOR: "1" },
        stderr: "inherit",
      }).output();
      return new TextDecoder().decode(stdout);
    };
    // systemd's credentials, and the volumes of Kubernetes with an fsGroup, of which pods may run as root.
    for (const reader of [12345, 0]) {
      assertEquals(await read(0o440, 0, reader), "secret_token\n");
      assertEquals(await read(0o640, 0, reader), "secret_token\n");
      for (const mode of [0o444, 0o460, 0o450, 0o441, 0o644]) {
        const refused = `(mode ${mode.toString(8)})`;
        assertStringIncludes(await read(mode, 0, reader), refused);
      }
    }
    // A user's own file is for that user alone.
    assertStringIncludes(await read(0o440, 12345), "(mode 440)");
    assertStringIncludes(await read(0o440, 12347), "(mode 440)");
    assertStringIncludes(await read(0o440, 12347, 0), "(mode 440)");
    assertMatch(await read(0o400), /permission denied/i);
  },
);

test(
  "a start on a full disk leaves no cookie file, and an empty one is an error that says what to do",
  { programs: ["sh"], timeout: 60_000 },
  async () => {
    await using home = await folder();
    const file = `${home.path}/.erlang.cookie`;
    const { stdout, stderr } = await new Deno.Command("sh", {
      // Each write to a file fails.
      args: [
        "-c",
        "trap '' XFSZ; ulimit -f 0; echo | \"$@\"",
        "sh",
        Deno.execPath(),
        "run",
        "--no-prompt",
        "--no-check",
        `--config=${CONFIG}`,
        "--allow-env=HOME",
        `--allow-read=${file},${file}.new`,
        `--allow-write=${file},${file}.new`,
        FILE,
      ],
      env: { HOME: home.path, NO_COLOR: "1" },
    }).output();
    const text = new TextDecoder().decode(stdout) +
      new TextDecoder().decode(stderr);
    assertMatch(text, /Cannot make the cookie file .*too large/);
    const names = [...Deno.readDirSync(home.path)].map(({ name }) => name);
    assertEquals(names.filter((name) => name.startsWith(".erlang")), []);
    await Deno.writeTextFile(file, "\n", { mode: 0o400 });
    const { message } = await refusal(file);
    assertStringIncludes(message, `it is empty, as after a start on a full`);
    assertStringIncludes(message, `rm -f ${file}`);
  },
);

test("Node.start() rejects a cookie file that is not a file", async () => {
  await using home = await folder();
  const { message } = await refusal(home.path);
  assertStringIncludes(message, "it is not a file");
});

test("a cookie file that cannot be read is an error, though OTP's second one can be", async () => {
  await using home = await folder();
  const second = `${home.path}/.config/erlang`;
  await Deno.mkdir(second, { recursive: true });
  await Deno.writeTextFile(`${second}/.erlang.cookie`, "second");
  await Deno.chmod(`${second}/.erlang.cookie`, 0o400);
  const { HOME, XDG_CONFIG_HOME } = process.env;
  try {
    process.env.HOME = home.path;
    delete process.env.XDG_CONFIG_HOME;
    assertEquals(await userCookie(), "second");
    await Deno.mkdir(`${home.path}/.erlang.cookie`);
    await assertRejects(userCookie, NodeStartError, "it is not a file");
  } finally {
    Object.assign(process.env, { HOME });
    if (XDG_CONFIG_HOME !== undefined) {
      Object.assign(process.env, { XDG_CONFIG_HOME });
    }
  }
});

test("a program's output never contains the value of --cookie", {
  tags: ["slow"],
}, async () => {
  const secret = "tell-nobody-0815";
  const port = String(freePort());
  const base = ["--cookie", secret, "--epmd-port", port];
  for (
    const args of [
      [...base, "--sname", "alex@localhost", "--eval", "throw new Error('x')"],
      [...base, "--sname", "alex@localhost", "--port", "99999"],
      [...base, "--sname", "no good"],
      [...base, "--sname", "alex@localhost", "--remsh", "kate@localhost"],
      [...base, "--sname", "alex@localhost", "extra"],
      [...base, "--sname", "alex@localhost", "--cookie-file", "x"],
      [`--cookie=${secret}`, "--sname", "alex@localhost", "--frobnicate"],
      [`--coookie=${secret}`, "--sname", "alex@localhost"],
      [`--cookie=${secret}`],
      ["--cookie", `${secret}\n`, "--sname", "alex@localhost"],
      ["--cookie", secret, secret, "--sname", "alex@localhost"],
      ["--cookie", `-${secret}`, "--sname", "alex@localhost"],
    ]
  ) {
    await using program = new ChatProcess(args, {
      env: { ERL_EPMD_PORT: port },
    });
    const { stdout, stderr } = await program.ended;
    assertEquals(
      (stdout + stderr).includes(secret),
      false,
      `${args}: ${stdout}${stderr}`,
    );
  }
});
