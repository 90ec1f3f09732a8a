/**
 * The global name server of a node: its copy of the names of the cluster, its locks, and its view of the
 * servers of other nodes.
 *
 * States of another node (`Peer.status`): `asked` whether it has a server; `absent`, it has none; `pending`, it
 * has one, and the two parts of the cluster are to be joined; `known`, it has the same names.
 *
 * Messages. When nodes connect, each server says `hello`, and a server answers `welcome`. Both then count as
 * pending, and the one on the node of the smaller name has its worker join the parts (`connect`), under the lock
 * of the names of both parts (`global_worker.ts`). In a part of several servers, the first one does so, and the others
 * only if it has not after a while. One join takes all parts that are pending: n nodes need a few joins, not n². `merge` brings the names, and makes the servers known.
 *
 * Races. A server may come, go or say hello again while a worker joins it: such nodes are noted (`#touched`)
 * from the time at which the lock was given, and a join that ends does not make them known; the driving node is
 * reminded by another hello (`#remind`). A server that ends may have told only some of the others of a join: all
 * peers that are pending are reminded. Requests of this node wait until nothing is pending; a lookup waits no
 * longer than `PATIENCE`, so that a node that does not answer does not block it.
 */

import type { Pid, Ref } from "@otp/processes/values/pid";
import type { ReplyTo } from "@otp/processes/values/reply_to";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { untraced } from "@otp/processes/context/tracing";
import type { Runtime } from "@otp/processes/process/runtime";
import { type TermKey, termKey } from "@otp/processes/values/term_key";
import { GlobalLocks } from "./global_locks.ts";
import {
  GLOBAL_SERVER,
  type GlobalEntry,
  type GlobalRequest,
  isChange,
  isEntry,
  isPid,
  isWait,
  isWrite,
  sentEntry,
  TOO_MANY,
  type Welcome,
} from "./global_messages.ts";
import { askConnected } from "./ask_server.ts";
import { ignore } from "@otp/processes/promises/promises";
import { NamesLock } from "./names_lock.ts";
import { GlobalTable } from "./global_table.ts";
import { type GlobalTask, GlobalWorker } from "./global_worker.ts";
import { tell } from "@otp/servers/server/call";
import { isTyped } from "@otp/servers/server/messages";
import {
  answer,
  BADARG,
  NO_REPLY,
  serve,
  type Server,
} from "@otp/servers/server/server";
import {
  FOREIGN_GLOBAL,
  type ForeignHost,
  type ForeignPeers,
} from "./global_view.ts";
import { terminate } from "@otp/processes/process/deaths";
import { spawnProcess } from "@otp/processes/spawning/spawn_process";

/** Another node, as far as its server is known. */
interface Peer {
  status: "asked" | "absent" | "pending" | "known";
  server?: Pid;
  /** The monitor on the server. */
  ref?: Ref;
}

/** A request that waits until nothing is pending with any of the nodes. */
interface Waiting {
  nodes: Set<string>;
  done: () => void;
}

/** The maximum number of other nodes: more than a cluster has, as another server can name any. */
const MAX_PEERS = 4096;

/**
 * How long a node may take to say whether it has a server, and how long a name is not looked up while nodes are joined,
 * in milliseconds. A lookup waits for the names of nodes that connected before, but not for a node that does not answer.
 */
const PATIENCE = 5000;

/** How long a server leaves a join to the first server of its part, in milliseconds. */
const TURN = 500;

const started = new WeakMap<Runtime, GlobalServer>();

/** Returns the names that a node knows, without starting its server. */
export function globalEntries(runtime: Runtime): GlobalEntry[] {
  const known = started.get(runtime);
  return known?.process.alive ? known.names.entries() : [];
}

/** Whether a process has a name, as a node knows without starting its server. */
export function isNamed(runtime: Runtime, pid: Pid, name: unknown): boolean {
  const known = started.get(runtime);
  return known?.process.alive === true &&
    pid.equals(known.names.lookup(name));
}

