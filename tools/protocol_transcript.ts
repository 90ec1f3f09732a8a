/**
 * Writes `docs/protocol_transcript.txt`: `deno task generate docs/protocol_transcript.txt`.
 *
 * A scripted peer exchanges frames with a node over a socket, and all bytes are recorded. The node's
 * creation, nonces and clock are fixed, so the signals are the same each time: a test replays the file. On a busy machine
 * the node may put them into other frames; then run the tool again.
 */

import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import {
  type AddressInfo,
  connect,
  createServer,
  type Server,
  type Socket,
} from "node:net";
import { SystemHost } from "../packages/node/host/system_host.ts";
import { parseNodeName } from "../packages/node/addresses/node_name.ts";
import type { HostRegistration } from "../packages/node/host/host_environment.ts";
import {
  GenServer,
  type GenServerModule,
} from "../packages/servers/gen_server/gen_server.ts";
import { global } from "../packages/cluster/global/global.ts";
import { Node } from "../node.ts";
import { pg } from "../packages/node/pg/pg.ts";
import { receive, self } from "../packages/processes/process.ts";
import { TaskSupervisor } from "../task_supervisor.ts";
import type { Clock } from "../packages/processes/host/clock.ts";
import { startNodeIn } from "../packages/node/start/node_internals.ts";

/** Where the page is. */
export const TRANSCRIPT: URL = new URL(
  "../docs/protocol_transcript.txt",
  import.meta.url,
);

const COOKIE = "secret_token";
const ALEX = { name: "alex@localhost", creation: 1234567890 };
const KATE = { name: "kate@localhost", creation: 2345678901 };
const LISTEN = { port: 40123, host: "127.0.0.1" };
const ALEX_NONCE =
  "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const KATE_NONCE =
  "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100";

// deno-lint-ignore no-explicit-any
type Json = any;

