/** The channels that a real Phoenix served when its transcripts were made, and a server of them. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import {
  Channel,
  Presence,
  PubSub,
  type SocketHandler,
  Sockets,
} from "../../packages/channels/mod.ts";
import { hubOf } from "../../packages/channels/pubsub_hub.ts";
import { exit, Process } from "../../packages/processes/process.ts";
import { currentRuntime } from "../../packages/processes/runtime/current_process.ts";
import { runInside } from "../../packages/processes/context/async_context.ts";
import { shellProcess } from "../../packages/processes/spawning/spawn_process.ts";

/** The channels of the rooms; some tests compare each frame, and so without presence. */
export const roomOf = (hasPresence: boolean) =>
  Channel.define("room:*", {
    async join(socket, params: Record<string, unknown>) {
      if (socket.rest === "secret") {
        return Channel.refuse({ reason: "unauthorized" });
      }
      if (socket.rest === "joincrash") throw new Error("join crashes");
      if (socket.rest === "plain") return {};
      const pid = `#PID<${socket.pid.number}>`;
      if (hasPresence) {
        await Presence.track(socket, socket.user, { at: "room", pid });
      }
      return { room: socket.rest, user: socket.user, got: params };
    },
    in: {
      say(socket, { text }: { text: string }) {
        socket.broadcast("said", { from: socket.user, text });
        return Channel.noReply;
      },
      say_others(socket, { text }: { text: string }) {
        socket.broadcastFrom("said", { from: socket.user, text });
      },
      say_binary(socket, bytes: Uint8Array) {
        socket.broadcast("said_binary", bytes);
      },
      filtered(socket, payload) {
        socket.broadcast("filtered", payload);
        return Channel.noReply;
      },
      echo: (_socket, payload) => payload,
      error: (_socket, payload) => Channel.refuse(payload),
      status: (_socket, { status }: { status: string }) =>
        status === "ok" ? undefined : Channel.refuse(),
      later(_socket, payload, reply) {
        queueMicrotask(() => reply(payload));
        return Channel.noReply;
      },
      update_meta: (socket, meta: Record<string, unknown>) =>
        Presence.update(socket, socket.user, meta),
      stop(_socket, _payload, reply) {
        reply({ bye: true });
        exit("normal");
      },
      stop_shutdown: () => exit("shutdown"),
      stop_other: () => exit("other"),
      crash() {
        throw new Error("crash asked for");
      },
      kill: (socket) => void Process.exit(socket.pid, "kill"),
      // safe: no test waits for it; the drivers of the transcripts do
      slow: () => new Promise<void>((resolve) => setTimeout(resolve, 1500)),
    },
    intercept: {
      filtered(socket, payload) {
        if (payload.not_to === socket.user) return;
        socket.push("filtered", { ...payload, seen_by: socket.user });
      },
    },
    info(socket, message) {
      if (message?.news !== undefined) socket.push("news", message.news);
    },
  });

/** The handler of the sockets; those at `/token` have a token. */
export function judgeSockets(
  path = "/socket",
  hasPresence = false,
): SocketHandler {
  return Sockets.handler({
    channels: [roomOf(hasPresence)],
    path,
    connect(params) {
      if (params.deny !== undefined) return Sockets.refuse();
      if ((path === "/token") !== ("token" in params)) return Sockets.refuse();
      return params.token ?? params.user ?? "nobody";
    },
    id: (user) => `user:${user}`,
  });
}

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
      const [, what, of] = /^\/(\w+)\/(.*)$/.exec(request.url ?? "") ?? [];
      const text = inside(() => {
        if (what === "disconnect") Sockets.disconnect(`user:${of}`);
        else if (what === "say") {
          PubSub.broadcast(of, "said", { from: "endpoint", text: "hello" });
        } else if (what === "kill") return killAll(of);
        return "ok";
      });
      response.end(`${text}\n`);
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

/** Kills the channels of a topic; returns their number. */
function killAll(topic: string): number {
  const channels = Process.list()
    .filter((pid) => Process.info(pid)?.initialCall === `channel ${topic}`);
  for (const pid of channels) Process.exit(pid, "kill");
  return channels.length;
}
