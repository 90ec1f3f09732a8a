/** Almost valid streams. */

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import {
  isNodeName,
  parseNodeName,
} from "../../../packages/node/addresses/node_name.ts";
import { Network } from "../../../packages/node/network/network.ts";
import {
  DEFAULT_LIMITS,
  HandshakeError,
  type Transport,
  type TransportHandlers,
} from "../../../packages/node/wire.ts";
import { Node } from "../../../node.ts";
import { Pid, Ref } from "../../../packages/processes/values/pid.ts";
import { systemClock } from "../../../packages/processes/host/clock.ts";
import { NodeLog } from "../../../packages/processes/log/node_log.ts";
import { NodeRuntime } from "../../../packages/processes/runtime/node_runtime.ts";
import type { Signals } from "../../../packages/processes/signals/signal.ts";
import {
  Process,
  receive,
  self,
  send,
} from "../../../packages/processes/process.ts";
import { test } from "../../../packages/testing/tags.ts";
import { Decoder } from "../../../packages/node/json/json_decoder.ts";
import { Encoder } from "../../../packages/node/json/json_encoder.ts";
import { jsonWire } from "../../../packages/node/json/json_wire.ts";
import { ProtocolError } from "../../../packages/node/wires/over_limit.ts";
import { localOf } from "../../_local.ts";
import { mutated, mutatedBytes, mutatedFrame, pieces } from "../../_fuzz.ts";
import { numbersIn } from "../../_pages.ts";
import { clusterTest } from "../../_nodes.ts";
import {
  attachedFrameOf,
  frameOf,
  hello,
  partsOf,
  rawFrameOf,
  RawPeer,
} from "../../_raw_peer.ts";
import { assertReleased, flushed, portTo } from "../wires/_ports.ts";
import * as Remote from "../../_remote.ts";
import { fuzz, runs } from "../../_seeds.ts";
import { until } from "../../_until.ts";
import { spawnProcess } from "../../../packages/processes/spawning/spawn_process.ts";
import { eachSignal } from "../../_signals.ts";

const KATE = "kate@localhost";
const RAW = "raw@localhost";
const HERE = { name: KATE, creation: 5 };
const THERE = { name: RAW, creation: 7 };

/** The number of runs without sockets. */
const [RUNS] = numbersIn(
  "docs/security.md",
  "# handshakes of diallers, # answers of listeners, and # streams of a peer",
).map((each) => runs(each));

/** The number of runs through sockets. */
const SOCKET_RUNS = Math.ceil(RUNS / 50);

/** Where a peer listens. */
const LISTEN = { port: 4370, host: "10.0.0.1" };

/** A transport whose other end is the test. */
class FuzzedTransport implements Transport {
  readonly remote = "127.0.0.1:1";
  readonly buffered = 0;
  isEnded = false;
  #handlers: TransportHandlers | undefined;

  start(handlers: TransportHandlers): void {
    this.#handlers = handlers;
  }

  write(): boolean {
    return true;
  }

  pause(): void {}
  resume(): void {}

  end(): void {
    this.isEnded = true;
  }

  destroy(): void {
    this.isEnded = true;
  }

  say(bytes: Uint8Array): void {
    if (!this.isEnded) this.#handlers!.bytes(bytes);
  }

  close(): void {
    this.#handlers!.closed();
  }
}

function newRuntime(signalsTo?: () => Signals): NodeRuntime {
  const runtime: NodeRuntime = new NodeRuntime({
    node: HERE.name,
    creation: HERE.creation,
    peerLimits: DEFAULT_LIMITS,
    report() {},
    signalsTo,
  });
  runtime.modules.add("Remote", Remote);
  return runtime;
}

