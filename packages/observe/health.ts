/**
 * Handlers of `/livez` and `/readyz`, for load balancers, Kubernetes and supervisors of the operating system.
 *
 * `/livez` reports whether the program lives, and `/readyz` whether it should get requests. One handler fits
 * `Deno.serve`, `Bun.serve`, `node:http`, Express and Hono.
 *
 * @module
 */

import { BOUNDS } from "@otp/processes/values/bounds";
import { Node } from "@otp/node/node";
import { runIn } from "@otp/processes/spawning/run_in_process";
import { currentRuntime } from "@otp/processes/runtime/current_process";
import {
  checkOptions,
  countFrom,
  FLAG,
  TIMEOUT,
} from "@otp/processes/values/check_arguments";
import { printableLine, quote } from "@otp/processes/values/inspect";
import {
  type CheckOptions,
  type HealthCheck,
  healthChecks,
} from "./health_checks.ts";
import { type WebAnswer, type WebHandler, webHandler } from "./web_handler.ts";
import {
  isOptions,
  type OptionCheck,
  type OptionChecks,
} from "@otp/processes/values/options";
import { internalsOf, startedNodes } from "@otp/node/start/node_internals";

export type { HealthCheck };
export type {
  HonoContextLike,
  NodeRequestLike,
  NodeResponseLike,
  WebHandler,
} from "./web_handler.ts";

/** Options for {@linkcode health}. */
export interface HealthOptions {
  /**
   * The node whose state the answers report.
   *
   * @default {the first node of the program that is started}
   */
  node?: Node;
  /**
   * The number of other visible nodes that the node must be connected to, to be ready.
   *
   * @default {minPeers of the node}
   */
  minPeers?: number;
  /**
   * Checks that must pass for the program to be ready, besides its node: a database answers, for example.
   * Each is a function that fails if it returns `false`, throws, rejects, or takes longer than `timeout`.
   *
   * @default {{}}
   */
  ready?: Record<string, HealthCheck>;
  /**
   * Checks that must pass for the program to live. If a check fails, the service manager kills the program, so check
   * only for failures that a restart repairs, never another service.
   *
   * @default {{}}
   */
  live?: Record<string, HealthCheck>;
  /**
   * How long a check may take, in milliseconds; choose less than the client's timeout.
   *
   * @default {1000}
   */
  timeout?: number;
  /**
   * How long the result of a check is reused, in milliseconds: each check runs at most once in this time, however many
   * requests arrive.
   *
   * @default {1000}
   */
  maxAge?: number;
  /**
   * The path for liveness.
   *
   * @default {"/livez"}
   */
  livePath?: string;
  /**
   * The path for readiness.
   *
   * @default {"/readyz"}
   */
  readyPath?: string;
  /**
   * Whether the answer lists the state of the node, the number of its peers and the name of each check with
   * its result. Anyone who reaches the server can read that.
   *
   * @default {false}
   */
  verbose?: boolean;
}

/** The maximum number of checks. */
const MAX_CHECKS = 100;

const CHECKS: OptionCheck = {
  accepts: (checks) =>
    isOptions(checks) &&
    Object.keys(checks as object).length <= MAX_CHECKS &&
    Object.values(checks as object).every((each) => typeof each === "function"),
  give: `up to ${MAX_CHECKS} functions by name, as in { store: () => true }`,
};

const PATH: OptionCheck = {
  accepts: (path) => typeof path === "string" && path.startsWith("/"),
  give: 'a path that begins with /, such as "/livez"',
};

const HEALTH_OPTIONS: OptionChecks<HealthOptions> = {
  node: {
    accepts: (node) => node instanceof Node,
    give: "the node that Node.start returned",
  },
  minPeers: countFrom(0),
  ready: CHECKS,
  live: CHECKS,
  timeout: TIMEOUT,
  maxAge: TIMEOUT,
  livePath: PATH,
  readyPath: PATH,
  verbose: FLAG,
};

/** A handler of {@linkcode health}: it fits several kinds of web servers. */
export type HealthHandler = WebHandler;

const HEADERS = {
  "content-type": "text/plain; charset=utf-8",
  // A load balancer must not keep an answer.
  "cache-control": "no-store",
};

