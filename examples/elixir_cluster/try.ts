/** `deno task elixir`: starts node.ts, and app.exs, which uses it from Elixir and ends. */

import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";

/** The outputs that are being read. */
const outputs: Promise<void>[] = [];

/** Shows the lines of a program with the name of its node; resolves at the awaited line, or when all have come. */
async function show(
  who: string,
  { stdout, stderr }: Deno.ChildProcess,
  awaited = "",
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const own = [stdout, stderr].map(async (stream) => {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        console.log(`${who} │ ${line}`);
        if (line === awaited) resolve();
      }
    }
  });
  outputs.push(...own);
  await Promise.race([promise, Promise.all(own)]);
}

// Ctrl-C ends the programs, and then this one removes the folder.
Deno.addSignalListener("SIGINT", () => {});
const folder = await Deno.makeTempDir();
// Elixir reads the cookie in its home folder.
const cookieFile = `${folder}/.erlang.cookie`;
await Deno.writeTextFile(cookieFile, randomBytes(24).toString("hex"), {
  mode: 0o400,
});
const cwd = fileURLToPath(new URL(".", import.meta.url));
const node = new Deno.Command(Deno.execPath(), {
  args: [
    ...["run", "--quiet", "-A", "node.ts"],
    ...["--sname", "scripts@localhost", "--cookie-file", cookieFile],
  ],
  cwd,
  stdin: "null",
  stdout: "piped",
  stderr: "piped",
}).spawn();
let code = 1;
try {
  await show("scripts", node, "scripts@localhost is up");
  const app = new Deno.Command("elixir", {
    args: [
      ...["--sname", "app@localhost"],
      // node.ts serves EPMD if none runs. At Ctrl-C, Erlang's menu would open.
      ...["--erl", "+Bd -start_epmd false"],
      ...["-r", "phoenix_pubsub.ex", "app.exs"],
    ],
    cwd,
    env: { HOME: folder },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await show("app    ", app);
  ({ code } = await app.status);
} catch (error) {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
  console.log("Install Elixir first: https://elixir-lang.org/install.html");
} finally {
  try {
    node.kill("SIGTERM");
  } catch {
    // It has ended.
  }
  await Promise.all(outputs);
  await Deno.remove(folder, { recursive: true });
}
Deno.exit(code);
