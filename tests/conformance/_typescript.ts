/**
 * Runs scenarios in TypeScript, and prints a line of JSON for each: the main node is this program, its peers
 * are others.
 *
 * `deno run -A _typescript.ts FILE TIMEOUT`: the file contains the names, one per line.
 */

import { Node } from "../../node.ts";
import { testCluster } from "../../testing/cluster.ts";
import { loadAreas } from "./_load.ts";
import { type Scenario, setStage } from "./_scenario.ts";
import { Stage } from "./_stage.ts";

const ALONE = "--alone";

async function main(
  file: string,
  timeout: number,
  alone?: string,
): Promise<void> {
  const names = Deno.readTextFileSync(file).split("\n");
  const inAreas = names.map((name) => name.slice(0, name.indexOf(":")));
  const areas = await loadAreas(inAreas.filter((name) => name !== ""));
  const wanted = areas.flatMap(({ scenarios }) => scenarios)
    .filter(({ name }) =>
      alone === undefined ? names.includes(name) : name === alone
    );
  if (alone !== undefined) {
    const stage = new Stage(areas);
    setStage(stage);
    for (const scenario of wanted) {
      await report(scenario, () => stage.run(scenario, timeout));
    }
    return;
  }
  const cluster = testCluster();
  const options = { ...cluster, log() {}, io: { write() {} } };
  await using main = await Node.start({ ...options, name: "main@localhost" });
  await using control = await Node.start({
    ...options,
    name: "control@localhost",
    hidden: true,
    connectAll: false,
  });
  await using stage = new Stage(areas, { main, control, cluster });
  setStage(stage);
  for (const scenario of wanted) {
    await report(
      scenario,
      () =>
        scenario.options.alive === false
          ? runAlone(file, timeout, scenario.name)
          : stage.run(scenario, timeout),
    );
  }
}

async function report(
  { name }: Scenario,
  run: () => Promise<string[]>,
): Promise<void> {
  const started = performance.now();
  const lines = await run();
  const ms = Math.round(performance.now() - started);
  console.log(`@@${JSON.stringify({ name, lines, ms })}`);
}

/** Runs a scenario in a program without a node. */
async function runAlone(
  file: string,
  timeout: number,
  name: string,
): Promise<string[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-check",
      "-A",
      import.meta.url,
      file,
      String(timeout),
      ALONE,
      name,
    ],
    stderr: "inherit",
  }).output();
  const found = new TextDecoder().decode(stdout).match(/^@@(.*)$/m);
  return found === null ? ["crashed"] : JSON.parse(found[1]).lines;
}

const [file, timeout, , alone] = Deno.args;
await main(file, Number(timeout), alone);
Deno.exit(0);
