/** Metrics: the text of `/metrics`, and a real Prometheus that scrapes it. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { once } from "node:events";
import { createServer } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  GenServer,
  Node,
  Process,
  receive,
  rpc,
  self,
  send,
  spawn,
  Supervisor,
  TaskSupervisor,
} from "../../mod.ts";
import { Entities, Entity, memoryStore } from "../../packages/entities/mod.ts";
import { pg } from "../../packages/node/pg/pg.ts";
import { TaskPool } from "../../packages/cluster/task_pool/task_pool.ts";
import { metrics } from "../../packages/observe/metrics.ts";
import { METRICS } from "../../packages/observe/measures/measures.ts";
import { tracing } from "../../packages/processes/context/tracing.ts";
import { freePort } from "../../packages/testing/_ports.ts";
import { test } from "../../packages/testing/tags.ts";
import { clusterTest } from "../_nodes.ts";
import { until } from "../_until.ts";

const ROOT = new URL("../../", import.meta.url);

const Failing = {
  name: "Failing",
  init: () => ({ type: "ok", state: 0 } as const),
  handleCall: (request: unknown, _from: unknown, state: number) => {
    if (request === "crash") throw new Error("boom");
    return { type: "reply", reply: request, state } as const;
  },
};

const Room = Entity.define("room", {
  state: () => ({ members: 0 }),
  join: (room) => ++room.state.members,
  full: (room) => room.refuse("the room is full"),
  durable: {
    clean: (room) => room.sleep("3 days"),
    close: () => Promise.resolve("closed"),
  },
});

/** A handler of metrics, which is stopped when it goes out of scope. */
function measuring(): ReturnType<typeof metrics> & Disposable {
  const handler = metrics();
  return Object.assign(handler, { [Symbol.dispose]: () => handler.stop() });
}

/** The text that a handler answers. */
async function scrape(handler: ReturnType<typeof metrics>): Promise<string> {
  const response = await handler(new Request("http://localhost/metrics"));
  return await response!.text();
}

/** The value of a metric in a text, by its name and labels. */
function valueOf(text: string, metric: string): number | undefined {
  const line = text.split("\n").find((each) => each.startsWith(`${metric} `));
  return line === undefined ? undefined : Number(line.slice(metric.length + 1));
}

