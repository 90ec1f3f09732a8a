/**
 * The node that code starts, in a program that was started without one: at the prompt, by `--eval` or in a
 * module.
 *
 * As in iex, the program then runs on the started node: other nodes can call its modules, and its application runs
 * there. A node has its own processes, so the application is stopped and then started on the node, and the reverse when
 * the node stops.
 */

import {
  Application,
  type ApplicationSpec,
} from "@otp/servers/application/application";
import { type ModuleExports, Node } from "@otp/node/node";
import { outside, runInside } from "@otp/processes/context/async_context";
import { onDefaultRuntime, unnamed } from "@otp/processes/runtime/default_node";
import { complain } from "./output.ts";
import { formatThrown } from "./report.ts";
import { internalsOf, startedNodes } from "@otp/node/start/node_internals";
import { shellProcess } from "@otp/processes/spawning/spawn_process";

/** Moves the program to the node that its code starts. Disposing of this object stops the node. */
export class CodesNode implements AsyncDisposable {
  readonly #modules: Record<string, ModuleExports>;
  readonly #configuration: Record<string, Record<string, unknown>>;
  readonly #application: ApplicationSpec | undefined;
  readonly #others: readonly Node[];
  readonly #stopListening: () => void;
  #node: Node | undefined;
  #moved: Promise<void> = Promise.resolve();

  constructor(
    modules: Record<string, ModuleExports>,
    configuration: Record<string, Record<string, unknown>>,
    application: ApplicationSpec | undefined,
    others: readonly Node[],
  ) {
    this.#others = others;
    this.#modules = modules;
    this.#configuration = configuration;
    this.#application = application;
    this.#node = startedNodes(Node).at(0);
    this.#export();
    this.#stopListening = onDefaultRuntime(() => outside(() => this.#move()));
  }

  async #move(): Promise<void> {
    const from = this.#node;
    const to = this.#node = startedNodes(Node).at(0);
    if (from === to) return;
    this.#export();
    const application = this.#application;
    if (application === undefined) return;
    this.#moved = this.#moved.then(async () => {
      // The applications of a node have been stopped with it.
      if (from === undefined) {
        await on(from, () => Application.stop(application.name));
      }
      if (to !== this.#node) return;
      await on(to, async () => {
        Application.load(this.#configuration);
        await Application.start(application);
      });
    }).catch((error) => complain(`[error] ${formatThrown(error)}`));
    await this.#moved;
  }

  #export(): void {
    const node = this.#node;
    if (node === undefined) return;
    const { modules } = internalsOf(node).runtime;
    const own = new Set([...modules.entries()].map(([name]) => name));
    for (const [name, module] of Object.entries(this.#modules)) {
      if (!own.has(name)) node.export(name, module);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopListening();
    await this.#moved;
    const own = startedNodes(Node).filter((node) =>
      !this.#others.includes(node)
    );
    for (const node of own.reverse()) await node.stop();
  }
}

function on<T>(node: Node | undefined, fn: () => Promise<T>): Promise<T> {
  return node?.run(fn) ??
    runInside(shellProcess(unnamed()), () => Node.run(fn));
}
