/** The handler of a web server that accepts the sockets of clients. */

import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { type Duplex, Readable } from "node:stream";
import { formatExit } from "@otp/processes/values/exit_reason";
import type { Runtime } from "@otp/processes/process/runtime";
import { ignore } from "@otp/processes/promises/promises";
import { onExit } from "@otp/servers/server/on_exit";
import { currentRuntime } from "@otp/processes/runtime/current_process";
import {
  checkList,
  checkOptions,
  countFrom,
  FUNCTION,
} from "@otp/processes/values/check_arguments";
import { inspect } from "@otp/processes/values/inspect";
import type { OptionChecks } from "@otp/processes/values/options";
import { type AnyChannel, ChannelRefusal, ChannelType } from "./channel.ts";
import { type ClientFormat, FORMAT_1, FORMAT_2 } from "./client_format.ts";
import {
  ClientSocket,
  type Opened,
  type SocketSettings,
} from "./client_socket.ts";
import {
  type BunHandlers,
  bunHandlers,
  type BunServerLike,
  bunUpgrade,
  denoUpgrade,
  type NodeConnection,
  type NodeSocketRequest,
  type NodeSocketResponse,
} from "./host_upgrade.ts";
import { longPoll } from "./long_poll.ts";
import type { SocketRefusal } from "./node_sockets.ts";
import { nodeUpgrade, refuseUpgrade } from "./node_upgrade.ts";
import { hubOf, TopicEvent } from "./pubsub_hub.ts";
import {
  AddressCounts,
  type AddressPlace,
  UserBuckets,
} from "./socket_limits.ts";

/** Options for {@linkcode Sockets.handler}. */
export interface SocketsOptions {
  /** The channels. The first one that has a topic gets the clients that join it. */
  channels: readonly AnyChannel[];
  /**
   * Decides who a client is, before it is accepted: returns what the channels get as `socket.user`, or a
   * {@linkcode Sockets.refuse}. `params` are the parameters of the address; `params.token` is the client's `authToken`, if it has
   * one, which is no part of the address and is not in the logs of proxies. An error, and an answer after ten seconds,
   * refuse the client.
   *
   * @default {a function that accepts all, without a user}
   */
  connect?: (params: Record<string, string>, request: Request) => unknown;
  /**
   * Returns a topic of the user's sockets, such as `user:1`: {@linkcode Sockets.disconnect} closes all sockets with it, on
   * all nodes.
   *
   * @default {none}
   */
  // deno-lint-ignore no-explicit-any
  id?: (user: any) => string | undefined;
  /**
   * The origins of pages that may connect, such as `https://app.example`; `"*"` is any origin. Pages of the server's
   * own host may always connect, and so may programs that are no browsers, which send no origin.
   *
   * @default {[]}
   */
  origins?: readonly string[];
  /**
   * The path that clients give: `new Socket("/socket")`.
   *
   * @default {"/socket"}
   */
  path?: string;
  /**
   * How long a client may be silent, in milliseconds. Clients send a heartbeat each 30 s.
   *
   * @default {60000}
   */
  timeout?: number;
  /**
   * The number of channels of a socket.
   *
   * @default {100}
   */
  maxChannels?: number;
  /**
   * The length of a client's message, in bytes; a longer one closes the socket.
   *
   * @default {131072}
   */
  maxMessageBytes?: number;
  /**
   * The bytes that may wait for a client that reads slowly; more close the socket with the code 1013.
   *
   * @default {4194304}
   */
  maxUnreadBytes?: number;
  /**
   * How many levels of objects and lists a payload may have; a deeper one closes the socket with the code 1008.
   *
   * @default {64}
   */
  maxDepth?: number;
  /**
   * The messages a second of a socket. The messages of two seconds may come at once; more close the socket with the code
   * 1008.
   *
   * @default {100}
   */
  maxMessageRate?: number;
  /**
   * The messages a second of all sockets of a user on this node, counted likewise. The option `id` tells
   * users apart.
   *
   * @default {300}
   */
  maxUserMessageRate?: number;
  /**
   * The messages of a socket that may wait for its channels, such as those behind a handler that takes long; more close
   * the socket with the code 1008.
   *
   * @default {100}
   */
  maxWaiting?: number;
  /**
   * The number of sockets of an address, on this node. A client more gets the status 429; one that opens its socket ten
   * seconds after it was accepted, when others have all places, is closed with the code 1008. Behind a proxy, give
   * `address` too: all clients have the proxy's.
   *
   * @default {no limit}
   */
  maxSocketsPerAddress?: number;
  /**
   * Returns the address of a client, such as from a header that the proxy sets. `peer` is the other end of the
   * connection; it is `undefined` if `Deno.serve` calls a function that does not pass its second argument on.
   *
   * @default {a function that returns `peer`}
   */
  address?: (request: Request, peer: string | undefined) => string | undefined;
}

