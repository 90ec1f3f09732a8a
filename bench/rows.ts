/**
 * The rows of the benchmark: the measurements, their placement, and the bounds to reach.
 *
 * @module
 */

/** The contestants, in the order of the report. */
export type ContestantName =
  | "ours"
  | "calling"
  | "hosting"
  | "elixir"
  | "ergo"
  | "raw"
  | "nats"
  | "moleculer"
  | "grpc"
  | "node"
  | "node_poll"
  | "bun"
  | "bun_poll";

/** The key of a figure in a sample. */
export type Figure = "median" | "p99" | "max" | "rate" | "cost" | "bytes";

/** A bound on the ratio of ours to another contestant's. */
export interface Target {
  /** The contestant that is compared; ours by default. */
  of?: ContestantName;
  /** The contestant that it is compared with. */
  to: ContestantName;
  /** Whether the ratio is to be at most or at least the bound. */
  bound: "at most" | "at least";
  floor: number;
  /** The ratio that would be good. */
  aim?: number;
  /** The figure to compare; by default the one that the row shows. */
  figure?: Figure;
}

export type PlacementName = "one_core" | "split";

/** The cores of the two processes; a row without a peer may use both cores. */
export interface Placement {
  /** Its name on the command line. */
  name: PlacementName;
  title: string;
  /** Its name in the report for a row without a client and a peer. */
  localTitle: string;
  clientCore: number;
  peerCore: number;
}

export interface Row {
  /** Its name on the command line, and for the measured programs. */
  name: string;
  title: string;
  /** The figure that the report shows and compares. */
  figure: Figure;
  /** Whether it needs one node only. */
  isLocal?: boolean;
  /** The property of a peer's start that the runner measures itself. */
  ofPeer?: "first_start" | "start" | "memory";
  /** The placements; both by default. */
  placements?: readonly PlacementName[];
  rounds: number;
  /** The number of rounds before, which do not count. */
  warmup: number;
  /** The number of turns at most; by default as many as the others. */
  turns?: number;
  /** The number of processes that work at the same time; 1 by default. */
  callers?: number;
  /** The number of peers; 1 by default. */
  peers?: number;
  /** Whether the nodes of Elixir connect to all others, as ours always do. */
  isMesh?: boolean;
  /** Absolute bounds of figures, in bytes or microseconds. */
  most?: Partial<Record<Figure, number>>;
  /** The row with less of the same: what each costs here is to be at most {@linkcode LINEAR} times as much. */
  linearFrom?: string;
  /** The contestants but ours. */
  contestants: readonly ContestantName[];
  /** The bounds to reach in each placement. */
  targets: Partial<Record<PlacementName, readonly Target[]>>;
}

/** The highest permitted ratio of an item's cost to its cost in the smaller row, which still counts as linear. */
export const LINEAR = 1.2;

/** Latency depends on the placement more than on anything else, so both are run. */
export const PLACEMENTS: readonly Placement[] = [
  {
    name: "one_core",
    title: "one core",
    localTitle: "one core",
    clientCore: 0,
    peerCore: 0,
  },
  {
    name: "split",
    title: "split",
    localTitle: "two cores",
    clientCore: 0,
    peerCore: 1,
  },
];

const ACTORS = ["elixir", "ergo"] as const;
const HOSTS = ["node", "bun"] as const;
/** The hosts without and with `poll`, for rows whose times or rates depend on the wake-ups of two nodes. */
const POLLING = ["node", "node_poll", "bun", "bun_poll"] as const;
/** This library and Elixir in one run: ours calls Elixir, and hosts what Elixir calls. */
const MIXED = ["calling", "hosting"] as const;
const NPM = ["nats", "moleculer", "grpc"] as const;
/**
 * The number of uncounted connections: the first loads code, and V8 records types of values during the next ones,
 * 0.9 MB in all.
 */
const WARM_CONNECTIONS = 16;
/** Memory does not depend on the cores, and a peer that computes needs one of its own. */
const ONCE = ["split"] as const;

