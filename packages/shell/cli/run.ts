/** A program that is a node: it starts and stops the node, the application and the shell of the command line. */

import nodeProcess from "node:process";
import {
  Application,
  type ApplicationSpec,
} from "@otp/servers/application/application";
import { ExitError } from "@otp/processes/errors";
import {
  type LogHook,
  type ModuleExports,
  Node,
  type NodeOptions,
  textLog,
} from "@otp/node/node";
import { receive } from "@otp/processes/process";
import { runInside } from "@otp/processes/context/async_context";
import { unnamed } from "@otp/processes/runtime/default_node";
import { quote } from "@otp/processes/values/inspect";
import { standardOutput } from "@otp/processes/host/output_stream";
import { isShutdown } from "@otp/processes/values/exit_reason";
import { setStartCommand } from "@otp/processes/host/start_command";
import { runCode } from "./code.ts";
import { CodesNode } from "./codes_node.ts";
import { makeScope, type Scope } from "./evaluate.ts";
import {
  type CommandLine,
  FLAGS,
  listFlags,
  parseFlags,
  UsageError,
} from "./flags.ts";
import { loadModules } from "./modules.ts";
import { complain, flushOutput, print } from "./output.ts";
import { EXIT, HELP_OF_EXIT_CODES, startFailure } from "./report.ts";
import { StopSignals } from "./node_stop_signals.ts";
import { StrayErrors } from "./stray_errors.ts";
import { internalsOf, startedNodes } from "@otp/node/start/node_internals";
import { shellProcess } from "@otp/processes/spawning/spawn_process";

/** The time limit for a stopping program to write its output, in milliseconds. */
const LAST_WORDS = 500;

/** The settings of applications, by application and key. */
export type Configuration = Record<string, Record<string, unknown>>;

export interface Program {
  /** The program's name, with which its messages begin. */
  name: string;
  version: string;
  /** The command that starts the program, without flags, for errors and the help. */
  command: string;
  /** The description of its purpose, which the help prints after the command. */
  usage: string;
  examples: string;
  /** The library's names, which code has in scope. */
  library: Scope;
  /** The modules that the program exports to other nodes and has in scope. */
  modules: Record<string, ModuleExports>;
  /** The application that the program starts, if any. */
  application?: ApplicationSpec;
  /** The configurations, by the names that `--env` takes; the first is the default. */
  environments?: Record<string, Configuration>;
  /** Runs between start and stop when there is no code to run; by default, the program waits. */
  shell?: ProgramShell;
  sources?: Record<string, string | URL>;
}

export interface ProgramShell {
  /** Runs the typed lines; returns the exit code, or nothing if standard input cannot be read. */
  open(context: SessionContext): Promise<number | undefined>;
  /** The module `Shell`, which other nodes call to open a shell here. */
  exports(
    context: Pick<SessionContext, "scope" | "library" | "sources">,
  ): ModuleExports;
}

/** The replaceable destination of a node's log. */
export interface LogSwitch {
  hook: LogHook;
}

interface Prompt {
  isOpen: boolean;
}

export interface SessionContext {
  name: string;
  node: Node | undefined;
  scope: Scope;
  /** The library's names; code can use each for another value. */
  library: Scope;
  /** The modules that the node exports, by name. */
  modules: Record<string, ModuleExports>;
  /** Whether other nodes may run any code here. */
  allowsCode: boolean;
  sources: Record<string, string | URL>;
  /** The other node on which to open a shell, if any. */
  remote: string | undefined;
  log: LogSwitch;
  /** Runs code on the node, if any; succeeds if the node is stopped. */
  run<T>(fn: () => Promise<T>): Promise<T | typeof EXIT.OK>;
  /** Registers work to do before the program stops. */
  onStop(fn: () => void | Promise<void>): void;
}