/** Options for {@linkcode Sockets.drain}. */
export interface SocketsDrainOptions {
  /**
   * The time over which the sockets are closed, in milliseconds: each hundredth of it, a hundredth of the sockets, or ten
   * if that is more.
   *
   * @default {10000}
   */
  over?: number;
}

const SOCKETS_OPTIONS: OptionChecks<SocketsOptions> = {
  channels: true,
  connect: FUNCTION,
  id: FUNCTION,
  origins: true,
  path: {
    accepts: (path) => typeof path === "string" && /^\/.*[^/]$/.test(path),
    give: "a path such as /socket",
  },
  timeout: countFrom(1),
  maxChannels: countFrom(1),
  maxMessageBytes: countFrom(1),
  maxUnreadBytes: countFrom(1),
  maxDepth: countFrom(1),
  maxMessageRate: countFrom(1),
  maxUserMessageRate: countFrom(1),
  maxWaiting: countFrom(1),
  maxSocketsPerAddress: countFrom(1),
  address: FUNCTION,
};
const DRAIN_OPTIONS: OptionChecks<SocketsDrainOptions> = { over: countFrom(0) };

/** The number of steps of a drain, and the least number of sockets of one. */
const [STEPS, SMALLEST_STEP] = [100, 10];

/** How long `connect` may take, in milliseconds. */
const CONNECT_PATIENCE = 10_000;

const FORBIDDEN = 403;

/** The statuses of clients that are refused, and their texts. */
const STATUSES: Record<SocketRefusal, readonly [number, string]> = {
  origin: [FORBIDDEN, "Forbidden"],
  version: [FORBIDDEN, "Forbidden"],
  connect: [FORBIDDEN, "Forbidden"],
  address: [429, "Too Many Requests"],
  drain: [503, "Service Unavailable"],
  error: [500, "Internal Server Error"],
};

/** Begins the subprotocol that carries the token of a client. */
const TOKEN = "base64url.bearer.phx.";

/** The headers of the requests of a long poll: the token of the client, and the type of its messages. */
const TOKEN_HEADER = "x-phoenix-authtoken";
const POLL_HEADERS = `content-type, ${TOKEN_HEADER}`;

/** Accepts the sockets of clients, for several kinds of web servers. */
export interface SocketHandler {
  /**
   * For `Deno.serve`, and for `fetch` of `Bun.serve`, which also passes its server: accepts a socket, or responds with
   * an error. Other paths get the status 404.
   */
  (request: Request, server?: unknown): Promise<Response>;
  /** For `node:http`: `server.on("upgrade", sockets.upgrade)`. */
  upgrade(
    request: NodeSocketRequest,
    connection: NodeConnection,
    head: Uint8Array,
  ): void;
  /** For `node:http`: answers the requests of long polls, and others with the status 404. */
  respond(request: NodeSocketRequest, response: NodeSocketResponse): void;
  /** For `websocket` of `Bun.serve`. */
  readonly websocket: BunHandlers;
}

/** The response to a request that the host has answered itself. */
const ANSWERED = new Response(null);

/** Makes a WebSocket of a request; returns `undefined` if that is impossible. */
type Upgrade = (opened: Opened, protocol?: string) => Response | undefined;

/**
 * The sockets of clients: each is a connection of a client, with its channels.
 *
 * The clients are written for Phoenix's channels: the npm package `phoenix`, for example. A socket is a process of the node that has
 * accepted it; its channels end with it.
 */
export class Sockets {
  private constructor() {}

