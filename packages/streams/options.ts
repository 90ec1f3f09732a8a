/**
 * The options of the handler of streams, with their limits.
 *
 * @module
 */

import {
  checkOptions,
  FUNCTION,
  integerFrom,
  oneOf,
  RECORD,
} from "@otp/processes/values/check_arguments";
import type { OptionChecks } from "@otp/processes/values/options";
import type { EntityType, Store } from "@otp/entities";

/**
 * The action of a request: it creates a stream; appends to a stream or closes it; reads a stream, as a `HEAD` or a fork
 * does too; or deletes a stream.
 */
export type StreamAction = "create" | "append" | "read" | "delete";

/** Where a request comes from: the second argument of a handler of `Deno.serve` and of `Bun.serve`. */
export interface StreamRequestInfo {
  /** The address of the other side. */
  remoteAddr?: { hostname?: string };
  /** Returns the address of the other side. */
  requestIP?(request: Request): { address: string } | null;
  /** Deno resolves it when the response was sent, and aborts the signal of the request then, too. */
  completed?: Promise<unknown>;
}

/** The limits of a handler. */
export interface StreamsLimits {
  /**
   * The bytes of a body.
   *
   * @default {4194304}
   */
  body: number;
  /**
   * Milliseconds until a body must be there.
   *
   * @default {30000}
   */
  bodyTime: number;
  /**
   * The characters of a stream's name, without the prefix; at most 700.
   *
   * @default {500}
   */
  name: number;
  /**
   * The seconds of `Stream-TTL`.
   *
   * @default {315360000}
   */
  ttl: number;
  /**
   * The streams of all nodes. They are counted anew after each hundredth of that number, so a few more may come to be; this
   * holds for `streamsOfOwner` too.
   *
   * @default {1000000}
   */
  streams: number;
  /**
   * The streams of one owner, if there is an option `owner`.
   *
   * @default {1000}
   */
  streamsOfOwner: number;
  /**
   * The bytes of events in one response to a read, unless the first is longer.
   *
   * @default {1048576}
   */
  page: number;
  /**
   * The requests that wait for events on this node.
   *
   * @default {20000}
   */
  readers: number;
  /**
   * The requests that wait for events of one stream on this node.
   *
   * @default {10000}
   */
  readersOfStream: number;
  /**
   * The requests of one address that wait for events on this node. Behind a proxy, all requests have the address of the proxy, unless `address` says another.
   *
   * @default {1000}
   */
  readersOfAddress: number;
  /**
   * Milliseconds that a long poll waits.
   *
   * @default {20000}
   */
  longPoll: number;
  /**
   * Milliseconds after which a response of server-sent events ends; its reader comes back.
   *
   * @default {60000}
   */
  sse: number;
  /**
   * Milliseconds that a response waits for a reader that does not read; its connection is closed then. A reader of server-sent
   * events has this time after `sse`, or until `node:http` has had the last events to send for so long.
   *
   * @default {30000}
   */
  unread: number;
  /**
   * Milliseconds that a request waits for the owner of a stream, and for the store.
   *
   * @default {15000}
   */
  timeout: number;
}

/** Options for {@linkcode streams}. */
export interface StreamsOptions {
  /**
   * Decides whether a request may do that to a stream; asked before anything else. A fork asks twice: whether it may read
   * its source, and create itself.
   *
   * @param request The request; its body is not to be read.
   * @param stream The name of the stream: the path after the prefix, decoded.
   * @returns Whether it may; or the response that refuses it, such as a redirect to a login. `false` is a 403.
   */
  authorize(
    request: Request,
    stream: string,
    action: StreamAction,
  ): boolean | Response | Promise<boolean | Response>;
  /** The store. The handler then starts the entities of this node itself, linked to the calling process. */
  store?: Store;
  /** The type that `streamType` has returned, if the node's `Entities.childSpec` has it: instead of a store. */
  entities?: EntityType;
  /**
   * The path under which streams are.
   *
   * @default {"/"}
   */
  prefix?: string;
  /**
   * The web pages that may use the streams: origins as `https://example.com`, which may send cookies; or `"*"` for all,
   * which may not.
   *
   * @default {"*"}
   */
  origins?: "*" | readonly string[];
  /**
   * Whether every cache on the way may keep history, or only the cache of the reader.
   *
   * @default {"private"}
   */
  cache?: "public" | "private";
  /**
   * Returns the address that a request counts for, for `readersOfAddress`.
   *
   * @default {the address of the connection, if the server tells it}
   */
  address?(request: Request, info?: StreamRequestInfo): string | undefined;
  /**
   * Returns with what the names of all streams of the same owner begin, for `streamsOfOwner`; asked before a stream is
   * created. An owner creates no stream with another name, so say that in `authorize` as well: if user 7 may create
   * `users/7/chat` and not `users/8/chat`, it is `"users/7/"`.
   *
   * @default {() => undefined}
   */
  owner?(request: Request, stream: string): string | undefined;
  /** The limits; a limit that is left out has its default. */
  limits?: Partial<StreamsLimits>;
}

