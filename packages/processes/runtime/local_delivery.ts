/**
 * Delivery of signals to the processes of this node.
 *
 * All signals arrive here, as calls of the methods of {@linkcode Signals}: from processes of this node, and from the
 * decoder of each connection. Each method finds the receiver by its pid, name, alias or reference, and changes its state
 * at once: a message goes into the mailbox, an exit signal becomes a message or ends the process, a DOWN or a reply
 * settles the wait under its reference. A signal for a process that is gone is dropped, except for a signal that
 * expects an answer: a link, a monitor and a request to spawn are answered with the reason.
 *
 * A peer can send any signal with any reference, so nothing that it claims is believed: a reply must come from the
 * node or the process that was asked, a DOWN from the node of the monitor's target, and a pid of an earlier
 * incarnation of this node names no process. What a peer makes this node store counts towards the peer's quotas.
 */

import { noteTrace } from "../signals/message_traces.ts";
import { tracing } from "../context/tracing.ts";
import type { NumberMap } from "../collections/number_map.ts";
import type { PeerQuotas } from "../remote/peer_quotas.ts";
import { sharedExitEvent } from "../log/crash_report.ts";
import {
  type Link,
  monitoredObject,
  type Wait,
} from "../process/links_and_monitors.ts";
import {
  endMonitor,
  type Entry,
  type LocalProcess,
} from "../process/local_process.ts";
import type { Runtime } from "../process/runtime.ts";
import { resolveFor } from "../spawning/spawn_requests.ts";
import { exitMessage } from "../values/exit_message.ts";
import { isReason, isShutdown } from "../values/exit_reason.ts";
import type { Pid, Ref } from "../values/pid.ts";
import {
  plainAlias,
  type ReplyTarget,
  type ReplyTo,
  taggedReply,
} from "../values/reply_to.ts";
import { ForeignReply, RefusedReply } from "../values/server_message.ts";
import type {
  Backpressure,
  Signals,
  SpawnRequest,
  SpawnResult,
  Target,
  UnlinkId,
} from "../signals/signal.ts";
import { spawnProcess } from "../spawning/spawn_process.ts";
import { terminate } from "../process/deaths.ts";

