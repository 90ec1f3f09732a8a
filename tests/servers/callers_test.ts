/**
 * Which callers the library's servers serve: every server, every request, on both wires, in the name of the peer, of a
 * node that is not the peer, and of a process of this node.
 *
 * The tables of servers and requests are compared with the source: a new server or request fails the test until it has
 * a row here.
 */

import { assert, assertEquals } from "@std/assert";
import { atom } from "../../packages/processes/values/atom.ts";
import { improperList } from "../../packages/processes/values/improper_list.ts";
import { Pid, Ref } from "../../packages/processes/values/pid.ts";
import { Tuple, tuple } from "../../packages/processes/values/tuple.ts";
import * as control from "../../packages/beam/wire/control.ts";
import { GenServer } from "../../packages/servers/gen_server/gen_server.ts";
import { pg, type PgMessage } from "../../packages/node/pg/pg.ts";
import { receive, self, send } from "../../packages/processes/process.ts";
import {
  type ChildDefinition,
  Supervisor,
} from "../../packages/servers/supervisor/supervisor.ts";
import { test } from "../../packages/testing/tags.ts";
import { clusterTest } from "../_nodes.ts";
import { mail, quiet } from "../_processes.ts";
import { CREATION, RAW, RawBeam, tagged } from "../_raw_beam.ts";
import { RawPeer } from "../_raw_peer.ts";
import { Echo } from "../_echo.ts";
import {
  jsonOf,
  OWN,
  processesOf,
  ROWS,
  startServers,
} from "./_every_server.ts";

const ROOT = new URL("../../", import.meta.url);
const FRIEND = "friend@localhost";
const FRIENDS = new Pid(FRIEND, 1, CREATION);

// The tables are complete.

