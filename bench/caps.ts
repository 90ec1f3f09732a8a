/**
 * The cost of each limit of a node when a peer reaches it, for `docs/security.md`:
 * `deno run -P=dev --v8-flags=--expose-gc bench/caps.ts`
 */

import { connect, type Socket } from "node:net";
import { DEFAULT_LIMITS, type Port } from "../packages/node/wire.ts";
import { Node } from "../node.ts";
import { Budget } from "../packages/node/connections/budget.ts";
import { PendingSignals } from "../packages/node/connections/pending_signals.ts";
import { receive } from "../packages/processes/process.ts";
import { GlobalTable } from "../packages/cluster/global/global_table.ts";
import { Pid, Ref } from "../packages/processes/values/pid.ts";
import { NodeRuntime } from "../packages/processes/runtime/node_runtime.ts";
import type { Signals } from "../packages/processes/signals/signal.ts";
import { Decoder } from "../packages/node/json/json_decoder.ts";
import {
  RAW_ATTACHMENTS,
  RAW_END,
  RAW_HEADER,
  RAW_JSON,
  rawFrame,
  textFrame,
} from "../packages/node/json/json_frames.ts";

const HERE = { name: "kate@localhost", creation: 5 };
const THERE = { name: "raw@localhost", creation: 7 };
const MIB = 1 << 20;
const COUNT = 10_000;

const collect = (globalThis as { gc?: () => void }).gc ?? (() => {});