test(`fuzz: ${RUNS} handshakes of dialers`, { timeout: 600_000 }, async () => {
  const lines: string[] = [];
  const log = new NodeLog({
    node: KATE,
    hook: ({ message }) => void lines.push(message),
    clock: systemClock,
  });
  const network: Network = new Network({
    runtime: newRuntime(),
    name: parseNodeName(KATE),
    hidden: false,
    connectAll: true,
    cookie: "secret",
    limits: DEFAULT_LIMITS,
    tickTime: 60_000,
    wires: [jsonWire],
    host: { randomBytes, connect: () => Promise.reject(new Error("nowhere")) },
    log: (level, message, cause) => log.line(level, message, cause),
  });
  await fuzz(RUNS, async (random) => {
    const transport = new FuzzedTransport();
    network.accept(transport);
    const to = random.below(4) === 0 ? null : KATE;
    const first = { versions: [1], to, ...hello(RAW), listen: LISTEN };
    const sent = [
      random.below(3) === 0
        ? frameOf(JSON.stringify(first))
        : mutatedFrame(random, first),
      mutatedFrame(random, { proof: "0".repeat(64) }),
    ];
    for (const frame of sent) {
      for (const piece of pieces(random, frame)) {
        transport.say(piece);
        await Promise.resolve();
      }
    }
    transport.close();
  });
  await until(() => network.stats().halfOpen === 0);
  const { halfOpen, connections, accepted, asked, refused } = network.stats();
  assertEquals([halfOpen, connections, accepted], [0, 0, RUNS]);
  const sum = Object.values(refused).reduce((a, b) => a + b);
  assertEquals(sum + asked, RUNS);
  assert(asked > RUNS / 20 && asked < RUNS / 4);
  for (const line of lines) {
    assert(/^[ -~\u00a0-\uffff]*$/.test(line), line);
    assert(!/is not (a function|iterable)|Cannot (read|convert)/.test(line));
  }
  await network.stop();
  log.stop();
});

test(`fuzz: ${RUNS} answers of listeners`, { timeout: 600_000 }, async () => {
  const local = localOf({ ...HERE, cookie: "secret" });
  await fuzz(RUNS, async (random) => {
    const transport = new FuzzedTransport();
    const dialled = jsonWire.dial(
      transport,
      RAW,
      local,
      new AbortController().signal,
    ).then(() => undefined, (error) => error);
    const answer = { status: "ok", ...hello(RAW), listen: LISTEN };
    transport.say(
      random.below(2) === 0
        ? frameOf(JSON.stringify(answer))
        : mutatedFrame(random, answer),
    );
    await Promise.resolve();
    transport.say(mutatedFrame(random, { proof: "0".repeat(64) }));
    transport.close();
    assertInstanceOf(await dialled, HandshakeError);
    const other = new FuzzedTransport();
    const asked = jsonWire.ask!(other, local).then(
      ({ name, creation }) => isNodeName(name) && creation >= 0,
      (error) => error,
    );
    const name = { status: "name", name: RAW, creation: 7 };
    other.say(mutatedFrame(random, name));
    other.close();
    const found = await asked;
    if (found !== true) assertInstanceOf(found, HandshakeError);
  });
});

function encoderTo(
  chunks: Uint8Array[],
  from: typeof HERE,
  to: typeof HERE,
): Encoder {
  const port = portTo((bytes) => chunks.push(bytes));
  return new Encoder(from, to, DEFAULT_LIMITS, DEFAULT_LIMITS, port);
}

