/**
 * The contestants, and how one run of each is started: peers, then a client that prints its
 * result as one line of JSON.
 *
 * @module
 */

import { stripTypeScriptTypes } from "node:module";
import { fileURLToPath } from "node:url";
import { freePort } from "../packages/testing/_ports.ts";
import type { Job, Sample } from "./measure.ts";
import { Child, isInstalled } from "./processes.ts";
import type { ContestantName, Placement, Row } from "./rows.ts";

/** A contestant, which defines the commands of its programs. */
export interface Contestant {
  readonly name: ContestantName;
  readonly version: string;
  /** Variables to add to the environment of its programs. */
  readonly env?: Record<string, string>;
  /** The fraction of a row's rounds for a much slower contestant; 1 by default. */
  readonly share?: number;
  /** The number of turns at most; by default all. */
  readonly turns?: number;
  /** The folder in which its programs run. */
  readonly folder?: string;
  /** The port of its name server, if that runs before the others. */
  readonly epmdPort?: number;
  /** Whether a name server of Erlang's finds its nodes. */
  readonly usesEpmd?: boolean;
  /** The command of peer number `i`. */
  peer(run: Run, i: number): string[];
  /** The command of a peer on a machine without a running name server, if the contestant has one. */
  firstPeer?(run: Run): string[];
  /** Ends the processes that a first peer has left running. */
  afterFirst?(run: Run): Promise<void>;
  /** The command of a client; `port` is the line that the first peer printed. */
  client(run: Run, job: Job, port: string): string[];
  /** The command for a row that needs one node only. */
  local(job: Job): string[];
}

/** The settings that the programs of one run share. */
export interface Run {
  cookie: string;
  /** The port of the run's name server, or of the first peer. */
  port: number;
  /** Whether all nodes connect with each other. */
  isMesh: boolean;
}

const HERE = fileURLToPath(new URL(".", import.meta.url));

/** Runs a row once, in processes of its own. */
export async function runOnce(
  contestant: Contestant,
  row: Row,
  placement: Placement,
): Promise<Sample> {
  const { clientCore, peerCore } = placement;
  const { callers = 1, peers: count = 1 } = row;
  const { share = 1 } = contestant;
  const { isMesh = false } = row;
  const run: Run = { cookie: newCookie(), port: freePort(), isMesh };
  const start = (
    command: string[],
    core: number | string,
    port = run.port,
  ): Child =>
    new Child({
      command,
      core,
      cwd: contestant.folder ?? HERE,
      env: { ...contestant.env, ERL_EPMD_PORT: `${port}` },
    });
  const cores = [...new Set([clientCore, peerCore])].join(",");
  if (row.ofPeer !== undefined) {
    return await runPeer(
      contestant,
      row.ofPeer,
      run,
      (command, port) => start(command, cores, port),
    );
  }
  const port = contestant.epmdPort ?? run.port;
  const job: Job = {
    row: row.name,
    rounds: Math.ceil(row.rounds * share),
    warmup: Math.ceil(row.warmup * share),
    callers,
    peers: Array.from({ length: count }, (_, i) => `bench_b${i}@localhost`),
    peerProcess: 0,
  };
  if (row.isLocal) {
    await using client = start(contestant.local(job), cores);
    return JSON.parse(await client.line());
  }
  await using stack = new AsyncDisposableStack();
  let first = "";
  for (let i = 0; i < count; i++) {
    const peer = stack.use(start(contestant.peer(run, i), peerCore, port));
    const line = await peer.line();
    if (i === 0) first = line;
  }
  const [, process, listening = ""] = first.split(" ");
  job.peerProcess = Number(process);
  await using client = start(
    contestant.client(run, job, listening),
    clientCore,
    port,
  );
  return JSON.parse(await client.line());
}

