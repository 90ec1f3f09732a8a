/**
 * Long polls: the transport of clients that cannot open a WebSocket.
 *
 * The first poll of a client opens a socket. The client's token is a secret and the node; the process of the socket is
 * registered under the hash of the secret, as others see the names of processes. So each request of the client may go to
 * any node, which calls the process. A poll is answered by the frames that wait, or by the next ones, or after {@linkcode WINDOW} by none. Frames of bytes have no form here.
 */

import { Buffer } from "node:buffer";
import { createHash, randomBytes } from "node:crypto";
import { ExitError } from "@otp/processes/errors";
import type { Runtime } from "@otp/processes/process/runtime";
import { OwnRequest } from "@otp/processes/values/server_message";
import type { ReplyTo } from "@otp/processes/values/reply_to";
import { call } from "@otp/servers/server/call";
import { answer, BADARG, NO_REPLY } from "@otp/servers/server/server";
import type { Frame } from "./client_format.ts";
import type { ClientSocket, Opened, SocketTransport } from "./client_socket.ts";

/** How long a poll waits for frames, in milliseconds. */
const WINDOW = 10_000;
/** How long a request waits for the node of the socket, in milliseconds. */
const PATIENCE = 5000;
/** The messages of one request. */
const MAX_BATCH = 100;

/** The answer to a request. The status is a field of its body. */
interface PollAnswer {
  status: number;
  token?: string;
  messages?: string[];
}

/** The client is to open a socket, or its socket is open now. */
const GONE: PollAnswer = { status: 410 };

/** Answers a request; `open` decides whether the client may open a socket, and returns the status if not. */
export async function longPoll(
  request: Request,
  runtime: Runtime,
  maxMessage: number,
  open: () => Promise<Opened | number>,
): Promise<PollAnswer> {
  const { searchParams } = new URL(request.url);
  // The client appends its own: a token of the program may be before it.
  const token = searchParams.getAll("token").at(-1) ?? "";
  const [node, secret] = Buffer.from(token, "base64url").toString().split("/");
  const isKnown = secret !== undefined && runtime.hasChannelTo(node);
  if (request.method === "GET" && !isKnown) {
    const opened = await open();
    if (typeof opened === "number") return { status: opened };
    const secret = randomBytes(18).toString("base64url");
    const transport = new PollTransport();
    transport.socket = opened(transport);
    // The node has begun to drain meanwhile; the client tries again.
    if (!transport.socket.process.alive) return { status: 500 };
    runtime.names.register(nameOf(secret), transport.socket.process);
    const token = Buffer.from(`${runtime.node}/${secret}`)
      .toString("base64url");
    return { ...GONE, token, messages: [] };
  }
  if (!isKnown) return GONE;
  const lines = request.method === "POST"
    ? await linesOf(request, maxMessage)
    : undefined;
  const asked = lines === undefined
    ? { type: "poll" }
    : { type: "push", lines };
  try {
    const answer = await call<PollAnswer>(
      { name: nameOf(secret), node },
      new OwnRequest(asked),
      { timeout: WINDOW + PATIENCE, as: () => ["Sockets", asked.type, []] },
    );
    return { token, ...answer };
  } catch (error) {
    if (!(error instanceof ExitError)) throw error;
    return GONE;
  }
}

function nameOf(secret: string): string {
  const hash = createHash("sha256").update(secret).digest("base64url");
  return `Channels.LongPoll.${hash}`;
}

/** Reads the messages of a request: texts of JSON, or bytes in base64. */
async function linesOf(request: Request, max: number): Promise<string[]> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of request.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > max) return [""]; // no message: it closes the socket
  }
  return text.split(/\r?\n/, MAX_BATCH);
}

/** The frames of a socket that wait for a poll. */
class PollTransport implements SocketTransport {
  socket: ClientSocket | undefined;
  #frames: string[] = [];
  #poll: { caller: ReplyTo; cancel: () => void } | undefined;
  unread = 0;

  send({ data }: Frame): void {
    if (typeof data !== "string") return;
    this.unread += data.length;
    this.#frames.push(data);
    // Later, so that the frames of one turn are in one answer.
    if (this.#frames.length === 1) queueMicrotask(() => this.#flush());
  }

  /** The process exits: calls to it fail, and the client opens a new socket. */
  close(): void {
    this.#poll?.cancel();
  }

  /** Answers a request of the client. */
  call(request: unknown, caller: ReplyTo): unknown {
    const asked = request as { type?: unknown; lines?: unknown } | null;
    if (asked?.type === "push" && Array.isArray(asked.lines)) {
      for (const line of asked.lines) this.#receive(String(line));
      return { status: 200 };
    }
    if (asked?.type !== "poll") return BADARG;
    // An earlier poll was given up by the client.
    this.#answer({ status: 204, messages: [] });
    const { runtime } = this.socket!.process;
    const cancel = runtime.deadlines.after(
      WINDOW,
      () => this.#answer({ status: 204, messages: [] }),
    );
    this.#poll = { caller, cancel };
    this.#flush();
    return NO_REPLY;
  }

  #receive(line: string): void {
    this.socket!.receive(
      /^[[{]|^$/.test(line) ? line : Buffer.from(line, "base64"),
    );
  }

  #flush(): void {
    if (this.#frames.length === 0 || this.#poll === undefined) return;
    const messages = this.#frames;
    this.#frames = [];
    this.unread = 0;
    this.#answer({ status: 200, messages });
  }

  #answer(value: PollAnswer): void {
    if (this.#poll === undefined) return;
    const { caller, cancel } = this.#poll;
    this.#poll = undefined;
    cancel();
    answer(this.socket!.process, caller, value);
  }
}
