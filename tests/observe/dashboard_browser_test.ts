/** The dashboard's page in Chromium, with a cluster behind it. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";

import { Agent } from "../../packages/servers/agent/agent.ts";
import { Dashboard } from "../../packages/observe/dashboard/dashboard.ts";
import { DASHBOARD_SERVER } from "../../packages/observe/dashboard/dashboard_server.ts";
import {
  GenServer,
  Logger,
  Node,
  type Pid,
  Process,
  receive,
  self,
  send,
  spawn,
  Supervisor,
} from "../../mod.ts";
import { Entities, Entity, memoryStore } from "../../packages/entities/mod.ts";
import { Channel, PubSub, Sockets } from "../../packages/channels/mod.ts";
import { streams, streamType } from "../../packages/streams/mod.ts";
import { RawClient } from "../channels/_client.ts";
import { type Browser, type Page, startBrowser } from "../../tools/_browser.ts";
import { NodeProcess } from "../_node_process.ts";
import { BOUNDS } from "../../packages/processes/values/bounds.ts";
import { type Cluster, clusterTest } from "../_nodes.ts";
import { until } from "../_until.ts";

/** A page, and the cluster behind it. */
interface Opened {
  page: Page;
  cluster: Cluster;
  kate: Node;
  show(view: string, node?: string): Promise<void>;
}

const ALEX = "alex@localhost";

/** The browser of all tests, each of which has a context of its own. */
let browser: Promise<Browser> | undefined;

Deno.test.afterAll(async () => await (await browser)?.close());

/** A test with the page of alex, who is connected to kate. */
function browserTest(
  name: string,
  options: {
    write?: boolean;
    allowObserve?: boolean | "write";
    /** The time of a sample of charts. */
    step?: number;
  },
  fn: (opened: Opened) => Promise<void>,
): void {
  clusterTest(name, async (cluster) => {
    const { allowObserve = false, write = false, step } = options;
    const kate = await cluster.start("kate", { allowObserve });
    const alex = await cluster.start("alex");
    await alex.run(async () => {
      assertEquals(await Node.connect(kate.name), true);
      await using stack = new AsyncDisposableStack();
      const pid = await GenServer.startLink(DASHBOARD_SERVER, {
        port: 0,
        host: "127.0.0.1",
        write,
        step,
      }, { name: "Dashboard" }) as Pid;
      stack.defer(async () => void await GenServer.stop(pid));
      browser ??= startBrowser();
      const context = await (await browser).newContext();
      stack.defer(() => context.close());
      const page = await context.newPage();
      page.setDefaultTimeout(30_000);
      const errors: string[] = [];
      page.on("pageerror", (error) => errors.push(error.message));
      page.on("console", (message) => {
        // A refused request is logged by the browser, and shown by the page.
        if (message.type() === "error" && !message.text().includes("403")) {
          errors.push(message.text());
        }
      });
      await page.goto(await Dashboard.url());
      await page.waitForSelector("nav a");
      await fn({
        page,
        cluster,
        kate,
        show: async (view, node = ALEX) => {
          await page.goto(
            `${page.url().split("#")[0]}#/${view}/${encodeURIComponent(node)}`,
          );
          await page.waitForSelector(
            view === "processes"
              ? "#processes tbody tr"
              : "main > :not(.loading)",
          );
        },
      });
      assertEquals(errors, []);
    });
  }, {
    programs: ["chromium"],
    timeout: 120_000,
    // The browser outlives a test.
    sanitizeOps: false,
    sanitizeResources: false,
  });
}

const idle = () => receive(() => false);

function waiter(label: string): Pid {
  return spawn(idle, [], { label });
}

/** Starts a server on a node, linked to a process that stays. */
function startOn(node: Node, start: () => Promise<Pid>): Promise<Pid> {
  const { promise, resolve } = Promise.withResolvers<Pid>();
  node.run(() => void spawn(() => start().then(resolve).then(idle)));
  return promise;
}

function end(...pids: Pid[]): void {
  for (const pid of pids) Process.exit(pid, "kill");
}

