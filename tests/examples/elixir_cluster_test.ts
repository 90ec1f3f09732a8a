/** The example `examples/elixir_cluster/`. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { freePort } from "../../packages/testing/_ports.ts";
import { test } from "../../packages/testing/tags.ts";
import { ELIXIR } from "../_elixir.ts";
import { Program } from "./_program.ts";

test(
  "deno task elixir: Elixir calls a node here, as elixir.md says",
  { programs: ELIXIR, timeout: 120_000 },
  async () => {
    await using program = new Program("elixir_cluster/try.ts", [], {
      ERL_EPMD_PORT: `${freePort()}`,
    });
    const { code } = await program.status;
    assertEquals(code, 0, program.output);
    for (
      const line of [
        "app     │ Node.list(): [:scripts@localhost]",
        'app     │ GenServer.call({:global, :broken}, :list): ["broken.js"]',
        'app     │ Task.Supervisor.async_stream_nolink: [:ok, {:error, "Unexpected token (1:4)"}]',
        "scripts │ Checking let 1 = a",
        "app     │ Checking 'from Elixir'",
        "app     │ Node.spawn: :normal",
      ]
    ) assertStringIncludes(program.output, `${line}\n`);
  },
);
