// Servers beside which bench/streams.ts measures: `reference FOLDER`, with its file store; `bare`, which stores nothing; and
// `storing FILE`, which is bare but for an INSERT of each append, as durable as in a store of this library.

import { createServer } from "node:http";

const [name, folder] = process.argv.slice(2);

/** Returns a function that writes an append to the disk. */
async function storeIn(file) {
  const { DatabaseSync } = await import("node:sqlite");
  const db = new DatabaseSync(file);
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  db.exec("CREATE TABLE log (path TEXT, number INTEGER, body TEXT, PRIMARY KEY (path, number)) WITHOUT ROWID");
  const insert = db.prepare("INSERT INTO log VALUES (?, ?, ?)");
  return (path, number, body) => insert.run(path, number, body);
}

/** A server that answers what a stream would: no other code is in the way. */
async function bare(store = () => {}) {
  const bodies = new Map();
  const readers = new Set();
  const headers = {
    "content-type": "text/plain",
    "stream-next-offset": "0000000000000000_0000000000000000",
  };
  const control = 'event: control\ndata:{"streamNextOffset":"0000000000000000_0000000000000000","streamCursor":"3400000","upToDate":true}\n\n';
  const server = createServer((request, response) => {
    const { method, url } = request;
    const path = url.split("?")[0];
    if (method === "GET" && url.includes("live=sse")) {
      response.writeHead(200, { ...headers, "content-type": "text/event-stream" });
      response.write(control);
      readers.add(response);
      response.on("close", () => readers.delete(response));
      return;
    }
    if (method === "GET") {
      const body = Buffer.concat(bodies.get(path));
      response.writeHead(200, { ...headers, "content-length": body.length }).end(body);
      return;
    }
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
      const body = Buffer.concat(parts);
      const known = bodies.get(path);
      if (known === undefined) bodies.set(path, [body]);
      else store(path, known.push(body), body.toString());
      response.writeHead(method === "PUT" ? 201 : 204, headers).end();
      if (readers.size === 0) return;
      const frame = Buffer.from(`event: data\ndata:${body}\n\n${control}`);
      for (const reader of readers) reader.write(frame);
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server.address().port;
}

async function reference() {
  const { DurableStreamTestServer } = await import("@durable-streams/server");
  const server = new DurableStreamTestServer({ port: 0, dataDir: folder });
  return new URL(await server.start()).port;
}

const servers = { bare, reference, storing: async () => await bare(await storeIn(folder)) };
console.log(`port ${await servers[name]()}`);
