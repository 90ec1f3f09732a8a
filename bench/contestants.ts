/**
 * Who is measured, and how one run of each is started: a peer, then a client
 * that prints its result as one line of JSON.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import type { Placement, Row } from "./rows.ts";
import { Child, freePort, isInstalled } from "./processes.ts";
import type { Cost, Latencies, Rate, Size } from "./measure.ts";

/** What one run gives. */
export type Sample = Latencies | Rate | Cost | Size;

/** One of those that are measured. */
export interface Contestant extends AsyncDisposable {
  /** Its name in the report. */
  readonly name: "ours" | "elixir" | "raw";
  /** Whether it takes part in that row. */
  takes(row: Row): boolean;
  /** Runs a row once, in processes of its own. */
  run(row: Row, placement: Placement): Promise<Sample>;
}

const HERE = fileURLToPath(new URL(".", import.meta.url));
const DENO = [Deno.execPath(), "run", "--allow-all", "--no-check"];

/** This library, on Deno. */
export class Ours implements Contestant {
  readonly name = "ours";

  /** Takes part in all rows. */
  takes(_row: Row): boolean {
    return true;
  }

  /** Runs a row once; the peer serves the look-up on a port of its own. */
  async run(row: Row, placement: Placement): Promise<Sample> {
    if (row.local) return await this.#runLocal(row, placement);
    const cookie = newCookie();
    const env = { ERL_EPMD_PORT: `${freePort()}` };
    await using peer = new Child({
      command: [...DENO, "ours/peer.ts", "bench_b@localhost", cookie],
      core: placement.peerCore,
      cwd: HERE,
      env,
    });
    await peer.line();
    await using client = new Child({
      command: [
        ...[...DENO, "ours/client.ts", "bench_a@localhost", cookie],
        ...["bench_b@localhost", row.name, `${row.rounds}`, `${row.warmup}`],
      ],
      core: placement.clientCore,
      cwd: HERE,
      env,
    });
    return JSON.parse(await client.line());
  }

  async #runLocal(row: Row, placement: Placement): Promise<Sample> {
    await using client = new Child({
      command: [
        ...[...DENO, "--v8-flags=--expose-gc", "ours/local.ts"],
        ...[row.name, `${row.rounds}`, `${row.warmup}`],
      ],
      core: coresOf(placement),
      cwd: HERE,
    });
    return JSON.parse(await client.line());
  }

  /** Nothing outlives a run. */
  async [Symbol.asyncDispose](): Promise<void> {}
}

/** The echo over `node:net`. */
export class Raw implements Contestant {
  readonly name = "raw";

  /** Takes part in the round trip only. */
  takes(row: Row): boolean {
    return row.name === "round_trip";
  }

  /** Runs the echo once. */
  async run(row: Row, placement: Placement): Promise<Sample> {
    await using peer = new Child({
      command: [...DENO, "raw/echo.ts", "peer"],
      core: placement.peerCore,
      cwd: HERE,
    });
    const port = (await peer.line()).replace("READY ", "");
    await using client = new Child({
      command: [
        ...[...DENO, "raw/echo.ts", "client"],
        ...[port, `${row.rounds}`, `${row.warmup}`],
      ],
      core: placement.clientCore,
      cwd: HERE,
    });
    return JSON.parse(await client.line());
  }

  /** Nothing outlives a run. */
  async [Symbol.asyncDispose](): Promise<void> {}
}

/** Elixir, its modules compiled, with an `epmd` and a home of its own. */
export class Elixir implements Contestant {
  readonly name = "elixir";
  readonly #stack: AsyncDisposableStack;
  readonly #directory: string;
  readonly #env: Record<string, string>;

  private constructor(
    stack: AsyncDisposableStack,
    directory: string,
    env: Record<string, string>,
  ) {
    this.#stack = stack;
    this.#directory = directory;
    this.#env = env;
  }

  /** Compiles the modules and starts `epmd`; `undefined` where Elixir is missing. */
  static async prepare(): Promise<Elixir | undefined> {
    for (const program of ["elixirc", "epmd"]) {
      if (!await isInstalled(program)) return undefined;
    }
    await using stack = new AsyncDisposableStack();
    const directory = await Deno.makeTempDir({ prefix: "bench_elixir_" });
    stack.defer(() => Deno.remove(directory, { recursive: true }));
    const compiled = await new Deno.Command("elixirc", {
      args: ["-o", directory, `${HERE}elixir/bench.ex`],
      signal: AbortSignal.timeout(60_000),
    }).output();
    if (!compiled.success) {
      const said = new TextDecoder().decode(compiled.stderr);
      throw new Error(`Cannot compile bench/elixir/bench.ex: ${said}`);
    }
    const port = `${freePort()}`;
    stack.use(
      new Child({ command: ["epmd", "-port", port, "-address", "127.0.0.1"] }),
    );
    return new Elixir(stack.move(), directory, {
      ERL_EPMD_PORT: port,
      HOME: directory,
    });
  }

  /** Takes part in all rows. */
  takes(_row: Row): boolean {
    return true;
  }

  /** Runs a row once, on two fresh nodes, or without any if it is a local one. */
  async run(row: Row, placement: Placement): Promise<Sample> {
    if (row.local) return await this.#runLocal(row, placement);
    const cookie = newCookie();
    await using peer = this.#node(
      "bench_b@localhost",
      cookie,
      placement.peerCore,
      "Bench.Peer.main()",
    );
    await peer.line();
    await using client = this.#node(
      "bench_a@localhost",
      cookie,
      placement.clientCore,
      `Bench.Client.main(:"bench_b@localhost", :${row.name}, ` +
        `${row.rounds}, ${row.warmup})`,
    );
    return JSON.parse(await client.line());
  }

  async #runLocal(row: Row, placement: Placement): Promise<Sample> {
    const code = `Bench.Local.main(:${row.name}, ${row.rounds}, ${row.warmup})`;
    await using client = new Child({
      command: [
        ...["elixir", "--erl", "+P 2000000", "-pa", this.#directory],
        ...["-e", code],
      ],
      core: coresOf(placement),
      env: this.#env,
    });
    return JSON.parse(await client.line());
  }

  #node(name: string, cookie: string, core: number, code: string): Child {
    const erl = "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}";
    return new Child({
      command: [
        ...["elixir", "--sname", name, "--cookie", cookie],
        ...["-pa", this.#directory, "--erl", erl, "-e", code],
      ],
      core,
      env: this.#env,
    });
  }

  /** Ends `epmd` and removes the compiled modules. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

function coresOf({ clientCore, peerCore }: Placement): string {
  return [...new Set([clientCore, peerCore])].join(",");
}

function newCookie(): string {
  return crypto.randomUUID().replaceAll("-", "");
}
