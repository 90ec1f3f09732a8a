/** The web server: the page, and a process for each of its sockets. */

import {
  Node,
  type Pid,
  Process,
  receive,
  self,
  send,
  spawn,
  spawnLink,
} from "@otp/distribution";
import {
  EntityError,
  type EntityLogEvent,
  type EntityMessage,
} from "@otp/distribution/entities";
import { health } from "@otp/distribution/health";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
// @ts-types="./ws.d.ts"
import { type WebSocket, WebSocketServer } from "ws";
import { isId, type Line, Room } from "./room.ts";

const MAX_CONNECTIONS = 1000; // of browsers
const MAX_LINE = 4096; // bytes
const MAX_LINES = 100; // of a tab, which wait for the room
const MAX_QUEUE = 1 << 20; // bytes, which wait for a slow tab
const PATIENCE = 10_000; // milliseconds that a request may take to arrive, and a socket to close
const PRESENT = 4000; // milliseconds between two calls of `enter`
const MAX_SILENCE = 5; // of these, without an answer to a ping: the browser is gone
const TIMEOUT = 30_000; // milliseconds that a call waits for a room whose node was lost

/** Serves the page at the first port; it connects to the other ports too. */
export async function serve(ports: number[]): Promise<void> {
  const html = await readFile(new URL("page.html", import.meta.url), "utf8");
  const page = html.replace("PORTS", ports.join());
  const origins = ports.map((port) => `http://127.0.0.1:${port}`);
  const probe = health();
  const server = createServer({
    headersTimeout: PATIENCE,
    requestTimeout: PATIENCE,
    connectionsCheckingInterval: 1000,
  }, (request, response) => {
    if (probe(request, response)) return;
    const status = request.url === "/" ? 200 : 404;
    response.writeHead(status, { "content-type": "text/html; charset=utf-8" });
    response.end(status === 200 ? page : "not found");
  });
  server.maxConnections = MAX_CONNECTIONS;
  const sockets = new WebSocketServer({
    server,
    maxPayload: MAX_LINE,
    // A page of another site must not write here in the name of its visitor.
    verifyClient: ({ origin }, done) => done(origins.includes(origin), 403),
  });
  sockets.on("connection", (socket, { url }) => start(socket, url!));
  Node.onDrain(async () => {
    server.close();
    const closed = [...sockets.clients].map((socket) => once(socket, "close"));
    for (const socket of sockets.clients) {
      socket.close(1001, "its node restarts");
    }
    // A browser may not answer.
    const late = setTimeout(() => {
      for (const socket of sockets.clients) socket.terminate();
    }, PATIENCE);
    await Promise.all(closed);
    clearTimeout(late);
  });
  await once(server.listen(ports[0], "127.0.0.1"), "listening");
}

interface Tab {
  id: string;
  room: string;
  name: string;
  last: number; // the number of the last line that it has
  waiting: number; // the number of its lines that wait for its process
  silence: number; // the number of pings that it has not answered
}

/** The tab that an URL describes; nothing if the URL is wrong. */
function tabOf(url: string): Tab | undefined {
  const params = URL.parse(url, "ws://127.0.0.1")?.searchParams;
  const [id, room, name, last] = ["id", "room", "name", "last"]
    .map((field) => params?.get(field) ?? "");
  return isId(id) && /^[\w-]{1,40}$/.test(room) &&
      /^(?=.*\S).{1,40}$/.test(name) && /^\d{1,15}$/.test(last)
    ? { id, room, name, last: Number(last), waiting: 0, silence: 0 }
    : undefined;
}

/** Starts the process of a socket. The handlers are set at once: the process starts later. */
function start(socket: WebSocket, url: string): void {
  socket.on("error", () => {}); // "close" follows
  const tab = tabOf(url);
  if (tab === undefined) {
    return socket.close(1008, "give id, room, name and last");
  }
  const pid: Pid<Message> = spawn(() => follow(socket, tab));
  socket.on("message", (data) => {
    if (++tab.waiting > MAX_LINES) socket.close(1008, "too fast");
    else send(pid, { type: "wrote", data: String(data) });
  });
  socket.on("pong", () => tab.silence = 0);
  socket.on("close", () => send(pid, { type: "closed" }));
}