/** Follows the link of the process whose row has a text. */
async function openProcess(page: Page, text: string): Promise<void> {
  await page.locator("#processes tbody tr", { hasText: text })
    .getByRole("link").click();
}

/** The texts of the first column of the table of processes that contain a text. */
async function rowsWith(page: Page, text: string): Promise<string[]> {
  const rows = await page.locator("#processes tbody tr").allInnerTexts();
  return rows.filter((each) => each.includes(text));
}

browserTest("twelve nodes fill the map", {
  allowObserve: true,
}, async ({ page, cluster, show }) => {
  for (let i = 1; i <= 10; i++) {
    const { name } = await cluster.start(`n${i}`, { allowObserve: true });
    await Node.connect(name);
  }
  await show("overview");
  // The map of ten nodes is one of many already.
  await page.locator(".map.many text").nth(11).waitFor();
  const [map, ...names] = await page.evaluate(`
    [".map", ".map text"].flatMap((each) =>
      [...document.querySelectorAll(each)].map((found) => {
        const { left, right, top, bottom } = found.getBoundingClientRect();
        return { left, right, top, bottom };
      })
    )`) as { left: number; right: number; top: number; bottom: number }[];
  const overlapping = names.filter((a, i) =>
    names.slice(i + 1).some((b) =>
      a.left < b.right && b.left < a.right && a.top < b.bottom &&
      b.top < a.bottom
    )
  );
  assertEquals([names.length, overlapping], [12, []]);
  const left = Math.min(...names.map((each) => each.left));
  const right = Math.max(...names.map((each) => each.right));
  for (const { top, bottom } of names) {
    assert(top >= map.top && bottom <= map.bottom, "a name is cut off");
    assert(bottom - top > 12, `a name of ${bottom - top} pixels`);
  }
  assert(left >= map.left && right <= map.right, "a name is cut off");
  const share = (right - left) / (map.right - map.left);
  assert(share > 0.85, `the map fills ${share} of its card`);
  // All nodes are of this program, which has one memory.
  const rows = await page.locator("section", { hasText: "Nodes" })
    .locator("tbody tr").allInnerTexts();
  const nodes = rows.filter((row) => row.includes("deno"));
  assertEquals(nodes.length, 12);
  assertEquals(nodes.filter((row) => row.includes("MB")).length, 1);
});

browserTest("a link opens the page once", {}, async ({ page }) => {
  const link = await Dashboard.url();
  const newContext = () => page.context().browser()!.newContext();
  await using other = await newContext();
  const first = await other.newPage();
  await first.goto(link);
  await first.waitForSelector("text=Live");
  assert(!first.url().includes("token"), first.url());
  assertEquals(await first.evaluate("document.cookie"), "");
  const again = await first.goto(link);
  assertEquals(again?.status(), 403);
  await using stranger = await newContext();
  const refused = await (await stranger.newPage()).goto(
    page.url().split("#")[0],
  );
  assertEquals(refused?.status(), 403);
  await first.goto(page.url());
  await first.waitForSelector("text=Live");
});

browserTest("charts begin before the page", { step: 1 }, async ({ page }) => {
  await using other = await page.context().browser()!.newContext();
  const later = await other.newPage();
  let asked = 0;
  // By itself, a page has two points after three answers.
  await later.route(
    /api\/state/,
    (route) => asked++ === 0 ? route.continue() : route.abort(),
  );
  await later.goto(await Dashboard.url());
  await later.waitForSelector(".chart polyline");
});

browserTest("the table sorts and searches", {}, async ({ page, show }) => {
  const [few, many] = [waiter("sorted few"), waiter("sorted many")];
  for (let i = 0; i < 30; i++) {
    send(i < 10 ? few : many, { text: `message ${i}` });
  }
  await show("processes");
  await page.fill("#search", "sorted");
  await until(async () => (await rowsWith(page, "sorted")).length === 2);
  const order = async () =>
    (await rowsWith(page, "sorted")).map((row) => /sorted (\w+)/.exec(row)![1]);
  await until(async () => (await order()).join() === "many,few");
  // The keyboard is enough.
  await page.focus("thead button[data-order=received]");
  for (let i = 0; i < 30; i++) send(few, i);
  await page.keyboard.press("Enter");
  await until(async () => (await order()).join() === "few,many");
  assertEquals(
    await page.getAttribute("th[aria-sort]", "aria-sort"),
    "descending",
  );
  assertStringIncludes(await page.innerText("th[aria-sort]"), "Received");
  await openProcess(page, "sorted many");
  await page.waitForSelector("text=Oldest messages");
  assertStringIncludes(await page.innerText(".messages"), 'text: "message 10"');
  assertEquals(
    await page.locator(".danger").count(),
    0,
    "it may not end processes",
  );
  end(few, many);
  await page.waitForSelector("text=This process is gone");
});

