/**
 * Keeps a server registered with a scope on its node. A restarted scope has lost its members and monitors, so the server
 * sends its request again.
 *
 * Races: the scope may exit before it has received the request. The monitor is set before the request, so a DOWN leads to
 * the next try.
 */

import { startCall } from "@otp/servers/server/call";
import { onDown, onExit } from "@otp/servers/server/on_exit";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { ignore } from "@otp/processes/promises/promises";
import { OwnRequest } from "@otp/processes/values/server_message";
import { findScope, type PgRequest, runningScope } from "./scopes.ts";

/** The interval of the look-ups for a scope that has exited, in milliseconds. */
const RETRY = 100;

/** Sends a scope a request whenever it has started. */
export class ScopeContact<T> {
  readonly #process: LocalProcess;
  readonly #scope: string;
  readonly #request: PgRequest;
  readonly #entered: (answer: T) => void;
  #isOver = false;
  #stopTimer: () => void = ignore;

  /**
   * Creates a contact; {@linkcode begin} sends the first request.
   *
   * @param process The server.
   * @param scope The scope's name.
   * @param request The request.
   * @param entered Called with each answer.
   */
  constructor(
    process: LocalProcess,
    scope: string,
    request: PgRequest,
    entered: (answer: T) => void = ignore,
  ) {
    this.#process = process;
    this.#scope = scope;
    this.#request = request;
    this.#entered = entered;
    onExit(process, () => this.end());
  }

  /**
   * Sends the first request; resolves when the scope has answered. Throws a `NoProcessError` if the scope does not run.
   */
  begin(): Promise<void> {
    runningScope(this.#process.runtime, this.#scope);
    return this.#contact();
  }

  end(): void {
    this.#isOver = true;
    this.#stopTimer();
  }

  #contact(): Promise<void> {
    const process = this.#process;
    const place = { node: process.runtime.node, name: this.#scope };
    onDown(process, place, () => {
      if (!this.#isOver) this.#later();
    });
    const { type } = this.#request;
    const asked = startCall<T>(
      process,
      place,
      new OwnRequest(this.#request),
      { timeout: Infinity, as: () => ["pg", type, [this.#scope]] },
    );
    return asked.promise.then(this.#entered);
  }

  #later(): void {
    const { runtime } = this.#process;
    this.#stopTimer = runtime.deadlines.after(RETRY, () => {
      if (findScope(runtime, this.#scope) === undefined) this.#later();
      else this.#contact().catch(ignore);
    });
  }
}
