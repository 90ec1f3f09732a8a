/**
 * Streams over HTTP: append to a named stream, read it from an offset, live, and miss nothing.
 *
 * The protocol is Durable Streams 1.0, a draft. The files:
 *
 * - `streams.ts`: the handler of requests, and what it refuses; `options.ts`: its options and limits.
 * - `stream_counts.ts`: how many streams there are, for the limits.
 * - `stream_type.ts`: a stream as an entity; `stream_state.ts`: its state and its events, and the answers to requests.
 * - `content.ts`: bytes and JSON messages as events of a log, and back.
 * - `requests.ts`: names, offsets and headers of requests; `answers.ts`: the answers.
 * - `pages.ts`: history; `live.ts`: what comes, by long polls and server-sent events.
 * - `node_streams.ts`: the live readers and counts of a node, for observers and metrics.
 * - `web_handler.ts`: the handler for `Request` and `Response`; `node_handler.ts`: the one for `node:http`.
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
