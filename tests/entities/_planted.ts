/** Errors that the lives must find: each is planted in a copy of the library. */

/** A planted error. */
export interface Planted {
  name: string;
  file: string;
  from: string;
  to: string;
}

/** The errors, in the fence, the lease, the output gate and the hand-over. */
export const PLANTED: readonly Planted[] = [
  {
    name: "the store ignores the owner and the epoch of a write",
    file: "memory_store.ts",
    from: "shard?.owner !== owner || shard.epoch !== write.epoch",
    to: "shard === undefined",
  },
  {
    name: "the store ignores the version of a write",
    file: "memory_store.ts",
    from: "(row?.version ?? 0) !== write.version - 1",
    to: "false",
  },
  {
    name: "a repeated write is a conflict",
    file: "memory_store.ts",
    from: "row.epoch === write.epoch && row.body === write.body",
    to: "false",
  },
  {
    name: "a node is removed although it has renewed",
    file: "memory_store.ts",
    from: "(beat === undefined || node.beat === beat)",
    to: "true",
  },
  {
    name: "a claim keeps the epoch",
    file: "memory_store.ts",
    from:
      "this.#shards.set(shard, { id: shard, owner: id, epoch: epoch + 1 });",
    to:
      "this.#shards.set(shard, { id: shard, owner: id, epoch: Math.max(1, epoch) });",
  },
  {
    name: "the lease is counted from the answer",
    file: "keeper.ts",
    from: "lease.renew(sentAt, wallAt);",
    to: "lease.renew(runtime.now() + 600, wallAt);",
  },
  {
    name: "a node serves beyond its lease",
    file: "lease.ts",
    from: "return this.#runtime.now() < this.#until &&",
    to: "return this.id !== undefined &&",
  },
  {
    name: "a node is dead too early",
    file: "lease.ts",
    from: "const DEAD = 3 / 4;",
    to: "const DEAD = 1 / 4;",
  },
  {
    name: "the store's clock and not the watcher's decides",
    file: "entity_node.ts",
    from: "const before = this.runtime.now() - this.lease.patience;",
    to: "const before = this.now() - 1e12 - this.lease.patience;",
  },
  {
    name: "a result does not wait for its write",
    file: "entity_server.ts",
    from: "if (waits && !await this.#store()) {",
    to: "if (waits && (void this.#store(), false)) {",
  },
  {
    name: "a refused write counts as stored",
    file: "entity_server.ts",
    from: 'return result === "stored";',
    to: "return true;",
  },
  {
    name: "a read leaves although the lease is over",
    file: "entity_server.ts",
    from: 'return this.#shard.state !== "closed" && this.#home.lease.isValid;',
    to: "return true;",
  },
  {
    name: "a method begins although the shard is closed",
    file: "entity_server.ts",
    from: 'if (this.#shard.state !== "open") return ["moved"];',
    to: "",
  },
  {
    name: "an entity starts before a write of its key is certain",
    file: "entity_server.ts",
    from: "await this.#shard.writes.get(this.#key);",
    to: "",
  },
  {
    name: "a crash keeps the changes",
    file: "entity_server.ts",
    from: 'return this.#stopWith(error, ["crashed", error]);',
    to: 'return this.#reply(["crashed", error]);',
  },
  {
    name: "a request id is not remembered",
    file: "entity_server.ts",
    from: "this.#requests.set(id, value);\n    for",
    to: "for",
  },
  {
    name: "an uncertain call is repeated",
    file: "caller.ts",
    from: "return this.#mayRepeat && this.#left > 0",
    to: "return this.#left > 0",
  },
  {
    name: "an uncertain call has not run",
    file: "caller.ts",
    from: "this.#mayHaveRun = true;\n    return this.#mayRepeat",
    to: "return this.#mayRepeat",
  },
  {
    name: "a shard is handed over while its entities are in memory",
    file: "mover.ts",
    from: 'shard.entities.size > 0 && shard.state !== "closed"',
    to: "false",
  },
  {
    name: "a hand-over that failed is given up",
    file: "mover.ts",
    from: "await Process.sleep(PAUSE);",
    to: 'for (const shard of moving) shard.state = "open";\n        return;',
  },
  {
    name: "old news of a shard counts",
    file: "entity_node.ts",
    from: "if (known !== undefined && known.epoch > epoch) return;",
    to: "",
  },
  {
    name: "a lost shard stays open",
    file: "entity_node.ts",
    from: 'shard.state = "closed";',
    to: "",
  },
  {
    name: "nobody takes the shards of the dead",
    file: "keeper.ts",
    from: "if (this.#node.isHost) await this.#claim();",
    to: "if (this.#node.table.size === 0) await this.#claim();",
  },
];
