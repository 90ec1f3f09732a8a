/** The flag `--dashboard`: a page that shows the program's node and its cluster. */

import { Dashboard } from "@otp/observe/dashboard/dashboard";
import { receive, spawn } from "@otp/processes/process";
import type { DashboardFlags } from "./flags.ts";
import { StartError } from "./report.ts";

/** Starts a dashboard that lives as long as the caller's node. Returns the link to its page; throws a `StartError`. */
export async function startDashboard(
  options: DashboardFlags,
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  spawn(
    async () => {
      try {
        const pid = await Dashboard.startLink(options);
        resolve(await Dashboard.url(pid));
      } catch (error) {
        // The server that cannot listen exits with a text, over the link too.
        const { reason } = error as { reason?: unknown };
        return reject(
          typeof reason === "string" ? new StartError(false, reason) : error,
        );
      }
      await receive(() => false);
    },
    [],
    { label: "Dashboard.owner" },
  );
  return await promise;
}
