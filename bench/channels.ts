/**
 * Measures the fan-out of channels beside `socket.io` with `@socket.io/redis-adapter` and bare `ws`, on Node:
 * `deno task bench:channels`. Two nodes share a core, and the clients have the other one, with Redis.
 *
 * - Deliveries a second, and the CPU time of both nodes for each: in each room, 16 messages are always on the way, until
 *   they have arrived at the other node. On a busy machine only the CPU time is to be quoted.
 * - The delay of a delivery at a fixed rate of messages.
 * - The memory of an idle socket with one channel.
 *
 * All take turns, and each figure is the median of its turns. The clients' share of their core is printed: below 1, the
 * clients are not the bound. `--sockets 10000` measures with more clients; `--flood` measures the delay beside a user who
 * floods; `--back` how long the clients of a node take to come back after its drain and after its end. `--quick` shows that
 * everything works; never quote its figures. `npm` installs Node and the rivals into a temporary folder.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { loadavg } from "node:os";
import { freePort } from "../packages/testing/_ports.ts";
import { Project } from "../tests/_packed.ts";
import { Child, isInstalled } from "./processes.ts";

const { values: flags } = parseArgs({
  options: {
    sockets: { type: "string", default: "2000" },
    turns: { type: "string" },
    with: { type: "string", default: "ours,socket_io,ws" },
    flood: { type: "boolean", default: false },
    back: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
  },
});
const SOCKETS = Number(flags.sockets);
const TURNS = Number(flags.turns ?? (flags.quick ? 1 : 3));
const SECONDS = flags.quick ? 1 : 5;
/** The deliveries of a row; half of them come before, to warm up. */
const TOTAL = flags.quick ? 20_000 : 200_000;
const ROOMS = 20;
/** The deliveries a second of the rows of delays; a fifth beside a flood. */
const FIXED = 10_000;
const [SERVER_CORE, CLIENT_CORE] = [0, 1];

const RIVALS = [
  "ws@8",
  "socket.io@4",
  "@socket.io/redis-adapter@8",
  "redis@5",
];

type Kind = "ours" | "socket_io" | "ws";
type Figures = Record<string, number>;

await using stack = new AsyncDisposableStack();
const project = stack.use(await Project.make(["node"], RIVALS));
const folder = new URL("rivals/fanout/", import.meta.url);
for await (const { name } of Deno.readDir(folder)) {
  await project.write(name, await Deno.readTextFile(new URL(name, folder)));
}
const node = project.program("node");