browserTest("hostile texts are texts", {}, async ({ page, show }) => {
  const markup =
    '<img src=x onerror="globalThis.hacked = true"><script>globalThis.hacked = true</script>';
  const pids = [markup, "y".repeat(BOUNDS.label), "a\u202Eb\u0000c"].map(
    waiter,
  );
  Process.register(pids[0], markup.slice(0, 100));
  send(pids[0], markup);
  Logger.error(`${markup}\n${markup}`);
  await show("processes");
  await page.fill("#search", "hacked");
  await until(async () => (await rowsWith(page, "<img src=x")).length === 1);
  await openProcess(page, "<img");
  await page.waitForSelector(".messages");
  for (const view of ["overview", "tree", "names", "log"]) {
    await show(view);
    if (view === "names" || view === "log") {
      await page.waitForSelector("text=<img src=x");
    }
    assertEquals(await page.locator("main img, main script").count(), 0);
  }
  assertEquals(await page.evaluate("globalThis.hacked"), undefined);
  await page.goto(
    `${page.url().split("#")[0]}#/%E0%A4%A/<img>/${"x".repeat(1000)}`,
  );
  await page.waitForSelector(".failed, .map");
  end(...pids);
});

browserTest("the tree and the log are live", {}, async ({ page, show }) => {
  const Failing = {
    name: "Failing",
    init: () => ({ type: "ok", state: 0 } as const),
    handleCall: () => {
      throw new Error("boom");
    },
  };
  const pid = await Supervisor.startLink([
    GenServer.childSpec(Failing, 0, { name: "Failing" }),
  ], { strategy: "one_for_one", name: "Top" });
  await show("tree");
  await page.waitForSelector(".box:has-text('Failing')");
  await show("log");
  const ref = Process.monitor("Failing");
  await GenServer.call("Failing", "crash").catch(() => {});
  await receive((m) => ref.equals(m?.ref));
  await page.waitForSelector(".log li:has-text('(Failing) terminating')");
  Logger.warning("a detail");
  const detail = ".log li:has-text('a detail')";
  await page.waitForSelector(detail);
  await page.selectOption("#level", "error");
  await page.waitForSelector(detail, { state: "detached" });
  await show("tree");
  await page.waitForSelector(".restarts:has-text('1 restart')");
  assertStringIncludes(await page.innerText(".reason"), "boom");
  await show("log");
  await page.waitForSelector("#level");
  assertEquals(await page.inputValue("#level"), "error");
  await show("tree");
  for (let i = 0; i < 14; i++) {
    await Supervisor.startChild(pid, {
      id: `more ${i}`,
      start: () => Agent.startLink(() => i),
    });
  }
  const more = page.locator("button.more");
  await page.waitForSelector("button.more:text-is('Show 3 more')");
  assertEquals(await page.locator(".box.worker").count(), 12);
  await more.click();
  assertEquals(await page.locator(".box.worker").count(), 15);
  assertEquals(await more.count(), 0);
  await Supervisor.stop(pid);
});

