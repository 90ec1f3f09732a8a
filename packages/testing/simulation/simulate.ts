/**
 * Random lives of entities under faults, and the shortest story of one that fails.
 *
 * @module
 */

import {
  ARRAY,
  checkOptions,
  FLAG,
  FUNCTION,
  integerFrom,
  TIMEOUT,
} from "@otp/processes/values/check_arguments";
import type { OptionChecks } from "@otp/processes/values/options";
import { Life, type LifeSettings, planOf, type Step } from "./life.ts";
import { seconds, told } from "./linearizable.ts";
import type { SimulatedFault, SimulateOptions } from "./simulated_life.ts";

/** The faults of a life, unless other ones are chosen. */
const FAULTS: readonly SimulatedFault[] = [
  "kill",
  "deploy",
  "pause",
  "suspend",
  "partition",
  "store partition",
  "store stall",
  "store restart",
  "store errors",
  "clock",
  "entity kill",
  "write kill",
];

/** Faults under which less holds. */
const HARD_FAULTS: readonly SimulatedFault[] = [
  "stopped clocks",
  "store goes back",
];

const ALL_FAULTS = [...FAULTS, ...HARD_FAULTS];

const SIMULATE_OPTIONS: OptionChecks<SimulateOptions> = {
  types: { ...ARRAY, isRequired: true },
  nodes: ARRAY,
  callers: ARRAY,
  seeds: {
    accepts: (seeds) => Array.isArray(seeds) || integerFrom(1).accepts(seeds),
    give: "a list of seeds, or their number",
    isNumber: true,
  },
  faults: {
    accepts: (faults) =>
      Array.isArray(faults) &&
      faults.every((each) => ALL_FAULTS.includes(each)),
    give: `a list of ${ALL_FAULTS.join(", ")}`,
  },
  strikes: integerFrom(0),
  works: integerFrom(0),
  shards: integerFrom(1),
  lease: TIMEOUT,
  shrinks: FLAG,
  work: { ...FUNCTION, isRequired: true },
  always: FUNCTION,
  finally: FUNCTION,
};

/** The result of {@linkcode simulate}. */
export interface SimulateReport {
  /** Simulated lives, each with its own seed. */
  lives: number;
  /** Calls to entities in all lives together. */
  calls: number;
  /** The number of calls that failed, by the code of their error. */
  failed: Record<string, number>;
  /** The longest time until all keys were served after the last fault, in milliseconds. */
  recovery: number;
}

/** The number of lives that shorten a story. */
const ATTEMPTS = 200;

/** The number of lines of a story that are shown. */
const SHOWN = 60;

/**
 * Runs entities through random lives on a simulated cluster with a simulated store, in virtual time, and checks what must
 * hold.
 *
 * In each life, programs do your `work` on random nodes while faults strike: nodes are killed, deployed, frozen and parted,
 * the store stalls, refuses and loses answers, clocks are set. The seed determines all of it. Of each life, these hold:
 *
 * - A write is accepted from the owner of a shard only, under its current epoch, as the next version.
 * - At most one node serves a key at a time, and no method begins under an old epoch, or while another one of the key runs.
 * - The numbers of events are dense and unique, in the store and for readers and followers from `client.get`. A follower gets
 *   accepted events only, and a gap only if events are missing. A call with a result has its events, its statements and its
 *   deletion in the store, and its alarms or those that later calls have left. Each stored state has the alarms that its calls
 *   leave if they run one after the other.
 * - Each step of a run counts once, and begins once the steps before are stored. No run is lost, or ends twice. No alarm is lost, and alarms that are due ring.
 * - The statements of `room.sql` run once, with the state of their method, and only if it is stored.
 * - Each call, also of a durable method, ends by its timeout, unless its node was frozen.
 * - All keys are served again within two leases after the last fault; most times, in much less than one.
 * - `always`, `finally`, and no other error than an `EntityError` in `work`.
 *
 * A failure prints its seed and the shortest story that still fails: the faults and calls, in words.
 *
 * @returns The number of lives and calls, and how the calls ended.
 * @throws {Error} If something does not hold in a life.
 * @throws {TypeError} If an option is unknown or invalid.
 *
 * @example A retry that buys twice
 * ```ts
 * import { simulate } from "@otp/distribution/testing";
 * import { Entity } from "@otp/distribution/entities";
 * import { assertRejects } from "@std/assert";
 *
 * const Show = Entity.define("show", {
 *   state: () => ({ buyers: [] as string[] }),
 *   buy: (show, buyer: string) => show.state.buyers.push(buyer),
 * });
 *
 * await assertRejects(
 *   () =>
 *     simulate({
 *       types: [Show],
 *       shrinks: false,
 *       work(client) {
 *         const buyer = `buyer ${client.random(1e9)}`;
 *         const show = client.get(Show, "hamlet", { timeout: 1000 });
 *         // The first call may have run: give both an id.
 *         return show.buy(buyer).catch(() => show.buy(buyer));
 *       },
 *       async finally(life) {
 *         const { buyers } = await life.stored(Show, "hamlet") as { buyers: string[] };
 *         if (new Set(buyers).size < buyers.length) throw new Error("a buyer has two seats");
 *       },
 *     }),
 *   Error,
 *   "a buyer has two seats",
 * );
 * ```
 */
