/** A program of a node with entities, which `proper_test.ts` kills and starts again. */

import { Entities, Entity, sqliteStore } from "../../packages/entities/mod.ts";
import { Node, type NodeOptions } from "../../node.ts";
import { Supervisor } from "../../packages/servers/supervisor/supervisor.ts";

const Register = Entity.define("register", {
  state: () => ({ value: 0 }),
  /** Returns the value before. */
  swap({ state }, value: number): number {
    const before = state.value;
    state.value = value;
    return before;
  },
  add: ({ state }, value: number): number => state.value += value,
  read: ({ state }): number => state.value,
}, {
  // The judge kills entities often enough to park them: calls fail until the pause is over.
  retryParked: { min: 50, max: 50 },
});

/** Values that this program alone has, if the functions with the planted error are called. */
const unsaved = new Map<string, number>();

/** The functions that a judge calls, without or with an error; each call has an id, so that a repeated one runs once. */
function subject(hasError: boolean) {
  const of = (key: string, id: string) =>
    Register.get(key, { timeout: 20_000, id });
  return {
    swap: (key: string, value: number, id: string) => of(key, id).swap(value),
    async add(key: string, value: number, id: string): Promise<number> {
      if (!hasError) return await of(key, id).add(value);
      // The planted error: what is added is kept in the memory of a program only.
      unsaved.set(key, (unsaved.get(key) ?? 0) + value);
      return await of(key, id).read() + unsaved.get(key)!;
    },
    read: async (key: string, id: string) =>
      await of(key, id).read() + (unsaved.get(key) ?? 0),
    entity: (key: string, id: string) => of(key, id).pid(),
  };
}

if (import.meta.main) {
  const { file, lease, ...node }:
    & { file: string; lease: number }
    & NodeOptions = JSON.parse(Deno.args[0]);
  const store = sqliteStore(file, { sync: false });
  const modules = { subject: subject(false), wrong: subject(true) };
  await Node.start({ ...node, modules });
  await Supervisor.startLink(
    [Entities.childSpec({ types: [Register], store, lease, shards: 8 })],
    { strategy: "one_for_one" },
  );
  console.log("up");
}