/** A clock that advances only on request. */
class StandingClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ at: number; fn: () => void }>();

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#now;
  }

  after(ms: number, fn: () => void): () => void {
    const timer = { at: this.#now + ms, fn };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  every(ms: number, fn: () => void): () => void {
    let stop = () => {};
    const turn = () => {
      stop = this.after(ms, turn);
      fn();
    };
    stop = this.after(ms, turn);
    return () => stop();
  }

  advance(ms: number): void {
    this.#now += ms;
    for (const timer of [...this.#timers]) {
      if (timer.at <= this.#now && this.#timers.delete(timer)) timer.fn();
    }
  }
}

/** The host environment, with fixed time, randomness, creation and announced port. */
class GivenHost extends SystemHost {
  port = 0;
  override readonly clock: StandingClock = new StandingClock();

  override randomBytes(): Uint8Array {
    return Buffer.from(KATE_NONCE, "hex");
  }

  override async register(
    ...args: Parameters<SystemHost["register"]>
  ): Promise<HostRegistration> {
    const registration = await super.register(...args);
    this.port = registration.port;
    return {
      ...LISTEN,
      creation: KATE.creation,
      close: () => registration.close(),
    };
  }
}

const Chat = {
  receiveMessage: (message: string) => `got ${message}`,
  wait: () => receive(() => false),
};

interface StackTypes {
  state: string[];
  call: ["pop", string | undefined];
}

const Stack: GenServerModule<StackTypes> = {
  init: () => ({ type: "ok", state: ["hello", "world"] }),
  handleCall: (_pop, _from, [reply, ...state]) => (
    { type: "reply", reply, state }
  ),
};

/** The node of the transcript. */
export class Kate implements AsyncDisposable {
  readonly #node: Node;
  readonly #host: GivenHost;

  private constructor(node: Node, host: GivenHost) {
    this.#node = node;
    this.#host = host;
  }

  /** Starts kate: pid 100 is her group leader, 101 code that waits, 102 her Task.Supervisor, 103 her GenServer. */
  static async start(): Promise<Kate> {
    const host = new GivenHost({
      name: parseNodeName(KATE.name),
      host: "127.0.0.1",
      port: 0,
      epmdPort: false,
      tls: undefined,
    });
    const node = await startNodeIn(Node, host, {
      name: KATE.name,
      cookie: COOKIE,
      modules: { Chat },
      io: { write: () => {} },
      log: () => {},
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    node.run(async () => {
      await TaskSupervisor.startLink({ name: "Chat.TaskSupervisor" });
      await GenServer.startLink(Stack, undefined, { name: "Stack" });
      resolve();
      await receive(() => false);
    }).catch(() => {});
    await promise;
    return new Kate(node, host);
  }

  get port(): number {
    return this.#host.port;
  }

  /** Performs the actions of the transcript. */
  act(action: string, address: string): void {
    const actions: Record<string, () => unknown> = {
      'pg.join("room", self())': () =>
        this.#run(async () => {
          await pg.start();
          await pg.join("room", self());
          await receive(() => false);
        }),
      'global.whereisName("printer")': () =>
        this.#run(() => global.whereisName("printer")),
      'Node.connect("alex@localhost")': () =>
        this.#run(() => Node.connect(ALEX.name, { address })),
      "nothing for 8 seconds": () => {
        for (let i = 0; i < 2; i++) this.#host.clock.advance(4000);
      },
      'Node.disconnect("alex@localhost")': () =>
        this.#run(() => Node.disconnect(ALEX.name)),
    };
    const fn = actions[action];
    if (fn === undefined) throw new Error(`kate cannot do ${action}`);
    fn();
  }

  #run(fn: () => unknown): void {
    this.#node.run(fn).catch(() => {});
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#node.stop();
  }
}

/** The peer's sockets: input is only split into frames. */
export class Peer implements AsyncDisposable {
  readonly #server: Server;
  #socket: Socket | undefined;
  #bytes: Uint8Array = new Uint8Array();
  #ended = false;
  #wake: () => void = () => {};

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket) => this.#use(socket));
  }

  /** Listens, because kate will dial. */
  static listen(): Promise<Peer> {
    const server = createServer({ allowHalfOpen: true });
    const peer = new Peer(server);
    return new Promise((resolve) =>
      server.listen(0, "127.0.0.1", () => resolve(peer))
    );
  }

  /** Where it listens. */
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  dial(port: number): void {
    this.#use(connect({ port, host: "127.0.0.1", allowHalfOpen: true }));
  }

  #use(socket: Socket): void {
    this.#socket = socket;
    this.#ended = false;
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("data", (chunk: Uint8Array) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#wake();
    });
    socket.on("end", () => {
      this.#ended = true;
      this.#wake();
    });
    this.#wake();
  }

  write(bytes: Uint8Array): void {
    this.#socket!.write(bytes);
  }

  end(): void {
    this.#socket!.end();
  }

  async #until<T>(fn: () => T | undefined): Promise<T> {
    for (;;) {
      const found = fn();
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  read(count: number): Promise<Uint8Array> {
    return this.#until(() => {
      if (this.#ended && this.#bytes.length < count) {
        throw new Error("kate has ended the connection");
      }
      if (this.#bytes.length < count) return undefined;
      const taken = this.#bytes.subarray(0, count);
      this.#bytes = this.#bytes.subarray(count);
      return taken;
    });
  }

  async frame(): Promise<Uint8Array> {
    const head = await this.read(4);
    const length = Buffer.from(head).readUInt32BE() & 0x7fff_ffff;
    return Buffer.concat([head, await this.read(length)]);
  }

  /** Whether kate sends more bytes before she closes her side. */
  async more(): Promise<boolean> {
    const isMore = await this.#until(() =>
      this.#bytes.length > 0 || (this.#ended ? false : undefined)
    );
    if (!isMore) this.#ended = false;
    return isMore;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#socket?.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

/** Plays the peer, and records all frames. */
class Recorder {
  readonly #kate: Kate;
  readonly #peer: Peer;
  #page = "";
  #block = "";

  constructor(kate: Kate, peer: Peer) {
    this.#kate = kate;
    this.#peer = peer;
  }

  /** Starts a section. */
  part(heading: string, text: string): void {
    this.#close();
    this.#page += `\n## ${heading}\n${text.replace(/^/gm, "# ")}\n\n`;
  }

  dial(): void {
    this.#block += "alex dials\n";
    this.#peer.dial(this.#kate.port);
  }

  act(action: string): void {
    this.#block += `kate does ${action}\n`;
    this.#kate.act(action, this.#peer.address);
  }

  /** Sends signals from alex. */
  alex(...signals: Json[]): void {
    const json = signals.length === 1 && !Array.isArray(signals[0])
      ? signals[0]
      : signals;
    this.#say(frameOf(JSON.stringify(json)));
  }

  tick(): void {
    this.#say(new Uint8Array(4));
  }

  #say(frame: Uint8Array): void {
    this.#note("alex", frame);
    this.#peer.write(frame);
  }

  /** Records the next signal from kate. */
  async kate(): Promise<Json> {
    const frame = await this.#peer.frame();
    this.#note("kate", frame);
    return frame.length === 4 ? undefined : JSON.parse(textOf(frame));
  }

  /** Records kate's frames until one has such a signal. */
  async kateUntil(isLast: (signal: Json[]) => boolean): Promise<void> {
    while (!(await this.kate()).some(isLast));
  }

  async close(): Promise<void> {
    this.#block += "alex ends\n";
    this.#peer.end();
    while (await this.#peer.more()) await this.kate();
    this.#block += "kate ends\n";
  }

  async closed(): Promise<void> {
    while (await this.#peer.more()) await this.kate();
    this.#block += "kate ends\n";
    this.#peer.end();
    this.#block += "alex ends\n";
  }

  #note(who: string, frame: Uint8Array): void {
    const text = frame.length === 4 ? "(tick)" : textOf(frame);
    this.#block += `${who} says ${text}\n`;
  }

  #close(): void {
    if (this.#block === "") return;
    this.#page += this.#block;
    this.#block = "";
  }

  done(): string {
    this.#close();
    return this.#page;
  }
}