export async function simulate(
  options: SimulateOptions,
): Promise<SimulateReport> {
  const settings = settingsOf(options);
  const { seeds = 20, shrinks = true } = options;
  const list = typeof seeds === "number"
    ? Array.from({ length: seeds }, (_, n) => n + 1)
    : seeds;
  const report: SimulateReport = {
    lives: 0,
    calls: 0,
    failed: {},
    recovery: 0,
  };
  for (const seed of list) {
    const plan = planOf(seed, settings);
    const life = new Life(seed, settings);
    const broken = await life.live(plan);
    if (broken !== undefined) {
      const short = shrinks
        ? await shortened(seed, plan, settings, broken)
        : plan;
      throw new Error(await describe(seed, short, plan.length, settings));
    }
    report.lives++;
    report.calls += life.calls.length;
    report.recovery = Math.max(report.recovery, life.recovery);
    for (const { code } of life.calls) {
      if (code === undefined) continue;
      report.failed[code] = (report.failed[code] ?? 0) + 1;
    }
  }
  return report;
}

/** Describes a life that fails, by its plan. */
async function describe(
  seed: number,
  plan: readonly Step[],
  steps: number,
  settings: LifeSettings,
): Promise<string> {
  const life = new Life(seed, settings);
  const broken = await life.live(plan);
  const lines = [
    ...life.story,
    ...life.calls.map((call) => ({ at: call.from, text: told(call) })),
  ].sort((one, other) => one.at - other.at).map(({ at, text }) =>
    `  ${seconds(at)} ${text}`
  );
  const left = lines.length - SHOWN;
  return [
    `Cannot confirm what must hold in the life of seed ${seed}: ${broken}`,
    plan.length < steps
      ? `The shortest story that fails, ${plan.length} of ${steps} steps:`
      : "Its story:",
    ...left > 0 ? [`  (${left} lines before)`] : [],
    ...lines.slice(-SHOWN),
    `Repeat it with seeds: [${seed}].`,
  ].join("\n");
}

/** The shortest plan that fails in the same way, as far as it is found: leaves out ever smaller parts. */
async function shortened(
  seed: number,
  plan: readonly Step[],
  settings: LifeSettings,
  broken: string,
): Promise<readonly Step[]> {
  let left = ATTEMPTS;
  let short = plan;
  for (let size = short.length >> 1; size > 0 && left > 0;) {
    let wasShortened = false;
    for (let at = 0; at < short.length && left > 0;) {
      left--;
      const part = short.toSpliced(at, size);
      const found = await new Life(seed, settings).live(part);
      if (found === undefined || kindOf(found) !== kindOf(broken)) at += size;
      else {
        short = part;
        wasShortened = true;
      }
    }
    if (!wasShortened || size > 1) size >>= 1;
  }
  return short;
}

/** The kind of a failure: its beginning, without numbers and names. */
function kindOf(broken: string): string {
  return broken.replace(/[\d.]+|"[^"]*"|\S+@\S+/g, "").slice(0, 30);
}

/** Checks the options, and returns the settings of all lives. */
export function settingsOf(options: SimulateOptions): LifeSettings {
  checkOptions(
    options,
    "simulate entities",
    SIMULATE_OPTIONS,
    "{ types, work }",
  );
  const {
    types,
    nodes = ["alex", "kate", "moebi"],
    callers = [],
    faults = FAULTS,
    strikes = 12,
    works = 150,
    shards = 8,
    lease = 3000,
    work,
    always = () => {},
  } = options;
  return {
    ...{ types, nodes, callers, faults, strikes, works, shards, lease },
    ...{ work, always, finally: options.finally ?? (() => {}) },
  };
}
