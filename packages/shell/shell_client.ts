/** The client of a shell: it owns the terminal and sends requests to the server, which may be on another node. */

import { IO } from "@otp/node/io/io";
import { Node } from "@otp/node/node";
import {
  type Pid,
  receive,
  type Ref,
  self,
  send,
  spawnMonitor,
} from "@otp/processes/process";
import { runInside } from "@otp/processes/context/async_context";
import { currentProcess } from "@otp/processes/runtime/current_process";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { printable } from "@otp/processes/values/inspect";
import { isExitSignal } from "@otp/processes/values/exit_message";
import { formatExit } from "@otp/processes/values/exit_reason";
import type { EvaluationOutcome } from "./evaluator.ts";
import {
  isSealed,
  makeToken,
  type Sealed,
  type ShellAnswer,
  type ShellRequest,
} from "./shell_messages.ts";
import { serve, type ShellContext } from "./shell_server.ts";

/** The server has exited or cannot be reached. */
export class ServerLost extends Error {
  /** Always `"ServerLost"`. */
  override readonly name = "ServerLost";
}

/** The completions of a text, and the part of it that they replace. */
export type Completion = [names: string[], from: string];

/** Sends requests to a shell's server. */
export class ShellClient {
  /** Rejects with {@linkcode ServerLost} when the server is lost. */
  readonly lost: Promise<never>;
  /** Called when the process exits while no code runs. */
  onExit: (text: string) => void = () => {};
  /** Called for an exit signal that the process has trapped. */
  onSignal: (reason: unknown) => void = () => {};
  readonly #process: LocalProcess;
  readonly #server: Pid;
  readonly #ref: Ref;
  readonly #token: string;
  readonly #closing = new AbortController();
  readonly #waiting = new Map<number, (answer: ShellAnswer) => void>();
  readonly #lose: (error: ServerLost) => void;
  #lastId = 0;

  private constructor({ pid, ref }: { pid: Pid; ref: Ref }, token: string) {
    this.#process = currentProcess();
    this.#server = pid;
    this.#ref = ref;
    this.#token = token;
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => {});
    this.lost = promise;
    this.#lose = reject;
    void this.#listen();
  }

  /** Starts a server on the caller's node. */
  static local(context: ShellContext): ShellClient {
    const client = self();
    const token = makeToken();
    const run = () => serve(client, token, context);
    return new ShellClient(
      spawnMonitor(run, [], { label: "shell server" }),
      token,
    );
  }

  /** Starts a server on another node. Throws an `UndefinedFunctionError` if the node does not allow shells. */
  static async remote(node: string): Promise<ShellClient> {
    const token = makeToken();
    const fn = ["Shell", "serve"] as const;
    return new ShellClient(
      await Node.spawnMonitor(node, fn, [self(), token]),
      token,
    );
  }

  /** Runs code; returns its value or error as text. */
  async evaluate(source: string, width: number): Promise<EvaluationOutcome> {
    const id = ++this.#lastId;
    const answer = await this.#ask({ type: "evaluate", id, source, width });
    await this.#written();
    return {
      ok: answer.type === "evaluated" && answer.ok === true,
      text: answer.type === "completed" ? "" : shown(answer.text),
    };
  }

  /** The completions of the text before the cursor. */
  async complete(text: string): Promise<Completion> {
    const answer = await this.#ask({
      type: "complete",
      id: ++this.#lastId,
      text,
    });
    return answer.type === "completed" && Array.isArray(answer.names) &&
        text.endsWith(answer.from)
      ? [answer.names.map(shown), answer.from]
      : [[], text];
  }

  interrupt(): void {
    this.#tell({ type: "interrupt" });
  }

  /** Abandons a server that does not answer. */
  lose(why: string): void {
    this.#lose(new ServerLost(why));
  }

  close(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    if (this.#process.alive) this.#tell({ type: "stop" });
  }

  /**
   * Waits for earlier output. The answer goes to the client and output to the group leader, so the value of a line
   * could otherwise overtake the line's output.
   */
  async #written(): Promise<void> {
    if (!this.#process.alive) return;
    try {
      await Promise.race([
        runInside(this.#process, () => IO.write("")),
        this.lost,
      ]);
    } catch {
      // Without a group leader there is no output to wait for.
    }
  }

  #ask(request: ShellRequest & { id: number }): Promise<ShellAnswer> {
    const answer = new Promise<ShellAnswer>((resolve) =>
      this.#waiting.set(request.id, resolve)
    );
    this.#tell(request);
    return Promise.race([answer, this.lost]);
  }

  #tell(request: ShellRequest): void {
    // Send from the client's process: the terminal's callbacks run in no process, and order holds only between two
    // processes.
    const sealed: Sealed<ShellRequest> = { ...request, token: this.#token };
    runInside(this.#process, () => void send(this.#server, sealed));
  }

  async #listen(): Promise<void> {
    const { signal } = this.#closing;
    for (;;) {
      let message;
      try {
        message = await receive(null, { signal });
      } catch {
        return;
      }
      if (
        message?.type === "DOWN" && this.#ref.equals(message.ref) &&
        this.#process.isDown(message.ref)
      ) {
        const { node } = this.#server;
        this.#lose(
          new ServerLost(
            message.reason === "noconnection"
              ? `no connection to ${node}`
              : formatExit(message.reason),
          ),
        );
        return;
      }
      if (isSealed(message, this.#token)) this.#take(message as ShellAnswer);
      else if (isExitSignal(message)) this.onSignal(message.reason);
    }
  }

  #take(answer: ShellAnswer): void {
    const { id } = answer;
    const waiting = id === undefined ? undefined : this.#waiting.get(id);
    if (id !== undefined && waiting !== undefined) {
      this.#waiting.delete(id);
      waiting(answer);
    } else if (answer.type === "exited") this.onExit(shown(answer.text));
  }
}

/** Text from the server, escaped for a terminal: the server may be on a node that is not trusted. */
function shown(text: unknown): string {
  return printable(String(text));
}
