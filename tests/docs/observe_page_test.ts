/** The fault of `docs/observe.md`: its program runs, and the commands and metrics of the page find it. A link by command. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Node } from "../../mod.ts";
import { Dashboard } from "../../packages/observe/dashboard/dashboard.ts";
import { freePort } from "../../packages/testing/_ports.ts";
import { test } from "../../packages/testing/tags.ts";
import { pipe } from "../_cli.ts";
import { blocksIn, readPage, runCommands, sectionsOf } from "../_pages.ts";
import { temporaryFolder } from "../_temporary.ts";
import { until } from "../_until.ts";

const PAGE = await readPage("docs/observe.md");
const FAULT = sectionsOf(PAGE).get("A fault, found in several ways")!;

/** The lines that the page types at a prompt. */
function typedIn(text: string): string[] {
  return [...text.matchAll(/^chat\(.*\)\d+> (.*)$/gm)].map(([, line]) => line);
}

test(
  "docs/observe.md: the commands at the prompt and the metrics find the fault",
  { timeout: 120_000, tags: ["slow"] },
  async () => {
    const [program, ...others] = blocksIn(FAULT);
    const epmdPort = freePort();
    const port = freePort();
    await using stack = new AsyncDisposableStack();
    const { path: folder } = stack.use(await temporaryFolder());
    await Deno.writeTextFile(
      join(folder, "orders.ts"),
      program.text.replace("8000", `${port}`),
    );
    const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
    const running = stack.use(
      runCommands(`deno run -A --config=${config} orders.ts`, folder, {
        ERL_EPMD_PORT: `${epmdPort}`,
      }),
    );
    await running.printed(/Listening/);
    const scrape = async () =>
      await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const value = async (name: string) =>
      Number(
        new RegExp(`^${name}.* (\\d+)$`, "m").exec(await scrape())?.[1] ?? 0,
      );
    await until(async () => await value("otp_mailbox_longest") >= 50);
    const args = [
      ...["--sname=ops@localhost", "--cookie=secret_token"],
      `--epmd-port=${epmdPort}`,
    ];
    const lines = typedIn(FAULT);
    const isTree = (line: string) => line.startsWith("tree");
    const before = await pipe(lines.filter((line) => !isTree(line)), args);
    assertMatch(before.stdout, /> +Writer +server +\d\d+ +\d+ +\d\d+\n/);
    assertMatch(
      before.stdout,
      /Tracing #PID.*\n(?:.* <- \{ type: "\$cast", request: \{ id: \d+ \} \}\n){3}The trace ends after 3 messages\n/,
    );
    await until(async () => await value("otp_restarts_total") >= 5);
    const after = await pipe(lines.filter(isTree), args);
    assertMatch(
      after.stdout,
      // Without a name while it is restarted.
      /Orders, supervisor, #PID.*\n└─ writer(: Writer, .*|, worker, not running, )restarted \d+ times, last for Error: the disk is full\n/,
    );
    const shown = others.map(({ text }) => text)
      .find((text) => text.startsWith("$ curl"))!;
    const now = await scrape();
    for (const line of shown.split("\n").slice(1).filter((each) => each)) {
      const metric = line.slice(0, line.lastIndexOf(" "));
      assert(now.includes(`${metric} `), `${metric} is not in\n${now}`);
    }
    assertEquals(
      Number(
        /failed="false"\} (\d+)/.exec(
          now.split("\n").find((each) =>
            each.startsWith("otp_duration_seconds_count") &&
            each.includes("Writer.handleCast") && each.includes('"false"')
          )!,
        )![1],
      ),
      250,
    );
  },
);

test("docs/observe.md: another program asks a service for a link", {
  timeout: 60_000,
}, async () => {
  const command = blocksIn(PAGE).map(({ text }) => text)
    .find((text) => text.includes('"Dashboard", node: "orders@localhost"'))!;
  const epmdPort = freePort();
  await using stack = new AsyncDisposableStack();
  const { path: home } = stack.use(await temporaryFolder());
  const cookie = "cookie_of_the_page";
  await Deno.writeTextFile(join(home, ".erlang.cookie"), cookie, {
    mode: 0o400,
  });
  const orders = stack.use(
    await Node.start({ name: "orders@localhost", cookie, epmdPort }),
  );
  await orders.run(async () => {
    await Dashboard.startLink();
    const { port } = new URL(await Dashboard.url());
    await using asking = runCommands(
      command.trimEnd().replace(/\\\n */, ""),
      fileURLToPath(new URL("../../", import.meta.url)),
      {
        HOME: home,
        // A cold cache would cost seconds.
        DENO_DIR: Deno.env.get("DENO_DIR") ??
          join(Deno.env.get("HOME")!, ".cache", "deno"),
        ERL_EPMD_PORT: `${epmdPort}`,
      },
    );
    assertEquals(await asking.ended, 0, asking.output);
    assertMatch(
      asking.output,
      new RegExp(`^http://127\\.0\\.0\\.1:${port}/\\?token=[\\w-]+\n$`),
    );
  });
});
