// NATS: `nats.mjs peer PORT`, `nats.mjs client PORT JOB`. Messages go through nats-server.
import { connect } from "@nats-io/transport-node";
import { asked, check, payload, rated, report, serve, timed } from "./_job.mjs";

const [role, port, text] = process.argv.slice(2);
const nats = await connect({ servers: `127.0.0.1:${port}` });

if (role === "peer") {
  nats.subscribe("echo", {
    callback: (_, message) => message.respond(message.data),
  });
  let row = "";
  let total = 0;
  let n = 0;
  let reply;
  nats.subscribe("expect", {
    callback: (_, message) => {
      [row, total] = message.json();
      n = 0;
      reply = message.reply;
      message.respond("ready");
    },
  });
  nats.subscribe("count", {
    callback: (_, message) => {
      const value = row === "one_way_text"
        ? message.string()
        : row === "one_way_bytes"
        ? message.data
        : message.json().n;
      check(row, n++, value);
      if (n === total) nats.publish("counted", `${n}`);
    },
  });
  await nats.flush();
  serve();
} else {
  const job = JSON.parse(text);
  const ask = async (n) => (await nats.request("echo", `${n}`)).json();
  if (["call", "round_trip"].includes(job.row)) report(await timed(job, ask));
  if (job.row === "calls") report(await asked(job, ask));
  let counted = () => {};
  nats.subscribe("counted", {
    callback: (_, message) => counted(message.json()),
  });
  report(
    await rated(job, async (rounds) => {
      const all = new Promise((resolve) => counted = resolve);
      await nats.request("expect", JSON.stringify([job.row, rounds]));
      for (let n = 0; n < rounds; n++) {
        const value = payload(job.row, n);
        nats.publish(
          "count",
          typeof value === "number"
            ? JSON.stringify({ type: "msg", n })
            : value,
        );
        // The client has no other way to wait until it may go on.
        if (n % 1000 === 999) await nats.flush();
      }
      if (await all !== rounds) throw new Error("Cannot go on: lost some");
    }),
  );
}
