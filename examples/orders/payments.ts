/** A payment service that fails, as real ones do: it is away, slow, or its answer is lost. It pays once for each key. */

import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { env } from "node:process";
import { json } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";

/** The service's own record: a line for each payment. */
const FILE = env.PAYMENTS_FILE ?? "payments.jsonl";

const record = existsSync(FILE) ? readFileSync(FILE, "utf8") : "";
const paid = new Set<string>(
  record.split("\n").filter(Boolean).map((line) => JSON.parse(line).key),
);
const attempts = new Map<string, number>();

createServer(async (request, response) => {
  const key = String(request.headers["idempotency-key"]);
  const payment = await json(request) as { order: string; cents: number };
  const attempt = (attempts.get(key) ?? 0) + 1;
  attempts.set(key, attempt);
  // The last digits of the key, a UUID, say how its first attempts fail.
  const fate = attempt > 3 ? 15 : parseInt(key.at(-attempt)!, 16);
  if (fate < 4) return response.writeHead(503).end();
  if (!paid.has(key)) {
    appendFileSync(FILE, `${JSON.stringify({ key, ...payment })}\n`);
    paid.add(key);
  }
  if (fate < 8) return response.destroy(); // It has paid, and the answer is lost.
  if (fate < 9) await setTimeout(5000);
  response.end(JSON.stringify({ receipt: `receipt of ${key}` }));
}).listen(Number(env.PAYMENTS_PORT ?? 8010), "127.0.0.1", () => {
  console.log("payments is up");
});