  /**
   * Creates a handler of a web server that accepts sockets.
   *
   * @throws {TypeError} If an option is unknown or invalid.
   *
   * @example Serve
   * ```ts
   * import { Channel, Sockets } from "@otp/distribution/channels";
   * import { assertEquals } from "@std/assert";
   *
   * const Room = Channel.define("room:*", { join: (socket) => ({ room: socket.rest }) });
   * const sockets = Sockets.handler({
   *   channels: [Room],
   *   connect: ({ token }) => token === "secret" ? { id: 1 } : Sockets.refuse(),
   *   origins: ["https://app.example"],
   * });
   * // Deno.serve((request) => sockets(request)), or createServer(…).on("upgrade", sockets.upgrade)
   * const response = await sockets(new Request("http://localhost/socket/websocket?vsn=2.0.0"));
   * assertEquals(response.status, 400); // no WebSocket
   * ```
   */
  static handler(options: SocketsOptions): SocketHandler {
    checkOptions(
      options,
      "handle sockets",
      SOCKETS_OPTIONS,
      "{ channels: [Room] }",
    );
    checkList(options.channels, "handle sockets of the channels");
    checkList(options.origins ?? [], "handle sockets of the origins");
    for (const each of options.channels) {
      if (each instanceof ChannelType) continue;
      throw new TypeError(
        `Cannot handle sockets of the channel ${
          inspect(each)
        }: give the result of Channel.define`,
      );
    }
    const door = new Door(options);
    const { maxMessage } = door;
    const handle = (request: Request, server?: unknown) =>
      door.answer(request, peerOf(request, server), (opened, protocol) => {
        const { upgrade } = server as Partial<BunServerLike> ?? {};
        return upgrade === undefined
          ? denoUpgrade(request, protocol, maxMessage, opened)
          : bunUpgrade(server as BunServerLike, request, protocol, opened)
          ? ANSWERED
          : undefined;
      });
    return Object.assign(handle, {
      upgrade: (
        request: NodeSocketRequest,
        connection: NodeConnection,
        head: Uint8Array,
      ) =>
        void door.upgrade(request, connection as Duplex, head)
          .catch(() => connection.destroy()),
      respond: (request: NodeSocketRequest, response: NodeSocketResponse) =>
        void door.respond(request as IncomingMessage, response)
          .catch(() => response.destroy()),
      websocket: bunHandlers(maxMessage),
    });
  }

  /**
   * Refuses a client: return the result from `connect`. The client gets the status 403, and tries again later.
   *
   * @example Usage
   * ```ts
   * import { Sockets } from "@otp/distribution/channels";
   *
   * Sockets.handler({ channels: [], connect: () => Sockets.refuse() });
   * ```
   */
  static refuse(): ChannelRefusal<undefined> {
    return new ChannelRefusal(undefined);
  }

  /**
   * Closes the sockets of a user, on all nodes. Their clients connect again; `connect` may then refuse them.
   *
   * @param id What the option `id` of {@linkcode Sockets.handler} returned for the user.
   *
   * @example Usage
   * ```ts
   * import { Sockets } from "@otp/distribution/channels";
   *
   * Sockets.disconnect("user:1");
   * ```
   */
  static disconnect(id: string): Promise<void> | undefined {
    return hubOf(currentRuntime()).broadcast(
      new TopicEvent(id, "disconnect", {}),
    );
  }

  /**
   * Closes the sockets of this node in steps, and accepts no further ones: call it when the node drains. The clients
   * connect again, to other nodes, which so get them over a time and not at once.
   *
   * @returns A promise that resolves when all sockets are closed.
   *
   * @example Usage
   * ```ts
   * import { Node } from "@otp/distribution";
   * import { Sockets } from "@otp/distribution/channels";
   *
   * await using node = await Node.start({ name: "web" });
   * node.onDrain(() => Sockets.drain({ over: 5000 }));
   * ```
   */
  static async drain(options: SocketsDrainOptions = {}): Promise<void> {
    checkOptions(options, "drain sockets", DRAIN_OPTIONS, "{ over: 5000 }");
    const { over = 10_000 } = options;
    const runtime = currentRuntime();
    const { sockets } = hubOf(runtime);
    sockets.isDraining = true;
    const size = Math.max(SMALLEST_STEP, Math.ceil(sockets.all.size / STEPS));
    while (sockets.all.size > 0) {
      for (const socket of [...sockets.all].slice(0, size)) socket.restart();
      await new Promise<void>((resolve) =>
        runtime.deadlines.after(over / STEPS, resolve)
      );
    }
  }
}

/** Decides who gets in. */
class Door {
  readonly maxMessage: number;
  readonly #options: SocketsOptions;
  readonly #settings: SocketSettings;
  readonly #path: string;
  readonly #origins: ReadonlySet<string>;
  readonly #addresses: AddressCounts | undefined;

