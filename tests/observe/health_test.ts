/** The handlers of `/livez` and `/readyz`, in real web servers. */

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { Hono } from "npm:hono@^4";
import {
  createServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { health, type HealthOptions } from "../../packages/observe/health.ts";
import { Node } from "../../node.ts";
import { self } from "../../packages/processes/process.ts";
import { test } from "../../packages/testing/tags.ts";
import { clusterTest } from "../_nodes.ts";

const NEVER = new Promise<never>(() => {});

/** The status and the body of a path, without a server. */
async function ask(
  options: HealthOptions | ReturnType<typeof health>,
  path: string,
): Promise<[status: number, body: string]> {
  const probe = typeof options === "function" ? options : health(options);
  const response = await probe(new Request(`http://localhost${path}`));
  return [response!.status, await response!.text()];
}

/** Requests to a server, and the bodies and `cache-control` of its answers. */
const REQUESTS = [
  ["GET", "/livez", "ok\n", "no-store"],
  ["GET", "/readyz?verbose", "ok\n", "no-store"],
  ["HEAD", "/readyz", "", "no-store"],
  ["POST", "/livez", "other", null],
  ["GET", "/", "other", null],
  ["GET", "/livez/x", "other", null],
] as const;

async function assertAnswers(port: number): Promise<void> {
  for (const [method, path, body, cached] of REQUESTS) {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method });
    assertEquals([response.status, await response.text()], [200, body]);
    assertEquals(response.headers.get("cache-control"), cached);
  }
}

clusterTest("health() fits Deno, node:http, Express, Hono", async (cluster) => {
  await cluster.start("alex");
  const probe = health();
  const app = new Hono();
  app.use(health());
  app.all("*", (context) => context.text("other"));
  for (
    const handler of [
      (request: Request) => probe(request) ?? new Response("other"),
      app.fetch,
    ]
  ) {
    const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
    await using server = Deno.serve(options, (request) => handler(request));
    await assertAnswers(server.addr.port);
  }
  const other = (response: ServerResponse) => void response.end("other");
  for (
    const listener of [
      (request: IncomingMessage, response: ServerResponse) => {
        if (!probe(request, response)) other(response);
      },
      (request: IncomingMessage, response: ServerResponse) => {
        probe(request, response, () => other(response));
      },
    ]
  ) {
    const server = createServer(listener);
    await new Promise<void>((resolve) =>
      server.listen(0, "127.0.0.1", resolve)
    );
    await assertAnswers((server.address() as AddressInfo).port);
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }
});

clusterTest("health() is ready while its node is up", async (cluster) => {
  const verbose = true;
  assertEquals(await ask({}, "/livez"), [200, "ok\n"]);
  assertEquals(await ask({}, "/readyz"), [503, "unavailable\n"]);
  assertEquals(await ask({ verbose }, "/readyz"), [
    503,
    "unavailable\nnode: not started\npeers: 0 of 0\n",
  ]);
  const [alex, kate] = await cluster.startAll(["alex", "kate"]);
  const probe = health({ node: kate });
  assertEquals(await ask(probe, "/readyz"), [200, "ok\n"]);
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  kate.onDrain(() => over);
  const drained = kate.drain();
  assertEquals(await ask(probe, "/readyz"), [503, "unavailable\n"]);
  assertEquals(await ask(probe, "/livez"), [200, "ok\n"]);
  // The program's first node is another one.
  assertEquals(await ask({}, "/readyz"), [200, "ok\n"]);
  end();
  await drained;
  assertEquals(await ask(probe, "/readyz"), [503, "unavailable\n"]);
  assertEquals(await ask(probe, "/livez"), [503, "unavailable\n"]);
  await alex.stop();
  assertEquals(await ask({}, "/livez"), [200, "ok\n"]);
  assertEquals(await ask({}, "/readyz"), [503, "unavailable\n"]);
});

clusterTest("health() waits for the peers that it needs", async (cluster) => {
  const alex = await cluster.start("alex");
  const probe = health({ minPeers: 1, verbose: true });
  assertEquals(await ask(probe, "/readyz"), [
    503,
    "unavailable\nnode: up\npeers: 0 of 1\n",
  ]);
  await cluster.start("kate");
  await alex.run(() => Node.connect("kate@localhost"));
  assertEquals((await ask(probe, "/readyz"))[0], 200);
  await alex.run(() => Node.disconnect("kate@localhost"));
  assertEquals((await ask(probe, "/readyz"))[0], 503);
  assertEquals((await ask(probe, "/livez"))[0], 200);
});

