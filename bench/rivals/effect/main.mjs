// Effect Cluster: entities of one runner, which keeps persisted messages and their replies in PostgreSQL.
// `main.mjs volatile URL CALLS` prints the microseconds of CPU for a call, one after the other;
// `main.mjs persisted URL WRITES KEYS` prints the calls per second of so many keys at once;
// `main.mjs workflow URL RUNS AT_ONCE` prints the runs per second of workflows of five empty activities.
import {
  ClusterSchema,
  ClusterWorkflowEngine,
  Entity,
  SingleRunner,
} from "@effect/cluster";
import { Rpc } from "@effect/rpc";
import { PgClient } from "@effect/sql-pg";
import { Activity, Workflow } from "@effect/workflow";
import { Effect, Layer, Redacted, Schema } from "effect";

const [row, url, count, keys] = process.argv.slice(2);

const Volatile = Entity.make("Volatile", [
  Rpc.make("Echo", { payload: { n: Schema.Number }, success: Schema.Number }),
]);
const Persisted = Entity.make("Persisted", [
  Rpc.make("Add", { success: Schema.Number }),
]).annotateRpcs(ClusterSchema.Persisted, true);

const entities = Layer.mergeAll(
  Volatile.toLayer(
    Effect.succeed({ Echo: ({ payload }) => Effect.succeed(payload.n) }),
  ),
  Persisted.toLayer(Effect.sync(() => {
    let n = 0;
    return { Add: () => Effect.sync(() => ++n) };
  })),
);
const Five = Workflow.make({
  name: "Five",
  payload: { id: Schema.String },
  success: Schema.Number,
  idempotencyKey: ({ id }) => id,
});
const workflows = Five.toLayer(Effect.fn(function* () {
  let n = 0;
  for (let i = 0; i < 5; i++) {
    n += yield* Activity.make({
      name: `step ${i}`,
      success: Schema.Number,
      execute: Effect.succeed(1),
    });
  }
  return n;
}));
const runner = Layer.mergeAll(entities, workflows).pipe(
  Layer.provideMerge(ClusterWorkflowEngine.layer),
  Layer.provideMerge(SingleRunner.layer()),
  Layer.provide(PgClient.layer({ url: Redacted.make(url), maxConnections: 10 })),
);

const volatile = Effect.gen(function* () {
  const key = (yield* Volatile.client)("key");
  const calls = (count) =>
    Effect.gen(function* () {
      const before = process.cpuUsage();
      for (let n = 0; n < count; n++) {
        if ((yield* key.Echo({ n })) !== n) throw new Error("a wrong answer");
      }
      const { user, system } = process.cpuUsage(before);
      return (user + system) / count;
    });
  yield* calls(Number(count) / 4);
  return yield* calls(Number(count));
});

const persisted = Effect.gen(function* () {
  const client = yield* Persisted.client;
  const each = Math.ceil(count / keys);
  const all = (each) =>
    Effect.forEach(
      Array.from({ length: Number(keys) }, (_, key) => client(`key ${key}`)),
      (key) => Effect.repeatN(key.Add(), each - 1),
      { concurrency: "unbounded" },
    );
  yield* all(1);
  const began = performance.now();
  yield* all(each);
  return each * keys / (performance.now() - began) * 1000;
});

const workflow = Effect.gen(function* () {
  const each = Math.ceil(count / keys);
  const all = (each) =>
    Effect.forEach(
      Array.from({ length: Number(keys) }),
      () =>
        Effect.repeatN(
          Effect.suspend(() => Five.execute({ id: crypto.randomUUID() })),
          each - 1,
        ),
      { concurrency: "unbounded" },
    );
  yield* all(2);
  const began = performance.now();
  yield* all(each);
  return each * keys / (performance.now() - began) * 1000;
});

const figure = await Effect.runPromise(
  { volatile, persisted, workflow }[row].pipe(Effect.provide(runner)),
);
console.log(`figure ${figure}`);
process.exit();
