/**
 * The rows of the benchmark: the measurements, their placement, and the bounds to reach.
 *
 * @module
 */

/** The contestants, in the order of the report. */
export type ContestantName =
  | "ours"
  | "elixir"
  | "ergo"
  | "raw"
  | "nats"
  | "moleculer"
  | "grpc"
  | "node"
  | "bun";

/** A bound on the ratio of ours to another contestant's. */
export interface Target {
  /** The contestant that ours is compared with. */
  to: ContestantName;
  /** Whether the ratio is to be at most or at least the bound. */
  bound: "at most" | "at least";
  /** The bound. */
  ratio: number;
}

/** The cores of the two processes; a row without a peer may use both cores. */
export interface Placement {
  /** Its name on the command line. */
  name: "one_core" | "split";
  /** Its name in the report. */
  title: string;
  /** The core of the client. */
  clientCore: number;
  /** The core of the peers. */
  peerCore: number;
}

/** One measurement. */
export interface Row {
  /** Its name on the command line, and for the measured programs. */
  name: string;
  /** Its name in the report. */
  title: string;
  /** Whether it needs one node only. */
  isLocal?: boolean;
  /** The property of a peer's start that the runner measures itself. */
  ofPeer?: "start" | "memory";
  /** The number of rounds that count. */
  rounds: number;
  /** The number of rounds before, which do not count. */
  warmup: number;
  /** The number of processes that work at the same time; 1 by default. */
  callers?: number;
  /** The number of peers; 1 by default. */
  peers?: number;
  /** An absolute bound, in the unit of the row. */
  most?: number;
  /** The contestants, always including ours. */
  contestants: readonly ContestantName[];
  /** The bounds to reach in each placement. */
  targets: Partial<Record<Placement["name"], readonly Target[]>>;
}

/** Latency depends on the placement more than on anything else, so both are run. */
export const PLACEMENTS: readonly Placement[] = [
  { name: "one_core", title: "one core", clientCore: 0, peerCore: 0 },
  { name: "split", title: "split", clientCore: 0, peerCore: 1 },
];

const ACTORS = ["elixir", "ergo"] as const;
const HOSTS = ["node", "bun"] as const;
const NPM = ["nats", "moleculer", "grpc"] as const;

function atMost(to: ContestantName, ratio: number): Target {
  return { to, bound: "at most", ratio };
}

function atLeast(to: ContestantName, ratio: number): Target {
  return { to, bound: "at least", ratio };
}

/** The same bounds in both placements. */
function both(...targets: Target[]): Row["targets"] {
  return { one_core: targets, split: targets };
}

