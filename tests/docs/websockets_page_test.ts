/** docs/websockets.md: its program on two nodes. */

import { assert, assertEquals } from "@std/assert";
import { freePort } from "../../packages/testing/_ports.ts";
import { test } from "../../packages/testing/tags.ts";
import { until } from "../_until.ts";
import { blocksIn, filesIn, PageProject, readPage } from "../_pages.ts";

/** A client, and what it is shown. */
class Client implements Disposable {
  readonly #socket: WebSocket;
  readonly shown: string[] = [];
  /** Resolves with the code with which the socket is closed. */
  readonly closed: Promise<number>;

  constructor(port: string) {
    this.#socket = new WebSocket(`ws://127.0.0.1:${port}`);
    this.#socket.onmessage = ({ data }) => this.shown.push(data);
    this.closed = new Promise((resolve) =>
      this.#socket.onclose = ({ code }) => resolve(code)
    );
  }

  write(text: string): void {
    this.#socket.send(text);
  }

  async shows(text: string): Promise<void> {
    await until(() => this.shown.includes(text));
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

test(
  "docs/websockets.md: two nodes, one lobby, and a node that leaves",
  { timeout: 120_000 },
  async () => {
    const guide = await readPage("docs/websockets.md");
    await using beside = await PageProject.make(await readPage("README.md"));
    const ports = [`${freePort()}`, `${freePort()}`];
    const withPorts = (text: string) =>
      text.replaceAll("8001", ports[0]).replaceAll("8002", ports[1]);
    for (const [name, text] of filesIn(guide)) await beside.write(name, text);
    const commands = blocksIn(guide).filter(({ language }) => language === "sh")
      .map(({ text }) => withPorts(text.trimEnd()));
    assertEquals(commands.length, 2);
    const env = { ERL_EPMD_PORT: `${freePort()}`, HOME: Deno.env.get("HOME")! };
    await using added = beside.run("deno add --quiet npm:ws", env);
    assertEquals(await added.ended, 0, added.output);
    await using first = beside.run(commands[0], env);
    await first.printed("Listening");
    await using second = beside.run(commands[1], env);
    await second.printed("Listening");

    using one = new Client(ports[0]);
    await one.shows("you are at web1@localhost");
    using two = new Client(ports[1]);
    await two.shows("you are at web2@localhost");
    // The second node may not yet know the client of the first one.
    await until(() => {
      two.write("hello");
      return one.shown.includes("hello");
    });
    // The node of a client leaves: it says so to its clients, and the program ends well.
    first.kill("SIGTERM");
    assertEquals(await one.closed, 1001);
    assertEquals(await first.ended, 0, first.output);
    two.write("still here");
    await two.shows("still here");
    assert(!second.output.includes("error"), second.output);
  },
);
