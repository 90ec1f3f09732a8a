/** The orders, whose steps go on whatever crashes meanwhile, and the stock: an entity for each order, and for each item. */

import {
  type DurableContext,
  Entity,
  type EntityContext,
  type EntityReadContext,
} from "@otp/distribution/entities";
import { env } from "node:process";

const PRICES: Record<string, number> = { tea: 450, cup: 1200 }; // cents
const LARGE = 10_000; // cents: such an order waits for an approval

/** The lines of the chat about an order: fewer than the events that its log keeps, so that none pushes out a step. */
const MAX_LINES = 1000;

/** A step runs until it has a result; an attempt that hangs is given up. */
const STEP = { timeout: 10_000, retry: { min: 200, max: 5000 } };

const INVOICE =
  "INSERT INTO invoice (run, order_id, cents) VALUES ($1, $2, $3)";

/** The events of an order, which its log keeps. */
export type OrderEvent =
  | { type: "placed"; item: string; quantity: number; cents: number }
  | { type: "charged" | "refunded"; receipt: string }
  | { type: "reserved" | "sold out" | "invoiced" | "approved" | "shipped" }
  | { type: "said"; by: string; text: string };

interface State {
  status: OrderEvent["type"] | "new"; // the last event that is no line of the chat
  run: string;
  lines: number;
}

export const Order = Entity.define("order", {
  state: (): State => ({ status: "new", run: "", lines: 0 }),
  log: { keep: { events: 10_000, days: 365 } },

  /** Answers at once, whatever a method waits for. */
  reads: { get: ({ state }: EntityReadContext<State>) => state },

  durable: {
    async place(order: DurableContext<State>, item: string, quantity: number) {
      const { key, id, state } = order;
      if (state.status !== "new") order.refuse("placed", "It was placed.");
      if (typeof item !== "string" || !Object.hasOwn(PRICES, item)) {
        order.refuse("item", "Unknown item.");
      }
      if (!Number.isInteger(quantity) || quantity < 1 || quantity > 1000) {
        order.refuse("quantity", "A quantity is from 1 to 1000.");
      }
      const cents = PRICES[item] * quantity;
      state.run = id;
      note(order, { type: "placed", item, quantity, cents });

      // Each attempt has the same key: one may have paid although its answer was lost.
      const receipt = await order.step(
        "charge",
        ({ signal }) => pay(id, { order: key, cents }, signal),
        STEP,
      );
      note(order, { type: "charged", receipt });

      // The attempts of a step have one id: a call that arrives late, after its order was shipped, does nothing.
      const stock = (id: string) => Stock.get(item, { timeout: 8000, id });
      const hasItems = await order.step(
        "reserve",
        ({ id }) => stock(id).reserve(key, quantity),
        STEP,
      );
      if (!hasItems) {
        note(order, { type: "sold out" });
        const receipt = await order.step(
          "refund",
          ({ signal }) => pay(`-${id}`, { order: key, cents: -cents }, signal),
          STEP,
        );
        return note(order, { type: "refunded", receipt });
      }
      note(order, { type: "reserved" });

      // A row for a program that sends invoices, in the transaction that stores the status.
      order.sql(INVOICE, [id, key, cents]);
      note(order, { type: "invoiced" });

      const timeout = cents < LARGE ? "1 s" : "3 days";
      await order.waitFor("approved", { timeout });
      await order.step("ship", ({ id }) => stock(id).ship(key), STEP);
      note(order, { type: "shipped" });
    },
  },

  approve(order: EntityContext<State>) {
    const { status } = order.state;
    if (status !== "invoiced") order.refuse(status, `It is ${status}.`);
    note(order, { type: "approved" });
  },

  /** Adds a line to the chat about the order; returns its number. */
  say(order: EntityContext<State>, by: string, text: string) {
    const { state } = order;
    if (typeof text !== "string" || !/\S/.test(text) || text.length > 500) {
      order.refuse("text", "A line has 1 to 500 characters.");
    }
    if (state.status === "new") order.refuse("new", "There is no order.");
    if (++state.lines > MAX_LINES) order.refuse("full", "The chat is full.");
    return order.log.append({ type: "said", by, text });
  },
});

/** An item of the stock. */
export const Stock = Entity.define("stock", {
  state: () => ({
    ...{ left: 1_000_000, shipped: 0 },
    reserved: {} as Record<string, number>,
  }),
  /** Returns whether the order has its items. */
  reserve({ state }, order: string, quantity: number) {
    if (order in state.reserved) return true;
    if (state.left < quantity) return false;
    state.left -= quantity;
    state.reserved[order] = quantity;
    return true;
  },
  ship({ state }, order: string) {
    state.shipped += state.reserved[order] ?? 0;
    delete state.reserved[order];
  },
}, {
  // Longer than a call is under way; a step that goes on after that finds its reservation in the state.
  remember: { calls: 100, for: 60_000 },
});

function note(
  order: EntityContext<State> | DurableContext<State>,
  event: OrderEvent,
): void {
  order.state.status = event.type;
  order.log.append(event);
}

async function pay(
  key: string,
  payment: { order: string; cents: number },
  signal: AbortSignal,
): Promise<string> {
  const response = await fetch(env.PAYMENTS ?? "http://127.0.0.1:8010", {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": key },
    body: JSON.stringify(payment),
    signal,
  });
  if (!response.ok) throw new Error(`it answers ${response.status}`);
  return String((await response.json()).receipt).slice(0, 100);
}
