/** The conformance suite of Durable Streams from npm, unmodified. */

import { assertEquals } from "@std/assert";
import { join } from "node:path";
import type { StreamsHandler } from "../../packages/streams/mod.ts";
import type { StreamRequestInfo } from "../../packages/streams/options.ts";
import { outputOf } from "../_child.ts";
import { temporaryFolder } from "../_temporary.ts";

/** The version is exact: a later one may ask for more. */
const SUITE = "@durable-streams/server-conformance-tests@0.3.6";

/**
 * The suite looks at lives of one and two seconds on real time, half a second before their end, and gives up after two to
 * five seconds. A machine that stands still for a moment fails it. So it waits longer for what must come, and the server
 * ends a short life later by as much ({@linkcode withLongerLives}). What it asserts stays as it is.
 *
 * Its tests run at once, as most of their time is waiting. They name streams by the time, so no two of them get the same one.
 */
const PROGRAM = `import { vi } from "vitest";
import { runConformanceTests } from "@durable-streams/server-conformance-tests";
const { setTimeout } = globalThis;
globalThis.setTimeout = (callback, time, ...args) =>
  setTimeout(callback, String(callback).includes("abort()") ? Math.max(time, 10_000) : time, ...args);
const { waitFor } = vi;
vi.waitFor = (callback, options) => waitFor(callback, { ...options, timeout: 60_000 });
const { now } = Date;
let last = 0;
Date.now = () => last = Math.max(last + 1, now());
runConformanceTests({ baseUrl: process.env.SERVER, longPollTimeoutMs: 60_000 });
`;

/** Milliseconds that a short life is longer. */
const LONGER = 8000;

/** Lives of up to two seconds, in seconds, and as the server gets them. */
const SHORT = /^[12]$/;
const LENGTHENED = /^(?:9|10)$/;

/** The tests of subscriptions, which a server may leave out, and leaves out by default. */
const SUBSCRIPTIONS = 6;

/** Milliseconds that a long poll of a server waits for the suite, which counts on events that come meanwhile. */
export const LONG_POLL = 5000;

interface Report {
  testResults: { assertionResults: { fullName: string; status: string }[] }[];
}

/** Serves the suite: its short lives are longer, and their answers do not say so. */
export function withLongerLives(handle: StreamsHandler): StreamsHandler {
  const serve = async (request: Request, info?: StreamRequestInfo) => {
    const headers = new Headers(request.headers);
    const ttl = headers.get("stream-ttl") ?? "";
    const expires = headers.get("stream-expires-at") ?? "";
    // safe: a life that ends later than that is not changed, and needs none.
    const near = Date.parse(expires) < Date.now() + LONGER;
    if (SHORT.test(ttl)) {
      headers.set("stream-ttl", String(Number(ttl) + LONGER / 1000));
    }
    if (near) {
      const later = new Date(Date.parse(expires) + LONGER);
      headers.set("stream-expires-at", later.toISOString());
    }
    const asked = request.method === "PUT"
      ? new Request(request, { headers })
      : request;
    const response = await handle(asked, info);
    const stored = response.headers.get("stream-ttl") ?? "";
    if (LENGTHENED.test(stored)) {
      const short = Number(stored) - LONGER / 1000;
      response.headers.set("stream-ttl", String(short));
    }
    return response;
  };
  return Object.assign(serve, handle);
}

type Folder = Awaited<ReturnType<typeof temporaryFolder>>;

/** The suite in a folder of its own. */
export class Suite implements AsyncDisposable {
  readonly #folder: Folder;
  /** The output of npm. */
  readonly #log: string;

  private constructor(folder: Folder, log: string) {
    this.#folder = folder;
    this.#log = log;
  }

  static async install(): Promise<Suite> {
    await using stack = new AsyncDisposableStack();
    const folder = stack.use(await temporaryFolder());
    const { path: cwd } = folder;
    await Deno.writeTextFile(
      join(cwd, "package.json"),
      '{"private":true,"type":"module"}',
    );
    await Deno.writeTextFile(join(cwd, "suite.test.js"), PROGRAM);
    const flags = ["--no-audit", "--no-fund", "--ignore-scripts"];
    const args = ["install", ...flags, SUITE, "vitest@4"];
    const { stdout, stderr } = await outputOf("npm", { args, cwd });
    stack.move();
    return new Suite(folder, stdout + stderr);
  }

  /** Asserts that a server passes. */
  async passes(url: string): Promise<void> {
    const { path: cwd } = this.#folder;
    const report = join(cwd, "report.json");
    await Deno.writeTextFile(report, '{"testResults":[]}');
    const { stdout, stderr } = await outputOf(
      join(cwd, "node_modules/.bin/vitest"),
      {
        args: [
          ...["run", "--sequence.concurrent", "--maxConcurrency=24"],
          "--testTimeout=120000",
          ...["--reporter=json", `--outputFile=${report}`],
        ],
        cwd,
        env: { SERVER: url },
      },
    );
    const text = await Deno.readTextFile(report);
    const { testResults } = JSON.parse(text) as Report;
    const results = testResults.flatMap((file) => file.assertionResults);
    const withStatus = (status: string) =>
      results.filter((result) => result.status === status);
    assertEquals(
      {
        failed: withStatus("failed").map(({ fullName }) => fullName),
        passed: withStatus("passed").length,
        others: results.length - withStatus("passed").length,
      },
      { failed: [], passed: 332, others: SUBSCRIPTIONS },
      this.#log + stdout + stderr,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#folder[Symbol.asyncDispose]();
  }
}
