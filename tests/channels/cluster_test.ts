/**
 * Two nodes as programs on Node, with a client of the npm package `phoenix` in Node and one in Chromium: broadcasts and
 * bytes between them, a netsplit, a drain, and a `kill -9`. The clients go through a balancer each, as in production.
 */

import { assertEquals } from "@std/assert";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import config from "../../deno.json" with { type: "json" };
import { freePort } from "../../packages/testing/_ports.ts";
import { test } from "../../packages/testing/tags.ts";
import { type Page, startBrowser } from "../../tools/_browser.ts";
import { COOKIE } from "../_nodes.ts";
import { Project, type Running } from "../_packed.ts";
import { Relay } from "../_relay.ts";

const HERE = new URL("./", import.meta.url);
const FILES = [
  "_judge_channels.ts",
  "_judge_program.ts",
  "_cluster_client.mjs",
];

/** Passes connections on to one of several ports, and to the next one after a refused or lost connection. */
class Balancer implements AsyncDisposable {
  readonly #ports: () => readonly number[];
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((near) => this.#accept(near));
  #at = 0;

  private constructor(ports: () => readonly number[]) {
    this.#ports = ports;
  }

  static listen(ports: () => readonly number[]): Promise<Balancer> {
    const balancer = new Balancer(ports);
    return new Promise((resolve) =>
      balancer.#server.listen(0, "127.0.0.1", () => resolve(balancer))
    );
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  #accept(near: Socket): void {
    const ports = this.#ports();
    const at = this.#at;
    const far = connect(ports[at % ports.length], "127.0.0.1");
    for (const [one, other] of [[near, far], [far, near]]) {
      this.#sockets.add(one);
      one.on("error", () => {});
      one.on("close", () => {
        this.#sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
    far.on("close", () => this.#at = at + 1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

/** A client's lines, from the last one that a test has waited for. */
class Lines {
  #rest: string[] = [];
  #wake: () => void = () => {};

  add(line: string): void {
    this.#rest.push(line);
    this.#wake();
  }

  /** Waits for a line; drops it, and the lines before it. */
  async next(line: string): Promise<void> {
    for (;;) {
      const at = this.#rest.indexOf(line);
      if (at >= 0) return void this.#rest.splice(0, at + 1);
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}

/** A node as a program. */
interface Host {
  readonly program: Running;
  /** The port of its web server. */
  readonly port: number;
}

test(
  "phoenix in Node and Chromium, on two nodes: a netsplit, a drain, a kill",
  {
    programs: ["npm", "tar", "chromium"],
    tags: ["pack"],
    ignore: !("workspace" in config),
    timeout: 300_000,
  },
  async () => {
    await using stack = new AsyncDisposableStack();
    const project = stack.use(
      await Project.make(["node"], ["phoenix@1.8.16"]),
    );
    for (const name of FILES) {
      await project.write(name, await Deno.readTextFile(new URL(name, HERE)));
    }
    const nodePort = freePort();
    const relay = stack.use(await Relay.listen(nodePort));
    const common = { cookie: COOKIE, epmdPort: false, tickTime: 1000 };
    const start = async (options: object): Promise<Host> => {
      const program = stack.use(
        project.run("node", [
          "_judge_program.ts",
          JSON.stringify({ ...common, ...options }),
        ]),
      );
      const [, port] = await program.matches(/^port (\d+)$/m);
      return { program, port: Number(port) };
    };
    const startAlex = () => start({ name: "alex@localhost", port: nodePort });
    const own = { strategy: "static", nodes: [relay.address] };
    let [alex, kate] = await Promise.all([
      startAlex(),
      start({
        name: "kate@localhost",
        cluster: { own: { ...own, minDelay: 20, maxDelay: 100 } },
      }),
    ]);
    const ofAnn = stack.use(
      await Balancer.listen(() => [alex.port, kate.port]),
    );
    const ofBob = stack.use(
      await Balancer.listen(() => [kate.port, alex.port]),
    );

    const ann = new Lines();
    const bob = new Lines();
    const inNode = stack.use(
      project.run("node", ["--input-type=module", "--eval", inNodeOf(ofAnn)]),
    );
    void forward(inNode, ann);
    const browser = await startBrowser();
    stack.defer(() => browser.close());
    const page = await browser.newPage();
    page.on("console", (message) => bob.add(message.text()));
    await open(page, ofBob, project.folder);

    // Both nodes: who is there, a push and its reply, bytes.
    const both = async () => {
      await ann.next('ann sees ["ann 1","bob 1"]');
      await bob.next('bob sees ["ann 1","bob 1"]');
    };
    const push = (event: string, payload: object) =>
      page.evaluate(`push("${event}", ${JSON.stringify(payload)})`);
    /** Bob pushes until ann has heard him: nodes that get no processor for a second lose each other, and a broadcast. */
    const reaches = async (event: string, payload: object, line: string) => {
      let hasHeard = false;
      const heard = ann.next(line).then(() => hasHeard = true);
      while (!hasHeard) {
        await push(event, payload);
        await bob.next("bob got {}");
        const { promise: pause, resolve } = Promise.withResolvers<void>();
        const timer = setTimeout(resolve, 500);
        await Promise.race([heard, pause]);
        clearTimeout(timer);
      }
    };
    const talk = (text: string) =>
      reaches("say_others", { text }, `ann hears ["bob","${text}"]`);
    await Promise.all([
      ann.next('ann joined "ann"'),
      bob.next('bob joined "bob"'),
    ]);
    await both();
    await push("echo", { n: [1, "ü"] });
    await bob.next('bob got {"n":[1,"ü"]}');
    const bytes = [0, 1, 255];
    await reaches("say_binary", { bytes }, "ann hears bytes [0,1,255]");
    await talk("hello");

    // The nodes lose each other.
    relay.cut();
    await ann.next('ann sees ["ann 1"]');
    await bob.next('bob sees ["bob 1"]');
    relay.join();
    await both();
    await talk("after the netsplit");

    // The node of ann leaves.
    alex.program.kill("SIGTERM");
    await ann.next("ann closed 1012");
    await ann.next('ann joined "ann"');
    await ann.next('ann sees ["ann 1","bob 1"]');
    assertEquals(await alex.program.ended, 0, alex.program.output);
    await talk("after the drain");

    // It is back, and the node of both is killed.
    alex = await startAlex();
    kate.program.kill("SIGKILL");
    for (const [lines, user] of [[ann, "ann"], [bob, "bob"]] as const) {
      await lines.next(`${user} closed 1006`);
      await lines.next(`${user} joined "${user}"`);
    }
    await both();
    await talk("after the kill");
  },
);

/** The program of the client in Node. */
function inNodeOf({ port }: Balancer): string {
  return `import * as phoenix from "phoenix";
    import { start } from "./_cluster_client.mjs";
    start(phoenix, "ws://127.0.0.1:${port}/socket", "ann");`;
}

/** Passes the lines of a program on. */
async function forward(program: Running, lines: Lines): Promise<void> {
  let count = 0;
  const next = () => {
    const whole = program.stdout.split("\n").slice(count, -1);
    return whole.length > 0 && whole;
  };
  for (;;) {
    const read = await program.until(next, "a line").catch(() => undefined);
    if (read === undefined) return;
    count += read.length;
    for (const line of read) lines.add(line);
  }
}

/** Opens a page of a node, and runs a client there. */
async function open(
  page: Page,
  { port }: Balancer,
  folder: string,
): Promise<void> {
  const phoenix = `${folder}/node_modules/phoenix/priv/static/phoenix.mjs`;
  const client = await Deno.readTextFile(new URL("_cluster_client.mjs", HERE));
  const scripts = new Map([
    ["/phoenix.mjs", await Deno.readTextFile(phoenix)],
    ["/client.mjs", client],
  ]);
  await page.route("**/*.mjs", async (route) => {
    const body = scripts.get(new URL(route.request().url()).pathname);
    await route.fulfill({ contentType: "text/javascript", body });
  });
  await page.goto(`http://127.0.0.1:${port}/`);
  await page.addScriptTag({
    type: "module",
    content: `import * as phoenix from "/phoenix.mjs";
      import { start } from "/client.mjs";
      start(phoenix, "/socket", "bob");`,
  });
}
