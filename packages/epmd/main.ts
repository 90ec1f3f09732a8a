/**
 * EPMD as a program: `deno run --allow-net jsr:@otp/epmd/main`.
 *
 * It serves EPMD in a process of its own, so that no node which computes keeps others from finding each other.
 *
 * @module
 */

import { isIP } from "node:net";
import nodeProcess from "node:process";
import { names } from "./epmd_client.ts";
import { EpmdServer } from "./epmd_server.ts";

const HELP = `Usage: epmd [flags]

Serves EPMD, where nodes of this machine register their names and find each other. It runs until
SIGINT or SIGTERM stops it. Start it before the nodes: otherwise the first node serves EPMD itself.

Flags, with one dash or two:
  -port N        The port [ERL_EPMD_PORT, or 4369]
  -address A,B   The addresses to listen on, besides 127.0.0.1 [ERL_EPMD_ADDRESS]
  -names         List the nodes that are registered with the EPMD that runs, of any kind
  -help          Show this

Exit codes: 0 done or stopped, 1 failed, 2 wrong usage
`;

const DEFAULT_PORT = 4369;
const LOOPBACK = "127.0.0.1";
/** The addresses that include all others. */
const ALL = ["::", "0.0.0.0"];

/** The request of the command line. */
interface EpmdCommand {
  action: "serve" | "names" | "help";
  port: number;
  /** The addresses besides loopback. */
  addresses: string[];
}

/**
 * Runs EPMD's command line; resolves with the exit code when the program is asked to stop.
 *
 * @param args The arguments, as `-help` lists them.
 * @returns The exit code: 0 done or stopped, 1 failed, 2 wrong usage.
 *
 * @example Usage
 * ```ts
 * import { main } from "@otp/distribution/epmd";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await main(["-port", "none"]), 2);
 * ```
 */
export async function main(args: readonly string[]): Promise<number> {
  let command: EpmdCommand;
  try {
    command = parse(args);
  } catch (error) {
    return complain(error, 2);
  }
  try {
    switch (command.action) {
      case "help":
        print(HELP);
        break;
      case "names":
        await list(command);
        break;
      case "serve":
        await serveUntilStopped(command);
    }
    return 0;
  } catch (error) {
    return complain(error, 1);
  }
}

function parse(args: readonly string[]): EpmdCommand {
  let action: EpmdCommand["action"] = "serve";
  const given: { port?: string; address?: string } = {};
  for (const rest = [...args]; rest.length > 0;) {
    const arg = rest.shift()!;
    const [, name = "", joined] = /^--?([a-z]+)(?:=(.*))?$/s.exec(arg) ?? [];
    if (name === "port" || name === "address") {
      given[name] = joined ?? rest.shift();
      if (given[name] === undefined) {
        throw new TypeError(`Cannot use -${name}: its value is missing`);
      }
    } else if (name === "help" || name === "h") action = "help";
    else if (name === "names") action = action === "help" ? "help" : "names";
    else {
      throw new TypeError(
        `Cannot use ${JSON.stringify(arg)}: there is no such flag; see -help`,
      );
    }
  }
  if (action === "help") return { action, port: 0, addresses: [] };
  const { port = nodeProcess.env.ERL_EPMD_PORT } = given;
  const { address = nodeProcess.env.ERL_EPMD_ADDRESS ?? "" } = given;
  return {
    action,
    port: port === undefined || port === "" ? DEFAULT_PORT : portOf(port),
    addresses: address.split(",").map((each) => each.trim())
      .filter((each) => each !== "").map(checkAddress),
  };
}

function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65535) return port;
  throw new RangeError(
    `Cannot use port ${JSON.stringify(text)}: give a number from 1 to 65535`,
  );
}

function checkAddress(text: string): string {
  if (isIP(text) !== 0) return text;
  throw new TypeError(
    `Cannot use address ${JSON.stringify(text)}: give IP addresses, as in ` +
      "-address 10.0.0.7,::1",
  );
}

/** Lists names as Erlang's `epmd -names` does. */
async function list({ port, addresses }: EpmdCommand): Promise<void> {
  const [first = LOOPBACK] = addresses;
  const host = ALL.includes(first) ? LOOPBACK : first;
  const entries = await names({ host, port });
  print(`epmd: up and running on port ${port} with data:\n`);
  for (const each of entries) print(`name ${each.name} at port ${each.port}\n`);
}

async function serveUntilStopped(
  { port, addresses }: EpmdCommand,
): Promise<void> {
  const all = ALL.find((each) => addresses.includes(each));
  const host = all ?? LOOPBACK;
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  // After the first signal, another one has its usual effect.
  const stop = () => {
    nodeProcess.off("SIGINT", stop);
    nodeProcess.off("SIGTERM", stop);
    resolve();
  };
  let server: EpmdServer;
  try {
    server = await EpmdServer.listen({
      host,
      port,
      alsoAt: addresses,
      log: (level, text) =>
        void nodeProcess.stderr.write(`epmd: ${level}: ${text}\n`),
    });
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    throw new Error(
      `Cannot serve EPMD on port ${port}: ${
        code === "EADDRINUSE"
          ? "the port is in use, perhaps by another EPMD or a node that serves it, whose nodes -names lists; stop it, or choose another -port"
          : message
      }`,
      { cause: error },
    );
  }
  nodeProcess.on("SIGINT", stop);
  nodeProcess.on("SIGTERM", stop);
  print(
    `epmd: serves at ${
      [...new Set([host, ...addresses])].join(", ")
    }, port ${port}\n`,
  );
  await stopped;
  await server.close();
}

function print(text: string): void {
  nodeProcess.stdout.write(text);
}

function complain(error: unknown, code: number): number {
  const text = error instanceof Error ? error.message : String(error);
  nodeProcess.stderr.write(`epmd: ${text}\n`);
  return code;
}

if (import.meta.main) {
  nodeProcess.exitCode = await main(nodeProcess.argv.slice(2));
}
