/** The shapes of the answers that a page shows: the types of `packages/observe/observer/observed_terms.ts`, with bounds. */

import {
  flag,
  list,
  number,
  numbers,
  optional,
  type PagePid,
  pid,
  record,
  type ShapeOf,
  text,
} from "./shapes.ts";

/** The greatest depth and the maximum number of entries of a supervision tree. */
const MAX_DEPTH = 30;
const MAX_ENTRIES = 2000;

const MAX_CONNECTIONS = 200;

/** The maximum number of rows of a table of a view. */
export const MAX_ROWS = 100;

export const nodeShape = record({
  node: text(400),
  host: text(),
  version: text(40),
  creation: number,
  program: text(40),
  uptime: number,
  at: number,
  memory: number,
  heap: number,
  cpu: number,
  delay: number,
  processes: number,
  messages: number,
  connections: list(
    record({
      node: text(400),
      hidden: flag,
      address: text(),
      receivedBytes: number,
      sentBytes: number,
      queuedBytes: number,
    }),
    MAX_CONNECTIONS,
  ),
  applications: list(text(), 200),
  views: list(text(40), 10),
});

const PROCESS = {
  pid,
  name: optional(text()),
  label: optional(text()),
  initialCall: optional(text()),
  kind: text(20),
  messageQueueLen: number,
  queueBytes: number,
  received: number,
  rate: optional(number),
  waiting: flag,
  suspendedBy: pid,
  linkCount: number,
  monitorCount: number,
};

/** The processes with the greatest values of a key. */
export const processesShape = record({
  processes: list(record(PROCESS), 200),
  total: number,
});

const PIDS = list(pid, 100);

/** A process in full; `undefined` if it is gone. */
export const processShape = optional(record({
  ...PROCESS,
  links: PIDS,
  monitors: list(text(), 100),
  monitoredBy: PIDS,
  counts: record({ links: number, monitors: number, monitoredBy: number }),
  trapExit: flag,
  groupLeader: pid,
  parent: pid,
  ancestors: list(text(), 20),
  messages: list(text(600), 10),
  dictionary: list(list(text(600), 2), 20),
}));

const CHILD = record({
  id: optional(text()),
  pid,
  name: text(),
  kind: text(20),
  restarting: flag,
  restarts: number,
  lastReason: optional(text()),
  lastRestart: optional(number),
  messageQueueLen: number,
  suspendedBy: pid,
  more: number,
});

export type PageChild = ShapeOf<typeof CHILD> & { children: PageChild[] };

export function treeShape(
  value: unknown,
): { roots: PageChild[]; more: number } {
  let left = MAX_ENTRIES;
  const children = (given: unknown, depth: number): PageChild[] => {
    const shapes: PageChild[] = [];
    if (!Array.isArray(given) || depth <= 0) return shapes;
    for (const each of given) {
      if (left-- <= 0) break;
      shapes.push({
        ...CHILD(each),
        children: children((each as PageChild | null)?.children, depth - 1),
      });
    }
    return shapes;
  };
  const { roots, more } = (value ?? {}) as Record<string, unknown>;
  return { roots: children(roots, MAX_DEPTH), more: number(more) };
}

const NAME = record({ name: text(), pid });

export const namesShape = record({
  registered: list(NAME, 500),
  global: list(NAME, 500),
  groups: list(
    record({
      scope: text(),
      groups: list(
        record({ group: text(), pids: list(pid, 10), size: number }),
        100,
      ),
    }),
    20,
  ),
  registries: list(
    record({ registry: text(), keys: list(NAME, 100), size: number }),
    50,
  ),
  more: number,
});

const PARKED = { type: text(), key: text(1000), reason: text(500) };

