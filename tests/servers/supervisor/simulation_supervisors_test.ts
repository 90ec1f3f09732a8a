/**
 * Lives of supervisors: restarts, strategies and intensity.
 *
 * Each node has a supervisor with three children. The first node's supervisor restarts each alone, and has a
 * transient and a temporary child; the second one restarts all; the third one restarts those that were started
 * after; the last one gives up at the second restart in a second. Processes of all nodes kill children with
 * exit signals of several reasons. The races: a child exits while others are terminated or restarted for the
 * exit of another; several exits at once; a signal to a child that was terminated meanwhile.
 *
 * Each child has one process at a time, which started after the previous one had exited; the processes that the
 * strategy terminates with it have exited before anything restarts. At rest the expected children run, and the
 * supervisor that gives up has done so at the restart that exceeded its limit, and not before.
 */

import { spawnLink } from "../../../packages/processes/kernel.ts";
import {
  type Pid,
  Process,
  receive,
  self,
} from "../../../packages/processes/process.ts";
import {
  type ChildSpec,
  Supervisor,
  type SupervisorOptions,
} from "../../../packages/servers/supervisor/supervisor.ts";
import {
  type Incarnation,
  livesTest,
  pick,
  type Property,
  type Scene,
  type World,
} from "../../_simulated_lives.ts";

const CHILDREN = ["one", "two", "three"];
const REASONS = ["kill", "kill", "shutdown", "normal", { type: "boom" }];

/** The milliseconds between exits, which exceed the limit or stay within it. */
const APART = [2500, 2500, 2500, 1100];

/** A process of a child. */
interface Run {
  pid: Pid;
  from: number;
  to: number;
  /** When it exited, on the clock. */
  endedAt: number;
  reason: unknown;
}

/** A supervisor, with the processes that each child has had. */
interface Family {
  home: Incarnation;
  options: SupervisorOptions;
  restarts: ChildSpec["restart"][];
  runs: Run[][];
  pid: Pid | undefined;
  endedAt: number;
}

class SupervisorsScene implements Scene {
  readonly #world: World;
  readonly #families: Family[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  begin(home: Incarnation): void {
    const world = this.#world;
    const i = world.nodes.indexOf(home.node);
    const isLimited = i === 3;
    const family: Family = {
      home,
      options: {
        strategy: pick(
          ["one_for_one", "one_for_all", "rest_for_one", "one_for_one"],
          i,
        )!,
        maxRestarts: isLimited ? 1 : 10_000,
        maxSeconds: 1,
      },
      restarts: i === 0
        ? ["permanent", "transient", "temporary"]
        : ["permanent", "permanent", "permanent"],
      runs: [[], [], []],
      pid: undefined,
      endedAt: Infinity,
    };
    this.#families.push(family);
    world.actor(home);
    world.cluster.spawn(home.node, async () => {
      Process.trapExit(true);
      const children = CHILDREN.map((id, child) => ({
        id,
        start: () => spawnLink(() => this.#live(family.runs[child])),
        restart: family.restarts[child],
      }));
      family.pid = await Supervisor.startLink(children, family.options);
      await receive((message) => family.pid!.equals(message?.from));
      family.endedAt = world.cluster.now();
    });
  }

