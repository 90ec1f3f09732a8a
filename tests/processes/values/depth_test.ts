/** One limit of depth: for copies, small frames, large messages, and messages that wait for a dial. */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { DEFAULT_LIMITS, type Limits } from "../../../packages/node/wire.ts";
import {
  Call,
  Cast,
  InternalMessage,
  Stop,
} from "../../../packages/servers/server/messages.ts";
import { GenServer } from "../../../packages/servers/gen_server/gen_server.ts";
import { Node } from "../../../node.ts";
import {
  exit,
  makeRef,
  Pid,
  Process,
  receive,
  self,
  send,
  spawn,
} from "../../../packages/processes/process.ts";
import { currentProcess } from "../../../packages/processes/runtime/current_process.ts";
import type { Signals } from "../../../packages/processes/signals/signal.ts";
import { ReplyTo } from "../../../packages/processes/values/reply_to.ts";
import { improperList } from "../../../packages/processes/values/improper_list.ts";
import {
  OwnRequest,
} from "../../../packages/processes/values/server_message.ts";
import {
  copyTerm,
  copyToSend,
} from "../../../packages/processes/values/term.ts";
import { termKey } from "../../../packages/processes/values/term_key.ts";
import { tuple } from "../../../packages/processes/values/tuple.ts";
import { castMessage } from "../../../packages/servers/agent/agent_server.ts";
import { systemMessage } from "../../../packages/beam/servers/sys_otp.ts";
import { StartTaskRequest } from "../../../packages/servers/task/start_task.ts";
import { test } from "../../../packages/testing/tags.ts";
import { Decoder } from "../../../packages/node/json/json_decoder.ts";
import { Encoder } from "../../../packages/node/json/json_encoder.ts";
import { ProtocolError } from "../../../packages/node/wires/over_limit.ts";
import { PORT } from "../../_linear.ts";
import { clusterTest } from "../../_nodes.ts";
import { frameOf } from "../../_raw_peer.ts";
import * as Remote from "../../_remote.ts";
import fc, { runs } from "../../_seeds.ts";
import { anyTerm, exactly } from "../../_terms.ts";

const KATE = "kate@localhost";
const ALEX = "alex@localhost";

/** The rule is the same at the default of 512, where such tables take minutes. */
const LIMITS: Limits = { ...DEFAULT_LIMITS, maxDepth: 16 };
const MANY = new Array(20).fill(0);

/** A level around a value, by its kind. */
const LEVELS: Record<string, (inner: unknown) => unknown> = {
  array: (inner) => [inner],
  "array of many": (inner) => [...MANY, inner],
  object: (inner) => ({ inner }),
  "object of many": (inner) => ({ ...MANY, inner }),
  "object with a $": (inner) => ({ $inner: inner, more: 1 }),
  "value of a Map": (inner) => new Map([["key", inner]]),
  "key of a Map": (inner) => new Map([[inner, "value"]]),
  Set: (inner) => new Set([inner]),
  "cause of an error": (cause) => new RangeError("x", { cause }),
  "field of an error": ($inner) => Object.assign(new Error("x"), { $inner }),
  tuple: (inner) => tuple(inner),
  "item of an improper list": (inner) => improperList([inner], 1),
  "tag of a reply": (tag) =>
    new ReplyTo(new Pid(ALEX, 1, 1), undefined, tag ?? 0),
};

/** The innermost values: none of them is a level. */
const LEAVES: Record<string, () => unknown> = {
  "a number": () => 1,
  "a value that JSON lacks": () => -0,
  "a pid": () => self(),
  "a date": () => new Date(0),
  "few bytes": () => new Uint8Array(3),
  "raw bytes": () => new Uint8Array(5000),
  "a long text": () => "x".repeat(70_000),
};

function nested(kind: string, levels: number, leaf: unknown): unknown {
  let value = leaf;
  for (let i = 0; i < levels; i++) value = LEVELS[kind](value);
  return value;
}

