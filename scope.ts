/**
 * The names that code typed by people, and closures from other nodes, can use.
 *
 * @module
 */

import { Agent } from "./agent.ts";
import { Application } from "./application.ts";
import { DynamicSupervisor } from "./dynamic_supervisor.ts";
import { GenServer } from "./gen_server.ts";
import * as global from "./global.ts";
import * as IO from "./io.ts";
import { Node } from "./node.ts";
import * as pg from "./pg.ts";
import * as Process from "./process.ts";
import { Registry } from "./registry.ts";
import * as rpc from "./rpc.ts";
import type { Modules } from "./runtime/spawning/modules.ts";
import { Supervisor } from "./supervisor.ts";
import { Task } from "./task.ts";
import { TaskSupervisor } from "./task_supervisor.ts";

/** Values by name. */
export type Scope = Record<string, unknown>;

/** What is in scope of the shell, of `--eval` code and of closures. */
export function shellScope(): Scope {
  const { exit, flush, receive, self, send, spawn, spawnLink, spawnMonitor } =
    Process;
  return {
    Agent,
    Application,
    DynamicSupervisor,
    GenServer,
    IO,
    Node,
    Process,
    Registry,
    Supervisor,
    Task,
    TaskSupervisor,
    exit,
    flush,
    global,
    pg,
    receive,
    rpc,
    self,
    send,
    spawn,
    spawnLink,
    spawnMonitor,
  };
}

const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;

/**
 * Makes a function of a closure's source: it sees the exported modules and the shell's names.
 *
 * @throws {SyntaxError} If the source is no function expression.
 */
export function compileClosure(
  source: string,
  modules: Modules,
): (...args: unknown[]) => unknown {
  const scope = shellScope();
  for (const [name, module] of modules.entries()) {
    if (IDENTIFIER.test(name)) scope[name] = module;
  }
  const make = new Function(
    ...Object.keys(scope),
    `"use strict"; return (${source});`,
  );
  const fn = make(...Object.values(scope));
  if (typeof fn !== "function") throw new SyntaxError("no function");
  return fn;
}