browserTest("a page that may write ends a process after a question", {
  write: true,
  allowObserve: "write",
}, async ({ page, kate, show }) => {
  const own = waiter("to be ended");
  const other = await kate.run(() => waiter("to be ended"));
  for (
    const [pid, node, button] of [[own, ALEX, "Kill"], [
      other,
      kate.name,
      "Shut down",
    ]] as const
  ) {
    const ref = Process.monitor(pid);
    await show("processes", node);
    await page.fill("#search", "to be ended");
    await openProcess(page, "to be ended");
    await page.getByRole("button", { name: `${button}…` }).click();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.waitForSelector("dialog", { state: "detached" });
    const isAlive = () => Process.alive(pid);
    assert(await (pid === own ? isAlive() : kate.run(isAlive)));
    await page.getByRole("button", { name: `${button}…` }).click();
    await page.getByRole("button", { name: button, exact: true }).click();
    const { reason } = await receive((m) => ref.equals(m?.ref));
    assertEquals(reason, button === "Kill" ? "killed" : "shutdown");
    await page.waitForSelector("text=This process is gone");
  }
});

browserTest(
  "the page shows each node that allows it, and how the others do",
  {},
  async ({ page, cluster, kate, show }) => {
    await using moebi = await NodeProcess.start(cluster, "moebi", {
      allowObserve: true,
    });
    assertEquals(await Node.connect(moebi.name), true);
    await show("overview");
    await page.waitForSelector(`.map a:has-text("${moebi.name}")`);
    await page.waitForSelector(
      `tr:has-text("${kate.name}"):has-text("--allow-observe")`,
    );
    await page.waitForSelector(
      `tr:has-text("${moebi.name}"):has-text("MB"):has-text("deno ")`,
    );
    await page.selectOption("#node", moebi.name);
    await page.waitForSelector(`h2:has-text("Connections of ${moebi.name}")`);
    await page.getByRole("link", { name: "Names" }).click();
    await page.waitForSelector("td:has-text('tasks')");
    await page.selectOption("#node", kate.name);
    await page.waitForSelector("#status.failed:has-text('--allow-observe')");
  },
);

browserTest(
  "the log of a node begins again when the node has restarted",
  { allowObserve: true },
  async ({ page, cluster, kate, show }) => {
    await kate.run(() => Logger.error("first life"));
    await show("log", kate.name);
    const before = page.locator(".log li:has-text('first life')");
    await before.waitFor();
    await kate.stop();
    await page.waitForSelector("#status.failed:has-text('is not connected')");
    assertEquals(await before.count(), 1);
    const next = await cluster.start("kate", { allowObserve: true });
    assertEquals(await Node.connect(next.name), true);
    await next.run(() => Logger.error("second life"));
    await page.waitForSelector(".log li:has-text('second life')");
    assertEquals(await before.count(), 0);
  },
);

browserTest(
  "entities: keys by node, owners, parked keys, and the state of a key",
  { allowObserve: true },
  async ({ page, kate, show }) => {
    const Room = Entity.define("room", {
      state: () => ({ members: [] as string[] }),
      join: (room, user: string) => void room.state.members.push(user),
      crash() {
        throw new RangeError("out of chairs");
      },
    }, { maxRestarts: 0 });
    const store = memoryStore();
    const start = (hosts: boolean) =>
      Entities.startLink({
        types: [Room],
        store,
        lease: 1000,
        shards: 4,
        hosts,
      });
    const pids = [await startOn(kate, () => start(true)), await start(false)];
    await Room.get("<b>r1</b>").join("moebi");
    await Room.get("r2").crash().catch(() => {});
    await show("entities");
    const row = (name: string, text: string) =>
      page.waitForSelector(`[aria-label="${name}"] tr:has-text("${text}")`);
    const rowText = async (name: string, text: string) =>
      (await (await row(name, text)).innerText()).split(/\s*\t\s*/);
    assertEquals(await rowText("Keys by node", kate.name), [
      ...[kate.name, "serves", "room", "1", "4", "1", "0", "0", ""],
    ]);
    assertEquals(await rowText("Keys by node", ALEX), [
      ...[ALEX, "only calls", "room", "0", "0", "0", "0", "0", ""],
    ]);
    assertEquals(await rowText("Shards by owner", kate.name), [kate.name, "4"]);
    await page.locator("summary").click();
    assertEquals(await rowText("Each shard", "room/3"), [
      ...["room/3", kate.name, "1"],
    ]);
    await page.fill("#key", "<b>r1</b>");
    await page.keyboard.press("Enter");
    await page.waitForSelector("pre:has-text('members: [\"moebi\"]')");
    assertEquals(await page.locator("main b").count(), 0);
    await page.getByRole("button", { name: "room r2" }).click();
    await page.waitForSelector("dd:has-text('out of chairs')");
    assert(await page.locator("details[open]").isVisible());
    for (const pid of pids) await GenServer.stop(pid);
  },
);

