/** The channels that a real Phoenix served when its transcripts were made. Programs on other hosts import it too. */

import { exit, Process } from "@otp/distribution";
import {
  Channel,
  Presence,
  PubSub,
  Realtime,
  type SocketHandler,
  Sockets,
} from "@otp/distribution/channels";

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
      async update_meta(socket, meta: Record<string, unknown>) {
        if (hasPresence) await Presence.update(socket, socket.user, meta);
      },
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
      // safe: no test waits for it
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

/** The topics of clients of Supabase. */
const Lobby = Realtime.channel({
  join: ({ rest }) =>
    rest === "secret" ? Channel.refuse({ reason: "unauthorized" }) : undefined,
});

/** The handler of the sockets; those at `/token` have a token. */
export function judgeSockets(
  path = "/socket",
  hasPresence = false,
): SocketHandler {
  return Sockets.handler({
    channels: [roomOf(hasPresence), Lobby],
    path,
    connect(params) {
      if (params.deny !== undefined) return Sockets.refuse();
      if ((path === "/token") !== ("token" in params)) return Sockets.refuse();
      return params.token ?? params.user ?? "nobody";
    },
    id: (user) => `user:${user}`,
  });
}

/** Carries out a request of a test: `/say/TOPIC`, `/kill/TOPIC` or `/disconnect/USER`. */
export function control(path: string): string {
  const [, what, of] = /^\/(\w+)\/(.*)$/.exec(path) ?? [];
  if (what === "disconnect") Sockets.disconnect(`user:${of}`);
  else if (what === "kill") return `${killAll(of)}\n`;
  else if (what === "say") {
    PubSub.broadcast(of, "said", { from: "endpoint", text: "hello" });
  }
  return "ok\n";
}

/** Kills the channels of a topic; returns their number. */
function killAll(topic: string): number {
  const channels = Process.list()
    .filter((pid) => Process.info(pid)?.initialCall === `channel ${topic}`);
  for (const pid of channels) Process.exit(pid, "kill");
  return channels.length;
}
