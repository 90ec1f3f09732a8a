/**
 * The names that closures from other nodes can use: the library's and the exported modules' names.
 *
 * The list repeats `mod.ts`, as a test asserts. If both imported one list, bundlers that split programs would load
 * all of it with the program's first file.
 */

import * as agent from "../otp/agent/agent.ts";
import * as application from "../otp/application/application.ts";
import * as dynamicSupervisor from "../otp/supervisor/dynamic_supervisor.ts";
import * as errors from "../core/errors.ts";
import * as genServer from "../otp/gen_server/gen_server.ts";
import * as global from "../otp/global/global.ts";
import * as io from "../otp/io/io.ts";
import * as logger from "../otp/logger/logger.ts";
import * as pg from "../otp/pg/pg.ts";
import * as process from "../otp/process/process.ts";
import * as registry from "../otp/registry/registry.ts";
import * as rpc from "../otp/rpc/rpc.ts";
import * as supervisor from "../otp/supervisor/supervisor.ts";
import * as task from "../otp/task/task.ts";
import * as taskSupervisor from "../task_supervisor.ts";
import { beam } from "../core/beam.ts";
import { jsonLog } from "../core/log/json_log.ts";
import { standardLog, textLog } from "../core/log/log_event.ts";
import { type Modules, remote } from "../core/remote/exported_modules.ts";
import { Atom, atom } from "../core/values/atom.ts";
import { Bitstring } from "../core/values/bitstring.ts";
import { Float } from "../core/values/float.ts";
import { ExternalFunction } from "../core/values/functions.ts";
import { ImproperList, improperList } from "../core/values/improper_list.ts";
import { inspect } from "../core/values/inspect.ts";
import { Port } from "../core/values/port.ts";
import { Tuple, tuple } from "../core/values/tuple.ts";

const LIBRARY = {
  ...agent,
  ...application,
  ...dynamicSupervisor,
  ...errors,
  ...genServer,
  ...global,
  ...io,
  ...logger,
  ...pg,
  ...process,
  ...registry,
  ...rpc,
  ...supervisor,
  ...task,
  ...taskSupervisor,
  beam,
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
 * @param node The names of `node.ts`, which is in the layer above this file.
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
