/** The process of a dashboard: it owns the web server, and ends with it. */

import type { GenServerModule } from "@otp/servers/gen_server/gen_server";
import { Logger } from "@otp/servers/logger/logger";
import { Process } from "@otp/processes/process";
import {
  currentProcess,
  currentRuntime,
} from "@otp/processes/runtime/current_process";
import { ignore } from "@otp/processes/promises/promises";
import { runIn } from "@otp/processes/spawning/run_in_process";
import { Observer } from "../observer.ts";
import { PageServer } from "./page_server.ts";
import { ClusterHistory, STEP } from "./cluster_history.ts";
import { isKnown, pageState, sample } from "./page_state.ts";
import { pidFrom } from "./shapes.ts";

export interface DashboardSettings {
  port: number;
  host: string;
  write: boolean;
  /** The time of a sample of charts, in milliseconds; shorter in tests. */
  step?: number;
}

export interface DashboardTypes {
  arg: DashboardSettings;
  state: PageServer;
  call: ["url", string];
}

export const DASHBOARD_SERVER: GenServerModule<DashboardTypes> = {
  name: "Dashboard",
  async init({ port, host, write, step = STEP }) {
    Process.trapExit(true);
    const runtime = currentRuntime();
    const history = new ClusterHistory(step);
    const server = new PageServer({
      // Run each request in its own process, because it waits for other nodes.
      state: (query) => runIn(runtime, () => pageState(query, write, history)),
      end: (request) => runIn(runtime, () => end(request, write)),
    });
    try {
      await server.listen(port, host);
    } catch (error) {
      return {
        type: "stop",
        reason: `Cannot start a dashboard on ${host}, port ${port}: ${
          (error as Error).message
        }; give another port, or 0 for any free one`,
      };
    }
    const sampleNow = () => {
      runIn(runtime, () => sample(history)).catch(ignore);
    };
    sampleNow();
    const stopSampling = runtime.deadlines.every(step, sampleNow);
    currentProcess().abortSignal().addEventListener("abort", () => {
      stopSampling();
      server.close();
    });
    // Make the node keep its log, so that a page that is opened later shows earlier events.
    await Observer.log();
    return { type: "ok", state: server };
  },
  handleCall: (_url, _from, server) => ({
    type: "reply",
    reply: server.url(),
    state: server,
  }),
  // Any node can cast; a server without the callback would end.
  handleCast: (_request, server) => ({ type: "noreply", state: server }),
  handleInfo: (_message, server) => ({ type: "noreply", state: server }),
  terminate: (_reason, server) => server.close(),
};

async function end(
  request: unknown,
  write: boolean,
): Promise<{ status: number; result: string }> {
  if (!write) {
    return {
      status: 403,
      result:
        "The dashboard may not end processes: start it with --dashboard-write",
    };
  }
  const { pid: id, reason } = (request ?? {}) as Record<string, unknown>;
  const pid = typeof id === "string" ? pidFrom(id) : undefined;
  if (pid === undefined || (reason !== "shutdown" && reason !== "kill")) {
    return {
      status: 400,
      result: 'Give a pid, and the reason "shutdown" or "kill"',
    };
  }
  if (!isKnown(pid.node)) {
    return { status: 404, result: `${pid.node} is not connected` };
  }
  const result = await Observer.end(pid, reason);
  if (result !== "ok") {
    return {
      status: 403,
      result:
        `${pid.node} does not allow that: start it with allowObserve: "write"`,
    };
  }
  Logger.info(`The dashboard has sent ${pid} the exit signal ${reason}`);
  return { status: 200, result: "ok" };
}
