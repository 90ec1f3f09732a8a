/** The example `examples/orders/` as a stranger finds it. */

import { assertEquals } from "@std/assert";
import { freePort } from "../../packages/testing/_ports.ts";
import { test } from "../../packages/testing/tags.ts";
import { temporaryFolder } from "../_temporary.ts";
import { Program } from "./_program.ts";
import { attack } from "./_orders_attack.ts";

test(
  "orders: what a stranger sends costs nobody else anything, and prints no stack",
  {
    timeout: 120_000,
  },
  async () => {
    await using folder = await temporaryFolder();
    const ports = [freePort(), freePort()];
    await using program = new Program("orders/try.ts", [], {
      PORTS: ports.join(),
      STORE: `${folder.path}/orders.db`,
      PAYMENTS_PORT: `${freePort()}`,
      PAYMENTS_FILE: `${folder.path}/payments.jsonl`,
      ERL_EPMD_PORT: `${freePort()}`,
    });
    for (const node of ["orders-1", "orders-2"]) {
      await program.matches(new RegExp(`${node}@localhost is up`));
    }
    try {
      await attack(ports[0]);
    } finally {
      program.kill("SIGINT"); // Its nodes are programs too, which it stops.
    }
    assertEquals((await program.status).code, 0, program.output);
    assertEquals(program.output.match(/^\s+at |Error|Cannot/gm), null);
  },
);
