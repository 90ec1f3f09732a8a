/** Nodes: `Node`, `:erpc`, `:global`, `:pg` and `IO`. */

import { atom } from "../../../packages/processes/values/atom.ts";
import type { Bindings } from "../interpreter/modules.ts";
import { tuple } from "../interpreter/values.ts";
import { IO, Node } from "./_api.ts";
import { type Any, atoms, nameOf, remote } from "./_terms.ts";

function pair({ pid, ref }: { pid: unknown; ref: unknown }): unknown {
  return tuple(pid, ref);
}

export const NODES: Bindings = {
  "Node.alive?": () => Node.alive(),
  "Node.connect": (node) => Node.connect(nameOf(node)),
  "Node.disconnect": (node) => Node.disconnect(nameOf(node)),
  "Node.list": (kind) =>
    atoms(Node.list(kind === undefined ? undefined : nameOf(kind))),
  "Node.monitor": (node, isOn) => Node.monitor(nameOf(node), isOn),
  "Node.ping": async (node) => atom(await Node.ping(nameOf(node))),
  "Node.spawn": (node, module, name, args) =>
    name === undefined
      ? Node.spawn(nameOf(node), module)
      : Node.spawn(nameOf(node), remote(module, name), args),
  "Node.spawn_link": (node, module, name, args) =>
    Node.spawnLink(nameOf(node), remote(module, name), args),
  "Node.spawn_monitor": async (node, module, name, args) =>
    pair(await Node.spawnMonitor(nameOf(node), remote(module, name), args)),
  "net_kernel.monitor_nodes": (isOn) => (Node as Any).monitorNodes(isOn),
  "IO.gets": (prompt) => IO.gets(prompt),
  "IO.puts": async (device, text) =>
    await (text === undefined
      ? IO.puts(device)
      : IO.puts(text, { device: nameOf(device) })),
  "IO.write": async (device, text) =>
    await (text === undefined
      ? IO.write(device)
      : IO.write(text, { device: nameOf(device) })),
};
