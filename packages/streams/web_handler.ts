/**
 * The handler of streams for servers that take a `Request` and return a `Response`.
 *
 * @module
 */

import type { EventReader } from "./live.ts";
import type { Answer } from "./answers.ts";

/** The bytes that a response of server-sent events has ready, so that a reader need not be waited for. */
const READY = 64 << 10;

/** Returns an answer as a response; its reader must take something each `unread` milliseconds once it is at its end. */
export function responseOf(
  { status, headers, body = null, events }: Answer,
  unread: number,
): Response {
  const pairs = Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().map((value): [string, string] => [name, value])
  );
  return new Response(
    events ? bodyOf(events, unread) : body as BodyInit | null,
    { status, headers: pairs },
  );
}

function bodyOf(events: EventReader, unread: number): ReadableStream {
  let late: ReturnType<typeof setTimeout> | undefined;
  let isCancelled = false;
  return new ReadableStream<Uint8Array>({
    start(controller) {
      events.start({
        write(bytes) {
          controller.enqueue(bytes);
          return controller.desiredSize! > 0;
        },
        end() {
          if (isCancelled) return;
          if (controller.desiredSize! > 0) return controller.close();
          late = setTimeout(
            () => controller.error(new Error("the reader does not read")),
            unread,
          );
        },
      });
    },
    pull(controller) {
      if (late === undefined) return events.resume();
      clearTimeout(late);
      controller.close();
    },
    cancel() {
      isCancelled = true;
      clearTimeout(late);
      events.end();
    },
  }, new ByteLengthQueuingStrategy({ highWaterMark: READY }));
}
