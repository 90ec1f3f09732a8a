/**
 * What is measured, where, and what is to be reached.
 *
 * @module
 */

/** A bound on the ratio of ours to another's. */
export interface Target {
  /** To whom ours is compared. */
  to: "elixir" | "raw";
  /** Whether the ratio is to be at most or at least the bound. */
  bound: "at most" | "at least";
  /** The bound. */
  ratio: number;
}

/** Where the two processes run; a row without a peer has the cores of both. */
export interface Placement {
  /** Its name on the command line. */
  name: "one_core" | "split";
  /** Its name in the report. */
  title: string;
  /** The core of the client. */
  clientCore: number;
  /** The core of the peer. */
  peerCore: number;
}

/** What can be measured. */
export type RowName =
  | "round_trip"
  | "one_way"
  | "one_way_text"
  | "one_way_bytes"
  | "one_way_object"
  | "task"
  | "tasks"
  | "call"
  | "calls"
  | "local_round_trip"
  | "local_call"
  | "spawn"
  | "idle";

/** One thing that is measured. */
export interface Row {
  /** Its name on the command line. */
  name: RowName;
  /** Its name in the report. */
  title: string;
  /** Whether all of it is on one node. */
  local?: boolean;
  /** How many rounds count. */
  rounds: number;
  /** How many rounds come first and do not count: enough for V8 to have compiled what is hot. */
  warmup: number;
  /** What is to be reached, for each placement; nothing is set for some. */
  targets: Partial<Record<Placement["name"], Target>>;
}

const TWICE_ELIXIR: Target = { to: "elixir", bound: "at least", ratio: 2 };
const BELOW_ELIXIR: Target = { to: "elixir", bound: "at most", ratio: 0.85 };

/** Latency depends on the placement more than on anything else, so both run. */
export const PLACEMENTS: readonly Placement[] = [
  { name: "one_core", title: "one core", clientCore: 0, peerCore: 0 },
  { name: "split", title: "split", clientCore: 0, peerCore: 1 },
];

/** The rows, in the order of the report. */
export const ROWS: readonly Row[] = [
  {
    name: "round_trip",
    title: "round trip",
    rounds: 30_000,
    warmup: 20_000,
    targets: {
      one_core: { to: "raw", bound: "at most", ratio: 1.8 },
      split: { to: "elixir", bound: "at most", ratio: 1.2 },
    },
  },
  {
    name: "one_way",
    title: "one-way, small messages",
    rounds: 500_000,
    warmup: 100_000,
    targets: { one_core: TWICE_ELIXIR, split: TWICE_ELIXIR },
  },
  {
    name: "one_way_text",
    title: "one-way, text of 1,000 characters",
    rounds: 200_000,
    warmup: 50_000,
    targets: both({ to: "elixir", bound: "at least", ratio: 1.4 }),
  },
  {
    name: "one_way_bytes",
    title: "one-way, 1,000 bytes",
    rounds: 200_000,
    warmup: 50_000,
    targets: both({ to: "elixir", bound: "at least", ratio: 1.4 }),
  },
  {
    name: "one_way_object",
    title: "one-way, nested objects",
    rounds: 300_000,
    warmup: 100_000,
    targets: both({ to: "elixir", bound: "at least", ratio: 1.6 }),
  },
  {
    name: "task",
    title: "`TaskSupervisor.async` + `await`",
    rounds: 10_000,
    warmup: 10_000,
    targets: { one_core: BELOW_ELIXIR, split: BELOW_ELIXIR },
  },
  {
    name: "tasks",
    title: "the same, by 100 processes",
    rounds: 50_000,
    warmup: 20_000,
    targets: both({ to: "elixir", bound: "at least", ratio: 2.5 }),
  },
  {
    name: "call",
    title: "`GenServer.call` to another node",
    rounds: 20_000,
    warmup: 20_000,
    targets: {
      one_core: { to: "elixir", bound: "at most", ratio: 1.2 },
      split: { to: "elixir", bound: "at most", ratio: 1 },
    },
  },
  {
    name: "calls",
    title: "the same, by 100 processes",
    rounds: 200_000,
    warmup: 50_000,
    targets: both({ to: "elixir", bound: "at least", ratio: 2 }),
  },
  {
    name: "local_round_trip",
    title: "ping and pong on one node",
    local: true,
    rounds: 1_000_000,
    warmup: 300_000,
    targets: atMost(0.5),
  },
  {
    name: "local_call",
    title: "`GenServer.call` on one node",
    local: true,
    rounds: 300_000,
    warmup: 200_000,
    targets: {},
  },
  {
    name: "spawn",
    title: "spawn to exit, 1,000 at a time",
    local: true,
    rounds: 500_000,
    warmup: 200_000,
    targets: atMost(1.5),
  },
  {
    name: "idle",
    title: "an idle process, of 100,000",
    local: true,
    rounds: 100_000,
    warmup: 1_000,
    targets: atMost(0.7),
  },
];

function both(target: Target): Row["targets"] {
  return { one_core: target, split: target };
}

function atMost(ratio: number): Row["targets"] {
  return both({ to: "elixir", bound: "at most", ratio });
}
