/**
 * The global name server of a node: its copy of the names of the cluster, its locks, and what it knows
 * of the servers of other nodes.
 *
 * Each pair of connected nodes that both have a server says hello; the one of the smaller name then
 * joins the parts of the cluster that the two are in, by its worker, under the lock of the names on all
 * nodes of both parts. What a server does not know is done for it: those that have the same names tell
 * each other all that they do.
 *
 * @module
 */

import type { Pid, Ref } from "../runtime/pid.ts";
import type { Process } from "../runtime/process.ts";
import { isReason } from "../runtime/reason.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { type TermKey, termKey } from "../runtime/term_key.ts";
import { GlobalLocks } from "./global_locks.ts";
import {
  ask,
  GLOBAL_SERVER,
  type GlobalEntry,
  type GlobalRequest,
  hashOf,
  isEntry,
  isPid,
  listOf,
  REFUSED,
  type Welcome,
} from "./global_messages.ts";
import {
  type GlobalTask,
  type GlobalView,
  GlobalWorker,
} from "./global_worker.ts";
import { type Cast, isTyped } from "./messages.ts";
import { type Caller, NO_REPLY, serve, type Server } from "./server.ts";

/** Another node, as far as its server is known. */
interface Peer {
  /**
   * `asked` whether it has a server, which it does not (`absent`), or has, and is to get the same names
   * (`pending`) or has got them (`known`).
   */
  status: "asked" | "absent" | "pending" | "known";
  server?: Pid;
  /** The monitor on the server. */
  ref?: Ref;
}

interface NamedProcess extends GlobalEntry {
  ref: Ref;
}

/** What waits until nothing is pending with any of the nodes. */
interface Waiting {
  nodes: Set<string>;
  done: () => void;
}

const started = new WeakMap<Runtime, GlobalServer>();

/** The server of a node; it is started when it is first needed. */
export function globalServer(runtime: Runtime): GlobalServer {
  const known = started.get(runtime);
  if (known?.process.alive) return known;
  const process: Process = runtime.spawn(() => server.run(), {
    label: GLOBAL_SERVER,
    groupLeader: runtime.names.get("user")?.pid,
  });
  if (!runtime.register(GLOBAL_SERVER, process)) {
    runtime.terminate(process, "normal");
    throw new TypeError(
      `Cannot start the global name server: ${
        runtime.names.get(GLOBAL_SERVER)!.pid
      } has its name, ${GLOBAL_SERVER}`,
    );
  }
  const server = new GlobalServer(process);
  started.set(runtime, server);
  return server;
}

/** The server of a node. */
export class GlobalServer implements Server, GlobalView {
  /** Its process. */
  readonly process: Process;
  readonly #locks: GlobalLocks;
  readonly #names = new Map<TermKey, NamedProcess>();
  /** The names, by the number of the monitor. */
  readonly #monitored = new Map<number, TermKey>();
  readonly #peers = new Map<string, Peer>();
  readonly #waiting = new Set<Waiting>();
  #worker: Process | undefined;
  /** Who has the lock of the names. */
  #holder: { pid: Pid; ref: Ref } | undefined;
  /** Whether names have gone with a connection since the lock was given: others may have them still. */
  #hasLost = false;
  #isSynced = false;
  /** The sum of a number for each name and its process. */
  #digest = 0;

  /** In a process of its own. */
  constructor(process: Process) {
    this.process = process;
    this.#locks = new GlobalLocks(process);
    process.watchesNodes = 1;
  }

  /** Whether it has got the names of all that were there when it started. */
  get isSynced(): boolean {
    return this.#isSynced;
  }

  /** What the process does. */
  run(): Promise<never> {
    const { process } = this;
    const worker: Process = process.runtime.spawn(
      () => serve(worker, new GlobalWorker(worker, this)),
      {
        label: GLOBAL_SERVER,
        parent: process.pid,
        groupLeader: process.groupLeader,
        linkParent: process,
      },
    );
    this.#worker = worker;
    this.#whenSettled(() => this.#isSynced = true);
    return serve(process, this);
  }

  // What is seen of it on its node.

