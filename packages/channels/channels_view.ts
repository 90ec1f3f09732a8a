/** The view of a node's sockets and topics, for observers and metrics. It has names and addresses, and nothing that a client sends. */

import {
  type ObservedView,
  type TableLayout,
  tableOf,
  type ViewSample,
  type ViewSource,
} from "@otp/observe/observed_views";
import { BOUNDS } from "@otp/processes/values/bounds";
import type { Runtime } from "@otp/processes/process/runtime";
import type { NodeSockets, OpenSocket } from "./node_sockets.ts";
import type { PresenceTable } from "./presence_table.ts";

/** The parts of a hub that its view shows. */
interface Parts {
  readonly sockets: NodeSockets;
  /** The subscribers of each topic: channels, processes, and the sockets that take a `disconnect`. */
  readonly topics: ReadonlyMap<string, ReadonlySet<object>>;
  readonly presence: PresenceTable;
}

interface Topic {
  name: string;
  subscribers: number;
}

/** The ends of sockets whose clients were beyond a limit. */
const LIMITS = ["size", "depth", "rate", "waiting", "slow", "address"] as const;

/** Returns the view of one node's hub. */
export function channelsView(hub: Parts, { clock }: Runtime): ViewSource {
  const { sockets, presence } = hub;
  const layout: TableLayout<OpenSocket> = {
    title: "Sockets",
    columns: {
      ...{ User: "text", Address: "text", Transport: "text" },
      ...{ "Open for": "time", Channels: "number", "Messages wait": "number" },
      ...{ Unread: "bytes", Process: "process" },
    },
    rank: ({ unread }) => unread,
    row: (socket) => [
      ...[socket.id, socket.address].map(shortText),
      `${socket.transport} ${socket.version}`,
      Math.round(clock.now() - socket.since),
      ...[socket.channels, socket.waiting, socket.unread, socket.pid],
    ],
  };
  const topicLayout: TableLayout<Topic> = {
    title: "Topics",
    columns: { Topic: "text", Subscribers: "number", Presences: "number" },
    rank: ({ subscribers }) => subscribers,
    row: ({ name, subscribers }) => [
      ...[shortText(name), subscribers, presence.size(name)],
    ],
  };
  return {
    name: "channels",
    observe(rows): ObservedView {
      const topics = topicsOf(hub);
      const open = [...sockets.all];
      const { closed, refused } = sockets;
      return {
        counts: {
          sockets: open.length,
          "long polls":
            open.filter(({ transport }) => transport === "longpoll").length,
          channels: sum(open.map(({ channels }) => channels)),
          topics: topics.length,
          "own presences": presence.ownSize,
          "other presences": presence.otherSize,
          "refused sockets": sum(Object.values(refused)),
          "closed for limits": sum(LIMITS.map((each) => closed[each])),
          draining: Number(sockets.isDraining),
        },
        tables: [
          tableOf(open, layout, rows),
          tableOf(topics, topicLayout, rows),
        ],
      };
    },
    samples: () => samplesOf(hub),
  };
}

/** Returns the topics with a subscriber that is no socket. */
function topicsOf({ topics, sockets: { all } }: Parts): Topic[] {
  const found: Topic[] = [];
  for (const [name, members] of topics) {
    let { size: subscribers } = members;
    for (const each of members) {
      if (all.has(each as OpenSocket)) subscribers--;
    }
    if (subscribers > 0) found.push({ name, subscribers });
  }
  return found;
}

function* samplesOf(hub: Parts): Iterable<ViewSample> {
  const { sockets, presence } = hub;
  const open = [...sockets.all];
  for (const transport of ["websocket", "longpoll"]) {
    for (const version of ["1.0.0", "2.0.0"]) {
      const { length } = open.filter((each) =>
        each.transport === transport && each.version === version
      );
      yield ["otp_sockets", length, { transport, version }];
    }
  }
  const unread = sum(open.map((each) => each.unread));
  yield ["otp_socket_unread_bytes", unread];
  yield ["otp_sockets_draining", Number(sockets.isDraining)];
  for (const [reason, count] of Object.entries(sockets.refused)) {
    yield ["otp_sockets_refused_total", count, { reason }];
  }
  for (const [reason, count] of Object.entries(sockets.closed)) {
    yield ["otp_sockets_closed_total", count, { reason }];
  }
  yield ["otp_socket_received_total", sockets.received];
  yield ["otp_socket_sent_total", sockets.sent];
  yield ["otp_channels", sum(open.map(({ channels }) => channels))];
  for (const [outcome, count] of Object.entries(sockets.joins)) {
    yield ["otp_channel_joins_total", count, { outcome }];
  }
  yield ["otp_topics", topicsOf(hub).length];
  yield ["otp_presences", presence.ownSize, { of: "own" }];
  yield ["otp_presences", presence.otherSize, { of: "others" }];
}

function shortText(text = ""): string {
  return text.slice(0, BOUNDS.observedLabel);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
