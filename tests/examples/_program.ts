/** The programs of `examples/`, as processes of the operating system. */

import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { Child } from "../_child.ts";

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