/** The server of a node; it is started when it is first needed. */
export function globalServer(runtime: Runtime): GlobalServer {
  const known = started.get(runtime);
  if (known?.process.alive) return known;
  const process: LocalProcess = untraced(() =>
    spawnProcess(runtime, () => server.run(), {
      label: GLOBAL_SERVER,
      groupLeader: runtime.names.get("user")?.pid,
    })
  );
  if (!runtime.names.register(GLOBAL_SERVER, process)) {
    terminate(process, "normal");
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

export class GlobalServer implements Server, ForeignHost {
  readonly process: LocalProcess;
  readonly names: GlobalTable;
  readonly #locks: GlobalLocks;
  readonly #peers = new Map<string, Peer>();
  #foreign: ForeignPeers | undefined;
  readonly protocol = GLOBAL_SERVER;
  readonly #waiting = new Set<Waiting>();
  #worker: LocalProcess | undefined;
  readonly lock: NamesLock;
  /** Nodes whose server came, went or said hello since the lock of the names was last acquired. */
  readonly #touched = new Set<string>();
  readonly #lifts = new Set<() => void>();
  /** Whether it has got the names of all that were there when it started. */
  isSynced = false;

  constructor(process: LocalProcess) {
    this.process = process;
    this.names = new GlobalTable(process);
    this.#locks = new GlobalLocks(process);
    this.lock = new NamesLock(process, () => this.#touched.clear());
    process.ownCold().watchesNodes = 1;
  }

  run(): unknown {
    const { process } = this;
    this.#worker = this.startHelper((worker) => new GlobalWorker(worker, this));
    process.abortSignal().addEventListener("abort", () => {
      for (const stop of this.#lifts) stop();
    });
    this.#whenSettled(() => this.isSynced = true);
    return serve(process, this);
  }

  /** Starts the view of these nodes when the code that knows them is loaded. */
  get foreign(): ForeignPeers | undefined {
    if (this.#foreign === undefined) {
      this.#foreign = FOREIGN_GLOBAL.of(this.process.runtime)?.peersOf(this);
      this.#foreign?.start();
    }
    return this.#foreign;
  }

  startHelper(serverOf: (process: LocalProcess) => Server): LocalProcess {
    const { process } = this;
    const helper: LocalProcess = untraced(() =>
      spawnProcess(
        process.runtime,
        () => serve(helper, serverOf(helper)),
        {
          label: GLOBAL_SERVER,
          parent: process.pid,
          groupLeader: process.groupLeader,
          linkParent: process,
        },
      )
    );
    return helper;
  }

  // Read by its worker and by processes of its node.

  servers(): Pid[] {
    const others = [...this.#peers.values()]
      .filter(({ status }) => status === "known")
      .map(({ server }) => server!);
    return [this.process.pid, ...others];
  }

  isPending(server: Pid): boolean {
    const peer = this.#peers.get(server.node);
    return peer?.status === "pending" && server.equals(peer.server);
  }

  pending(): Pid[] {
    return [...this.#peers.values()]
      .filter(({ status }) => status === "pending")
      .map(({ server }) => server!);
  }

  /** Whether a lock could be acquired here. */
  isFree(resource: unknown, requester: unknown): boolean {
    return this.#locks.isFree(this.#keyOf(resource), this.#keyOf(requester));
  }

  #keyOf(term: unknown): TermKey {
    return termKey(term, this.process.runtime.maxDepth);
  }

  // Requests.

  call(request: unknown, caller: ReplyTo): unknown {
    const asked = request as GlobalRequest | null;
    const { pid } = caller;
    switch (asked?.type) {
      case "hello":
        return this.#greet(pid);
      case "get_servers":
        return this.servers();
      case "get_names":
        return this.names.entries().map(sentEntry);
      case "get_digest":
        return this.names.digest;
      case "lock_names":
        return isWait(asked.wait) ? this.lock.take(caller, asked.wait) : BADARG;
      case "share_lock":
        return "requester" in asked
          ? this.lock.share(asked.requester, pid)
          : BADARG;
      case "unlock_names":
        return this.lock.release(pid);
      case "register":
      case "unregister":
      case "merge":
        return this.#write(asked, pid);
      case "remove_connection":
        // The answer leaves before the connection closes.
        answer(this.process, caller, true);
        if (this.foreign !== undefined) this.foreign.removed(pid.node);
        else this.process.runtime.disconnect(pid.node);
        return NO_REPLY;
      case "set_lock":
      case "del_lock":
        return this.#setLock(asked, pid);
      case "change":
        if (!isChange(asked.change)) return BADARG;
        // falls through
      case "whereis":
      case "registered_names":
      case "sync":
        return pid.node === this.process.runtime.node
          ? this.#serve(asked, caller)
          : BADARG;
      default:
        return BADARG;
    }
  }

  #setLock(
    asked: GlobalRequest & { type: "set_lock" | "del_lock" },
    pid: Pid,
  ): unknown {
    if (!("resource" in asked && "requester" in asked)) return BADARG;
    const resource = this.#keyOf(asked.resource);
    const requester = this.#keyOf(asked.requester);
    if (asked.type === "set_lock") {
      return this.#locks.set(resource, requester, pid);
    }
    this.#locks.delete(resource, requester, pid);
    return true;
  }

  /** Serves requests of processes of this node, which wait for joins with other nodes. */
  #serve(
    asked: GlobalRequest & {
      type: "change" | "whereis" | "registered_names" | "sync";
    },
    caller: ReplyTo,
  ): typeof NO_REPLY {
    const reply = (value: unknown) => this.process.reply(caller, value);
    this.#whenSettled(() => {
      switch (asked.type) {
        case "change": {
          const { change } = asked;
          return this.#tell({ type: "change", change, ref: caller.alias! });
        }
        case "whereis":
          return reply(this.names.lookup(asked.name));
        case "registered_names":
          return reply(this.names.entries().map(({ name }) => name));
        case "sync":
          return reply("ok");
      }
    }, asked.type === "change" || asked.type === "sync");
    return NO_REPLY;
  }

  info(message: unknown): void {
    const { visible } = this.process.runtime;
    // Any process can send a message that looks like news of a node: the actual state counts.
    if (isTyped(message, "nodeup")) {
      const { node } = message as unknown as { node: string };
      this.foreign?.seen(node);
      if (this.#isForeign(node)) return this.foreign!.up(node);
      const status = this.#peers.get(node)?.status;
      const isNew = status === undefined || status === "absent";
      if (isNew && visible.has(node)) this.#meetNode(node);
    } else if (isTyped(message, "nodedown")) {
      const { node } = message as unknown as { node: string };
      this.foreign?.lost(node);
      if (!visible.has(node)) this.#gone(node);
    } else if (isTyped(message, "DOWN")) {
      const { ref } = message as { ref?: unknown };
      if (!this.process.isDown(ref)) return;
      if (!this.names.down(ref) && !this.#locks.down(ref)) this.#down(ref);
    } else this.foreign?.hear(message);
  }

  cast(request: unknown): void {
    this.foreign?.take(request);
  }

  #tell(task: GlobalTask): void {
    tell(this.process, this.#worker!.pid, task);
  }

  // Names.

  /** Changes names, for the holder of their lock. */
  #write(
    asked: GlobalRequest & { type: "register" | "unregister" | "merge" },
    pid: Pid,
  ): unknown {
    if (!isWrite(asked) || !this.lock.isHeldBy(pid)) return BADARG;
    if (asked.type === "merge") {
      for (const entry of asked.insert.filter(isEntry)) {
        this.#insert(entry, pid);
      }
      for (const name of asked.remove) this.names.remove(name);
      // Last, as a process may wait for it to look a name up.
      for (const server of asked.servers.filter(isPid)) this.#join(server);
    } else if (asked.type === "unregister") this.names.remove(asked.name);
    else {
      const known = this.names.lookup(asked.entry.name);
      const isOther = known !== undefined && !known.equals(asked.entry.pid);
      if (asked.isNew && isOther) return "taken";
      if (!this.#insert(asked.entry, pid)) return TOO_MANY;
    }
    return "ok";
  }

  /** Adds a name; notes which node resolves its conflicts, unless this one's worker does. */
  #insert(entry: GlobalEntry, { node }: Pid): boolean {
    const isOwn = node === this.process.runtime.node;
    return this.names.insert(isOwn ? entry : { ...entry, by: node });
  }

  #down(ref: Ref): void {
    if (this.lock.down(ref)) return;
    for (const [node, peer] of this.#peers) {
      if (peer.ref?.equals(ref)) this.#serverExited(node);
    }
  }

  // Other nodes.

  #meetNode(node: string): void {
    const peer: Peer = { status: "asked" };
    this.#peers.set(node, peer);
    this.#sayHello(node, peer);
  }

  async #sayHello(node: string, peer: Peer): Promise<void> {
    // A later answer counts too.
    const setAbsent = () => {
      if (this.#peers.get(node) !== peer || peer.status !== "asked") return;
      peer.status = "absent";
      this.settled(node);
    };
    const lift = this.afterPatience(setAbsent);
    const answer = await askConnected(this.process, node, { type: "hello" })
      .catch(ignore).finally(lift);
    if (!this.process.alive) return;
    const current = this.#peers.get(node);
    const { server } = isTyped(answer, "welcome")
      ? answer as Partial<Welcome>
      : {};
    if (isPid(server) && server.node === node) {
      this.#touched.add(node);
      if (server.equals(current?.server)) this.#reopen(node, current!);
      else if (current === peer) this.#meet(server);
    } else setAbsent();
  }

  /** Welcomes a server. From here on, until they are joined, neither has the other's names. */
  #greet(server: Pid): Welcome | typeof BADARG {
    const { node } = server;
    // It has nothing to do with hidden nodes.
    if (!this.process.runtime.visible.has(node) || this.#isForeign(node)) {
      return BADARG;
    }
    this.#touched.add(node);
    const peer = this.#peers.get(node);
    if (!server.equals(peer?.server)) this.#meet(server);
    else if (peer!.status === "known") {
      peer!.status = "pending";
      this.#drive(server);
    }
    return { type: "welcome", server: this.process.pid };
  }

  #meet(server: Pid): void {
    const { node } = server;
    const before = this.#peers.get(node)?.ref;
    if (before !== undefined) this.process.demonitor(before);
    const ref = this.process.monitor(server);
    this.#peers.set(node, { status: "pending", server, ref });
    this.#drive(server);
  }

  /** One that was joined turns out not to have this one's names. */
  #reopen(node: string, peer: Peer): void {
    if (peer.status !== "known") return;
    peer.status = "pending";
    this.#drive(peer.server!);
    this.#remind(node);
  }

  /**
   * A server has the same names as this one from here on.
   *
   * But if it came, went or said hello while that was brought about, it may be the only one of the two
   * to think so, or not to. Then they are joined once more.
   */
  #join(server: Pid): void {
    const { node } = server;
    if (node === this.process.pid.node) return;
    if (this.#touched.has(node)) return this.#remind(node);
    let peer = this.#peers.get(node);
    if (!server.equals(peer?.server)) {
      // Of two servers of a node the one that said hello is the one that is there.
      if (peer?.server !== undefined) return;
      if (peer === undefined && this.#peers.size >= MAX_PEERS) return;
      const ref = this.process.monitor(server);
      this.#peers.set(node, peer = { status: "known", server, ref });
    }
    peer!.status = "known";
    this.settled(node);
  }

  /**
   * One of the two joins their parts; both would only be in each other's way. In a part of several servers, the one of
   * the smallest node does so at once, and the others later, if it has not.
   */
  #drive(server: Pid): void {
    if (!this.#drives(server.node)) return;
    const task: GlobalTask = { type: "connect", server };
    if (this.#isFirst()) return this.#tell(task);
    this.afterPatience(() => this.isPending(server) && this.#tell(task), TURN);
  }

  /** Whether the other servers of its part are of greater nodes. */
  #isFirst(): boolean {
    const { node } = this.process.runtime;
    return this.servers().every((each) => each.node >= node);
  }

  #drives(node: string): boolean {
    return this.process.runtime.node < node;
  }

  /** Has the one that joins the two do so, though it may be of the opinion that it has. */
  #remind(node: string): void {
    const peer = this.#peers.get(node);
    const isOpen = peer?.status === "pending" || peer?.status === "asked";
    if (isOpen && !this.#drives(node)) this.#sayHello(node, peer);
  }

  /**
   * Called when the server of a node has exited. If the node is still up, it says hello when it has another.
   */
  #serverExited(node: string): void {
    this.#gone(node);
    if (this.process.runtime.visible.has(node)) {
      this.#peers.set(node, { status: "absent" });
    }
    // It may have been about to join two others, and have notified only one of them.
    for (const other of this.#peers.keys()) this.#remind(other);
  }

  #isForeign(node: string): boolean {
    return this.foreign?.has(node) === true;
  }

  #gone(node: string): void {
    this.foreign?.down(node);
    const ref = this.#peers.get(node)?.ref;
    if (ref !== undefined) this.process.demonitor(ref);
    this.#peers.delete(node);
    this.#touched.add(node);
    this.settled(node);
  }

  /** Calls back after a while, unless the process has exited; returns a function that stops it. */
  afterPatience(fn: () => void, ms: number = PATIENCE): () => void {
    const lift = this.process.runtime.deadlines.after(ms, () => {
      this.#lifts.delete(stop);
      fn();
    });
    const stop = () => {
      this.#lifts.delete(stop);
      lift();
    };
    this.#lifts.add(stop);
    return stop;
  }

  /** Calls back when nothing is pending with any node, or after a time limit, if there is one. */
  #whenSettled(done: () => void, isEndless = false): void {
    const nodes = new Set<string>();
    for (const node of this.process.runtime.visible.keys()) {
      if (this.foreign?.has(node)) {
        this.foreign.up(node);
        if (this.foreign.isOpen(node)) nodes.add(node);
        continue;
      }
      if (!this.#peers.has(node)) this.#meetNode(node);
      const { status } = this.#peers.get(node)!;
      if (status === "asked" || status === "pending") nodes.add(node);
    }
    if (nodes.size === 0) return done();
    const waiting: Waiting = { nodes, done };
    this.#waiting.add(waiting);
    if (isEndless) return;
    const lift = this.afterPatience(() => {
      this.#waiting.delete(waiting);
      done();
    });
    waiting.done = () => {
      lift();
      done();
    };
  }

  settled(node: string): void {
    for (const waiting of [...this.#waiting]) {
      if (!waiting.nodes.delete(node) || waiting.nodes.size > 0) continue;
      this.#waiting.delete(waiting);
      waiting.done();
    }
  }
}
