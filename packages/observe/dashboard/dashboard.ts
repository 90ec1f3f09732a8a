/**
 * A page that shows a node and its cluster: connections, supervision trees, processes, names and logs.
 *
 * The dashboard resembles Erlang's [observer](https://www.erlang.org/doc/apps/observer/observer_ug.html) and Phoenix's
 * [LiveDashboard](https://hexdocs.pm/phoenix_live_dashboard/), without a build step, an account or a request to another
 * site. It listens on a loopback address only, and its link works once: the first browser that opens the link keeps
 * access until the program ends. Programs start it with `--dashboard`.
 *
 * The page shows this node, and each connected node that was started with `allowObserve` (`--allow-observe`). While no
 * page is open, the dashboard asks each of them for its state every ten seconds, for the charts of a later page.
 *
 * @module
 */

import { GenServer, type ServerRef } from "@otp/servers/gen_server/gen_server";
import { startGenServer } from "@otp/servers/gen_server/gen_server_process";
import type { Pid } from "@otp/processes/process";
import type { ChildSpec } from "@otp/servers/supervisor/supervisor";
import {
  checkOptions,
  FLAG,
  integerFrom,
} from "@otp/processes/values/check_arguments";
import {
  DASHBOARD_SERVER,
  type DashboardSettings,
} from "./dashboard_server.ts";
import { isLoopbackHost } from "./request_checks.ts";
import type { OptionChecks } from "@otp/processes/values/options";

/** Options for {@linkcode Dashboard.startLink}. */
export interface DashboardOptions {
  /**
   * The port to listen on; 0 is any free one.
   *
   * @default {0}
   */
  port?: number;
  /**
   * The address to listen on, which is a loopback address: `"127.0.0.1"`, another one that begins with `127.`,
   * `"::1"` or `"localhost"`. From another machine, use a tunnel: `ssh -L 4444:127.0.0.1:4444 host`.
   *
   * @default {"127.0.0.1"}
   */
  host?: string;
  /**
   * Whether the page can end processes. On another node, this also needs `allowObserve: "write"` there.
   *
   * @default {false}
   */
  write?: boolean;
  /**
   * The name that the dashboard's process is registered under.
   *
   * @default {"Dashboard"}
   */
  name?: string;
}

const DASHBOARD_OPTIONS: OptionChecks<DashboardOptions> = {
  port: integerFrom(0, 65535),
  host: {
    accepts: (host) => typeof host === "string" && isLoopbackHost(host),
    give:
      'a loopback address, such as "127.0.0.1", as its page is not encrypted, and use a tunnel from other machines',
  },
  write: FLAG,
  name: {
    accepts: (name) => typeof name === "string" && name !== "",
    give: "a text",
  },
};

/** Serves a page that shows a node and its cluster. */
export class Dashboard {
  /**
   * Starts a dashboard on the node that the calling code runs on, linked to the calling process.
   *
   * After a restart, the dashboard listens on the same port if the options name one, and open pages need a new link.
   *
   * @returns The pid of its process.
   * @throws {TypeError} If an option has the wrong type, or the host is not a loopback address.
   * @throws {RangeError} If the port is out of bounds.
   * @throws {ExitError} If the port is in use, or the name is taken: `{ type: "already_started", pid }`.
   *
   * @example Usage
   * ```ts
   * import { GenServer } from "@otp/distribution";
   * import { Dashboard } from "@otp/distribution/dashboard";
   * import { assertEquals } from "@std/assert";
   *
   * const pid = await Dashboard.startLink();
   * const link = await Dashboard.url();
   * const open = async () => {
   *   const response = await fetch(link);
   *   await response.body?.cancel();
   *   return response.status;
   * };
   * assertEquals(await open(), 200);
   * assertEquals(await open(), 403, "it works once");
   * await GenServer.stop(pid);
   * ```
   */
  static async startLink(options: DashboardOptions = {}): Promise<Pid> {
    const { name, ...settings } = settingsOf(options);
    return await startGenServer(DASHBOARD_SERVER, settings, { name });
  }

  /**
   * Returns the child specification of a dashboard; `[Dashboard, options]` is a shorthand.
   *
   * @throws {TypeError} If an option has the wrong type, or the host is not a loopback address.
   * @throws {RangeError} If the port is out of bounds.
   *
   * @example Usage
   * ```ts
   * import { Dashboard } from "@otp/distribution/dashboard";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(Dashboard.childSpec({ port: 4444 }).id, "Dashboard");
   * ```
   */
  static childSpec(
    options: DashboardOptions = {},
  ): ChildSpec<() => Promise<Pid>> {
    const { name } = settingsOf(options);
    return { id: name, start: () => Dashboard.startLink(options) };
  }

  /**
   * Returns a new link to a dashboard, which works once: the first browser that opens it gets the page. At most 8
   * links and 8 pages are valid at a time; a further one replaces the oldest.
   *
   * @param dashboard The dashboard: its pid, or its name, on this node.
   * @throws {ExitError} If the dashboard does not run.
   *
   * @example Usage
   * ```ts
   * import { GenServer } from "@otp/distribution";
   * import { Dashboard } from "@otp/distribution/dashboard";
   * import { assertNotEquals } from "@std/assert";
   *
   * const pid = await Dashboard.startLink();
   * assertNotEquals(await Dashboard.url(pid), await Dashboard.url(pid));
   * await GenServer.stop(pid);
   * ```
   */
  static async url(dashboard: ServerRef = "Dashboard"): Promise<string> {
    return await GenServer.call(dashboard, "url") as string;
  }
}

function settingsOf(
  options: DashboardOptions,
): DashboardSettings & { name: string } {
  checkOptions(
    options,
    "start a dashboard",
    DASHBOARD_OPTIONS,
    "{ port: 4444 }",
  );
  const { port = 0, host = "127.0.0.1", write = false, name = "Dashboard" } =
    options;
  return { port, host, write, name };
}
