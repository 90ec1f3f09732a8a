/**
 * The contestants, and how one run of each is started: peers, then a client that prints its
 * result as one line of JSON.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import type { Job, Sample } from "./measure.ts";
import { Child, freePort, isInstalled } from "./processes.ts";
import type { ContestantName, Placement, Row } from "./rows.ts";

/** A contestant, which defines the commands of its programs. */
export interface Contestant {
  /** Its name. */
  readonly name: ContestantName;
  /** Its version, for the report. */
  readonly version: string;
  /** Variables to add to the environment of its programs. */
  readonly env?: Record<string, string>;
  /** The command of peer number `i`. */
  peer(run: Run, i: number): string[];
  /** The command of a client; `port` is the line that the first peer printed. */
  client(run: Run, job: Job, port: string): string[];
  /** The command for a row that needs one node only. */
  local(job: Job): string[];
}

/** The settings that the programs of one run share. */
export interface Run {
  /** The cookie. */
  cookie: string;
  /** The port of the run's name server, or of the first peer. */
  port: number;
}

const HERE = fileURLToPath(new URL(".", import.meta.url));

/** Runs a row once, in processes of its own. */
export async function runOnce(
  contestant: Contestant,
  row: Row,
  placement: Placement,
): Promise<Sample> {
  const { clientCore, peerCore } = placement;
  const { rounds, warmup, callers = 1, peers: count = 1 } = row;
  const run: Run = { cookie: newCookie(), port: freePort() };
  const start = (command: string[], core: number | string): Child =>
    new Child({
      command,
      core,
      cwd: HERE,
      env: { ERL_EPMD_PORT: `${run.port}`, ...contestant.env },
    });
  const job: Job = {
    row: row.name,
    rounds,
    warmup,
    callers,
    peers: Array.from({ length: count }, (_, i) => `bench_b${i}@localhost`),
    peerProcess: 0,
  };
  if (row.isLocal) {
    const cores = [...new Set([clientCore, peerCore])].join(",");
    await using client = start(contestant.local(job), cores);
    return JSON.parse(await client.line());
  }
  await using stack = new AsyncDisposableStack();
  const before = performance.now();
  let first = "";
  const running: Child[] = [];
  for (let i = 0; i < count; i++) {
    const peer = stack.use(start(contestant.peer(run, i), peerCore));
    const line = await peer.line();
    if (i === 0) first = line;
    running.push(peer);
  }
  if (row.ofPeer === "start") {
    return { cost: (performance.now() - before) * 1000 };
  }
  const [, process, port = ""] = first.split(" ");
  if (row.ofPeer === "memory") return { bytes: await privateMemory(process) };
  job.peerProcess = Number(process);
  await using client = start(contestant.client(run, job, port), clientCore);
  return JSON.parse(await client.line());
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
): Contestant {
  return {
    name,
    version,
    peer: (
      { cookie },
      i,
    ) => [...host, "ours/peer.ts", `bench_b${i}@localhost`, cookie],
    client: ({ cookie }, job) => [
      ...host,
      "ours/client.ts",
      "bench_a@localhost",
      cookie,
      JSON.stringify(job),
    ],
    local: (job) => [...host, "ours/local.ts", JSON.stringify(job)],
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

  /** Prepares the requested contestants. */
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
        return ours("ours", `Deno ${Deno.version.deno}`, [
          Deno.execPath(),
          ...["run", "--allow-all", "--no-check", "--v8-flags=--expose-gc"],
        ]);
      case "raw":
        return this.#raw();
      case "elixir":
        return this.#elixir();
      case "ergo":
        return this.#ergo();
      case "node":
        return this.#host("node", "node", ["--expose-gc"]);
      case "bun":
        return this.#host("bun", "bun", ["run"]);
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

  async #elixir(): Promise<Contestant> {
    const version = await versionOf("elixir", "--short-version");
    if (version === undefined || !await isInstalled("epmd")) {
      throw new Error(
        "elixir or epmd is not installed (Debian: elixir, erlang-base)",
      );
    }
    const folder = `${this.#folder}/elixir`;
    await Deno.mkdir(folder);
    await output("elixirc", ["-o", folder, "elixir/bench.ex"], HERE);
    const port = `${freePort()}`;
    this.#stack.use(
      new Child({ command: ["epmd", "-port", port, "-address", "127.0.0.1"] }),
    );
    const job = (job: Job): string =>
      `%{row: :${job.row}, rounds: ${job.rounds}, warmup: ${job.warmup}, callers: ${job.callers}, ` +
      `peers: [${
        job.peers.map((peer) => `:"${peer}"`).join(", ")
      }], peer_process: ${job.peerProcess}}`;
    const erl =
      "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1} " +
      "connect_all false";
    const node = (name: string, cookie: string, code: string): string[] => [
      ...[
        "elixir",
        "--sname",
        name,
        "--cookie",
        cookie,
        "-pa",
        folder,
        "--erl",
        erl,
      ],
      ...["-e", code],
    ];
    return {
      name: "elixir",
      version: `Elixir ${version}`,
      env: { ERL_EPMD_PORT: port, HOME: folder },
      peer: ({ cookie }, i) =>
        node(`bench_b${i}@localhost`, cookie, "Bench.Peer.main()"),
      client: ({ cookie }, each) =>
        node("bench_a@localhost", cookie, `Bench.Client.main(${job(each)})`),
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

  /** The command of Node or Bun: the installed one if it is new enough, else the one from npm. */
  async #host(
    name: "node" | "bun",
    program: string,
    flags: string[],
  ): Promise<Contestant> {
    const found = await versionOf(program, "--version");
    const isEnough = found !== undefined &&
      (name === "bun" || Number(found.match(/\d+/)?.[0]) >= 24);
    const path = isEnough
      ? program
      : await this.#npmProgram(name === "node" ? "node@24" : "bun", name);
    const version = await versionOf(path, "--version");
    return ours(name, `${name === "node" ? "Node" : "Bun"} ${version}`, [
      path,
      ...flags,
    ]);
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
    const host = await this.#host("node", "node", []);
    const [node] = host.local({} as Job);
    const packages = {
      nats: "@nats-io/transport-node",
      moleculer: "moleculer",
      grpc: "@grpc/grpc-js",
    };
    const path = packages[name as keyof typeof packages];
    const { version } = JSON.parse(
      await Deno.readTextFile(`${this.#npm}/node_modules/${path}/package.json`),
    );
    const program = [node, `${this.#npm}/${name}.mjs`];
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
      peer: (run) => [...program, "peer", at(run)],
      client: (
        run,
        job,
      ) => [...program, "client", at(run), JSON.stringify(job)],
      local: unfit,
    };
  }
}

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
