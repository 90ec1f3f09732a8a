/** The parts that all servers of the fan-out share: the port, and commands on their input. */

import { createServer } from "node:http";
import process from "node:process";
import { createInterface } from "node:readline";

/** Serves by `node:http`, and prints the port; the input has commands, and ends the program. */
export async function serve(server = createServer()) {
  await new Promise((resolve) =>
    server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, resolve)
  );
  console.log(server.address().port);
  const commands = {
    /** The memory of the program, without garbage. */
    memory() {
      for (let i = 0; i < 4; i++) globalThis.gc();
      return process.memoryUsage().rss;
    },
    cpu() {
      const { user, system } = process.cpuUsage();
      return user + system;
    },
    ...serve.commands,
  };
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await commands[line]() ?? null));
  }
  process.exit();
}
/** Further commands. */
serve.commands = {};
