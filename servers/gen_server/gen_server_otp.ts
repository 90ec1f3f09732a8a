/**
 * How a GenServer's declaration has its requests and replies look to callers on a BEAM.
 *
 * A reply can come at any time, by any path: it is spelled by the caller that it goes to. A caller that was copied
 * into another process is not known, and gets the reply as it is.
 *
 * @module
 */

import type { OtpSpelling } from "../../gen/server.ts";
import {
  type BeamType,
  checkBeamType,
  fromBeam,
  toBeam,
} from "../../runtime/spawning/beam_types.ts";
import type { ReplyTo } from "../../runtime/values/reply_to.ts";

/** How the requests and replies of a server look to nodes of Erlang and Elixir. */
export interface GenServerBeamTypes {
  /**
   * The type of calls.
   *
   * @default {"term"}
   */
  readonly call?: BeamType;
  /**
   * The type of replies.
   *
   * @default {"term"}
   */
  readonly reply?: BeamType;
  /**
   * The types of replies to some of the calls, by the call's name.
   *
   * @default {{}}
   */
  readonly replies?: Readonly<Record<string, BeamType>>;
  /**
   * The type of casts.
   *
   * @default {"term"}
   */
  readonly cast?: BeamType;
  /**
   * The type of other messages.
   *
   * @default {"term"}
   */
  readonly info?: BeamType;
}

/** The types of the replies that callers on a BEAM await. */
const awaited = new WeakMap<ReplyTo, BeamType>();

/** A reply as its caller expects it. */
export function spelledReply(caller: ReplyTo, reply: unknown): unknown {
  const type = awaited.get(caller);
  return type === undefined ? reply : toBeam(reply, type);
}

/** The spelling that a server has declared. */
export function spellingOf(types: GenServerBeamTypes): OtpSpelling {
  const { call, cast, reply, replies } = types;
  return {
    request(term: unknown, caller?: ReplyTo): unknown {
      if (caller === undefined) return fromBeam(term, cast);
      const request = fromBeam(term, call);
      const name = nameOfCall(request);
      const type = name !== undefined && replies !== undefined &&
          Object.hasOwn(replies, name)
        ? replies[name]
        : reply;
      if (type !== undefined) awaited.set(caller, type);
      return request;
    },
    reply: (_request, reply, caller) => spelledReply(caller, reply),
  };
}

function nameOfCall(request: unknown): string | undefined {
  if (typeof request === "string") return request;
  const { type } = (request ?? {}) as { type?: unknown };
  return typeof type === "string" ? type : undefined;
}

/** @throws {TypeError} If a declaration is invalid. */
export function checkGenServerBeamTypes(
  { call, reply, replies = {}, cast, info }: GenServerBeamTypes,
): void {
  for (const type of [call, reply, cast, info, ...Object.values(replies)]) {
    checkBeamType(type);
  }
}
