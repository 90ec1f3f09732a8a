/**
 * The description of an application that users write.
 *
 * @module
 */

import type { Pid } from "../../runtime/values/pid.ts";

/** An application: Elixir's application module and its entry in `mix.exs`. */
export interface ApplicationSpec {
  /** The application's name. */
  name: string;
  /**
   * A description, in a line.
   *
   * @default {undefined}
   */
  description?: string;
  /**
   * Its version.
   *
   * @default {undefined}
   */
  vsn?: string;
  /**
   * Its environment from its first start, except for values of a configuration (`Application.load`) and values
   * that were put as persistent.
   *
   * @default {{}}
   */
  env?: Record<string, unknown>;
  /**
   * The applications that must run before it starts.
   *
   * @default {[]}
   */
  applications?: readonly ApplicationSpec[];
  /**
   * Starts the application.
   *
   * @returns The pid of its top supervisor.
   */
  start(): Pid | Promise<Pid>;
  /**
   * Called before the top supervisor is stopped, or when it has exited by itself.
   *
   * @default {undefined}
   */
  prepStop?(): void | Promise<void>;
  /**
   * Called when the top supervisor has exited.
   *
   * @default {undefined}
   */
  stop?(): void | Promise<void>;
}
