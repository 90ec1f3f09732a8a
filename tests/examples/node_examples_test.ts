/** The examples on Node.js, with the package that `deno task pack` makes: their files as they are, and the same attacks. */

import { assertEquals } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { freePort } from "../../packages/testing/_ports.ts";
import { isMissing } from "../../packages/testing/_programs.ts";
import { test } from "../../packages/testing/tags.ts";
import { startBrowser } from "../../tools/_browser.ts";
import { Project, type Running } from "../_packed.ts";
import { filesIn, readPage } from "../_pages.ts";
import { PostgresServer } from "../_postgres.ts";
import { healthCheck, ROOT } from "./_deployment.ts";
import { attack as attackAgent } from "./_agent.ts";
import { attack as attackOrders } from "./_orders_attack.ts";
import { attack as attackRooms, attackChat } from "./_rooms.ts";
import { attack as attackThumbnails } from "./_thumbnails_attack.ts";

const FILES = {
  "": ["keep_up.ts"],
  agent: ["agent.ts", "model.ts", "node.ts", "page.html", "try.ts", "web.ts"],
  orders: [
    ...["database.ts", "node.ts", "order.ts", "payments.ts", "try.ts"],
    "web.ts",
  ],
  rooms: ["node.ts", "page.html", "page.ts", "room.ts", "try.ts", "web.ts"],
  thumbnails: [
    ...["demo.jpg", "http.ts", "page.html", "thumbs.ts", "try.ts"],
    ...["web.ts", "worker.ts"],
  ],
};

/** Ends an example as Ctrl-C does, and asserts that all its nodes have drained. */
async function stop(program: Running): Promise<void> {
  program.kill("SIGINT");
  assertEquals(await program.ended, 0, program.output);
  const ends = program.output.match(/ has ended: .*/g) ?? [];
  assertEquals(new Set(ends), new Set([" has ended: exit code 0"]));
}

/** Asserts that the page of rooms runs in a browser, with the modules of the installed packages. */
async function showsPage(port: number): Promise<void> {
  const browser = await startBrowser();
  try {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${port}/?name=Ann`);
    await page.waitForSelector("text=You are at rooms-1@localhost.");
    await page.fill("#line", "hello");
    await page.press("#line", "Enter");
    await page.waitForSelector("text=Ann: hello");
  } finally {
    await browser.close();
  }
}

test("the examples run on Node.js", {
  tags: ["pack", "slow"],
  programs: ["npm", "tar"],
  ignore: !("workspace" in config),
  timeout: 600_000,
}, async (t) => {
  await using project = await Project.make(["node"], [
    ...["phoenix@1.8", "postgres@3", "sharp@0.34", "ws@8"],
  ]);
  for (const [folder, names] of Object.entries(FILES)) {
    await Deno.mkdir(`${project.folder}/examples/${folder}`, {
      recursive: true,
    });
    for (const name of names) {
      const path = `examples/${folder}/${name}`;
      await Deno.copyFile(ROOT + path, `${project.folder}/${path}`);
    }
  }

  const rooms = async (STORE: string) => {
    const port = freePort();
    await using program = project.run("node", ["examples/rooms/try.ts"], {
      PORTS: `${port},${freePort()}`,
      STORE,
      ERL_EPMD_PORT: `${freePort()}`,
    });
    for (const node of ["rooms-1", "rooms-2"]) {
      await program.matches(new RegExp(`${node}@localhost is up`));
    }
    if (!isMissing("chromium")) await showsPage(port);
    await attackRooms(port);
    await stop(program);
  };

  await t.step("rooms", () => rooms(`${project.folder}/rooms.db`));

  await t.step({
    name: "rooms in PostgreSQL",
    ignore: isMissing("postgres"),
    async fn() {
      await using server = await PostgresServer.start();
      await rooms(server.url);
    },
  });

  await t.step("agent", async () => {
    const port = freePort();
    await using program = project.run("node", ["examples/agent/try.ts"], {
      PORTS: `${port},${freePort()}`,
      STORE: `${project.folder}/agent.db`,
      ERL_EPMD_PORT: `${freePort()}`,
    });
    for (const node of ["agent-1", "agent-2"]) {
      await program.matches(new RegExp(`${node}@localhost is up`));
    }
    await attackAgent(port);
    await stop(program);
    assertEquals(program.output.match(/examples\/agent/g), null);
  });

  const orders = async (STORE: string) => {
    const ports = [freePort(), freePort()];
    await using program = project.run("node", ["examples/orders/try.ts"], {
      ...{ PORTS: ports.join(), STORE, PAYMENTS_PORT: `${freePort()}` },
      PAYMENTS_FILE: `${project.folder}/payments-${ports[0]}.jsonl`,
      ERL_EPMD_PORT: `${freePort()}`,
    });
    for (const node of ["orders-1", "orders-2"]) {
      await program.matches(new RegExp(`${node}@localhost is up`));
    }
    try {
      await attackOrders(ports[0]);
    } finally {
      await stop(program);
    }
    assertEquals(program.output.match(/^\s+at |Error|Cannot/gm), null);
  };

  await t.step("orders", () => orders(`${project.folder}/orders.db`));

  await t.step({
    name: "orders in PostgreSQL",
    ignore: isMissing("postgres"),
    async fn() {
      await using server = await PostgresServer.start();
      await orders(server.url);
    },
  });

  await t.step("thumbnails, and the health check of its image", async () => {
    const metricsPort = freePort();
    const program = project.run("node", ["examples/thumbnails/try.ts"], {
      HTTP_PORT: "0",
      METRICS_PORT: `${metricsPort}`,
      ERL_EPMD_PORT: `${freePort()}`,
    });
    await using _program = program;
    const [, port] = await program.matches(/web@localhost is up, port (\d+)/);
    await attackThumbnails([Number(port), metricsPort]);
    const [node, ...check] = await healthCheck("node/Dockerfile");
    assertEquals(node, "node");
    const checkAt = (at: string) =>
      project.run("node", check.map((arg) => arg.replace("8000", at)));
    await using healthy = checkAt(port);
    assertEquals(await healthy.ended, 0, healthy.output);
    await stop(program);
    await using late = checkAt(port);
    assertEquals(await late.ended, 1, late.output);
    assertEquals(program.output.match(/^\s+at |Error|Cannot/gm), null);
  });

  await t.step("docs/websockets.md", async () => {
    const port = freePort();
    for (const [name, text] of filesIn(await readPage("docs/websockets.md"))) {
      await project.write(name, text);
    }
    await using program = project.run(
      "node",
      ["chat.ts", "web1@localhost", `${port}`],
      { ERL_EPMD_PORT: `${freePort()}`, HOME: project.folder },
    );
    await program.matches(/^Listening/m);
    await attackChat(port);
    program.kill("SIGTERM");
    assertEquals(await program.ended, 0, program.output);
    assertEquals(program.output.match(/^\s+at |\[error\]/gm), null);
  });
});
