/**
 * The clients of the fan-out: sockets of TCP that read the headers of frames, and little more, so that many fit in one
 * core. `load.mjs JOB`; it prints a line when all have joined, and one of results for each line of its input.
 *
 * A job: `kind` (of the server), `ports`, `sockets`, `rooms`.
 */

import { connect } from "node:net";
import { request } from "node:http";
import process from "node:process";
import { createInterface } from "node:readline";

const { kind, ports, sockets: count, rooms } = JSON.parse(process.argv[2]);

/** One socket in this number reads the times in messages, and so does the socket of a room's publisher. */
const WATCHED = 50;
/** A frame that is longer is a broadcast. */
const LONG = 120;
const TEXT = "x".repeat(100);
/** The pauses of the client of Phoenix before it connects again, in milliseconds. */
const PAUSES = [10, 50, 100, 150, 200, 250, 500, 1000, 2000];
const LAST_PAUSE = 5000;

/** The protocol of each kind of server. */
const SPEECH = {
  ours: {
    path: ({ user }) => `/socket/websocket?vsn=2.0.0&user=${user}`,
    join: (room) => `["1","1","room:${room}","phx_join",{}]`,
    say: (room, payload) => `["1","2","room:${room}","say",${payload}]`,
    /** Returns the answer to a message before the socket has joined; `true` once it has. */
    greet: (text) => text.includes('"status":"ok"'),
  },
  socket_io: {
    path: () => "/socket.io/?EIO=4&transport=websocket",
    say: (room, payload) => `42["say","room:${room}",${payload}]`,
    greet: (text, room) =>
      text.startsWith("0")
        ? "40"
        : text.startsWith("40")
        ? `420["join","room:${room}"]`
        : text.startsWith("430"),
  },
  ws: {
    path: () => "/",
    join: (room) => `{"join":"room:${room}"}`,
    say: (room, payload) => `{"room":"room:${room}","say":${payload}}`,
    greet: (text) => text.includes("joined"),
  },
}[kind];

const now = () => performance.now() * 1000 | 0;
/** The number of deliveries, and the delays of the watched deliveries in microseconds. */
let deliveries = 0;
let delays = [];
/** Called with a watched broadcast. */
let watched = () => {};

/** Chunks are read into one buffer: they are used up before the next one. */
const chunk = Buffer.allocUnsafe(1 << 18);

class Client {
  constructor(number, user = `u${number}`) {
    this.number = number;
    this.user = user;
    const port = ports[number % ports.length];
    this.room = Math.floor(number / ports.length) % rooms;
    this.port = port;
    this.isWatched = number < rooms * ports.length ||
      number % WATCHED === 0;
    this.tries = 0;
    this.open();
  }

  open() {
    this.isOpen = false;
    this.hasJoined = false;
    this.rest = Buffer.alloc(0);
    /** The bytes of a frame that are still to come. */
    this.skip = 0;
    const socket = this.socket = connect({
      host: "127.0.0.1",
      port: this.port,
      noDelay: true,
      onread: {
        buffer: chunk,
        callback: (length) => {
          this.read(chunk.subarray(0, length));
          return true;
        },
      },
    });
    socket.on("error", () => {});
    socket.on("close", () => this.closed?.());
    socket.write(
      `GET ${SPEECH.path(this)} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n`,
    );
  }

