/** The entry of the thread that serves EPMD; `worker_source.ts` is generated from it. */

import { EpmdServer } from "./epmd_server.ts";
import type { FromThread, ToThread } from "./thread.ts";

/** Serves EPMD as the messages say. */
export function serve(
  say: (message: FromThread) => void,
  listen: (take: (message: ToThread) => void) => void,
): void {
  let server: EpmdServer | undefined;
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
  listen((message) => void take(message));
  say({ type: "ready" });
}
