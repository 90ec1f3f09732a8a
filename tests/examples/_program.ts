/** The programs of `examples/`, as processes of the operating system. */

import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { Child } from "../_child.ts";
import { connect } from "node:net";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** A running program; killed when it goes out of scope. */
export class Program extends Child {
  constructor(
    file: string,
    args: string[] = [],
    env: Record<string, string> = {},
  ) {
    super(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "--no-check", "-A"],
        ...[`--config=${ROOT}deno.json`, `${ROOT}examples/${file}`],
        ...args,
      ],
      env,
    });
  }

  /** Has it drain, and asserts that it ends in order. */
  async drain(): Promise<void> {
    this.kill("SIGTERM");
    const { code } = await this.status;
    assertEquals(code, 0, this.output);
  }
}

/** Writes bytes to a connection, and ends it after the answer, which is returned; the server may end it first. */
export function raw(port: number, bytes: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let received = "";
  const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
  socket.on("data", (data) => {
    received += data;
    socket.end();
  });
  socket.on("error", () => {});
  socket.on("close", () => resolve(received));
  return promise;
}
