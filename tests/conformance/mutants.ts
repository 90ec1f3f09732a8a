/** Mutations of the library, each of which scenarios or tests must find. */

/** A mutation: one change in one file. */
export interface Mutant {
  /** The bug that it plants. */
  name: string;
  /** The file, relative to the project's folder. */
  file: string;
  /** The original text, which must occur exactly once. */
  from: string;
  /** The replacement. */
  to: string;
  /**
   * The areas whose scenarios are run.
   *
   * @default {[]}
   */
  areas?: string[];
  /**
   * The areas whose scenarios are run with peers in Elixir, on Erlang's wire.
   *
   * @default {[]}
   */
  mixed?: string[];
  /**
   * The test files to run: `depth_test.ts`. For features that Elixir does not have, such as the wire.
   *
   * @default {[]}
   */
  tests?: string[];
}

const DELIVERY = "core/runtime/local_delivery.ts";
const NODES = "core/processes/connected_nodes.ts";
const PROCESS = "core/processes/local_process.ts";

/** The mutations. */
export const MUTANTS: readonly Mutant[] = [
  {
    name: "the ack of an unlink is dropped",
    file: DELIVERY,
    from: "this.#runtime.back(from.node).unlinkAck(to, from, id);",
    to: "void id;",
    areas: ["links"],
  },
  {
    name: "an unlink does not end the link at the other end",
    file: DELIVERY,
    from: "if (link?.unlinking === 0) process!.dropLink(link);",
    to: "",
    areas: ["links", "info"],
  },
  {
    name: "a name is free only after the DOWN",
    file: "core/processes/process_table.ts",
    from: "if (process.name !== undefined) this.names.delete(process.name);",
    to: "const { name } = process;\n" +
      "    if (name !== undefined) setTimeout(() => this.names.delete(name), 20);",
    areas: ["names"],
  },
  {
    name: "a DOWN arrives twice",
    file: DELIVERY,
    from: "process.monitors!.delete(ref.number);\n    const mode",
    to:
      'process.mailbox.push({ type: "DOWN", ref: monitor.ref, object: monitoredObject(monitor), reason }, process);\n' +
      "    process.monitors!.delete(ref.number);\n    const mode",
    areas: ["monitors"],
  },
  {
    name: "kill from a link is turned into killed",
    file: DELIVERY,
    from:
      "if (!process.shell || process.trapExit) {\n      this.#signalExit(process, from, reason);",
    to:
      "if (!process.shell || process.trapExit) {\n      this.exit(from, to, reason);",
    areas: ["exits"],
  },
  {
    name: "kill can be trapped",
    file: DELIVERY,
    from:
      'if (isReason(reason, "kill")) this.#runtime.terminate(process, "killed");',
    to:
      'if (isReason(reason, "kill") && !process.trapExit) this.#runtime.terminate(process, "killed");',
    areas: ["exits"],
  },
  {
    name: "a late reply is delivered",
    file: PROCESS,
    from: "this.runtime.aliases.delete(ref.number);",
    to: "",
    areas: ["aliases"],
  },
  {
    name: "an alias is kept after the reply",
    file: DELIVERY,
    from: 'process.aliases!.get(alias.number) === "reply_demonitor"',
    to: "process.aliases === undefined",
    areas: ["aliases"],
  },
  {
    name: "a link to a missing process sends no EXIT",
    file: DELIVERY,
    from:
      'if (process === undefined) {\n      runtime.back(from.node).exitLink(to, from, "noproc");',
    to: "if (process === undefined) {",
    areas: ["links"],
  },
  {
    name: "normal from another process ends a process",
    file: DELIVERY,
    from:
      '} else if (!isReason(reason, "normal") || from.equals(process.pid)) {',
    to: "} else {",
    areas: ["exits"],
  },
  {
    name: "a group leader is not inherited by another node",
    file: "core/spawning/spawn_requests.ts",
    from: "parent: from,\n    groupLeader,",
    to:
      'parent: from,\n    groupLeader: runtime.names.get("user")?.pid ?? groupLeader,',
    areas: ["leaders"],
  },
  {
    name: "nodedown is sent before the signals of its processes",
    file: NODES,
    from: "this.visible.delete(node);\n    const processes",
    to: "this.visible.delete(node);\n" +
      "    for (const each of this.#runtime.processes.values()) {\n" +
      '      if (each.nodeMonitors?.delete(node)) each.mailbox.push({ type: "nodedown", node }, each);\n' +
      "    }\n    const processes",
    areas: ["nodes"],
  },
  {
    name: "monitors are not notified of a lost node",
    file: NODES,
    from: "this.#loseMonitors(process, node);\n",
    to: "",
    areas: ["monitors"],
  },
  {
    name: "mail for an older incarnation is delivered to the new one",
    file: "net/wires/json/json_encoder.ts",
    from: "message: unknown): Backpressure {\n" +
      "    if (this.#isGone(to)) return undefined;",
    to: "message: unknown): Backpressure {",
    areas: ["monitors"],
  },
  {
    name: "a supervisor restarts its children in the opposite order",
    file: "otp/supervisor/supervisor_server.ts",
    from: "for (const child of children) {",
    to: "for (const child of children.toReversed()) {",
    areas: ["supervisor"],
  },
  {
    name: "a supervisor terminates its children in the order of their start",
    file: "otp/supervisor/supervisor_server.ts",
    from: "let child = all.pop(); child !== undefined; child = all.pop()",
    to: "let child = all.shift(); child !== undefined; child = all.shift()",
    areas: ["supervisor"],
  },
  {
    name: "normal to the caller does not end it",
    file: DELIVERY,
    from: " || from.equals(process.pid)) {",
    to: ") {",
    areas: ["exits"],
  },
  {
    name: "a process that monitors a node twice gets one nodedown",
    file: NODES,
    from: "const times = (process.nodeMonitors?.get(node) ?? 0) +",
    to: "const times = (process.nodeMonitors?.has(node) ? 1 : 0) +",
    areas: ["nodes"],
  },
  {
    name: "restarts are never forgotten",
    file: "otp/supervisor/restart_intensity.ts",
    from: "if (old > 0) times.splice(0, old);",
    to: "",
    areas: ["supervisor"],
  },
  {
    name: "restarts are counted by the millisecond",
    file: "otp/supervisor/restart_intensity.ts",
    from: "Math.floor(now / 1000)",
    to: "now / 1000",
    areas: ["supervisor"],
  },
  {
    name: "a child that does not exit in time is not killed",
    file: "otp/supervisor/child_shutdown.ts",
    from: "if (reason === LATE) {",
    to: "if (reason === LATE && limit < 0) {",
    areas: ["supervisor"],
  },
  {
    name: "children on demand are terminated one after the other",
    file: "otp/supervisor/dynamic_children.ts",
    from: "await Promise.all(this.list().map((child) => this.#end(child)));",
    to: "for (const child of this.list()) await this.#end(child);",
    areas: ["dynamic_supervisor"],
  },
  {
    name: "one child more than max_children is allowed",
    file: "otp/supervisor/dynamic_children.ts",
    from: "this.#children.size >= this.#maxChildren",
    to: "this.#children.size > this.#maxChildren",
    areas: ["dynamic_supervisor", "task_supervisor"],
  },
  {
    name: "the EXIT of a server that fails to start stays in the mailbox",
    file: "otp/gen/start.ts",
    from: "takeExit(this.process, this.by);",
    to: "",
    areas: ["gen_server"],
  },
  {
    name: "the timeout of a server outlasts the next message",
    file: "otp/gen_server/gen_server_process.ts",
    from: "this.#timeout = timeout;",
    to: "this.#timeout = timeout ?? this.#timeout;",
    areas: ["gen_server"],
  },
  {
    name: "handle_continue runs after the mailbox",
    file: "otp/gen_server/gen_server_process.ts",
    from: 'return this.#run("handleContinue", value);',
    to: "return void this.#process.send(this.#process.pid, value);",
    areas: ["gen_server"],
  },
  {
    name: "a server that stops replies before terminate",
    file: "otp/gen_server/gen_server_process.ts",
    from: "this.#lastReply = { caller, value: result.reply };",
    to: "answer(this.#process, caller, result.reply);",
    areas: ["gen_server"],
  },
  {
    name: "the DOWN of a task that was awaited stays in the mailbox",
    file: "otp/task/task_state.ts",
    from: "    this.takeDown();\n  }",
    to: "  }",
    areas: ["task"],
  },
  {
    name: "a stream of tasks runs one too many",
    file: "otp/task/task_stream.ts",
    from: "started - ended < maxConcurrency",
    to: "started - ended <= maxConcurrency",
    areas: ["task_stream"],
  },
  {
    name: "a stream that is left does not end its tasks",
    file: "otp/task/stream_monitor.ts",
    from: 'for (const task of this.tasks) task.exit("kill");',
    to: "this.tasks.clear();",
    areas: ["task_stream"],
  },
  {
    name: "a task of a stream without links exits with the owner",
    file: "otp/task/stream_monitor.ts",
    from: "if (this.#link) { for",
    to: "{ for",
    areas: ["task_stream"],
  },
  {
    name: "get_and_update does not change the agent's state",
    file: "otp/agent/agent_server.ts",
    from: "reply: reply(given[0]), state: given[1] };",
    to: "reply: reply(given[0]), state };",
    areas: ["agent"],
  },
  {
    name:
      "processes that are linked to a call of a function do not exit with it",
    file: "otp/rpc/rpc_call.ts",
    from: "process.runtime.terminate(process, { type: told.type });",
    to: 'process.runtime.terminate(process, "normal");',
    areas: ["rpc"],
  },
  {
    name: "a start of an application that is starting returns at once",
    file: "otp/application/application_controller.ts",
    from: "if (known !== undefined) {",
    to: 'if (known !== undefined) return "ok";\n    if (known !== undefined) {',
    areas: ["application"],
  },
  {
    name: "a process that has unregistered all keys exits with the registry",
    file: "otp/registry/registry_table.ts",
    from:
      "if (!this.#byProcess.has(process.pid.number)) process.unlink(this.owner);",
    to: "",
    areas: ["registry"],
  },
  {
    name: "dispatch calls the function twice",
    file: "otp/registry/registry.ts",
    from: "if (entries.length > 0) fn(entries);",
    to: "if (entries.length > 0) fn(entries), fn(entries);",
    areas: ["registry"],
  },
  {
    name: "a lock of a registry is not released when its holder exits",
    file: "otp/registry/registry_partition.ts",
    from: "if (this.#process.isDown(ref)) this.#unlock(ref);",
    to: "void ref;",
    areas: ["registry"],
  },
  {
    name:
      "the exit of a process that has left one group is ignored in the others",
    file: "otp/pg/pg_scope.ts",
    from: "if (known.joins.size > 0) return true;",
    to: "",
    areas: ["pg"],
  },
  {
    name: "members of a lost node stay",
    file: "otp/pg/pg_peers.ts",
    from: "const pids = members.pids();",
    to: "const pids: Pid[] = members.pids().slice(0, 0);",
    areas: ["pg"],
  },
  {
    name: "a global lock ends with the first of its holders",
    file: "otp/global/global_locks.ts",
    from: "if (holders.size === 0) this.#locks.delete(held.resource);",
    to: "this.#locks.delete(held.resource);",
    areas: ["global"],
  },
  {
    name: "a name without a winner after a conflict stays",
    file: "otp/global/global_worker.ts",
    from: "if (known !== undefined) remove.push(known.name);",
    to: "",
    areas: ["global"],
  },
  {
    name: "a timer looks its name up when it is set",
    file: "core/processes/timers.ts",
    from: "else local.sendName(nobody, to, message);\n    });",
    to:
      "else if (found !== undefined) found.mailbox.push(message, found);\n    });\n" +
      "    const found = to instanceof Pid ? undefined : (host as unknown as { names: Map<string, any> }).names.get(to);",
    areas: ["timers"],
  },
  {
    name: "a cancelled timer sends its message",
    file: "core/processes/timers.ts",
    from: "this.#stop();\n    this.#forget();\n  }",
    to: "this.#forget();\n  }",
    areas: ["timers"],
  },
  {
    name: "a task has the dictionary of its owner",
    file: "core/processes/local_process.ts",
    from: "this.label = options.label;",
    to: "this.label = options.label;\n" +
      "    this.dictionary = options.parent && runtime.find(options.parent)?.dictionary;",
    areas: ["dictionary"],
  },
  {
    name: "get returns the default for a value of nil",
    file: "otp/process/process.ts",
    from: "return found === undefined ? otherwise : found.value;",
    to: "return found?.value ?? otherwise;",
    areas: ["dictionary"],
  },
  {
    name: "a cancelled timer sends an unrequested message",
    file: "otp/process/process.ts",
    from: 'if (!info) return "ok";',
    to: "",
    areas: ["timers"],
  },
  {
    name: "send with noconnect connects",
    file: "otp/process/process.ts",
    from: "? runtime.connected(node)",
    to: "? runtime.route(node)",
    areas: ["signals"],
  },
  {
    name: "extra arguments are in the reverse order",
    file: "otp/supervisor/dynamic_supervisor_server.ts",
    from: "      start(...extra);",
    to: "      start(...extra.toReversed());",
    areas: ["dynamic_supervisor"],
  },
  {
    name: "a proof is compared by its first bytes",
    file: "net/wires/json/json_handshake.ts",
    from: "return timingSafeEqual(Buffer.from(given), Buffer.from(expected));",
    to: "return given.slice(0, 8) === expected.slice(0, 8);",
    tests: ["handshake_proof_test.ts"],
  },
  {
    name: "a proof is compared by its last bytes",
    file: "net/wires/json/json_handshake.ts",
    from: "return timingSafeEqual(Buffer.from(given), Buffer.from(expected));",
    to: "return given.slice(-16) === expected.slice(-16);",
    tests: ["handshake_proof_test.ts"],
  },
  {
    name: "a cookie is cut at 24 characters",
    file: "net/wires/json/json_handshake.ts",
    from: 'createHmac("sha256", cookie)',
    to: 'createHmac("sha256", cookie.slice(0, 24))',
    tests: ["handshake_proof_test.ts"],
  },
  {
    name: "a message to a name is not copied",
    file: "core/processes/local_process.ts",
    from:
      "runtime.local.sendName(\n        this.pid,\n        name,\n        copyTerm(message, runtime.maxDepth),\n      )",
    to: "runtime.local.sendName(this.pid, name, message)",
    tests: ["copies_test.ts"],
  },
  {
    name: "a message to an alias is not copied",
    file: "core/processes/local_process.ts",
    from:
      "runtime.local.sendAlias(\n        this.pid,\n        alias,\n        copyTerm(message, runtime.maxDepth),\n      )",
    to: "runtime.local.sendAlias(this.pid, alias, message)",
    tests: ["copies_test.ts"],
  },
  {
    name: "a reply is not copied",
    file: "core/processes/local_process.ts",
    from:
      "runtime.local.reply(this.pid, to, copyTerm(value, runtime.maxDepth));",
    to: "runtime.local.reply(this.pid, to, value);",
    tests: ["copies_test.ts"],
  },
  {
    name: "a message that waits for a dial is not copied",
    file: "net/pending_signals.ts",
    from: "(signals) => each(signals, copy)",
    to: "(signals) => each(signals, message)",
    tests: ["copies_test.ts"],
  },
  {
    name: "attachments may be referred to twice",
    file: "net/wires/json/attachments.ts",
    from: "this.#heads[number] = -1;",
    to: "",
    tests: ["attachments_test.ts"],
  },
  {
    name: "attachments need not be used",
    file: "net/wires/json/attachments.ts",
    from: "if (this.#left > 0) throw",
    to: "if (this.#left < 0) throw",
    tests: ["attachments_test.ts"],
  },
  {
    name: "large bytes are not copied when they are sent",
    file: "net/wires/json/attachments.ts",
    from: "this.#addApart(length, copyBytes(bytes))",
    to: "this.#addApart(length, bytes)",
    tests: ["attachments_test.ts"],
  },
  {
    name: "an attachment has all of its memory when it is announced",
    file: "net/wires/json/arriving_attachments.ts",
    from: "Math.min(length, FIRST)",
    to: "length",
    tests: ["attachments_test.ts"],
  },
  {
    name: "the attachments of a large signal may be referred to twice",
    file: "net/wires/json/arriving_attachments.ts",
    from: "this.#positions[index] = -1;",
    to: "",
    tests: ["wire_refusals_test.ts"],
  },
  {
    name: "the attachments of a large signal need not be used",
    file: "net/wires/json/arriving_attachments.ts",
    from: "if (this.#unused > 0) throw",
    to: "if (this.#unused < 0) throw",
    tests: ["wire_refusals_test.ts"],
  },
  {
    name: "the attachments of a large signal may be cut",
    file: "net/wires/json/raw_arrays.ts",
    from: "attachments?.assertWhole();",
    to: "",
    tests: ["wire_refusals_test.ts"],
  },
  {
    name: "senders wait for large messages of others",
    file: "net/wires/json/json_encoder.ts",
    from: "pressure(passed);",
    to: "pressure(0 * passed);",
    tests: ["wire_queue_test.ts"],
  },
  {
    name: "the attachments of a refused signal stay in the frame",
    file: "net/wires/json/json_values.ts",
    from: "this.#attachments.drop();",
    to: "",
    tests: ["attachments_test.ts"],
  },
  {
    name: "a copy shares the items of a Set",
    file: "core/values/term.ts",
    from: "copy.add(copyAny(item, left - 1, max));",
    to: "copy.add(item);",
    tests: ["copies_test.ts"],
  },
  {
    name: "a copy shares the keys of a Map",
    file: "core/values/term.ts",
    from:
      "copy.set(copyAny(key, left - 1, max), copyAny(item, left - 1, max));",
    to: "copy.set(key, copyAny(item, left - 1, max));",
    tests: ["copies_test.ts"],
  },
  {
    name: "a copy shares the fields of an error",
    file: "core/values/term.ts",
    from: "term.fields = copyPlain(term.fields, left, max);",
    to: "term.fields = { ...term.fields };",
    tests: ["copies_test.ts"],
  },
  {
    name: "a copy shares the elements of a tuple",
    file: "core/values/term.ts",
    from: "return new Tuple(copyItems(value.elements, left, max));",
    to: "return new Tuple(value.elements);",
    tests: ["copies_test.ts"],
  },
  {
    name: "a tuple does not count as a level on the wire",
    file: "net/wires/json/json_values.ts",
    from: "this.#writeItems(value.elements, left)",
    to: "this.#writeItems(value.elements, left + 1)",
    tests: ["erlang_terms_test.ts"],
  },
  {
    name: "a whole float is an integer as a key",
    file: "core/values/term_key.ts",
    from: "return `.${value.value};`",
    to: "return `${value.value};`",
    areas: ["terms"],
  },
  {
    name: "tuples are equal if their first elements are",
    file: "core/values/equality.ts",
    from: "if (some.length !== others.length) return false;",
    to: "if (others.length === 0) return some.length === 0;",
    areas: ["terms"],
  },
  {
    name: "a process with a long id is taken for another with the same serial",
    file: "core/values/pid.ts",
    from: "other.halves[0] === this.halves[0] &&",
    to: "",
    tests: ["erlang_terms_test.ts"],
  },
  {
    name: "a Set does not count as a level in a copy",
    file: "core/values/term.ts",
    from: "copy.add(copyAny(item, left - 1, max));",
    to: "copy.add(copyAny(item, left, max));",
    tests: ["depth_test.ts"],
  },
  {
    name: "a long array does not count as a level on the wire",
    file: "net/wires/json/json_values.ts",
    from: "value === null || this.#isPlain(value, left - 1)",
    to: "value === null || this.#isPlain(value, left)",
    tests: ["depth_test.ts"],
  },
  {
    name: "the keys of a Map do not count as a level on the wire",
    file: "net/wires/json/json_values.ts",
    from: "`[${this.#write(key, left - 1)},",
    to: "`[${this.#write(key, left)},",
    tests: ["depth_test.ts"],
  },
  {
    name: "the depth of large signals is not checked",
    file: "net/wires/json/json_decoder.ts",
    from: "return this.#shallow(bytes, start, end, error);\n    }",
    to:
      "return this.#shallow(bytes, start, end, error);\n    }\n    if (this.#isInLarge) this.#isDeep = false;",
    tests: ["decoder_depth_test.ts"],
  },
  {
    name: "the depth is not checked after a large signal",
    file: "net/wires/json/json_decoder.ts",
    from: "this.#isDeep = isDeep;\n    if (!this.#hasRefused)",
    to: "this.#isDeep = isDeep && false;\n    if (!this.#hasRefused)",
    tests: ["decoder_depth_test.ts"],
  },
  {
    name: "the depth of replies is not checked",
    file: "net/wires/json/json_decoder.ts",
    from: "const value = this.#sendable(third);",
    to: "const value = third;",
    tests: ["decoder_depth_test.ts"],
  },
  {
    name: "the depth of arguments is not checked",
    file: "net/wires/json/json_decoder.ts",
    from: "checkArray(this.#sendable(run.args))",
    to: "checkArray(run.args)",
    tests: ["decoder_depth_test.ts"],
  },
  {
    name: "reasons may be as deep as messages",
    file: "net/wires/json/json_decoder.ts",
    from: "checkDepth(value, this.#limits.maxDepth - REASON_LEVELS)",
    to: "checkDepth(value, this.#limits.maxDepth)",
    tests: ["decoder_depth_test.ts"],
  },
  {
    name: "a registry keeps the keys that have no process",
    file: "otp/registry/registry_table.ts",
    from: "if (entries?.size === 0) map.delete(key);",
    to: "void key;",
    tests: ["registry_memory_test.ts"],
  },
  {
    name: "leaving is not counted in a sync of pg",
    file: "otp/pg/pg_peers.ts",
    from: "members.pids().filter((pid) => !kept.take(pid));",
    to:
      "members.pids().filter((pid) =>\n        !told.get(id)?.pids.some((each) => each.equals(pid))\n      );\n      void kept;",
    tests: ["pg_sync_test.ts"],
  },
  {
    name: "joining is not counted in a sync of pg",
    file: "otp/pg/pg_peers.ts",
    from: "pids.filter((pid) => !known.take(pid));",
    to: "pids.filter((pid) => !known.pids().some((each) => each.equals(pid)));",
    tests: ["pg_sync_test.ts"],
  },
  {
    name: "the count of events beyond a limit is one too few",
    file: "core/log/node_log.ts",
    from: "`${lines - most} more",
    to: "`${lines - most - 1} more",
    tests: ["log_limits_test.ts"],
  },
  {
    name: "one event fewer than allowed is written",
    file: "core/log/node_log.ts",
    from: "if (++window.lines <= window.most) return true;",
    to: "if (++window.lines < window.most) return true;",
    tests: ["log_limits_test.ts"],
  },
  {
    name: "the count of a window is lost when another window follows",
    file: "core/log/node_log.ts",
    from: "if (window !== undefined) this.#end(windows, name, window);",
    to: "window?.stop?.();",
    tests: ["log_limits_test.ts"],
  },
  {
    name: "hidden peers are introduced",
    file: "net/introductions.ts",
    from: "each !== connection && !isHidden(each.peer)",
    to: "each !== connection",
    tests: ["introductions_test.ts"],
  },
  {
    name: "addresses are sent to peers that do not expect them",
    file: "net/introductions.ts",
    from: "address: peer.listen && addressFor(place, ends)",
    to: "address: addressFor(place, ends)",
    tests: ["introductions_addresses_test.ts"],
  },
  {
    name: "a peer may name addresses that are nearer than itself",
    file: "net/peer_place.ts",
    from: "return reach !== undefined && reach >= nearest;",
    to: "return reach !== undefined;",
    tests: ["introductions_addresses_test.ts"],
  },
  {
    name: "other nodes are introduced to hidden peers",
    file: "net/introductions.ts",
    from: "return this.#options.connectAll && !this.#options.isHidden(peer);",
    to: "return this.#options.connectAll;",
    tests: ["introductions_test.ts"],
  },
  {
    name: "introductions of a peer that may not make any are followed",
    file: "net/introductions.ts",
    from:
      "if (!this.#areShared(connection)) return;\n    const { own, most, connections, addresses, dialler } = this.#options;",
    to: "const { own, most, connections, addresses, dialler } = this.#options;",
    tests: ["introductions_test.ts"],
  },
  {
    name: "global does not resend the changes that a server has missed",
    file: "otp/global/global_server.ts",
    from: "if (isOpen && !this.#drives(node)) this.#sayHello(node, peer);",
    to: "void isOpen;",
    tests: ["simulation_global_test.ts"],
  },
  {
    name: "two requesters get a global lock",
    file: "otp/global/global_locks.ts",
    from: "if (!this.isFree(resource, requester)) return false;",
    to: "",
    tests: ["simulation_global_test.ts"],
  },
  {
    name: "a global lock is not released when its holder exits",
    file: "otp/global/global_server.ts",
    from:
      "if (!this.names.down(ref) && !this.#locks.down(ref)) this.#down(ref);",
    to: "if (!this.names.down(ref)) this.#down(ref);",
    tests: ["simulation_global_test.ts"],
  },
  {
    name: "a process that exits leaves each pg group once",
    file: "otp/pg/pg_scope.ts",
    from: 'for (const id of ids) this.#groups.remove(id, [pid], "local");',
    to:
      'for (const id of new Set(ids)) this.#groups.remove(id, [pid], "local");',
    tests: ["simulation_pg_test.ts"],
  },
  {
    name: "a process that leaves a pg group once loses all memberships",
    file: "otp/pg/pg_groups.ts",
    from: "known.all.takeAll(pids);",
    to: "for (const pid of pids) while (known.all.take(pid));",
    tests: ["simulation_pg_test.ts"],
  },
  {
    name: "a reply does not end the monitor of its alias",
    file: "core/runtime/local_delivery.ts",
    from: "process.demonitor(alias);\n      process.unalias(alias);",
    to: "process.unalias(alias);",
    tests: ["simulation_calls_test.ts"],
  },
  {
    name: "a DOWN does not end an alias of the mode demonitor",
    file: "core/runtime/local_delivery.ts",
    from: 'if (mode !== undefined && mode !== "explicit_unalias") {',
    to: 'if (mode === "reply_demonitor") {',
    tests: ["simulation_calls_test.ts"],
  },
  {
    name: "demonitor does not end the alias",
    file: "core/processes/local_process.ts",
    from:
      'if (mode !== undefined && mode !== "explicit_unalias") this.unalias(ref);',
    to: "void mode;",
    tests: ["simulation_calls_test.ts"],
  },
  {
    name: "a one-way partition is noticed by some nodes only",
    file: "net/connection.ts",
    from: "} else if (!this.#heldBack && ++this.#silent >= SILENT_TURNS) {",
    to:
      '} else if (!this.#heldBack && this.peer.name > "kate" && ++this.#silent >= SILENT_TURNS) {',
    tests: ["simulation_node_monitors_test.ts"],
  },
  {
    name: "a node that connects again is up before it was down",
    file: "net/network.ts",
    from: "before?.drop(",
    to: "before?.peer.name.startsWith(",
    tests: ["simulation_node_monitors_test.ts"],
  },
  {
    name: "Node.monitorNodes sends one event for several calls",
    file: "core/processes/connected_nodes.ts",
    from: "(wasUp && !isHidden ? process.watchesNodes : 0)",
    to: "(wasUp && !isHidden && process.watchesNodes > 0 ? 1 : 0)",
    tests: ["simulation_node_monitors_test.ts"],
  },
  {
    name: "Node.monitor sends more than one nodedown",
    file: "core/processes/connected_nodes.ts",
    from: "process.nodeMonitors?.delete(node);",
    to: "",
    tests: ["simulation_node_monitors_test.ts"],
  },
  {
    name: "nodedown is sent for hidden nodes",
    file: "core/processes/connected_nodes.ts",
    from: "(wasUp && !isHidden ? process.watchesNodes : 0)",
    to: "process.watchesNodes",
    tests: ["simulation_node_monitors_test.ts"],
  },
  {
    name: "a supervisor allows one restart fewer than its maximum",
    file: "otp/supervisor/restart_intensity.ts",
    from: "return times.length <= this.#max;",
    to: "return times.length < this.#max;",
    tests: ["simulation_supervisors_test.ts"],
  },
  {
    name: "spaces around a cookie do not count",
    file: "net/wires/json/json_handshake.ts",
    from: 'createHmac("sha256", cookie)',
    to: 'createHmac("sha256", cookie.trim())',
    tests: ["handshake_proof_test.ts"],
  },
  {
    name: "a proof is compared without its middle",
    file: "net/wires/json/json_handshake.ts",
    from: "return timingSafeEqual(Buffer.from(given), Buffer.from(expected));",
    to:
      "return given.slice(0, 24) === expected.slice(0, 24) &&\n    given.slice(40) === expected.slice(40);",
    tests: ["handshake_proof_test.ts"],
  },
  {
    name: "a copy shares long arrays",
    file: "core/values/term.ts",
    from: "  const copy = new Array(items.length);\n",
    to:
      "  if (items.length > 20) return items as unknown[];\n  const copy = new Array(items.length);\n",
    tests: ["copies_test.ts"],
  },
  {
    name: "a timer's message is not copied",
    file: "otp/process/process.ts",
    from: "      copyTerm(message, runtime.maxDepth),\n",
    to: "      message,\n",
    tests: ["copies_test.ts"],
  },
  {
    name: "arguments for a node by its own name are not copied",
    file: "core/runtime/spawn_on_node.ts",
    from: "isLocal ? copyTerm(args, maxDepth) as unknown[] : args,",
    to: "args,",
    tests: ["copies_test.ts"],
  },
  {
    name: "a request that waits for the look-up of its server is not copied",
    file: "otp/gen/server_ref.ts",
    from:
      "return located instanceof Promise\n    ? copyToSend(term, process.runtime.maxDepth) as T\n    : term;",
    to: "return term;",
    tests: ["copies_test.ts"],
  },
  {
    name: "the fields of an error do not count as a level in a copy",
    file: "core/values/term.ts",
    from: "term.fields = copyPlain(term.fields, left, max);",
    to: "term.fields = copyPlain(term.fields, left + 1, max);",
    tests: ["depth_test.ts"],
  },
  {
    name: "the fields of an error do not count as a level on the wire",
    file: "net/wires/json/json_values.ts",
    from: "this.#writeFields(fields, left)}`",
    to: "this.#writeFields(fields, left + 1)}`",
    tests: ["depth_test.ts"],
  },
  {
    name: "the depth of reasons is not checked",
    file: "net/wires/json/json_decoder.ts",
    from:
      "return this.#isDeep\n      ? checkDepth(value, this.#limits.maxDepth - REASON_LEVELS)\n      : value;",
    to: "return value;",
    tests: ["decoder_depth_test.ts"],
  },
  {
    name: "messages may be one level deeper than allowed",
    file: "net/wires/json/json_decoder.ts",
    from: "this.#isDeep ? checkDepth(value, this.#limits.maxDepth) : value",
    to: "this.#isDeep ? checkDepth(value, this.#limits.maxDepth + 1) : value",
    tests: ["decoder_depth_test.ts"],
  },
  {
    name: "a registry keeps the keys of processes that have unregistered them",
    file: "otp/registry/registry_table.ts",
    from: "    remove(this.#byProcess, entry.process.pid.number, entry);\n",
    to: "",
    tests: ["registry_memory_test.ts"],
  },
  {
    name: "a registry keeps the keys of processes that have exited",
    file: "otp/registry/registry_table.ts",
    from: "for (const entry of [...this.#byProcess.get(pid.number) ?? []]) {",
    to: "for (const entry of []) {",
    tests: ["registry_memory_test.ts"],
  },
  {
    name: "a process that joins twice is a member once",
    file: "otp/pg/pg_groups.ts",
    from: "else member.times++;",
    to: "else member.times += 0;",
    tests: ["pg_sync_test.ts"],
  },
  {
    name: "a member that leaves once loses all memberships",
    file: "otp/pg/pg_groups.ts",
    from: "if (--member.times === 0) this.#members.delete(key);",
    to: "this.#members.delete(key);",
    tests: ["pg_sync_test.ts"],
  },
  {
    name: "a past window of the log still suppresses events",
    file: "core/log/node_log.ts",
    from: "if (window === undefined || now >= window.until) {",
    to: "if (window === undefined) {",
    tests: ["log_limits_test.ts"],
  },
  {
    name: "the count of a full window is lost when the node stops",
    file: "core/log/node_log.ts",
    from: "      this.#forget(windows, Infinity);\n",
    to: "",
    tests: ["log_limits_test.ts"],
  },
  {
    name: "a node is introduced to itself",
    file: "net/introductions.ts",
    from: "each !== connection && !isHidden(each.peer)",
    to: "!isHidden(each.peer)",
    tests: ["introductions_test.ts"],
  },
  {
    name: "a hidden node introduces its peers",
    file: "net/network.ts",
    from: "return this.#options.hidden || peer.hidden;",
    to: "return peer.hidden;",
    tests: ["introductions_test.ts"],
  },
  {
    name: "the request of a call may be deeper than allowed",
    file: "net/wires/json/json_decoder.ts",
    from: "? checkDepth(request, this.#limits.maxDepth - 1)",
    to: "? checkDepth(request, this.#limits.maxDepth)",
    tests: ["decoder_depth_test.ts"],
  },
  {
    name: "a long plain array is no level on the wire",
    file: "net/wires/json/json_values.ts",
    from:
      "    if (Array.isArray(value)) {\n      if (left <= 0) throw tooDeep(this.#max);",
    to:
      "    if (Array.isArray(value)) {\n      if (left <= 0 && value.length < 500) throw tooDeep(this.#max);",
    tests: ["depth_test.ts"],
  },
  {
    name: "a group of pg may be as deep as a message",
    file: "otp/pg/pg_groups.ts",
    from: "return termKey(group, maxDepth - ENVELOPE);",
    to: "return termKey(group, maxDepth);",
    tests: ["pg_test.ts"],
  },
  {
    name: "a scope of pg retains groups without members",
    file: "otp/pg/pg_groups.ts",
    from: "    if (known.all.isEmpty) this.#groups.delete(id);\n",
    to: "",
    tests: ["groups_memory_test.ts"],
  },
  {
    name: "an alias for one reply accepts more",
    file: "otp/process/process.ts",
    from: 'options.reply ? "reply_demonitor" : "explicit_unalias"',
    to: '"explicit_unalias"',
    tests: ["simulation_calls_test.ts"],
  },
  {
    name: "the reply to a call leaves its monitor at the server's node",
    file: "core/processes/watchers.ts",
    from: "if (isCall) this.#drop(watcher);",
    to: "void isCall;",
    tests: ["answer_test.ts"],
  },
  {
    name: "the reply to any request ends its monitor at the server's node",
    file: "core/processes/watchers.ts",
    from: "?.isCall === true;",
    to: " !== undefined;",
    tests: ["answer_test.ts"],
  },
  {
    name: "a caller ends its monitor though an answer has ended it",
    file: DELIVERY,
    from: "process.forgetMonitor(alias, endedAt);",
    to: "void endedAt;",
    tests: ["answer_test.ts"],
  },
  {
    name: "an answer ends the monitor on a process of another node",
    file: PROCESS,
    from: "if (this.monitors?.get(number)?.node === node) this",
    to: 'if (node !== "") this',
    tests: ["answer_test.ts"],
  },
  {
    name: "a request that waits for a dial loses its brand",
    file: "core/values/term.ts",
    from:
      "value instanceof ServerMessage\n    ? value.kept(copyAny, maxDepth - 1, maxDepth)\n    : copyTerm(value, maxDepth)",
    to: "copyTerm(value, maxDepth)",
    tests: ["brand_test.ts"],
  },
  {
    name: "a user's reply makes no connection to the caller's node",
    file: PROCESS,
    from: "runtime.reply(runtime.route(node), this.pid, to, value);",
    to: "runtime.reply(runtime.back(node), this.pid, to, value);",
    tests: ["reply_test.ts"],
  },
  {
    name: "the caller of a call may have an alias of another node",
    file: "net/wires/json/json_values.ts",
    from: "if (to.isValid) return to;",
    to: "if (to instanceof ReplyTo) return to;",
    tests: ["protocol_vectors_test.ts"],
  },
  {
    name: "the monitor of a start stays on the Task.Supervisor",
    file: "otp/task/task_supervisor_server.ts",
    from: "this.#process.runtime.removeMonitor(this.#process, task);",
    to: "void task;",
    tests: ["answer_test.ts"],
  },
  // Erlang's wire, which the mixed runs use.
  {
    name: "beam: an unlink is not sent",
    file: "net/wires/beam/control_encoder.ts",
    from: "this.#unlink(control.DOP_UNLINK_ID, from, to, id);",
    to: "void id;",
    mixed: ["links"],
  },
  {
    name: "beam: a message to an alias is dropped",
    file: "net/wires/beam/control_encoder.ts",
    from: "if (this.#isGone(alias)) return undefined;",
    to: "if (alias !== undefined) return undefined;",
    mixed: ["signals"],
  },
  {
    name: "beam: the group leader of a process on a BEAM is not set",
    file: "net/wires/beam/control_encoder.ts",
    from: "this.#pair(control.DOP_GROUP_LEADER, leader, to);",
    to: "this.#pair(control.DOP_GROUP_LEADER, from, to);",
    mixed: ["leaders", "signals"],
  },
  {
    name: "beam: a function keeps its case",
    file: "core/values/beam_names.ts",
    from: "(c) => `_${c.toLowerCase()}`",
    to: "(c) => c",
    mixed: ["links"],
  },
  {
    name: "beam: an exit signal is one over a link",
    file: "net/wires/beam/control_encoder.ts",
    from: "this.#pair(control.DOP_PAYLOAD_EXIT2, from, to);",
    to: "this.#pair(control.DOP_PAYLOAD_EXIT, from, to);",
    mixed: ["exits"],
  },
  {
    name: "beam: a call of a BEAM is answered with the bare alias",
    file: "net/wires/beam/control_encoder.ts",
    from: "message.aliasTag(to.alias!);",
    to: "message.ref(to.alias!);",
    mixed: ["task_supervisor"],
  },
  {
    name: "beam: a supervisor is asked to start a dynamic child",
    file: "otp/supervisor/supervisor_otp.ts",
    from: "(isNamed ? specToOtp : childToOtp)",
    to: "(isNamed ? childToOtp : specToOtp)",
    mixed: ["supervisor", "dynamic_supervisor"],
  },
  {
    name: "beam: a process on a BEAM is started without its monitor",
    file: "net/wires/beam/control_encoder.ts",
    from: 'if (monitor) options.push("monitor");',
    to: "void monitor;",
    mixed: ["spawn"],
  },
  {
    name: "partition: a negative key has no partition",
    file: "otp/supervisor/partition_table.ts",
    from: "Math.abs(key as number)",
    to: "key as number",
    areas: ["partition_supervisor"],
  },
  {
    name: "partition: a restarted partition keeps its former pid",
    file: "otp/supervisor/partition_table.ts",
    from: "this.#pids[partition] = pid;",
    to: "this.#pids[partition] ??= pid;",
    areas: ["partition_supervisor"],
  },
  {
    name: "partition: calls of resize run at once",
    file: "otp/supervisor/partition_table.ts",
    from: "const result = this.#resized.then(fn);",
    to: "const result = fn();",
    tests: ["partition_supervisor_test.ts"],
  },
  {
    name: "cancellation: an aborted call keeps its monitor and alias",
    file: "core/processes/pending_answer.ts",
    from: "    this.cancel();\n    super.aborted(reason);",
    to: "    super.aborted(reason);",
    tests: ["cancellation_test.ts"],
  },
  {
    name: "cancellation: a listener outlives its wait",
    file: "core/scheduling/abort_watch.ts",
    from: "return { cancel: () => watch.delete(waiting) };",
    to: "return { cancel: () => {} };",
    tests: ["cancellation_test.ts"],
  },
  {
    name: "cancellation: a task that starts after the abort goes on",
    file: "otp/task/task_state.ts",
    from: "    this.#end(pid);\n    this.close();",
    to: "    this.close();",
    tests: ["cancellation_test.ts"],
  },
  {
    name: "cancellation: a cancelled task ends its owner",
    file: "otp/task/task_state.ts",
    from: "owner.unlink(pid);",
    to: "",
    tests: ["cancellation_test.ts"],
  },
  {
    name: "cancellation: a lookup goes on after the abort",
    file: "otp/gen/cancellation.ts",
    from: "pending.limit(timeout, signal);",
    to: "pending.limit(timeout);",
    tests: ["cancellation_test.ts"],
  },
  {
    name: "global: a registration whose caller has given up stays",
    file: "otp/global/global_worker.ts",
    from: "unwanted.push(this.#takeBack(change, servers, answers[i]));",
    to: "",
    tests: ["global_test.ts"],
  },
  {
    name: "global: a lock whose caller has given up stays",
    file: "otp/global/global_client.ts",
    from: "    taken.giveUp();\n",
    to: "",
    tests: ["global_test.ts"],
  },
];
