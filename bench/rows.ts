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

/** Where the two processes run. */
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

/** One thing that is measured. */
export interface Row {
  /** Its name on the command line. */
  name: "round_trip" | "one_way" | "task";
  /** Its name in the report. */
  title: string;
  /** How many rounds count. */
  rounds: number;
  /** How many rounds come first and do not count: enough for V8 to have compiled what is hot. */
  warmup: number;
  /** What is to be reached, for each placement. */
  targets: Record<Placement["name"], Target>;
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
    name: "task",
    title: "`TaskSupervisor.async` + `await`",
    rounds: 10_000,
    warmup: 10_000,
    targets: { one_core: BELOW_ELIXIR, split: BELOW_ELIXIR },
  },
];
