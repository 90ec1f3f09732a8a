/**
 * The nodes of Erlang, as the global name server of a node knows them: version 8 of the protocol of OTP's `global`.
 *
 * **Two protocols.** Servers of this library join parts of the cluster as `global_server.ts` says. With each part of
 * nodes of Erlang, each node of this library joins by itself, as OTP's nodes do with each other. Both change names only
 * under the lock of the names (`names_lock.ts`), which is OTP's lock `global`, and a change is made at the servers of
 * both. To nodes of Erlang this node names only nodes of Erlang as known, and gives only their names and its own: each
 * node of this library exchanges its names with nodes of Erlang itself. Nodes of this library learn of nodes of Erlang
 * by introductions, and dial them.
 *
 * **States** of a node of Erlang (`status`): `asked`, its `init_connect` is awaited; `pending`, the two are to be
 * joined; `known`, both have the same names. Requests of this node wait for the first two, but not for ever (`isLate`):
 * the node may run no `global`, or never end the join.
 *
 * **Messages**, casts unless they say otherwise. A tag is a number that a node makes for a connection; each message of a
 * join has the tag of its receiver, so that messages of an earlier connection are recognised.
 *
 * 1. `init_connect` (each to the other, when they connect): the tag, the known nodes, and the locker, the process that
 *    takes locks for joins. This node does not answer it by `init_connect_ack`: a node of OTP that knows this node by
 *    then, by a third node's word, would drop the names of this node.
 * 2. `set_lock` (a call of each locker to both servers, and to those that it knows), for both lockers as one requester.
 * 3. `lock_set` (each to the other): whether the locker has all its locks, and which nodes it knows. This node waits
 *    for the other's, and takes its locks then; so one locker at a time waits for this node, and this node for none.
 *    If the other's does not come, as it is a node of this library that has only Erlang's wire, and waits too, the node
 *    of the smaller name takes its locks first (`isOffered`).
 * 4. `exchange` (each to the other): all names.
 * 5. `resolved` (each to the other): the changes by which conflicts were settled, and the known nodes. The node of the
 *    smaller name settles them all.
 * 6. `new_nodes` (each to the nodes that it knew before): the changes of the names, the nodes that are new, and the
 *    lock. They connect, and send `in_sync`.
 * 7. `del_lock` (calls).
 *
 * `cancel_connect` (a plain message) ends a join: its sender has begun a new one, and the receiver begins one too
 * (`#restart`).
 *
 * **Later changes** are calls by processes that hold the lock: `register`, `unregister`. A process that exits loses its
 * names and locks at each node by a monitor; `async_del_name` says the same. No message of this module makes a
 * connection.
 *
 * **Lost connections.** As in OTP with `prevent_overlapping_partitions`, two nodes do not both stay connected to the
 * others if the connection between the two is lost. A node that has lost a connection, to a node of either kind, says
 * `lost_connection` to all that it knows or joins (a plain message, with a number of its own), and each passes it on
 * once to all of its own, also to the lost node. One that is connected to the lost node says `remove_connection` to it, and the
 * lost node closes the connection; neither of the two reports that. The lost node says it to the reporter. A node that
 * does not connect to the peers of its peers (`Runtime.introduce`) takes no part.
 *
 * **Races.** A node may connect before the server of the other one has noticed: `init_connect` is sent at nodeup, and is
 * taken before it, if the node is connected by then. A node may become known by a third node's word while the two
 * lockers negotiate: the exchange ends, and its locks are released (`cancel`). A late `init_connect` is not answered. A
 * third node may name a node that is not connected: it is expected for some time (`#expected`), and known once it
 * connects, but not during a join (`#later`), whose changes go to nodes that this node has locked: OTP removes the names
 * of changes under another lock. A connection may be lost at any point: the state of the node is dropped, promises of its exchange settle,
 * and monitors release its locks.
 *
 * **Trust.** A message counts if the node that it names has sent it, and speaks Erlang's wire; others are dropped. A
 * peer's names count in its limits (`GlobalTable`), and belong to processes of nodes that are connected or expected. A
 * peer has at most one task that the locker has not begun. The nodes that it names are dialled as those that peers
 * introduce on the JSON wire, with the same limits.
 */