/** The part of a request of `node:http` that the handler needs; its body is read as a stream of `node:stream`. */
export interface NodeStreamRequest {
  /** The HTTP method. */
  readonly method?: string;
  /** The path, with the query. */
  readonly url?: string;
  /** The names and values of the headers, in turns. */
  readonly rawHeaders: readonly string[];
  /** The connection. */
  readonly socket: { readonly remoteAddress?: string };
}

/** The part of a response of `node:http` that the handler needs. */
export interface NodeStreamResponse {
  /** Sends the status and the headers. */
  writeHead(status: number, headers: Record<string, string>): unknown;
  /** Sends a part of the body; returns whether the connection takes more at once. */
  write(bytes: Uint8Array): boolean;
  /** Sends the rest of the body, and ends the response. */
  end(body?: string): unknown;
  /** Closes the connection. */
  destroy(): unknown;
}

/** A handler of requests, for `Deno.serve`, `Bun.serve` and others. */
export interface StreamsHandler extends AsyncDisposable {
  (request: Request, info?: StreamRequestInfo): Promise<Response>;
  /** The handler for `http.createServer` of `node:http`. */
  readonly node: (
    request: NodeStreamRequest,
    response: NodeStreamResponse,
  ) => Promise<void>;
  /** Ends the live readers, who can go on elsewhere without a gap; and the entities, if the handler has started them. */
  close(): Promise<void>;
}

/** The default of each limit, and the least and the greatest value that it may have. */
const LIMITS: Record<LimitName, [usual: number, ...number[]]> = {
  body: [4 << 20, 1, 5 << 20],
  bodyTime: [30_000, 1],
  name: [500, 1, 700],
  ttl: [315_360_000, 0],
  streams: [1_000_000, 0],
  streamsOfOwner: [1000, 0],
  page: [1 << 20, 1],
  readers: [20_000, 0],
  readersOfStream: [10_000, 0],
  readersOfAddress: [1000, 0],
  longPoll: [20_000, 0],
  sse: [60_000, 1],
  unread: [30_000, 1],
  timeout: [15_000, 1],
};

type LimitName = keyof StreamsLimits;

function ofEachLimit<T>(
  value: (name: LimitName, bounds: readonly number[]) => T,
): Record<LimitName, T> {
  const names = Object.keys(LIMITS) as LimitName[];
  const entries = names.map((name) => [name, value(name, LIMITS[name])]);
  return Object.fromEntries(entries);
}

const OPTIONS: OptionChecks<StreamsOptions> = {
  authorize: {
    ...FUNCTION,
    give: "a function (request, stream, action) that decides who may do what",
    isRequired: true,
  },
  store: {
    accepts: (store) => typeof (store as Store | null)?.beat === "function",
    give: "sqliteStore(file), postgresStore(query) or memoryStore()",
  },
  entities: {
    accepts: (type) =>
      (type as EntityType | null)?._definition?.methods.has("hold") === true,
    give: "what streamType() returns",
  },
  prefix: {
    accepts: (prefix) =>
      typeof prefix === "string" && /^\/(.*\/)?$/.test(prefix),
    give: 'a path that begins and ends with "/", such as "/streams/"',
  },
  origins: {
    accepts: (origins) =>
      origins === "*" ||
      Array.isArray(origins) &&
        origins.every((origin) => /^https?:\/\/[^/]+$/.test(origin)),
    give: '"*", or a list of origins such as "https://example.com"',
  },
  cache: oneOf("public", "private"),
  address: FUNCTION,
  owner: FUNCTION,
  limits: RECORD,
};

/** The options of a handler, complete. */
export type Settings =
  & Required<Pick<StreamsOptions, "authorize" | "address" | "prefix">>
  & Pick<StreamsOptions, "owner">
  & Required<Pick<StreamsOptions, "origins" | "cache">>
  & { limits: StreamsLimits };

/** Checks the options of a handler. */
export function streamSettings(options: StreamsOptions): Settings {
  const doing = "serve streams";
  checkOptions(options, doing, OPTIONS, "{ store, authorize: () => true }");
  const { authorize, store, entities, limits = {} } = options;
  if ((store === undefined) === (entities === undefined)) {
    throw new TypeError(
      `Cannot ${doing}: give a store, or as entities the type that Entities.childSpec() has, and not both`,
    );
  }
  const checks = ofEachLimit((_, [, least, most]) => integerFrom(least, most));
  checkOptions(limits, `${doing} with such limits`, checks, "{ body: 65536 }");
  return {
    authorize,
    address: options.address ??
      ((request, info) =>
        info?.remoteAddr?.hostname ?? info?.requestIP?.(request)?.address),
    owner: options.owner,
    prefix: options.prefix ?? "/",
    origins: options.origins ?? "*",
    cache: options.cache ?? "private",
    limits: ofEachLimit((name, [usual]) => limits[name] ?? usual),
  };
}
