/**
 * The thread that serves EPMD: an entry, of which `worker_source.ts` is made.
 *
 * @module
 */

import { parentPort } from "node:worker_threads";
import { EpmdServer } from "./server.ts";
import type { FromThread, ToThread } from "./thread.ts";

let server: EpmdServer | undefined;

function say(message: FromThread): void {
  parentPort?.postMessage(message);
}

async function take(message: ToThread): Promise<void> {
  if (message.type === "close") {
    await server?.close();
    return say({ type: "closed" });
  }
  try {
    server = await EpmdServer.listen({
      ...message.options,
      log: (level, text) => say({ type: "log", level, text }),
    });
    say({ type: "listening" });
  } catch (error) {
    const { code, message: text } = error as Error & { code?: string };
    say({ type: "failed", code, text });
  }
}

parentPort?.on("message", (message: ToThread) => void take(message));
say({ type: "ready" });
