/**
 * Channels: browsers in the cluster, by the protocol of Phoenix's clients.
 *
 * A browser uses the npm package `phoenix`, or any other client of that protocol: it opens a socket, and joins topics.
 * Each joined topic is a process here, which handles the browser's events and sends it events. {@linkcode PubSub}
 * broadcasts to a topic on all nodes, nodes of Elixir included.
 *
 * @example A chat in rooms
 * ```ts ignore
 * import { Channel, Sockets } from "@otp/distribution/channels";
 *
 * const Room = Channel.define("room:*", {
 *   join: (socket) => ({ room: socket.rest }),
 *   in: {
 *     say: (socket, { text }: { text: string }) => void socket.broadcast("said", { text }),
 *   },
 *   out: Channel.events<{ said: { text: string } }>(),
 * });
 * const sockets = Sockets.handler({ channels: [Room] });
 * Deno.serve((request) => sockets(request));
 * ```
 *
 * @module
 */

export * from "@otp/channels";