  /** The code of a child's process. */
  async #live(runs: Run[]): Promise<void> {
    const world = this.#world;
    const run: Run = {
      pid: self(),
      from: world.tick(),
      to: Infinity,
      endedAt: Infinity,
      reason: undefined,
    };
    runs.push(run);
    const end = Process.signal();
    end.addEventListener("abort", () => {
      run.to = world.tick();
      run.endedAt = world.cluster.now();
      run.reason = end.reason.reason;
    });
    await receive(() => false);
  }

  act(what: string, a: number, b: number, c: number): void {
    const world = this.#world;
    const isApart = what === "exitApart";
    // One actor kills the children of the supervisor that gives up, at intervals.
    const by = world.liveActor(isApart ? 0 : a);
    if (by === undefined) return;
    const i = isApart ? 3 : b % 3;
    const family = this.#families.findLast(({ home }) =>
      home === world.home(pick(world.nodes, i)!)
    )!;
    const kill = (child: number, reason: unknown) => {
      const run = family.runs[child].at(-1);
      if (run !== undefined) Process.exit(run.pid, reason);
    };
    by.order(what, () => {
      if (isApart) {
        kill(c % 3, "kill");
        // safe: virtual time
        return Process.sleep(pick(APART, a)!);
      }
      if (what === "exit") {
        const reason = pick(REASONS, a + c);
        // Elsewhere only the supervisor terminates children with "shutdown".
        const isOwn = family.restarts.includes("transient");
        kill(c % 3, reason === "shutdown" && !isOwn ? "kill" : reason);
      } else {
        for (let i = 0; i < 2; i++) kill((c + i) % 3, "kill");
      }
    });
  }

  check(): string[] {
    return this.#families.filter(({ home }) => home.endedAt === Infinity)
      .flatMap((family) => [
        ...this.#oneAtATime(family),
        ...this.#together(family),
        ...family.endedAt < Infinity
          ? this.#allOver(family)
          : this.#allThere(family),
        ...this.#intensity(family),
      ]);
  }

  #oneAtATime({ home, runs }: Family): string[] {
    return runs.flatMap((each, child) =>
      each.slice(1).filter((run, i) => run.from < each[i].to).map(() =>
        `${CHILDREN[child]} of ${home.node} ran twice at a time`
      )
    );
  }

  /** Whether the children that must exit together did, and before any restarted. */
  #together({ home, options, runs }: Family): string[] {
    const wrong: string[] = [];
    const say = (text: string) => wrong.push(`${home.node}: ${text}`);
    const [one, two, three] = runs.map(({ length }) => length);
    if (options.strategy === "one_for_all" && (one !== two || two !== three)) {
      say(`children ran ${[one, two, three]} times`);
    }
    if (options.strategy === "rest_for_one" && (one > two || two > three)) {
      say(`children ran ${[one, two, three]} times`);
    }
    if (options.strategy !== "one_for_all") return wrong;
    for (let i = 1; i < Math.min(one, two, three); i++) {
      const ended = Math.max(...runs.map((each) => each[i - 1].to));
      const started = runs.map((each) => each[i].from);
      if (ended > Math.min(...started)) say("one started before all had ended");
      if (started[0] > started[1] || started[1] > started[2]) {
        say("children started in another order");
      }
      const shut = runs.map((each) => each[i - 1])
        .filter(({ reason }) => reason === "shutdown").map(({ to }) => to);
      if (shut.some((to, n) => n > 0 && to > shut[n - 1])) {
        say("children ended in another order");
      }
    }
    return wrong;
  }

  #allOver({ home, runs }: Family): string[] {
    return runs.flatMap((each, child) =>
      each.at(-1)?.to === Infinity
        ? [`${CHILDREN[child]} of ${home.node} outlives its supervisor`]
        : []
    );
  }

  #allThere({ home, options, restarts, runs }: Family): string[] {
    const wrong: string[] = [];
    for (const [child, each] of runs.entries()) {
      const last = each.at(-1);
      const isAlive = last?.to === Infinity;
      const isOver = restarts[child] === "temporary"
        ? !isAlive
        : restarts[child] === "transient" && last?.reason === "shutdown";
      if (isAlive === isOver) {
        wrong.push(
          `${CHILDREN[child]} of ${home.node} is ${isAlive ? "alive" : "dead"}`,
        );
      }
      if (options.strategy !== "one_for_one") continue;
      const most = restarts[child] === "temporary" ? 1 : each.length;
      if (each.length > most) {
        wrong.push(`${CHILDREN[child]} of ${home.node} was restarted`);
      }
    }
    return wrong;
  }

  /** As in OTP, restarts are counted in whole seconds. */
  #intensity({ home, options, runs, endedAt }: Family): string[] {
    if (options.strategy !== "one_for_one") return [];
    const { maxRestarts = 3, maxSeconds = 5 } = options;
    const ends = runs.flatMap((each) => each)
      // The exits that a supervisor causes as it gives up do not count.
      .filter((run) => run.endedAt < Infinity && run.reason !== "shutdown")
      .map((run) => run.endedAt).sort((a, b) => a - b)
      .map((at) => Math.floor(at / 1000));
    const over = ends.findIndex((at, i) =>
      i >= maxRestarts && at - ends[i - maxRestarts] <= maxSeconds
    );
    const isOver = endedAt < Infinity;
    if (maxRestarts > 100) {
      return isOver ? [`the supervisor of ${home.node} gave up`] : [];
    }
    if (isOver === over >= 0) return [];
    return [
      `the supervisor of ${home.node} ${
        isOver ? "gave up" : "did not give up"
      } after ends at ${ends}`,
    ];
  }
}

/** The property of supervisors with all strategies. */
const SUPERVISORS: Property = {
  actions: { exit: 18, exitTwo: 4, exitApart: 5 },
  scene: (world) => new SupervisorsScene(world),
};

livesTest("supervisors", SUPERVISORS, 40);