  read(bytes) {
    if (this.skip >= bytes.length) return void (this.skip -= bytes.length);
    let at = this.skip;
    this.skip = 0;
    if (this.rest.length > 0) {
      bytes = Buffer.concat([this.rest, bytes.subarray(at)]);
      at = 0;
    }
    if (!this.isOpen) {
      const end = bytes.indexOf("\r\n\r\n");
      if (end < 0) return void (this.rest = Buffer.from(bytes));
      if (bytes[9] !== 0x31) return void this.socket.destroy(); // no 101
      this.isOpen = true;
      at = end + 4;
      if (SPEECH.join !== undefined) this.send(SPEECH.join(this.room));
    }
    while (bytes.length - at >= 4) {
      const short = bytes[at + 1];
      const head = short < 126 ? 2 : short === 126 ? 4 : 10;
      const length = short < 126
        ? short
        : short === 126
        ? bytes.readUInt16BE(at + 2)
        : Number(bytes.readBigUInt64BE(at + 2));
      const end = at + head + length;
      if (length > LONG && this.hasJoined) {
        deliveries++;
        if (!this.isWatched) {
          if (end > bytes.length) {
            this.rest = EMPTY;
            this.skip = end - bytes.length;
            return;
          }
          at = end;
          continue;
        }
      }
      if (end > bytes.length) {
        if (length > LONG && this.hasJoined) deliveries--; // read again
        break;
      }
      this.frame(bytes, at + head, end, length, bytes[at] & 15);
      at = end;
    }
    this.rest = at < bytes.length ? Buffer.from(bytes.subarray(at)) : EMPTY;
  }

  frame(bytes, from, end, length, kind) {
    if (kind === 8) {
      this.code = bytes.readUInt16BE(from);
      this.socket.end();
    } else if (this.hasJoined && length > LONG) {
      const found = bytes.indexOf('"at":', from) + 5;
      const at = parseInt(bytes.latin1Slice(found, Math.min(end, found + 16)));
      watched(this, at);
    } else if (length === 1 && bytes[from] === 0x32) this.send("3");
    else if (!this.hasJoined) {
      const greeting = SPEECH.greet(bytes.toString("utf8", from, end), this.room);
      if (typeof greeting === "string") this.send(greeting);
      else if (greeting) {
        this.hasJoined = true;
        this.tries = 0;
        this.joined?.();
      }
    }
  }

  send(text) {
    const body = Buffer.from(text);
    const { length } = body;
    // Masked with zeros.
    const head = length < 126
      ? Buffer.from([0x81, 0x80 | length, 0, 0, 0, 0])
      : Buffer.from([0x81, 0xfe, length >> 8, length & 255, 0, 0, 0, 0]);
    this.socket.write(Buffer.concat([head, body]));
  }

  say() {
    const payload = `{"by":"moebi","text":"${TEXT}","at":${now()}}`;
    this.send(SPEECH.say(this.room, payload));
  }
}
const EMPTY = Buffer.alloc(0);

const clients = [];
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function enter() {
  const STEP = 200;
  for (let i = 0; i < count; i += STEP) {
    await Promise.all(
      Array.from({ length: Math.min(STEP, count - i) }, (_, n) =>
        new Promise((resolve, reject) => {
          const client = new Client(i + n);
          client.joined = resolve;
          client.closed = () => reject(new Error("a socket was closed"));
          clients.push(client);
        })),
    );
  }
  for (const client of clients) {
    client.closed = () => {
      throw new Error(`client ${client.number} was closed: ${client.code}`);
    };
  }
}

/** The publisher of a room: on one node, and on the other in the next room. */
const publisher = (room) => clients[room * ports.length + room % ports.length];
/** The socket that shows that a message has arrived at the other node. */
const witness = (room) =>
  clients[room * ports.length + (room + 1) % ports.length];

function quantile(values, q) {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
}

/** Measures until `isOver` resolves. */
async function measure(isOver) {
  const before = deliveries;
  delays = [];
  const cpu = process.cpuUsage();
  const from = performance.now();
  await isOver;
  const { user, system } = process.cpuUsage(cpu);
  const ms = performance.now() - from;
  return {
    rate: (deliveries - before) / ms * 1000,
    p50: quantile(delays, 0.5) / 1000,
    p99: quantile(delays, 0.99) / 1000,
    seen: delays.length,
    cpu: (user + system) / 1000 / ms,
  };
}

