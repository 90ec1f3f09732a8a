/**
 * Types for the clients of channels, for browsers: over the npm package `phoenix`.
 *
 * @module
 */

export * from "@otp/channels/client";
export type {
  AnyChannel,
  ChannelDefinition,
  ChannelEvents,
  ChannelHandlers,
  ChannelRefusal,
  ChannelReply,
  ChannelSocket,
  ChannelType,
  EventTypes,
  NoReply,
  Pid,
} from "@otp/channels";