browserTest(
  "channels and streams: numbers by node, and the sockets, topics and streams of one",
  { allowObserve: true },
  async ({ page, kate, show }) => {
    const Room = Channel.define("room:*", { join() {} });
    const server = await kate.run(() => {
      const sockets = Sockets.handler({
        channels: [Room],
        connect: ({ name }) => name,
        id: (name) => `user:${name}`,
      });
      return Deno.serve(
        { hostname: "127.0.0.1", port: 0, onListen() {} },
        (request, info) => sockets(request, info),
      );
    });
    await using stack = new AsyncDisposableStack();
    stack.defer(() => server.shutdown());
    const url = `ws://127.0.0.1:${server.addr.port}`;
    await show("overview");
    const channels = page.getByRole("link", { name: "Channels" });
    assertEquals(await channels.count(), 0, "no node has channels yet");
    for (const name of ["<b>ann</b>", "bob"]) {
      const query = `vsn=2.0.0&name=${encodeURIComponent(name)}`;
      const client = stack.use(await RawClient.open(url, query));
      await client.ask(["1", "1", "room:<b>1</b>", "phx_join", {}]);
    }
    await show("overview", kate.name);
    await channels.click();
    const rowText = async (name: string, text: string) => {
      const row = await page.waitForSelector(
        `[aria-label="${name}"] tr:has-text("${text}")`,
      );
      return (await row.innerText()).split(/\s*\t\s*/);
    };
    assertEquals(await rowText("Channels by node", kate.name), [
      ...[kate.name, "2", "0", "2", "1", "0", "0", "0", "0", "0"],
    ]);
    const [user, address, transport, , ...rest] = await rowText(
      "Sockets",
      "user:<b>ann</b>",
    );
    assertEquals(
      [user, address, transport, ...rest.slice(0, 3)],
      ["user:<b>ann</b>", "127.0.0.1", "websocket 2.0.0", "1", "0", "0 B"],
    );
    assertEquals(await rowText("Topics", "room:<b>1</b>"), [
      ...["room:<b>1</b>", "2", "0"],
    ]);
    assertEquals(await page.locator("main b").count(), 0);
    // The process of a socket is a link.
    await page.locator('[aria-label="Sockets"] a').first().click();
    await page.waitForSelector("dd:has-text('socket')");

    await PubSub.subscribe("news");
    await show("channels");
    assertEquals(await rowText("Topics", "news"), ["news", "1", "0"]);
    assertEquals((await rowText("Channels by node", ALEX))[4], "1");
    assertEquals((await rowText("Channels by node", kate.name))[1], "2");

    const type = streamType();
    const entities = await startOn(
      kate,
      () => Entities.startLink({ types: [type], store: memoryStore() }),
    );
    const handle = streams({ entities: type, authorize: () => true });
    stack.defer(async () => {
      await handle.close();
      await GenServer.stop(entities);
    });
    const ask = (method: string, query = "") => {
      const address = `http://localhost/%3Cb%3Elog${query}`;
      return kate.run(() => handle(new Request(address, { method })));
    };
    await ask("PUT");
    const events = await ask("GET", "?offset=-1&live=sse");
    await show("overview", kate.name);
    await page.getByRole("link", { name: "Streams" }).click();
    assertEquals(await rowText("Streams by node", kate.name), [
      ...[kate.name, "1", "0", "1", "2", "0", "0"],
    ]);
    assertEquals(await rowText("Followed streams", "<b>log"), [
      ...["<b>log", "0", "1"],
    ]);
    assertEquals(await page.locator("main b").count(), 0);
    await events.body!.cancel();
  },
);

