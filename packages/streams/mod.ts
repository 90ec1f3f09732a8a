/**
 * Streams over HTTP: append to a named stream, read it from an offset, live, and miss nothing.
 *
 * The protocol is Durable Streams 1.0, a draft. The package's README names the files.
 *
 * @module
 */

export type {
  NodeStreamRequest,
  NodeStreamResponse,
  StreamAction,
  StreamRequestInfo,
  StreamsHandler,
  StreamsLimits,
  StreamsOptions,
} from "./options.ts";
export { streams } from "./streams.ts";
export { streamType, type StreamTypeOptions } from "./stream_type.ts";
