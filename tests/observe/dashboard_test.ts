/** The dashboard's web server: its link, its sessions, what it refuses, and what it answers. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { connect, type Socket } from "node:net";
import { request } from "node:http";
import config from "../../deno.json" with { type: "json" };
import { thin } from "../../packages/observe/dashboard/client/history.ts";
import {
  ClusterHistory,
  MAX_NODES,
} from "../../packages/observe/dashboard/cluster_history.ts";
import { Dashboard } from "../../packages/observe/dashboard/dashboard.ts";
import { DASHBOARD_SERVER } from "../../packages/observe/dashboard/dashboard_server.ts";
import {
  nodeShape,
  type PageSample,
  type PageState,
} from "../../packages/observe/dashboard/page_shapes.ts";
import {
  GenServer,
  Logger,
  Node,
  type Pid,
  Process,
  receive,
  send,
  spawn,
} from "../../mod.ts";
import { test } from "../../packages/testing/tags.ts";
import { assetOf, PAGE } from "../../packages/observe/dashboard/assets.ts";
import { CLIENT_SOURCE } from "../../packages/observe/dashboard/client_source.ts";
import { Cluster, clusterTest, pairTest } from "../_nodes.ts";
import { numbersIn } from "../_pages.ts";
import { until } from "../_until.ts";

const [CONNECTIONS, , HEAD] = numbersIn(
  "docs/security.md",
  "**Limits.** # connections, # requests at a time, heads of #",
);

/** An answer of the server. */
interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/** A request whose headers are all given, unlike those of fetch. */
function ask(
  url: string,
  headers: Record<string, string> = {},
  { method = "GET", body }: { method?: string; body?: string } = {},
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const sent = request(url, { headers, method, agent: false }, (response) => {
    let text = "";
    response.setEncoding("utf-8");
    response.on("data", (part: string) => text += part);
    response.on("error", reject);
    response.on("end", () => {
      const { statusCode: status = 0, headers } = response;
      resolve({ status, headers, body: text });
    });
  });
  sent.on("error", reject);
  sent.end(body);
  return promise;
}

/** A browser that has used a link. */
class Session {
  readonly #page: URL;
  readonly #headers: Record<string, string>;

  constructor(page: URL, headers: Record<string, string>) {
    this.#page = page;
    this.#headers = headers;
  }

  /** Uses a link. */
  static async open(link: string): Promise<Session> {
    const { status, headers, body } = await ask(link);
    assertEquals(status, 200, body);
    const [cookie] = headers["set-cookie"] as string[];
    const [, path] = /url=(\/[0-9a-f]{16}\/)"/.exec(body)!;
    assertStringIncludes(cookie, `; HttpOnly; SameSite=Strict; Path=${path}`);
    return new Session(new URL(path, link), {
      cookie: cookie.split(";")[0],
      "x-otp-dashboard": "1",
    });
  }

  /** Its cookie, as a line of a request. */
  get cookie(): string {
    return `Cookie: ${this.#headers.cookie}\r\n`;
  }

  /** The address of the page. */
  get url(): string {
    return this.#page.href;
  }