export function frameOf(text: string): Uint8Array {
  const body = Buffer.from(text);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  return Buffer.concat([head, body]);
}

export function textOf(frame: Uint8Array): string {
  return new TextDecoder().decode(frame.subarray(4));
}

function proof(role: string, ...ends: (typeof ALEX & { nonce: string })[]) {
  const lines = ends.flatMap((
    { name, creation, nonce },
  ) => [name, creation, nonce]);
  return createHmac("sha256", COOKIE)
    .update(["otp-json/1", role, ...lines].join("\n")).digest("hex");
}

const HEAD =
  `# A transcript of the JSON wire: the complete conversation of two nodes. docs/protocol.md explains it.
#
# tools/protocol_transcript.ts writes this file, and tests/node/json/protocol_transcript_test.ts replays it against a node.
# alex, alex@localhost, is a scripted peer. kate, kate@localhost, is a node that exports a module Chat. Her process 100 is
# her group leader, 102 a Task.Supervisor named Chat.TaskSupervisor, and 103 a GenServer named Stack. The cookie is
# secret_token.
#
# What a node says is a frame: the length of its text in four bytes, and its text in UTF-8. A tick is a frame of length 0. A
# node may group signals into one frame or several, so only their order matters. Process and reference numbers depend on
# earlier activity of the node.
`;

