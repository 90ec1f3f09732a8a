/** A TypeScript node of an Elixir cluster. It checks JavaScript, for which only npm has a parser. */

import {
  atom,
  beam,
  GenServer,
  type GenServerModule,
  IO,
  Node,
  pg,
  self,
  Supervisor,
  TaskSupervisor,
} from "@otp/distribution";
import { nodeFlags } from "@otp/distribution/node-flags";
import { parse } from "acorn";

/** Checks a script: `Checker.check(source)` is `:ok`, or `{:error, message}`. */
async function check(source: string): Promise<"ok" | ["error", string]> {
  await IO.puts(`Checking ${source}`);
  try {
    parse(source, { ecmaVersion: "latest" });
    return "ok";
  } catch (error) {
    return ["error", (error as SyntaxError).message];
  }
}
beam(check, {
  args: ["binary"],
  returns: { tagged: { ok: [], error: ["binary"] } },
});

/** `{:global, :broken}`: knows the broken ones of the scripts that the cluster has saved. */
const Broken: GenServerModule<{
  state: Set<string>;
  call: ["list", string[]];
  info: ["forward_to_local", string, ["saved", string, string], string];
}> = {
  beam: {
    call: { tagged: { list: [] } }, // :list
    info: { // Phoenix.PubSub.broadcast(Editor.PubSub, "scripts", {:saved, "a.js", source})
      tagged: {
        forward_to_local: [
          "binary",
          { tagged: { saved: ["binary", "binary"] } },
          "atom",
        ],
      },
    },
  },
  async init() {
    const group = atom("Elixir.Editor.PubSub.Adapter");
    await pg.join(group, self(), { scope: "Phoenix.PubSub" });
    return { type: "ok", state: new Set() };
  },
  handleCall: {
    list: (_list, _from, broken) => ({
      type: "reply",
      reply: [...broken],
      state: broken,
    }),
  },
  async handleInfo(message, broken) {
    if (Array.isArray(message) && message[1] === "scripts") {
      const [, name, source] = message[2];
      if (await check(source) === "ok") broken.delete(name);
      else broken.add(name);
    }
    return { type: "noreply", state: broken };
  },
};

await Node.start({ ...nodeFlags(), modules: { Checker: { check } } });
Node.drainOnSignal();
await Supervisor.startLink([
  [pg, { scope: "Phoenix.PubSub" }],
  GenServer.childSpec(Broken, undefined, { name: { global: atom("broken") } }),
  [TaskSupervisor, { name: "Checker.TaskSupervisor" }],
], { strategy: "rest_for_one" });
console.log(`${Node.self()} is up`);