/** The rows, in the order of the report. */
export const ROWS: readonly Row[] = [
  {
    name: "round_trip",
    title: "round trip",
    rounds: 30_000,
    warmup: 40_000,
    contestants: [...ACTORS, "raw", ...NPM, ...HOSTS],
    targets: { one_core: [atMost("raw", 1.4)], split: [atMost("raw", 1.1)] },
  },
  {
    name: "round_trip_cold",
    title: "round trip after 3,000 rounds",
    rounds: 3000,
    warmup: 3000,
    contestants: ["elixir", "raw"],
    targets: both(atMost("raw", 1.7)),
  },
  {
    name: "one_way",
    title: "one-way, small",
    rounds: 500_000,
    warmup: 200_000,
    contestants: [...ACTORS, "raw", ...NPM, ...HOSTS],
    targets: both(
      atLeast("ergo", 2),
      atLeast("elixir", 2),
      atLeast("raw", 0.75),
    ),
  },
  {
    name: "one_way_text",
    title: "one-way, text of 1 kB",
    rounds: 200_000,
    warmup: 50_000,
    contestants: [...ACTORS, ...NPM, ...HOSTS],
    targets: both(atLeast("ergo", 1.2), atLeast("elixir", 1.4)),
  },
  {
    name: "one_way_bytes",
    title: "one-way, 1 kB of bytes",
    rounds: 200_000,
    warmup: 50_000,
    contestants: [...ACTORS, "nats", "grpc"],
    targets: both(atLeast("ergo", 1.2), atLeast("elixir", 1.4)),
  },
  {
    name: "one_way_object",
    title: "one-way, nested object of 100 B",
    rounds: 300_000,
    warmup: 100_000,
    contestants: ACTORS,
    targets: both(atLeast("elixir", 1.6)),
  },
  {
    name: "one_way_large",
    title: "one-way, object of 10 kB",
    rounds: 20_000,
    warmup: 5000,
    contestants: ACTORS,
    targets: both(atLeast("elixir", 1.6)),
  },
  {
    name: "task",
    title: "task, one at a time",
    rounds: 10_000,
    warmup: 10_000,
    contestants: [...ACTORS, ...HOSTS],
    targets: both(atMost("elixir", 0.8)),
  },
  {
    name: "tasks",
    title: "tasks, 100 callers",
    rounds: 50_000,
    warmup: 20_000,
    callers: 100,
    contestants: ACTORS,
    targets: both(atLeast("elixir", 2.5)),
  },
  {
    name: "call",
    title: "call, one at a time",
    rounds: 20_000,
    warmup: 20_000,
    contestants: [...ACTORS, ...NPM, ...HOSTS],
    targets: {
      one_core: [atMost("elixir", 1.2)],
      split: [atMost("elixir", 1)],
    },
  },
  {
    name: "calls",
    title: "calls, 100 callers",
    rounds: 200_000,
    warmup: 50_000,
    callers: 100,
    contestants: [...ACTORS, ...NPM],
    targets: both(atLeast("ergo", 1.2), atLeast("elixir", 2)),
  },
  {
    name: "local_round_trip",
    title: "ping and pong on one node",
    isLocal: true,
    rounds: 1_000_000,
    warmup: 300_000,
    contestants: [...ACTORS, ...HOSTS],
    targets: both(atMost("elixir", 0.7)),
  },
  {
    name: "spawn",
    title: "spawn to exit seen, one at a time",
    isLocal: true,
    rounds: 300_000,
    warmup: 100_000,
    contestants: ACTORS,
    targets: both(atMost("elixir", 1.5)),
  },
  {
    name: "spawn_many",
    title: "spawn to exit, 1,000 at a time",
    isLocal: true,
    rounds: 500_000,
    warmup: 200_000,
    contestants: ["elixir"],
    targets: both(atMost("elixir", 1.5)),
  },
  {
    name: "local_call",
    title: "call on one node",
    isLocal: true,
    rounds: 300_000,
    warmup: 200_000,
    contestants: ["elixir"],
    targets: {},
  },
  {
    name: "pairs",
    title: "64 senders to 64 receivers",
    rounds: 512_000,
    warmup: 128_000,
    callers: 64,
    contestants: ["elixir"],
    targets: both(atLeast("elixir", 2)),
  },
  {
    name: "nodes",
    title: "1 node to 50 nodes",
    rounds: 100_000,
    warmup: 50_000,
    peers: 50,
    contestants: ["elixir"],
    targets: both(atLeast("elixir", 2)),
  },
  {
    name: "beside_bytes",
    title: "round trip beside 100 MB of bytes, p99",
    rounds: 1,
    warmup: 20_000,
    contestants: ["elixir"],
    targets: both(atMost("elixir", 0.5)),
  },
  {
    name: "beside_object",
    title: "round trip beside objects of 10 MB, p99",
    rounds: 1,
    warmup: 20_000,
    contestants: ["elixir"],
    targets: both(atMost("elixir", 0.5)),
  },
  {
    name: "flood",
    title: "10 s of sends to a stopped node, memory",
    rounds: 1,
    warmup: 10_000,
    most: 48e6,
    contestants: ["elixir"],
    targets: {},
  },
  ...([["idle_1k", 1000], ["idle_10k", 10_000], ["idle", 100_000]] as const)
    .map((
      [name, rounds],
    ): Row => ({
      name,
      title: `an idle process, of ${rounds.toLocaleString("en")}`,
      isLocal: true,
      rounds,
      warmup: 1000,
      contestants: ACTORS,
      targets: both(atMost("elixir", 0.5)),
    })),
  ...[2, 8, 32].map((peers): Row => ({
    name: `connections_${peers}`,
    title: `a connection of ${peers}, memory`,
    rounds: 1,
    warmup: 0,
    peers,
    contestants: ["elixir"],
    targets: {},
  })),
  {
    name: "memory",
    title: "a node at start, memory",
    ofPeer: "memory",
    rounds: 1,
    warmup: 0,
    contestants: [...ACTORS, ...HOSTS],
    targets: {},
  },
  {
    name: "start",
    title: "from the command to a node that can be reached",
    ofPeer: "start",
    rounds: 1,
    warmup: 0,
    contestants: [...ACTORS, ...HOSTS],
    targets: both(atMost("elixir", 0.6)),
  },
];