const COMMANDS = {
  /** A number of deliveries, as fast as possible: some messages of each room are always on the way. */
  async rate({ total, window = 16 }) {
    const publishers = Array.from({ length: rooms }, (_, r) => publisher(r));
    const witnesses = Array.from({ length: rooms }, (_, r) => witness(r));
    const { promise, resolve } = Promise.withResolvers();
    const before = deliveries;
    let isOver = false;
    watched = (client, at) => {
      delays.push(now() - at);
      if (deliveries - before >= total) {
        isOver = true;
        resolve();
      }
      const { room } = client;
      if (client === witnesses[room] && !isOver) publishers[room].say();
    };
    for (const each of publishers) {
      for (let i = 0; i < window; i++) each.say();
    }
    const result = await measure(promise);
    let last;
    do {
      last = deliveries;
      await sleep(500);
    } while (deliveries > last);
    return { ...result, all: deliveries - before };
  },

  /** A number of messages a second in each room; `except` are rooms whose delays do not count. */
  async delay({ each = 5, seconds = 5, except = [] }) {
    watched = (client, at) => {
      if (!except.includes(client.room)) delays.push(now() - at);
    };
    const timers = [];
    for (let room = 0; room < rooms; room++) {
      setTimeout(
        () => timers.push(setInterval(() => publisher(room).say(), 1000 / each)),
        room * 1000 / each / rooms,
      );
    }
    await sleep(1000);
    const result = await measure(sleep(seconds * 1000));
    for (const timer of timers) clearInterval(timer);
    await sleep(300);
    return result;
  },

  /**
   * `delay` beside a user who pushes `pushes` a second in room 0, and connects again when he is closed. `say` tells
   * whether the pushes are broadcasts.
   */
  async flood({ pushes, say = false, ...options }) {
    let sent = 0;
    let closed = 0;
    const flooder = new Client(0, "flooder");
    flooder.isWatched = false;
    flooder.closed = () => {
      closed++;
      flooder.open();
    };
    const timer = setInterval(() => {
      if (!flooder.hasJoined || flooder.code !== undefined) return;
      for (let i = 0; i < pushes / 100; i++) {
        sent++;
        if (say) flooder.say();
        else flooder.send('["1","2","room:0","echo",{"n":1}]');
      }
    }, 10);
    flooder.joined = () => flooder.code = undefined;
    const result = await COMMANDS.delay({ ...options, except: say ? [0] : [] });
    clearInterval(timer);
    flooder.closed = undefined;
    flooder.socket.destroy();
    return { ...result, sent, closed };
  },

  /** All clients come back to another node, as Phoenix's client does; until then, its `/readyz` is asked. */
  async back({ left }) {
    const from = performance.now();
    let first;
    const times = [];
    const probes = [];
    const probe = setInterval(() => {
      const at = performance.now();
      request({ port: left, path: "/readyz", agent: false }, (response) => {
        response.resume();
        probes.push(performance.now() - at);
      }).on("error", () => {}).end();
    }, 50);
    await Promise.all(clients.map((client) =>
      new Promise((resolve) => {
        client.joined = () => {
          times.push(performance.now() - first);
          resolve();
        };
        client.closed = () => {
          first ??= performance.now();
          client.port = left;
          const pause = PAUSES[client.tries++] ?? LAST_PAUSE;
          setTimeout(() => client.open(), pause);
        };
      })
    ));
    clearInterval(probe);
    return {
      waited: first - from,
      last: Math.max(...times),
      half: quantile(times, 0.5),
      readyz50: quantile(probes, 0.5),
      readyz99: quantile(probes, 0.99),
      probes: probes.length,
    };
  },
};

const began = performance.now();
await enter();
console.log(JSON.stringify({ joined: performance.now() - began }));
for await (const line of createInterface({ input: process.stdin })) {
  const [name, options = {}] = JSON.parse(line);
  console.log(JSON.stringify(await COMMANDS[name](options)));
}
process.exit();
