/** A PostgreSQL server of its own for a test, in a temporary folder, and pgbouncer before it. */

import { dirname } from "node:path";
import { freePort } from "../packages/testing/_ports.ts";

/** The user that runs the server if the tests run as root, whom PostgreSQL refuses: nobody. */
const NOBODY = 65534;

const AS = Deno.uid() === 0 ? { uid: NOBODY, gid: NOBODY } : {};

export class PostgresServer implements AsyncDisposable {
  readonly port: number = freePort();
  readonly #folder: string;
  readonly #bin: string;
  /** The folder of the database that is served. */
  #data = "data";
  #server: Deno.ChildProcess | undefined;

  private constructor(folder: string, bin: string) {
    this.#folder = folder;
    this.#bin = bin;
  }

  /** Creates a database and starts its server. */
  static async start(): Promise<PostgresServer> {
    // A sandbox's temporary folder is closed to other users.
    const folder = await Deno.makeTempDir({ dir: "/tmp", prefix: "postgres" });
    if (AS.uid !== undefined) await Deno.chown(folder, AS.uid, AS.gid!);
    const server = new PostgresServer(folder, await binaries());
    await server.#tool("initdb", [
      ...["-D", `${folder}/data`, "-U", "test", "-A", "trust", "-E", "UTF8"],
      ...["--locale=C", "--no-sync"],
    ]);
    await server.launch();
    return server;
  }

  /** The address of the database, for clients. */
  get url(): string {
    return `postgres://test@127.0.0.1:${this.port}/postgres`;
  }

  /** Starts the server, again after a stop. */
  async launch(): Promise<void> {
    this.#server = this.#spawn("postgres", [
      ...["-D", `${this.#folder}/${this.#data}`, "-p", String(this.port)],
      ...["-k", this.#folder, "-c", "listen_addresses=127.0.0.1"],
    ]);
    await this.#untilReady(this.port);
  }

  /** Stops the server: `SIGINT` ends its connections, `SIGQUIT` is a crash. */
  async stop(signal: "SIGINT" | "SIGQUIT" = "SIGINT"): Promise<void> {
    this.#server?.kill(signal);
    await this.#server?.status;
    this.#server = undefined;
  }

  /** Makes a standby, which gets nothing that is written from now on; returns a function that has it take over. */
  async standby(): Promise<() => Promise<void>> {
    const data = "standby";
    await this.#tool("pg_basebackup", [
      ...[...this.#at(this.port), "-D", `${this.#folder}/${data}`],
      ...["--checkpoint=fast", "--no-sync"],
    ]);
    await Deno.writeTextFile(`${this.#folder}/${data}/standby.signal`, "");
    return async () => {
      await this.stop("SIGQUIT");
      this.#data = data;
      await this.launch();
      await this.#tool("pg_ctl", ["promote", "-D", `${this.#folder}/${data}`]);
    };
  }

  /** Dumps the tables whose names match; returns a function that restores them. */
  async dump(tables: string): Promise<() => Promise<void>> {
    const file = `${this.#folder}/dump.sql`;
    const at = [...this.#at(this.port), "-d", "postgres", "-f", file];
    await this.#tool("pg_dump", [...at, "--clean", "-t", tables]);
    return () =>
      this.#tool("psql", [
        ...[...at, "--single-transaction", "-v", "ON_ERROR_STOP=1"],
      ]);
  }

  /** Starts pgbouncer in transaction mode; returns the address. */
  async bounce(): Promise<Bouncer> {
    const port = freePort();
    const file = `${this.#folder}/pgbouncer.ini`;
    await Deno.writeTextFile(
      file,
      `[databases]
postgres = host=127.0.0.1 port=${this.port} dbname=postgres user=test
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 4
server_login_retry = 1
`,
    );
    const url = `postgres://test@127.0.0.1:${port}/postgres`;
    const bouncer = new Bouncer(
      url,
      () => this.#spawn("pgbouncer", [file], ""),
    );
    await this.#untilReady(port);
    return bouncer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGQUIT");
    await Deno.remove(this.#folder, { recursive: true });
  }

  /** Waits until a server accepts a connection and answers. */
  async #untilReady(port: number): Promise<void> {
    await this.#tool("pg_isready", [
      ...[...this.#at(port), "-d", "postgres"],
    ], 100);
  }

  /** The arguments of a client's tool. */
  #at(port: number): string[] {
    return ["-h", "127.0.0.1", "-p", String(port), "-U", "test"];
  }

  /** Runs a tool until it succeeds, that many times at most. */
  async #tool(name: string, args: string[], times = 1): Promise<void> {
    for (let left = times;; left--) {
      const { success, stderr } = await new Deno.Command(
        `${this.#bin}/${name}`,
        { args, cwd: this.#folder, stdin: "null", stdout: "null", ...AS },
      ).output();
      if (success) return;
      if (left > 1) {
        // safe: a program that starts tells nobody when it is ready; this is a poll with a bound.
        await new Promise((resolve) => setTimeout(resolve, 100));
        continue;
      }
      throw new Error(`${name}: ${new TextDecoder().decode(stderr)}`);
    }
  }

  #spawn(
    name: string,
    args: string[],
    bin: string = `${this.#bin}/`,
  ): Deno.ChildProcess {
    return new Deno.Command(bin + name, {
      args,
      cwd: this.#folder,
      stdin: "null",
      stdout: "null",
      stderr: "null",
      ...AS,
    }).spawn();
  }
}

/** A pgbouncer. */
export class Bouncer implements AsyncDisposable {
  readonly url: string;
  readonly #spawn: () => Deno.ChildProcess;
  #child: Deno.ChildProcess;

  constructor(url: string, spawn: () => Deno.ChildProcess) {
    this.url = url;
    this.#spawn = spawn;
    this.#child = spawn();
  }

  /** Kills it, so that its connections break, and starts it again. */
  async restart(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
    this.#child = this.#spawn();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGINT");
    await this.#child.status;
  }
}

/** The folder of the server's programs: Debian keeps them out of the path, so `postgres` may be a link. */
async function binaries(): Promise<string> {
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", "readlink -f $(command -v postgres)"],
  }).output();
  return dirname(new TextDecoder().decode(stdout).trim());
}
