/**
 * The server of a shell, which runs the code: on the client's node, or on another.
 *
 * A shell is two processes. The server owns an `Evaluator`, the process that runs the lines; when the evaluator
 * exits, the server reports it and starts another. The client (`shell_client.ts`) owns the input and sends requests.
 * `--remsh` spawns the server on the other node, as the function `Shell.serve`. A result comes back as text, because
 * values may not be sendable. Output needs no messages here: the evaluator uses the client's group leader.
 */

import { makeScope, type Scope } from "./cli/evaluate.ts";
import { Pid, Process, receive, type Ref, send } from "@otp/processes/process";
import { currentProcess } from "@otp/processes/runtime/current_process";
import { formatExit } from "@otp/processes/values/exit_reason";
import { makeCommands } from "./commands.ts";
import { complete } from "./completion.ts";
import { Evaluator } from "./evaluator.ts";
import { makeHelp, type Sources } from "./help.ts";
import {
  isSealed,
  isToken,
  type Sealed,
  type ShellAnswer,
  type ShellRequest,
} from "./shell_messages.ts";
import { LineValues } from "./line_values.ts";

export interface ShellContext {
  scope: Scope;
  /** The library's names; code can use each for another value. */
  library: Scope;
  /** The files of modules in the scope, for their documentation. */
  sources: Sources;
}

/** Serves a client until the client exits; requests and answers have the token. */
export async function serve(
  client: Pid,
  token: string,
  context: ShellContext,
): Promise<void> {
  if (!(client instanceof Pid) || !isToken(token)) {
    throw new TypeError(
      "Cannot serve a shell: give the client's pid, and its token",
    );
  }
  const process = currentProcess();
  const watch = Process.monitor(client);
  const server = new ShellServer(client, token, context);
  for (;;) {
    const message = await receive();
    if (message?.type === "DOWN") {
      if (!process.isDown(message.ref)) continue;
      if (watch.equals(message.ref)) break;
      server.down(message.ref, message.reason);
    } else if (isSealed(message, token)) {
      if (message.type === "stop") break;
      server.handle(message);
    }
  }
  server.stop();
}

class ShellServer {
  readonly #client: Pid;
  readonly #token: string;
  readonly #scope: Scope;
  #evaluator: Evaluator;
  readonly #values = new LineValues();
  #running: number | undefined;
  #interrupted = false;

  constructor(
    client: Pid,
    token: string,
    { scope, library, sources }: ShellContext,
  ) {
    this.#client = client;
    this.#token = token;
    const own = makeScope(scope);
    // A module of the user may have the same name as a command.
    const modules = { scope: () => this.#scope, sources };
    const commands = makeScope(makeCommands(this.#values, modules), own);
    this.#scope = makeScope(
      { h: makeHelp(commands, { library, sources }, this.#values) },
      commands,
    );
    this.#evaluator = new Evaluator(this.#scope, this.#values);
  }

  handle(message: ShellRequest): void {
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
    }
  }

  down(ref: Ref, reason: unknown): void {
    if (this.#evaluator.ref.equals(ref)) this.#exited(reason);
  }

  stop(): void {
    Process.exit(this.#evaluator.pid, "kill");
  }

  #evaluate(id: number, source: string, width: number): void {
    this.#running = id;
    this.#evaluator.evaluate(source, width).then((outcome) => {
      // The process exited after its last wait, and its exit has been reported instead.
      if (this.#running !== id) return;
      this.#running = undefined;
      this.#answer({ type: "evaluated", id, ...outcome });
    });
  }

  /** Starts a new evaluator after an exit; declarations persist. */
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
    this.#evaluator = new Evaluator(this.#scope, this.#values);
    this.#answer({ type: "exited", id, text });
  }

  #answer(answer: ShellAnswer): void {
    const sealed: Sealed<ShellAnswer> = { ...answer, token: this.#token };
    send(this.#client, sealed);
  }
}