type Message =
  | { type: "enter" | "closed" }
  | { type: "wrote"; data: string }
  | { type: "said"; line: EntityLogEvent<Line> }
  | { type: "missed"; line: undefined }
  | EntityMessage;

/** News of a room for a tab. */
interface News {
  /** The number of the last line. */
  number: number;
  lines: Line[];
  /** The names of those who are present. */
  present: string[];
  /** Whether older lines are not kept. */
  isIncomplete: boolean;
  node: string;
}

/** The process that reads the lines of a room for a tab; it ends with the process of the socket. */
async function read(reader: Pid<Message>, { room, last }: Tab): Promise<void> {
  for (let after = last;;) {
    try {
      for await (const line of Room.get(room).log.follow({ after })) {
        send(reader, { type: "said", line });
      }
    } catch (error) {
      if (!(error instanceof EntityError) || error.code !== "gap") throw error;
      after = (error.data as { first: number }).first - 1;
      send(reader, { type: "missed", line: undefined });
    }
  }
}

/** The process of a socket: shows its tab what happens in the room, and tells the room what the tab writes. */
async function follow(socket: WebSocket, tab: Tab): Promise<void> {
  const me = self();
  const show = (news: Partial<News> | { error: string; id?: string }) => {
    if (socket.bufferedAmount > MAX_QUEUE) socket.close(1013, "too slow");
    else if (socket.readyState === socket.OPEN) {
      socket.send(JSON.stringify(news));
    }
  };
  const room = Room.get(tab.room, { timeout: TIMEOUT, mayRunTwice: true });
  const enter = async () => {
    show(await room.enter(tab.id, tab.name));
  };
  try {
    await room.subscribe(); // before it enters: no broadcast is lost in between
    spawnLink(() => read(me, tab));
    send(me, { type: "enter" });
    for (;;) {
      const message = await receive<Message>();
      switch (message.type) {
        case "enter":
          if (++tab.silence > MAX_SILENCE) socket.terminate();
          socket.ping();
          await enter();
          Process.sendAfter(me, message, PRESENT);
          break;
        case "entity":
          if (message.event === "gap") await enter();
          else show(message.message as Partial<News>);
          break;
        case "said": {
          const { number, event } = message.line;
          show({ number, lines: [event] });
          break;
        }
        case "missed":
          show({ isIncomplete: true });
          break;
        case "wrote": {
          tab.waiting--;
          const line = lineOf(message.data);
          if (line === undefined) socket.close(1008, "no line");
          else await say(tab, line, show);
          break;
        }
        case "closed":
          return;
      }
    }
  } catch (error) {
    if (!(error instanceof EntityError)) throw error; // It is logged.
    show({ error: reasonOf(error) });
  } finally {
    socket.close(); // The page connects again, and repeats the lines that are not in the room.
  }
}

/** Returns the line that a browser has written, or nothing if its form is invalid. The room checks the text. */
function lineOf(data: string): { id: string; text: string } | undefined {
  try {
    const { id, text } = JSON.parse(data);
    return isId(id) ? { id, text } : undefined;
  } catch {
    return undefined;
  }
}

/** Has the room add a line. The id: it is said once, even if the tab repeats it. */
async function say(
  { room, name }: Tab,
  { id, text }: { id: string; text: string },
  show: (news: { error: string; id: string }) => void,
): Promise<void> {
  try {
    await Room.get(room, { timeout: TIMEOUT, id }).say(id, name, text);
  } catch (error) {
    if (!(error instanceof EntityError) || error.code !== "refused") {
      throw error;
    }
    show({ error: reasonOf(error), id });
  }
}

/** Returns the message of a refusal for the browser. Messages of other errors are for the log. */
function reasonOf({ code, data }: EntityError): string {
  return code === "refused" ? `${data}` : "The room does not answer.";
}