  servers(): Pid[] {
    const others = [...this.#peers.values()]
      .filter(({ status }) => status === "known")
      .map(({ server }) => server!);
    return [this.process.pid, ...others];
  }

  entries(): GlobalEntry[] {
    return [...this.#names.values()]
      .map(({ name, pid, resolve }) => ({ name, pid, resolve }));
  }

  digest(): number {
    return this.#digest;
  }

  lookup(name: unknown): Pid | undefined {
    const pid = this.#names.get(this.#keyOf(name))?.pid;
    const { runtime } = this.process;
    // The monitor's message may still be on its way.
    return pid?.node === runtime.node ? runtime.find(pid)?.pid : pid;
  }

  namesOf(pid: Pid): unknown[] {
    const names: unknown[] = [];
    for (const named of this.#names.values()) {
      if (named.pid.equals(pid)) names.push(named.name);
    }
    return names;
  }

  isPending(server: Pid): boolean {
    const peer = this.#peers.get(server.node);
    return peer?.status === "pending" && server.equals(peer.server);
  }

  /** Whether a lock could be given here. */
  isFree(resource: unknown, requester: unknown): boolean {
    return this.#locks.isFree(this.#keyOf(resource), this.#keyOf(requester));
  }

  #keyOf(term: unknown): TermKey {
    return termKey(term, this.process.runtime.maxDepth);
  }

  // What it is asked.

  call(request: unknown, caller: Caller): unknown {
    const asked = request as GlobalRequest | null;
    const { pid } = caller;
    switch (asked?.type) {
      case "hello":
        return this.#greet(pid, asked.knows === true);
      case "get_servers":
        return this.servers();
      case "get_names":
        return this.entries();
      case "get_digest":
        return this.#digest;
      case "lock_names":
        return this.#lockNames(pid);
      case "unlock_names":
        return this.#unlockNames(pid);
      case "register":
      case "unregister":
      case "merge":
        return this.#write(asked, pid);
      case "set_lock":
        return this.#locks.set(
          this.#keyOf(asked.resource),
          this.#keyOf(asked.requester),
          pid,
        );
      case "del_lock":
        this.#locks.delete(
          this.#keyOf(asked.resource),
          this.#keyOf(asked.requester),
          pid,
        );
        return true;
      case "change":
      case "whereis":
      case "registered_names":
      case "sync":
        return pid.node === this.process.runtime.node
          ? this.#serve(asked, caller)
          : REFUSED;
      default:
        return REFUSED;
    }
  }

  /** What processes of this node ask; it waits for what is under way with other nodes. */
  #serve(
    asked: GlobalRequest & {
      type: "change" | "whereis" | "registered_names" | "sync";
    },
    { ref }: Caller,
  ): typeof NO_REPLY {
    this.#whenSettled(() => {
      if (asked.type === "change") {
        return this.#tell({ type: "change", change: asked.change, ref });
      }
      this.process.reply(
        ref,
        asked.type === "whereis"
          ? this.lookup(asked.name)
          : asked.type === "sync"
          ? "ok"
          : this.entries().map(({ name }) => name),
      );
    });
    return NO_REPLY;
  }

  info(message: unknown): void {
    if (isTyped(message, "nodeup")) {
      const { node } = message as unknown as { node: string };
      const status = this.#peers.get(node)?.status;
      if (status === undefined || status === "absent") this.#meetNode(node);
    } else if (isTyped(message, "nodedown")) {
      this.#nodeDown((message as unknown as { node: string }).node);
    } else if (isTyped(message, "DOWN")) {
      const { ref, reason } = message as unknown as {
        ref: Ref;
        reason: unknown;
      };
      if (!this.#locks.down(ref)) this.#down(ref, reason);
    }
  }

  #tell(task: GlobalTask): void {
    const message: Cast = { type: "$cast", request: task };
    this.process.send(this.#worker!.pid, message);
  }

  // Names.

  #lockNames(pid: Pid): boolean {
    if (this.#holder !== undefined) return this.#holder.pid.equals(pid);
    this.#holder = { pid, ref: this.process.monitor(pid, pid.node) };
    this.#hasLost = false;
    return true;
  }

  #unlockNames(pid: Pid): true {
    if (this.#holder?.pid.equals(pid)) {
      this.process.demonitor(this.#holder.ref);
      this.#holder = undefined;
    }
    return true;
  }

  /** Changes names, for the one who has their lock. */
  #write(
    asked: GlobalRequest & { type: "register" | "unregister" | "merge" },
    pid: Pid,
  ): unknown {
    if (!this.#holder?.pid.equals(pid)) return REFUSED;
    if (asked.type === "merge") {
      for (const entry of listOf(asked.insert, isEntry)) this.#insert(entry);
      for (const name of listOf(asked.remove, isAny)) this.#remove(name);
      // Last, as somebody may wait for it to look a name up.
      this.#joinAll(listOf(asked.servers, isPid));
    } else if (asked.type === "unregister") this.#remove(asked.name);
    else if (isEntry(asked.entry)) this.#insert(asked.entry);
    return "ok";
  }

  #insert({ name, pid, resolve }: GlobalEntry): void {
    const key = this.#keyOf(name);
    const known = this.#names.get(key);
    if (known?.pid.equals(pid)) {
      known.resolve = resolve;
      return;
    }
    if (known !== undefined) this.#drop(key, known);
    const ref = this.process.monitor(pid, pid.node);
    this.#names.set(key, { name, pid, resolve, ref });
    this.#monitored.set(ref.number, key);
    this.#digest = (this.#digest + hashOf(key, pid)) >>> 0;
  }

  #remove(name: unknown): void {
    const key = this.#keyOf(name);
    const known = this.#names.get(key);
    if (known !== undefined) this.#drop(key, known);
  }

  #drop(key: TermKey, { pid, ref }: NamedProcess): void {
    this.process.demonitor(ref);
    this.#names.delete(key);
    this.#monitored.delete(ref.number);
    this.#digest = (this.#digest - hashOf(key, pid)) >>> 0;
  }

  #down(ref: Ref, reason: unknown): void {
    if (this.#holder?.ref.equals(ref)) {
      this.#holder = undefined;
      return;
    }
    if (this.#monitored.has(ref.number)) {
      const key = this.#monitored.get(ref.number);
      this.#hasLost ||= isReason(reason, "noconnection");
      return this.#drop(key, this.#names.get(key)!);
    }
    for (const [node, peer] of this.#peers) {
      if (peer.ref?.equals(ref)) this.#forget(node);
    }
  }

  // Other nodes.

  #meetNode(node: string): void {
    const peer: Peer = { status: "asked" };
    this.#peers.set(node, peer);
    this.#sayHello(node, peer);
  }

  async #sayHello(node: string, peer: Peer): Promise<void> {
    const answer = await ask(this.process, { node, target: GLOBAL_SERVER }, {
      type: "hello",
      knows: peer.status === "known",
    }).catch(() => {});
    if (!this.process.alive || this.#peers.get(node) !== peer) return;
    const server = isTyped(answer, "welcome")
      ? (answer as Partial<Welcome>).server
      : undefined;
    if (isPid(server) && server.node === node) this.#meet(server);
    else if (peer.status === "asked") {
      peer.status = "absent";
      this.#settled(node);
    }
  }

  #greet(server: Pid, knows: boolean): Welcome | typeof REFUSED {
    // As OTP's, it has nothing to do with hidden nodes.
    if (!this.process.runtime.visible.has(server.node)) return REFUSED;
    const peer = this.#peers.get(server.node);
    if (!server.equals(peer?.server)) this.#meet(server);
    else if (peer!.status === "known" && !knows) {
      // Who was to join the two went down when it had told only one of them.
      peer!.status = "pending";
      this.#drive(server);
    }
    return { type: "welcome", server: this.process.pid };
  }

  #meet(server: Pid): void {
    if (server.equals(this.#peers.get(server.node)?.server)) return;
    this.#know(server, "pending");
    this.#drive(server);
  }

  /** Servers have the same names as this one from here on. */
  #joinAll(servers: Pid[]): void {
    for (const server of servers) {
      if (server.node === this.process.pid.node) continue;
      if (!this.#hasLost) this.#join(server);
      else this.#joinLater(server);
    }
  }

  #join(server: Pid): void {
    const { node } = server;
    const peer = this.#peers.get(node);
    if (server.equals(peer?.server)) peer!.status = "known";
    else if (peer?.server === undefined) this.#know(server, "known");
    // Of two servers of a node the one that said hello is the one that is there.
    else return;
    this.#settled(node);
  }

  /** What was to be joined has come apart meanwhile: it is joined once more. */
  #joinLater(server: Pid): void {
    const peer = this.#peers.get(server.node);
    if (!server.equals(peer?.server)) this.#meet(server);
    else if (peer!.status === "pending") this.#drive(server);
  }

  #know(server: Pid, status: "pending" | "known"): void {
    const { node } = server;
    const before = this.#peers.get(node)?.ref;
    if (before !== undefined) this.process.demonitor(before);
    const ref = this.process.monitor(server, node);
    this.#peers.set(node, { status, server, ref });
  }

  /** One of the two joins their parts; both would only be in each other's way. */
  #drive(server: Pid): void {
    const { node } = server;
    if (this.process.runtime.node < node) {
      this.#tell({ type: "connect", server });
    } // That one may be of the opinion that it has done so, as somebody told only it.
    else this.#sayHello(node, this.#peers.get(node)!);
  }

  /** The server of a node has ended. If the node is still there, it says hello when it has another. */
  #forget(node: string): void {
    this.#peers.delete(node);
    if (this.process.runtime.visible.has(node)) {
      this.#peers.set(node, { status: "absent" });
    }
    this.#settled(node);
  }

  #nodeDown(node: string): void {
    const ref = this.#peers.get(node)?.ref;
    if (ref !== undefined) this.process.demonitor(ref);
    this.#peers.delete(node);
    this.#settled(node);
    // It may have been about to join two others, and have told only one of them.
    for (const [other, peer] of this.#peers) {
      if (peer.status === "pending" && other < this.process.runtime.node) {
        this.#sayHello(other, peer);
      }
    }
  }

  #whenSettled(done: () => void): void {
    const nodes = new Set<string>();
    for (const node of this.process.runtime.visible) {
      if (!this.#peers.has(node)) this.#meetNode(node);
      const { status } = this.#peers.get(node)!;
      if (status === "asked" || status === "pending") nodes.add(node);
    }
    if (nodes.size === 0) done();
    else this.#waiting.add({ nodes, done });
  }

  #settled(node: string): void {
    for (const waiting of [...this.#waiting]) {
      if (!waiting.nodes.delete(node) || waiting.nodes.size > 0) continue;
      this.#waiting.delete(waiting);
      waiting.done();
    }
  }
}

function isAny(_value: unknown): _value is unknown {
  return true;
}