/** Two servers of a kind, and the clients. */
class Trial implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly servers: Child[] = [];
  readonly ports: number[] = [];
  /** The memory before the clients came, in bytes. */
  #before = 0;
  load!: Child;

  /**
   * Starts the servers and the clients; resolves when all have joined.
   *
   * @param options Options for the nodes of this library.
   * @param used The number of servers that the clients use.
   */
  static async start(
    kind: Kind,
    options: object = {},
    used = 2,
  ): Promise<Trial> {
    const trial = new Trial();
    const { ports } = trial;
    try {
      for (const args of trial.#arguments(kind, options)) {
        const server = await trial.#run(
          [`${kind}.mjs`, ...await args],
          SERVER_CORE,
        );
        trial.servers.push(server);
        if (kind === "ws" && ports.length === 0) {
          trial.#between = await server.line();
        }
        ports.push(Number(await server.line()));
      }
      trial.#before = await trial.sum("memory");
      const job = {
        ...{ kind, sockets: SOCKETS, rooms: ROOMS },
        ports: ports.slice(0, used),
      };
      trial.load = await trial.#run(
        ["load.mjs", JSON.stringify(job)],
        CLIENT_CORE,
      );
      await trial.load.line();
      return trial;
    } catch (error) {
      await trial[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The first line of the first server of bare `ws`: the port for the second one. */
  #between = "";

  /** The arguments of both servers. The second one is asked for when the first one runs. */
  *#arguments(
    kind: Kind,
    options: object,
  ): Generator<string[] | Promise<string[]>> {
    if (kind === "ours") {
      const port = freePort();
      const cookie = crypto.randomUUID();
      const common = { cookie, epmdPort: false, ...options };
      yield [JSON.stringify({ ...common, name: "a@localhost", port })];
      const own = { strategy: "static", nodes: [`127.0.0.1:${port}`] };
      const cluster = { own };
      yield [JSON.stringify({ ...common, name: "b@localhost", cluster })];
    } else if (kind === "ws") {
      yield [];
      yield [this.#between];
    } else {
      const port = freePort();
      const url = [`redis://127.0.0.1:${port}`];
      yield this.#redis(port).then(() => url);
      yield url;
    }
  }

  async #redis(port: number): Promise<void> {
    const flags = ["--bind", "127.0.0.1", "--dir", project.folder];
    const redis = this.#stack.use(
      new Child({
        command: [
          ...["redis-server", "--port", `${port}`, ...flags],
          ...["--save", "", "--appendonly", "no"],
        ],
        core: CLIENT_CORE,
      }),
    );
    while (
      !(await redis.line()).includes("Ready to accept")
    ) { /* the next line */ }
  }

  #run(args: string[], core: number): Promise<Child> {
    const command = [node, "--expose-gc", ...args];
    return Promise.resolve(
      this.#stack.use(new Child({ command, core, cwd: project.folder })),
    );
  }

  /** The sum of a figure of servers: of both, by default. */
  async sum(
    name: "memory" | "cpu",
    servers: readonly Child[] = this.servers,
  ): Promise<number> {
    let sum = 0;
    for (const server of servers) {
      await server.write(`${name}\n`);
      sum += Number(await server.line());
    }
    return sum;
  }

  /** The memory of an idle socket, in bytes. */
  async memory(): Promise<number> {
    return (await this.sum("memory") - this.#before) / SOCKETS;
  }

  /** Has the clients measure. */
  async ask(name: string, options: object = {}): Promise<Figures> {
    await this.load.write(`${JSON.stringify([name, options])}\n`);
    return JSON.parse(await this.load.line());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

/** The load of the machine in the last minute. */
function load(): string {
  return `load ${loadavg()[0].toFixed(1)}`;
}

/** Measures all kinds in turns. */
async function fanOut(): Promise<void> {
  const kinds = flags.with.split(",") as Kind[];
  if (kinds.includes("socket_io") && !await isInstalled("redis-server")) {
    throw new Error("redis-server is not installed (Debian: redis-server)");
  }
  const rows = new Map<Kind, Figures[]>(kinds.map((kind) => [kind, []]));
  const each = FIXED / SOCKETS;
  for (let turn = 0; turn < TURNS; turn++) {
    for (const kind of turn % 2 === 0 ? kinds : kinds.toReversed()) {
      await using trial = await Trial.start(kind);
      const bytes = await trial.memory();
      const seconds = { seconds: SECONDS };
      await trial.ask("rate", { total: TOTAL / 2 });
      const before = await trial.sum("cpu");
      const fast = await trial.ask("rate", { total: TOTAL });
      const cpu = (await trial.sum("cpu") - before) / fast.all;
      const slow = await trial.ask("delay", { ...seconds, each });
      rows.get(kind)!.push({
        rate: fast.rate,
        cpu,
        clients: fast.cpu,
        busy: fast.p99,
        p50: slow.p50,
        p99: slow.p99,
        bytes,
      });
      console.log(kind, JSON.stringify(rows.get(kind)!.at(-1)), load());
    }
  }
  const figure = (kind: Kind, name: string) =>
    median(rows.get(kind)!.map((row) => row[name]));
  for (
    const name of ["rate", "cpu", "busy", "p50", "p99", "bytes", "clients"]
  ) {
    const shown = kinds.map((kind) => {
      const value = figure(kind, name);
      const ratio = (figure(kinds[0], name) / value).toFixed(2);
      return `${kind} ${value.toPrecision(4)} (${ratio})`;
    });
    console.log(`${name}: ${shown.join("; ")}`);
  }
}

/** Measures the delay of others beside a user who floods, within the limits and beyond, and without. */
async function flood(): Promise<void> {
  const cases = new Map<string, [name: string, options: object]>([
    ["nobody", ["delay", {}]],
    ["100 replies a second", ["flood", { pushes: 100 }]],
    ["100 broadcasts a second", ["flood", { pushes: 100, say: true }]],
    ["5,000 pushes a second", ["flood", { pushes: 5000 }]],
    ["5,000 broadcasts a second", ["flood", { pushes: 5000, say: true }]],
  ]);
  const rows = new Map<string, Figures[]>();
  await using trial = await Trial.start("ours", { limited: true });
  for (let turn = 0; turn < TURNS; turn++) {
    for (const [title, [name, options]] of cases) {
      const seconds = { seconds: SECONDS, each: FIXED / 5 / SOCKETS };
      const row = await trial.ask(name, { ...seconds, ...options });
      rows.set(title, [...rows.get(title) ?? [], row]);
      console.log(title, JSON.stringify(row), load());
    }
  }
  const p99 = (title: string) => median(rows.get(title)!.map((row) => row.p99));
  for (const title of cases.keys()) {
    const ratio = p99(title) / p99("nobody");
    console.log(
      `${title}: p99 ${p99(title).toFixed(2)} ms (${ratio.toFixed(2)})`,
    );
  }
}

/** Measures how long the clients, all at one node, take to come back to the other one. */
async function back(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) {
    for (const how of ["drain", "kill"]) {
      await using trial = await Trial.start("ours", {}, 1);
      const [first, second] = trial.servers;
      const before = await trial.sum("cpu", [second]);
      const result = trial.ask("back", { left: trial.ports[1] });
      if (how === "drain") await first.write("drain\n");
      else first.kill();
      const figures = await result;
      const cpu = (await trial.sum("cpu", [second]) - before) / SOCKETS;
      console.log(how, JSON.stringify({ ...figures, cpu }), load());
    }
  }
}

console.log(`${SOCKETS} sockets in ${ROOMS} rooms, ${load()}`);
await (flags.flood ? flood() : flags.back ? back() : fanOut());