import type { LocalProcess } from "@otp/processes/process/local_process";
import { Atom, atom } from "@otp/processes/values/atom";
import { Pid } from "@otp/processes/values/pid";
import { Tuple, tuple } from "@otp/processes/values/tuple";
import { tell } from "@otp/servers/server/call";
import { sendingNode } from "@otp/servers/server/signed_messages";
import {
  GLOBAL_SERVER,
  type GlobalEntry,
} from "@otp/cluster/global/global_messages";
import { askConnected } from "@otp/cluster/global/ask_server";
import type {
  ForeignHost,
  ForeignPeers,
} from "@otp/cluster/global/global_view";
import { ignore } from "@otp/processes/promises/promises";
import type { Server } from "@otp/servers/server/server";
import {
  entryFromOtp,
  ErlangCast,
  GLOBAL_VERSION,
  type NameOperation,
  nameOperationToOtp,
  NAMES_LOCK,
  nodeNameOf,
  nodesFromOtp,
  nodesToOtp,
  operationsFromOtp,
  partsOf,
} from "./global_otp.ts";

const GEN_CAST = atom("$gen_cast");
const CONNECTION_ID = atom("connection_id");

/** The maximum number of nodes that are expected to connect: any peer can name some. */
const MAX_EXPECTED = 1024;

/** How long a node that a third one has named as known may take to connect, in milliseconds. */
const EXPECTED_FOR = 60_000;

/** The maximum number of losses that are remembered, so that each is passed on once. */
const MAX_LOSSES = 1024;

/** How long requests of this node wait for a join, in milliseconds. */
const JOIN_PATIENCE = 60_000;

/** The outcome of a peer's side of an exchange. */
export interface PeerOutcome {
  readonly operations: NameOperation[];
  readonly known: string[];
}

/** The exchange of names with a node: what the node has sent; `undefined` if the exchange has ended before. */
export class NameExchange {
  readonly names: PromiseWithResolvers<GlobalEntry[] | undefined> = Promise
    .withResolvers();
  /** The conflicts that the node has settled, and the nodes that it knows. */
  readonly resolved: PromiseWithResolvers<PeerOutcome | undefined> = Promise
    .withResolvers();
  /** Whether the other locker has its locks, if this node has offered the exchange. */
  readonly isSet: PromiseWithResolvers<boolean> = Promise.withResolvers();
  /** Whether this node has offered the exchange. */
  readonly isOffered: boolean;
  isOver = false;

  constructor(isOffered: boolean) {
    this.isOffered = isOffered;
  }

  cancel(): void {
    this.isOver = true;
    this.isSet.resolve(false);
    this.names.resolve(undefined);
    this.resolved.resolve(undefined);
  }
}

/** A task for a server's locker: an exchange with a node of Erlang. */
export type LockerTask = { type: "exchange"; node: string };

/** A connected node of Erlang. */
interface ErlangPeer {
  status: "asked" | "pending" | "known";
  /** The number of the connection at this node. */
  readonly connection: number;
  /** Whether requests of this node wait for the join no longer. */
  isLate: boolean;
  /** Whether the locker has a task that it has not begun. */
  isQueued: boolean;
  /** The tag that the node's messages have. */
  tag: number;
  readonly connectionId: number;
  /** Stops the timers of the join. */
  readonly timers: {
    answer?: () => void;
    join?: () => void;
    offer?: () => void;
  };
  /** The tag for messages to the node, and its locker. */
  join?: { readonly tag: unknown; readonly locker: Pid };
  exchange?: NameExchange;
}

/** The nodes of Erlang around a node. */
export class ErlangPeers implements ForeignPeers {
  readonly #host: ForeignHost;
  readonly #isErlang: (node: string) => boolean;
  readonly #lockerOf: (process: LocalProcess, peers: ErlangPeers) => Server;
  /** The process that takes the locks of joins. */
  #locker: Pid | undefined;
  readonly #peers = new Map<string, ErlangPeer>();
  /** Nodes that third ones know, with the time until which they may connect. */
  readonly #expected = new Map<string, number>();
  /** The latest lost connections that nodes have reported. */
  readonly #losses = new Set<string>();
  /** The visible nodes. */
  readonly #seen: Set<string>;
  /** Whether the locker joins a node. */
  #isJoining = false;
  /** The expected nodes that have connected since the join began. */
  readonly #later = new Map<string, ErlangPeer>();
  /** Nodes whose connection is closed because another node has lost a connection. */
  readonly #removed = new Set<string>();
  #last: number;

