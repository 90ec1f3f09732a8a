/** The public names: each module's values, and no more types than users write. */

import { assert, assertEquals } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import * as frontDoor from "../../mod.ts";
import { HELP } from "../../packages/shell/help_table.ts";
import { pairTest } from "../_nodes.ts";

const ROOT = new URL("../../", import.meta.url);

/** Modules that only their own paths export: not all programs need them. */
const APART =
  /^\.\/(channels.*|chat.*|cluster|dashboard|entities|epmd|health|logtape|metrics|node-flags|observer|partition-supervisor|shell|streams|task-pool|telemetry|testing.*|workers)$/;

/** The modules that users program with: processes, behaviours and nodes. */
const MODULES = Object.entries(config.exports).filter(([name]) =>
  name !== "." && !APART.test(name)
).map(([, path]) => path);

/** The maximum number of names: users read through all of them. */
const MOST_NAMES = 140;

Deno.test("mod.ts exports every value of every module, and the same one", async () => {
  assert(MODULES.length > 10);
  for (const path of MODULES) {
    const module = await import(new URL(path, ROOT).href);
    for (const [name, value] of Object.entries(module)) {
      assertEquals(
        (frontDoor as Record<string, unknown>)[name] === value,
        true,
        `${path} exports ${name}`,
      );
    }
  }
});

Deno.test("each module of the library is a class that its own path exports", async () => {
  const classes = {
    global: "packages/cluster/global/global.ts",
    IO: "packages/node/io/io.ts",
    pg: "packages/node/pg/pg.ts",
    Process: "packages/processes/process.ts",
    rpc: "packages/node/rpc/rpc.ts",
    Task: "packages/servers/task/task.ts",
    TaskSupervisor: "task_supervisor.ts",
  };
  for (const [name, path] of Object.entries(classes)) {
    const { [name]: value } = await import(new URL(path, ROOT).href);
    assert(/^class\b/.test(String(value)), name);
    assertEquals(Object.keys(value), [], "its functions are static members");
  }
});

Deno.test("no function of Process is a plain function as well, and no plain one is in Process", () => {
  const plain = new Set(Object.keys(frontDoor));
  assertEquals(
    Object.getOwnPropertyNames(frontDoor.Process).filter((name) =>
      // Elixir has both: exit/1 and send/2 in Kernel, exit/2 and send/3 in Process.
      plain.has(name) && name !== "exit" && name !== "send"
    ),
    [],
  );
});

Deno.test(`mod.ts exports at most ${MOST_NAMES} names`, async () => {
  const source = await Deno.readTextFile(new URL("mod.ts", ROOT));
  const lists = [...source.matchAll(/^export \{([^}]*)\}/gm)];
  const names = lists.flatMap(([, list]) =>
    list.split(",").map((name) => name.trim()).filter((name) => name !== "")
  );
  assert(names.length >= Object.keys(frontDoor).length);
  assert(names.length <= MOST_NAMES, `there are ${names.length}`);
});

Deno.test("an export of mod.ts is in the table of the shell's help", () => {
  assertEquals(
    Object.keys(frontDoor).filter((name) => !Object.hasOwn(HELP, name)),
    [],
  );
});

pairTest("exports of mod.ts are in scope", async ({ alex, kate }) => {
  const names = Object.keys(frontDoor);
  const missing = await alex.run(() =>
    frontDoor.rpc.call(
      kate.name,
      (names: string[]) =>
        // deno-lint-ignore no-eval
        names.filter((name) => eval(`typeof ${name}`) === "undefined"),
      [names],
    )
  );
  assertEquals(missing, []);
}, { kate: { allowClosures: true } });
