/** `deno task chat` has the permissions that the lesson needs, and no others. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { test, type TestOptions } from "../../packages/testing/tags.ts";
import { chat, type Ended, withFolder } from "../_cli.ts";
import { freePort } from "../_nodes.ts";

const OPTIONS: TestOptions = { timeout: 60_000, tags: ["cli"] };
const SLOW: TestOptions = { timeout: 60_000, tags: ["cli", "slow"] };

/** The flags of the task, by name. */
function flagsOf(home: string): Record<string, string[]> {
  const [own, command] = config.tasks.chat.command.replaceAll('"', "")
    .replaceAll("$HOME", home).split(" && ");
  const words = command.replaceAll("$OWN", own.replace("OWN=", "")).split(" ");
  assertEquals(
    words.slice(0, 5).join(" "),
    "deno run --quiet --no-prompt -P=chat",
  );
  assertEquals(words.at(-1), "chat/main.ts");
  const { net, env, sys, ...others } = config.permissions.chat;
  assertEquals(others, {});
  return {
    "--allow-net": net,
    "--allow-env": env,
    "--allow-sys": sys,
    ...Object.fromEntries(
      words.slice(5, -1).map((word) => {
        const [name, values] = word.split("=");
        return [name, values.split(",")];
      }),
    ),
  };
}

/** Runs the program with some flags, in the folder of the task. */
function run(
  flags: Record<string, string[]>,
  args: readonly string[],
  home: string,
): Promise<Ended> {
  const permissions = Object.entries(flags)
    .filter(([, values]) => values.length > 0)
    .map(([name, values]) => `${name}=${values.join(",")}`);
  const env = { HOME: home, ERL_EPMD_PORT: String(freePort()) };
  return chat(args, { permissions, env });
}

function without(
  flags: Record<string, string[]>,
  name: string,
  value: string,
): Record<string, string[]> {
  assert(flags[name].includes(value), `${name}=${value}`);
  return { ...flags, [name]: flags[name].filter((each) => each !== value) };
}

test("deno task chat allows what the chat needs", OPTIONS, () => {
  assertEquals(flagsOf("/home/alex"), {
    "--allow-net": ["127.0.0.1"],
    "--allow-env": ["ERL_EPMD_PORT", "HOME", "NO_COLOR"],
    "--allow-sys": ["hostname", "uid"],
    "--allow-read": [
      "chat",
      "/home/alex/.erlang.cookie",
      "/home/alex/.erlang.cookie.new",
      "/home/alex/.otp_distribution_history",
    ],
    "--allow-write": [
      "/home/alex/.erlang.cookie",
      "/home/alex/.erlang.cookie.new",
      "/home/alex/.otp_distribution_history",
    ],
  });
});

test(
  "deno task chat starts a node with a module of the chat, creates the cookie, and reaches itself",
  OPTIONS,
  () =>
    withFolder(async (home) => {
      const { code, stdout, stderr } = await run(
        flagsOf(home),
        [
          "--sname=alex@localhost",
          "--module=Kate=./chat/kate.ts",
          "--eval",
          "await Node.spawn('alex@localhost', Kate.sayName); await Chat.sendMessage('alex@localhost', 'hi')",
        ],
        home,
      );
      assertEquals([code, stderr], [0, ""]);
      assertStringIncludes(stdout, "Hi, my name is Kate\n");
      assertStringIncludes(stdout, "hi\n");
      const file = await Deno.stat(`${home}/.erlang.cookie`);
      assertEquals(file.mode! & 0o777, 0o400);
    }),
);

test(
  "deno task chat needs each of its permissions to start",
  SLOW,
  () =>
    withFolder(async (home) => {
      const all = flagsOf(home);
      const cookie = `${home}/.erlang.cookie`;
      for (
        const [name, value, says, sname = "alex@localhost"] of [
          ["--allow-net", "127.0.0.1", "--allow-net=127.0.0.1"],
          ["--allow-env", "HOME", "--allow-env=HOME"],
          ["--allow-sys", "hostname", "--allow-sys=hostname", "alex"],
          ["--allow-read", "chat", "--allow-read="],
          ["--allow-read", cookie, `--allow-read=${cookie}`],
          ["--allow-write", cookie, `--allow-write=${cookie}`],
        ]
      ) {
        const { code, stderr } = await run(
          without(all, name, value),
          [`--sname=${sname}`, "--module=Kate=./chat/kate.ts", "--eval=1"],
          home,
        );
        assertEquals(
          [code, stderr.split("\n").length],
          [4, 2],
          `${name}=${value}: ${stderr}`,
        );
        assert(stderr.startsWith("chat: Cannot "), stderr);
        assertStringIncludes(stderr, says);
        // The next one has to create it again.
        await Deno.remove(cookie).catch(() => {});
      }
    }),
);

test(
  "a module outside of the chat's folder needs a flag, which the error names",
  OPTIONS,
  () =>
    withFolder(async (home) => {
      const file = `${home}/mine.ts`;
      await Deno.writeTextFile(file, 'export const hi = () => "hi";');
      const args = [
        "--sname=alex@localhost",
        `--module=Mine=${file}`,
        "--eval=await IO.puts(Mine.hi())",
      ];
      const flags = flagsOf(home);
      const refused = await run(flags, args, home);
      assertEquals(refused.code, 4);
      assertStringIncludes(refused.stderr, `run it with --allow-read=${file}`);
      const afterTask = await run(
        flags,
        ["--sname=alex@localhost", `--allow-read=${file}`],
        home,
      );
      assertEquals(afterTask.code, 2);
      assertStringIncludes(
        afterTask.stderr,
        "`deno run --allow-read chat/main.",
      );
      const { code, stdout } = await run(
        { ...flags, "--allow-read": [...flags["--allow-read"], file] },
        args,
        home,
      );
      assertEquals([code, stdout], [0, "hi\n"]);
    }),
);