export const entitiesShape = list(
  record({
    isServing: flag,
    isStoreUp: flag,
    held: number,
    types: list(
      record({
        type: text(),
        shards: number,
        entities: number,
        parked: number,
        runs: record({
          ...{ active: number, waiting: number, failing: number },
          ...{ failed: number, parked: number },
        }),
        lateRuns: number,
        lateAlarms: number,
      }),
      100,
    ),
    shards: list(
      record({
        id: text(),
        owner: optional(text(400)),
        epoch: number,
        isMoving: flag,
      }),
      2000,
    ),
    more: number,
    moves: list(
      record({ shard: text(), from: text(400), to: text(400), at: number }),
      50,
    ),
    parked: list(record(PARKED), 100),
    late: list(
      record({
        type: text(),
        key: text(1000),
        name: optional(text(100)),
        at: number,
        failures: number,
        reason: text(500),
      }),
      100,
    ),
  }),
  10,
);

/** An entity; `undefined` if the node does not know its type. */
export const entityShape = optional(record({
  type: text(),
  key: text(1000),
  shard: text(),
  owner: optional(text(400)),
  epoch: number,
  pid,
  state: optional(text(2000)),
  isStored: flag,
  parked: optional(text(500)),
}));

/** A cell of a table: a number, a process, or a text. */
function cell(value: unknown): number | PagePid | string {
  if (typeof value === "number") return number(value);
  return pid(value) ?? text()(value);
}

/** The view that a package gives of a node; `undefined` if the node does not have it. */
export const viewShape = optional(record({
  counts: numbers(20),
  tables: list(
    record({
      title: text(60),
      columns: list(record({ title: text(60), kind: text(20) }), 12),
      rows: list(list(cell, 12), MAX_ROWS),
      more: number,
    }),
    5,
  ),
}));

export const logShape = list(
  record({
    number,
    at: number,
    level: text(20),
    node: text(400),
    pid,
    report: optional(text(20)),
    message: text(4096),
    metadata: optional(text(2000)),
  }),
  200,
);

export type PageNode = ShapeOf<typeof nodeShape>;

export type PageProcesses = ShapeOf<typeof processesShape>;

export type PageProcess = NonNullable<ShapeOf<typeof processShape>>;

export type PageTree = ShapeOf<typeof treeShape>;

export type PageNames = ShapeOf<typeof namesShape>;

export type PageEntities = ShapeOf<typeof entitiesShape>[number];

export type PageEntity = NonNullable<ShapeOf<typeof entityShape>>;

export type PageView = NonNullable<ShapeOf<typeof viewShape>>;

export type PageEvents = ShapeOf<typeof logShape>;

/** A node's state at a time, as charts show it. */
export interface PageSample {
  /** The time, in milliseconds since the epoch. */
  at: number;
  /** CPU usage, in percent of a core. */
  cpu: number;
  memory: number;
  /** The longest delay of the event loop, in milliseconds. */
  delay: number;
  messages: number;
}

export interface PagePeer {
  node: string;
  state?: PageNode;
  /** Why the node has no state here. */
  error?: string;
}

/** The answer to a page. */
export interface PageState {
  /** The node that serves the page. */
  self: string;
  /** Whether the page may end processes. */
  write: boolean;
  /** The names of this node and of the nodes that it is connected to. */
  nodes: string[];
  /** The names of the views that packages give of this node and of the requested one. */
  views: string[];
  node: string;
  state?: PageNode;
  /** Why the node has no state here. */
  error?: string;
  /** The node's last hour, if the page has asked for it. */
  history?: PageSample[];
  log?: PageEvents;
  cluster?: PagePeer[];
  processes?: PageProcesses;
  /** The requested process; `null` if it is gone. */
  process?: PageProcess | null;
  tree?: PageTree;
  names?: PageNames;
  entities?: { node: string; servers: PageEntities[]; error?: string }[];
  /** The requested view of each node; its tables only of the requested node. */
  parts?: { node: string; view?: PageView; error?: string }[];
  /** The requested entity; `null` if the node does not know its type. */
  entity?: PageEntity | null;
}