  constructor(options: SocketsOptions) {
    this.#options = options;
    this.maxMessage = options.maxMessageBytes ?? 128 << 10;
    this.#path = options.path ?? "/socket";
    this.#origins = new Set(options.origins);
    this.#settings = {
      channels: [...options.channels],
      timeout: options.timeout ?? 60_000,
      maxChannels: options.maxChannels ?? 100,
      maxUnread: options.maxUnreadBytes ?? 4 << 20,
      maxWaiting: options.maxWaiting ?? 100,
      maxDepth: options.maxDepth ?? 64,
      maxRate: options.maxMessageRate ?? 100,
      users: new UserBuckets(options.maxUserMessageRate ?? 300),
    };
    const { maxSocketsPerAddress: max } = options;
    if (max !== undefined) this.#addresses = new AddressCounts(max);
  }

  /** Answers a request; `upgrade` makes a WebSocket of it. */
  async answer(
    request: Request,
    peer: string | undefined,
    upgrade?: Upgrade,
  ): Promise<Response> {
    const runtime = currentRuntime();
    try {
      return await this.#answer(runtime, request, peer, upgrade);
    } catch (error) {
      runtime.log.report(
        "error",
        () => `Cannot accept a socket: ${formatExit(error)}`,
        { what: "errors of sockets' requests" },
      );
      return refused(...refusal(runtime, "error"));
    }
  }

  async #answer(
    runtime: Runtime,
    request: Request,
    peer: string | undefined,
    upgrade: Upgrade | undefined,
  ): Promise<Response> {
    const { headers, url } = request;
    const { pathname, host } = new URL(url);
    const isPoll = pathname === `${this.#path}/longpoll`;
    if (!isPoll && pathname !== `${this.#path}/websocket`) {
      return refused(404, "Not Found");
    }
    const isAllowed = this.#isAllowed(headers.get("origin"), host);
    if (isPoll) return await this.#poll(runtime, request, peer, isAllowed);
    if (headers.get("upgrade")?.toLowerCase() !== "websocket") {
      return refused(400, "Bad Request");
    }
    const opened = isAllowed
      ? await this.#accept(runtime, request, peer, false)
      : "origin";
    if (typeof opened === "string") return refused(...refusal(runtime, opened));
    const protocol = protocolsOf(request).find((each) => each === "phoenix");
    return upgrade?.(opened, protocol) ?? refused(400, "Bad Request");
  }

  async #poll(
    runtime: Runtime,
    request: Request,
    peer: string | undefined,
    isAllowed: boolean,
  ): Promise<Response> {
    if (!isAllowed) {
      const [status] = refusal(runtime, "origin");
      return Response.json({ status });
    }
    const headers = new Headers({
      "access-control-allow-origin": request.headers.get("origin") ?? "*",
      "access-control-allow-headers": POLL_HEADERS,
      "cache-control": "no-store",
    });
    if (request.method === "OPTIONS") return new Response(null, { headers });
    const open = async () => {
      const opened = await this.#accept(runtime, request, peer, true);
      if (typeof opened !== "string") return opened;
      const [status] = refusal(runtime, opened);
      // The client knows no other status; it tries again.
      return status === FORBIDDEN ? status : 500;
    };
    const answer = await longPoll(request, runtime, this.maxMessage, open);
    return Response.json(answer, { headers });
  }

  /** Answers a request of `node:http`. */
  async respond(from: IncomingMessage, to: NodeSocketResponse): Promise<void> {
    const body = from.method === "POST" ? Readable.toWeb(from) : undefined;
    const peer = from.socket.remoteAddress;
    const response = await this.answer(requestOf(from, body), peer);
    to.writeHead(response.status, Object.fromEntries(response.headers));
    to.end(await response.text());
  }

  async upgrade(
    request: NodeSocketRequest,
    socket: Duplex,
    head: Uint8Array,
  ): Promise<void> {
    socket.on("error", ignore);
    const { maxMessage } = this;
    const response = await this.answer(
      requestOf(request),
      request.socket.remoteAddress,
      (opened, protocol) =>
        nodeUpgrade(request, socket, head, protocol, maxMessage, opened)
          ? ANSWERED
          : undefined,
    );
    if (response !== ANSWERED) {
      refuseUpgrade(socket, response.status, await response.text());
    }
  }

  /** Decides whether a client may connect, and as whom. */
  async #accept(
    runtime: Runtime,
    request: Request,
    peer: string | undefined,
    isPoll: boolean,
  ): Promise<Opened | SocketRefusal> {
    const { sockets } = hubOf(runtime);
    if (sockets.isDraining) return "drain";
    const { address = () => peer } = this.#options;
    const from = address(request, peer);
    const place = this.#acquire(from);
    if (place === undefined && this.#addresses !== undefined) return "address";
    let isAccepted = false;
    try {
      const opened = await this.#decide(runtime, request, from, isPoll);
      if (typeof opened === "string") return opened;
      // A client that is accepted, and does not open, counts until then.
      const cancel = runtime.deadlines.after(
        CONNECT_PATIENCE,
        () => place?.release(),
      );
      isAccepted = true;
      return (transport) => {
        const socket = opened(transport);
        cancel();
        if (place !== undefined) onExit(socket.process, () => place.release());
        // A client may open long after it was accepted: another may have its place, or the node drains.
        if (place?.take() === false) socket.close("address");
        else if (sockets.isDraining) socket.restart();
        return socket;
      };
    } finally {
      if (!isAccepted) place?.release();
    }
  }

  /** Counts a socket of an address, if the sockets of addresses are limited; returns `undefined` if there are too many. */
  #acquire(address: string | undefined): AddressPlace | undefined {
    if (this.#addresses === undefined) return undefined;
    if (address !== undefined) return this.#addresses.acquire(address);
    throw new TypeError(
      "Cannot count the sockets of an address: the request has none; pass the second argument of Deno.serve's handler on, or give the option address",
    );
  }

  async #decide(
    runtime: Runtime,
    request: Request,
    address: string | undefined,
    isPoll: boolean,
  ): Promise<Opened | SocketRefusal> {
    const { searchParams } = new URL(request.url);
    const params: Record<string, string> = Object.create(null);
    for (const [name, value] of searchParams) params[name] = value;
    const format = formatOf(params.vsn);
    if (format === undefined) return "version";
    // The last token of a long poll is the one of its socket.
    const inQuery = searchParams.getAll("token");
    if (isPoll) inQuery.pop();
    const token = tokenOf(request) ?? inQuery.at(-1);
    delete params.token;
    if (token !== undefined) params.token = token;
    const user = await this.#userOf(runtime, params, request);
    if (user instanceof ChannelRefusal) return "connect";
    const client = { format, user, id: this.#options.id?.(user), address };
    await hubOf(runtime).ready();
    const settings = this.#settings;
    return (transport) =>
      new ClientSocket(runtime, transport, client, settings);
  }

  async #userOf(
    runtime: Runtime,
    params: Record<string, string>,
    request: Request,
  ): Promise<unknown> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const expire = () => reject(new Error("connect has not answered in time"));
    const cancel = runtime.deadlines.after(CONNECT_PATIENCE, expire);
    try {
      return await Promise.race([
        this.#options.connect?.(params, request),
        late,
      ]);
    } finally {
      cancel();
    }
  }

  /** Whether a page of an origin may connect; programs that are no browsers send none. */
  #isAllowed(origin: string | null, host: string): boolean {
    return origin === null || this.#origins.has("*") ||
      this.#origins.has(origin) || URL.parse(origin)?.host === host;
  }
}

