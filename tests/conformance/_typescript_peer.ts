/**
 * A peer in TypeScript, of a main node in Elixir, which starts it as a port: it reads `{Id, Function, Args}` from
 * standard input and writes `{Id, {ok, Value}}` or `{Id, {error, Text}}`, in Erlang's terms, each behind its length.
 *
 * `deno run -A _typescript_peer.ts NODE COOKIE AREA,AREA`, with the port of EPMD in the environment.
 */

import { Buffer } from "node:buffer";
import process from "node:process";
import { Node } from "../../node.ts";
import { type Atom, atom } from "../../packages/processes/values/atom.ts";
import { tuple } from "../../packages/processes/values/tuple.ts";
import { decodeTerm, encodeTerm, fromElixir } from "./_control.ts";
import { type Area, exportedModules, loadAreas } from "./_load.ts";
import * as Peer from "./_peer.ts";

const FUNCTIONS = new Map<string, (...args: never[]) => unknown>(
  Object.entries(Peer),
);

async function main(
  name: string,
  cookie: string,
  areas: readonly Area[],
): Promise<void> {
  const node = await Node.start({
    onTreeEnd: "continue",
    name,
    cookie,
    epmdPort: Number(process.env.ERL_EPMD_PORT),
    log() {},
    io: { write() {} },
  });
  for (const { module, exports } of exportedModules(areas)) {
    node.export(module, exports);
  }
  for await (const packet of packets()) {
    const [id, fn, args] = decodeTerm(packet) as [number, Atom, unknown[]];
    answer(node, areas, camel(fn.name), args).then((answer) =>
      write(encodeTerm(tuple(id, answer)))
    );
  }
}

async function answer(
  node: Node,
  areas: readonly Area[],
  name: string,
  args: unknown[],
): Promise<unknown> {
  try {
    const { args: given, result } = fromElixir(areas, name, args);
    const fn = FUNCTIONS.get(name)!;
    const value = await node.run(() => fn(...given as never[]));
    return tuple(atom("ok"), result(value ?? null));
  } catch (error) {
    return tuple(atom("error"), String(error));
  }
}

async function* packets(): AsyncGenerator<Uint8Array> {
  let bytes = Buffer.alloc(0);
  for await (const chunk of process.stdin) {
    bytes = Buffer.concat([bytes, chunk]);
    while (bytes.length >= 4) {
      const end = 4 + bytes.readUInt32BE();
      if (bytes.length < end) break;
      yield bytes.subarray(4, end);
      bytes = bytes.subarray(end);
    }
  }
}

function write(bytes: Uint8Array): void {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(bytes.length);
  process.stdout.write(Buffer.concat([head, bytes]));
}

function camel(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
}

const [name, cookie, areas] = Deno.args;
await main(name, cookie, await loadAreas(areas.split(",")));
Deno.exit(0);
