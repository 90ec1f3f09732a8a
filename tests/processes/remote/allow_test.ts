/** The rule `allow` of a node, and the functions that a node exports. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  SpawnRefusedError,
  UndefinedFunctionError,
} from "../../../packages/processes/errors.ts";
import { Node } from "../../../node.ts";
import { self } from "../../../packages/processes/process.ts";
import { rpc } from "../../../packages/node/rpc/rpc.ts";
import { clusterTest } from "../../_nodes.ts";

const KATE = "kate@localhost";

const Admin = { wipeAll: () => "wiped", count: () => 1 };

/** Calls on kate the function `Admin.wipeAll`, under each way to write its name. */
const NAMES: [module: string, name: string][] = [
  ["Admin", "wipeAll"],
  ["'Admin'", "wipeAll"],
  ["Admin", "'wipeAll'"],
  ["'Admin'", "'wipeAll'"],
];

clusterTest("allow gets an export's names, however quoted", async (cluster) => {
  const asked = new Set<string>();
  await cluster.start("kate", {
    modules: { Admin },
    allow: (...what) => {
      asked.add(what.join());
      return what[2] === "count";
    },
  });
  const alex = await cluster.start("alex");
  await alex.run(async () => {
    for (const name of NAMES) {
      await assertRejects(() => rpc.call(KATE, name), SpawnRefusedError);
      await assertRejects(() => Node.spawn(KATE, name), SpawnRefusedError);
    }
    assertEquals(await rpc.call(KATE, ["'Admin'", "count"]), 1);
    for (const module of ["Process", "'Process'"]) {
      await assertRejects(
        () => rpc.call(KATE, [module, "info"], [self()]),
        SpawnRefusedError,
      );
    }
  });
  assertEquals(
    [...asked],
    ["Admin,wipeAll", "Admin,count", "Process,info"]
      .map((name) => `${alex.name},${name}`),
  );
});

clusterTest("a module whose export throws is refused", async (cluster) => {
  const Module = {
    get getter() {
      throw new RangeError("broken");
    },
  };
  const reason =
    'the export "getter" of the module "Module" throws #RangeError<broken>';
  await assertRejects(
    () => cluster.start("kate", { modules: { Module } }),
    TypeError,
    `Cannot start kate@localhost: ${reason}`,
  );
  const alex = await cluster.start("alex");
  assertThrows(
    () => alex.export("Module", Module),
    TypeError,
    `Cannot export on alex@localhost: ${reason}`,
  );
});

clusterTest("a module's exports are read once, at start", async (cluster) => {
  let reads = 0;
  const Module = {
    get getter() {
      if (++reads > 1) throw new Error("read again");
      return () => "from the getter";
    },
    later: undefined as unknown,
  };
  await cluster.start("kate", { modules: { Module } });
  Module.later = () => "too late";
  const alex = await cluster.start("alex");
  await alex.run(async () => {
    for (let i = 0; i < 3; i++) {
      assertEquals(
        await rpc.call(KATE, ["Module", "getter"]),
        "from the getter",
      );
    }
    await assertRejects(
      () => rpc.call(KATE, ["Module", "later"]),
      UndefinedFunctionError,
    );
  });
  assertEquals(reads, 1);
});
