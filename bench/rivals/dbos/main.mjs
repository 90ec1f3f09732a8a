// DBOS: workflows of five empty steps in PostgreSQL. `main.mjs workflow URL RUNS AT_ONCE` prints the runs per second.
import { DBOS } from "@dbos-inc/dbos-sdk";

const [, url, count, atOnce] = process.argv.slice(2);

const five = DBOS.registerWorkflow(async () => {
  let n = 0;
  for (let i = 0; i < 5; i++) {
    n += await DBOS.runStep(async () => 1, { name: `step ${i}` });
  }
  return n;
}, { name: "five" });

DBOS.setConfig({
  name: "bench",
  systemDatabaseUrl: url,
  systemDatabasePoolSize: 10,
  logLevel: "error",
  runAdminServer: false,
});
await DBOS.launch();

const all = (each) =>
  Promise.all(Array.from({ length: Number(atOnce) }, async () => {
    for (let n = 0; n < each; n++) {
      const run = await DBOS.startWorkflow(five)();
      if (await run.getResult() !== 5) throw new Error("a wrong answer");
    }
  }));

await all(2);
const each = Math.ceil(count / atOnce);
const began = performance.now();
await all(each);
console.log(
  `figure ${each * atOnce / (performance.now() - began) * 1000}`,
);
process.exit();