function atMost(to: ContestantName, floor: number, aim?: number): Target {
  return { to, bound: "at most", floor, aim };
}

function atLeast(to: ContestantName, floor: number, aim?: number): Target {
  return { to, bound: "at least", floor, aim };
}

/** The same bounds in both placements. */
function both(...targets: Target[]): Row["targets"] {
  return { one_core: targets, split: targets };
}

/** The same bound for ours calling Elixir and hosting what Elixir calls, beside Elixir alone. */
function mixed(bound: Target["bound"], floor: number): Target[] {
  return MIXED.map((of) => ({ of, to: "elixir", bound, floor }));
}

/** The bounds of the round trips beside large messages. */
const UNDISTURBED = both(atMost("elixir", 0.5), {
  ...atMost("elixir", 0.5),
  figure: "max",
});

/** The rows and placements that open the page of results. */
export const HEADLINES: readonly (readonly [string, PlacementName])[] = [
  ["round_trip", "one_core"],
  ["round_trip", "split"],
  ["call", "split"],
  ["task", "split"],
  ["calls", "split"],
  ["tasks", "split"],
  ["one_way", "split"],
  ["one_way_text", "split"],
  ["one_way_large", "split"],
  ["idle_10k", "split"],
];

/** The rows, in the order of the report. */
export const ROWS: readonly Row[] = [
  {
    name: "round_trip",
    title: "round trip",
    figure: "median",
    rounds: 10_000,
    warmup: 40_000,
    contestants: [...MIXED, ...ACTORS, "raw", ...NPM, ...POLLING],
    targets: {
      one_core: [atMost("raw", 1.4, 1.25), ...mixed("at most", 1.2)],
      split: [atMost("raw", 1.1, 1.05), ...mixed("at most", 1.2)],
    },
  },
  {
    name: "round_trip_cold",
    title: "round trip after 3,000 rounds",
    figure: "median",
    rounds: 3000,
    warmup: 3000,
    contestants: [...ACTORS, "raw", ...HOSTS],
    targets: both(atMost("raw", 1.7, 1.4)),
  },
  {
    name: "one_way",
    title: "one-way, small",
    figure: "rate",
    rounds: 500_000,
    warmup: 200_000,
    contestants: [...MIXED, ...ACTORS, "raw", ...NPM, ...POLLING],
    targets: both(
      atLeast("ergo", 2),
      atLeast("elixir", 2),
      atLeast("raw", 0.75, 0.9),
      ...mixed("at least", 1),
    ),
  },
  {
    name: "one_way_text",
    title: "one-way, text of 1 kB",
    figure: "rate",
    rounds: 200_000,
    warmup: 50_000,
    contestants: [...MIXED, ...ACTORS, ...NPM, ...POLLING],
    targets: both(
      atLeast("ergo", 1.2, 2),
      atLeast("elixir", 1.4),
      ...mixed("at least", 0.8),
    ),
  },
  {
    name: "one_way_bytes",
    title: "one-way, 1 kB of bytes",
    figure: "rate",
    rounds: 200_000,
    warmup: 50_000,
    contestants: [...ACTORS, "nats", "grpc", ...HOSTS],
    targets: both(atLeast("ergo", 1.2, 2), atLeast("elixir", 1.4)),
  },
  {
    name: "one_way_object",
    title: "one-way, nested object of 100 B",
    figure: "rate",
    rounds: 300_000,
    warmup: 100_000,
    contestants: [...ACTORS, ...HOSTS],
    targets: both(atLeast("elixir", 1.6, 2.5)),
  },
  {
    name: "one_way_large",
    title: "one-way, object of 10 kB",
    figure: "rate",
    rounds: 15_000,
    warmup: 5000,
    contestants: [...ACTORS, ...POLLING],
    targets: both(atLeast("elixir", 1.6, 2.5)),
  },
  {
    name: "task",
    title: "task, one at a time",
    figure: "median",
    rounds: 5000,
    warmup: 20_000,
    contestants: [...MIXED, ...ACTORS, ...POLLING],
    targets: both(atMost("elixir", 0.8, 0.6), ...mixed("at most", 1.3)),
  },
  {
    name: "tasks",
    title: "tasks, 100 callers",
    figure: "rate",
    rounds: 30_000,
    warmup: 20_000,
    callers: 100,
    contestants: [...MIXED, ...ACTORS, ...POLLING],
    targets: both(atLeast("elixir", 2.5, 4)),
  },
  {
    name: "call",
    title: "call, one at a time",
    figure: "median",
    rounds: 5000,
    warmup: 20_000,
    contestants: [...MIXED, ...ACTORS, ...NPM, ...POLLING],
    targets: {
      one_core: [atMost("elixir", 1.2), ...mixed("at most", 1.2)],
      split: [atMost("elixir", 1), ...mixed("at most", 1.2)],
    },
  },
  {
    name: "calls",
    title: "calls, 100 callers",
    figure: "rate",
    rounds: 100_000,
    warmup: 50_000,
    callers: 100,
    contestants: [...MIXED, ...ACTORS, ...NPM, ...POLLING],
    targets: both(
      atLeast("ergo", 1.2, 2),
      atLeast("elixir", 2),
      ...mixed("at least", 1),
    ),
  },
  {
    name: "local_round_trip",
    title: "ping and pong on one node",
    figure: "cost",
    isLocal: true,
    rounds: 1_000_000,
    warmup: 300_000,
    contestants: [...ACTORS, ...HOSTS],
    targets: both(atMost("elixir", 0.7, 0.4)),
  },
  {
    name: "spawn",
    title: "spawn to exit seen, one at a time",
    figure: "cost",
    isLocal: true,
    rounds: 300_000,
    warmup: 100_000,
    contestants: [...ACTORS, ...HOSTS],
    targets: both(atMost("elixir", 1.5, 1)),
  },
  {
    name: "spawn_many",
    title: "spawn to exit, 1,000 at a time",
    figure: "cost",
    isLocal: true,
    rounds: 500_000,
    warmup: 200_000,
    contestants: ["elixir"],
    targets: both(atMost("elixir", 1.5)),
  },
  {
    name: "local_call",
    title: "call on one node",
    figure: "cost",
    isLocal: true,
    rounds: 300_000,
    warmup: 200_000,
    contestants: ["elixir"],
    targets: {},
  },
  ...[0, 20_000].map((warmup): Row => ({
    name: warmup === 0 ? "supervisors_cold" : "supervisors",
    title: `start and stop of 1,000 supervisors, ${
      warmup === 0 ? "the first ones" : "warm"
    }`,
    figure: "cost",
    isLocal: true,
    placements: ONCE,
    rounds: 1000,
    warmup,
    contestants: ["elixir"],
    targets: both(atMost("elixir", warmup === 0 ? 3 : 2)),
  })),
  {
    name: "pairs",
    title: "64 senders to 64 receivers",
    figure: "rate",
    rounds: 512_000,
    warmup: 128_000,
    callers: 64,
    contestants: ["elixir", ...HOSTS],
    targets: both(atLeast("elixir", 2, 4)),
  },
  {
    name: "nodes",
    title: "1 node to 50 nodes, 100,000 messages",
    figure: "rate",
    rounds: 100_000,
    warmup: 50_000,
    turns: 2,
    peers: 50,
    contestants: ["elixir"],
    targets: both(atLeast("elixir", 2, 4)),
  },
  ...[1, 50].map((callers): Row => ({
    name: callers === 1 ? "registrations" : `registrations_${callers}`,
    title: `global names in 4 nodes, ${callers} ${
      callers === 1 ? "caller" : "callers"
    }`,
    figure: "rate",
    rounds: 2000,
    warmup: 1000,
    callers,
    peers: 3,
    isMesh: true,
    contestants: ["elixir"],
    targets: both(atLeast("elixir", 1)),
  })),
  {
    name: "beside_bytes",
    title: "round trip beside 100 MB of bytes",
    figure: "p99",
    rounds: 1,
    warmup: 20_000,
    contestants: ["elixir", ...HOSTS],
    targets: UNDISTURBED,
  },
  {
    name: "beside_parts",
    title: "round trip beside 4 × 25 MB of bytes",
    figure: "p99",
    rounds: 1,
    warmup: 20_000,
    contestants: [...MIXED, "elixir"],
    targets: {
      one_core: [...UNDISTURBED.one_core!, ...mixed("at most", 1.5)],
      split: [...UNDISTURBED.split!, ...mixed("at most", 1.5)],
    },
  },
  {
    name: "beside_object",
    title: "round trip beside an object of 10 MB",
    figure: "p99",
    rounds: 1,
    warmup: 20_000,
    contestants: ["elixir", ...HOSTS],
    targets: UNDISTURBED,
  },
  ...[1, 5, 30].map((ms): Row => ({
    name: `busy_${ms}`,
    title: `call of a busy node, steps of ${ms} ms`,
    figure: "median",
    placements: ONCE,
    rounds: 100,
    warmup: 20,
    most: { median: (2 * ms + 10) * 1000, p99: (5 * ms + 20) * 1000 },
    contestants: ["elixir", ...POLLING],
    targets: {},
  })),
  {
    name: "flood",
    title: "10 s of sends to a stopped receiver, memory",
    figure: "bytes",
    placements: ONCE,
    rounds: 1,
    warmup: 10_000,
    turns: 1,
    most: { bytes: 48e6 },
    contestants: ["elixir", ...HOSTS],
    targets: {},
  },
  ...([["idle_1k", 1000], ["idle_10k", 10_000], [
    "idle_100k",
    100_000,
  ]] as const)
    .map(([name, rounds]): Row => ({
      name,
      title: `an idle process, of ${rounds.toLocaleString("en")}`,
      figure: "bytes",
      isLocal: true,
      placements: ONCE,
      rounds,
      warmup: 1000,
      turns: 1,
      linearFrom: name === "idle_1k" ? undefined : "idle_1k",
      contestants: [...ACTORS, ...HOSTS],
      targets: both(atMost("elixir", 0.5)),
    })),
  ...[2, 8, 32].map((peers): Row => ({
    name: `connections_${peers}`,
    title: `an idle connection, of ${peers}`,
    figure: "bytes",
    placements: ONCE,
    rounds: 1,
    warmup: WARM_CONNECTIONS,
    turns: 1,
    peers: peers + WARM_CONNECTIONS,
    linearFrom: peers === 2 ? undefined : "connections_2",
    contestants: ["elixir"],
    targets: both(atMost("elixir", 0.5)),
  })),
  {
    name: "memory",
    title: "a node at start, memory",
    figure: "bytes",
    ofPeer: "memory",
    placements: ONCE,
    turns: 1,
    rounds: 1,
    warmup: 0,
    contestants: [...ACTORS, ...HOSTS],
    targets: both(atMost("elixir", 0.5)),
  },
  {
    name: "start",
    title: "start of a node where EPMD runs",
    figure: "cost",
    ofPeer: "start",
    rounds: 1,
    warmup: 0,
    contestants: [...ACTORS, ...HOSTS],
    targets: both(atMost("elixir", 0.6)),
  },
  {
    name: "first_start",
    title: "start of the machine's first node",
    figure: "cost",
    ofPeer: "first_start",
    rounds: 1,
    warmup: 0,
    contestants: ["elixir", ...HOSTS],
    targets: both(atMost("elixir", 0.6)),
  },
];

export function rowOf(name: string): Row {
  const row = ROWS.find((row) => row.name === name);
  if (row === undefined) throw new TypeError(`Cannot find row "${name}"`);
  return row;
}
