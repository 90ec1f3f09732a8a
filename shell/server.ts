/**
 * The half of a shell that runs code: on the client's node, or on another.
 *
 * @module
 */

import { makeScope, type Scope } from "../cli/evaluate.ts";
import { exit, monitor, Pid, receive, send } from "../process.ts";
import { formatExit } from "../runtime/reason.ts";
import { complete } from "./completion.ts";
import { Evaluator } from "./evaluator.ts";
import { makeHelp, type Sources } from "./help.ts";
import type { ShellAnswer, ShellRequest } from "./messages.ts";

/** What a shell's code sees. */
export interface ShellContext {
  /** The names. */
  scope: Scope;
  /** The files of modules among them, for their documentation. */
  sources: Sources;
}

/** Serves a client until it is gone. */
export async function serve(client: Pid, context: ShellContext): Promise<void> {
  if (!(client instanceof Pid)) {
    throw new TypeError("Cannot serve a shell: the client is a pid");
  }
  const watch = monitor(client);
  const server = new ShellServer(client, context);
  for (;;) {
    const message = await receive();
    if (message?.type === "DOWN" && watch.equals(message.ref)) break;
    if (message?.type === "stop") break;
    server.handle(message);
  }
  server.stop();
}

class ShellServer {
  readonly #client: Pid;
  readonly #scope: Scope;
  #evaluator: Evaluator;
  /** The code that is running. */
  #running: number | undefined;
  #interrupted = false;

  constructor(client: Pid, { scope, sources }: ShellContext) {
    this.#client = client;
    const own = makeScope(scope);
    this.#scope = "h" in own
      ? own
      : makeScope(own, { h: makeHelp(own, sources) });
    this.#evaluator = new Evaluator(this.#scope);
  }

  handle(message: ShellRequest | { type: "DOWN"; reason: unknown }): void {
    switch (message?.type) {
      case "evaluate":
        this.#evaluate(message.id, message.source, message.width);
        return;
      case "complete": {
        const completion = complete(message.text, this.#scope);
        this.#answer({ type: "completed", id: message.id, ...completion });
        return;
      }
      case "interrupt":
        this.#interrupted = this.#running !== undefined;
        if (this.#interrupted) this.stop();
        return;
      case "DOWN":
        this.#exited(message.reason);
    }
  }

  stop(): void {
    exit(this.#evaluator.pid, "kill");
  }

  #evaluate(id: number, source: string, width: number): void {
    this.#running = id;
    this.#evaluator.evaluate(source, width).then((outcome) => {
      this.#running = undefined;
      this.#answer({ type: "evaluated", id, ...outcome });
    });
  }

  /** A new process takes over; what was declared stays. */
  #exited(reason: unknown): void {
    const { pid } = this.#evaluator;
    const text = this.#interrupted
      ? `** (interrupted) ${pid} was killed and waits no more; a new process goes on`
      : `** (EXIT from ${pid}) shell process exited with reason: ${
        formatExit(reason)
      }`;
    const id = this.#running;
    this.#running = undefined;
    this.#interrupted = false;
    this.#evaluator = new Evaluator(this.#scope);
    this.#answer({ type: "exited", id, text });
  }

  #answer(answer: ShellAnswer): void {
    send(this.#client, answer);
  }
}
