/**
 * Errors in the fence, the lease, the output gate and the hand-over of entities, and in the exchange of presence, which
 * their random lives or exact tests must find.
 *
 * `deno task mutants --planted` plants each in a copy of the library; `--kept` those that the first lives find. Checks that
 * stand for each other, at the beginning and at the end of a method, are planted together: each alone has no visible
 * effect.
 */

/** A planted error: edits of one file. */
export interface PlantedError {
  name: string;
  file: string;
  /** Whether the first lives find it, so that CI plants it each time. */
  isQuick?: true;
  /** Texts that the file has once, and what replaces each. */
  edits: readonly [from: string, to: string][];
  /**
   * The tests that find it.
   *
   * @default {FINDERS}
   */
  tests?: readonly string[];
}

const PRESENCE = [
  "tests/channels/presence_test.ts",
  "tests/channels/simulation_presence_test.ts",
];

const JUDGES = ["tests/judges/proper_test.ts"];

/** The tests that find them: the random lives, then exact tests. */
export const FINDERS: readonly string[] = [
  "tests/entities/simulation_rules_test.ts",
  "tests/entities/simulation_entities_test.ts",
  "tests/entities/moves_test.ts",
  "tests/entities/options_test.ts",
  "tests/entities/log_test.ts",
  "tests/entities/one_write_test.ts",
  "tests/entities/store_goes_back_test.ts",
  "tests/entities/simulation_runs_test.ts",
  "tests/entities/runs_test.ts",
  "tests/entities/reads_test.ts",
  "tests/entities/sql_test.ts",
];

