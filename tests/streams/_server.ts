/** A node with streams, as an HTTP server on a free port. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { memoryStore } from "../../packages/entities/memory_store.ts";
import {
  streams,
  type StreamsHandler,
  type StreamsOptions,
} from "../../packages/streams/mod.ts";

/** A server of streams; closed when it goes out of scope. */
export interface StreamServer extends AsyncDisposable {
  url: string;
}

const USUAL = { authorize: () => true };

function withStore(options: Partial<StreamsOptions>): StreamsOptions {
  return { store: memoryStore(), ...USUAL, ...options };
}

/** Serves streams by `Deno.serve`. */
export function serveOnDeno(
  options: Partial<StreamsOptions>,
  wrap = (handle: StreamsHandler) => handle,
): StreamServer {
  const handle = wrap(streams(withStore(options)));
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    handle,
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    async [Symbol.asyncDispose]() {
      await handle.close();
      await server.shutdown();
    },
  };
}

/** Serves streams by `node:http`. */
export async function serveOnNode(
  options: Partial<StreamsOptions>,
): Promise<StreamServer> {
  const handle = streams(withStore(options));
  const server = createServer(handle.node);
  await new Promise<void>((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve())
  );
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      await handle.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
