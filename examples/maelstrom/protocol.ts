/** Maelstrom's protocol: JSON messages, one a line; each request gets a reply. */

/** The content of a message: its type, its ids, and the fields of the type. */
export interface Body {
  type: string;
  msg_id?: number;
  in_reply_to?: number;
  [field: string]: unknown;
}

/** A message between Maelstrom's client `c1` and the node `n1`. */
export interface Message {
  src: string;
  dest: string;
  body: Body;
}

/** The request by which a node learns its name, and the names of all nodes. */
export interface Init extends Body {
  node_id: string;
  node_ids: string[];
}

/** The fields of a reply, whose type is the one of the request with `_ok`; or an error. */
export type Reply = Record<string, unknown>;

/** The answers to requests, by their type. */
export type Handlers = Record<string, (body: Body) => Reply | Promise<Reply>>;

/** The codes of errors. After a definite error, Maelstrom takes it that the request has not run and never will. */
export const CODES = {
  notSupported: 10,
  unavailable: 11, // definite
  crash: 13, // the request may have run
  abort: 14, // definite
  noKey: 20,
  mismatch: 22,
} as const;

/** Returns an error as a reply. */
export function failure(code: number, text: string): Reply {
  return { type: "error", code, text };
}

/**
 * Answers the requests of the input until it ends. Requests run at the same time.
 *
 * @param lines The lines of the input.
 * @param write Writes a line.
 * @param start Starts the node; its handlers answer all later requests.
 * @param failureOf Returns the reply to a request whose handler has thrown.
 */
export async function serve(
  lines: AsyncIterable<string>,
  write: (line: string) => void,
  start: (init: Init) => Promise<Handlers>,
  failureOf: (error: unknown) => Reply,
): Promise<void> {
  let handlers: Handlers = {};
  const answer = async ({ src, dest, body }: Message) => {
    const { type, msg_id } = body;
    let reply: Reply;
    try {
      if (type === "init") {
        handlers = await start(body as Init);
        reply = {};
      } else if (Object.hasOwn(handlers, type)) {
        reply = await handlers[type](body);
      } else {
        reply = failure(CODES.notSupported, `no requests of the type ${type}`);
      }
    } catch (error) {
      reply = failureOf(error);
    }
    const sent = { type: `${type}_ok`, in_reply_to: msg_id, ...reply };
    write(JSON.stringify({ src: dest, dest: src, body: sent }));
  };
  for await (const line of lines) {
    const message: Message = JSON.parse(line);
    const answered = answer(message);
    if (message.body.type === "init") await answered;
  }
}
