/** docs/channels.md: its programs, on two nodes, with the client of Phoenix. */

import { assert, assertEquals } from "@std/assert";
import { Socket } from "npm:phoenix@1.8.16";
import { freePort } from "../../packages/testing/_ports.ts";
import { test } from "../../packages/testing/tags.ts";
import { blocksIn, filesIn, PageProject, readPage } from "../_pages.ts";

/** A client with the lines that it has seen. */
class Tab implements AsyncDisposable {
  readonly lines: string[] = [];
  // deno-lint-ignore no-explicit-any
  channel: any;
  readonly #socket: Socket;
  #wake: () => void = () => {};

  constructor(port: string, user: string, after: number) {
    this.#socket = new Socket(`ws://127.0.0.1:${port}/socket`, {
      authToken: user,
    });
    this.#socket.connect();
    this.channel = this.#socket.channel("room:tea", { after });
    // deno-lint-ignore no-explicit-any
    this.channel.on("said", ({ number, name, text }: any) => {
      this.lines.push(`${number} ${name} ${text}`);
      this.#wake();
    });
    this.channel.join();
  }

  say(text: string): void {
    this.channel.push("say", { id: crypto.randomUUID(), text });
  }

  async shows(lines: string[]): Promise<void> {
    while (this.lines.length < lines.length) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    assertEquals(this.lines, lines);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.disconnect(resolve));
  }
}

test(
  "docs/channels.md: a room on two nodes, which a client finds again at the other one",
  { timeout: 120_000, sanitizeOps: false, sanitizeResources: false },
  async () => {
    const guide = await readPage("docs/channels.md");
    await using beside = await PageProject.make(await readPage("README.md"));
    const ports = [`${freePort()}`, `${freePort()}`];
    const withPorts = (text: string) =>
      text.replaceAll("8001", ports[0]).replaceAll("8002", ports[1]);
    for (const [name, text] of filesIn(guide)) await beside.write(name, text);
    const commands = blocksIn(guide).filter(({ language }) => language === "sh")
      .map(({ text }) => withPorts(text.trimEnd()));
    assertEquals(commands.length, 2);
    const env = { ERL_EPMD_PORT: `${freePort()}`, HOME: Deno.env.get("HOME")! };
    await using first = beside.run(commands[0], env);
    await first.printed("Listening");
    await using second = beside.run(commands[1], env);
    await second.printed("Listening");

    await using ann = new Tab(ports[0], "ann", 0);
    await using bob = new Tab(ports[1], "bob", 0);
    ann.say("hello");
    await bob.shows(["1 ann hello"]);
    bob.say("tea?");
    await ann.shows(["1 ann hello", "2 bob tea?"]);
    first.kill("SIGTERM");
    assertEquals(await first.ended, 0, first.output);
    await using again = new Tab(ports[1], "ann", 1);
    await again.shows(["2 bob tea?"]);
    again.say("yes");
    await bob.shows(["1 ann hello", "2 bob tea?", "3 ann yes"]);
    assert(!second.output.includes("[error]"), second.output);
  },
);
