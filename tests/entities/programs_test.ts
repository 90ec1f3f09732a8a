/**
 * Nodes with entities as programs beside a PostgreSQL server, under load: frozen, cut off, killed and restarted. Afterwards
 * the tables say what was accepted, by which owner, and in which order.
 *
 * `FUZZ_TIMES` repeats the faults: `FUZZ_TIMES=20 deno test -P=dev tests/entities/programs_test.ts` takes ten minutes.
 */

import { assertEquals } from "@std/assert";
import { test } from "../../packages/testing/tags.ts";
import { Program } from "../examples/_program.ts";
import { LyingEpmd } from "../_fake_epmd.ts";
import { Cluster, COOKIE, freePort } from "../_nodes.ts";
import { PostgresServer } from "../_postgres.ts";
import { Relay } from "../_relay.ts";
import { runs } from "../_seeds.ts";
import { until } from "../_until.ts";
import { Ledger, serves, startEntities } from "./_host.ts";
import { Load } from "./_load.ts";

const HOSTS = ["alex", "kate", "sophie"];
const CALLER = "caller";

/** A node's program, with the relays to and from it. */
class Host implements AsyncDisposable {
  readonly name: string;
  readonly store: Relay;
  readonly peers: readonly Relay[];
  readonly #args: string;
  program: Program;

  constructor(
    name: string,
    store: Relay,
    peers: readonly Relay[],
    args: object,
  ) {
    this.name = name;
    this.store = store;
    this.peers = peers;
    this.#args = JSON.stringify(args);
    this.program = this.#start();
  }

  #start(): Program {
    return new Program("../tests/entities/_host.ts", [this.#args]);
  }

  /** Starts the program anew. */
  restart(): void {
    this.program = this.#start();
  }

  /** Waits until the node owns shards and serves them. */
  async serves(): Promise<void> {
    const { program } = this;
    await program.matches(/^up$/m);
    let hasEnded = false;
    program.status.then(() => hasEnded = true);
    await until(() => {
      if (!hasEnded) return serves(`${this.name}@localhost`);
      throw new Error(`${this.name} has ended:\n${program.output}`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]();
  }
}

/** The hosts and their database. */
interface System {
  readonly hosts: readonly Host[];
  readonly server: PostgresServer;
}

/** Starts hosts with their network and their database; `fn` runs in a process of another node, which only calls. */
async function runSystem(
  lease: number,
  fn: (system: System, load: Load) => Promise<void>,
): Promise<void> {
  // Frozen programs and cut relays end too.
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await PostgresServer.start());
  const ports = new Map(
    [...HOSTS, CALLER].map((name) => [name, freePort()]),
  );
  // Each node has an EPMD of its own, which names the relays from this node to the others.
  const epmds = new Map<string, number>();
  const links = new Map<string, Relay[]>();
  for (const from of ports.keys()) {
    const relays = new Map<string, number>();
    for (const [to, port] of ports) {
      if (to === from) continue;
      const relay = stack.use(await Relay.listen(port));
      relays.set(to, relay.port);
      for (const name of [from, to]) {
        links.set(name, [...links.get(name) ?? [], relay]);
      }
    }
    const epmd = stack.use(
      await LyingEpmd.listen((name) => ({
        port: relays.get(name)!,
        extra: "",
      })),
    );
    epmds.set(from, epmd.port);
  }
  const optionsOf = (name: string) => ({
    name: `${name}@localhost`,
    cookie: COOKIE,
    port: ports.get(name)!,
    epmdPort: epmds.get(name)!,
    connectAll: false,
    tickTime: 4000,
  });
  const hosts: Host[] = [];
  for (const name of HOSTS) {
    const store = stack.use(await Relay.listen(server.port));
    hosts.push(stack.use(
      new Host(name, store, links.get(name)!, {
        node: optionsOf(name),
        store: server.url.replace(/:\d+\//, `:${store.port}/`),
        lease,
      }),
    ));
  }
  const cluster = stack.use(new Cluster());
  const caller = await cluster.start(CALLER, optionsOf(CALLER));
  await caller.run(async () => {
    const store = server.url;
    await using _entities = await startEntities({ store, lease }, false);
    for (const host of hosts) await host.serves();
    await using load = await Load.start(store);
    await fn({ hosts, server }, load);
  });
}

/** The host that owns a key. */
async function ownerOf(key: string, { hosts }: System): Promise<Host> {
  const { node } = await Ledger.get(key, { timeout: 30_000 }).pid();
  return hosts.find(({ name }) => node === `${name}@localhost`)!;
}

const OPTIONS = {
  timeout: runs(1) * 500_000,
  programs: ["postgres"],
  tags: ["slow"],
};

test(
  "no call fails while all nodes are restarted, one by one",
  OPTIONS,
  () =>
    runSystem(10_000, async (system, load) => {
      await load.during("rolling restart", 30_000, async () => {
        for (const host of system.hosts) {
          await host.program.drain();
          await load.servesAll();
          host.restart();
          await host.serves();
        }
      });
      assertEquals(load.failed, 0);
    }),
);

/** The lease while there are faults, in milliseconds. */
const LEASE = 2000;

/** Each fault of the owner of a key, from its beginning until others serve, and its end. */
const FAULTS: Record<
  string,
  (host: Host, load: Load, system: System) => Promise<void>
> = {
  async "an owner is frozen for longer than its lease"({ program }, load) {
    program.kill("SIGSTOP");
    await load.servesAll();
    program.kill("SIGCONT");
  },
  async "an owner is cut off from the store"({ store }, load) {
    store.cut();
    await load.servesAll();
    store.join();
  },
  async "an owner is cut off from the other nodes"({ peers }, load) {
    for (const peer of peers) peer.cut();
    // Its shards may have moved since it was chosen: then no call fails.
    await load.failsOrServesAll();
    for (const peer of peers) peer.join();
  },
  async "owners are killed, one after the other"(_host, load, system) {
    for (const key of load.keys.slice(0, 3)) {
      const host = await ownerOf(key, system);
      host.program.kill("SIGKILL");
      await host.program.status;
      await load.servesAll();
      host.restart();
      await host.serves();
    }
  },
  async "the server of the database crashes"(_host, _load, { server }) {
    await server.stop("SIGQUIT");
    await server.launch();
  },
};

test(
  "no write is lost or accepted from two owners, whatever happens to an owner",
  OPTIONS,
  () =>
    runSystem(LEASE, async (system, load) => {
      for (let left = runs(1); left > 0; left--) {
        for (const [what, fault] of Object.entries(FAULTS)) {
          await load.during(what, 2 * LEASE, async () => {
            const host = await ownerOf(load.keys[0], system);
            await fault(host, load, system);
            await host.serves();
          });
        }
      }
    }),
);
