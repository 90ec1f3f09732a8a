/** Channels for browsers, by the protocol of Phoenix, and broadcasts in the cluster. */

export {
  type AnyChannel,
  Channel,
  type ChannelDefinition,
  type ChannelHandlers,
  ChannelRefusal,
  type ChannelReply,
  ChannelType,
  type EventTypes,
  type NoReply,
} from "./channel.ts";
export { type ChannelEvents, ChannelSocket } from "./channel_socket.ts";
export type {
  BunHandlers,
  BunServerLike,
  BunSocketLike,
  NodeConnection,
  NodeSocketRequest,
  NodeSocketResponse,
} from "./host_upgrade.ts";
export {
  Presence,
  type PresenceList,
  type PresentProcess,
} from "./presence.ts";
export { PubSub, type PubSubOptions } from "./pubsub.ts";
export type { BroadcastMessage } from "./pubsub_hub.ts";
export {
  Realtime,
  type RealtimeEvent,
  type RealtimeJoin,
  type RealtimeOptions,
  type RealtimeReplay,
} from "./realtime.ts";
export {
  type SocketHandler,
  Sockets,
  type SocketsDrainOptions,
  type SocketsOptions,
} from "./sockets.ts";
export type {
  ChildRestart,
  ChildShutdown,
  ChildSpec,
  ChildStart,
} from "@otp/servers/server/child_spec";
export type { Pid } from "@otp/processes/values/pid";
