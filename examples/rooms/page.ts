/** The page of a room, in the browser: the client of Phoenix, with the types of the channel. */

import { ChannelError, ClientChannel } from "@otp/distribution/channels/client";
import { Presence, Socket } from "phoenix";
import type { Room } from "./room.ts";

const [title, present, lines, form, line, at, owner, error] =
  "room present lines form line at owner error".split(" ")
    .map((id) => document.getElementById(id) as HTMLInputElement);
const { hosts = "", token } = document.documentElement.dataset;
const name = /^#([\w-]{1,40})$/.exec(location.hash)?.[1] ?? "lobby";
title.textContent = name;
onhashchange = () => location.reload();

function append(text: string, className = ""): HTMLElement {
  const item = document.createElement("li");
  Object.assign(item, { className, textContent: text });
  lines.append(item);
  item.scrollIntoView();
  return item;
}

const others = hosts.split(",").filter((host) => host !== location.host);
const all = [location.host, ...hosts && others];
let connections = 0;

/** Connects to another node each time; a load balancer does that for you. */
class NextHost extends WebSocket {
  constructor(address: string, protocols: string[]) {
    const url = new URL(address);
    url.host = all[connections++ % all.length];
    super(url, protocols);
  }
}

const socket = new Socket("/socket", {
  authToken: token,
  transport: NextHost,
  reconnectAfterMs: (tries: number) =>
    Math.random() * Math.min(5000, 50 * 2 ** tries),
});
socket.onClose(() => at.textContent = "Connects again …");
socket.connect();

const topic = `room:${name}`;
const options = { numbered: "said" } as const;
const room = new ClientChannel<typeof Room>(socket, topic, {}, options);
room.on("at", ({ node }) => at.textContent = `You are at ${node}.`);
room.on("said", ({ name, text }) => append(`${name}: ${text}`));
room.on("gap", () => append("Older lines are not kept."));
const presence = new Presence(room.channel);
presence.onSync(() => {
  const names = presence.list((
    _: string,
    user: { metas: { name: string }[] },
  ) => user.metas[0].name);
  present.textContent = [...new Set(names)].sort().join(", ");
});
room.join().catch(show);

/** Shows why the server has refused something; returns false if it has not answered. */
function show({ response }: ChannelError): boolean {
  if (response === undefined) return false;
  error.textContent = (response as { reason: string }).reason;
  return true;
}

/** The lines that are not known to be in the room. */
const unsaid: { id: string; text: string; item: HTMLElement }[] = [];

/** Says the lines in order, each again and again until it is answered: its id makes it count once. */
async function sayAll(): Promise<void> {
  while (unsaid.length > 0) {
    const [{ id, text, item }] = unsaid;
    try {
      const { node } = await room.push("say", { id, text }, 1000);
      owner.textContent = `The room is on ${node}.`;
      error.textContent = "";
    } catch (failure) {
      if (!show(failure as ChannelError)) continue;
    }
    item.remove();
    unsaid.shift();
  }
}

form.onsubmit = (event) => {
  event.preventDefault();
  if (unsaid.length >= 50) error.textContent = "Too many lines wait.";
  if (!/\S/.test(line.value) || unsaid.length >= 50) return;
  const item = append(line.value, "waiting");
  unsaid.push({ id: crypto.randomUUID(), text: line.value, item });
  if (unsaid.length === 1) sayAll();
  line.value = "";
};
