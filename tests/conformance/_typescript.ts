/**
 * Runs scenarios in TypeScript, and prints a line of JSON for each: the main node is this program, its peers
 * are others.
 *
 * `deno run -A _typescript.ts FILE TIMEOUT`: the file contains the names, one per line. With `--elixir FOLDER`, that of
 * the scenarios compiled in Elixir, the peers are nodes of Elixir.
 */

import { parseArgs } from "node:util";
import { Node } from "../../node.ts";
import { testCluster } from "../../testing/cluster.ts";
import { loadAreas } from "./_load.ts";
import { type Scenario, setStage } from "./_scenario.ts";
import { Stage } from "./_stage.ts";

async function main(
  file: string,
  timeout: number,
  { alone, elixir }: { alone?: string; elixir?: string },
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
      await report(stage, scenario, () => stage.run(scenario, timeout));
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
  await using stage = new Stage(areas, {
    main,
    control,
    cluster,
    elixir,
  });
  setStage(stage);
  for (const scenario of wanted) {
    await report(
      stage,
      scenario,
      () =>
        scenario.options.alive === false
          ? runAlone(file, timeout, scenario.name)
          : stage.run(scenario, timeout),
    );
  }
}

async function report(
  stage: Stage,
  { name, options }: Scenario,
  run: () => Promise<string[]>,
): Promise<void> {
  const started = performance.now();
  const lines = await run();
  const ms = Math.round(performance.now() - started);
  const peers = options.alive !== false && stage.usedPeers;
  console.log(`@@${JSON.stringify({ name, lines, ms, peers })}`);
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
      "--alone",
      name,
    ],
    stderr: "inherit",
  }).output();
  const found = new TextDecoder().decode(stdout).match(/^@@(.*)$/m);
  return found === null ? ["crashed"] : JSON.parse(found[1]).lines;
}

const { values, positionals: [file, timeout] } = parseArgs({
  allowPositionals: true,
  options: { alone: { type: "string" }, elixir: { type: "string" } },
});
await main(file, Number(timeout), values);
Deno.exit(0);
