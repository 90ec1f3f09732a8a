/** A server of the channels that a real Phoenix served when its transcripts were made. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { hubOf } from "../../packages/channels/pubsub_hub.ts";
import { currentRuntime } from "../../packages/processes/runtime/current_process.ts";
import { runInside } from "../../packages/processes/context/async_context.ts";
import { shellProcess } from "../../packages/processes/spawning/spawn_process.ts";
import { control, judgeSockets } from "./_judge_channels.ts";

/** A server of the channels, on the default node or the one of the caller. */
export class Judge implements AsyncDisposable {
  readonly #server = createServer();
  #port = 0;

  /** Serves by `node:http`. */
  static async serve(port = 0, hasPresence = false): Promise<Judge> {
    const judge = new Judge();
    const runtime = currentRuntime();
    // Phoenix shows each departure at once.
    hubOf(runtime).presence.grace = 0;
    const inside = <T>(fn: () => T) => runInside(shellProcess(runtime), fn);
    const paths = ["/socket", "/token"];
    const handlers = new Map(
      paths.map((path) => [path, judgeSockets(path, hasPresence)]),
    );
    judge.#server.on("upgrade", (request, socket, head) => {
      const path = /^\/\w+/.exec(request.url ?? "")?.[0] ?? "";
      const handler = handlers.get(path) ?? handlers.get("/socket")!;
      inside(() => handler.upgrade(request, socket, head));
    });
    judge.#server.on("request", (request, response) => {
      if (request.url?.startsWith("/socket/")) {
        const handler = handlers.get("/socket")!;
        return inside(() => handler.respond(request, response));
      }
      response.end(inside(() => control(request.url ?? "")));
    });
    await new Promise<void>((resolve) =>
      judge.#server.listen(port, "127.0.0.1", resolve)
    );
    judge.#port = (judge.#server.address() as AddressInfo).port;
    return judge;
  }

  /** The address of the sockets, without the path. */
  get url(): string {
    return `ws://127.0.0.1:${this.#port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
