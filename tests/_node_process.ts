/** A node in an OS process of its own, run as a program by {@linkcode NodeProcess}. */

import { fileURLToPath } from "node:url";
import { Node, type NodeOptions } from "../node.ts";
import { Supervisor } from "../packages/servers/supervisor/supervisor.ts";
import { TaskSupervisor } from "../task_supervisor.ts";
import { Child } from "./_child.ts";
import { type Cluster, COOKIE } from "./_nodes.ts";
import * as Remote from "./_remote.ts";

const FILE = fileURLToPath(import.meta.url);
const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** The node, as its test sees it; killed when it goes out of scope. */
export class NodeProcess extends Child {
  /** The node's name. */
  readonly name: string;

  private constructor(name: string, [program, ...args]: string[]) {
    super(program, { args });
    this.name = name;
  }

  /**
   * Starts a node: `kate` is `kate@localhost`. It has a Task.Supervisor named `tasks`. `descriptors` limits
   * the number of its file descriptors; `readable` is a folder that it may read.
   */
  static async start(
    cluster: Cluster,
    name: string,
    options: Partial<NodeOptions> = {},
    { descriptors, readable }: { descriptors?: number; readable?: string } = {},
  ): Promise<NodeProcess> {
    const full: NodeOptions = {
      name: `${name}@localhost`,
      cookie: COOKIE,
      epmdPort: cluster.epmdPort,
      ...options,
    };
    const command = [
      Deno.execPath(),
      "run",
      "--quiet",
      "--no-check",
      "--no-prompt",
      `--config=${ROOT}deno.json`,
      "--allow-net=127.0.0.1",
      ...(readable === undefined ? [] : [`--allow-read=${readable}`]),
      FILE,
      JSON.stringify(full),
    ];
    if (descriptors !== undefined) {
      // Where coverage is measured, the limit would leave no descriptor for the coverage that it writes at its
      // end.
      const limited =
        `unset DENO_COVERAGE_DIR; ulimit -n ${descriptors} && exec "$0" "$@"`;
      command.unshift("sh", "-c", limited);
    }
    const node = new NodeProcess(full.name, command);
    try {
      await node.printed("ready\n");
    } catch (error) {
      await node[Symbol.asyncDispose]();
      throw error;
    }
    return node;
  }
}

if (import.meta.main) {
  const options: NodeOptions = JSON.parse(Deno.args[0]);
  const node = await Node.start({
    onTreeEnd: "continue",
    ...options,
    modules: { Remote },
    log() {},
  });
  await node.run(async () => {
    await Supervisor.startLink([[TaskSupervisor, { name: "tasks" }]], {
      strategy: "one_for_one",
    });
    await Deno.stdout.write(new TextEncoder().encode("ready\n"));
    await Remote.wait();
  });
}