/** Runs a program until its code has run, or until a signal asks it to stop; returns the exit code. */
export async function run(
  program: Program,
  args: readonly string[],
): Promise<number> {
  using signals = new StopSignals();
  using strays = new StrayErrors();
  setStartCommand(program.command);
  try {
    const line = parseFlags(args);
    if (line.help) return await print(helpOf(program));
    if (line.version) {
      return await print(`${program.name} ${program.version}\n`);
    }
    await using stack = new AsyncDisposableStack();
    const { received } = signals;
    const treeEnd = Promise.withResolvers<number>();
    const prompt: Prompt = { isOpen: false };
    const treeEnded = () => {
      // Keep a prompt open, so that its user can inspect the node.
      if (!prompt.isOpen) treeEnd.resolve(EXIT.FAILED);
    };
    const context = await strays.during(
      Promise.race([
        start(program, line, stack, treeEnded),
        received,
      ]),
    );
    if (typeof context === "number") return context;
    const worked = work(program, line, context, strays, prompt);
    const code = await Promise.race([worked, received, treeEnd.promise]);
    // Drain at SIGTERM only: a service manager waits for the work to finish, the user of Ctrl-C does not.
    if (signals.first === "SIGTERM") await nodeOf(context)?.drain();
    return code;
  } catch (error) {
    const { code, line } = startFailure(error);
    complain(`${program.name}: ${line}`);
    return code;
  } finally {
    setStartCommand(undefined);
  }
}

/** Runs a program with this process's command line, and ends this process. */
export async function runAndExit(program: Program): Promise<never> {
  using signals = new StopSignals();
  const code = await run(program, nodeProcess.argv.slice(2));
  // A stopping program does not wait for a reader of its output that may never read.
  const told = signals.received.then(() =>
    new Promise((resolve) => setTimeout(resolve, LAST_WORDS))
  );
  await Promise.race([flushOutput(), told]);
  nodeProcess.exit(code);
}

function helpOf(program: Program): string {
  const environments = Object.keys(program.environments ?? {});
  const flags = listFlags(FLAGS).replace(
    "The configuration to use",
    (text) =>
      environments.length === 0
        ? text
        : `The configuration: ${environments.join(" or ")} [${
          environments[0]
        }]`,
  );
  return `Usage: ${program.command} [flags]\n\n${program.usage}\n\nFlags:\n${flags}\n\nExit codes: ${HELP_OF_EXIT_CODES}\n\n${program.examples}\n`;
}

function chooseEnvironment(
  { environments = {} }: Program,
  wanted: string | undefined,
): Configuration {
  const names = Object.keys(environments);
  const name = wanted ?? names.at(0);
  if (name === undefined) return {};
  if (names.includes(name)) return environments[name];
  throw new UsageError(
    `Cannot use --env ${quote(name)}: there is no such configuration; give ${
      names.join(" or ") || "none"
    }`,
  );
}

async function start(
  program: Program,
  line: CommandLine,
  stack: AsyncDisposableStack,
  treeEnded: () => void,
): Promise<SessionContext> {
  // A program that only opens a shell on another node needs no application here.
  const application = line.remote === undefined
    ? program.application
    : undefined;
  const configuration = chooseEnvironment(program, line.env);
  const scope = makeScope(program.library, program.modules);
  if (
    line.node !== undefined &&
    (line.node.cluster !== undefined || line.code.length === 0)
  ) {
    // `Cluster` is not among the library's names, since most programs have no cluster; a prompt may inspect the cluster
    // of another program.
    scope.Cluster = (await import("@otp/cluster/discovery/cluster")).Cluster;
  }
  if (line.dashboard !== undefined) {
    const { Dashboard } = await import("@otp/observe/dashboard/dashboard");
    scope.Dashboard = Dashboard;
  }
  const taken = [...Object.keys(scope), ...line.allowsRemote ? ["Shell"] : []];
  const others = startedNodes(Node);
  const loaded = await loadModules(line.modules, taken);
  Object.assign(scope, loaded);
  const files = line.modules.map(({ name, path }) => [name, path]);
  const sources = { ...program.sources, ...Object.fromEntries(files) };
  const code = { scope, library: program.library, sources };
  const modules = { ...program.modules, ...loaded };
  const log: LogSwitch = { hook: line.node?.log ?? textLog };
  const node = await startNode(
    line.node && { onTreeEnd: treeEnded, ...line.node },
    modules,
    log,
  );
  if (node === undefined) {
    stack.defer(stopApplications);
    stack.use(new CodesNode(modules, configuration, application, others));
  } else {
    // The node's applications stop with it.
    stack.use(node);
    if (line.allowsRemote && program.shell !== undefined) {
      node.export("Shell", program.shell.exports(code));
    }
  }
  if (node !== undefined && line.dashboard !== undefined) {
    const { startDashboard } = await import("./dashboard_flag.ts");
    const { dashboard } = line;
    const link = await node.run(() => startDashboard(dashboard));
    complain(`Dashboard: ${link}`);
  }
  // If loading a module started a node, that node runs the application.
  await within(node ?? startedNodes(Node).at(0), async () => {
    Application.load(configuration);
    if (application === undefined) return;
    await Application.start(application);
  });
  return {
    name: program.name,
    ...code,
    node,
    modules,
    allowsCode: line.node?.allowClosures === true || line.allowsRemote,
    remote: line.remote,
    log,
    run: (fn) => onNode(node, fn),
    onStop: (fn) => stack.defer(fn),
  };
}