const LENGTH = 600;

/** Long containers, as an innermost or an outermost level. */
const LONG: Record<string, (inner: unknown) => unknown> = {
  "a long array": (inner) => [...new Array(LENGTH).fill(0), inner],
  "a long array with a tag": (inner) => [
    ...new Array(LENGTH).fill(0),
    -0,
    inner,
  ],
  "a long object": (inner) => ({ ...new Array(LENGTH).fill(0), inner }),
  "a long Map": (inner) =>
    new Map<unknown, unknown>([
      ...new Array(LENGTH).fill(0).map((_, i) => [i, 0] as const),
      ["inner", inner],
    ]),
  "a long Set": (inner) => new Set([...new Array(LENGTH).keys(), inner]),
};

/** All kinds with all leaves, with the given number of levels. */
function* table(levels: number): Generator<[string, unknown]> {
  for (const [long, of] of Object.entries(LONG)) {
    for (const kind of ["array", "array of many", "object of many"]) {
      const inner = nested(kind, levels - 1, of("leaf"));
      yield [`${levels - 1} × ${kind}, with ${long}`, inner];
      const outer = of(nested(kind, levels - 1, 1));
      yield [`${long}, with ${levels - 1} × ${kind}`, outer];
    }
  }
  for (const kind of Object.keys(LEVELS)) {
    for (const [leaf, of] of Object.entries(LEAVES)) {
      yield [`${levels} × ${kind}, with ${leaf}`, nested(kind, levels, of())];
    }
  }
}

const TOO_DEEP = "Cannot send a value nested deeper than 16 levels";

function sameAs(actual: unknown, expected: unknown, what: string): void {
  assertEquals(exactly(actual), exactly(expected), what);
}

/** Asserts that values of `most` levels arrive unchanged, and that deeper ones are refused. */
async function assertLimit(
  most: number,
  pass: (value: unknown) => Promise<unknown>,
  text = TOO_DEEP,
): Promise<void> {
  for (const [what, value] of table(most)) {
    sameAs(await pass(value), value, what);
  }
  for (const [what, value] of table(most + 1)) {
    await assertRejects(() => pass(value), RangeError, text, what);
  }
}

const MIRROR = { name: "mirror", node: KATE };

/** Runs `fn` in a process of alex; kate, who is connected, sends back each message. */
function kateTest(
  name: string,
  fn: (kate: Node, alex: Node) => Promise<void>,
): void {
  clusterTest(name, async (cluster) => {
    const [kate, alex] = await cluster.startAll(["kate", "alex"], {
      limits: LIMITS,
    });
    kate.run(async () => {
      Process.register(self(), "mirror");
      for (;;) send({ name: "inbox", node: ALEX }, await receive());
    }).catch(() => {});
    await alex.run(async () => {
      Process.register(self(), "inbox");
      assert(await Node.connect(KATE));
      await fn(kate, alex);
    });
  });
}

/** A server that replies to every request with its content. */
const Echo = {
  name: "Echo",
  init: () => ({ type: "ok", state: 0 }),
  handleCall: (request: unknown, _from: unknown, state: unknown) => ({
    type: "reply",
    reply: request,
    state,
  }),
  handleCast: ([to, value]: [Pid, unknown], state: unknown) => {
    send(to, value);
    return { type: "noreply", state };
  },
};

