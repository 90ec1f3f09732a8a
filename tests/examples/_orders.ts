/**
 * The programs of `examples/orders/` under load: clients that place orders and follow their logs, nodes that are killed, and
 * the judge, who compares the tables in PostgreSQL with the record of the payment service and with what clients have seen.
 */

import { assert, assertEquals } from "@std/assert";
import { type ClientRequest, request } from "node:http";
import postgres from "npm:postgres@^3";
import { freePort } from "../../packages/testing/_ports.ts";
import { temporaryFolder } from "../_temporary.ts";
import { until } from "../_until.ts";
import { Program } from "./_program.ts";

const NAMES = ["orders-1", "orders-2", "orders-3"];
const STAFF = "staff";

/** The events of an order that are no lines of its chat, each once and in this order. */
const STEPS = "placed charged reserved invoiced approved shipped".split(" ");

/** The number of clients that place orders. */
const WORKERS = 8;

/** The answer of a node. */
export interface Answer {
  status: number;
  text: string;
}

/** A pause before the next try at another node, which may be as dead as this one. */
function pause(): Promise<void> {
  // safe: it only keeps a loop from being busy; the condition of the loop ends it.
  return new Promise((resolve) => setTimeout(resolve, 50));
}

/** Sends a request on a connection of its own; `undefined` if its node was killed. */
function send(url: string, body?: object): Promise<Answer | undefined> {
  const { promise, resolve } = Promise.withResolvers<Answer | undefined>();
  const sent = request(url, {
    agent: false,
    method: body === undefined ? "GET" : "POST",
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${STAFF}`,
    },
  }, (response) => {
    let text = "";
    response.setEncoding("utf8").on("data", (part) => text += part);
    response.on("end", () => resolve({ status: response.statusCode!, text }));
    response.on("error", () => {}).on("close", () => resolve(undefined));
  });
  sent.on("error", () => resolve(undefined)).end(body && JSON.stringify(body));
  return promise;
}

/** A client that follows a log: at another node, after the last number that it has, whenever its connection ends. */
class Follower {
  /** The bytes of all events, as they came. */
  text = "";
  last = 0;
  /** The id of the last event. */
  id = "";
  /** The number of connections that it has had. */
  connections = 0;
  /** The event that was not the next one. */
  wrong: string | undefined;
  readonly #orders: Orders;
  readonly #key: string;
  readonly #ended: Promise<void>;
  #request: ClientRequest | undefined;
  #isOver = false;

  constructor(orders: Orders, key: string, first: number) {
    this.#orders = orders;
    this.#key = key;
    this.#ended = this.#run(first);
  }

  async #run(first: number): Promise<void> {
    for (let at = first; !this.#isOver; at++) {
      await this.#connect(`${this.#orders.origin(at)}/orders/${this.#key}/log`);
      if (!this.#isOver) await pause();
    }
  }

  #connect(url: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const headers = { "last-event-id": this.id };
    const sent = request(url, { agent: false, headers }, (response) => {
      this.connections++;
      let rest = "";
      response.setEncoding("utf8").on("data", (part) => {
        const events = (rest + part).split("\n\n");
        rest = events.pop()!;
        for (const event of events) this.#take(event);
      });
      response.on("error", () => {}).on("close", resolve);
    });
    sent.on("error", () => resolve()).on("close", resolve).end();
    this.#request = sent;
    return promise;
  }

  #take(event: string): void {
    const [, id = "", number] =
      /^id: ((\d+)-\S+)\nevent: message\ndata: /.exec(event) ?? [];
    if (Number(number) !== this.last + 1) {
      this.wrong ??= `${event} follows ${this.last}`;
    }
    this.last = Number(number);
    this.id = id;
    this.text += `${event}\n\n`;
  }

  /** Ends it. */
  async stop(): Promise<void> {
    this.#isOver = true;
    this.#request?.destroy();
    await this.#ended;
  }
}

/** The nodes, the payment service, and what clients do. */
export class Orders implements AsyncDisposable {
  /** The number of nodes that were killed. */
  kills = 0;
  readonly #stack = new AsyncDisposableStack();
  readonly #store: string;
  readonly #folder: string;
  readonly #flags: string[];
  readonly #ports = NAMES.map(() => freePort());
  readonly #paymentsPort = freePort();
  readonly #programs: (Program | undefined)[] = [];
  #payments: Program | undefined;
  readonly #keys: string[] = [];
  readonly #followers = new Map<string, Follower[]>();