export class LocalDelivery implements Signals {
  readonly #runtime: Runtime;
  readonly #creation: number;
  readonly #processes: NumberMap<LocalProcess>;
  readonly #aliases: NumberMap<Entry>;
  readonly #watchers: Runtime["watchers"];
  readonly #quotas: PeerQuotas;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
    this.#creation = runtime.creation;
    this.#processes = runtime.processes;
    this.#aliases = runtime.aliases;
    this.#watchers = runtime.watchers;
    this.#quotas = runtime.quotas;
  }

  send(_from: Pid, to: Pid, message: unknown): Backpressure {
    const process = this.#processes.get(to.number);
    if (process !== undefined && to.creation === this.#creation) {
      if (tracing !== undefined) noteTrace(message);
      process.mailbox.push(message, process);
    }
    return undefined;
  }

  sendName(_from: Pid, name: string, message: unknown): Backpressure {
    const process = this.#runtime.names.find(name);
    if (process === undefined) return undefined;
    if (tracing !== undefined) noteTrace(message);
    process.mailbox.push(message, process);
    return undefined;
  }

  sendAlias(_from: Pid, alias: Ref, message: unknown): Backpressure {
    const entry = this.#entryOf(alias);
    // An awaited alias accepts only an answer, so that a guessed message cannot use up the alias.
    if (entry === undefined || entry.wait !== undefined) return undefined;
    const { process } = entry;
    if (entry.alias === "reply_demonitor") process.releaseEntry(entry);
    if (tracing !== undefined) noteTrace(message);
    process.mailbox.push(message, process);
    return undefined;
  }

  reply(from: Pid, to: ReplyTarget, value: unknown, endsMonitor = false): void {
    const alias = plainAlias(to);
    if (alias === undefined) {
      return this.#replyTagged(from, to as ReplyTo, value);
    }
    const entry = this.#entryOf(alias);
    if (entry === undefined) return;
    const { process, wait } = entry;
    // References can be guessed, so the sender must be allowed to reply.
    if (wait !== undefined && !wait.acceptsAnySender && !mayReply(from, wait)) {
      return;
    }
    if (value instanceof RefusedReply) {
      return this.#refuseReply(from, entry, value.reason, endsMonitor);
    }
    if (entry.alias === "reply_demonitor") {
      // The sender's node has ended the monitor.
      if (endsMonitor && entry.node === from.node) entry.target = undefined;
      process.releaseEntry(entry);
    }
    if (value instanceof ForeignReply) {
      const { term } = value;
      if (wait?.foreignReply !== undefined) {
        return wait.foreignReply(term, alias);
      }
      value = term;
    }
    if (wait !== undefined) wait.reply(value, alias);
    else process.mailbox.push({ type: "reply", ref: alias, value }, process);
  }

  /** Delivers a reply with a tag as a message, because no request of this library has a tag. */
  #replyTagged(from: Pid, to: ReplyTo, value: unknown): void {
    const term = value instanceof ForeignReply ? value.term : value;
    const message = taggedReply(to, term);
    if (to.alias === undefined) this.send(from, to.pid, message);
    else this.sendAlias(from, to.alias, message);
  }

  /** Fails the call as if the server had exited: with a DOWN of the monitor that awaits the reply. */
  #refuseReply(
    from: Pid,
    entry: Entry,
    reason: unknown,
    endsMonitor: boolean,
  ): void {
    const { process, ref, target, node } = entry;
    if (target === undefined) return;
    this.down(from, process.pid, ref, reason);
    const isEnded = entry.target === undefined;
    if (isEnded && !endsMonitor) endMonitor(process, ref, target, node);
  }

  #entryOf(alias: Ref): Entry | undefined {
    const entry = this.#aliases.get(alias.number);
    return alias.creation === this.#creation &&
        alias.node === this.#runtime.node
      ? entry
      : undefined;
  }

  link(from: Pid, to: Pid): void {
    const runtime = this.#runtime;
    const process = this.#runtime.find(to);
    if (process === undefined) {
      runtime.signalsTo(from.node).exitLink(to, from, "noproc");
    } else if (process.links?.get(from) === undefined) {
      if (from.node === runtime.node) process.addLink(from);
      else if (this.#quotas.exceeds(from.node, "links")) {
        runtime.signalsTo(from.node).exitLink(to, from, "system_limit");
      } else {
        this.#quotas.acquire(from.node, "links");
        process.addLink(from, true);
      }
    }
  }

  unlink(from: Pid, to: Pid, id: UnlinkId): void {
    const process = this.#runtime.find(to);
    const link = process?.links?.get(from);
    if (link?.unlinking === 0) process!.dropLink(link);
    this.#runtime.signalsTo(from.node).unlinkAck(to, from, id);
  }

  unlinkAck(from: Pid, to: Pid, id: UnlinkId): void {
    const process = this.#runtime.find(to);
    const link = process?.links?.get(from);
    // An active link has the id 0, so an ack with 0 must end no link.
    if (link !== undefined && id !== 0 && link.unlinking === id) {
      process!.dropLink(link);
    }
  }

  exit(from: Pid, to: Pid, reason: unknown): void {
    const process = this.#runtime.find(to);
    if (process === undefined) return;
    if (process.shell && isReason(reason, "kill")) {
      this.#endShared(process, "killed");
    }
    if (isReason(reason, "kill")) terminate(process, "killed");
    else this.#signalExit(process, from, reason);
  }

  exitLink(from: Pid, to: Pid, reason: unknown): void {
    const runtime = this.#runtime;
    const process = this.#runtime.find(to);
    const link = process?.links?.get(from);
    if (process === undefined || link === undefined) return;
    process.dropLink(link);
    if (link.unlinking !== 0) return;
    if (!process.shell || process.trapExit) {
      this.#signalExit(process, from, reason);
    } else if (!link.survivesExit && !isReason(reason, "normal")) {
      if (!runtime.isStopping || !isShutdown(reason)) {
        reportShared(process, from, reason);
      }
      this.#endShared(process, reason, link);
      terminate(process, reason);
    }
  }

  #endShared(process: LocalProcess, reason: unknown, link?: Link): void {
    const { isStopping, onSharedExit } = this.#runtime;
    if (!isStopping) onSharedExit?.(process, reason, link);
  }

  #signalExit(process: LocalProcess, from: Pid, reason: unknown): void {
    if (process.trapExit) {
      const supervisor = process.lineage?.supervision;
      if (
        supervisor?.childExited === undefined || !process.mailbox.isIdle ||
        !supervisor.childExited(from, reason)
      ) process.mailbox.push(exitMessage(from, reason), process);
    } else if (!isReason(reason, "normal") || from.equals(process.pid)) {
      if (process.shell) this.#endShared(process, reason);
      terminate(process, reason);
    }
  }

  monitor(from: Pid, target: Target, ref: Ref, isCall = false): void {
    const runtime = this.#runtime;
    const name = typeof target === "string" ? target : undefined;
    const process = typeof target === "string"
      ? runtime.names.find(target)
      : runtime.find(target);
    const pid = typeof target === "string" ? runtime.nobody : target;
    if (process === undefined) {
      runtime.signalsTo(from.node).down(pid, from, ref, "noproc", name);
    } else if (
      from.node !== runtime.node &&
      this.#quotas.exceeds(from.node, "monitors")
    ) {
      runtime.signalsTo(from.node).down(pid, from, ref, "system_limit", name);
    } else this.#watchers.add(process, from, ref, name, isCall);
  }

  demonitor(_from: Pid, ref: Ref): void {
    this.#watchers.end(ref);
  }

  down(from: Pid, to: Pid, ref: Ref, reason: unknown): void {
    const process = this.#runtime.find(to);
    const entry = process?.entries?.get(ref.number);
    const target = entry?.target;
    // The table knows only the monitor's number, and a peer may name a monitor of an earlier incarnation.
    if (
      process === undefined || entry === undefined || target === undefined ||
      entry.node !== from.node || ref.creation !== this.#creation
    ) return;
    const { wait, node } = entry;
    entry.target = undefined;
    if (entry.alias !== "explicit_unalias") process.releaseEntry(entry);
    const object = monitoredObject({ ref, target, node });
    if (wait !== undefined) wait.down(object, reason, ref);
    else {
      process.mailbox.push(
        { type: "DOWN", ref: entry.ref, object, reason },
        process,
      );
    }
  }

  spawnRequest(from: Pid, request: SpawnRequest): void {
    const runtime = this.#runtime;
    const { ref, run, link, monitor, groupLeader } = request;
    const found = resolveFor(runtime, run, from.node, "resolveSpawn");
    if ("error" in found) {
      runtime.signalsTo(from.node).spawnReply(runtime.nobody, from, ref, found);
      return;
    }
    spawnProcess(runtime, found.fn, {
      parent: from,
      groupLeader,
      label: found.label,
      kind: found.kind,
      link: link ? from : undefined,
      monitor: monitor ? { pid: from, ref } : undefined,
      replyTo: { pid: from, ref },
      origin: from.node,
    });
  }

  spawnReply(from: Pid, to: Pid, ref: Ref, result: SpawnResult): void {
    const runtime = this.#runtime;
    const process = runtime.find(to);
    const wait = process?.entries?.get(ref.number)?.wait;
    if (
      process === undefined || wait?.spawned === undefined ||
      wait.node !== from.node || ref.creation !== this.#creation
    ) {
      // The caller has exited, or asked another node: end the new process's link and monitor.
      if ("error" in result) return;
      const back = runtime.signalsTo(from.node);
      if (result.link) back.exitLink(to, from, "noproc");
      if (result.monitor) {
        endMonitor({ runtime, pid: to }, ref, from, from.node);
      }
      return;
    }
    if ("pid" in result) {
      // The process may have learned of the new process from others, and have linked and unlinked it by now.
      if (result.link && process.links?.get(result.pid) === undefined) {
        process.addLink(result.pid, false, wait.awaitsExit);
      }
      if (result.monitor) process.addMonitor(ref, result.pid, from.node);
    }
    wait.spawned(result);
  }

  groupLeader(_from: Pid, to: Pid, leader: Pid): void {
    const process = this.#runtime.find(to);
    if (process !== undefined) process.groupLeader = leader;
  }
}

/** A function of its own, because a function that creates a closure pays for all variables that it could capture. */
function reportShared(
  { runtime, pid }: LocalProcess,
  from: Pid,
  reason: unknown,
): void {
  runtime.log.report("warning", () => sharedExitEvent(pid, from, reason));
}

function mayReply(from: Pid, { node, by }: Wait): boolean {
  return by === undefined ? from.node === node : by.equals(from);
}
