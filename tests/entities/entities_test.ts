/** Entities on one node: methods, states, errors, limits. */

import {
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  Entities,
  type EntitiesOptions,
  Entity,
  type EntityError,
  type EntityMessage,
  memoryStore,
} from "../../packages/entities/mod.ts";
import { GenServer } from "../../packages/servers/gen_server/gen_server.ts";
import { Process, receive } from "../../packages/processes/process.ts";
import { test } from "../../packages/testing/tags.ts";
import { failureOf } from "./_clusters.ts";

const Room = Entity.define("room", {
  state: () => ({ members: [] as string[] }),
  join(room, user: string) {
    room.state.members.push(user);
    return room.state.members.length;
  },
  members: (room) => room.state.members,
  clear: (room) => void (room.state = { members: [] }),
  fence: (room) => room.fence,
  full(room) {
    room.state.members.push("one too many");
    room.refuse("the room is full", { max: 1 });
  },
  crash(room) {
    room.state.members.push("lost");
    throw new RangeError("out of chairs");
  },
  leave(room) {
    room.stop();
    return room.state.members.length;
  },
}, { maxRestarts: 1 });

const Bell = Entity.define("bell", {
  state: () => ({ heard: [] as unknown[], anything: null as unknown }),
  ring: (bell, sound: string) => bell.broadcast(sound),
  set: (bell, at: number, sound: string) => bell.alarm(at, sound),
  alarm(bell, sound) {
    bell.state.heard.push(sound);
    void Bell.get("other").ring(String(sound));
  },
  heard: (bell) => bell.state.heard,
  put: (bell, anything: unknown) => void (bell.state.anything = anything),
});

async function withEntities(
  options: Partial<EntitiesOptions>,
  fn: () => Promise<void>,
): Promise<void> {
  const pid = await Entities.startLink({
    types: [Room],
    store: memoryStore(),
    ...options,
  });
  await fn();
  await GenServer.stop(pid);
}

test("Entity.get() calls methods one at a time, with the state of the key", () =>
  withEntities({}, async () => {
    assertEquals(
      await Promise.all(["a", "b"].map((user) => Room.get("r1").join(user))),
      [1, 2],
    );
    assertEquals(await Room.get("r2").join("c"), 1);
    assertEquals(await Room.get("r1").members(), ["a", "b"]);
    await Room.get("r2").clear();
    assertEquals(await Room.get("r2").members(), []);
    assertEquals(await Room.get("r1").fence(), 1);
  }));

test("Entity.get() refuses a key that a store could not keep", () => {
  Room.get("k".repeat(800));
  for (const key of ["", "k".repeat(801), "\0", "\ud800"]) {
    assertThrows(() => Room.get(key), TypeError, "a text of 1 to 800");
  }
});

test("an entity that calls itself gets an error at once", async () => {
  const Self = Entity.define("self", {
    state: () => 0,
    again: (it): Promise<unknown> =>
      Self.get(it.key, { id: "7", timeout: Infinity }).again(),
  });
  await withEntities({ types: [Self] }, async () => {
    const error = await failureOf(
      Self.get("a").again(),
      "an entity that calls itself would wait for itself",
    );
    assertEquals((error.cause as EntityError).mayHaveRun, false);
  });
});

test("room.refuse() undoes the changes, and the entity goes on", () =>
  withEntities({}, async () => {
    await Room.get("r1").join("a");
    const error = await failureOf(Room.get("r1").full());
    assertEquals([error.code, error.data], ["refused", { max: 1 }]);
    assertEquals(await Room.get("r1").members(), ["a"]);
  }));

