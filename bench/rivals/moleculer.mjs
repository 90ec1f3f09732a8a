// Moleculer over its own TCP transporter: `moleculer.mjs peer PORT`, `moleculer.mjs client PORT JOB`.
import moleculer from "moleculer";
import { asked, check, payload, rated, report, serve, timed } from "./_job.mjs";

const [role, port, text] = process.argv.slice(2);
const here = role === "peer" ? 0 : 1;
const urls = [`127.0.0.1:${port}/peer`, `127.0.0.1:${Number(port) + 1}/client`];
const broker = new moleculer.ServiceBroker({
  nodeID: ["peer", "client"][here],
  logger: false,
  transporter: {
    type: "TCP",
    options: {
      udpDiscovery: false,
      port: Number(port) + here,
      urls,
      gossipPeriod: 1,
    },
  },
});

if (role === "peer") {
  let got = 0;
  let total = 0;
  let done = () => {};
  broker.createService({
    name: "bench",
    actions: {
      echo: (ctx) => ctx.params.n,
      expect(ctx) {
        got = 0;
        total = ctx.params.total;
      },
      counted: () =>
        new Promise((resolve) => {
          done = () => got === total && resolve(got);
          done();
        }),
    },
    events: {
      "bench.count"(ctx) {
        const { row, n, value } = ctx.params;
        // Their order is not kept.
        check(row, n, value);
        got++;
        done();
      },
    },
  });
  await broker.start();
  serve();
} else {
  const job = JSON.parse(text);
  await broker.start();
  await broker.waitForServices("bench");
  const ask = (n) => broker.call("bench.echo", { n });
  if (["call", "round_trip"].includes(job.row)) report(await timed(job, ask));
  if (job.row === "calls") report(await asked(job, ask));
  report(
    await rated(job, async (rounds) => {
      await broker.call("bench.expect", { total: rounds });
      for (let n = 0; n < rounds; n++) {
        await broker.emit("bench.count", {
          row: job.row,
          n,
          value: payload(job.row, n),
        });
      }
      if (await broker.call("bench.counted") !== rounds) {
        throw new Error("Cannot go on: lost some");
      }
    }),
  );
}