  /**
   * Creates the view of the server `host`.
   *
   * @param isErlang Whether a connected node speaks Erlang's wire.
   * @param lockerOf Creates the server of the locker.
   */
  constructor(
    host: ForeignHost,
    isErlang: (node: string) => boolean,
    lockerOf: (process: LocalProcess, peers: ErlangPeers) => Server,
  ) {
    this.#host = host;
    this.#isErlang = isErlang;
    this.#lockerOf = lockerOf;
    this.#seen = new Set(host.process.runtime.visible.keys());
    // Differs from the numbers of an earlier server of this node.
    this.#last = host.process.pid.number * 2 ** 20 % 2 ** 47;
  }

  start(): void {
    this.#locker =
      this.#host.startHelper((process) => this.#lockerOf(process, this)).pid;
  }

  has(node: string): boolean {
    return this.#connection(node) !== undefined;
  }

  /** The number of a node's connection; `undefined` if the node is no visible node of Erlang. */
  #connection(node: string): number | undefined {
    const connection = this.#host.process.runtime.visible.get(node);
    return this.#isErlang(node) ? connection : undefined;
  }

  /** The nodes that have the same names. */
  known(): string[] {
    return [...this.#peers].filter(([, { status }]) => status === "known")
      .map(([node]) => node);
  }

  /** Whether requests of this node wait for a node. */
  isOpen(node: string): boolean {
    const peer = this.#peers.get(node);
    return peer !== undefined && peer.status !== "known" && !peer.isLate;
  }

  /** Called when a node has connected. */
  up(node: string): void {
    const { runtime } = this.#host.process;
    const connection = this.#connection(node);
    const before = this.#peers.get(node);
    if (connection === undefined || before?.connection === connection) return;
    // The node may have connected again before this server has handled the loss.
    if (before !== undefined) this.down(node);
    const peer: ErlangPeer = {
      status: "asked",
      connection,
      isLate: false,
      isQueued: false,
      tag: this.#number(),
      connectionId: this.#number() % 2 ** 24,
      timers: {},
    };
    this.#peers.set(node, peer);
    const deadline = this.#expected.get(node) ?? -Infinity;
    this.#expected.delete(node);
    if (deadline >= runtime.clock.now()) {
      if (!this.#isJoining) return this.#know(node);
      return void this.#later.set(node, peer);
    }
    this.#sayInit(node, peer);
    peer.timers.answer = this.#host.afterPatience(() => {
      if (peer.status === "asked") this.#waitNoLonger(node, peer);
    });
  }

  #sayInit(node: string, { tag }: ErlangPeer): void {
    const known = new Map<unknown, unknown>();
    for (const [name, { status, connectionId }] of this.#peers) {
      if (status === "known") known.set(atom(name), GLOBAL_VERSION);
      known.set(tuple(CONNECTION_ID, atom(name)), connectionId);
    }
    this.cast(
      node,
      atom("init_connect"),
      tuple(GLOBAL_VERSION, tag),
      this.#own,
      tuple(atom("locker"), atom("no_longer_a_pid"), known, this.#locker),
    );
  }

  /** Has requests wait for a node no longer. */
  #waitNoLonger(node: string, peer: ErlangPeer): void {
    peer.isLate = true;
    this.#host.settled(node);
  }

  /** Begins the join with a node again. The time for which requests wait for it goes on. */
  #restart(node: string, peer: ErlangPeer): void {
    end(peer);
    peer.timers.offer?.();
    peer.join = undefined;
    peer.status = "asked";
    peer.tag = this.#number();
    this.#sayInit(node, peer);
  }

  /** Called when a node has gone. */
  down(node: string): void {
    const peer = this.#peers.get(node);
    if (peer === undefined) return;
    end(peer);
    for (const stop of Object.values(peer.timers)) stop();
    this.#peers.delete(node);
  }

  /** Called when a node of either kind has connected, as a message says. */
  seen(node: string): void {
    if (this.#host.process.runtime.visible.has(node)) this.#seen.add(node);
  }

  /** Called when a node of either kind has gone, as a message says. */
  lost(node: string): void {
    const { creation, introduce, visible } = this.#host.process.runtime;
    const isRemoved = this.#removed.delete(node);
    // It may have connected again.
    if (visible.has(node) || !this.#seen.delete(node)) return;
    if (isRemoved || introduce === undefined) return;
    const loss = [creation, this.#number(), atom(node)];
    this.#sayLost(this.#own, loss, [node]);
  }

  #sayLost(
    by: Atom,
    loss: readonly unknown[],
    except: readonly string[],
  ): void {
    const message = new Tuple([atom("lost_connection"), by, ...loss]);
    for (const [node, { status }] of this.#peers) {
      if (status === "asked" || except.includes(node)) continue;
      this.#send(node, message);
    }
  }

  /** Handles a plain message, if a connected node of Erlang has sent it. */
  hear(message: unknown): void {
    if (!(message instanceof Tuple)) return;
    const origin = sendingNode(message);
    if (origin === undefined || !this.has(origin)) return;
    const [type, by, ...loss] = message.elements;
    const name = type instanceof Atom ? type.name : "";
    if (name === "lost_connection" && loss.length === 3) {
      return this.#hearLost(by, loss);
    }
    if (nodeNameOf(by) !== origin) return;
    const peer = this.#peers.get(origin);
    if (name === "remove_connection") this.removed(origin);
    else if (name === "cancel_connect" && peer !== undefined) {
      const isMeant = peer.status !== "known" && peer.tag === loss[0];
      if (isMeant) this.#restart(origin, peer);
    }
  }

  #hearLost(by: unknown, loss: readonly unknown[]): void {
    const { node: own, introduce, visible } = this.#host.process.runtime;
    const [creation, id, node] = loss;
    const reporter = nodeNameOf(by);
    const lost = nodeNameOf(node);
    const isValid = reporter !== undefined && lost !== undefined &&
      isInteger(creation) && isInteger(id);
    if (!isValid || reporter === own || introduce === undefined) return;
    const key = `${reporter} ${creation} ${id}`;
    if (this.#losses.has(key)) return;
    this.#losses.add(key);
    if (this.#losses.size > MAX_LOSSES) {
      this.#losses.delete(this.#losses.values().next().value!);
    }
    this.#sayLost(by as Atom, loss, [reporter]);
    const other = lost === own ? reporter : lost;
    if (!visible.has(other) || this.#removed.has(other)) return;
    this.#report(reporter, lost, other);
    this.#remove(other);
  }

  /** Has a node close the connection, and closes it if the node does not. */
  #remove(node: string): void {
    const { visible, disconnect } = this.#host.process.runtime;
    this.#removed.add(node);
    if (this.has(node)) {
      this.#send(node, tuple(atom("remove_connection"), this.#own));
    } else {
      const request = { type: "remove_connection" } as const;
      askConnected(this.#host.process, node, request).catch(ignore);
    }
    this.#host.afterPatience(() => {
      if (this.#removed.has(node) && visible.has(node)) disconnect(node);
    });
  }

  #report(reporter: string, lost: string, other: string): void {
    this.#host.process.runtime.log.report(
      "warning",
      () =>
        `global: ${reporter} has lost its connection to ${lost}, so this node disconnects ${other}, to prevent overlapping partitions`,
      { what: "connections closed to prevent overlapping partitions" },
    );
  }

  /** Closes the connection to a node that asks for it. */
  removed(node: string): void {
    const { visible, disconnect } = this.#host.process.runtime;
    // The node may have closed the connection already: this server then hears of that later.
    if (!this.#seen.has(node)) return;
    this.#removed.add(node);
    if (visible.has(node)) disconnect(node);
  }

  get #own(): Atom {
    return atom(this.#host.process.runtime.node);
  }

  #number(): number {
    return ++this.#last;
  }

  /** Sends the server of a connected node a message; returns whether it was sent. */
  cast(node: string, ...parts: unknown[]): boolean {
    return this.#send(node, tuple(GEN_CAST, new Tuple(parts)));
  }

  #send(node: string, message: unknown): boolean {
    const { pid, runtime } = this.#host.process;
    try {
      runtime.signalsTo(node).sendName(pid, GLOBAL_SERVER, message);
      return true;
    } catch {
      // The node does not read, or a name has no form in Erlang.
      return false;
    }
  }

  /** Handles a cast that a node has sent; one of another node is dropped. */
  take(request: unknown): void {
    if (!(request instanceof ErlangCast)) return;
    const { term, origin } = request;
    if (origin === undefined || !this.has(origin)) return;
    this.up(origin);
    const peer = this.#peers.get(origin)!;
    const [type, ...fields] = term instanceof Tuple ? term.elements : [];
    if (!(type instanceof Atom)) return;
    if (type.name === "lock_set") return this.#lockSet(origin, peer, fields);
    if (type.name === "async_del_name") {
      const [name, pid] = fields;
      if (pid instanceof Pid && pid.node === origin) {
        const { names } = this.#host;
        if (names.lookup(name)?.equals(pid)) names.remove(name);
      }
      return;
    }
    const sender = fields[type.name === "init_connect" ? 1 : 0];
    if (nodeNameOf(sender) !== origin) return;
    switch (type.name) {
      case "init_connect":
        return this.#meet(origin, peer, fields);
      case "exchange":
        return this.#names(origin, peer, fields);
      case "resolved":
        return this.#resolved(origin, peer, fields);
      case "new_nodes":
        return this.#newNodes(origin, peer, fields);
    }
  }

  #meet(node: string, peer: ErlangPeer, [version, , rest]: unknown[]): void {
    const [number, tag] = partsOf(version, 2);
    const [kind, , , locker] = partsOf(rest, 4);
    const isLocker = kind instanceof Atom && kind.name === "locker" &&
      locker instanceof Pid && locker.node === node;
    const isValid = isInteger(tag) && Number(number) >= GLOBAL_VERSION;
    if (!isValid || !isLocker) return;
    if (peer.status === "known") return;
    peer.join = { tag, locker };
    if (peer.status === "asked") {
      peer.status = "pending";
      peer.timers.join ??= this.#host.afterPatience(() => {
        if (peer.status !== "known") this.#waitNoLonger(node, peer);
      }, JOIN_PATIENCE);
      if (this.#host.process.runtime.node < node) this.#offerLater(node, peer);
    }
  }

  /** The node's locker has its locks, or has not got them. */
  #lockSet(
    node: string,
    peer: ErlangPeer,
    [locker, isSet, , tag]: unknown[],
  ): void {
    const { join } = peer;
    if (join === undefined || tag !== peer.tag) return;
    if (!join.locker.equals(locker)) return;
    const { exchange } = peer;
    if (exchange?.isOffered && !exchange.isOver) {
      return exchange.isSet.resolve(isSet === true);
    }
    if (isSet === true) this.#start(node, peer, new NameExchange(false));
  }

  #start(node: string, peer: ErlangPeer, exchange: NameExchange): void {
    peer.exchange?.cancel();
    peer.exchange = exchange;
    if (peer.isQueued) return;
    peer.isQueued = true;
    const task: LockerTask = { type: "exchange", node };
    tell(this.#host.process, this.#locker!, task);
  }

  /** Offers an exchange after a while, in case the other locker waits as well, as one of this library does. */
  #offerLater(node: string, peer: ErlangPeer): void {
    peer.timers.offer = this.#host.afterPatience(() => {
      if (peer.status !== "pending") return;
      const { exchange } = peer;
      if (exchange === undefined || exchange.isOver) {
        this.#start(node, peer, new NameExchange(true));
      }
      this.#offerLater(node, peer);
    });
  }

  /** Called when the locker begins a task. */
  begin(node: string): ReturnType<ErlangPeers["exchangeWith"]> {
    const peer = this.#peers.get(node);
    if (peer !== undefined) peer.isQueued = false;
    const parties = this.exchangeWith(node);
    this.#isJoining = parties !== undefined;
    return parties;
  }

  /** Called when the locker has ended a task. */
  ended(node: string, exchange: NameExchange): void {
    exchange.cancel();
    const peer = this.#peers.get(node);
    if (peer?.exchange === exchange) peer.exchange = undefined;
    this.#isJoining = false;
    for (const [other, peer] of this.#later) {
      if (this.#peers.get(other) === peer) this.#know(other);
    }
    this.#later.clear();
  }

  /** The parties of a node's exchange; `undefined` if it has ended. */
  exchangeWith(
    node: string,
  ): { exchange: NameExchange; tag: unknown; locker: Pid } | undefined {
    const { exchange, join } = this.#peers.get(node) ?? {};
    return exchange === undefined || exchange.isOver || join === undefined
      ? undefined
      : { exchange, ...join };
  }

  #names(node: string, peer: ErlangPeer, [, names, , tag]: unknown[]): void {
    if (tag !== peer.tag || !Array.isArray(names)) return;
    const entries = names.map((each) => entryFromOtp(each, node))
      .filter((each) => each !== undefined);
    peer.exchange?.names.resolve(entries);
  }

  #resolved(
    node: string,
    peer: ErlangPeer,
    [, resolved, known, , , tag]: unknown[],
  ): void {
    if (tag !== peer.tag) return;
    peer.exchange?.resolved.resolve({
      operations: operationsFromOtp(resolved, node),
      known: nodesFromOtp(known),
    });
  }

  /** A known node has joined others. */
  #newNodes(
    node: string,
    peer: ErlangPeer,
    [, operations, , nodes]: unknown[],
  ): void {
    if (peer.status !== "known") return;
    const known = nodesFromOtp(nodes);
    this.#expectAll(node, known);
    this.#applyAll(operationsFromOtp(operations, node));
    this.#knowAll(known);
  }

  /** The two nodes have the same names, and so have the nodes that either knew; the requester holds the locks. */
  joined(
    node: string,
    operations: NameOperation[],
    { known }: PeerOutcome,
    requester: readonly Pid[],
  ): void {
    const before = this.known().filter((each) => each !== node);
    const news = [node, ...known].filter((each) => !before.includes(each));
    this.#expectAll(node, known);
    this.#applyAll(operations);
    const type = atom("new_nodes");
    const changes = operations.map(nameOperationToOtp);
    const added = nodesToOtp(news);
    // Without its lock, or with another one, the server of OTP exits.
    const extra = [
      tuple(atom("vsn"), GLOBAL_VERSION),
      tuple(atom("lock"), tuple(NAMES_LOCK, requester)),
    ];
    for (const each of before) {
      if (known.includes(each)) continue;
      this.cast(each, type, this.#own, changes, [], added, extra);
    }
    const peer = this.#peers.get(node);
    if (peer !== undefined) {
      peer.status = "known";
      this.#host.settled(node);
    }
    this.#knowAll(known);
  }

  /** Makes changes, but for names of processes of nodes that are neither connected nor expected. */
  #applyAll(operations: readonly NameOperation[]): void {
    const { names, process: { runtime: { node: own, visible } } } = this.#host;
    for (const each of operations) {
      if (each.type === "insert") {
        const { node } = each.entry.pid;
        const isNear = node === own || visible.has(node) ||
          this.#expected.has(node);
        if (!isNear) continue;
      }
      if (each.type === "insert") names.insert(each.entry);
      else names.remove(each.name);
    }
  }

  #knowAll(nodes: readonly string[]): void {
    for (const node of nodes) {
      if (this.#peers.has(node)) this.#know(node);
    }
  }

  /** A node has the same names, as a third one says. */
  #know(node: string): void {
    const peer = this.#peers.get(node)!;
    if (peer.status === "known") return;
    peer.status = "known";
    end(peer);
    this.cast(node, atom("in_sync"), this.#own, true);
    this.#host.settled(node);
  }

  /** Dials the nodes that the node `by` knows and this one is not connected to. */
  #expectAll(by: string, nodes: readonly string[]): void {
    const { runtime } = this.#host.process;
    const { node: own, visible, introduce } = runtime;
    if (introduce === undefined) return;
    const now = runtime.clock.now();
    for (const [other, deadline] of this.#expected) {
      if (deadline < now) this.#expected.delete(other);
    }
    for (const node of nodes) {
      if (node === own || visible.has(node)) continue;
      if (this.#expected.size >= MAX_EXPECTED) break;
      this.#expected.set(node, now + EXPECTED_FOR);
    }
    introduce(by, nodes.filter((node) => this.#expected.has(node)));
  }
}

/** Ends a node's exchange, and drops what the node has sent for it. */
function end(peer: ErlangPeer): void {
  peer.exchange?.cancel();
  peer.exchange = undefined;
}

/** Whether a value is an integer of 64 bits, as OTP's tags and numbers of losses are: this node keeps some. */
function isInteger(value: unknown): value is number | bigint {
  return Number.isSafeInteger(value) ||
    typeof value === "bigint" && BigInt.asIntN(64, value) === value;
}
