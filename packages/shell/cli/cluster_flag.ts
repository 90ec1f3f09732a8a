/** The flag `--cluster`: a topology as a word. */

import type { NodeOptions } from "@otp/node/node";
import { quote } from "@otp/processes/values/inspect";

type Topologies = NonNullable<NodeOptions["cluster"]>;
type Topology = Topologies[string];

/** A node's name, a host and port, or both. */
const NODE =
  /^(?:[\w-]+@[\w.:-]+|(?:[\w-]+@)?[\w.-]+:\d{1,5}|\[[\da-fA-F:.]+\]:\d{1,5})$/;

/**
 * Returns the topologies of the flags `--cluster`. All fixed nodes form one topology, `static`; the name of any other
 * topology is its text. Throws an `Error` if a topology is invalid.
 */
export function topologiesOf(specs: readonly string[]): Topologies {
  const topologies: Record<string, Topology> = {};
  const nodes: string[] = [];
  for (const spec of specs) {
    const topology = topologyOf(spec);
    if (topology === undefined) {
      throw new Error(
        `Cannot use --cluster ${
          quote(spec)
        }: give nodes, as in kate@localhost or 10.0.0.1:4370; dns:web.example:4370, srv:_otp._tcp.example, epmd:HOST or gossip`,
      );
    }
    if (topology.strategy === "static") {
      nodes.push(...topology.nodes as string[]);
      topologies.static = { strategy: "static", nodes };
    } else if (Object.hasOwn(topologies, spec)) {
      throw new Error(`Cannot use --cluster ${quote(spec)}: it is given twice`);
    } else topologies[spec] = topology;
  }
  return topologies;
}

function topologyOf(spec: string): Topology | undefined {
  const [, kind, rest] = /^(static|dns|srv|epmd|gossip):(.*)$/.exec(spec) ??
    ["", spec === "gossip" ? spec : "static", spec === "gossip" ? "" : spec];
  const items = rest.split(",").filter((item) => item !== "");
  switch (kind) {
    case "static":
      return items.length === 0 || !items.every((item) => NODE.test(item))
        ? undefined
        : { strategy: "static", nodes: items };
    case "epmd":
      return items.length === 0 ||
          !items.every((item) => /^[\w.:-]+$/.test(item))
        ? undefined
        : { strategy: "epmd", hosts: items };
    case "dns":
    case "srv": {
      const found = /^(?:([\w-]+)@)?([\w.-]+)(?::(\d{1,5}))?$/.exec(rest);
      if (found === null) return undefined;
      const [, node, query, port] = found;
      const named = node === undefined ? { query } : { query, node };
      if (kind === "srv") {
        return port === undefined
          ? { strategy: "dnsSrv", ...named }
          : undefined;
      }
      if (port === undefined) {
        return node === undefined ? undefined : { strategy: "dns", ...named };
      }
      return { strategy: "dns", ...named, port: Number(port) };
    }
    default: {
      const found = /^(?:([\d.]+)(?::(\d{1,5}))?)?$/.exec(rest);
      if (found === null) return undefined;
      const [, address, port] = found;
      return {
        strategy: "gossip",
        ...address === undefined ? {} : { address },
        ...port === undefined ? {} : { port: Number(port) },
      };
    }
  }
}
