/**
 * Runs scenarios in TypeScript, and prints a line of JSON for each: the main node is this program, its peers
 * are others.
 *
 * `deno run -A _typescript.ts FILE TIMEOUT`: the file contains the names, one per line. With `--elixir FOLDER`, that of
 * the scenarios compiled in Elixir, the peers are nodes of Elixir.
 */

import { parseArgs } from "node:util";
import { Node } from "../../node.ts";
import { testCluster } from "../../packages/testing/test_cluster.ts";
import { isTraced } from "./bindings/_api.ts";
import { loadAreas } from "./_load.ts";
import { type Scenario, setStage } from "./_scenario.ts";
import { Stage } from "./_stage.ts";

async function main(
  file: string,
  timeout: number,
  { alone, elixir }: { alone: boolean; elixir?: string },
): Promise<void> {
  const names = Deno.readTextFileSync(file).split("\n");
  const inAreas = names.map((name) => name.slice(0, name.indexOf(":")));
  const areas = await loadAreas(inAreas.filter((name) => name !== ""));
  const wanted = areas.flatMap(({ scenarios }) => scenarios)
    .filter(({ name }) => names.includes(name));
  const isAlone = ({ options }: Scenario) => options.alive === false;
  if (alone) {
    const stage = new Stage(areas);
    setStage(stage);
    for (const scenario of wanted.filter(isAlone)) {
      await report(stage, scenario, () => stage.run(scenario, timeout));
    }
    return;
  }
  if (wanted.some(isAlone)) await runAlone(file, timeout);
  const cluster = testCluster();
  const options = { ...cluster, log() {}, io: { write() {} } };
  await using main = await Node.start({
    ...options,
    name: "main@localhost",
    // Scenarios let trees give up.
    onTreeEnd: "continue",
  });
  await using control = await Node.start({
    ...options,
    name: "control@localhost",
    hidden: true,
    connectAll: false,
  });
  await using stage = new Stage(areas, { main, control, cluster, elixir });
  setStage(stage);
  for (const scenario of wanted) {
    if (isAlone(scenario)) continue;
    await report(stage, scenario, () => stage.run(scenario, timeout));
  }
}

async function report(
  stage: Stage,
  { name, options }: Scenario,
  run: () => Promise<string[]>,
): Promise<void> {
  if (isTraced) console.error(name);
  const started = performance.now();
  const lines = await run();
  const ms = Math.round(performance.now() - started);
  const peers = options.alive !== false && stage.usedPeers;
  console.log(`@@${JSON.stringify({ name, lines, ms, peers })}`);
}

/** Runs the scenarios that need no node in a program without one, which prints their traces. */
async function runAlone(file: string, timeout: number): Promise<void> {
  await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-check", "-A", import.meta.url],
      ...[file, String(timeout), "--alone"],
    ],
    stdout: "inherit",
    stderr: "inherit",
  }).output();
}

const { values, positionals: [file, timeout] } = parseArgs({
  allowPositionals: true,
  options: {
    alone: { type: "boolean", default: false },
    elixir: { type: "string" },
  },
});
await main(file, Number(timeout), values);
Deno.exit(0);
