/** Deno's own OpenTelemetry: `OTEL_DENO=true` exports the spans and metrics of nodes without further code. */

import { assert, assertEquals } from "@std/assert";
import { test } from "../../packages/testing/tags.ts";

const PROGRAM = `
import { GenServer, Node } from "${new URL("../../mod.ts", import.meta.url)}";
import { Telemetry } from "${new URL(
  "../../packages/observe/telemetry.ts",
  import.meta.url,
)}";

import { PubSub } from "${new URL(
  "../../packages/channels/mod.ts",
  import.meta.url,
)}";

const Stack = {
  name: "Stack",
  init: () => ({ type: "ok", state: 0 }),
  handleCall: (_, _from, state) => ({ type: "reply", reply: state, state }),
};
Telemetry.start();
const options = { cookie: "c", epmdPort: false, connectAll: false };
await using kate = await Node.start({ ...options, name: "kate@localhost" });
await using alex = await Node.start({ ...options, name: "alex@localhost" });
await kate.run(() => GenServer.start(Stack, undefined, { name: "Stack" }));
await kate.run(() => PubSub.subscribe("news"));
await alex.run(async () => {
  await Node.connect(kate.name, { address: "127.0.0.1:" + kate.port });
  await GenServer.call({ name: "Stack", node: kate.name }, "top");
});
// Answers when the gauges have been exported, which happens at an interval.
await fetch(Deno.env.get("OTEL_EXPORTER_OTLP_ENDPOINT") + "/exported");
`;

interface Exported {
  resourceSpans?: {
    scopeSpans: {
      spans: {
        name: string;
        traceId: string;
        spanId: string;
        parentSpanId?: string;
      }[];
    }[];
  }[];
  resourceMetrics?: {
    scopeMetrics: { metrics: ExportedMetric[] }[];
  }[];
}

interface ExportedMetric {
  name: string;
  gauge?: unknown;
  sum?: { isMonotonic: boolean };
  histogram?: unknown;
}

/** The kind of each of these metrics for a program that receives it. */
const KINDS: [name: string, kind: string][] = [
  ["otp.processes", "gauge"],
  ["otp.connections", "gauge"],
  ["otp.mailbox_longest", "gauge"],
  ["otp.restarts", "counter"],
  ["otp.received", "counter"],
  ["otp.duration", "histogram"],
  ["otp.topics", "gauge"],
  ["otp.sockets_refused", "counter"],
];

function kindOf({ sum, gauge, histogram }: ExportedMetric): string {
  return sum?.isMonotonic
    ? "counter"
    : gauge
    ? "gauge"
    : histogram
    ? "histogram"
    : "?";
}

test(
  "OTEL_DENO=true exports one trace over two nodes, and the metrics",
  { timeout: 60_000 },
  async () => {
    const received: Exported[] = [];
    const exported = Promise.withResolvers<void>();
    let isAsked = false;
    let exports = 0;
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      async (request) => {
        if (request.url.endsWith("/exported")) {
          isAsked = true;
          await exported.promise;
        } else {
          const text = await request.text();
          received.push(JSON.parse(text));
          // The first one after the question may have been collected before it.
          if (isAsked && text.includes('"otp.topics"')) exports++;
          if (exports === 2) exported.resolve();
        }
        return new Response("{}");
      },
    );
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", PROGRAM],
      cwd: new URL("../../", import.meta.url),
      env: {
        OTEL_DENO: "true",
        OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
        OTEL_METRIC_EXPORT_INTERVAL: "200",
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${server.addr.port}`,
      },
    }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
    const spans = received.flatMap(({ resourceSpans = [] }) =>
      resourceSpans.flatMap(({ scopeSpans }) =>
        scopeSpans.flatMap(({ spans }) => spans)
      )
    );
    const call = spans.find(({ name }) => name === "GenServer.call");
    const handle = spans.find(({ name }) => name === "Stack.handleCall");
    assert(call !== undefined && handle !== undefined, JSON.stringify(spans));
    assertEquals(handle.traceId, call.traceId);
    assertEquals(handle.parentSpanId, call.spanId);
    const kinds = new Map(
      received.flatMap(({ resourceMetrics = [] }) =>
        resourceMetrics.flatMap(({ scopeMetrics }) =>
          scopeMetrics.flatMap(({ metrics }) =>
            metrics.map((metric) => [metric.name, kindOf(metric)])
          )
        )
      ),
    );
    for (const [name, kind] of KINDS) {
      assertEquals(kinds.get(name), kind, `${name}: ${[...kinds]}`);
    }
  },
);