/**
 * Creates a handler of `/livez` and `/readyz`, for `GET` and `HEAD`.
 *
 * `/livez` answers `200` while the program can answer at all, its node is not stopped, none of the node's supervision
 * trees has ended for good (`onTreeEnd` of `Node.start`), and the checks of `live` pass. `/readyz` answers `200` while
 * the node is `"up"` ({@linkcode Node.status}), has `minPeers` and its trees, and the checks of `ready` pass: not
 * before the node is started, and no longer once it drains or stops. Otherwise the status is `503`. A draining program lives
 * but is not ready: it gets no more requests, and is not killed.
 *
 * Anyone may send requests, so an answer is `ok` or `unavailable`, without names, versions or reasons, unless `verbose`
 * is set. An answer is cheap, because results of checks are reused for `maxAge`. A check that does not end is not
 * started a second time. When a check begins to fail, the node logs a warning with the reason. Each check runs in its
 * own process on the node, so it can call servers.
 *
 * OTP has no such function.
 *
 * @throws {TypeError} If an option has the wrong type, a path does not begin with `/`, or there are more than
 *   100 checks of a kind.
 * @throws {RangeError} If a number is out of bounds.
 *
 * @example Checks
 * ```ts
 * import { Agent, Node } from "@otp/distribution";
 * import { health } from "@otp/distribution/health";
 * import { assertEquals } from "@std/assert";
 *
 * await using node = await Node.start({ name: "web@localhost", cookie: "c", epmdPort: 14369, log() {} });
 * const store = await node.run(() => Agent.start(() => "up"));
 * const probe = health({
 *   ready: { store: async () => await Agent.get(store, (state) => state) === "up" },
 *   maxAge: 0,
 *   verbose: true,
 * });
 * const ask = async () => {
 *   const response = await probe(new Request("http://localhost/readyz"));
 *   return [response?.status, await response?.text()];
 * };
 * assertEquals(await ask(), [200, "ok\nnode: up\npeers: 0 of 0\nstore: ok\n"]);
 * await Agent.update(store, () => "down");
 * assertEquals(await ask(), [503, "unavailable\nnode: up\npeers: 0 of 0\nstore: failed\n"]);
 * ```
 *
 * @example With `node:http`
 * ```ts
 * import { createServer } from "node:http";
 * import { health } from "@otp/distribution/health";
 *
 * const probe = health();
 * const server = createServer((request, response) => {
 *   if (probe(request, response)) return;
 *   response.end("hi");
 * });
 * server.close();
 * ```
 *
 * @example With Hono
 * ```ts ignore
 * const app = new Hono();
 * app.use(health());
 * ```
 */
export function health(options: HealthOptions = {}): HealthHandler {
  checkOptions(
    options,
    "make a health handler",
    HEALTH_OPTIONS,
    "{ ready: { store: () => true } }",
  );
  const { node: given, verbose = false } = options;
  const { livePath = "/livez", readyPath = "/readyz" } = options;
  const { ready = {}, live = {}, timeout = 1000, maxAge = 1000 } = options;
  const current = () => given ?? startedNodes(Node).at(0);
  const settings: CheckOptions = {
    timeout,
    maxAge,
    run(check) {
      const run = async () => await check();
      return current()?.run(run) ?? runIn(currentRuntime(), run);
    },
    failed: (name, reason) => report(current(), name, reason),
  };
  const answers = (
    checks: Record<string, HealthCheck>,
    isReady: boolean,
  ): () => Promise<WebAnswer> => {
    const run = healthChecks(checks, settings);
    return async () => {
      const results = await run();
      // Read the node's state last, because the checks take time.
      const node = current();
      const status = node?.status;
      const peers = node ? internalsOf(node).runtime.visible.size : 0;
      const minPeers = options.minPeers ??
        (node && internalsOf(node).options.minPeers) ?? 0;
      const end = node && internalsOf(node).treeEnd();
      const isNodeFine = isReady
        ? status === "up" && peers >= minPeers
        // A program may start its node later, and stop it when it ends.
        : status !== "stopped";
      const isOk = isNodeFine && end === undefined &&
        results.every(([, isFine]) => isFine);
      const lines = [isOk ? "ok" : "unavailable"];
      if (verbose) {
        lines.push(
          `node: ${status ?? "not started"}`,
          ...isReady ? [`peers: ${peers} of ${minPeers}`] : [],
          ...end === undefined ? [] : [`tree: ended, as ${end.message}`],
          ...results.map(([name, isFine]) =>
            `${printableLine(name, BOUNDS.checkName)}: ${
              isFine ? "ok" : "failed"
            }`
          ),
        );
      }
      return {
        status: isOk ? 200 : 503,
        headers: HEADERS,
        body: `${lines.join("\n")}\n`,
      };
    };
  };
  const paths = new Map([
    [livePath, answers(live, false)],
    [readyPath, answers(ready, true)],
  ]);
  return webHandler((path) => paths.get(path));
}

/** Logs that a check has begun to fail. */
function report(node: Node | undefined, name: string, reason: string): void {
  const runtime = node ? internalsOf(node).runtime : currentRuntime();
  const shown = name.slice(0, BOUNDS.checkName);
  runtime.log.report(
    "warning",
    () => `The health check ${quote(shown)} fails: ${reason}`,
    { what: `failures of the health check ${shown}` },
  );
}
