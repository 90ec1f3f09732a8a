/**
 * Measures one row against peers, prints one line of JSON, and ends:
 * `client.ts NAME COOKIE WIRE JOB`, the counterpart of `Bench.Client` in
 * `bench/elixir/bench.ex`, whose peer it measures by the wire `beam`.
 *
 * @module
 */

import nodeProcess from "node:process";
import {
  GenServer,
  global,
  Node,
  type Pid,
  Process,
  receive,
  rpc,
  self,
  send,
  spawn,
  Task,
  TaskSupervisor,
} from "../../mod.ts";
import {
  collectGarbage,
  type Job,
  large,
  latencies,
  payload,
  rated,
  report,
  type Sample,
  timed,
} from "../measure.ts";
import { pollOf, speechOf, wiresOf } from "./speech.ts";

const FLOOD_MS = 10_000;

const [name, cookie, wire, text] = nodeProcess.argv.slice(2);
const speech = speechOf(wire);
const { module } = speech;

async function ping(pid: Pid, n: number): Promise<number> {
  const full = send(pid, speech.ping(self(), n));
  if (full !== undefined) await full;
  return speech.pong(await receive());
}

async function roundTrip(job: Job): Promise<Sample> {
  const pid = await Node.spawn(job.peers[0], [module, "pong"], []);
  return await timed(job, (n) => ping(pid, n));
}

/** Sends `rounds` messages to a process of a peer, and waits until it has counted them. */
async function sendAll(
  peer: string,
  row: string,
  rounds: number,
): Promise<void> {
  const pid = await Node.spawn(peer, [module, "count"], [self(), rounds]);
  for (let n = 0; n < rounds; n++) {
    const full = send(pid, speech.payload(row, n));
    if (full !== undefined) await full;
  }
  const total = speech.total(await receive());
  if (total !== rounds) throw new Error(`Cannot go on: counted ${total}`);
}

/** Runs `callers` processes at once, each with its share of the rounds. */
async function together(
  callers: number,
  rounds: number,
  work: (rounds: number, caller: number) => Promise<void>,
): Promise<void> {
  const main = self();
  for (let i = 0; i < callers; i++) {
    spawn(async () => {
      await work(rounds / callers, i);
      send(main, { type: "done" });
    });
  }
  for (let i = 0; i < callers; i++) {
    await receive((message) => message?.type === "done");
  }
}

async function task(peer: string, n: number): Promise<number> {
  const supervisor = { name: "Bench.TaskSupervisor", node: peer };
  return await Task.await(
    await TaskSupervisor.async(supervisor, speech.task, [n]),
  ) as number;
}

function call(peer: string, value: number): Promise<number> {
  const server = { name: "Bench.Echo", node: peer };
  return GenServer.call(server, speech.echo(value)) as Promise<number>;
}

/** Sends requests from several processes at once. */
function asked(
  job: Job,
  ask: (peer: string, n: number) => Promise<number>,
): Promise<Sample> {
  return rated(job, (rounds) =>
    together(job.callers, rounds, async (share) => {
      for (let n = 0; n < share; n++) {
        const answer = await ask(job.peers[0], n);
        if (answer !== n) throw new Error(`Cannot go on: ${answer} for ${n}`);
      }
    }));
}

/** Registers global names for new processes, from several processes at once, when all nodes take part. */
async function registrations(job: Job): Promise<Sample> {
  for (const peer of job.peers) await rpc.call(peer, [module, "join"], []);
  await global.sync();
  let made = 0;
  return await rated(
    job,
    (rounds) =>
      together(job.callers, rounds, async (share) => {
        for (let n = 0; n < share; n++) {
          const name = `name${++made}`;
          if (await global.registerName(name, spawn(() => receive()))) continue;
          throw new Error(`Cannot go on: ${name} is taken`);
        }
      }),
  );
}

/** Waits until the peers, which this node introduces to each other, are connected: their handshakes belong to no row. */
async function meshed(peers: string[]): Promise<void> {
  if (peers.length === 1) return;
  const connected = (peer: string) =>
    rpc.call(peer, [module, "connected"], []) as Promise<number>;
  for (const peer of peers) {
    while (await connected(peer) < peers.length) await Process.sleep(10);
  }
}

