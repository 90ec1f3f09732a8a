/** A program whose supervision tree gives up: the tree of an application, or one that the program starts itself. */

import { Agent, Application, Node, Supervisor } from "../../../mod.ts";
import { health } from "../../../packages/observe/health.ts";

const [port, kind, onTreeEnd] = Deno.args;
await Node.start({
  name: "alex@localhost",
  cookie: "c",
  epmdPort: Number(port),
  onTreeEnd: onTreeEnd === "continue" ? onTreeEnd : undefined,
});
const probe = health({ maxAge: 0 });

async function live(): Promise<number | undefined> {
  return (await probe(new Request("http://localhost/livez")))?.status;
}

// It stops with the node, in order.
await Application.start({
  name: "other",
  start: () => Supervisor.startLink([], { strategy: "one_for_one" }),
  async stop() {
    console.log(`stopped, /livez ${await live()}`);
  },
});
const startTop = () =>
  Supervisor.startLink(
    [Agent.childSpec(() => 0, { name: "Store" })],
    { strategy: "one_for_one", maxRestarts: 0, name: "Top" },
  );
if (kind === "application") {
  await Application.start({ name: "shop", start: startTop });
} else await startTop();
console.log(`up, /livez ${await live()}`);
// A program that serves keeps this open.
setInterval(() => {}, 2 ** 30);
Agent.cast("Store", () => {
  throw new RangeError("the disk is full");
});
if (onTreeEnd === "continue") {
  while (await live() === 200) {
    // safe: the loop ends when the tree has ended
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  console.log(`goes on, /livez ${await live()}`);
  Deno.exit(3);
}
