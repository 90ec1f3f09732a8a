/** A conversation of unmodified clients with a server, which is compared with a recording, step by step. */

import { assertEquals } from "@std/assert";

/** The time limit for what a step is to show, in milliseconds. */
const PATIENCE = 20_000;

/** Returns a message as a line, with the references of a client numbered in the order of their first use. */
export type ShowMessage = (
  data: unknown,
  number: (ref: string | null) => string | null,
) => string;

/** The lines of the recording, by step. */
function recorded(text: string): Map<string, string[]> {
  const steps = new Map<string, string[]>();
  for (const part of text.split(/^## /m).slice(1)) {
    const [title, ...lines] = part.split("\n").filter((line) => line !== "");
    steps.set(title, lines);
  }
  return steps;
}

/** JSON with sorted keys, as maps of Erlang have no order, and without what differs in each run. */
export function show(value: unknown): string {
  if (value instanceof ArrayBuffer) {
    const shown = [...new Uint8Array(value)].map((byte) =>
      byte >= 32 && byte < 127
        ? String.fromCharCode(byte)
        : `\\x${byte.toString(16).padStart(2, "0")}`
    );
    return `<<${shown.join("")}>>`;
  }
  return JSON.stringify(
    value,
    (key, each) => {
      if (key.startsWith("phx_ref")) return "R";
      if (key === "pid") return "#PID";
      return each === null || typeof each !== "object" || Array.isArray(each)
        ? each
        : Object.fromEntries(
          Object.entries(each).sort(([a], [b]) => a < b ? -1 : 1),
        );
    },
  );
}

/** The client's side of a conversation. */
export class Conversation {
  readonly url: string;
  readonly #steps: Map<string, string[]>;
  readonly #show: ShowMessage;
  readonly #refs = new Map<string, Map<string, string>>();
  #lines: string[] = [];
  #wake: () => void = () => {};
  /** Lines that are not compared: their number depends on time. */
  ignores: RegExp | undefined;

  private constructor(
    url: string,
    steps: Map<string, string[]>,
    showMessage: ShowMessage,
  ) {
    this.url = url;
    this.#steps = steps;
    this.#show = showMessage;
  }

  /** Begins a conversation, as a file of this folder has recorded it. */
  static async begin(
    url: string,
    file: string,
    showMessage: ShowMessage,
  ): Promise<Conversation> {
    const text = await Deno.readTextFile(new URL(file, import.meta.url));
    return new Conversation(url, recorded(text), showMessage);
  }

  line(text: string): void {
    if (this.ignores?.test(text)) return;
    this.#lines.push(text);
    this.#wake();
  }

  /**
   * Does a step, and compares all that is seen until its last line with the recording; `among` hides whatever differs
   * between clients that join at the same time.
   */
  async step(
    title: string,
    run: () => unknown,
    among = (line: string): string => line,
  ): Promise<void> {
    const expected = this.#steps.get(title);
    if (expected === undefined) throw new Error(`no such step: ${title}`);
    await run();
    await this.#until(() => this.#lines.length >= expected.length);
    // Lines of one client have no order where the server's processes have none.
    const [seen, wanted] = [this.#lines, expected].map((lines) =>
      lines.map(among).toSorted()
    );
    assertEquals(seen, wanted, title);
    this.#steps.delete(title);
    this.#lines = [];
  }

  /** Resolves when a step has shown a line that ends so. */
  async seen(end: string): Promise<void> {
    const isSeen = () => this.#lines.some((line) => line.endsWith(end));
    await this.#until(isSeen);
    if (!isSeen()) throw new Error(`${end} is not among ${this.#lines}`);
  }

  async #until(isDone: () => boolean): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, PATIENCE);
    let isLate = false;
    late.promise.then(() => isLate = true);
    while (!isDone() && !isLate) {
      const woken = new Promise<void>((resolve) => this.#wake = resolve);
      await Promise.race([woken, late.promise]);
    }
    clearTimeout(timer);
  }

  /** Asserts that all steps were done. */
  end(): void {
    assertEquals([...this.#steps.keys()], []);
  }

  async ask(path: string): Promise<void> {
    const response = await fetch(this.url.replace("ws", "http") + path);
    await response.body?.cancel();
  }

  /** The WebSockets of a client, whose messages are lines. */
  transport(who: string): new (url: string) => WebSocket {
    const refs = this.#refs.get(who) ?? new Map<string, string>();
    this.#refs.set(who, refs);
    const number = (ref: string | null) => {
      if (ref === null) return ref;
      if (!refs.has(ref)) refs.set(ref, String(refs.size + 1));
      return refs.get(ref)!;
    };
    const note = (sign: string, data: unknown) =>
      this.line(`${who} ${sign} ${this.#show(data, number)}`);
    const line = (text: string) => this.line(`${who}: ${text}`);
    return class extends WebSocket {
      #isClosing = false;
      constructor(url: string, protocols?: string[]) {
        super(url, protocols);
        this.addEventListener(
          "open",
          () => line(`open, protocol=${JSON.stringify(this.protocol)}`),
        );
        this.addEventListener("message", ({ data }) => note("<", data));
        // Hosts of servers choose the code that answers a close, and hosts of clients the one of a failure.
        this.addEventListener("close", ({ code, wasClean }) =>
          line(
            this.#isClosing
              ? "closed"
              : `closed, code=${wasClean ? code : 1006}`,
          ));
      }
      override close(code?: number, reason?: string): void {
        this.#isClosing = true;
        super.close(code, reason);
      }
      override send(data: string | ArrayBuffer): void {
        note(">", data);
        super.send(data);
      }
    };
  }
}