clusterTest("metrics() has what its page says", async (cluster) => {
  using handler = measuring();
  const [kate, alex] = await cluster.startAll(["kate", "alex"]);
  await alex.run(async () => {
    await Node.connect(kate.name);
    await rpc.call(kate.name, ["Remote", "tell"], [self()]);
  });
  await kate.run(async () => {
    const pid = spawn(() => receive(() => false));
    for (let i = 0; i < 3; i++) send(pid, i);
    spawn(async () => {
      await Supervisor.startLink([{
        id: "failing",
        start: () => GenServer.startLink(Failing, 0, { name: "Failing" }),
      }], { strategy: "one_for_one", name: "Top" });
      await pg.startLink("pg");
      await TaskSupervisor.startLink({
        name: 'my "tasks"',
        maxChildren: 2,
        group: "jobs",
      });
      await TaskSupervisor.startLink({ name: "free" });
      await TaskPool.startLink({ group: "jobs", name: "pool" });
      send(pid, "started");
      await receive(() => false);
    });
    await until(() => Process.info(pid)?.messageQueueLen === 4);
    assertEquals(await TaskPool.run("pool", () => 1, []), 1);
    spawn(async () => {
      const run = TaskPool.run("pool", () => receive(() => false), []);
      await run.catch(() => {});
    });
    await until(async () => (await TaskPool.info("pool")).running === 1);
    await GenServer.call("Failing", "hi");
    const ref = Process.monitor("Failing");
    await GenServer.call("Failing", "crash").catch(() => {});
    await receive((m) => ref.equals(m?.ref));
    await until(() => Process.whereis("Failing") !== undefined);
  });
  await alex.run(async () => {
    await Entities.startLink({
      types: [Room],
      store: memoryStore(),
      shards: 4,
    });
    await Room.get("r1").join();
    await Room.get("r1").full().catch(() => {});
    await Room.get("r2").clean();
    await Room.get("r2").close();
  });
  const response = await handler(new Request("http://localhost/metrics"));
  assertEquals(response?.status, 200);
  assertMatch(response!.headers.get("content-type")!, /^text\/plain/);
  const text = await response!.text();
  const lines = text.split("\n");
  for (
    const line of `
otp_mailbox_messages{node="kate@localhost"} 4
otp_mailbox_longest{node="kate@localhost"} 4
otp_restarts_total{node="kate@localhost"} 1
otp_connections{node="kate@localhost"} 1
otp_draining{node="kate@localhost"} 0
otp_event_loop_delay_seconds{node="kate@localhost"} 0
otp_tasks{node="kate@localhost",supervisor="my \\"tasks\\""} 1
otp_tasks_max{node="kate@localhost",supervisor="my \\"tasks\\""} 2
otp_tasks_max{node="kate@localhost",supervisor="free"} +Inf
otp_pool_queue{node="kate@localhost",pool="pool"} 0
otp_pool_running{node="kate@localhost",pool="pool"} 1
otp_pool_places{node="kate@localhost",pool="pool"} 2
otp_pool_refused_total{node="kate@localhost",pool="pool"} 0
otp_pool_runs_total{node="kate@localhost",pool="pool",outcome="done"} 1
otp_pool_runs_total{node="kate@localhost",pool="pool",outcome="lost"} 0
otp_duration_seconds_count{node="kate@localhost",span="GenServer.call",kind="client",failed="false"} 1
otp_duration_seconds_count{node="kate@localhost",span="GenServer.call",kind="client",failed="true"} 1
otp_connections{node="alex@localhost"} 1
otp_entities{node="alex@localhost",type="room"} 2
otp_entity_shards{node="alex@localhost",type="room"} 4
otp_entity_parked{node="alex@localhost",type="room"} 0
otp_entity_late_alarms{node="alex@localhost",type="room"} 0
otp_entity_serving{node="alex@localhost"} 1
otp_entity_held_calls{node="alex@localhost"} 0
otp_entity_moves_total{node="alex@localhost"} 4
otp_entity_runs{node="alex@localhost",type="room",state="waiting"} 1
otp_entity_runs{node="alex@localhost",type="room",state="failed"} 0
otp_entity_runs_late{node="alex@localhost",type="room"} 0
otp_entity_runs_total{node="alex@localhost",type="room",outcome="done"} 1
otp_entity_calls_total{node="alex@localhost",type="room",outcome="ok"} 3
otp_entity_calls_total{node="alex@localhost",type="room",outcome="refused"} 1
otp_entity_store_calls_total{node="alex@localhost",fn="write"} 3
otp_entity_store_failures_total{node="alex@localhost",fn="write"} 0
`.trim().split("\n")
  ) assert(lines.includes(line), `${line} is not in ${text}`);
  const on = '{node="kate@localhost"}';
  assert(valueOf(text, `otp_processes${on}`)! > 5);
  assert(valueOf(text, `otp_received_bytes_total${on}`)! > 0);
  assert(valueOf(text, `otp_heap_bytes${on}`)! > 1e6);
  assert(valueOf(text, `otp_memory_bytes${on}`)! > 1e6);
  assert(valueOf(text, `otp_cpu_seconds_total${on}`)! > 0);
  const store = '{node="alex@localhost",fn="write"}';
  assert(valueOf(text, `otp_entity_store_seconds_total${store}`)! > 0);
  const page = await Deno.readTextFile(
    new URL("packages/observe/metrics.ts", ROOT),
  );
  for (const [, name] of text.matchAll(/^# TYPE (\w+)/gm)) {
    assert(page.includes(`| \`${name}\``), `${name} is not on the page`);
  }
  await kate.stop();
  const later = await scrape(handler);
  assertEquals(valueOf(later, `otp_processes${on}`), undefined);
  handler.stop();
  assertEquals(tracing, undefined);
});

test("metrics() responds with status 500 if the program's registry fails", async () => {
  const handler = metrics({
    registry: { metrics: () => Promise.reject(new Error("broken")) },
  });
  const server = createServer((request, response) => {
    handler(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const { port } = server.address() as { port: number };
    const response = await fetch(`http://127.0.0.1:${port}/metrics`);
    assertEquals(response.status, 500);
    assertEquals(await response.text(), "Internal Server Error\n");
    const other = await handler(new Request("http://localhost/metrics"));
    assertEquals(other?.status, 500);
    handler.stop();
    handler.stop();
  } finally {
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  }
});

clusterTest("metrics() leaves out refused names", async (cluster) => {
  using handler = measuring();
  const kate = await cluster.start("kate", {
    allow: (_node, _module, fn) => fn !== "relay",
  });
  for (const wires of [["beam"], ["json"]] as const) {
    const alex = await cluster.start(`alex${wires}`, { wires: [...wires] });
    await alex.run(async () => {
      const call = (fn: [string, string], args: unknown[]) =>
        rpc.call(kate.name, fn, args);
      for (let i = 0; i < 3; i++) {
        await assertRejects(() => call([`Refused${i}`, "fn"], []));
        await assertRejects(() => call(["Remote", `refused${i}`], []));
      }
      await assertRejects(() => call(["Remote", "relay"], [self()]));
      for (let i = 1; i < 30; i++) {
        await call(["Remote", "tell"], [self(), ...Array(i)]);
      }
    });
  }
  const text = await scrape(handler);
  assertEquals(text.match(/span="[^"]*(Refused|refused|relay)/), null);
  const count = (labels: string) =>
    valueOf(text, `otp_duration_seconds_count{${labels}}`);
  const served = (span: string) =>
    count(
      `node="kate@localhost",span="${span}",kind="server",failed="false"`,
    );
  assertEquals(served("rpc Remote.tell/9"), 2);
  assertEquals(served("rpc Remote.tell/10+"), 2 * 21);
  for (const wire of ["beam", "json"]) {
    const refused = 'span="other",kind="client",failed="true"';
    assertEquals(count(`node="alex${wire}@localhost",${refused}`), 7);
  }
  const refused = 'otp_refused_signals_total{node="kate@localhost"}';
  assertEquals(valueOf(text, refused), 0);
});

test("metrics() counts names of spans beyond 500 together", async () => {
  using handler = measuring();
  await Node.run(async () => {
    for (let i = 0; i < 600; i++) {
      const server = await GenServer.start(
        { ...Failing, name: `Server${i}` },
        0,
      );
      await GenServer.call(server, "hi");
      await GenServer.stop(server);
    }
  });
  const text = await scrape(handler);
  const spans = text.matchAll(/_count\{node="[^"]*",span="([^"]*)"/g);
  const { size } = new Set(Array.from(spans, ([, span]) => span));
  assert(size <= 501, `${size}`);
});

test(
  "a Prometheus scrapes metrics(), loads the alerts, and knows each query of them and of the Grafana dashboard",
  { programs: ["prometheus", "promtool"], timeout: 120_000 },
  async () => {
    await using stack = new AsyncDisposableStack();
    const node = stack.use(
      await Node.start({
        name: "scraped@localhost",
        cookie: "c",
        epmdPort: false,
        log: () => {},
      }),
    );
    const handler = metrics();
    stack.defer(() => handler.stop());
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) => handler(request) ?? new Response("?", { status: 404 }),
    );
    stack.defer(() => server.shutdown());
    await node.run(async () => {
      const server = await GenServer.start(Failing, 0);
      await GenServer.call(server, "hi");
    });
    const folder = await Deno.makeTempDir();
    stack.defer(() => Deno.remove(folder, { recursive: true }));
    const config = join(folder, "prometheus.yml");
    await Deno.writeTextFile(
      config,
      `global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [${fileURLToPath(new URL("docs/alerts.yml", ROOT))}]
scrape_configs:
  - job_name: otp
    static_configs: [{ targets: ["127.0.0.1:${server.addr.port}"] }]
`,
    );
    const port = freePort();
    const child = new Deno.Command("prometheus", {
      args: [
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(folder, "data")}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      stdout: "null",
      stderr: "null",
    }).spawn();
    stack.defer(async () => {
      child.kill("SIGKILL");
      await child.status;
    });
    const api = async (path: string) => {
      const url = `http://127.0.0.1:${port}/api/v1/${path}`;
      const response = await fetch(url).catch(() => undefined);
      // It starts: it does not listen yet, or is not ready.
      if (response === undefined || response.status === 503) {
        await response?.body?.cancel();
        return;
      }
      return await response.json();
    };
    const query = async (text: string) =>
      await api(`query?query=${encodeURIComponent(text)}`) as
        | { status: string; error?: string; data: { result: unknown[] } }
        | undefined;
    const wanted = 'otp_processes{node="scraped@localhost"}';
    await until(async () => {
      const answer = await query(wanted);
      return answer?.status === "success" && answer.data.result.length > 0;
    });
    // Prometheus' own tool judges names and types: only a counter may end with `_total`.
    const lint = new Deno.Command("promtool", {
      args: ["check", "metrics"],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const text = new Blob([await scrape(handler)]).stream();
    const [, { code, stdout, stderr }] = await Promise.all([
      text.pipeTo(lint.stdin),
      lint.output(),
    ]);
    assertEquals(
      code,
      0,
      new TextDecoder().decode(stdout) +
        new TextDecoder().decode(stderr),
    );
    const dashboard = JSON.parse(
      await Deno.readTextFile(new URL("docs/grafana.json", ROOT)),
    );
    const queries: string[] = dashboard.panels.flatMap((
      { targets = [] }: { targets?: { expr: string }[] },
    ) => targets.map(({ expr }) => expr));
    assert(queries.length >= 8);
    const { data: { groups } } = await api("rules") as {
      data: {
        groups: {
          rules: {
            name: string;
            query: string;
            annotations: Record<string, string>;
          }[];
        }[];
      };
    };
    const alerts = groups.flatMap(({ rules }) => rules);
    assert(alerts.length > 0);
    for (const { name, query, annotations } of alerts) {
      queries.push(query);
      assert(annotations.summary && annotations.look_at, name);
    }
    for (const each of queries) {
      const text = each.replaceAll("$node", "scraped@localhost")
        .replaceAll("$__rate_interval", "1m");
      const answer = await query(text);
      assertEquals([text, answer?.status, answer?.error], [
        text,
        "success",
        undefined,
      ]);
    }
    const names = new Set([
      "otp_duration_seconds_bucket",
      "otp_duration_seconds_count",
      ...METRICS.map(([name]) => name),
    ]);
    const used = queries.flatMap((each) => each.match(/otp_\w+/g) ?? []);
    assertEquals([...new Set(used)].filter((name) => !names.has(name)), []);
  },
);

test("each alert fires for its fault, and none for a program that works", {
  programs: ["promtool"],
  timeout: 60_000,
}, async () => {
  const alerts = new URL("docs/alerts.yml", ROOT);
  const cases = new URL("tests/observe/alerts.test.yml", ROOT);
  const tested = await Deno.readTextFile(cases);
  for (
    const [, name] of (await Deno.readTextFile(alerts)).matchAll(
      /alert: (\w+)/g,
    )
  ) {
    assert(tested.includes(`alertname="${name}"`), `${name} has no test`);
  }
  for (const [command, file] of [["check", alerts], ["test", cases]] as const) {
    const { code, stdout, stderr } = await new Deno.Command("promtool", {
      args: [command, "rules", fileURLToPath(file)],
    }).output();
    const text = new TextDecoder();
    assertEquals(code, 0, text.decode(stdout) + text.decode(stderr));
  }
});