/** Times small round trips while large messages use the same connection. */
async function beside(job: Job): Promise<Sample> {
  const pong = await Node.spawn(job.peers[0], [module, "pong"], []);
  for (let n = 0; n < job.warmup; n++) await ping(pong, n);
  const main = self();
  const all = large(job.row);
  // Otherwise the collector would pause later, for these 100 MB.
  collectGarbage();
  spawn(async () => {
    const taker = await Node.spawn(job.peers[0], [module, "take"], [
      self(),
      all.length,
    ]);
    for (const data of all) await send(taker, speech.data(data));
    send(main, await receive());
  });
  const times: number[] = [];
  for (let n = 0, isTaken = false; !isTaken; n++) {
    const started = performance.now();
    const full = send(pong, speech.ping(main, n));
    if (full !== undefined) await full;
    await receive((message) => !speech.isTaken(message));
    times.push(performance.now() - started);
    isTaken = await receive(speech.isTaken, {
      timeout: 0,
      after: null,
    }) !== null;
  }
  return latencies(Float64Array.from(times));
}

/** Sends to a stopped peer for ten seconds, awaiting each send, and measures the memory. */
async function flood(job: Job): Promise<Sample> {
  const pid = await Node.spawn(job.peers[0], [module, "pong"], []);
  for (let n = 0; n < job.warmup; n++) await ping(pid, n);
  const before = nodeProcess.memoryUsage().rss;
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, nodeProcess.memoryUsage().rss);
  }, 50);
  nodeProcess.kill(job.peerProcess, "SIGSTOP");
  spawn(async () => {
    for (let n = 0;; n++) await send(pid, payload("one_way_text", n));
  });
  await new Promise((resolve) => setTimeout(resolve, FLOOD_MS));
  clearInterval(timer);
  return { bytes: most - before };
}

/** The lowest of several measurements, because a program that was just busy still frees memory. */
async function memory(): Promise<number> {
  let least = Infinity;
  for (let time = 0; time < 5; time++) {
    await Process.sleep(100);
    collectGarbage();
    const { heapUsed, external } = nodeProcess.memoryUsage();
    least = Math.min(least, heapUsed + external);
  }
  return least;
}

/** Connects to a peer, and makes one round trip. */
async function useOnce(peer: string): Promise<void> {
  await ping(await Node.spawn(peer, [module, "pong"], []), 0);
}

/** The memory of a used connection, measured after some others, because the first ones load code. */
async function connections({ peers, warmup }: Job): Promise<Sample> {
  const others = peers.slice(warmup);
  for (const peer of peers.slice(0, warmup)) await useOnce(peer);
  const before = await memory();
  for (const peer of others) await useOnce(peer);
  return { bytes: (await memory() - before) / others.length };
}

/** Times calls, with pauses between, of a peer on which two processes compute in steps. */
async function busy(job: Job): Promise<Sample> {
  const ms = Number(job.row.match(/\d+/)![0]);
  for (let n = 0; n < 2; n++) {
    await Node.spawnLink(job.peers[0], [module, "work"], [ms]);
  }
  const times = new Float64Array(job.rounds);
  for (let n = -job.warmup; n < job.rounds; n++) {
    // Different pauses: otherwise each call would come at the same moment of a step.
    await Process.sleep(1 + (n + job.warmup) % 7);
    const started = performance.now();
    const answer = await call(job.peers[0], n);
    if (answer !== n) throw new Error(`Cannot go on: ${answer} for ${n}`);
    if (n >= 0) times[n] = performance.now() - started;
  }
  return latencies(times);
}

const JOBS: Record<string, (job: Job) => Promise<Sample>> = {
  round_trip: roundTrip,
  round_trip_cold: roundTrip,
  call: (job) => timed(job, (n) => call(job.peers[0], n)),
  calls: (job) => asked(job, call),
  task: (job) => timed(job, (n) => task(job.peers[0], n)),
  tasks: (job) => asked(job, task),
  pairs: (job) =>
    rated(job, (rounds) =>
      together(
        job.callers,
        rounds,
        (share) => sendAll(job.peers[0], job.row, share),
      )),
  nodes: (job) =>
    rated(job, (rounds) =>
      together(
        job.peers.length,
        rounds,
        (share, i) => sendAll(job.peers[i], job.row, share),
      )),
  registrations,
  beside_bytes: beside,
  beside_parts: beside,
  beside_object: beside,
  busy,
  flood,
  connections,
};

const job = JSON.parse(text) as Job;
await Node.start({
  name,
  cookie,
  wires: wiresOf(wire),
  poll: pollOf(),
  modules: speech.modules,
  limits: { maxMessageBytes: 256 << 20 },
});
if (!job.row.startsWith("connections")) {
  for (const peer of job.peers) {
    if (!await Node.connect(peer)) throw new Error(`Cannot connect to ${peer}`);
  }
  await meshed(job.peers);
}
const run = JOBS[job.row.replace(/_\d+$/, "")] ??
  ((job: Job) =>
    rated(job, (rounds) => sendAll(job.peers[0], job.row, rounds)));
// Measure in a process: code outside any process runs in the shell process, which costs differently.
spawn(async () => report(await run(job)));