for (const node of [ALEX, KATE]) {
  kateTest(`send() accepts 16 levels to ${node}`, async () => {
    const to = node === ALEX ? self() : MIRROR;
    await assertLimit(16, async (value) => {
      send(to, value);
      return await receive();
    });
    assertEquals(Node.list(), [KATE]);
  });

  kateTest(`exit() takes reasons of 8 levels at ${node}`, async () => {
    await assertLimit(8, async (reason) => {
      const pid = await Node.spawn(node, Remote.wait);
      const ref = Process.monitor(pid);
      Process.exit(pid, reason);
      const down = await receive((m) => ref.equals(m?.ref));
      // The message that contains the reason can be sent on.
      send(MIRROR, down);
      sameAs((await receive()).reason, down.reason, "sent on");
      return down.reason;
    }, "Cannot send a value nested deeper than 8 levels");
    assertEquals(Node.list(), [KATE]);
  });

  kateTest(`spawn() takes arguments of 16 levels at ${node}`, async () => {
    // The list of the arguments is a level.
    await assertLimit(15, async (value) => {
      await Node.spawn(node, Remote.tell, [self(), value]);
      return await receive();
    });
    assert(Process.whereis("inbox")?.equals(self()));
  });

  kateTest(
    `call() and cast() accept 15 levels to ${node}`,
    async (kate, alex) => {
      const server = await (node === ALEX ? alex : kate).run(() =>
        // deno-lint-ignore no-explicit-any
        GenServer.start(Echo as any, undefined)
      );
      // The envelope of a request is a level, and so is the list.
      await assertLimit(15, (value) => GenServer.call(server, value));
      await assertLimit(14, async (value) => {
        GenServer.cast(server, [self(), value]);
        return await receive();
      });
      send(MIRROR, "alive");
      assertEquals(await receive(), "alive");
    },
  );
}

kateTest("sendAfter() and termKey() accept 16 levels", async () => {
  await assertLimit(16, async (value) => {
    Process.sendAfter(self(), value, 0);
    return await receive();
  });
  await assertLimit(16, async (value) => {
    termKey(value, LIMITS.maxDepth);
    return await value;
  });
});

kateTest("send() accepts 16 levels during a dial", async () => {
  Node.monitor(KATE);
  Node.disconnect(KATE);
  await receive((m) => m?.type === "nodedown");
  assertEquals(Node.list(), []);
  const sent = [...table(16)];
  for (const [, value] of sent) send(MIRROR, value);
  for (const [what, value] of table(17)) {
    assertThrows(() => send(MIRROR, value), RangeError, TOO_DEEP, what);
  }
  assertEquals(Node.list(), []);
  for (const [what, value] of sent) sameAs(await receive(), value, what);
});

kateTest("a reason that is too deep becomes text", async () => {
  for (const [what, reason] of table(9)) {
    if (reason instanceof Error) continue;
    const pid = spawn(() => exit(reason));
    const ref = Process.monitor(pid);
    const down = await receive((m) => ref.equals(m?.ref));
    assertStrictEquals(typeof down.reason, "string", what);
    send(MIRROR, down);
    assertEquals((await receive()).reason, down.reason);
  }
});

clusterTest("a message of any depth waits for a dial", async (cluster) => {
  const alex = await cluster.start("alex");
  await alex.run(() => {
    const owner = currentProcess();
    const replyTo = new ReplyTo(self(), makeRef());
    const own = (data: unknown) =>
      new OwnRequest(Object.assign({ type: "any" }, { data }));
    const messages: Record<string, (data: unknown) => unknown> = {
      "a call": (data) => new Call(replyTo, data),
      "a call of a request": (data) => new Call(replyTo, own(data)),
      "a declared call": (data) =>
        new Call(replyTo, data, false, false, "atom"),
      "a cast": (data) => new Cast(data),
      "a cast of a request": (data) => new Cast(own(data)),
      "a declared cast": (data) => new Cast(data, false, undefined, "atom"),
      "a stop": (data) => new Stop(replyTo, data),
      "a system request": (data) => systemMessage(replyTo, data, ALEX),
      "a tell": (data) => new InternalMessage(self(), data),
      "a tell of a request": (data) => new InternalMessage(self(), own(data)),
      "a start of a task": (data) =>
        new Call(
          replyTo,
          new StartTaskRequest(
            {
              type: "start_task",
              run: { module: "Remote", function: "wait", args: [data] },
              link: false,
              callers: [],
              restart: "temporary",
              shutdown: 1,
            },
            owner,
          ),
        ),
      "a request to an agent": (data) =>
        castMessage(
          { module: "Remote", function: "wait", args: [data] },
          owner,
        ),
      "a request to a supervisor": (data) =>
        new Call(
          replyTo,
          new OwnRequest(
            // deno-lint-ignore no-explicit-any
            { type: "terminate_child", id: data } as any,
            "Supervisor",
          ),
        ),
    };
    for (const [what, message] of Object.entries(messages)) {
      const most = (copy: (value: unknown, maxDepth: number) => unknown) => {
        let levels = 2;
        while (
          outcome(() =>
            copy(message(nested("array", levels + 1, 1)), LIMITS.maxDepth)
          )
        ) levels++;
        return levels;
      };
      const copied = most(copyTerm);
      assert(copied > 2 && copied <= 16, `${what}: ${copied}`);
      assertEquals(most(copyToSend), copied, what);
    }
  });
});