/** Starts the node, if one is requested; the modules are registered in either case. */
async function startNode(
  options: NodeOptions | undefined,
  modules: Record<string, ModuleExports>,
  log: LogSwitch,
): Promise<Node | undefined> {
  if (options !== undefined) {
    return await Node.start({
      // A program's log goes through a hook, with which a node would by default log all levels.
      logLevel: options.log === undefined ? "warning" : "debug",
      ...options,
      modules,
      log: (event) => log.hook(event),
    });
  }
  for (const [name, module] of Object.entries(modules)) {
    unnamed().modules.add(name, module);
  }
  return undefined;
}

/** Stops the applications outside of any node, last started first. */
async function stopApplications(): Promise<void> {
  await within(undefined, async () => {
    for (const name of Application.started().reverse()) {
      await Application.stop(name);
    }
  });
}

/** Runs a function on a node, if any; code may stop the node, which ends the wait. */
async function within<T>(
  node: Node | undefined,
  fn: () => T | Promise<T>,
): Promise<T> {
  // Use a separate process, because the code may start a node, to which this process does not belong.
  if (node === undefined) {
    return await runInside(shellProcess(unnamed()), () => Node.run(fn));
  }
  if (internalsOf(node).isStopped()) throw new ExitError("shutdown");
  return await node.run(fn);
}

async function work(
  program: Program,
  line: CommandLine,
  context: SessionContext,
  strays: StrayErrors,
  prompt: Prompt,
): Promise<number> {
  const { node, scope } = context;
  if (line.code.length === 0) {
    prompt.isOpen = line.halts && program.shell !== undefined;
    const code = prompt.isOpen
      ? await whileRead(program.shell!.open(context))
      : undefined;
    prompt.isOpen = false;
    return code ?? await wait(context);
  }
  const code = await whileRead(
    onNode(node, () => runCode(line.code, scope, strays)),
  );
  return code !== undefined || line.halts
    ? code ?? EXIT.OK
    : await untilGone(nodeOf(context));
}

/**
 * Waits for work whose output is for the program's user, and fails when nobody reads the output any more. A node that
 * serves others continues without a reader.
 */
function whileRead<T>(work: Promise<T>): Promise<T | typeof EXIT.FAILED> {
  const closed = standardOutput.closed.then(() => EXIT.FAILED);
  return Promise.race([work, closed]);
}

/** Settles with the function's result, or when the function's code stops the node. */
async function onNode<T>(
  node: Node | undefined,
  fn: () => T | Promise<T>,
): Promise<T | typeof EXIT.OK> {
  try {
    return await within(node, fn);
  } catch (error) {
    if (error instanceof ExitError && isShutdown(error.reason)) return EXIT.OK;
    throw error;
  }
}

async function wait(context: SessionContext): Promise<number> {
  const node = nodeOf(context);
  await print(greeting(node, context));
  return await untilGone(node);
}

/** The program's node, or the node that its code has started. */
function nodeOf({ node }: SessionContext): Node | undefined {
  return node ?? startedNodes(Node).at(0);
}

/** The first lines of a program that serves other nodes. */
export function greeting(
  node: Pick<Node, "name"> | undefined,
  { modules, allowsCode }: Pick<SessionContext, "modules" | "allowsCode">,
): string {
  if (node === undefined) {
    return "No node is started: --sname NAME starts one, as in --sname alex@localhost. Ctrl-C stops this.\n";
  }
  const callable = Object.entries(modules).map(([name, functions]) =>
    `${name} (${Object.keys(functions).sort().join(", ")})`
  );
  if (allowsCode) callable.push("any code");
  const calls = callable.join(", ") ||
    "nothing: --module NAME=FILE exports the functions of a file";
  return `${node.name} is up. Ctrl-C stops it.\nOther nodes can call ${calls}.\n`;
}

/** Waits until the node is stopped; without a node, forever. */
async function untilGone(node: Node | undefined): Promise<number> {
  const keepAlive = setInterval(() => {}, 2 ** 30);
  try {
    if (node === undefined) await new Promise(() => {});
    return await onNode(node, () => receive<never>(() => false));
  } finally {
    clearInterval(keepAlive);
  }
}
