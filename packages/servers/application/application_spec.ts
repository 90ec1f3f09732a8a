/** The description of an application that users write. */

import { isLongName, MAX_NAME_LENGTH } from "@otp/processes/values/atom";
import type { OptionChecks } from "@otp/processes/values/options";
import type { Pid } from "@otp/processes/values/pid";
import {
  ARRAY,
  FUNCTION,
  RECORD,
  TEXT,
} from "@otp/processes/values/check_arguments";

/** An application: Elixir's application module and its entry in `mix.exs`. */
export interface ApplicationSpec {
  /** The application's name. */
  name: string;
  /**
   * A one-line description.
   *
   * @default {undefined}
   */
  description?: string;
  /**
   * The application's version.
   *
   * @default {undefined}
   */
  vsn?: string;
  /**
   * The application's settings, stored at its first start, except for keys that a configuration (`Application.load`) or a
   * persistent setting has already set.
   *
   * @default {{}}
   */
  env?: Record<string, unknown>;
  /**
   * The applications that must run before this one starts.
   *
   * @default {[]}
   */
  applications?: readonly ApplicationSpec[];
  /**
   * Starts the application.
   *
   * @returns The pid of the top supervisor.
   */
  start(): Pid | Promise<Pid>;
  /**
   * Called before the top supervisor is stopped, or after it has exited by itself.
   *
   * @default {undefined}
   */
  prepStop?(): void | Promise<void>;
  /**
   * Called after the top supervisor has exited.
   *
   * @default {undefined}
   */
  stop?(): void | Promise<void>;
}

/** The fields of a description. */
export const APPLICATION_FIELDS: OptionChecks<ApplicationSpec> = {
  name: {
    accepts: (name) =>
      typeof name === "string" && name !== "" && !isLongName(name),
    give: `a text of 1 to ${MAX_NAME_LENGTH} characters`,
    isRequired: true,
  },
  description: TEXT,
  vsn: TEXT,
  env: RECORD,
  applications: ARRAY,
  start: {
    ...FUNCTION,
    give: "a function that returns the pid of its top supervisor",
    isRequired: true,
  },
  prepStop: FUNCTION,
  stop: FUNCTION,
};
