/** What `deno task pack` makes, installed by npm: it runs on Node and on Bun, and has its types. */

import { assertEquals, assertMatch } from "@std/assert";
import { Application } from "../application.ts";
import { chat } from "../chat/application.ts";
import dev from "../chat/config/dev.ts";
import * as Chat from "../chat/mod.ts";
import config from "../deno.json" with { type: "json" };
import { Node } from "../node.ts";
import { test } from "../testing/tags.ts";
import { nodeFlags } from "./_cli.ts";
import { Cluster } from "./_nodes.ts";
import { type Host, Project } from "./_packed.ts";

const HOSTS: readonly Host[] = ["node", "bun"];

// One test of several steps, as the project that they share takes a while to make.
test("the packed package", {
  tags: ["pack"],
  programs: ["npm", "tar"],
  timeout: 180_000,
}, async (t) => {
  await using project = await Project.make();

  await t.step("has modules that load on Node and on Bun", async () => {
    const names = Object.keys(config.exports).map((name) =>
      name.replace(".", config.name)
    );
    const code = names.map((name) => `await import("${name}");`).join("\n");
    await project.write("load.mjs", `${code}\nconsole.log("loaded");`);
    for (const host of HOSTS) {
      await using program = project.run(host, ["load.mjs"]);
      assertEquals([await program.ended, program.output], [0, "loaded\n"]);
    }
  });

  await t.step("says its version", async () => {
    for (const host of HOSTS) {
      await using program = project.chat(host, ["--version"]);
      assertEquals(await program.ended, 0, program.output);
      assertEquals(program.output, `chat ${config.version}\n`);
    }
  });

  await t.step("has nodes that chat, on Node, Bun and Deno", async () => {
    await using cluster = new Cluster();
    const flags = (name: string) => nodeFlags(name, cluster.epmdPort);
    const printed: string[] = [];
    const kate = await cluster.start("kate", {
      modules: { Chat },
      io: { write: (text) => void printed.push(text) },
    });
    await using alex = project.chat("node", [...flags("alex"), "--no-halt"]);
    await using sophie = project.chat("bun", [...flags("sophie"), "--no-halt"]);
    await alex.printed("alex@localhost is up");
    await sophie.printed("sophie@localhost is up");
    await kate.run(async () => {
      Application.load(dev);
      await Application.start(chat);
      assertEquals(await Chat.sendMessage("alex@localhost", "deno says"), "ok");
      assertEquals(
        await Chat.sendMessage("sophie@localhost", "deno says"),
        "ok",
      );
      const peers = ["alex@localhost", "sophie@localhost"];
      assertEquals(Node.list().toSorted(), peers);
    });
    for (const host of HOSTS) {
      const code = ["alex", "sophie", "kate"].map((name) =>
        `await Chat.sendMessage("${name}@localhost", "${host} says");`
      ).join(" ");
      await using visitor = project.chat(host, [
        ...flags("pat"),
        `--eval=${code} IO.puts(Node.list().toSorted().join())`,
      ]);
      assertEquals(await visitor.ended, 0, visitor.output);
      assertEquals(
        visitor.output,
        "alex@localhost,kate@localhost,sophie@localhost\n",
      );
    }
    assertEquals(printed, ["node says\n", "bun says\n"]);
    for (const node of [alex, sophie]) {
      assertMatch(node.output, /deno says\nnode says\nbun says\n$/);
      node.kill("SIGTERM");
      await node.ended;
    }
    await kate.run(() => Application.stop("chat"));
  });

  await t.step("has types that refuse a wrong message", async () => {
    const begin = `import { type Pid, send } from "@otp/distribution/process";
import { Node } from "@otp/distribution";
declare const pid: Pid<{ type: "hi" }>;
export const name: string = Node.self();
`;
    await project.write("right.ts", `${begin}send(pid, { type: "hi" });\n`);
    await project.write("wrong.ts", `${begin}send(pid, { type: "bye" });\n`);
    const check = async (file: string) => {
      await using tsc = project.run("node", [
        "node_modules/typescript/bin/tsc",
        ..."--noEmit --strict --target esnext --module nodenext".split(" "),
        file,
      ]);
      return [await tsc.ended, tsc.output];
    };
    assertEquals(await check("right.ts"), [0, ""]);
    const [code, output] = await check("wrong.ts");
    assertEquals(code, 2);
    assertMatch(`${output}`, /^wrong\.ts\(5,\d+\): error TS2322: Type '"bye"'/);
  });
});
