/**
 * Draws the dashboard of a cluster of three nodes, by Chromium:
 * `deno run -P=dev tools/dashboard_picture.ts docs/dashboard.png`, with `--dark`, `--narrow` or a view after it.
 *
 * @module
 */

import { startBrowser } from "./_browser.ts";
import {
  DynamicSupervisor,
  GenServer,
  Logger,
  Node,
  pg,
  Process,
  receive,
  Registry,
  self,
  send,
  spawn,
  Supervisor,
  TaskSupervisor,
} from "../mod.ts";
import { Dashboard } from "../packages/observe/dashboard/dashboard.ts";
import { freePort } from "../packages/testing/_ports.ts";

const Orders = {
  name: "Orders",
  init: () => ({ type: "ok", state: 0 } as const),
  handleCall: (request: unknown, _from: unknown, state: number) => {
    if (request === "crash") {
      throw new Error("the price of order 17 is negative");
    }
    return { type: "reply", reply: state, state: state + 1 } as const;
  },
  handleInfo: (
    _message: unknown,
    state: number,
  ) => ({ type: "noreply", state: state + 1 } as const),
};

const idle = () => receive(() => false);

/** Starts the work of a node, and returns when it runs. */
async function work(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  spawn(
    async () => {
      await Supervisor.startLink([
        {
          id: "orders",
          start: () => GenServer.startLink(Orders, 0, { name: "Orders" }),
        },
        {
          id: "prices",
          start: () => GenServer.startLink(Orders, 0, { name: "Prices" }),
        },
        Registry.childSpec({ keys: "unique", name: "Sessions" }),
        TaskSupervisor.childSpec({ name: "Thumbnails" }),
        DynamicSupervisor.childSpec({ name: "Rooms" }),
      ], { strategy: "one_for_one", name: "Shop" });
      for (const room of ["lobby", "kitchen", "garden"]) {
        await DynamicSupervisor.startChild("Rooms", {
          id: room,
          start: () => GenServer.startLink(Orders, 0, { name: `Room ${room}` }),
        });
      }
      await TaskSupervisor.startChild("Thumbnails", idle);
      for (let i = 0; i < 2; i++) {
        const ref = Process.monitor("Orders");
        await GenServer.call("Orders", "crash").catch(() => {});
        await receive((m) => ref.equals(m?.ref));
        while (Process.whereis("Orders") === undefined) await Process.sleep(5);
      }
      const slow = spawn(idle, [], { label: "slow consumer" });
      Process.register(slow, "Mailer");
      for (let i = 0; i < 1840; i++) {
        send(slow, {
          mail: i,
          to: "kate@example.org",
        });
      }
      for (let i = 0; i < 300; i++) spawn(idle, [], { label: `session ${i}` });
      pg.join("rooms", self());
      Logger.warning("the disk is almost full");
      resolve();
      await idle();
    },
    [],
    { label: "main" },
  );
  await promise;
}

export async function drawPicture(
  file: string,
  { view = "overview", dark = false, narrow = false, seconds = 24 } = {},
): Promise<void> {
  const epmdPort = freePort();
  const names = ["shop@localhost", "rooms@localhost", "mails@localhost"];
  await using stack = new AsyncDisposableStack();
  const nodes: Node[] = [];
  for (const name of names) {
    nodes.push(
      stack.use(
        await Node.start({
          name,
          cookie: "c",
          epmdPort,
          allowObserve: true,
          log() {},
          modules: {},
        }),
      ),
    );
  }
  const browser = await startBrowser();
  stack.defer(() => browser.close());
  const [shop] = nodes;
  await shop.run(async () => {
    await pg.start().catch(() => {});
    for (const name of names.slice(1)) await Node.connect(name);
    await work();
    const dashboard = await Dashboard.startLink({ write: true });
    const page = await browser.newPage({
      viewport: narrow
        ? { width: 390, height: 844 }
        : { width: 1120, height: 760 },
      colorScheme: dark ? "dark" : "light",
    });
    page.on("console", (message) => console.error(message.text()));
    page.on("pageerror", (error) => console.error(error.message));
    await page.goto(await Dashboard.url());
    await page.waitForSelector("nav a");
    const talk = setInterval(() => {
      for (let i = 0; i < 100 + Math.random() * 200; i++) {
        shop.run(() => send("Prices", "x".repeat(50)));
      }
      const end = performance.now() + Math.random() * 60;
      while (performance.now() < end);
    }, 500);
    const far = await nodes[1].run(() => spawn(() => receive(() => false)));
    const chat = setInterval(
      () => void shop.run(() => send(far, "y".repeat(20_000))),
      200,
    );
    await page.waitForTimeout(seconds * 500);
    await page.evaluate((hash: string) => {
      (globalThis as unknown as { location: { hash: string } }).location.hash =
        hash;
    }, `#/${view}/shop%40localhost`);
    await page.waitForTimeout(seconds * 500);
    clearInterval(talk);
    clearInterval(chat);
    await page.screenshot({ path: file });
    await page.close();
    await GenServer.stop(dashboard);
  });
}

if (import.meta.main) {
  const [file, ...rest] = Deno.args;
  await drawPicture(file, {
    view: rest.find((each) => !each.startsWith("--")),
    dark: rest.includes("--dark"),
    narrow: rest.includes("--narrow"),
    seconds: Number(
      rest.find((each) => each.startsWith("--seconds="))?.slice(10) ?? 24,
    ),
  });
}
