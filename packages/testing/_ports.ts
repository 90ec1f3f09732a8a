/** Ports for tests. */

import { createServer } from "node:net";
import nodeProcess from "node:process";

/** The number of ports that a run reserves for a test process: one for EPMD, the others for its tests. */
export const BLOCK = 50;

/** The flag by which a run names the first port of a process's block. */
export const PORTS_FLAG = "--harness-ports=";

/** The ports for processes that have no block. */
const UNRESERVED = { first: 10_000, count: 10_000 };

const ports = reserved() ?? UNRESERVED;
let next = Math.floor(Math.random() * ports.count);

function reserved(): typeof UNRESERVED | undefined {
  const flag = nodeProcess.argv.find((arg) => arg.startsWith(PORTS_FLAG));
  return flag === undefined ? undefined : {
    first: Number(flag.slice(PORTS_FLAG.length)) + 1,
    count: BLOCK - 1,
  };
}

/**
 * Returns a port that is free now, from the block that the run has reserved for this process, or a random one. The port
 * is below the range that the system picks from for port 0, so that the system does not assign it before its use.
 * Throws an `Error` if no port is free.
 */
export function freePort(): number {
  const { first, count } = ports;
  for (let i = 0; i < count; i++) {
    const port = first + next++ % count;
    if (isFree(port)) return port;
  }
  throw new Error(
    `Cannot find a free port from ${first} to ${first + count - 1}`,
  );
}

/** Whether nothing listens on a port. Without a host, `listen` binds in the same turn, on Deno, Node and Bun. */
function isFree(port: number): boolean {
  const server = createServer().on("error", () => {});
  server.listen(port);
  const isBound = server.address() !== null;
  server.close();
  return isBound;
}
