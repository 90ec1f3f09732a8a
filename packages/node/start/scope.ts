/**
 * The names that closures from other nodes can use: names of the library, of the node's parts, and exported modules.
 *
 * With the names of the parts, the list repeats `mod.ts` of `@otp/distribution`, as a test asserts. If both imported one
 * list, bundlers that split programs would load all of it with the program's first file.
 */

import * as agent from "@otp/servers/agent/agent";
import * as application from "@otp/servers/application/application";
import * as dynamicSupervisor from "@otp/servers/supervisor/dynamic_supervisor";
import * as errors from "@otp/processes/errors";
import * as genServer from "@otp/servers/gen_server/gen_server";
import { flush } from "../io/flush.ts";
import * as io from "../io/io.ts";
import * as logger from "@otp/servers/logger/logger";
import * as pg from "../pg/pg.ts";
import * as process from "@otp/processes/process";
import * as registry from "@otp/servers/registry/registry";
import * as rpc from "../rpc/rpc.ts";
import * as supervisor from "@otp/servers/supervisor/supervisor";
import * as task from "@otp/servers/task/task";
import * as taskSupervisor from "@otp/servers/task/task_supervisor";
import { jsonLog } from "@otp/processes/log/json_log";
import { standardLog, textLog } from "@otp/processes/log/log_event";
import { type Modules, remote } from "@otp/processes/remote/exported_modules";
import { Atom, atom } from "@otp/processes/values/atom";
import { Bitstring } from "@otp/processes/values/bitstring";
import { Float } from "@otp/processes/values/float";
import { ExternalFunction } from "@otp/processes/values/functions";
import {
  ImproperList,
  improperList,
} from "@otp/processes/values/improper_list";
import { inspect } from "@otp/processes/values/inspect";
import { Port } from "@otp/processes/values/port";
import { Tuple, tuple } from "@otp/processes/values/tuple";

const LIBRARY = {
  ...agent,
  ...application,
  ...dynamicSupervisor,
  ...errors,
  ...genServer,
  ...io,
  ...logger,
  ...pg,
  ...process,
  ...registry,
  ...rpc,
  ...supervisor,
  ...task,
  ...taskSupervisor,
  flush,
  jsonLog,
  standardLog,
  textLog,
  remote,
  Atom,
  atom,
  Bitstring,
  Float,
  ExternalFunction,
  ImproperList,
  improperList,
  inspect,
  Port,
  Tuple,
  tuple,
};

const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;

/**
 * Compiles a closure's source to a function.
 *
 * @param source A function expression.
 * @param modules The exported modules, which take precedence over the library's names.
 * @param node The names of `node.ts`, which is in the layer above this file, and of the node's parts.
 * @returns The function.
 * @throws {SyntaxError} If the source is not a function expression.
 */
export function compileClosure(
  source: string,
  modules: Modules,
  node: Record<string, unknown>,
): (...args: unknown[]) => unknown {
  const scope: Record<string, unknown> = { ...LIBRARY, ...node };
  for (const [name, module] of modules.entries()) {
    if (IDENTIFIER.test(name)) scope[name] = module;
  }
  const make = new Function(
    ...Object.keys(scope),
    `"use strict"; return (${source});`,
  );
  const fn = make(...Object.values(scope));
  if (typeof fn !== "function") throw new SyntaxError("no function");
  return (...args) => {
    try {
      const result = fn(...args);
      return result instanceof Promise ? result.catch(explain) : result;
    } catch (error) {
      return explain(error);
    }
  };
}

/** Throws an error of a closure. A name without a value is most often a variable around the closure. */
function explain(error: unknown): never {
  if (error instanceof ReferenceError) {
    const { message, stack } = error;
    error.message +=
      "; a closure takes no variables to another node: pass them as arguments";
    error.stack = stack?.replace(message, () => error.message);
  }
  throw error;
}
