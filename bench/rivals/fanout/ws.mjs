/** Bare `ws`, with a socket between both servers: `ws.mjs [PORT_OF_THE_OTHER]`. The first one prints the port for the second. */

import { once } from "node:events";
import { connect, createServer } from "node:net";
import process from "node:process";
import { createInterface } from "node:readline";
import { createServer as createHttpServer } from "node:http";
import { WebSocketServer } from "ws";
import { serve } from "./_server.mjs";

const rooms = new Map();
let other;

function deliver(room, text) {
  for (const client of rooms.get(room) ?? []) client.send(text);
}

/** Takes the broadcasts of the other server. */
function take(socket) {
  other = socket.setNoDelay();
  createInterface({ input: socket }).on("line", (line) => {
    const { room, said } = JSON.parse(line);
    deliver(room, JSON.stringify({ said }));
  });
}

const [, , port] = process.argv;
if (port === undefined) {
  const between = createServer(take).listen(0, "127.0.0.1");
  await once(between, "listening");
  console.log(between.address().port);
} else {
  take(connect(Number(port), "127.0.0.1"));
  await once(other, "connect");
}

const server = createHttpServer();
new WebSocketServer({ server }).on("connection", (client) => {
  client.on("message", (data) => {
    const { join, room, say } = JSON.parse(data);
    if (join !== undefined) {
      if (!rooms.has(join)) rooms.set(join, new Set());
      rooms.get(join).add(client);
      client.on("close", () => rooms.get(join).delete(client));
      client.send('{"joined":true}');
    } else {
      deliver(room, JSON.stringify({ said: say }));
      other.write(`${JSON.stringify({ room, said: say })}\n`);
    }
  });
});
await serve(server);
