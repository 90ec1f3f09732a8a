/** Collects the data of a page: from this node, and from other nodes that allow it. */

import { Node } from "@otp/node/node";
import { Observer } from "../observer.ts";
import { PROCESS_ORDERS } from "../observer/observed_processes.ts";
import {
  entitiesShape,
  entityShape,
  logShape,
  MAX_ROWS,
  namesShape,
  nodeShape,
  type PagePeer,
  type PageState,
  processesShape,
  processShape,
  treeShape,
  viewShape,
} from "./page_shapes.ts";
import { type ClusterHistory, MAX_NODES } from "./cluster_history.ts";
import { pidFrom } from "./shapes.ts";

/** How long another node may take to answer, in milliseconds. */
const TIMEOUT = 3000;

const MAX_PROCESSES = 200;

const MAX_ERROR = 500;

/** The name of a view of a package: a part of the page's address, and of a link to it. */
const VIEW_NAME = /^[a-z]{1,40}$/;

/** Sorts `n2` before `n10`. */
const { compare } = new Intl.Collator("en", { numeric: true });

/** The names of the nodes that a page can show, this node first. */
function nodesHere(): string[] {
  return [Node.self(), ...Node.list("connected").toSorted(compare)].slice(
    0,
    MAX_NODES,
  );
}

/** Whether a page can show a node: only connected nodes, since a page must not cause dials. */
export function isKnown(node: string): boolean {
  return node === Node.self() || Node.list("connected").includes(node);
}

/** Adds the states of the nodes to their history that no page has asked for. */
export async function sample(history: ClusterHistory): Promise<void> {
  await Promise.all(
    history.due(nodesHere()).map((node) => peerState(node, history)),
  );
}

export async function pageState(
  query: URLSearchParams,
  write: boolean,
  history: ClusterHistory,
): Promise<PageState> {
  const self = Node.self();
  const wanted = query.get("node") || self;
  const state: PageState = {
    ...{ self, write, nodes: nodesHere(), views: [], node: wanted },
  };
  if (!isKnown(wanted)) {
    return { ...state, error: `${wanted.slice(0, 400)} is not connected` };
  }
  const options = { node: wanted, timeout: TIMEOUT };
  // This node first: the questions to others would be in the queues of its connections.
  const own = await peerState(self, history);
  // Request each state once: each answer contains the longest delay since the previous answer.
  const asked = wanted === self ? own : peerState(wanted, history);
  const [peer, log, view] = await Promise.all([
    asked,
    Observer.log({ ...options, after: Number(query.get("after")) || 0 }).then(
      logShape,
      () => undefined,
    ),
    viewOf(query, options, [own, asked], history).catch(() => ({})),
  ]);
  const views = [own, peer].flatMap(({ state }) => state?.views ?? []);
  return {
    ...state,
    views: [...new Set(views)].filter((name) => VIEW_NAME.test(name)),
    state: peer.state,
    error: peer.error,
    history: query.has("history") ? history.of(wanted) : undefined,
    log,
    ...view,
  };
}

async function viewOf(
  query: URLSearchParams,
  options: { node: string; timeout: number },
  known: readonly [own: PagePeer, wanted: PagePeer | Promise<PagePeer>],
  history: ClusterHistory,
): Promise<Partial<PageState>> {
  switch (query.get("view")) {
    case "overview": {
      const [own, wanted] = known;
      return {
        cluster: await Promise.all(
          nodesHere().map((node) => {
            if (node === own.node) return own;
            return node === options.node ? wanted : peerState(node, history);
          }),
        ),
      };
    }
    case "processes": {
      const order = query.get("order");
      return {
        processes: processesShape(
          await Observer.processes({
            ...options,
            order: PROCESS_ORDERS.find((each) => each === order) ?? "messages",
            limit: Math.min(Number(query.get("limit")) || 50, MAX_PROCESSES),
            search: query.get("search") ?? "",
          }),
        ),
      };
    }
    case "process": {
      const pid = pidFrom(query.get("pid") ?? "");
      if (pid === undefined || pid.node !== options.node) {
        return { process: null };
      }
      return {
        process:
          processShape(await Observer.process(pid, { timeout: TIMEOUT })) ??
            null,
      };
    }
    case "tree":
      return { tree: treeShape(await Observer.tree(options)) };
    case "names":
      return { names: namesShape(await Observer.names(options)) };
    case "entities": {
      const [type, key] = [query.get("type") ?? "", query.get("key") ?? ""];
      const [entities, entity] = await Promise.all([
        Promise.all(nodesHere().map((node) => peerEntities(node, options))),
        key === "" ? undefined : Observer.entity(type, key, options)
          .then((found) => entityShape(found) ?? null),
      ]);
      return { entities, entity };
    }
    case "log":
      return {};
    default: {
      const name = query.get("view") ?? "";
      return !VIEW_NAME.test(name) ? {} : {
        parts: await Promise.all(
          nodesHere().map((node) => peerView(name, node, options)),
        ),
      };
    }
  }
}

/** The view of a package of a node; its tables only of the shown one. */
async function peerView(
  name: string,
  node: string,
  shown: { node: string; timeout: number },
): Promise<NonNullable<PageState["parts"]>[number]> {
  try {
    const limit = node === shown.node ? MAX_ROWS : 0;
    const options = { ...shown, node, limit };
    const view = viewShape(await Observer.view(name, options));
    if (view !== undefined && limit === 0) view.tables = [];
    return { node, view };
  } catch (error) {
    return { node, error: errorText(error) };
  }
}

/** The entities of a node; their moves and shards only of the shown one, as each node knows all. */
async function peerEntities(
  node: string,
  shown: { node: string; timeout: number },
): Promise<NonNullable<PageState["entities"]>[number]> {
  try {
    const servers = entitiesShape(await Observer.entities({ ...shown, node }));
    return {
      node,
      servers: node === shown.node
        ? servers
        : servers.map((each) => ({ ...each, shards: [], moves: [] })),
    };
  } catch (error) {
    return { node, servers: [], error: errorText(error) };
  }
}

function errorText(error: unknown): string {
  return String((error as Error | undefined)?.message ?? error)
    .slice(0, MAX_ERROR);
}

async function peerState(
  node: string,
  history: ClusterHistory,
): Promise<PagePeer> {
  try {
    const answer = await Observer.node({ node, timeout: TIMEOUT });
    // A node answers for no other one.
    const shaped = nodeShape(answer);
    const connections = shaped.connections
      .toSorted((a, b) => compare(a.node, b.node));
    const state = { ...shaped, node, connections };
    history.add(node, state);
    return { node, state };
  } catch (error) {
    return { node, error: errorText(error) };
  }
}
