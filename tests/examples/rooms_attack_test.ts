/** The example `examples/rooms/` as a stranger finds it. */

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
  const epmdPort = `${freePort()}`;
  const start = (name: string, others: string, PORTS: string) =>
    new Program("rooms/node.ts", [
      ...["--sname", `${name}@localhost`, "--cookie-file", cookie],
      ...["--epmd-port", epmdPort, "--cluster", others],
    ], { PORTS, STORE: `${folder.path}/rooms.db` });
  await using host = start("host", "web@localhost", "");
  await host.matches(/is up/);
  await using web = start("web", "host@localhost", `${port}`);
  await web.matches(/is up/);
  await attack(port);
  await web.drain();
  await host.drain();
});