clusterTest(
  "/readyz of a node that reaches no peer is the node's choice",
  async (cluster) => {
    const own = {
      strategy: "static",
      nodes: ["kate@localhost"],
      minDelay: 10,
      maxDelay: 50,
    } as const;
    const topologies = { cluster: { own } };
    const before = await cluster.start("kate", { cookie: "another" });
    const alone = await cluster.start("alone", topologies);
    const alex = await cluster.start("alex", { ...topologies, minPeers: 1 });
    const probes: Record<string, ReturnType<typeof health>> = {
      alex: health({ node: alex, verbose: true }),
      alone: health({ node: alone, verbose: true }),
      overruled: health({ node: alex, minPeers: 0 }),
    };
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) => {
        const { host, pathname } = new URL(request.url);
        const probe = probes[request.headers.get("x-node")!];
        return probe(new Request(`http://${host}${pathname}`)) ??
          new Response("other");
      },
    );
    const url = `http://127.0.0.1:${server.addr.port}/readyz`;
    const get = async (name: string): Promise<[number, string]> => {
      const response = await fetch(url, { headers: { "x-node": name } });
      return [response.status, await response.text()];
    };
    await cluster.logged(/alex warning: .* its cookie is another one/);
    assertEquals(await get("alex"), [
      503,
      "unavailable\nnode: up\npeers: 0 of 1\n",
    ]);
    assertEquals(await get("alone"), [200, "ok\nnode: up\npeers: 0 of 0\n"]);
    assertEquals(await get("overruled"), [200, "ok\n"]);
    await before.stop();
    await cluster.start("kate");
    await cluster.logged(/alex warning: Connected to kate@localhost/);
    assertEquals((await get("alex"))[0], 200);
  },
);

clusterTest("health(): a check fails in four ways", async (cluster) => {
  const alex = await cluster.start("alex");
  const bad: Record<string, () => unknown> = {
    returns: () => false,
    throws: () => {
      throw new Error("no\ndisk");
    },
    rejects: () => Promise.reject("secret of the store"),
    hangs: () => NEVER,
  };
  for (const [name, check] of Object.entries(bad)) {
    const checks = { fine: () => undefined, [name]: check };
    const options = { timeout: name === "hangs" ? 500 : 10_000, maxAge: 0 };
    for (const [key, path] of [["ready", "/readyz"], ["live", "/livez"]]) {
      const probe = health({ ...options, [key]: checks });
      assertEquals(await ask(probe, path), [503, "unavailable\n"], name);
      const told = health({ ...options, [key]: checks, verbose: true });
      assertMatch(
        (await ask(told, path))[1],
        new RegExp(
          `^unavailable\\n(node: up\\n|peers: 0 of 0\\n)*fine: ok\\n${name}: failed\\n$`,
        ),
      );
    }
    await cluster.logged(
      new RegExp(`alex warning: The health check "${name}" fails: `),
    );
  }
  await alex.stop();
});

clusterTest("health() shares a check while it is young", async (cluster) => {
  await cluster.start("alex");
  let runs = 0;
  const { promise: end, resolve } = Promise.withResolvers<void>();
  const probe = health({
    timeout: Infinity,
    maxAge: 600_000,
    ready: {
      async store() {
        runs++;
        await end;
      },
    },
  });
  const all = Array.from({ length: 20 }, () => ask(probe, "/readyz"));
  resolve();
  for (const answer of await Promise.all(all)) {
    assertEquals(answer, [200, "ok\n"]);
  }
  await ask(probe, "/readyz");
  assertEquals(runs, 1);
});

clusterTest("health() does not repeat a check that hangs", async (cluster) => {
  await cluster.start("alex");
  let runs = 0;
  const hung = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const probe = health({
    // safe: its expiry is tested
    timeout: 5,
    maxAge: 0,
    ready: {
      store: () => {
        begun.resolve();
        return runs++ === 0 ? hung.promise : true;
      },
    },
  });
  assertEquals((await ask(probe, "/readyz"))[0], 503);
  // The time may be over before the process of the check has begun.
  await begun.promise;
  for (let i = 0; i < 3; i++) {
    assertEquals((await ask(probe, "/readyz"))[0], 503);
  }
  assertEquals(runs, 1);
  hung.resolve();
  await hung.promise;
  while ((await ask(probe, "/readyz"))[0] !== 200);
  assertEquals(runs > 1, true);
});

clusterTest("health() runs checks in their own processes", async (cluster) => {
  await cluster.start("alex");
  const kate = await cluster.start("kate");
  const seen: string[] = [];
  const probe = health({
    node: kate,
    maxAge: 0,
    ready: { store: () => void seen.push(`${Node.self()} ${self()}`) },
  });
  await ask(probe, "/readyz");
  await ask(probe, "/readyz");
  assertEquals(new Set(seen).size, 2);
  assertMatch(seen[0], /^kate@localhost /);
});

test("health() rejects wrong options", () => {
  const checks = (count: number) =>
    Object.fromEntries(
      Array.from({ length: count }, (_, i) => [`check${i}`, () => true]),
    );
  const wrong: unknown[] = [
    1,
    { node: {} },
    { minPeers: -1 },
    { timeout: -1 },
    { maxAge: "1" },
    { livePath: "livez" },
    { readyPath: 1 },
    { verbose: 1 },
    { ready: 1 },
    { live: { store: true } },
    { live: checks(101) },
  ];
  health({ live: checks(100) });
  for (const options of wrong) {
    assertThrows(
      () => health(options as HealthOptions),
      Error,
      "Cannot make a health handler",
    );
  }
});

test("health() uses the paths that it is given", async () => {
  const probe = health({ livePath: "/health/live", readyPath: "/health" });
  assertEquals(await ask(probe, "/health/live"), [200, "ok\n"]);
  assertEquals(await ask(probe, "/health"), [503, "unavailable\n"]);
  assertEquals(probe(new Request("http://localhost/livez")), undefined);
});
