/** Handlers that fit several kinds of web servers: `Deno.serve`, `Bun.serve`, `node:http`, Express and Hono. */

/** The part of a context of Hono that a {@linkcode WebHandler} uses. */
export interface HonoContextLike {
  /** The request. */
  readonly req: {
    /** The request as the host has it. */
    readonly raw: Request;
  };
}

/** The part of a request of `node:http` that a {@linkcode WebHandler} uses. */
export interface NodeRequestLike {
  /** The HTTP method. */
  readonly method?: string;
  /** The path, with the query. */
  readonly url?: string;
}

/** The part of a response of `node:http` that a {@linkcode WebHandler} uses. */
export interface NodeResponseLike {
  /** Whether another handler has responded. */
  readonly headersSent: boolean;
  /** Sends the status and the headers. */
  writeHead(status: number, headers: Record<string, string>): unknown;
  /** Sends the body, if any, and ends the response. */
  end(body?: string): unknown;
}

/** A handler of some paths that fits several kinds of web servers. */
export interface WebHandler {
  /**
   * For `Deno.serve`, `Bun.serve` and others with a `Request`: returns the response, or `undefined` for any
   * other path.
   */
  (request: Request): Promise<Response> | undefined;
  /**
   * For `node:http`, and as a middleware of Express: responds and returns `true`, or returns `false` for any
   * other path, for which it calls `next`, if there is one.
   */
  (
    request: NodeRequestLike,
    response: NodeResponseLike,
    next?: () => void,
  ): boolean;
  /** For Hono, as a middleware: `app.use(handler)`. */
  (context: HonoContextLike, next: () => Promise<void>): Promise<
    Response | void
  >;
}

/** An answer to a request. */
export interface WebAnswer {
  /** The HTTP status. */
  status: number;
  headers: Record<string, string>;
  /** The body; not sent for `HEAD`. */
  body: string;
}

/**
 * Creates a handler of `GET` and `HEAD` requests.
 *
 * @param find Returns the function that answers a path; `undefined` leaves the path to the next handler.
 * @returns The handler.
 */
export function webHandler(
  find: (path: string) => (() => Promise<WebAnswer>) | undefined,
): WebHandler {
  const answerTo = (method: string, path: string) =>
    method === "GET" || method === "HEAD" ? find(path) : undefined;

  function fetch(request: Request): Promise<Response> | undefined {
    const answer = answerTo(request.method, pathOf(request.url));
    return answer &&
      answered(answer).then(({ status, headers, body }) =>
        new Response(request.method === "HEAD" ? null : body, {
          status,
          headers,
        })
      );
  }

  function respond(
    { method = "", url = "" }: NodeRequestLike,
    response: NodeResponseLike,
    next: (() => void) | undefined,
  ): boolean {
    const answer = answerTo(method, url.split("?", 1)[0]);
    if (answer === undefined) {
      next?.();
      return false;
    }
    answered(answer).then(({ status, headers, body }) => {
      // Another handler may have responded, for example at a timeout.
      if (response.headersSent) return;
      response.writeHead(status, headers);
      response.end(method === "HEAD" ? undefined : body);
    });
    return true;
  }

  function handle(
    first: Request | NodeRequestLike | HonoContextLike,
    second?: unknown,
    next?: () => void,
  ): unknown {
    if (
      typeof (second as NodeResponseLike | undefined)?.writeHead === "function"
    ) {
      return respond(
        first as NodeRequestLike,
        second as NodeResponseLike,
        next,
      );
    }
    if (typeof second === "function") {
      return fetch((first as HonoContextLike).req.raw) ?? second();
    }
    return fetch(first as Request);
  }
  return handle as WebHandler;
}

/** Answers, with status 500 on failure: an unhandled rejection would end the program. */
async function answered(answer: () => Promise<WebAnswer>): Promise<WebAnswer> {
  try {
    return await answer();
  } catch {
    return {
      status: 500,
      headers: { "content-type": "text/plain", "cache-control": "no-store" },
      body: "Internal Server Error\n",
    };
  }
}

/** The path of an absolute URL. */
function pathOf(url: string): string {
  return URL.parse(url)?.pathname ?? "";
}
