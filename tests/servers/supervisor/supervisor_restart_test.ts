import { assert, assertEquals } from "@std/assert";
import {
  exit,
  type Pid,
  Process,
  receive,
  send,
  spawnLink,
} from "../../../packages/processes/process.ts";
import { RestartIntensity } from "../../../packages/servers/supervisor/restart_intensity.ts";
import {
  Supervisor,
  type SupervisorOptions,
} from "../../../packages/servers/supervisor/supervisor.ts";
import { test } from "../../../packages/testing/tags.ts";
import { processTest } from "../../_processes.ts";
import fc from "../../_seeds.ts";
import { exitOf, logged, probe, told } from "../../_supervision.ts";

const ONE: SupervisorOptions = { strategy: "one_for_one" };

// Intensity

test("RestartIntensity reads the clock in whole seconds, as OTP does", () => {
  for (
    const [first, second, allowed] of [
      [0, 1999, false],
      [0, 2000, true],
      [999, 2000, true],
      [1000, 2000, false],
      [999, 1000, false],
      [1999.9, 3000.1, true],
    ] as const
  ) {
    const intensity = new RestartIntensity(1, 1);
    assert(intensity.add(first));
    assertEquals(intensity.add(second), allowed, `${first}, then ${second}`);
  }
});

test("RestartIntensity allows as many restarts as OTP's rule, at any times", () => {
  fc.assert(fc.property(
    fc.integer({ min: 0, max: 4 }),
    fc.integer({ min: 1, max: 4 }),
    fc.array(fc.double({ min: 0, max: 2500, noNaN: true }), { maxLength: 40 }),
    (maxRestarts, maxSeconds, gaps) => {
      const intensity = new RestartIntensity(maxRestarts, maxSeconds);
      const seconds: number[] = [];
      let now = 0;
      for (const gap of gaps) {
        now += gap;
        seconds.push(Math.floor(now / 1000));
        // OTP: Now =< Then + Period, of each restart so far.
        const counted = seconds.filter((then) =>
          seconds.at(-1)! <= then + maxSeconds
        );
        assertEquals(intensity.add(now), counted.length <= maxRestarts);
      }
    },
  ));
});

// Trees, and the log

processTest("a supervisor logs failed restarts and terminations", async () => {
  Process.trapExit(true);
  logged();
  let starts = 0;
  const sup = await Supervisor.startLink([
    probe("slow", { stubborn: true, shutdown: 1 }),
    {
      id: "bad",
      start: () => starts++ === 0 ? spawnLink(() => receive()) : exit("in use"),
    },
  ], { ...ONE, name: "sup", maxRestarts: 1 });
  const [{ pid }] = await Supervisor.whichChildren(sup);
  send(pid as Pid, "end");
  await exitOf(sup);
  const lines = logged().map((text) => text.split("\n    ").slice(0, 2));
  assertEquals(lines, [
    [`info: Child "bad" of Supervisor sup terminated`, "** (exit) normal"],
    [
      `error: Child "bad" of Supervisor sup failed to start`,
      "** (exit) in use",
    ],
    [
      `error: Child "bad" of Supervisor sup exits too often to be restarted: shutting down`,
      "** (exit) reached_max_restart_intensity",
    ],
    [
      `warning: Child "slow" of Supervisor sup did not shut down as told`,
      "** (exit) killed",
    ],
  ]);
  await told(1);
});