  /** Asks for a path; headers that are empty are left out. */
  ask(
    path: string,
    headers: Record<string, string> = {},
    options: { method?: string; body?: string } = {},
  ): Promise<Answer> {
    const all = Object.entries({ ...this.#headers, ...headers })
      .filter(([, value]) => value !== "");
    const url = new URL(path, this.#page).href;
    return ask(url, Object.fromEntries(all), options);
  }

  /** The status of the answer to a request. */
  async status(
    path: string,
    headers?: Record<string, string>,
  ): Promise<number> {
    return (await this.ask(path, headers)).status;
  }

  /** All that a page shows. */
  async state(query: Record<string, string> = {}): Promise<PageState> {
    const { status, body } = await this.ask(
      `api/state?${new URLSearchParams(query)}`,
    );
    assertEquals(status, 200, body);
    return JSON.parse(body);
  }

  /** Posts a request to end a process. */
  post(body: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.ask("api/end", headers, { method: "POST", body });
  }

  /** Asks to end a process. */
  end(pid: string | undefined, reason = "kill"): Promise<Answer> {
    const headers = { "content-type": "application/json" };
    return this.post(JSON.stringify({ pid, reason }), headers);
  }

  /** The pids of the processes of a node that match a search. */
  async pids(node: string, search: string) {
    const { processes } = await this.state({ node, view: "processes", search });
    return processes!.processes.map(({ pid }) => pid);
  }
}

/** A test with a dashboard of a node in a cluster. */
function pageTest(
  name: string,
  options: { write?: boolean; allowObserve?: boolean | "write" },
  fn: (session: Session, kate: Node) => Promise<void>,
): void {
  pairTest(name, async ({ kate }) => {
    assertEquals(await Node.connect(kate.name), true);
    const pid = await Dashboard.startLink({ write: options.write });
    await fn(await Session.open(await Dashboard.url()), kate);
    await GenServer.stop(pid);
  }, {
    kate: {
      allowObserve: options.allowObserve ?? false,
    },
  });
}

const idle = () => receive(() => false);

/** Starts a process that waits, with a label. */
function waiter(label: string) {
  return spawn(idle, [], { label });
}

clusterTest("Dashboard.startLink() rejects an empty name", async (cluster) => {
  const alex = await cluster.start("alex");
  await alex.run(async () => {
    await assertRejects(
      async () => await Dashboard.startLink({ name: "" }),
      TypeError,
      'name is ""; give a text',
    );
  });
});

clusterTest(
  "nodes are in order, and idle ones have no queue",
  async (cluster) => {
    const alex = await cluster.start("alex");
    for (const name of ["n10", "n2", "n1"]) {
      await cluster.start(name, { allowObserve: true });
    }
    await alex.run(async () => {
      const sorted = ["n1", "n2", "n10"].map((name) => `${name}@localhost`);
      for (const name of sorted.toReversed()) await Node.connect(name);
      const pid = await Dashboard.startLink();
      const session = await Session.open(await Dashboard.url());
      for (const node of [alex.name, "n2@localhost"]) {
        // The second question of a page, when nothing else is under way.
        await session.state({ view: "overview", node });
        const shown = await session.state({ view: "overview", node });
        assertEquals(shown.nodes, [alex.name, ...sorted]);
        const [own] = shown.cluster!;
        assertEquals(own.state!.connections.map((each) => each.node), sorted);
        const queues = shown.cluster!.flatMap(({ state }) =>
          state!.connections.map(({ queuedBytes }) => queuedBytes)
        );
        assertEquals(queues, queues.map(() => 0));
        // All are of this program.
        const [program, ...others] = new Set(
          shown.cluster!.map(({ state }) => state!.program),
        );
        assertMatch(program, /^[0-9a-f-]{36}$/);
        assertEquals(others, []);
      }
      await GenServer.stop(pid);
    });
  },
);

pageTest("a link works once, and other links later", {}, async (session) => {
  const link = await Dashboard.url();
  const other = await Session.open(link);
  const again = await ask(link);
  assertEquals(again.status, 403);
  assertStringIncludes(again.body, "works once");
  assertEquals(again.headers["set-cookie"], undefined);
  assertEquals((await ask(link.replace(/.$/, "!"))).status, 403);
  assertEquals((await ask(new URL("/", link).href)).status, 403);
  assertEquals(await other.status(""), 200);
  assertEquals(await session.status(""), 200);
});

pageTest("nothing is answered without a session", {}, async (session) => {
  const wrong = "otp_dashboard_1=x; ".repeat(50);
  const paths = ["", "style.css", "client/main.ts", "api/state", "nothing"];
  for (const path of paths) {
    for (const cookie of ["", wrong, "=;=;;=", `x=${"y".repeat(4000)}`]) {
      assertEquals(await session.status(path, { cookie }), 403, path);
    }
  }
  assertEquals(await session.status("../"), 403);
  assertEquals(await session.status("nothing"), 404);
  assertEquals(await session.status("__proto__"), 404);
  assertEquals(await session.status("client/../client/main.ts"), 200);
});

pageTest("names of other hosts are refused", {}, async (session) => {
  const { port } = new URL(session.url);
  const others = ["evil.example", `evil.example:${port}`, "127.0.0.1@evil"];
  others.push("127.0.0.1.evil.example", "localhost.evil.example:1");
  for (const host of [...others, " ", "0x7f000001"]) {
    for (const path of ["", "api/state"]) {
      assertEquals(await session.status(path, { host }), 403, host);
    }
    // The token is not spent either.
    const link = await Dashboard.url();
    assertEquals((await ask(link, { host })).status, 403);
    assertEquals((await ask(link)).status, 200);
  }
  // A tunnel has another port.
  const own = ["localhost", "127.0.0.1:1", "[::1]:80", "LOCALHOST"];
  for (const host of [...own, `localhost:${port}`]) {
    assertEquals(await session.status("api/state", { host }), 200, host);
  }
});

pageTest("requests of other origins fail", { write: true }, async (session) => {
  const { origin } = new URL(session.url);
  const evil = "http://evil.example";
  const secure = origin.replace("http", "https");
  const status = (headers: Record<string, string>) =>
    session.status("api/state", headers);
  for (const other of [evil, "null", "http://127.0.0.1:1", secure]) {
    assertEquals(await status({ origin: other }), 403, other);
  }
  for (const site of ["cross-site", "same-site", "none"]) {
    assertEquals(await status({ "sec-fetch-site": site }), 403, site);
  }
  assertEquals(await status({ "x-otp-dashboard": "" }), 403);
  assertEquals(await status({ origin, "sec-fetch-site": "same-origin" }), 200);
  const target = waiter("target");
  const pid = `${target.node}/${target.number}/${target.creation}`;
  const body = JSON.stringify({ pid, reason: "kill" });
  const ended = await session.post(body, { origin: evil });
  assertEquals([ended.status, Process.alive(target)], [403, true]);
  const { headers } = await session.ask("", {
    "access-control-request-method": "GET",
  });
  assertEquals(headers["access-control-allow-origin"], undefined);
  assertEquals(
    (await session.ask("api/state", {}, { method: "OPTIONS" })).status,
    405,
  );
  Process.exit(target, "kill");
});

pageTest("the page runs no code but its own", {}, async (session) => {
  for (const path of ["", "client/main.ts", "api/state", "nothing"]) {
    const { headers } = await session.ask(path);
    const policy = String(headers["content-security-policy"]);
    const rules =
      "default-src 'none'; script-src 'self'; style-src 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'";
    for (const rule of rules.split("; ")) assertStringIncludes(policy, rule);
    assert(!policy.includes("unsafe") && !policy.includes("*"), policy);
    assertEquals(headers["x-content-type-options"], "nosniff");
    assertEquals(headers["referrer-policy"], "no-referrer");
    assertEquals(headers["cache-control"], "no-store");
  }
  const { body } = await session.ask("");
  assertEquals(body.match(/<script/g)?.length, 1);
  assert(
    !/ on\w+=|<style| style=|https?:\/\/(?!www\.w3\.org)/.test(body),
    "no code and no fetches inside",
  );
});

/** Sends bytes, and returns the status of the answer; 0 if the connection is closed without one. */
function sendRaw(url: string, bytes: string): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const { hostname, port } = new URL(url);
  const socket = connect(
    Number(port),
    hostname,
    () => socket.write(bytes, "latin1"),
  );
  let text = "";
  socket.on("data", (data) => {
    text += data;
    if (text.includes("\r\n")) socket.destroy();
  });
  socket.on("error", () => {});
  socket.on("close", () => resolve(Number(text.slice(9, 12))));
  return promise;
}

pageTest("hostile requests end with themselves", {}, async (session) => {
  const { pathname, host } = new URL(session.url);
  const head = `Host: ${host}\r\n`;
  const cases: [string, number[]][] = [
    ["\x00\xff\xfe\r\n\r\n", [0, 400]],
    [`GET / HTTP/9.9\r\n${head}\r\n`, [0, 400, 403, 505]],
    [`GET http://[ HTTP/1.1\r\n${head}\r\n`, [0, 400, 414]],
    [`GET * HTTP/1.1\r\n${head}\r\n`, [0, 400, 414]],
    [`CONNECT x:1 HTTP/1.1\r\n${head}\r\n`, [0, 400, 405, 414]],
    [`GET / HTTP/1.1\r\n\r\n`, [0, 400, 403]],
    [`GET / HTTP/1.1\r\nHost: \xff\xff\r\n\r\n`, [0, 400, 403]],
    [`GET /?token=${"%ff".repeat(300)} HTTP/1.1\r\n${head}\r\n`, [403]],
    [`GET ${pathname}%00%2e%2e/ HTTP/1.1\r\n${head}\r\n`, [403]],
    [`GET /${"a".repeat(5000)} HTTP/1.1\r\n${head}\r\n`, [414]],
    [`GET / HTTP/1.1\r\n${head}X: ${"a".repeat(20_000)}\r\n\r\n`, [0, 431]],
    [`GET / HTTP/1.1\r\n${head}${"X: y\r\n".repeat(5000)}\r\n`, [
      0,
      400,
      403,
      431,
    ]],
    [
      `POST ${pathname}api/end HTTP/1.1\r\n${head}Content-Length: 1000000000\r\n\r\n`,
      [403],
    ],
    [
      `GET / HTTP/1.1\r\n${head}Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n`,
      [0, 400, 403, 426],
    ],
  ];
  for (const [bytes, allowed] of cases) {
    const status = await sendRaw(session.url, bytes);
    assert(
      allowed.includes(status),
      `${JSON.stringify(bytes.slice(0, 60))}: ${status}`,
    );
  }
  // Hosts count the bytes of a head a little differently.
  for (const [size, status] of [[HEAD - 100, 403], [HEAD + 200, 0]]) {
    const start = `GET / HTTP/1.1\r\n${head}X: `;
    const bytes = `${start.padEnd(size - 4, "x")}\r\n\r\n`;
    assertEquals(await sendRaw(session.url, bytes), status, `${size} bytes`);
  }
  assertEquals((await session.post("x".repeat(5000))).status, 413);
  const pid = '{"pid":"a/1/1","reason":"kill"}';
  for (const body of ["", "{", "null", "[]", '{"pid":{}}', pid]) {
    const { status } = await session.post(body);
    assert([400, 403, 413].includes(status), `${body}: ${status}`);
  }
  for (
    const query of [
      "after=x",
      "node=%ff",
      "node=nobody@nowhere",
      "pid=x/1/1&view=process",
      "limit=-1&view=processes",
      "limit=1e9&order=x&view=processes",
      "view=__proto__",
    ]
  ) {
    assertEquals(await session.status(`api/state?${query}`), 200, query);
  }
});

pageTest("waiting connections leave room for owners", {}, async (session) => {
  const { hostname, port, pathname } = new URL(session.url);
  const sockets = new Set<Socket>();
  const evicted: string[] = [];
  /** Opens a connection, which sends some bytes; resolves when the bytes that are expected have come back. */
  const open = (name: string, bytes: string, isAnswered = true) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const socket = connect(Number(port), hostname, () => {
      socket.write(bytes);
      if (!isAnswered) resolve();
    });
    sockets.add(socket);
    socket.on("error", reject);
    socket.on("data", () => resolve());
    socket.on("close", () => {
      sockets.delete(socket);
      evicted.push(name);
    });
    return promise;
  };
  const head = "Host: 127.0.0.1\r\n";
  // An open page, and then connections that sent no request, half of one, or one that was refused.
  await open(
    "page",
    `GET ${pathname} HTTP/1.1\r\n${head}${session.cookie}\r\n`,
  );
  for (let i = 0; i < CONNECTIONS - 1; i++) {
    const bytes = ["", "GET / HT", `GET / HTTP/1.1\r\n${head}\r\n`][i % 3];
    await open(`${i}`, bytes, i % 3 === 2);
  }
  // The owner comes in, and each further connection ends one that waits; the page of a session is the last of them.
  for (let i = 0; i < CONNECTIONS; i++) {
    assertEquals(await session.status(""), 200, `${i}`);
    await open(`more ${i}`, `GET / HTTP/1.1\r\n${head}\r\n`);
  }
  await until(() => sockets.size <= CONNECTIONS && evicted.includes("0"));
  assert(!evicted.includes("page"));
  const gone = [...sockets].map((socket) =>
    new Promise((resolve) => socket.on("close", resolve))
  );
  for (const socket of sockets) socket.destroy();
  await Promise.all(gone);
});

pageTest("the page shows a node's parts", {}, async (session) => {
  const pid = waiter("a waiter");
  for (let i = 0; i < 3; i++) send(pid, i);
  const { self, nodes, state, cluster } = await session.state({
    view: "overview",
  });
  assertEquals(state?.version, config.version);
  assertEquals([self, state?.node], ["alex@localhost", "alex@localhost"]);
  assertEquals(nodes, ["alex@localhost", "kate@localhost"]);
  const isRefused = cluster?.map(({ error }) =>
    error?.includes("--allow-observe")
  );
  assertEquals(cluster?.map(({ node }) => node), nodes);
  assertEquals(isRefused, [undefined, true]);
  const { processes } = await session.state({
    view: "processes",
    order: "messages",
    limit: "1",
  });
  const [{ initialCall, messageQueueLen, linkCount, pid: shown }] = processes!
    .processes;
  assertEquals([initialCall, messageQueueLen, linkCount], ["a waiter", 3, 0]);
  const query = { view: "process", pid: shown!.id };
  const { process } = await session.state(query);
  assertEquals(process?.messages, ["0", "1", "2"]);
  Process.exit(pid, "kill");
  assertEquals((await session.state(query)).process, null);
  const { names } = await session.state({ view: "names" });
  assert(names!.registered.some(({ name }) => name === "Dashboard"));
  const { tree } = await session.state({ view: "tree" });
  assert(Array.isArray(tree?.roots));
  const { log } = await session.state();
  Logger.error("something broke", { order: 17, item: { price: -1 } });
  const after = String(log!.at(-1)?.number ?? 0);
  const { log: later } = await session.state({ after });
  assertEquals(later?.map(({ message, metadata }) => [message, metadata]), [
    ["something broke", "order=17 item={ price: -1 }"],
  ]);
});

pageTest(
  "the page shows another node that allows it",
  { allowObserve: true },
  async (session, kate) => {
    const pid = await kate.run(() => waiter("on kate"));
    const { state, error } = await session.state({ node: kate.name });
    assertEquals([state?.node, error], [kate.name, undefined]);
    const found = await session.pids(kate.name, "on kate");
    assertEquals(found.map((pid) => pid?.node), [kate.name]);
    await kate.run(() => Process.exit(pid, "kill"));
  },
);

pageTest("the page sorts by messages per second", {}, async (session) => {
  const query = { view: "processes", order: "rate", search: "rated" };
  const [slow, fast] = [waiter("rated slow"), waiter("rated fast")];
  for (let i = 0; i < 100; i++) send(slow, i);
  await session.state(query);
  let labels: (string | undefined)[] = [];
  while (labels[0] !== "rated fast") {
    for (let i = 0; i < 10; i++) send(fast, i);
    send(slow, 0);
    const { processes } = await session.state(query);
    labels = processes!.processes.filter(({ rate }) => rate! > 0).map((
      { initialCall },
    ) => initialCall);
  }
  Process.exit(slow, "kill");
  Process.exit(fast, "kill");
});

pageTest(
  "a page that may only read ends no process",
  { allowObserve: "write" },
  async (session, kate) => {
    const pid = await kate.run(() => waiter("target"));
    const [found] = await session.pids(kate.name, "target");
    const { status, body } = await session.end(found?.id);
    assertEquals(status, 403);
    assertStringIncludes(body, "--dashboard-write");
    assertEquals(await kate.run(() => Process.alive(pid)), true);
    await kate.run(() => Process.exit(pid, "kill"));
  },
);

pageTest(
  "a page that may write ends processes here, and where a node allows that",
  { write: true, allowObserve: true },
  async (session, kate) => {
    const own = waiter("own target");
    const other = await kate.run(() => waiter("other target"));
    const [found] = await session.pids("alex@localhost", "target");
    const ref = Process.monitor(own);
    assertEquals((await session.end(found?.id, "normal")).status, 400);
    assertEquals((await session.end(found?.id)).status, 200);
    assertEquals((await receive((m) => ref.equals(m?.ref))).reason, "killed");
    const [kates] = await session.pids(kate.name, "target");
    const refused = await session.end(kates?.id);
    assertEquals(refused.status, 403);
    assertStringIncludes(refused.body, `allowObserve: \\"write\\"`);
    assertEquals((await session.end("nobody@nowhere/1/1")).status, 404);
    await kate.run(() => Process.exit(other, "kill"));
  },
);

pageTest("a page that may write ends a process of another node", {
  write: true,
  allowObserve: "write",
}, async (session, kate) => {
  const pid = await kate.run(() => waiter("target"));
  const ref = Process.monitor(pid);
  const [found] = await session.pids(kate.name, "target");
  assertEquals((await session.end(found?.id, "shutdown")).status, 200);
  assertEquals((await receive((m) => ref.equals(m?.ref))).reason, "shutdown");
  // A page makes its node connect to no other.
  const MIA = "mia@localhost";
  const { error } = await session.state({ node: MIA });
  assertEquals(error, `${MIA} is not connected`);
  assertEquals((await session.end(`${MIA}/1/1`, "kill")).status, 404);
});

test("whatever another node answers, a page gets fields of their types and bounds", async () => {
  await using cluster = new Cluster();
  const huge = "<img src=x onerror=alert(1)>".repeat(20_000);
  const long = huge.slice(0, 2000);
  const deep: unknown[] = [];
  for (let i = 0, at = deep; i < 50; i++) at.push(at = [] as unknown[]);
  const answers: unknown[] = [undefined, null, 1, huge, deep, [huge], {
    node: huge,
    connections: Array(1000).fill({ node: long }),
    applications: Array(500).fill(long),
  }];
  let answer: unknown;
  const views = ["processes", "process", "tree", "names", "log", "channels"];
  const Observer = Object.fromEntries(
    ["node", "view", ...views].map((name) => [name, () => answer]),
  );
  const kate = await cluster.start("kate", { modules: { Observer } });
  const alex = await cluster.start("alex");
  await alex.run(async () => {
    assertEquals(await Node.connect(kate.name), true);
    const pid = await Dashboard.startLink();
    const session = await Session.open(await Dashboard.url());
    const process = {
      pid: huge,
      name: huge,
      label: deep,
      received: "x",
      links: Array(500).fill(pid),
      messages: Array(100).fill(long),
    };
    const listed = { ...process, pid, name: long, links: [], messages: [] };
    const name = long.slice(0, 300);
    const children = Array(3000).fill({ name, children: [{ id: 1 }] });
    const group = { group: name, pids: Array(15).fill(pid) };
    const groups = { scope: long, groups: Array(110).fill(group) };
    const table = {
      title: long,
      columns: Array(13).fill({ title: long, kind: pid }),
      rows: Array(110).fill([pid, [[]], NaN, ...Array(10).fill(name)]),
      more: -Infinity,
    };
    const counts = Object.fromEntries(
      Array.from({ length: 30 }, (_, i) => [`${i}${long}`, long]),
    );
    for (
      answer of [
        ...answers,
        { processes: Array(210).fill(listed), total: NaN },
        process,
        { roots: [{ name: huge, children }], more: -1 },
        { groups: Array(20).fill(groups) },
        [{ message: huge, number: "x" }],
        { counts, tables: Array(6).fill(table), views: [huge, "ok", pid, "A"] },
      ]
    ) {
      for (const view of ["overview", ...views]) {
        const { body, status } = await session.ask(
          `api/state?${new URLSearchParams({
            node: kate.name,
            view,
            pid: `${kate.name}/1/1`,
          })}`,
        );
        assertEquals(status, 200, body.slice(0, 200));
        assert(body.length < 4_000_000, `${view}: ${body.length}`);
        assert(!body.includes('"total":null'), view);
      }
    }
    const { views: names, parts } = await session.state({
      node: kate.name,
      view: "channels",
    });
    assertEquals(names, ["ok"]);
    const [own, { view }] = parts!;
    assertEquals(own, { node: alex.name });
    const sizes = view!.tables.map(({ columns, rows, more }) => [
      ...[columns.length, rows.length, rows[0].length, more],
    ]);
    assertEquals(sizes, Array(5).fill([12, 100, 12, 0]));
    assertEquals(view!.tables[0].rows[0].slice(1, 4), [
      ...["", 0, name.slice(0, 200)],
    ]);
    assertEquals(new Set(Object.values(view!.counts)), new Set([0]));
    assertEquals(Object.keys(view!.counts).length, 20);
    await GenServer.stop(pid);
  });
});

test("charts keep the peaks of an hour in few samples", () => {
  const samples: PageSample[] = [];
  for (let at = 0; at <= 7_200_000; at += 2000) {
    const value = at === 5_000_000 ? 9 : 1;
    samples.push({ at, cpu: value, memory: 1, delay: 1, messages: value });
    thin(samples, at);
    assert(samples.length <= 275, `${samples.length}`);
  }
  assertEquals(samples.at(-1)!.at, 7_200_000);
  assert(samples[0].at >= 3_600_000 && samples[0].at < 3_640_000);
  const peak = samples.filter(({ cpu }) => cpu === 9);
  assertEquals(peak.map(({ messages }) => messages), [9]);
});

test("a dashboard keeps the peaks of the last hour of as many nodes as its page shows", () => {
  const history = new ClusterHistory();
  const add = (node: string, at: number, value: number, cpu: number) =>
    history.add(node, {
      ...nodeShape({ at, memory: value, delay: value, messages: value }),
      cpu,
    });
  // CPU time in milliseconds: half a core, and a whole one for two seconds.
  for (let at = 0; at <= 7_200_000; at += 2000) {
    add("alex", at, at === 5_000_000 ? 9 : 1, at / 2 + (at >= 5e6 ? 1000 : 0));
  }
  const samples = history.of("alex");
  assertEquals(samples.length, 360);
  assertEquals(samples.at(-1)!.at, 7_200_000);
  assert(samples[0].at >= 3_600_000, `${samples[0].at}`);
  const peaks = samples.filter(({ cpu }) => cpu !== 50);
  assertEquals(peaks, [{
    at: 5_008_000,
    cpu: 100,
    memory: 9,
    delay: 9,
    messages: 9,
  }]);
  // A clock that was set back begins again.
  add("alex", 1000, 1, 0);
  assertEquals(history.of("alex"), []);
  add("alex", 2000, 1, 0);
  assertEquals(history.of("alex").length, 1);
  assertEquals(history.due(["alex", "kate"]), ["kate"], "kate, once");
  assertEquals(history.due(["kate"]), []);
  history.due([]);
  assertEquals(history.due(["kate"]), ["kate"], "after she was away");
  for (let i = 0; i < MAX_NODES; i++) add(`node${i}`, 0, 1, 0);
  assertEquals(history.of("alex"), []);
});

clusterTest(
  "a page shows how a node was before it was opened",
  async (cluster) => {
    let asked = 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    const Observer = {
      node() {
        if (++asked === 3) resolve();
        return { at: asked * 10_000, cpu: asked * 5000, memory: 7 };
      },
    };
    const kate = await cluster.start("kate", { modules: { Observer } });
    const alex = await cluster.start("alex");
    await alex.run(async () => {
      assertEquals(await Node.connect(kate.name), true);
      const settings = { port: 0, host: "127.0.0.1", write: false, step: 5 };
      const name = "Dashboard";
      const pid = await GenServer.start(DASHBOARD_SERVER, settings, { name });
      await promise;
      const session = await Session.open(await Dashboard.url());
      const { history } = await session.state({ node: kate.name, history: "" });
      assertEquals(history![0], {
        at: 20_000,
        cpu: 50,
        memory: 7,
        delay: 0,
        messages: 0,
      });
      const later = await session.state({ node: kate.name });
      assertEquals(later.history, undefined);
      await GenServer.stop(pid as Pid);
    });
  },
);

test("a dashboard listens on loopback addresses only, and says why it cannot start", async () => {
  await assertRejects(
    () => Dashboard.startLink({ host: "0.0.0.0" }),
    TypeError,
    "give a loopback address",
  );
  await assertRejects(
    () => Dashboard.startLink({ port: 70_000 }),
    RangeError,
    "from 0 to 65535",
  );
  await using node = await Node.start({
    name: "port@localhost",
    cookie: "c",
    epmdPort: false,
    log() {},
  });
  await node.run(async () => {
    Process.trapExit(true);
    const pid = await Dashboard.startLink({ name: "first" });
    const { port } = new URL(await Dashboard.url(pid));
    await assertRejects(
      () => Dashboard.startLink({ port: Number(port) }),
      Error,
      "give another port",
    );
    await GenServer.stop(pid);
  });
});

const LINK = /^http:\/\/127\.0\.0\.1:\d+\/\?token=/;

clusterTest(
  "another node gets a link to a dashboard, and does not end it by what it sends",
  async (cluster) => {
    const [alex, kate] = await cluster.startAll(["alex", "kate"]);
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    const { promise: started, resolve: start } = Promise.withResolvers<void>();
    const running = alex.run(async () => {
      const pid = await Dashboard.startLink();
      start();
      await asked;
      assertMatch(await Dashboard.url(), LINK);
      await GenServer.stop(pid);
    });
    await started;
    await kate.run(async () => {
      const dashboard = { name: "Dashboard", node: "alex@localhost" };
      GenServer.cast(dashboard, "url");
      send(dashboard, "url");
      assertMatch(
        await GenServer.call(dashboard, "url") as string,
        LINK,
      );
    });
    resolve();
    await running;
  },
);

test("a dashboard closes its port when it is killed, and when its node stops", async () => {
  for (const end of ["kill", "stop"]) {
    const node = await Node.start({
      name: "gone@localhost",
      cookie: "c",
      epmdPort: false,
      log() {},
    });
    const link = await node.run(async () => {
      const pid = await startUnlinked();
      const url = await Dashboard.url(pid);
      if (end === "kill") {
        const ref = Process.monitor(pid);
        Process.exit(pid, "kill");
        await receive((m) => ref.equals(m?.ref));
      }
      return url;
    });
    await node.stop();
    await assertRejects(() => ask(link), Error);
  }
});

/** Starts a dashboard that is linked to a process that lives as long as the node. */
function startUnlinked(): Promise<Pid> {
  const { promise, resolve } = Promise.withResolvers<Pid>();
  spawn(async () => {
    Process.trapExit(true);
    resolve(await Dashboard.startLink());
    await idle();
  });
  return promise;
}

test("the files of the page have at most 150 kB", () => {
  let size = PAGE.length + assetOf("style.css")!.body.length;
  for (const body of Object.values(CLIENT_SOURCE)) size += body.length;
  assert(size <= 150_000, `${size} bytes`);
});
