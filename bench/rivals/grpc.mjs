// gRPC: `grpc.mjs peer PORT`, `grpc.mjs client PORT JOB`. One-way is a stream of the client.
import grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { asked, check, payload, rated, report, serve, timed } from "./_job.mjs";

const [role, port, text] = process.argv.slice(2);
const file = fileURLToPath(new URL("bench.proto", import.meta.url));
const { Bench } = grpc.loadPackageDefinition(
  loadSync(file, { longs: Number, defaults: true }),
);
const address = `127.0.0.1:${port}`;

if (role === "peer") {
  const server = new grpc.Server();
  server.addService(Bench.service, {
    Echo: (call, answer) => answer(null, { n: call.request.n }),
    Count(call, answer) {
      let n = 0;
      call.on("data", (message) => {
        if (message.text) check("one_way_text", n, message.text);
        else if (message.data.length) check("one_way_bytes", n, message.data);
        else check("one_way", n, message.n);
        n++;
      });
      call.on("end", () => answer(null, { n }));
    },
  });
  await new Promise((resolve) =>
    server.bindAsync(address, grpc.ServerCredentials.createInsecure(), resolve)
  );
  serve();
} else {
  const job = JSON.parse(text);
  const client = new Bench(address, grpc.credentials.createInsecure());
  const ask = (n) =>
    new Promise((resolve, reject) =>
      client.Echo(
        { n },
        (error, answer) => error ? reject(error) : resolve(answer.n),
      )
    );
  if (["call", "round_trip"].includes(job.row)) report(await timed(job, ask));
  if (job.row === "calls") report(await asked(job, ask));
  report(
    await rated(job, async (rounds) => {
      const { promise, resolve, reject } = Promise.withResolvers();
      const stream = client.Count((error, answer) =>
        error ? reject(error) : resolve(answer.n)
      );
      for (let n = 0; n < rounds; n++) {
        const value = payload(job.row, n);
        const message = typeof value === "number"
          ? { n }
          : typeof value === "string"
          ? { n, text: value }
          : { n, data: value };
        if (!stream.write(message)) await once(stream, "drain");
      }
      stream.end();
      if (await promise !== rounds) throw new Error("Cannot go on: lost some");
    }),
  );
}
