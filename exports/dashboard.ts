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
 * @example A dashboard in a supervision tree
 * ```ts
 * import { Supervisor } from "@otp/distribution";
 * import { Dashboard } from "@otp/distribution/dashboard";
 * import { assertMatch } from "@std/assert";
 *
 * const sup = await Supervisor.startLink([Dashboard.childSpec()], { strategy: "one_for_one" });
 * assertMatch(await Dashboard.url(), /^http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{22}$/);
 * await Supervisor.stop(sup);
 * ```
 *
 * @module
 */

export * from "@otp/observe/dashboard/dashboard";