  private constructor(store: string, folder: string) {
    this.#store = store;
    this.#folder = folder;
    this.#flags = [
      ...["--cookie-file", `${folder}/cookie`, "--epmd-port", `${freePort()}`],
      ...["--cluster", NAMES.map((name) => `${name}@localhost`).join(",")],
    ];
  }

  /** Starts three nodes with a store, without the payment service. */
  static async start(store: string): Promise<Orders> {
    const folder = await temporaryFolder();
    const orders = new Orders(store, folder.path);
    orders.#stack.use(folder);
    await Deno.writeTextFile(`${folder.path}/cookie`, crypto.randomUUID(), {
      mode: 0o600,
    });
    await Promise.all(NAMES.map((_, at) => orders.startNode(at)));
    return orders;
  }

  /** Starts a node, and waits until it is up. */
  async startNode(at: number): Promise<void> {
    const program = new Program("orders/node.ts", [
      ...["--sname", `${NAMES[at]}@localhost`, ...this.#flags],
    ], {
      STORE: this.#store,
      PORT: `${this.#ports[at]}`,
      PAYMENTS: `http://127.0.0.1:${this.#paymentsPort}`,
      STAFF_TOKEN: STAFF,
    });
    this.#programs[at] = program;
    await program.matches(/ is up\n/);
  }

  /** Kills a node, and starts it again. */
  async killNode(): Promise<void> {
    const at = this.kills++ % NAMES.length;
    await this.#programs[at]![Symbol.asyncDispose]();
    await this.startNode(at);
  }

  /** Starts the payment service. */
  async startPayments(): Promise<void> {
    this.#payments = new Program("orders/payments.ts", [], {
      PAYMENTS_PORT: `${this.#paymentsPort}`,
      PAYMENTS_FILE: `${this.#folder}/payments.jsonl`,
    });
    await this.#payments.matches(/is up/);
  }

  /** Kills the payment service, which keeps its record. */
  async killPayments(): Promise<void> {
    await this.#payments![Symbol.asyncDispose]();
  }

  /** The address of a node, of all nodes by turns. */
  origin(at: number): string {
    return `http://127.0.0.1:${this.#ports[at % NAMES.length]}`;
  }

  /** Sends a request to one node after the other, until one has done it or refused it. */
  async ask(path: string, body?: object): Promise<Answer> {
    for (let at = this.kills;; at++) {
      const answer = await send(`${this.origin(at)}/orders/${path}`, body);
      if (answer !== undefined && answer.status !== 503) return answer;
      await pause();
    }
  }

  /** The status of an order. */
  async statusOf(key: string): Promise<string> {
    const { text } = await this.ask(key);
    return JSON.parse(text).status;
  }

  /** Places an order; returns its key. Large ones wait for an approval. */
  async place(isLarge: boolean): Promise<string> {
    const key = crypto.randomUUID();
    this.#keys.push(key);
    const body = { item: "cup", quantity: isLarge ? 10 : 1 };
    const { status, text } = await this.ask(key, body);
    assertEquals(status, 200, text);
    return key;
  }

  /** Writes a line to the chat about an order; returns its number in the log. */
  async say(key: string, text: string): Promise<number> {
    const line = { id: crypto.randomUUID(), text };
    const answer = await this.ask(`${key}/lines`, line);
    assertEquals(answer.status, 200, answer.text);
    return JSON.parse(answer.text).number;
  }

  /** Approves an order once it waits for that. An approval that is repeated finds that it is approved. */
  async approve(key: string): Promise<void> {
    await until(async () => await this.statusOf(key) === "invoiced");
    const { status, text } = await this.ask(`${key}/approval`, {});
    assert(status === 200 || /It is (approved|shipped)/.test(text), text);
  }

  /** Waits until an order is shipped. */
  isShipped(key: string): Promise<void> {
    return until(async () => await this.statusOf(key) === "shipped");
  }

  /** Clients place orders and write about them until `fn` has ended, which gets the number of shipped ones. */
  async during(fn: (shipped: () => number) => Promise<void>): Promise<void> {
    let isOver = false, shipped = 0;
    const workers = Array.from({ length: WORKERS }, async (_, worker) => {
      for (let n = worker; !isOver; n++) {
        const key = await this.place(n % 3 === 0);
        await this.say(key, "When does it come?");
        if (n % 3 === 0) await this.approve(key);
        await this.isShipped(key);
        shipped++;
      }
    });
    const ended = Promise.all(workers);
    // A worker that fails ends the test.
    await Promise.race([ended, fn(() => shipped)]);
    isOver = true;
    await ended;
  }

  /** Opens orders that wait for an approval, with clients that follow each. */
  async openChats(orders: number, followers: number): Promise<string[]> {
    const keys = await Promise.all(
      Array.from({ length: orders }, () => this.place(true)),
    );
    for (const key of keys) {
      this.#followers.set(
        key,
        Array.from(
          { length: followers },
          (_, at) => new Follower(this, key, at),
        ),
      );
    }
    return keys;
  }

  /** Writes a line about each of these orders, and waits until all of their followers have it. */
  async tell(keys: readonly string[], line: string): Promise<void> {
    await Promise.all(keys.map(async (key) => {
      const number = await this.say(key, line);
      const followers = this.#followers.get(key)!;
      await until(() => followers.every(({ last }) => last >= number));
    }));
  }

  /**
   * Asserts that all orders are shipped, each step counted once, and that tables, payments and followers agree. Returns
   * figures for people.
   */
  async judge(url: string): Promise<Record<string, number>> {
    const sql = this.#stack.adopt(
      postgres(url, { max: 1, fetch_types: false, onnotice() {} }),
      (sql) => sql.end(),
    );
    for (const key of this.#keys) await this.isShipped(key);
    const invoices = await sql`SELECT order_id, run, cents FROM invoice`;
    const record = await Deno.readTextFile(`${this.#folder}/payments.jsonl`);
    const payments = record.trim().split("\n").map((line) => JSON.parse(line));
    assertEquals(invoices.length, this.#keys.length);
    assertEquals(payments.length, this.#keys.length);
    let events = 0, follower = 0, connections = 0, units = 0;
    for (const key of this.#keys) {
      const [invoice] = invoices.filter(({ order_id }) => order_id === key);
      const [payment] = payments.filter(({ order }) => order === key);
      const rows = await sql`
        SELECT number::int, at, body FROM entities_log
        WHERE type = 'order' AND key = ${key} AND stream = '' ORDER BY number`;
      const history = rows.map(({ body }) => JSON.parse(body));
      const steps = history.filter(({ type }) => type !== "said");
      const isLarge = steps[0].quantity > 1;
      assertEquals(
        steps.map(({ type }) => type),
        STEPS.filter((type) => isLarge || type !== "approved"),
        key,
      );
      const [{ cents, quantity }, { receipt }] = steps;
      assertEquals(receipt, `receipt of ${invoice.run}`);
      assertEquals(payment, { key: invoice.run, order: key, cents });
      assertEquals(invoice.cents, cents);
      units += quantity;
      events += rows.length;
      const texts = history.filter(({ type }) => type === "said")
        .map(({ text }) => text);
      assertEquals(texts.length, new Set(texts).size, `${key}: ${texts}`);
      const text = rows.map(({ number, at, body }) =>
        `id: ${number}-${at}\nevent: message\ndata: ${body}\n\n`
      ).join("");
      for (const each of this.#followers.get(key) ?? []) {
        await until(() => each.last >= rows.length);
        await each.stop();
        assertEquals(each.wrong, undefined, key);
        assertEquals(each.text, text, key);
        follower++;
        connections += each.connections;
      }
    }
    const [{ body }] = await sql`
      SELECT body FROM entities_state WHERE type = 'stock' AND key = 'cup'`;
    const { s } = JSON.parse(body);
    assertEquals(s, { left: 1_000_000 - units, shipped: units, reserved: {} });
    return {
      ...{ orders: this.#keys.length, kills: this.kills, events },
      ...{ followers: follower, connections },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const followers of this.#followers.values()) {
      for (const each of followers) await each.stop();
    }
    for (const program of [...this.#programs, this.#payments]) {
      await program?.[Symbol.asyncDispose]();
    }
    await this.#stack.disposeAsync();
  }
}
