/** This library: `ours.mjs OPTIONS`, the options of its node. */

import { createServer } from "node:http";
import process from "node:process";
import { Node } from "@otp/distribution";
import { Channel, Sockets } from "@otp/distribution/channels";
import { health } from "@otp/distribution/health";
import { serve } from "./_server.mjs";

const { limited, ...options } = JSON.parse(process.argv[2]);
await Node.start(options);

const Room = Channel.define("room:*", {
  join() {},
  in: {
    say(socket, payload) {
      socket.broadcast("said", payload);
      return Channel.noReply;
    },
    echo: (_socket, payload) => payload,
  },
});

/** The clients that publish send more than users do. */
const UNLIMITED = { maxMessageRate: 1e6, maxUserMessageRate: 1e6, maxWaiting: 1e6 };
const sockets = Sockets.handler({
  channels: [Room],
  connect: ({ user }) => user,
  id: (user) => user,
  timeout: 600_000, // the clients send no heartbeat
  ...limited ? {} : UNLIMITED,
});
const probe = health();
const server = createServer((request, response) => {
  if (!probe(request, response)) sockets.respond(request, response);
});
server.on("upgrade", sockets.upgrade);
serve.commands = { drain: () => void Sockets.drain({ over: 10_000 }) };
await serve(server);