browserTest(
  "the map of many nodes has names that do not cover each other",
  {},
  async ({ page, cluster, show }) => {
    for (let i = 1; i < 12; i++) {
      const { name } = await cluster.start(`a-node-with-a-long-name-${i}`);
      assertEquals(await Node.connect(name), true);
    }
    await show("overview");
    await page.waitForSelector(".map.many a:nth-of-type(13)");
    const boxes = await page.evaluate(`
      [...document.querySelectorAll(".map text")].map((text) => {
        const { left, right, top, bottom } = text.getBoundingClientRect();
        return { left, right, top, bottom };
      })`) as Record<"left" | "right" | "top" | "bottom", number>[];
    assertEquals(boxes.length, 13);
    const { right: end, left: start } = await page.evaluate(
      'document.querySelector(".map").getBoundingClientRect().toJSON()',
    ) as Record<"left" | "right", number>;
    for (const [i, one] of boxes.entries()) {
      assert(one.left >= start && one.right <= end, JSON.stringify(one));
      for (const other of boxes.slice(i + 1)) {
        const isApart = one.right <= other.left || other.right <= one.left ||
          one.bottom <= other.top || other.bottom <= one.top;
        assert(isApart, JSON.stringify([one, other]));
      }
    }
  },
);

browserTest(
  "20,000 processes: the page has no more rows than it shows",
  {},
  async ({ page, show }) => {
    const pids = Array.from({ length: 20_000 }, (_, i) => waiter(`many ${i}`));
    send(pids[12_345], "one");
    await show("processes");
    await page.waitForSelector("tbody tr:has-text('many 12345')");
    assertEquals(await page.locator("#processes tbody tr").count(), 50);
    await page.selectOption("#limit", "200");
    await until(async () =>
      await page.locator("#processes tbody tr").count() === 200
    );
    await page.fill("#search", "many 777");
    await until(async () =>
      (await page.innerText(".count")).endsWith(" of 11")
    );
    await show("tree");
    end(...pids);
  },
);

browserTest(
  "axe finds nothing in any view, light and dark",
  { write: true },
  async ({ page, show }) => {
    const pid = waiter("accessible");
    send(pid, "hi");
    Logger.error("an error\nwith details");
    await PubSub.subscribe("a topic");
    const { default: { source: code } } = await import("npm:axe-core@^4");
    const views = [
      ...["overview", "tree", "names", "entities", "channels", "log"],
    ];
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      for (const view of [...views, "processes", "process"]) {
        if (view === "process") {
          await page.fill("#search", "accessible");
          await until(async () =>
            (await rowsWith(page, "accessible")).length === 1 &&
            await page.locator("#processes tbody tr").count() === 1
          );
          await openProcess(page, "accessible");
          await page.waitForSelector(".messages");
        } else await show(view);
        await page.waitForTimeout(300);
        const found = await page.evaluate(
          `${code}; axe.run().then(({ violations }) =>
        violations.map(({ id, nodes }) => id + ": " + nodes.map(({ html }) => html.slice(0, 150)).join(" | ")))`,
        );
        assertEquals(found, [], `${view}, ${colorScheme}`);
      }
    }
    end(pid);
  },
);

browserTest("the keyboard reaches everything", {}, async ({ page, show }) => {
  await show("overview");
  await page.keyboard.press("Tab");
  assertEquals(await page.evaluate("document.activeElement.className"), "skip");
  await page.keyboard.press("Enter");
  assertEquals(await page.evaluate("document.activeElement.id"), "main");
  await page.focus(".map a");
  const answers = async (count: number) => {
    for (let i = 0; i < count; i++) {
      await page.waitForResponse((response) =>
        response.url().includes("api/state")
      );
    }
  };
  await answers(3);
  assertEquals(
    await page.evaluate("document.activeElement.getAttribute('data-key')"),
    ALEX,
  );
  Process.register(self(), "the_test");
  await show("names");
  const shown = await page.waitForSelector("td:has-text('the_test')");
  await page.getByRole("link", { name: "Log" }).focus();
  await answers(2);
  assert(await shown.isVisible(), "an unchanged view is not drawn again");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".log");
  await page.getByRole("button", { name: "Pause" }).focus();
  await page.keyboard.press("Space");
  await page.waitForSelector("#status:has-text('Paused')");
});