test("room.delete() deletes the state, the alarm and the ids; the next call begins anew", async () => {
  const Note = Entity.define("note", {
    state: () => ({ lines: [] as string[] }),
    write(note, line: string) {
      note.state.lines.push(line);
      note.broadcast(line);
      return note.state.lines.length;
    },
    remind: (note) => note.alarm(note.now() + 3_600_000),
    alarm() {},
    drop(note) {
      note.delete();
      note.state.lines.push("after");
      return note.state.lines;
    },
    keep(note) {
      note.delete();
      note.refuse("no");
    },
  });
  const store = memoryStore();
  await withEntities({ types: [Note], store }, async () => {
    const note = Note.get("n1");
    const once = Note.get("n1", { id: "w1" });
    const relay = await note.subscribe();
    const heard = async () => {
      const { event, number } = await receive<EntityMessage>();
      return `${event} ${number}`;
    };
    assertEquals([await once.write("a"), await once.write("a")], [1, 1]);
    await note.remind();
    assertEquals(await heard(), "message 1");
    await failureOf(note.keep(), "no");
    const failed = await failureOf(Note.get("n1", { id: "w2" }).drop());
    assertStringIncludes(String(failed.cause), 'the id "w2"');
    // The relay has found the process that follows the crashed one; the deletion ends it.
    assertEquals(await heard(), "gap 0");
    assertEquals(await note.drop(), ["a", "after"]);
    const shards = (await store.view()).shards.map(({ id }) => id);
    assertEquals(await store.due(shards, Infinity, 1), []);
    assertEquals(await heard(), "gap 0");
    assertEquals([await once.write("b"), await note.write("c")], [1, 2]);
    assertEquals(await heard(), "message 1");
    assertEquals(await heard(), "message 2");
    Process.exit(relay, "shutdown");
    assertEquals(await note.drop(), ["b", "c", "after"]);
  });
  // Another start of the entities reads the deletion as no state.
  await withEntities({ types: [Note], store }, async () => {
    assertEquals(await Note.get("n1").write("d"), 1);
  });
});

test("a method that throws ends the process; the stored state stays; too many park the key", () =>
  withEntities({}, async () => {
    await Room.get("r1").join("a");
    const error = await failureOf(Room.get("r1").crash());
    assertEquals([error.code, error.mayHaveRun], ["crashed", false]);
    assertEquals((error.cause as Error).name, "RangeError");
    assertEquals(await Room.get("r1").members(), ["a"]);
    await failureOf(Room.get("r1").crash());
    const parked = await failureOf(Room.get("r1").members());
    assertEquals(parked.code, "parked");
    assertEquals((await Entities.info()).parked[0].key, "r1");
    assertEquals(await Entities.release("room", "r1"), true);
    assertEquals(await Room.get("r1").members(), ["a"]);
  }));

test("a call that waits behind one that throws runs in the next process", () => {
  const Slow = Entity.define("slow", {
    state: () => 0,
    async fail() {
      await undefined;
      throw new Error("out of order");
    },
    add: (slow) => ++slow.state,
  });
  return withEntities({ types: [Slow] }, async () => {
    await Slow.get("a").pid();
    const failed = failureOf(Slow.get("a").fail(), "out of order");
    assertEquals(await Slow.get("a").add(), 1);
    await failed;
  });
});

test("a call is not repeated because its entity ends by the exit of a linked one", () => {
  let runs = 0;
  const Linked = Entity.define("linked", {
    state: () => 0,
    end: (linked, how: string) => {
      if (how === "throw") throw new Error("out of order");
      linked.stop();
    },
    async work(_linked, other: string, how: string) {
      runs++;
      Process.link(await Linked.get(other).pid());
      await Linked.get(other).end(how).catch(() => {});
      await receive(() => false);
    },
  });
  return withEntities({ types: [Linked] }, async () => {
    for (const how of ["throw", "stop"]) {
      const error = await failureOf(Linked.get(how).work(`${how} it`, how));
      assertEquals([error.code, error.mayHaveRun], ["unknown", true]);
    }
    assertEquals(runs, 2);
  });
});

test("an entity whose first state cannot be made fails its calls, with the cause", () => {
  const Void = Entity.define("void", {
    state(): number {
      throw new RangeError("no such room");
    },
    read: (it) => it.state,
  });
  return withEntities({ types: [Void] }, async () => {
    const error = await failureOf(Void.get("a").read(), "no such room");
    assertEquals([error.code, error.mayHaveRun], ["crashed", false]);
    assertEquals((error.cause as Error).name, "RangeError");
  });
});