/** The errors. */
export const PLANTED: readonly PlantedError[] = [
  {
    name: "a lower beat of its own says nothing to a node",
    file: "packages/entities/keeper.ts",
    edits: [["|| beat! <= this.#beat", "|| false"]],
  },
  {
    name: "a timeline of the store's that changes says nothing to a node",
    file: "packages/entities/entity_node.ts",
    edits: [["if (this.#timeline !== timeline) {", "if (!this.#timeline) {"]],
  },
  {
    name: "the store ignores the owner and the epoch of a write",
    file: "packages/entities/memory_store.ts",
    edits: [[
      "shard?.owner !== owner || shard.epoch !== write.epoch",
      "shard === undefined",
    ]],
  },
  {
    name: "the store ignores the version of a write",
    file: "packages/entities/memory_store.ts",
    edits: [[
      "row === undefined || row.version === write.version - 1",
      "true",
    ]],
  },
  {
    name: "a repeated write is a conflict",
    file: "packages/entities/memory_store.ts",
    edits: [["isWritten && row.epoch === write.epoch", "false"]],
  },
  {
    name: "a node is removed although it has renewed",
    file: "packages/entities/memory_store.ts",
    edits: [["(beat === undefined || node.beat === beat)", "true"]],
  },
  {
    name: "a claim keeps the epoch",
    isQuick: true,
    file: "packages/entities/memory_store.ts",
    edits: [[
      "this.#shards.set(shard, { id: shard, owner: id, epoch: epoch + 1 });",
      "this.#shards.set(shard, { id: shard, owner: id, epoch: Math.max(1, epoch) });",
    ]],
  },
  {
    name: "the lease is counted from the answer",
    file: "packages/entities/keeper.ts",
    edits: [[
      "lease.renew(sentAt, wallAt);",
      "lease.renew(runtime.clock.now() + 600, runtime.clock.wall() + 600);",
    ]],
  },
  {
    name: "a node serves beyond its lease",
    file: "packages/entities/lease.ts",
    edits: [
      [
        "return this.#now < this.#until &&",
        "return this.id !== undefined ||",
      ],
    ],
  },
  {
    name: "a node is dead too early",
    file: "packages/entities/lease.ts",
    edits: [["const DEAD = 3 / 4;", "const DEAD = 1 / 4;"]],
  },
  {
    name: "the store's clock and not the watcher's decides",
    file: "packages/entities/entity_node.ts",
    edits: [[
      "now - since >= patienceWith(info.lease)",
      "this.now() - 1e12 - since >= patienceWith(info.lease)",
    ]],
  },
  {
    name: "a result does not wait for its write",
    isQuick: true,
    file: "packages/entities/entity_server.ts",
    edits: [[
      "if (waits && !await this.#store(this.#isStateBehind, {}, isBefore)) {",
      "if (waits && (void this.#store().catch(() => {}), false)) {",
    ]],
  },
  {
    name: "a refused write counts as stored",
    file: "packages/entities/entity_server.ts",
    edits: [['if (result !== "stored") return false;', ""]],
  },
  {
    name: "nothing asks for the lease when a method begins or ends",
    file: "packages/entities/entity_server.ts",
    edits: [[
      'return this.#shard.state !== "closed" && this.#home.lease.isValid;',
      'return this.#shard.state !== "closed";',
    ], [
      'return this.#home.lease.isValid ? undefined : ["no_store"];',
      "return undefined;",
    ]],
  },
  {
    name: "a crash keeps the changes",
    file: "packages/entities/entity_server.ts",
    edits: [[
      'return { ...this.#crash(error), reply: ["crashed", error] };',
      'return this.#reply(["crashed", error]);',
    ]],
  },
  {
    name: "a request id is not remembered",
    file: "packages/entities/remembered_ids.ts",
    edits: [[
      "this.#replies.set(id, this.#remember.for > 0 ? [reply, now] : [reply]);",
      "void reply;",
    ]],
  },
  {
    name: "an uncertain call is repeated",
    file: "packages/entities/caller.ts",
    edits: [[
      "? !this.#mayRepeat || this.#left <= 0",
      "? this.#left <= 0",
    ]],
  },
  {
    name: "an uncertain call has not run",
    file: "packages/entities/caller.ts",
    edits: [["this.#mayHaveRun ||= mayHaveRun && !this.#isRead;", ""]],
  },
  {
    name: "a call whose first attempt is lost has not run",
    file: "packages/entities/caller.ts",
    edits: [["unanswered(this.#entity, reason, this.#timeout)", '["moved"]']],
  },
  {
    name: "a shard is handed over while its entities are in memory",
    file: "packages/entities/mover.ts",
    edits: [['shard.entities.size > 0 && shard.state !== "closed"', "false"]],
  },
  {
    name: "a hand-over that failed is given up",
    file: "packages/entities/mover.ts",
    edits: [[
      "await Process.sleep(PAUSE);",
      'for (const shard of moving) shard.state = "open";\n        return;',
    ]],
  },
  {
    name: "old news of a shard counts",
    file: "packages/entities/entity_node.ts",
    edits: [["known.epoch > epoch && known.at >= askedAt", "false"]],
  },
  {
    name: "a lost shard stays open",
    file: "packages/entities/entity_node.ts",
    edits: [['shard.state = "closed";', ""]],
  },
  {
    name: "nobody takes the shards of the dead",
    isQuick: true,
    file: "packages/entities/keeper.ts",
    edits: [[
      "if (this.#node.isHost) await this.#claim();",
      "if (this.#node.table.size === 0) await this.#claim();",
    ]],
  },
  {
    name: "a remembered reply is the state itself",
    file: "packages/entities/remembered_ids.ts",
    edits: [["structuredClone(value)", "value"]],
  },
  {
    name: "a write whose answer is lost counts as stored",
    file: "packages/entities/writer.ts",
    edits: [[
      "return open.length > 1 ? open : open.filter((pending) => {",
      'return open.filter((pending) => {\n        this.#settle(pending, "stored");\n        return false;',
    ]],
  },
  {
    name: "a refusal does not wait for the write of what it has seen",
    file: "packages/entities/entity_server.ts",
    edits: [[
      'return this.#replyTo(from, ["refused", error.message, error.data]);',
      'return this.#reply(["refused", error.message, error.data]);',
    ]],
  },
  {
    name: "a held answer is what later calls have made of it",
    file: "packages/entities/entity_server.ts",
    edits: [[
      "return copyTerm(reply, this.#home.runtime.maxDepth) as EntityReply;",
      "return reply;",
    ]],
  },
  {
    name: "the write of before has events of a method that awaits",
    file: "packages/entities/entity_server.ts",
    edits: [["isBefore ? this.#textBefore : this.#text", "this.#text"]],
  },
  {
    name: "a call that throws is stored with the calls before it",
    file: "packages/entities/entity_server.ts",
    edits: [["? this.#settle(true, true)", "? this.#settle(true)"]],
  },
  {
    name: "a refusal undoes the calls before it",
    file: "packages/entities/entity_server.ts",
    edits: [[
      "this.#textBefore = this.#text;",
      "if (this.#held.size === 0) this.#textBefore = this.#text;",
    ]],
  },
  {
    name: "a write has the alarms of before its last call",
    file: "packages/entities/entity_server.ts",
    edits: [[
      "const { alarms } = isBefore ? this.#before : draft;",
      "const { alarms } = this.#before;",
    ]],
  },
  {
    name: "the id of a call that cannot be stored is stored",
    file: "packages/entities/entity_server.ts",
    edits: [[
      "if (id !== undefined) this.#draft.isDirty = true;",
      "if (id !== undefined) this.#requests.add(id, answer, this.#home.now());",
    ]],
  },
  {
    name: "answers wait for a write without a bound",
    file: "packages/entities/held_answers.ts",
    edits: [[
      "this.#all.push(answer) >= MOST_HELD.calls",
      "this.#all.push(answer) < 0",
    ]],
  },
  {
    name: "a broadcast does not wait for its write",
    file: "packages/entities/entity_server.ts",
    edits: [[
      "if (waits && !await this.#store(this.#isStateBehind, {}, isBefore)) {",
      "for (const { outbox } of held) this.#sendBroadcasts(outbox);\n      this.#sendBroadcasts(this.#draft.outbox.splice(0));\n      if (waits && !await this.#store(this.#isStateBehind, {}, isBefore)) {",
    ]],
  },
  {
    name: "a call that refuses keeps its broadcasts",
    file: "packages/entities/entity_server.ts",
    edits: [["isDeleting: false,\n      outbox: [],", "isDeleting: false,"]],
  },
  {
    name: "a subscriber is not told of a gap",
    file: "packages/entities/subscription.ts",
    edits: [['this.#send({ event: "gap", number });', ""]],
  },
  {
    name: "an alarm is forgotten before it has run",
    file: "packages/entities/entity_server.ts",
    edits: [[
      "let result = await this.#run(",
      "await this.#store();\n    let result = await this.#run(",
    ]],
  },
  {
    name: "broadcasts of another process are counted on",
    file: "packages/entities/subscription.ts",
    edits: [[
      "this.#entity?.equals(entity) === false",
      "false",
    ]],
  },
  {
    name: "a deletion does not wait for its write",
    isQuick: true,
    file: "packages/entities/entity_server.ts",
    edits: [[
      "this.#isBehind = this.#isStateBehind = true;\n      return this.#finishLater(value, true);",
      "void this.#store().catch(() => {});\n      return this.#finishLater(value, false);",
    ]],
  },
  {
    name: "a deletion removes the alarm only",
    file: "packages/entities/entity_server.ts",
    edits: [[
      'if (isLast) return { body: "", due: null };',
      "if (isLast) return { body: this.#body(), due: null };",
    ]],
  },
  {
    name: "what any node says of a shard counts",
    file: "packages/entities/entity_node.ts",
    edits: [["nodeOf(known.owner) === sender", "sender !== undefined"]],
  },
  {
    name: "a false word of a hand-over stays",
    file: "packages/entities/entity_node.ts",
    edits: [[
      "known.epoch > epoch && known.at >= askedAt",
      "known.epoch > epoch",
    ]],
  },
  {
    name: "the log: the store ignores numbers",
    file: "packages/entities/memory_store.ts",
    edits: [[
      "if (events[0].number === 1 + (rows.at(-1)?.number ?? 0)) return true;",
      "if (events.length > 0) return true;",
    ], [
      "if (first !== 1 + (rows.at(-1)?.number ?? 0)) return;",
      "",
    ]],
  },
  {
    name: "the log: numbers are given again after a deletion",
    file: "packages/entities/memory_store.ts",
    edits: [[
      'if (last) this.#logs.set(id, new Map([["", [{ ...last, body: "" }]]]));',
      "",
    ]],
  },
  {
    name: "the log: a call that refuses keeps its events",
    file: "packages/entities/entity_server.ts",
    edits: [["this.#log?.undo();", ""]],
  },
  {
    name: "the log: events are sent before their write",
    file: "packages/entities/entity_server.ts",
    edits: [[
      "const result = await this.#home.writer.write(this.#shard, {",
      "this.#sendEvents(events.flatMap(({ events }) => [...events]));\n    const result = await this.#home.writer.write(this.#shard, {",
    ]],
  },
  {
    name: "the log: events of another owner begin where those of before ended",
    file: "packages/entities/log_reader.ts",
    edits: [["if (last !== this.#last) this.#forget(last);", ""]],
  },
  {
    name: "the log: a follower that is behind goes on with the recent events",
    file: "packages/entities/log_reader.ts",
    edits: [["return number + 1 < first", "return false"]],
  },
  {
    name: "the log: a follower is not told that events are kept no more",
    file: "packages/entities/log_reader.ts",
    edits: [["number + 1 < part.first || isBeyond || isOther", "false"]],
  },
  {
    name:
      "the log: the state is not stored with what a method changes by itself",
    file: "packages/entities/entity_server.ts",
    edits: [["hasState ||= !this.#isStored;", "hasState = !this.#isStored;"]],
  },
  {
    name: "sql: a call that refuses keeps its statements",
    file: "packages/entities/entity_server.ts",
    edits: [["outbox: [],\n      statements: [],", "outbox: [],"]],
  },
  {
    name: "sql: the statements of a repeated write run again",
    file: "packages/entities/memory_store.ts",
    edits: [["isAsBefore ? [] : statements", "statements"]],
  },
  {
    name: "sql: a statement runs with each later state too",
    file: "packages/entities/entity_server.ts",
    edits: [[
      "if (!isBefore) draft.statements = [];",
      "",
    ]],
  },
  {
    name: "durable: a step begins before the segment before it is stored",
    isQuick: true,
    file: "packages/entities/runs.ts",
    edits: [[
      "const isRow = this.#isRowOld(open);\n    if (",
      "const isRow = this.#isRowOld(open);\n    for (const op of run.open) if (!op.hasBegun) this.#begin(open, op);\n    if (",
    ]],
  },
  {
    name: "durable: a replay changes the state again",
    file: "packages/entities/run.ts",
    edits: [[
      "segment.state ??= this.#stateOf(segment.replayed);",
      "segment.state ??= { value: this.#entity.room.state };",
    ]],
  },
  {
    name: "durable: a replay sees the state of now",
    file: "packages/entities/run.ts",
    edits: [[
      "if (s !== undefined) return { value: structuredClone(s) };",
      "",
    ]],
  },
  {
    name: "durable: a replay has the time of now",
    file: "packages/entities/run.ts",
    edits: [[
      "    const segment: Segment = {\n      at,\n      replayed: { s, r },",
      "    const segment: Segment = {\n      at: this.#entity.room.now(),\n      replayed: { s, r },",
    ]],
  },
  {
    name: "durable: an active run is not due",
    file: "packages/entities/runs.ts",
    edits: [["return before <= now ? before : 0;", "return null;"]],
  },
  {
    name: "durable: a read row loses its moment",
    file: "packages/entities/runs.ts",
    edits: [[
      "if (run === undefined && news.length === 0) return stored!.wake;",
      "",
    ]],
  },
  {
    name: "durable: failures of a step are forgotten with its owner",
    file: "packages/entities/runs.ts",
    edits: [["op.failures = f;", "op.failures = 0;"]],
  },
  {
    name: "durable: a failed segment counts",
    file: "packages/entities/runs.ts",
    edits: [[
      "const run = open.run!;\n    this.#home.undo();",
      "const run = open.run!;",
    ]],
  },
  {
    name: "durable: an event for a waiting run does not make it due",
    file: "packages/entities/runs.ts",
    edits: [["isRow ||= this.#isRowOld(open);", ""]],
  },
  {
    name: "durable: an event answers two waits",
    file: "packages/entities/run.ts",
    edits: [[
      "if (number !== undefined) this.#got.set(op.name, number);",
      "",
    ]],
  },
  {
    name: "durable: a retry begins after the step that has failed",
    file: "packages/entities/journal.ts",
    edits: [["return failed === -1 ?", "return failed !== -2 ?"]],
  },
  {
    name: "durable: a drain does not wait for steps",
    file: "packages/entities/entity_server.ts",
    edits: [[
      'this.#shard.state === "closed" || !this.#runs?.close();',
      'this.#shard.state === "closed" || !this.#runs?.close() || true;',
    ]],
  },
  {
    name: "durable: the call of before is not remembered",
    file: "packages/entities/entity_server.ts",
    edits: [[
      "this.#requests.add(id, run, this.#home.now());",
      "",
    ]],
  },
  {
    name: "reads: a read sees a state whose write was not accepted",
    file: "packages/entities/entity_server.ts",
    edits: [["state: this.#accepted!.state,", "state: this.#draft.state,"]],
  },
  {
    name: "reads: a state is shown before its write was accepted",
    file: "packages/entities/entity_server.ts",
    edits: [[
      "const result = await this.#home.writer.write(this.#shard, {",
      "this.#accepted?.accept(text);\n    const result = await this.#home.writer.write(this.#shard, {",
    ]],
  },
  {
    name: "reads: a read changes the state",
    file: "packages/entities/reads.ts",
    edits: [["return Object.freeze(value);", "return value;"]],
  },
  {
    name: "sql: a repeated write runs its statements again",
    file: "packages/entities/sqlite_store.ts",
    edits: [['result === "stored" && !isThere', 'result === "stored"']],
  },
  {
    name: "sql: a refused write runs its statements",
    file: "packages/entities/sqlite_store.ts",
    edits: [['result === "stored" && !isThere', "!isThere"]],
  },
  {
    name: "sql: a statement that fails leaves the state",
    file: "packages/entities/sqlite_store.ts",
    edits: [['db.exec("ROLLBACK TO statements");', ""]],
  },
  {
    name: "presence: a lost node keeps its entries",
    isQuick: true,
    file: "packages/channels/presence_peers.ts",
    tests: PRESENCE,
    edits: [[
      "this.#peers.delete(node);\n      this.#table.lose(node);",
      "this.#peers.delete(node);",
    ]],
  },
  {
    name: "presence: a peer that does not read is not sent its entries later",
    file: "packages/channels/presence_peers.ts",
    tests: PRESENCE,
    edits: [["if (peer.isBehind) this.#tellAllOf(peer);", ""]],
  },
  {
    name: "presence: an entry outlives its process",
    file: "packages/channels/presence_table.ts",
    tests: PRESENCE,
    edits: [["if (this.#exits.length > 1) return;", "return;"]],
  },
  {
    name: "presence: an entry that comes back leaves nevertheless",
    file: "packages/channels/presence_table.ts",
    tests: PRESENCE,
    edits: [[
      "if (refs.has(entry.ref)) this.#release(entry);",
      "if (refs.has(entry.ref)) continue;",
    ]],
  },
  {
    name: "presence: an entry that left meanwhile stays",
    file: "packages/channels/presence_table.ts",
    tests: PRESENCE,
    edits: [["else if (entry.hold === undefined) leaves.push(entry);", ""]],
  },
  {
    name: "presence: an entry joins twice",
    file: "packages/channels/presence_peers.ts",
    tests: PRESENCE,
    edits: [[
      ".filter(([, , ref]) => this.#table.find(node, ref) === undefined)",
      "",
    ]],
  },
  {
    name: "presence: an entry leaves that nobody has seen",
    file: "packages/channels/presence_table.ts",
    tests: PRESENCE,
    edits: [[
      "if (!joins.delete(entry)) leaves.add(entry);",
      "joins.delete(entry);\n    leaves.add(entry);",
    ]],
  },
  {
    name: "presence: a state has what the next diff adds",
    file: "packages/channels/presence_table.ts",
    tests: PRESENCE,
    edits: [[".filter((entry) => !joins.has(entry))", ""]],
  },
  {
    name: "presence: an update keeps the entry before",
    file: "packages/channels/presence_table.ts",
    tests: PRESENCE,
    edits: [["before === undefined ? [] : [before], false", "[], false"]],
  },
  {
    name: "presence: a server that exits keeps the entries of others",
    file: "packages/channels/presence_peers.ts",
    tests: PRESENCE,
    edits: [["for (const node of this.#peers.keys()) table.lose(node);", ""]],
  },
  {
    name: "presence: entries are held for too long",
    file: "packages/channels/presence_table.ts",
    tests: PRESENCE,
    edits: [["grace = 500;", "grace = 5000;"]],
  },
  {
    name: "judges: other nodes do not hear that a process leaves a group",
    file: "packages/node/pg/pg_scope.ts",
    tests: JUDGES,
    edits: [[
      'this.#peers.tellAll({ type: "leave", groups: [group], pids });',
      "",
    ]],
  },
  {
    name: "judges: a process that exits takes its joins along only once",
    file: "packages/node/pg/pg_groups.ts",
    tests: JUDGES,
    edits: [[
      'if (where === "local") known.local.takeAll(pids);',
      'if (where === "local") known.local.takeAll(pids.slice(1));',
    ]],
  },
  {
    name: "judges: the DOWN of a monitor from another node is lost",
    file: "packages/processes/process/deaths.ts",
    tests: JUDGES,
    edits: [[
      "removeFromIndex(watcher);\n      sendDown(process, watcher, reason);",
      "removeFromIndex(watcher);",
    ]],
  },
  {
    name: "judges: the refusal of a global name is not heard",
    file: "packages/cluster/global/global_worker.ts",
    tests: JUDGES,
    edits: [
      [" || isNew && !this.#isFree(entry)", ""],
      [
        'const isTaken = answers.includes("taken") ||\n      isNew',
        "const isTaken = isNew",
      ],
    ],
  },
];