/** A signal of each kind, as a peer would write it, to processes 100 to 102. */
// deno-lint-ignore no-explicit-any
function goodSignals(): any[] {
  const chunks: Uint8Array[] = [];
  const encoder = encoderTo(chunks, THERE, HERE);
  const from = new Pid(RAW, 1, 7);
  const ref = new Ref(RAW, 3, 7);
  const to = new Pid(KATE, 101, 5);
  const ends = { from, ref, to, alias: new Ref(KATE, 1, 5) };
  const value = {
    a: [1n, -0, undefined, new Date(1), new Map([[from, to]]), new Set([ref])],
    b: new Uint8Array(10),
    c: new TypeError("x", { cause: new RangeError("y") }),
  };
  for (const write of Object.values(eachSignal(ends, value))) write(encoder);
  for (
    const message of ["hi", "long".repeat(100), {
      text: "lÖng".repeat(100),
      data: new Uint8Array(300),
    }]
  ) encoder.send(from, to, message);
  encoder.down(from, to, ends.alias, "why");
  encoder.announce([{ node: "x@localhost" }]);
  encoder.announce([{ node: "x@localhost", address: "127.0.0.1:1" }]);
  flushed(encoder);
  return chunks.flatMap((chunk) =>
    chunk[0] >= 0x80 ? [] : JSON.parse(partsOf(chunk).json)
  );
}

test(`fuzz: ${RUNS} streams of a peer`, { timeout: 600_000 }, async () => {
  const written: Uint8Array[] = [];
  const encoder = encoderTo(written, HERE, THERE);
  const runtime = newRuntime(() => encoder);
  const signals = goodSignals();
  assert(signals.length > 20);
  const port = portTo(() => {});
  const newDecoder = () =>
    new Decoder(HERE, THERE, DEFAULT_LIMITS, port, runtime.local);
  let decoder = newDecoder();
  let refused = 0;
  let bystander = spawnProcess(runtime, Remote.wait, {});
  await fuzz(RUNS, (random) => {
    if (!bystander.alive) bystander = spawnProcess(runtime, Remote.wait, {});
    if (!runtime.names.has("named")) runtime.names.register("named", bystander);
    const body = Array.from({ length: 1 + random.below(3) }, () => {
      const signal = random.of(signals);
      return random.below(3) === 0 ? signal : mutated(random, signal);
    });
    const attached = Array.from(
      { length: random.below(4) },
      () => random.below(2) === 0 ? "ä".repeat(9) : random.bytes(9),
    );
    let bytes: Uint8Array = random.below(2) === 0
      ? frameOf(JSON.stringify(body))
      : attachedFrameOf(JSON.stringify(body), attached);
    if (random.below(4) === 0) bytes = mutatedBytes(random, bytes);
    if (random.below(8) === 0) {
      const raw = rawFrameOf(random.below(4), random.bytes(50), true);
      bytes = Buffer.concat([raw, bytes]);
    }
    try {
      for (const piece of pieces(random, bytes)) decoder.receive(piece);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      refused++;
      decoder = newDecoder();
      runtime.nodes.down(RAW, true);
    }
    flushed(encoder);
    written.length = 0;
  });
  assert(refused > RUNS / 10 && refused < RUNS);
  await assertReleased(runtime, RAW);
});

clusterTest(`fuzz: ${SOCKET_RUNS} peers through sockets`, async (cluster) => {
  const [kate, alex] = await cluster.startAll(["kate", "alex"]);
  await alex.run(() => Node.connect(KATE));
  const signals = goodSignals();
  await fuzz(SOCKET_RUNS, async (random) => {
    await using stranger = await RawPeer.dial(kate.port);
    const first = { versions: [1], to: KATE, ...hello(RAW) };
    await stranger.write(mutatedFrame(random, first));
    await using peer = await RawPeer.dial(kate.port);
    // A name of its own, as the end of the last one may not be known yet.
    await peer.enter(`raw${random.below(2 ** 31)}@localhost`, KATE);
    for (let i = 0; i < 5; i++) {
      const body = [mutated(random, random.of(signals))];
      await peer.write(mutatedFrame(random, body));
    }
  });
  await kate.run(async () => {
    Process.register(self(), "inbox");
    await alex.run(() => void send({ name: "inbox", node: KATE }, "hi"));
    assertEquals(await receive(), "hi");
    await until(() => Node.list("connected").length === 1);
    const { held, connections } = Node.stats()!;
    assertEquals([connections, held.links, held.monitors], [1, 0, 0]);
  });
}, { timeout: 600_000 });
