/** The web server: the page, and a process for each of its sockets. */

import {
  Node,
  type Pid,
  Process,
  receive,
  self,
  send,
  spawn,
} from "@otp/distribution";
import type { EntityError, EntityMessage } from "@otp/distribution/entities";
import { type News, Room } from "./room.ts";

const MAX_BYTES = 1 << 20; // that wait for a slow tab
const MAX_LINES = 100; // of a tab
const PRESENT = 4000; // milliseconds between two calls of `enter`
const TIMEOUT = 30_000; // milliseconds that a call waits for a room whose node was lost

/** Serves the page at the first port; it connects to the other ports too. */
export async function serve(ports: number[]): Promise<void> {
  const html = await Deno.readTextFile(new URL("page.html", import.meta.url));
  const page = html.replace("PORTS", ports.join());
  const origins = ports.map((port) => `http://127.0.0.1:${port}`);
  const sockets = new Set<Pid>();
  const at = { hostname: "127.0.0.1", port: ports[0], onListen() {} };
  const server = Deno.serve(at, (request) => {
    if (request.headers.get("upgrade") !== "websocket") {
      return new Response(page, { headers: { "content-type": "text/html" } });
    }
    // A page of another site must not write here in the name of its visitor.
    if (!origins.includes(request.headers.get("origin")!)) {
      return new Response("wrong origin", { status: 403 });
    }
    const tab = tabOf(new URL(request.url).searchParams);
    if (typeof tab === "string") return new Response(tab, { status: 400 });
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onopen = () => {
      const pid = spawn(() => follow(socket, tab));
      sockets.add(pid);
      // Set here: the process starts later, and the tab may have written until then.
      socket.onmessage = ({ data }) => {
        if (++tab.waiting > MAX_LINES) socket.close(1008, "too fast");
        else send(pid, { type: "wrote", data: String(data) });
      };
      socket.onerror = () => socket.close();
      socket.onclose = () => {
        sockets.delete(pid);
        send(pid, { type: "closed" });
      };
    };
    return response;
  });
  Node.onDrain(async () => {
    for (const pid of sockets) send(pid, { type: "leave" });
    await server.shutdown(); // waits for the sockets
  });
}

interface Tab {
  id: string;
  room: string;
  name: string;
  last: number; // the number of the last broadcast that it has
  waiting: number; // the number of its lines that wait for its process
}

/** The tab that a request describes, or the fault of the request. */
function tabOf(params: URLSearchParams): Tab | string {
  const [id, room, name, last] = ["id", "room", "name", "last"]
    .map((field) => params.get(field) ?? "");
  return [id, room].every((text) => /^[\w-]{1,40}$/.test(text)) &&
      /^(?=.*\S).{1,40}$/.test(name) && /^\d{1,15}$/.test(last)
    ? { id, room, name, last: Number(last), waiting: 0 }
    : "Cannot enter: give an id and a room of 1 to 40 letters and digits, a name, and the last number";
}

type Message =
  | { type: "enter" | "leave" | "closed" }
  | { type: "wrote"; data: string }
  | EntityMessage;

/** The process of a socket: shows its tab what happens in the room, and tells the room what the tab writes. */
async function follow(socket: WebSocket, tab: Tab): Promise<void> {
  const me = self();
  const show = (news: Partial<News> | { error: string; id?: string }) => {
    if (socket.bufferedAmount > MAX_BYTES) socket.close(1013, "too slow");
    else if (socket.readyState === WebSocket.OPEN) {
      socket.send(JSON.stringify(news));
    }
  };
  const room = Room.get(tab.room, { timeout: TIMEOUT, mayRunTwice: true });
  const enter = async () => {
    const news = await room.enter(tab.id, tab.name, tab.last);
    tab.last = news.number;
    show(news);
  };
  try {
    await room.subscribe(); // before it enters: no broadcast is lost in between
    send(me, { type: "enter" });
    for (;;) {
      const message = await receive<Message>();
      switch (message.type) {
        case "enter":
          await enter();
          Process.sendAfter(me, message, PRESENT);
          break;
        case "entity": // A broadcast may be part of what `enter` has returned.
          if (message.number <= tab.last) break;
          if (message.event === "gap") await enter();
          else {
            tab.last = message.number;
            show({ number: tab.last, ...message.message as Partial<News> });
          }
          break;
        case "wrote": {
          tab.waiting--;
          const { id, text } = JSON.parse(message.data);
          try { // The id: it is said once, even if the tab repeats it.
            await Room.get(tab.room, { timeout: TIMEOUT, id })
              .say(id, tab.name, text);
          } catch (error) {
            if ((error as EntityError).code !== "refused") throw error;
            show({ error: (error as EntityError).message, id });
          }
          break;
        }
        case "leave":
          socket.close(1001, "its node restarts");
          break;
        case "closed":
          return;
      }
    }
  } catch (error) {
    show({ error: (error as Error).message });
  } finally {
    socket.close(); // The page connects again, and repeats the lines that are not in the room.
  }
}