// The codec alone, with random values.

const HERE = { name: KATE, creation: 5 };
const THERE = { name: ALEX, creation: 7 };

/** The value that the node at `here` decodes from bytes of the node at `there`. */
function decoded(
  bytes: Uint8Array[],
  here: typeof HERE,
  there: typeof HERE,
): unknown[] {
  const got: unknown[] = [];
  const deliver = {
    send: (_f: Pid, _t: Pid, message: unknown) => got.push(message),
  };
  const decoder = new Decoder(
    here,
    there,
    LIMITS,
    PORT,
    deliver as unknown as Signals,
  );
  for (const each of bytes) decoder.receive(each);
  return got;
}

/** The bytes that the node at `here` writes to the node at `there`. */
function encoded(
  value: unknown,
  from: Pid,
  to: Pid,
  here: typeof HERE,
  there: typeof HERE,
): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  const encoder = new Encoder(here, there, LIMITS, LIMITS, {
    ...PORT,
    write: (bytes) => void chunks.push(bytes.slice()),
  });
  encoder.send(from, to, value);
  while (encoder.pending > 0) encoder.flush(Infinity);
  return chunks;
}

function outcome<T>(fn: () => T): T | undefined {
  try {
    return fn();
  } catch (error) {
    assert(error instanceof RangeError || error instanceof ProtocolError);
    return undefined;
  }
}

/** A random value, below a number of levels of any kind. */
function anyDepth(): fc.Arbitrary<unknown> {
  return fc.tuple(
    anyTerm(),
    fc.array(fc.constantFrom(...Object.values(LEVELS)), {
      maxLength: 20,
      size: "max",
    }),
  ).map(([inner, levels]) =>
    levels.reduce((value: unknown, level) => level(value), inner)
  );
}

const from = new Pid(ALEX, 1, 7);
const to = new Pid(KATE, 2, 5);

test("copies, the encoder and the decoder accept the same values", () => {
  let refused = 0;
  fc.assert(
    fc.property(anyDepth(), (value) => {
      const copy = outcome(() => [copyTerm(value, LIMITS.maxDepth)]);
      const bytes = outcome(() => encoded(value, from, to, THERE, HERE));
      assertStrictEquals(copy === undefined, bytes === undefined);
      if (copy === undefined || bytes === undefined) return void refused++;
      assertEquals(exactly(copy[0]), exactly(value));
      const [got] = decoded(bytes, HERE, THERE);
      assertEquals(exactly(got), exactly(value));
    }),
    { numRuns: runs(300) },
  );
  assert(refused > 0 && refused < 300);
});