/** Measures the start of one peer, or the memory that it has then. */
async function runPeer(
  contestant: Contestant,
  property: NonNullable<Row["ofPeer"]>,
  run: Run,
  start: (command: string[], port: number) => Child,
): Promise<Sample> {
  await using stack = new AsyncDisposableStack();
  let { port } = run;
  let command = contestant.peer(run, 0);
  if (property === "first_start") {
    if (contestant.firstPeer === undefined) return unfit();
    command = contestant.firstPeer(run);
    stack.defer(async () => await contestant.afterFirst?.(run));
  } else if (contestant.usesEpmd) {
    port = await startEpmd(stack);
  }
  const before = performance.now();
  const peer = stack.use(start(command, port));
  const [, process] = (await peer.line()).split(" ");
  const cost = (performance.now() - before) * 1000;
  if (property === "memory") return { bytes: await privateMemory(process) };
  if (contestant.usesEpmd) await assertConnectable(port, "bench_b0");
  return { cost };
}

/**
 * Looks a node up as its peers do, and connects to it.
 *
 * @throws {Error} If the node cannot be reached: it was not ready when it said so.
 */
async function assertConnectable(epmd: number, name: string): Promise<void> {
  const hostname = "127.0.0.1";
  using connection = await Deno.connect({ hostname, port: epmd });
  const text = new TextEncoder().encode(name);
  // PORT_PLEASE2_REQ; the answer is PORT2_RESP: 119, 0 and the port.
  await connection.write(Uint8Array.of(0, text.length + 1, 122, ...text));
  const answer = new Uint8Array(256);
  await connection.read(answer);
  if (answer[0] !== 119 || answer[1] !== 0) {
    throw new Error(`Cannot find ${name}: EPMD does not know it`);
  }
  using _node = await Deno.connect({
    hostname,
    port: answer[2] << 8 | answer[3],
  });
}