/** Returns the address at the other end of a connection of Deno or Bun, if the program has passed it on. */
function peerOf(request: Request, server: unknown): string | undefined {
  const { remoteAddr, requestIP } = (server ?? {}) as {
    remoteAddr?: { hostname?: string };
    requestIP?: (request: Request) => { address: string } | null;
  };
  return remoteAddr?.hostname ?? requestIP?.call(server, request)?.address;
}

/** Returns the format of a version, if there is one; the first clients of Phoenix sent no version. */
function formatOf(version = "1.0.0"): ClientFormat | undefined {
  if (/^1\.0\.\d+$/.test(version)) return FORMAT_1;
  return /^2\.0\.\d+$/.test(version) ? FORMAT_2 : undefined;
}

/** Counts a client that is refused; returns the status and its text. */
function refusal(runtime: Runtime, reason: SocketRefusal) {
  hubOf(runtime).sockets.refused[reason]++;
  return STATUSES[reason];
}

function refused(status: number, text: string): Response {
  return new Response(text, { status });
}

/** The subprotocols that a client offers. */
function protocolsOf({ headers }: Request): string[] {
  return headers.get("sec-websocket-protocol")?.split(/\s*,\s*/) ?? [];
}

/** The token that a client sends apart from its address. */
function tokenOf(request: Request): string | undefined {
  const encoded = protocolsOf(request).find((each) => each.startsWith(TOKEN));
  return encoded === undefined
    ? request.headers.get(TOKEN_HEADER) ?? undefined
    : Buffer.from(encoded.slice(TOKEN.length), "base64url").toString();
}

/** Returns a request of `node:http` as other hosts have it. */
function requestOf(from: NodeSocketRequest, body?: ReadableStream): Request {
  const { method, url, headers: { host = "localhost" } } = from;
  // A path that begins with "//" must not become the host, which is compared with the origin.
  const path = url?.startsWith("/") ? url : "/";
  const headers = new Headers();
  for (const [name, value] of Object.entries(from.headers)) {
    headers.set(name, String(value));
  }
  const init = { method, headers, body, duplex: "half" };
  return new Request(`http://${host}${path}`, init as RequestInit);
}
