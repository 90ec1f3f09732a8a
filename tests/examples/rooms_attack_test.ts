/** The example `examples/rooms/` as a stranger finds it. */

import { assertEquals } from "@std/assert";
import { freePort } from "../../packages/testing/_ports.ts";
import { test } from "../../packages/testing/tags.ts";
import { temporaryFolder } from "../_temporary.ts";
import { Program } from "./_program.ts";
import { attack } from "./_rooms.ts";

test("rooms: what a stranger sends costs nobody else anything", {
  timeout: 120_000,
}, async () => {
  await using folder = await temporaryFolder();
  const cookie = `${folder.path}/cookie`;
  await Deno.writeTextFile(cookie, crypto.randomUUID(), { mode: 0o600 });
  const port = freePort();
  await using node = new Program("rooms/node.ts", [
    ...["--sname", "rooms@localhost", "--cookie-file", cookie],
    ...["--epmd-port", `${freePort()}`],
  ], {
    PORT: `${port}`,
    SECRET: crypto.randomUUID(),
    STORE: `${folder.path}/rooms.db`,
  });
  await node.matches(/is up/);
  await attack(port);
  await node.drain();
  assertEquals(node.output.match(/^.*error.*$/gm), null);
});