function memory(): number {
  collect();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

/** Runs `fn`, which returns whatever it retains; reports how long it took, and the memory retained. */
async function measure(
  what: string,
  fn: () => unknown,
  each = 1,
): Promise<void> {
  const before = memory();
  const start = performance.now();
  const held = await fn();
  const took = performance.now() - start;
  const bytes = memory() - before;
  const size = each === 1
    ? `${(bytes / MIB).toFixed(1)} MiB`
    : `${Math.round(bytes / each)} bytes each`;
  console.log(`${what.padEnd(52)} ${took.toFixed(0).padStart(6)} ms  ${size}`);
  if (held === undefined) throw new Error("nothing is held");
}

const PORT: Port = {
  wake() {},
  write() {},
  room: Infinity,
  pressure: () => undefined,
  assertRoom() {},
  peers() {},
};

/** Discards everything that is sent to the peer. */
const SINK = Object.fromEntries(
  ["spawnReply", "exitLink", "down", "send", "demonitor", "monitor"].map((
    kind,
  ) => [kind, () => undefined]),
) as unknown as Signals;

function newRuntime(): NodeRuntime {
  const runtime: NodeRuntime = new NodeRuntime({
    node: HERE.name,
    creation: HERE.creation,
    signalsTo: () => SINK,
    report() {},
  });
  runtime.modules.add("Caps", { wait: () => receive(() => false) });
  return runtime;
}

/** The values that a decoder delivers from these frames. */
function delivered(...frames: Uint8Array[]): unknown {
  const got: unknown[] = [];
  const deliver: Signals = {
    ...SINK,
    send: (_from, _to, message) => void got.push(message),
  };
  const budget = new Budget(DEFAULT_LIMITS.maxTotalMessageBytes);
  const decoder = new Decoder(
    HERE,
    THERE,
    DEFAULT_LIMITS,
    PORT,
    deliver,
    budget,
  );
  for (const frame of frames) decoder.receive(frame);
  return [decoder, got];
}

/** A `send` of a given number of bytes of `{}`. */
function objects(bytes: number): string {
  const count = Math.floor((bytes - 64) / 3);
  return `["send",1,100,[${"{},".repeat(count - 1)}{}]]`;
}

/** A raw frame with a part of an array. */
function part(bytes: Uint8Array, kind: number): Uint8Array {
  const frame = new Uint8Array(RAW_HEADER + bytes.length);
  frame.set(bytes, RAW_HEADER);
  return rawFrame(frame, 1, kind);
}

const frame = textFrame(`[${objects(MIB)}]`);
await measure("maxFrameBytes: 1 MiB of {}", () => delivered(frame));

/** The parts of a large signal. */
function partsOf(signal: string): Uint8Array[] {
  const bytes = new TextEncoder().encode(signal);
  return Array.from(
    { length: Math.ceil(bytes.length / 65536) },
    (_, i) =>
      part(
        bytes.subarray(i * 65536, (i + 1) * 65536),
        (i + 1) * 65536 >= bytes.length ? RAW_END : RAW_JSON,
      ),
  );
}

const parts = partsOf(objects(32 * MIB - 1024));
await measure(
  "maxMessageBytes: 32 MiB of {} in one message",
  () => delivered(...parts, textFrame('[["large",1]]')),
);
await measure(
  "maxTotalMessageBytes: 32 MiB of {} that wait",
  () => delivered(...parts),
);
const error = '{"$error":{"name":"","message":""}}';
const errors = partsOf(
  `["send*",1,100,[${`${error},`.repeat(900_000)}${error}]]`,
);
await measure(
  "maxTotalMessageBytes: 30 MiB of errors that wait",
  () => delivered(...errors),
);
const bytewise = Array.from(
  { length: 100_000 },
  (_, i) => part(Uint8Array.of(i === 0 ? 0x5b : 0x20), RAW_JSON),
);
await measure(
  "maxMessageBytes: 100,000 parts of one byte",
  () => delivered(...bytewise),
);
const empty = Array.from(
  { length: 511 },
  () => part(new Uint8Array(65536), RAW_ATTACHMENTS),
);
await measure(
  "maxMessageBytes: 32 MiB of empty attachments",
  () => delivered(...empty),
);
await measure(
  "maxMessageBytes: 30 MiB announced",
  () => delivered(part(Uint8Array.of(1, 0xe0, 0, 0), RAW_ATTACHMENTS)),
);

const deep = textFrame(`[["send",1,100,${"[".repeat(64)}${"]".repeat(64)}]]`);
await measure("maxDepth: 64 levels", () => delivered(deep));

const runtime = newRuntime();
const peer = new Pid(THERE.name, 1, THERE.creation);
await measure("maxRemoteProcesses: one process", () => {
  for (let i = 0; i < COUNT; i++) {
    runtime.local.spawnRequest(peer, {
      ref: new Ref(THERE.name, i, THERE.creation),
      run: { module: "Caps", function: "wait", args: [] },
      link: false,
      monitor: false,
      groupLeader: peer,
    });
  }
  return new Promise((resolve) => setTimeout(() => resolve(runtime), 500));
}, COUNT);
const [target] = runtime.processes.values();
await measure("maxRemoteLinks: one link", () => {
  for (let i = 0; i < COUNT; i++) {
    runtime.local.link(new Pid(THERE.name, i, THERE.creation), target.pid);
  }
  return runtime;
}, COUNT);
await measure("maxRemoteMonitors: one monitor", () => {
  for (let i = 0; i < COUNT; i++) {
    const ref = new Ref(THERE.name, i, THERE.creation);
    runtime.local.monitor(peer, target.pid, ref);
  }
  return runtime;
}, COUNT);
await measure("maxRemoteEntries: one name of the cluster", () => {
  const table = new GlobalTable(target);
  for (let i = 0; i < COUNT; i++) {
    const pid = new Pid(THERE.name, i, THERE.creation);
    table.insert({ name: `name ${i}`, pid, resolve: "random_exit_name" });
  }
  return table;
}, COUNT);
await measure("nodeDown with 10,000 of each of these", () => {
  runtime.nodes.down(THERE.name, true);
  return runtime;
});
await measure("maxPendingSignals: one message of 20 bytes", () => {
  const pending = new PendingSignals({
    node: "x@localhost",
    limits: DEFAULT_LIMITS,
    queued: new Budget(Infinity),
    settled: new Promise(() => {}),
    overflow() {},
    refuse: () => false,
  });
  for (let i = 0; i < COUNT; i++) pending.send(peer, peer, "x".repeat(20) + i);
  return pending;
}, COUNT);

const node = await Node.start({
  name: "caps@localhost",
  cookie: "secret",
  epmdPort: false,
  limits: { maxHalfOpen: 1000, handshakeTimeout: 60_000 },
  log() {},
});
const sockets: Socket[] = [];
await measure("maxHalfOpen: one connection, both its ends", async () => {
  for (let i = 0; i < 1000; i++) {
    const socket = connect(node.port, "127.0.0.1");
    await new Promise((resolve) => socket.once("connect", resolve));
    socket.write(Uint8Array.of(0));
    sockets.push(socket);
  }
  return sockets;
}, 1000);
for (const socket of sockets) socket.destroy();
await node.stop();
Deno.exit();