/** Starts Erlang's EPMD on a port of its own, and waits until it listens. */
async function startEpmd(stack: AsyncDisposableStack): Promise<number> {
  const port = freePort();
  stack.use(
    new Child({
      command: ["epmd", "-port", `${port}`, "-address", "127.0.0.1"],
    }),
  );
  for (let attempt = 0;; attempt++) {
    try {
      using _ = await Deno.connect({ hostname: "127.0.0.1", port });
      return port;
    } catch (error) {
      if (attempt === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** The memory that a process shares with no other, in bytes. */
async function privateMemory(process: string): Promise<number> {
  const { stdout } = await new Deno.Command("cat", {
    args: [`/proc/${process}/smaps_rollup`],
  }).output();
  const sizes = new TextDecoder().decode(stdout)
    .matchAll(/^(?:Private_Clean|Private_Dirty): +(\d+) kB/gm);
  return [...sizes].reduce((sum, [, size]) => sum + Number(size) * 1024, 0);
}

function newCookie(): string {
  return crypto.randomUUID().replaceAll("-", "");
}

/** A contestant that runs this library, by the host's command for a file. */
function ours(
  name: ContestantName,
  version: string,
  host: string[],
  { folder = HERE, end = ".ts", wire = "json" } = {},
): Contestant {
  const peer = ({ cookie }: Run, i: number): string[] => [
    ...host,
    `ours/peer${end}`,
    `bench_b${i}@localhost`,
    cookie,
    wire,
  ];
  return {
    name,
    version,
    folder,
    usesEpmd: true,
    peer,
    firstPeer: (run) => peer(run, 0),
    client: ({ cookie }, job) => [
      ...host,
      `ours/client${end}`,
      "bench_a@localhost",
      cookie,
      wire,
      JSON.stringify(job),
    ],
    local: (job) => [...host, `ours/local${end}`, JSON.stringify(job)],
  };
}

/** The first line that a program prints about its version, or `undefined` if it is not installed. */
async function versionOf(
  program: string,
  ...args: string[]
): Promise<string | undefined> {
  if (!await isInstalled(program)) return undefined;
  const { stdout } = await new Deno.Command(program, { args, stderr: "null" })
    .output();
  return new TextDecoder().decode(stdout).trim().split("\n").at(-1);
}

/** Prepares contestants, and reports the missing ones. */
export class Contestants {
  readonly #stack: AsyncDisposableStack;
  readonly #folder: string;
  /** The reason why each missing contestant is missing. */
  readonly missing = new Map<ContestantName, string>();
  /** Runs that failed, each with its reason. */
  readonly failed: string[] = [];
  /** The contestants that can run. */
  readonly all = new Map<ContestantName, Contestant>();

  private constructor(stack: AsyncDisposableStack, folder: string) {
    this.#stack = stack;
    this.#folder = folder;
  }

  static async prepare(
    wanted: readonly ContestantName[],
    stack: AsyncDisposableStack,
  ): Promise<Contestants> {
    const folder = await Deno.makeTempDir({ prefix: "bench_" });
    stack.defer(() => Deno.remove(folder, { recursive: true }));
    const contestants = new Contestants(stack, folder);
    for (const name of wanted) {
      try {
        const contestant = await contestants.#make(name);
        contestants.all.set(name, contestant);
      } catch (error) {
        contestants.missing.set(
          name,
          error instanceof Error ? error.message : `${error}`,
        );
      }
    }
    return contestants;
  }

  #make(name: ContestantName): Contestant | Promise<Contestant> {
    switch (name) {
      case "ours":
        return ours("ours", `Deno ${Deno.version.deno}`, DENO);
      case "calling":
      case "hosting":
        return this.#mixed(name);
      case "raw":
        return this.#raw();
      case "elixir":
        return this.#elixir();
      case "ergo":
        return this.#ergo();
      case "node":
      case "node_poll":
        return this.#host(name, "node", ["--expose-gc"]);
      case "bun":
      case "bun_poll":
        return this.#host(name, "bun", []);
      default:
        return this.#rival(name);
    }
  }

  #raw(): Contestant {
    const program = [
      Deno.execPath(),
      "run",
      "--allow-all",
      "--no-check",
      "raw/main.ts",
    ];
    return {
      name: "raw",
      version: `node:net of Deno ${Deno.version.deno}`,
      peer: () => [...program, "peer"],
      client: (
        _run,
        job,
        port,
      ) => [...program, "client", port, JSON.stringify(job)],
      local: unfit,
    };
  }

  /** This library at one end and Elixir at the other, on Erlang's wire. */
  async #mixed(name: "calling" | "hosting"): Promise<Contestant> {
    const elixir = await this.#elixir();
    const own = ours(name, "", DENO, { wire: "beam" });
    const [caller, host] = name === "calling" ? [own, elixir] : [elixir, own];
    return {
      name,
      version: `Deno ${Deno.version.deno}, ${elixir.version}`,
      env: elixir.env,
      epmdPort: elixir.epmdPort,
      turns: 2,
      peer: host.peer,
      client: caller.client,
      local: unfit,
    };
  }

  #compiled: Promise<Contestant> | undefined;

  #elixir(): Promise<Contestant> {
    return this.#compiled ??= this.#compileElixir();
  }

  async #compileElixir(): Promise<Contestant> {
    const version = await versionOf("elixir", "--short-version");
    if (version === undefined || !await isInstalled("epmd")) {
      throw new Error(
        "elixir or epmd is not installed (Debian: elixir, erlang-base)",
      );
    }
    const folder = `${this.#folder}/elixir`;
    await Deno.mkdir(folder);
    await output("elixirc", ["-o", folder, "elixir/bench.ex"], HERE);
    const epmdPort = await startEpmd(this.#stack);
    const job = (job: Job): string =>
      `%{row: :${job.row}, rounds: ${job.rounds}, warmup: ${job.warmup}, callers: ${job.callers}, ` +
      `peers: [${
        job.peers.map((peer) => `:"${peer}"`).join(", ")
      }], peer_process: ${job.peerProcess}}`;
    const node = (
      name: string,
      { cookie, isMesh }: Run,
      code: string,
      erl = "-start_epmd false ",
    ): string[] => [
      ...[
        "elixir",
        "--sname",
        name,
        "--cookie",
        cookie,
        "-pa",
        folder,
        "--erl",
        `${erl}-kernel inet_dist_use_interface {127,0,0,1} connect_all ${isMesh}`,
      ],
      ...["-e", code],
    ];
    return {
      name: "elixir",
      version: `Elixir ${version}`,
      // The daemon that a first node starts listens on loopback only, too.
      env: { HOME: folder, ERL_EPMD_ADDRESS: "127.0.0.1" },
      epmdPort,
      usesEpmd: true,
      peer: (run, i) => node(`bench_b${i}@localhost`, run, "Bench.Peer.main()"),
      firstPeer: (run) =>
        node("bench_b0@localhost", run, "Bench.Peer.main()", ""),
      // The daemon outlives the node that started it; this request ends it once it knows no node.
      afterFirst: async ({ port }) => {
        for (let attempt = 0; attempt < 100; attempt++) {
          const { success } = await new Deno.Command("epmd", {
            args: ["-port", `${port}`, "-kill"],
            stdout: "null",
            stderr: "null",
          }).output();
          if (success) return;
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        throw new Error("Cannot stop the EPMD that a node started");
      },
      client: (run, each) =>
        node("bench_a@localhost", run, `Bench.Client.main(${job(each)})`),
      local: (each) => [
        ...["elixir", "--erl", "+P 2000000", "-pa", folder],
        ...["-e", `Bench.Local.main(${job(each)})`],
      ],
    };
  }

  async #ergo(): Promise<Contestant> {
    const source = Deno.env.get("ERGO_SRC");
    if (source === undefined) {
      throw new Error(
        "ERGO_SRC does not name a checkout of github.com/ergo-services/ergo",
      );
    }
    const version = await versionOf("go", "version");
    if (version === undefined) {
      throw new Error("go is not installed (Debian: golang-go)");
    }
    const folder = `${this.#folder}/ergo`;
    await Deno.mkdir(folder);
    await Deno.copyFile(`${HERE}rivals/ergo/main.go`, `${folder}/main.go`);
    await Deno.writeTextFile(
      `${folder}/go.mod`,
      `module bench\n\ngo 1.22\n\nrequire ergo.services/ergo v0.0.0\n\n` +
        `replace ergo.services/ergo => ${source}\n`,
    );
    await output("go", ["build", "-mod=mod", "-o", "bench"], folder, {
      GOPROXY: "off",
    });
    const program = `${folder}/bench`;
    const framework = await Deno.readTextFile(`${source}/version.go`);
    const release = framework.match(/Release: +"([^"]+)"/)?.[1] ?? "";
    return {
      name: "ergo",
      version: `ergo ${release}, ${version.split(" ")[2]}`,
      peer: (
        { cookie, port },
        i,
      ) => [program, "peer", `bench_b${i}@localhost`, cookie, `${port}`],
      client: ({ cookie, port }, job) => [
        ...[
          program,
          "client",
          "bench_a@localhost",
          cookie,
          `${port}`,
          job.peers[0],
        ],
        JSON.stringify(job),
      ],
      local: (job) => [program, "local", JSON.stringify(job)],
    };
  }

  /** This library on Node or Bun, from the package for npm, without and with the option `poll`. */
  async #host(
    name: "node" | "node_poll" | "bun" | "bun_poll",
    hostName: "node" | "bun",
    flags: string[],
  ): Promise<Contestant> {
    const { program, version } = await this.#hostProgram(hostName);
    const folder = await this.#package();
    const host = [program, ...flags];
    const own = ours(name, version, host, { folder, end: ".js" });
    return { ...own, env: { BENCH_POLL: name === hostName ? "0" : "100" } };
  }

  /** Node or Bun: the installed one if it is new enough, else the one from npm. */
  async #hostProgram(
    name: "node" | "bun",
  ): Promise<{ program: string; version: string }> {
    const found = await versionOf(name, "--version");
    const isEnough = found !== undefined &&
      (name === "bun" || Number(found.match(/\d+/)?.[0]) >= 24);
    const program = isEnough
      ? name
      : await this.#npmProgram(name === "node" ? "node@24" : "bun", name);
    const version = await versionOf(program, "--version");
    return {
      program,
      version: `${name === "node" ? "Node" : "Bun"} ${version}`,
    };
  }

  #packed: Promise<string> | undefined;

  /** The package for npm, unpacked, with the measured programs in a folder of it. */
  #package(): Promise<string> {
    return this.#packed ??= (async () => {
      const root = fileURLToPath(new URL("..", import.meta.url));
      const file = `${this.#folder}/package.tgz`;
      await output(Deno.execPath(), [
        "task",
        "-q",
        "pack",
        "--allow-dirty",
        file,
      ], root);
      await output("tar", ["xzf", file], this.#folder);
      const folder = `${this.#folder}/package/bench`;
      await Deno.mkdir(`${folder}/ours`, { recursive: true });
      const ours = [...Deno.readDirSync(`${HERE}ours`)].map(({ name }) =>
        `ours/${name}`
      );
      for (const name of ["measure.ts", ...ours]) {
        const text = await Deno.readTextFile(`${HERE}${name}`);
        await Deno.writeTextFile(
          `${folder}/${name.replace(/ts$/, "js")}`,
          stripTypeScriptTypes(text).replace(/(from ".*\.)ts";/g, '$1js";'),
        );
      }
      return folder;
    })();
  }

  async #npmProgram(what: string, program: string): Promise<string> {
    await this.#install();
    await output("npm", [...INSTALL, what], this.#npm);
    return `${this.#npm}/node_modules/.bin/${program}`;
  }

  get #npm(): string {
    return `${this.#folder}/npm`;
  }

  #installed: Promise<void> | undefined;

  /** Installs the rivals from npm, once. */
  #install(): Promise<void> {
    return this.#installed ??= (async () => {
      await Deno.mkdir(this.#npm);
      for await (const { name, isFile } of Deno.readDir(`${HERE}rivals`)) {
        if (isFile) {
          await Deno.copyFile(`${HERE}rivals/${name}`, `${this.#npm}/${name}`);
        }
      }
      await output("npm", INSTALL, this.#npm);
    })();
  }

  async #rival(name: ContestantName): Promise<Contestant> {
    await this.#install();
    const host = await this.#hostProgram("node");
    const packages = {
      nats: "@nats-io/transport-node",
      moleculer: "moleculer",
      grpc: "@grpc/grpc-js",
    };
    const path = packages[name as keyof typeof packages];
    const { version } = JSON.parse(
      await Deno.readTextFile(`${this.#npm}/node_modules/${path}/package.json`),
    );
    const program = [host.program, `${this.#npm}/${name}.mjs`];
    const port = freePort();
    if (name === "nats") {
      if (!await isInstalled("nats-server")) {
        throw new Error("nats-server is not installed (Debian: nats-server)");
      }
      this.#stack.use(
        new Child({
          command: ["nats-server", "-a", "127.0.0.1", "-p", `${port}`],
        }),
      );
    }
    const at = (run: Run): string => `${name === "nats" ? port : run.port}`;
    return {
      name,
      version: `${path} ${version}, ${host.version}`,
      share: 0.2,
      turns: 1,
      peer: (run) => [...program, "peer", at(run)],
      client: (
        run,
        job,
      ) => [...program, "client", at(run), JSON.stringify(job)],
      local: unfit,
    };
  }
}

const DENO = [
  Deno.execPath(),
  ...["run", "--allow-all", "--no-check", "--v8-flags=--expose-gc"],
];

const INSTALL = ["install", "--no-audit", "--no-fund", "--loglevel=error"];

function unfit(): never {
  throw new Error("Cannot run a row of one node: it has none");
}

/** Runs a program until it exits, and returns its output. */
async function output(
  program: string,
  args: string[],
  cwd: string,
  env: Record<string, string> = {},
): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, {
    args,
    cwd,
    env,
    signal: AbortSignal.timeout(180_000),
  }).output();
  if (success) return;
  const said = new TextDecoder().decode(stderr).trim();
  throw new Error(`Cannot run ${program} ${args.join(" ")}: ${said}`);
}