test("a call with an id runs once, and its reply is stored with the state", async () => {
  const store = memoryStore();
  const twice = async () => {
    const room = Room.get("r1", { id: "7" });
    return [await room.join("a"), await room.join("b")];
  };
  await withEntities({ store }, async () => {
    assertEquals(await twice(), [1, 1]);
    await Room.get("r1").leave();
    assertEquals(await twice(), [1, 1]);
  });
  await withEntities({ store }, async () => {
    assertEquals(await twice(), [1, 1]);
    assertEquals(await Room.get("r1").members(), ["a"]);
  });
});

test("an alarm runs when it is due, wherever the entity is then", async () => {
  let now = 1e12;
  const store = memoryStore({ now: () => now });
  await withEntities({ types: [Bell], store }, async () => {
    await Bell.get("b").set(now + 3_600_000, "tea");
    assertEquals(await Bell.get("b").heard(), []);
  });
  await withEntities({ types: [Bell], store }, async () => {
    const relay = await Bell.get("other").subscribe();
    now += 3_600_000;
    assertEquals((await receive<EntityMessage>()).message, "tea");
    assertEquals(await Bell.get("b").heard(), ["tea"]);
    Process.exit(relay, "shutdown");
  });
});

test("a state of an older version is migrated, and one of a newer is refused", async () => {
  const store = memoryStore();
  const type = (version: number) =>
    Entity.define("thing", {
      state: () => ({ n: 1 }),
      read: (thing) => thing.state,
      touch: (thing) => void thing.state.n++,
    }, {
      version,
      migrate: (state, from) => ({
        n: (state as { n: number }).n + 100 * from,
      }),
    });
  const [one, two] = [type(1), type(2)];
  await withEntities({ types: [one], store }, () => one.get("a").touch());
  await withEntities({ types: [two], store }, async () => {
    assertEquals(await two.get("a").read(), { n: 102 });
    await two.get("a").touch();
  });
  await withEntities({ types: [one], store }, async () => {
    const error = await failureOf(
      one.get("a").read(),
      "its state has version 2, and this code has 1",
    );
    assertEquals(error.code, "crashed");
  });
});

test("a reply that cannot be sent is the error of the call, which has run", async () => {
  const Odd = Entity.define("odd", {
    state: () => ({ calls: 0 }),
    next: (odd) => (++odd.state.calls, () => odd.state.calls),
    calls: (odd) => odd.state.calls,
  });
  await withEntities({ types: [Odd] }, async () => {
    const error = await failureOf(Odd.get("a").next());
    assertEquals(error.code, "unknown");
    assertStringIncludes(
      error.message,
      "could not answer: Cannot send the function",
    );
    assertEquals(await Odd.get("a").calls(), 1);
  });
});

test("a state that is not JSON ends the call with an error", () =>
  withEntities({ types: [Bell] }, async () => {
    const error = await failureOf(
      Bell.get("b").put(new Map()),
      "Cannot store the state.anything, which is #Map<>",
    );
    assertEquals(error.code, "crashed");
  }));

test("Entities.keys() lists stored keys in pages, and says if the store is away", async () => {
  const store = memoryStore();
  await withEntities({ store, types: [Room, Bell] }, async () => {
    for (const key of ["c", "a", "b/1", "b/2"]) await Room.get(key).join("x");
    await Room.get("only read").members();
    await Bell.get("other type").put(1);
    assertEquals(await Entities.keys(Room), ["a", "b/1", "b/2", "c"]);
    assertEquals(await Entities.keys("room", { limit: 2 }), ["a", "b/1"]);
    const next = { after: "b/1", prefix: "b/", limit: 2 };
    assertEquals(await Entities.keys(Room, next), ["b/2"]);
    store.keys = () => Promise.reject(new Error("away"));
    const { code, message } = await failureOf(Entities.keys(Room));
    assertEquals(code, "no_store");
    assertStringIncludes(message, "away");
  });
  await assertRejects(() => Entities.keys(Room), TypeError, "no such type");
});
