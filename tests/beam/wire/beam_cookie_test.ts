/** The cookie's file, shared with nodes of Elixir. */

import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { Node } from "../../../node.ts";
import { ELIXIR, ElixirNode } from "../../_elixir.ts";
import { clusterTest } from "../../_nodes.ts";

const KATE = "kate@localhost";
const OPTIONS = { programs: ELIXIR };

async function homeWith(
  path: string,
  content: string,
): Promise<AsyncDisposable & { path: string }> {
  const home = await Deno.makeTempDir({ prefix: "beam_cookie_" });
  await Deno.mkdir(join(home, path, ".."), { recursive: true });
  await Deno.writeTextFile(join(home, path), content, { mode: 0o400 });
  return {
    path: home,
    [Symbol.asyncDispose]: () => Deno.remove(home, { recursive: true }),
  };
}

for (const content of ["plain", "line\n", "windows\r\n", " spaces  \n \n"]) {
  clusterTest(`cookie file ${JSON.stringify(content)}`, async (cluster) => {
    await using home = await homeWith(".erlang.cookie", content);
    const cookieFile = join(home.path, ".erlang.cookie");
    const alex = await cluster.start("alex", { cookie: undefined, cookieFile });
    await using kate = await ElixirNode.start("kate", {
      epmdPort: cluster.epmdPort,
      cookie: null,
      env: { HOME: home.path },
    });
    assertEquals(await kate.evaluate("Node.connect(:alex@localhost)"), "true");
    assertEquals(await alex.run(() => Node.list()), [KATE]);
  }, OPTIONS);
}

clusterTest("both use a cookie file of configurations", async (cluster) => {
  await using home = await homeWith(
    ".config/erlang/.erlang.cookie",
    "configured\n",
  );
  const before = Deno.env.get("HOME")!;
  Deno.env.set("HOME", home.path);
  try {
    await cluster.start("alex", { cookie: undefined });
  } finally {
    Deno.env.set("HOME", before);
  }
  await using kate = await ElixirNode.start("kate", {
    epmdPort: cluster.epmdPort,
    cookie: null,
    env: { HOME: home.path },
  });
  assertEquals(await kate.evaluate("Node.get_cookie()"), ":configured");
  assertEquals(await kate.evaluate("Node.connect(:alex@localhost)"), "true");
  assertEquals([...Deno.readDirSync(home.path)].map(({ name }) => name), [
    ".config",
  ]);
}, OPTIONS);

clusterTest("a cookie that Erlang cannot use is logged", async (cluster) => {
  const cookie = "\u{1f36a}";
  const [alex, zoe] = await cluster.startAll(["alex", "zoe"], { cookie });
  assertEquals(await alex.run(() => Node.connect(zoe.name)), true);
  await using kate = await ElixirNode.start("kate", cluster);
  assertEquals(await kate.evaluate("Node.connect(:alex@localhost)"), "false");
  await cluster.logged(
    /alex warning: Refused a connection .*: this node's cookie has characters/,
  );
  assertEquals(await alex.run(() => Node.connect(KATE)), false);
  await cluster.logged(
    /alex warning: Cannot connect to kate@localhost: this node's cookie has/,
  );
}, OPTIONS);