/** JSON of values as a peer may write it: tags, unusual numbers, and errors with any fields among them. */
function anyJson(): fc.Arbitrary<string> {
  const quoted = fc.string({ unit: "binary", maxLength: 5 }).map((text) =>
    JSON.stringify(text)
  );
  const number = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
    fc.constantFrom("1e999", "-1E999", "-0", "-0.0", "1e-999", "0e5"),
    fc.integer({ min: 1, max: 500 }).map((length) => "9".repeat(length)),
  );
  const key = fc.oneof(
    fc.constantFrom('"a"', '"b"', '"__proto__"', '"name"', '"cause"', '"0"'),
    quoted.filter((text) => text[1] !== "$"),
  );
  const anyKey = fc.oneof(key, fc.constantFrom('"$"', '"$pid"', '"$a"'));
  const leaf = fc.oneof(
    quoted,
    number,
    fc.constantFrom(
      "true",
      "null",
      '{"$undefined":true}',
      '{"$number":"NaN"}',
      '{"$bigint":"-00012"}',
      '{"$atom":"ok"}',
      '{"$pid":[0,1,2]}',
      '{"$pid":[1,-0,3]}',
      '{"$pid":["x@y",1e2,3]}',
      '{"$ref":[1,2,3]}',
      '{"$date":null}',
      '{"$date":1e999}',
      '{"$date":-0}',
      '{"$date":1.5}',
      '{"$bytes":["Float64Array","AAAAAAAA8H8="]}',
      '{"$bytes":["ArrayBuffer","AQID"]}',
    ),
  );
  const list = (of: fc.Arbitrary<string>, maxLength = 3) =>
    fc.array(of, { maxLength }).map((items) => items.join(","));
  return fc.letrec<{ json: string }>((tie) => {
    const json = tie("json");
    const field = fc.tuple(key, json).map((pair) => pair.join(":"));
    const pairs = list(fc.tuple(json, json).map((pair) => `[${pair}]`));
    const fields = fc.oneof(
      list(field).map((each) => `{${each}}`),
      list(fc.tuple(anyKey, json).map((pair) => `[${pair}]`)).map((each) =>
        `{"$object":[${each}]}`
      ),
    );
    return {
      json: fc.oneof(
        { depthSize: "small", withCrossShrink: true },
        leaf,
        list(json).map((items) => `[${items}]`),
        fc.tuple(json, fc.integer({ min: 1, max: 20 })).map(([inner, n]) =>
          "[".repeat(n) + inner + "]".repeat(n)
        ),
        fields,
        pairs.map((each) => `{"$map":[${each}]}`),
        list(json).map((each) => `{"$set":[${each}]}`),
        fc.tuple(
          fc.constantFrom(
            "Error",
            "TypeError",
            "AggregateError",
            "QueueFullError",
          ),
          quoted,
          fc.oneof(
            fc.constant(""),
            quoted.map((stack) => `,"stack":${stack}`),
            fields.map((each) => `,"fields":${each}`),
          ),
        ).map(([name, message, more]) =>
          `{"$error":{"name":"${name}","message":${message}${more}}}`
        ),
      ),
    };
  }).json;
}

test("a decoded value can be encoded, and decodes to the same value over many hops", () => {
  let taken = 0;
  fc.assert(
    fc.property(anyJson(), (json) => {
      const frame = frameOf(`[["send*",1,2,${json}]]`);
      const got = outcome(() => decoded([frame], HERE, THERE));
      if (got === undefined) return;
      taken++;
      let [value] = got;
      for (let hop = 0; hop < 2; hop++) {
        const there = encoded(
          copyTerm(value, LIMITS.maxDepth),
          to,
          from,
          HERE,
          THERE,
        );
        [value] = decoded(there, THERE, HERE);
        assertEquals(exactly(value), exactly(got[0]));
        const back = encoded(value, from, to, THERE, HERE);
        [value] = decoded(back, HERE, THERE);
        assertEquals(exactly(value), exactly(got[0]));
      }
    }),
    { numRuns: runs(1000) },
  );
  assert(taken > runs(1000) / 2, `only ${taken} were taken`);
});