/** The source of the library, by file, without comments. */
function* sources(): Iterable<[file: string, text: string]> {
  function* visit(folder: string): Iterable<[string, string]> {
    for (
      const { name, isDirectory } of Deno.readDirSync(new URL(folder, ROOT))
    ) {
      // The harness and its simulations are no part of nodes.
      if (name === "testing") continue;
      if (isDirectory) yield* visit(`${folder}${name}/`);
      else if (name.endsWith(".ts") && name !== "help_table.ts") {
        const text = Deno.readTextFileSync(new URL(folder + name, ROOT));
        yield [folder + name, text.replace(/\/\*\*[^]*?\*\//g, "")];
      }
    }
  }
  yield* visit("packages/");
}

test("every server of the library has a row", () => {
  const found: string[] = [];
  for (const [file, text] of sources()) {
    for (
      const [, name] of text.matchAll(/class (\w+)\s+implements Server\b/g)
    ) {
      found.push(name);
    }
    if (
      file.startsWith("packages/servers/gen_server/") ||
      file.startsWith("packages/servers/supervisor/")
    ) {
      continue;
    }
    found.push(
      ...Array(text.match(/startGenServer\(/g)?.length ?? 0).fill(file),
    );
    // These start servers of programs, which serve calls in any name.
    assertEquals(
      text.match(/GenServer\.(start|startLink|childSpec)\(|servesForeign/g) ??
        [],
      file === "packages/servers/server/server.ts"
        ? Array(2).fill("servesForeign")
        : [],
      file,
    );
  }
  assertEquals(
    found.filter((name) => name !== "GenServerProcess").sort(),
    ROWS.map(({ server }) => server).sort(),
  );
});

for (const { server, parts = [], words = [], requests } of ROWS) {
  test(`every request has a row: ${server} ${Object.keys(requests)[0] ?? ""}`, () => {
    const found = new Set(words);
    for (const [file, head] of parts) {
      const text = Deno.readTextFileSync(new URL(file, ROOT));
      const at = text.search(
        new RegExp(`^ *(async |export )?${RegExp.escape(head)}`, "m"),
      );
      assert(at >= 0, `${file} has no ${head}`);
      const indent = head.startsWith("type") ? "" : "  ";
      const part = text.slice(
        at,
        text.indexOf(indent === "" ? ";\n" : "\n  }\n", at),
      );
      for (
        const [, word] of part.replaceAll(/typeof [\w.]+ === "\w+"/g, "")
          .matchAll(
            /(?:case |=== |is(?:Typed|Atom)\(\w+, |\[\s*)"([a-z_]+)"/g,
          )
      ) found.add(word);
    }
    assertEquals([...found].sort(), Object.keys(requests).sort());
  });
}

// JSON.

function jsonSend(to: Pid | string, message: unknown): unknown[] {
  return typeof to === "string"
    ? ["send_name*", OWN.number, to, jsonOf(message)]
    : ["send*", OWN.number, to.number, jsonOf(message)];
}

/** Takes the signals that come to a peer until the node has handled its own. */
async function jsonFence(peer: RawPeer): Promise<unknown[]> {
  // The dashboard asks each node how it is.
  return (await peer.takenIn()).filter(([kind]) => !/^spawn/.test(`${kind}`));
}

clusterTest(
  "servers serve callers in their own name: JSON",
  async (cluster) => {
    const alex = await cluster.start("alex", { wires: ["json"], log() {} });
    await using peer = await RawPeer.entered(alex, RAW, { hidden: true });
    await using friend = await RawPeer.entered(alex, FRIEND, { hidden: true });
    await alex.run(async () => {
      await startServers(alex);
      await quiet();
      await mail();
      let number = 1;
      for (const row of ROWS) {
        for (const to of processesOf(row, alex)) {
          for (const [name, requestOf] of Object.entries(row.requests)) {
            for (const from of [FRIENDS, self()]) {
              const request = requestOf(from);
              const ref = new Ref(from.node, number++, from.creation);
              const forged = [
                { type: "$call", from, ref, request },
                {
                  type: "$call",
                  from,
                  ref: new Ref(RAW, 1, CREATION),
                  request,
                },
                { type: "$call", from: OWN, ref, request },
                { type: "$tell", from, message: request },
                { type: "$stop", from, ref, reason: "normal" },
              ];
              for (const message of forged) {
                await peer.say([jsonSend(to, message)]);
              }
            }
            assertEquals(await jsonFence(peer), [], `${row.server} ${name}`);
            await quiet();
            assertEquals(await mail(), [], `${row.server} ${name}`);
          }
        }
      }
      assertEquals(await jsonFence(friend), []);
      // Each request is one: its server serves the peer in its own name.
      for (const row of ROWS) {
        const [to] = processesOf(row, alex);
        for (const [name, requestOf] of Object.entries(row.requests)) {
          if (row.server === "Rex" || name === "cast") continue;
          const kind = typeof to === "string" ? "call_name*" : "call*";
          const ref = number++;
          await peer.say([[
            kind,
            OWN.number,
            typeof to === "string" ? to : to.number,
            ref,
            jsonOf(requestOf(OWN)),
          ]]);
          const answer = JSON.stringify(await peer.answerTo(ref) ?? "");
          const shown = `${row.server} ${name}: ${answer}`;
          const isRefused = /"badarg"/.test(answer);
          assertEquals(isRefused, row.refused?.includes(name) ?? false, shown);
        }
      }
    });
  },
  { timeout: 120_000 },
);

// Erlang's wire.

async function beamFence(peer: RawBeam): Promise<unknown[]> {
  const { pid } = peer;
  const ref = new Ref(pid.node, 999, pid.creation);
  peer.say([control.DOP_MONITOR, pid, atom("nobody at all"), ref]);
  const heard: unknown[] = [];
  for (;;) {
    const frame = await peer.hear();
    assert(frame !== undefined, "the connection was closed");
    const { control: [kind, ...items], message } = frame;
    if (kind === control.DOP_DOWN || kind === control.DOP_PAYLOAD_DOWN) {
      return heard;
    }
    // The dashboard asks each node how it is.
    if (kind !== control.DOP_SPAWN_REQUEST) {
      heard.push([kind, ...items, message]);
    }
  }
}

clusterTest(
  "servers serve callers in their own name: Erlang's",
  async (cluster) => {
    const alex = await cluster.start("alex", { log() {} });
    await using peer = await RawBeam.dial(alex);
    await using friend = await RawBeam.dial(alex, FRIEND);
    await alex.run(async () => {
      await startServers(alex);
      await quiet();
      await mail();
      let number = 1;
      const aliasOf = (from: Pid) =>
        improperList(
          [atom("alias")],
          new Ref(from.node, number++, from.creation),
        );
      const failed: string[] = [];
      for (const row of ROWS) {
        for (const to of processesOf(row, alex)) {
          const requests = [
            ...Object.entries(row.requests),
            ["x", () => row.asked ?? "x"] as const,
          ];
          for (const [name, requestOf] of requests) {
            for (const from of [FRIENDS, self()]) {
              // A reply with a tag goes to the process itself.
              for (const tag of [name, aliasOf(from)]) {
                peer.call(to, requestOf(from), tuple(from, tag));
              }
            }
            const heard = await beamFence(peer);
            await quiet();
            heard.push(...await mail());
            await quiet();
            heard.push(...await beamFence(friend));
            if (heard.length > 0) failed.push(`${row.process} ${name}`);
          }
        }
      }
      assertEquals(failed, []);
      for (const row of ROWS) {
        const [to] = processesOf(row, alex);
        if (row.asked === undefined) continue;
        const alias = aliasOf(OWN);
        peer.call(to, row.asked, tuple(OWN, alias));
        const { control: items } = await peer.kind(control.DOP_ALIAS_SEND);
        assertEquals(items[2], alias.tail, row.server);
      }
    });
  },
  { timeout: 120_000 },
);

clusterTest("servers of programs serve forwarded calls", async (cluster) => {
  const alex = await cluster.start("alex");
  await using peer = await RawBeam.dial(alex);
  await alex.run(async () => {
    const pids = [
      await GenServer.start(Echo, undefined),
      await GenServer.startLink(Echo, undefined),
    ];
    const childrens: ChildDefinition[][] = [
      [Echo],
      [[Echo, undefined]],
      [GenServer.childSpec(Echo, undefined)],
    ];
    for (const children of childrens) {
      const top = await Supervisor.startLink(children, {
        strategy: "one_for_one",
      });
      const [{ pid }] = await Supervisor.whichChildren(top);
      pids.push(pid as Pid);
    }
    for (const [i, to] of pids.entries()) {
      peer.call(to as Pid, "through", tuple(self(), i));
      assertEquals(await receive(), tuple(i, "through"));
    }
    await GenServer.stop(pids[0] as Pid);
  });
});

clusterTest(
  "scopes of groups hear Erlang nodes as themselves",
  async (cluster) => {
    const alex = await cluster.start("alex");
    await using friend = await RawBeam.dial(alex, FRIEND);
    await using peer = await RawBeam.dial(alex);
    await alex.run(async () => {
      await pg.startLink();
      const cast = (...items: unknown[]) =>
        tagged("$gen_cast", new Tuple(items));
      const sync = (from: Pid, ...groups: string[]) =>
        cast(atom("sync"), from, groups.map((group) => tuple(group, [from])));
      const { ref } = await pg.monitorScope();
      const heard = () => receive<PgMessage>((m) => ref.equals(m?.ref));
      friend.send("pg", sync(FRIENDS, "g"));
      assertEquals((await heard()).group, "g");
      for (
        const message of [
          tagged("leave", FRIENDS, FRIENDS, ["g"]),
          tagged("join", FRIENDS, "h", FRIENDS),
          sync(FRIENDS),
          sync(new Pid(FRIEND, 2, CREATION)),
          tagged("discover", new Pid(FRIEND, 2, CREATION)),
        ]
      ) {
        peer.send("pg", message);
        // One that a process here forwards is nobody's.
        send({ name: "pg", node: alex.name }, message);
      }
      peer.send("pg", sync(OWN, "last"));
      assertEquals((await heard()).group, "last");
      assertEquals(pg.whichGroups().sort(), ["g", "last"]);
      assertEquals(pg.getMembers("g"), [FRIENDS]);
      friend.send("pg", tagged("join", FRIENDS, "h", FRIENDS));
      assertEquals((await heard()).group, "h");
      friend.send("pg", tagged("leave", FRIENDS, FRIENDS, ["g"]));
      assertEquals((await heard()).group, "g");
    });
  },
);