export async function record(): Promise<string> {
  await using kate = await Kate.start();
  await using peer = await Peer.listen();
  const on = new Recorder(kate, peer);
  const alexHello = { ...ALEX, hidden: false, nonce: ALEX_NONCE };
  const kateHello = { ...KATE, nonce: KATE_NONCE };
  const maxMessageBytes = 33554432;
  const own = (number: number) => ({ $pid: [0, number, ALEX.creation] });
  const ref = (number: number) => ({ $ref: [0, number, ALEX.creation] });

  on.part("A handshake", "alex dials kate.");
  on.dial();
  on.alex({ versions: [1], to: KATE.name, ...alexHello, maxMessageBytes });
  await on.kate();
  on.alex({ proof: proof("dialler", alexHello, kateHello) });
  await on.kate();

  on.part(
    "A spawn",
    "alex's process 112 starts a process on kate, under reference 1, with kate's group\nleader.",
  );
  on.alex(["spawn*", 112, 1, {
    run: { module: "Chat", function: "wait", args: [] },
    link: false,
    monitor: false,
    groupLeader: { $pid: [1, 100, KATE.creation] },
  }]);
  const [[, spawned]] = await on.kate();

  on.part(
    "A link and an unlink",
    "alex links, and unlinks with id 1. kate answers only the `unlink`.",
  );
  on.alex(["link", 112, spawned, KATE.creation]);
  on.alex(["unlink", 112, spawned, KATE.creation, 1]);
  await on.kate();

  on.part(
    "A monitor",
    "alex monitors the process under reference 2, and kills it.",
  );
  on.alex(["monitor", 112, spawned, KATE.creation, 2]);
  on.alex(["exit", 112, spawned, "kill"]);
  await on.kate();

  on.part("A monitor of an unregistered name", "The down is from process 0.");
  on.alex(["monitor_name", 112, "Nobody", 3]);
  await on.kate();

  const call = (number: number, request: Json, from = 112) => ({
    type: "$call",
    from: own(from),
    ref: ref(number),
    request,
  });
  on.part(
    "A call to a GenServer",
    "The answer goes to the monitor's reference, 4, and ends the monitor.",
  );
  on.alex(["call_name", 112, "Stack", 4, "pop"]);
  await on.kate();

  on.part(
    "A remote task",
    "alex asks kate's Task.Supervisor, in a call under reference 5, for a task with\nthe same reference that is linked to process 112. The call is not answered,\nbecause the task starts: all answers come from the task, and the monitor is now\none on the task.",
  );
  const supervisor = "Chat.TaskSupervisor";
  const startTask = (run: Json, task: number) => ({
    type: "start_task",
    run,
    callers: [own(112)],
    link: true,
    task: ref(task),
    restart: "temporary",
    shutdown: 5000,
  });
  const received = { module: "Chat", function: "receiveMessage", args: ["hi"] };
  on.alex(
    ["monitor_name", 112, supervisor, 5],
    ["send_name*", 112, supervisor, call(5, startTask(received, 5))],
  );
  await on.kateUntil(([kind]) => kind === "down");
  on.part(
    "A refused task",
    "kate does not export the function, so the call is answered.",
  );
  const sung = { module: "Chat", function: "sing", args: [] };
  on.alex(["send_name*", 112, supervisor, call(8, startTask(sung, 7))]);
  await on.kate();

  on.part(
    "A function call",
    "A `spawn` of the service `$rpc`. Its process answers to reference 9, and exits.",
  );
  on.alex(["spawn*", 112, 9, {
    run: { module: "$rpc", function: "call", args: [received, ref(9)] },
    link: false,
    monitor: true,
    groupLeader: { $pid: [1, 100, KATE.creation] },
  }]);
  await on.kateUntil(([kind]) => /^down/.test(kind));

  on.part("Output", "alex's process prints at kate's group leader.");
  on.alex(
    ["monitor", 112, 100, KATE.creation, 10],
    ["send*", 112, 100, {
      type: "io_request",
      from: own(112),
      replyAs: ref(10),
      request: { type: "put_chars", chars: "hi\n" },
    }],
  );
  await on.kate();
  on.alex(["demonitor", 112, 10]);

  on.part(
    "A group of processes",
    "kate starts the scope `pg`, and one of its processes joins the group `room`. alex's\nprocess of that scope, 113, discovers kate's, and its process 112 joins as well.",
  );
  on.act('pg.join("room", self())');
  const discovered = (await on.kate()).at(-1);
  const scope = discovered[3].from.$pid[1];
  const tell = (message: Json) => ({ type: "$tell", from: own(113), message });
  on.alex(
    ["send*", 113, scope, tell({ type: "sync", groups: [] })],
    ["send*", 113, scope, tell({ type: "discover" })],
  );
  await on.kateUntil((signal) => signal.at(-1)?.message?.type === "sync");
  const pids = [own(112)];
  on.alex(["send*", 113, scope, tell({ type: "join", group: "room", pids })]);
  const left = { type: "leave", groups: ["room"], pids };
  on.alex(["send*", 113, scope, tell(left)]);

  on.part(
    "A name of the cluster",
    "kate's name server starts, and sends `hello` to alex's, which is process 114. alex\nhas the smaller name, so it joins the two: it takes the lock of the names on kate\n(and its own), finds no names, and announces the servers that share names from now\non. Then it registers its process 112 as `printer`, again under the lock. Each call\ncould have a monitor; here it has none.",
  );
  on.act('global.whereisName("printer")');
  const hello = (await on.kate()).find(([kind]: Json[]) =>
    kind === "call_name"
  );
  const serverNumber = hello[1];
  const server = { $pid: [1, serverNumber, KATE.creation] };
  on.alex(["reply*", 114, hello[3], { type: "welcome", server: own(114) }]);
  await on.kateUntil(([kind]) => kind === "monitor");
  let number = 10;
  const ask = async (request: Json) => {
    number++;
    on.alex(["send*", 114, serverNumber, call(number, request, 114)]);
    await on.kateUntil(([kind]) => /^reply/.test(kind));
  };
  await ask({ type: "get_servers" });
  await ask({ type: "lock_names" });
  await ask({ type: "get_digest" });
  const servers = [own(114), server];
  await ask({ type: "merge", servers, insert: [], remove: [] });
  await ask({ type: "unlock_names" });
  await ask({ type: "lock_names" });
  await ask({
    type: "register",
    entry: { name: "printer", pid: own(112), resolve: "random_exit_name" },
    isNew: true,
  });
  await ask({ type: "unlock_names" });

  on.part(
    "Ticks",
    "A side sends a tick when it has written nothing for an eighth of its tick time.",
  );
  on.tick();
  on.act("nothing for 8 seconds");
  await on.kate();

  on.part(
    "Closing the connection",
    "There is no signal for this: alex ends its side of the TCP connection when all data is\nwritten, and kate ends its own.",
  );
  await on.close();

  on.part("A handshake the other way", "kate dials alex.");
  on.act('Node.connect("alex@localhost")');
  await on.kate();
  on.alex({ status: "ok", ...alexHello, maxMessageBytes });
  await on.kate();
  on.alex({ proof: proof("listener", kateHello, alexHello) });
  await on.kateUntil((signal) => signal.at(-1)?.message?.type === "discover");

  on.part("Closing by kate", "kate ends its side, and alex its own.");
  on.act('Node.disconnect("alex@localhost")');
  await on.closed();

  on.part("A question for the name", "alex knows only kate's address.");
  on.dial();
  on.alex({ versions: [1], to: null, ...alexHello, maxMessageBytes });
  await on.kate();
  await on.closed();
  return HEAD + on.done();
}
