/**
 * Hands shards over to other nodes: those that placement gives to others, a few at a time, and all when the node drains.
 *
 * For each shard: the receiver agrees; running methods end, and no other begins; the entities store what is left and
 * end; the store changes the owner; the receiver and all other nodes are told. Callers hold their calls meanwhile.
 *
 * The change of the owner is asked for until the answer is certain, always for the same receiver. A late change would
 * take a shard from an owner that serves again. It is certain that a shard stays if the receiver has been
 * removed from the store: its id does not come back. If the store answers that the receiver does not have it, that may be
 * so, or the receiver has already given it to a third node, after an answer that was lost. So a shard opens again only if
 * the store still has this node as its owner.
 *
 * @module
 */

import { GenServer } from "@otp/servers/gen_server/gen_server";
import { Node } from "@otp/node/node";
import { type Pid, Process } from "@otp/processes/process";
import type { EntityNode, KnownNode } from "./entity_node.ts";
import type { OwnedShard } from "./owned_shard.ts";
import type { StoreShard } from "./store.ts";

/** The time in which a receiver agrees, in milliseconds. */
const AGREE_TIMEOUT = 2000;

/** The time in which other nodes confirm that this node has left, in milliseconds. */
const CONFIRM_TIMEOUT = 5000;

/** The pause before a change of the owner is asked for again, in milliseconds. */
const PAUSE = 50;

/** Hands shards over. */
export class Mover {
  readonly #node: EntityNode;
  readonly #drained = Promise.withResolvers<void>();

  constructor(node: EntityNode) {
    this.#node = node;
  }

  /** Resolves when the node has given all shards away, and left. */
  get drained(): Promise<void> {
    return this.#drained.promise;
  }

  /** Works for ever: the code of a process of its own. */
  async run(): Promise<void> {
    const { changes, lease, runtime } = this.#node;
    while (!this.#node.isOver) {
      if (lease.isValid) {
        const moves = [...this.#node.misplaced()];
        await Promise.all(moves.map(([id, shards]) => this.#move(id, shards)));
        if (this.#node.isDraining && this.#isEmpty()) {
          await this.#endEntities();
          return await this.#leave();
        }
      } else if (this.#node.isDraining && lease.id === undefined) {
        // It is not in the store, and stays out.
        return await this.#leave();
      }
      // A drain goes on at once, as long as something moves.
      if (!this.#node.isDraining || !this.#hasMoved) {
        await changes.waitFor(runtime, lease.interval);
      }
      this.#hasMoved = false;
    }
  }

  #hasMoved = false;

  /** Whether nothing is left, or no other node can have it. */
  #isEmpty(): boolean {
    return [...this.#node.owned.values()].every(({ definition }) =>
      this.#node.candidates(definition.name).length === 0
    );
  }

  /** Ends the entities that no other node can have; they store what is left. */
  async #endEntities(): Promise<void> {
    const shards = [...this.#node.owned.values()];
    for (const shard of shards) shard.state = "moving";
    await Promise.all(shards.map((shard) => this.#empty(shard)));
  }

  async #move(id: string, shards: OwnedShard[]): Promise<void> {
    const receiver = this.#node.nodes.get(id);
    if (receiver === undefined || !await this.#agrees(receiver)) return;
    let ready: OwnedShard[] = [];
    const open = new Set(shards);
    const { changes } = this.#node;
    for (const shard of shards) {
      if (shard.state !== "open") {
        open.delete(shard);
        continue;
      }
      shard.state = "moving";
      this.#empty(shard).then(() => {
        open.delete(shard);
        ready.push(shard);
        changes.notify();
      });
    }
    changes.notify();
    while (open.size > 0 || ready.length > 0) {
      if (ready.length === 0) {
        await changes.wait();
        continue;
      }
      const batch = ready;
      ready = [];
      await this.#give(receiver, batch);
    }
  }

  async #agrees({ id, name }: KnownNode): Promise<boolean> {
    try {
      const server = { name: this.#node.settings.name, node: name };
      return await GenServer.call(server, ["accept", id], {
        timeout: AGREE_TIMEOUT,
      }) === "ok";
    } catch {
      return false;
    }
  }

  /** Resolves when a shard has no entities in memory. */
  async #empty(shard: OwnedShard): Promise<void> {
    const told = new Set<Promise<Pid>>();
    while (shard.entities.size > 0 && shard.state !== "closed") {
      for (const { starting } of shard.entities.values()) {
        if (told.has(starting)) continue;
        told.add(starting);
        const pid = await starting;
        if (this.#node.isOver) return;
        this.#node.tell(pid, "close");
      }
      if (shard.entities.size > 0) await shard.ended.wait();
    }
  }

  /** Changes the owner of shards, until that is certain. */
  async #give(receiver: KnownNode, shards: OwnedShard[]): Promise<void> {
    const { store, lease, runtime } = this.#node;
    for (;;) {
      const moving = shards.filter(({ state }) => state === "moving");
      const { id } = lease;
      if (moving.length === 0 || id === undefined) return;
      const askedAt = runtime.clock.now();
      try {
        const given = await this.#node.ask(() =>
          store.give(
            id,
            receiver.id,
            moving.map(({ id: shard, epoch }) => ({ shard, epoch })),
          )
        );
        const rows = given.map(({ shard, epoch }): StoreShard => ({
          id: shard,
          owner: receiver.id,
          epoch,
        }));
        // A shard that was not given is another node's, or the receiver is gone: the store says which.
        const others = rows.length === moving.length
          ? []
          : (await this.#node.ask(() => store.view())).shards;
        for (const row of [...rows, ...others]) {
          this.#node.learn(row, askedAt);
        }
        for (const shard of moving) {
          if (shard.state === "moving") shard.state = "open";
        }
        this.#hasMoved = rows.length > 0;
        this.#announce(receiver, rows);
        this.#node.changes.notify();
        return;
      } catch {
        await Process.sleep(PAUSE);
      }
    }
  }

  #announce({ name: receiver }: KnownNode, rows: StoreShard[]): void {
    const nodes = [...new Set([receiver, ...Node.list()])];
    GenServer.multiCall(this.#node.settings.name, ["moved", rows], {
      nodes,
      timeout: CONFIRM_TIMEOUT,
    }).catch(() => {});
  }

  /** Leaves the store, once no call to this node is under way. */
  async #leave(): Promise<void> {
    const { store, lease, settings: { name } } = this.#node;
    const { id } = lease;
    if (id !== undefined) {
      // Signals between two nodes arrive in order: who has answered sends no more calls here.
      await GenServer.multiCall(name, ["left", id], {
        nodes: Node.list(),
        timeout: CONFIRM_TIMEOUT,
      });
      this.#node.closeAll();
      try {
        await this.#node.ask(() => store.remove(id));
      } catch {
        // Others remove it when its lease is over.
      }
    }
    this.#drained.resolve();
  }
}
