/**
 * The chat of `docs/otp.md` with rooms of the whole cluster, as the page says, while the network is partitioned, and
 * while a node drains.
 */

import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { DynamicSupervisor } from "../../packages/servers/supervisor/dynamic_supervisor.ts";
import { ExitError } from "../../packages/processes/errors.ts";
import { global } from "../../packages/cluster/global/global.ts";
import { Node } from "../../node.ts";
import {
  isDown,
  type Pid,
  Process,
  receive,
} from "../../packages/processes/process.ts";
import { SimulatedCluster } from "../../packages/testing/mod.ts";
import { test } from "../../packages/testing/tags.ts";
import { blocksIn, readPage, sectionsOf } from "../_pages.ts";
import { temporaryFolder } from "../_temporary.ts";

interface Rooms {
  start(): Promise<Pid>;
  enter(name: string): Promise<{ guests: number }>;
}

/** The functions of the page's program, whose rooms have the names that the page recommends. */
async function loadRooms(): Promise<Rooms> {
  const section = sectionsOf(await readPage("docs/otp.md"))
    .get("A complete example")!;
  const [{ text }] = blocksIn(section).filter(({ language }) =>
    language === "ts"
  );
  const [functions] = text.split("\nconst tree = ");
  const local = '{ via: Registry, name: ["Chat.Names", name] }';
  const [, everywhere] = /register them as `(.*?)`/s.exec(section)!;
  assertEquals(functions.split(local).length, 3);
  const program = functions.replaceAll(local, everywhere).replace(
    '"@otp/distribution"',
    JSON.stringify(new URL("../../mod.ts", import.meta.url)),
  ).replace(
    '"@std/assert"',
    JSON.stringify(import.meta.resolve("@std/assert")),
  );
  await using temporary = await temporaryFolder();
  const file = join(temporary.path, "rooms.ts");
  await Deno.writeTextFile(file, `${program}\nexport { Chat };\n`);
  return (await import(pathToFileURL(file).href)).Chat;
}

const Chat = await loadRooms();

const NODES = ["alex", "kate"];

/** More names than a supervisor restarts children. */
const SHARED = ["a", "b", "c", "d", "e", "f"];

/** Starts the chat on each node; the nodes are connected. */
async function startChat(): Promise<SimulatedCluster> {
  const cluster = await SimulatedCluster.start({ nodes: NODES });
  for (const name of NODES) {
    cluster.spawn(name, async () => {
      await Chat.start();
      await receive(() => false);
    });
  }
  await cluster.run("alex", () => Node.connect("kate@localhost"));
  await cluster.settle();
  return cluster;
}

/** Has a guest on a node, who enters rooms again when they exit; returns the exits that it has seen. */
async function enter(
  cluster: SimulatedCluster,
  node: string,
  rooms: string[],
): Promise<string[]> {
  const lost: string[] = [];
  let entered = 0;
  cluster.spawn(node, async () => {
    const monitors = new Map<number, string>();
    const enterRoom = async (room: string): Promise<void> => {
      await Chat.enter(room);
      entered++;
      const pid = await global.whereisName(["room", room]);
      monitors.set(Process.monitor(pid!).number, room);
    };
    for (const room of rooms) await enterRoom(room);
    for (;;) {
      const down = await receive(isDown);
      const room = monitors.get(down.ref.number)!;
      lost.push(room);
      await enterRoom(room).catch((error) => {
        // Its node may leave, and its supervisor with it.
        if (!(error instanceof ExitError)) throw error;
      });
    }
  });
  await cluster.advance(5000);
  assertEquals(entered, rooms.length);
  return lost;
}

/** The processes of rooms, by name, as a node knows them. */
function roomsOf(
  cluster: SimulatedCluster,
  node: string,
): Promise<Map<string, Pid>> {
  return cluster.run(node, async () => {
    const names = await global.registeredNames() as [string, string][];
    const found = new Map<string, Pid>();
    for (const name of names.sort()) {
      found.set(name[1], (await global.whereisName(name))!);
    }
    return found;
  });
}

test("docs/otp.md: when a partition heals, one room of each name goes on, and no other room is lost", async () => {
  await using cluster = await startChat();
  const before = new Map<string, Pid>();
  for (const node of NODES) {
    await enter(cluster, node, [`only ${node}`]);
    before.set(node, (await roomsOf(cluster, node)).get(`only ${node}`)!);
  }
  cluster.partition(["alex"], ["kate"], { mode: "cut" });
  await cluster.settle();
  const [atAlex, atKate] = [
    await enter(cluster, "alex", SHARED),
    await enter(cluster, "kate", SHARED),
  ];
  const kept = await roomsOf(cluster, "alex");
  assert(SHARED.every((name) => kept.get(name)!.node === "alex@localhost"));
  cluster.heal();
  await cluster.run("alex", () => Node.connect("kate@localhost"));
  await cluster.advance(10_000);

  const expected = [...SHARED, "only alex", "only kate"];
  for (const node of NODES) {
    const rooms = await roomsOf(cluster, node);
    assertEquals([...rooms.keys()], expected);
    for (const name of SHARED) assertEquals(rooms.get(name), kept.get(name));
    for (const each of NODES) {
      assertEquals(rooms.get(`only ${each}`), before.get(each));
    }
  }
  // The guests of the rooms that were ended are in those that were kept.
  assertEquals([atAlex, atKate.sort()], [[], SHARED]);
  const guests = await cluster.run("kate", () => Chat.enter("a"));
  assertEquals(guests, { guests: 3 });
  const children = await cluster.run(
    "kate",
    () => DynamicSupervisor.countChildren("Chat.Rooms"),
  );
  assertEquals(children.specs, 1);
});

test("docs/otp.md: while a node drains, its rooms keep their names, and then guests enter others", async () => {
  await using cluster = await startChat();
  const lost = await enter(cluster, "alex", ["mine"]);
  await enter(cluster, "kate", ["lobby"]);
  const atKate = (await roomsOf(cluster, "alex")).get("lobby")!;
  assertEquals(atKate.node, "kate@localhost");
  const { promise: finished, resolve: finish } = Promise.withResolvers<void>();
  const kate = cluster.node("kate");
  kate.onDrain(() => finished);
  const drained = kate.drain();
  const atAlex = await enter(cluster, "alex", ["lobby"]);
  assertEquals((await roomsOf(cluster, "alex")).get("lobby"), atKate);
  finish();
  await cluster.advance(5000);
  assertEquals(await drained, "drained");
  assertEquals([lost, atAlex], [[], ["lobby"]]);
  const { node } = (await roomsOf(cluster, "alex")).get("lobby")!;
  assertEquals(node, "alex@localhost");
});
