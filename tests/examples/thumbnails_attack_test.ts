/** The example `examples/thumbnails/` as a stranger finds it. */

import { assertEquals } from "@std/assert";
import { freePort } from "../../packages/testing/_ports.ts";
import { test } from "../../packages/testing/tags.ts";
import { Program } from "./_program.ts";
import { attack } from "./_thumbnails_attack.ts";

test(
  "thumbnails: what a stranger sends costs nobody else anything, and prints no stack",
  {
    timeout: 120_000,
  },
  async () => {
    const metricsPort = freePort();
    await using program = new Program("thumbnails/try.ts", [], {
      HTTP_PORT: "0",
      METRICS_PORT: `${metricsPort}`,
      ERL_EPMD_PORT: `${freePort()}`,
    });
    const [, port] = await program.matches(/web@localhost is up, port (\d+)/);
    await attack([Number(port), metricsPort]);
    program.kill("SIGINT");
    assertEquals((await program.status).code, 0, program.output);
    assertEquals(program.output.match(/^\s+at |Error|Cannot/gm), null);
  },
);
