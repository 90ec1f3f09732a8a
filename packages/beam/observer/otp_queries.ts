/**
 * Functions of OTP that Erlang's tools call on other nodes: `iex --remsh`, `observer`, `Process.info` by `:rpc`.
 *
 * A query needs `allowObserve`, and the node's rule `allow` decides on each function. A node that may open a shell may
 * also ask for what a terminal shows before its shell. The code of the answers is loaded with the first query.
 *
 * OTP's `-remsh` calls, in this order:
 *
 * 1. `code:ensure_loaded(iex)`, or of `shell`. If the answer is an error, the program prints the reason and ends.
 * 2. `net_kernel:get_net_ticktime()`, and functions for its first line, which has the version.
 * 3. `iex:start(Options, {iex, sync_remote, [Pid, Ref]})`, or `shell:start()`: starts the shell and returns its pid.
 * 4. `edlin_expand:expand(Reversed, Options)`, for Tab; an error would end the terminal.
 *
 * `dbg:n(Node)` and the like start `dbg:do_relay(Session, Dbg, To)` (before OTP 27, `do_relay(Dbg, To)`) with a link.
 * OTP's server `dbg` then waits for `{started, Relay, Session}` without a limit, and misses the exit of a relay that does
 * not exist. So the relay here says in the terminal of `dbg` that this node cannot trace, answers, and exits. `dbg`
 * forgets the node of a relay that exits, and goes on with its other nodes.
 */

import { beamFunctionsOf } from "../functions/beam_functions.ts";
import { outside } from "@otp/processes/context/async_context";
import {
  notAllowed,
  type Resolved,
} from "@otp/processes/remote/exported_modules";
import type { Runtime } from "@otp/processes/process/runtime";
import { ignore } from "@otp/processes/promises/promises";
import { currentProcess } from "@otp/processes/runtime/current_process";
import { Atom, atom } from "@otp/processes/values/atom";
import { Pid } from "@otp/processes/values/pid";
import { Tuple, tuple } from "@otp/processes/values/tuple";
import { requestIo } from "@otp/node/io/io_client";
import type { OtpAnswers } from "./otp_answers.ts";
import {
  type OtpQuery,
  type OtpQueryOptions,
  QUERIES,
} from "./otp_query_names.ts";
import { observerOf, shareOf } from "@otp/observe/observer/serve_observer";

const SERVICE = "$otp";

/** The functions that `dbg` starts on a node; any node may ask, as they change nothing. */
const RELAYS: ReadonlySet<string> = new Set([
  "dbg:do_relay/2",
  "dbg:do_relay/3",
]);

/** Whether a module of the BEAM can be loaded; any node may ask. */
const LOADED = "code:ensure_loaded/1";

/** Completes a line of a shell; any node may ask, and a node without a shell finds nothing. */
const EXPAND = "edlin_expand:expand/2";

/** The query of a terminal before its shell. */
const OF_SHELLS: ReadonlySet<string> = new Set([
  "net_kernel:get_net_ticktime/0",
  "erlang:system_info/1 system_version",
  "erlang:system_info/1 otp_release",
  "application:get_env/3 stdlib",
]);

/** The modules of the shells of Elixir and Erlang. */
const SHELLS: ReadonlySet<string> = new Set(["iex", "shell"]);

/** The function that starts a shell, for the node's rule `allow`. */
const START = { module: "Shell", name: "start" };

// Atoms, because OTP prints them on one line and breaks a binary into several lines.
const NO_SHELL = atom(
  "it is a TypeScript node that opens no shell: start it with --allow-remsh (allowRemsh: true)",
);
const NOT_ALLOWED = atom(
  "the allow option of the TypeScript node does not let this node run Shell.start",
);
/** OTP's reason, for all other modules. */
const NO_FILE = atom("nofile");

/** Lets a node answer Erlang's tools. */
export function serveOtpQueries(
  runtime: Runtime,
  options: OtpQueryOptions,
): void {
  const { modules } = runtime;
  const functions = beamFunctionsOf(runtime);
  let loading: Promise<OtpAnswers> | undefined;
  const load = async () => {
    const observer = await observerOf(runtime);
    const { OtpAnswers } = await outside(() => import("./otp_answers.ts"));
    return new OtpAnswers(runtime, options, observer, share);
  };
  const noShell = (node: string | undefined) =>
    !options.allowRemsh
      ? NO_SHELL
      : node !== undefined && !modules.isAllowed(node, START)
      ? NOT_ALLOWED
      : undefined;
  const share = shareOf(runtime);
  modules.services.set(SERVICE, ({ function: query, args }, node): Resolved => {
    if (query === LOADED) {
      const refusal = isShell(args[0]) ? noShell(node) : NO_FILE;
      const answer = refusal === undefined
        ? tuple(atom("module"), args[0])
        : tuple(atom("error"), refusal);
      return { fn: () => answer, label: query };
    }
    if (RELAYS.has(query)) return { fn: () => relay(args), label: query };
    if (query === EXPAND) {
      const complete = noShell(node) === undefined
        ? modules.lookup(START.module, "complete")?.fn
        : undefined;
      const fn = () => complete?.(args[0]) ?? tuple(atom("no"), [], []);
      return { fn, label: query };
    }
    const refusal = node === undefined ||
        isOfShell(query, args) && noShell(node) === undefined
      ? undefined
      : refusalOf(runtime, node, query);
    return refusal ?? {
      fn: async () => {
        const answers = await (loading ??= load());
        return await share.take(() =>
          answers.answer(query as OtpQuery, args, node)
        );
      },
      label: query,
    };
  });
  for (const query of [LOADED, EXPAND, ...RELAYS, ...QUERIES]) {
    functions.serve(query, (args) =>
      // Without `allowObserve`, the function that nodes of this library call too.
      query === "Elixir.Process:info/1" && modules.allowObserve === false
        ? { module: "Process", function: "info", args }
        : { module: SERVICE, function: query, args });
  }
  if (!options.allowRemsh) return;
  const start = (...args: unknown[]) => ({
    module: START.module,
    function: START.name,
    args,
  });
  functions.serve("iex:start/2", ([_options, mfa]) => start(syncOf(mfa)));
  functions.serve("shell:start/0", () => start());
}

/** Answers `dbg` that the relay has started, and tells its user that nothing is traced. */
async function relay(args: unknown[]): Promise<void> {
  const process = currentProcess();
  const { pid, runtime } = process;
  const chars =
    `** dbg: ${runtime.node} is a TypeScript node, which dbg cannot trace; trace(pid) in its shell does\n`;
  await requestIo({ type: "put_chars", chars }, undefined, ignore).catch(
    ignore,
  );
  const dbg = args.at(-2);
  const session = args.length > 2 ? [atom("undefined")] : [];
  if (dbg instanceof Pid) {
    process.send(dbg, tuple(atom("started"), pid, ...session));
  }
}

function isShell(module: unknown): boolean {
  return module instanceof Atom && SHELLS.has(module.name);
}

function isOfShell(query: string, [first]: unknown[]): boolean {
  return OF_SHELLS.has(
    first instanceof Atom ? `${query} ${first.name}` : query,
  );
}

/** Returns the pid and the reference of a call `{iex, sync_remote, [Pid, Ref]}`. */
function syncOf(mfa: unknown): unknown {
  if (!(mfa instanceof Tuple)) return undefined;
  const [module, name, args] = mfa.elements;
  return isShell(module) && name instanceof Atom && name.name === "sync_remote"
    ? args
    : undefined;
}

function refusalOf(
  { modules }: Runtime,
  node: string,
  query: string,
): Resolved | undefined {
  const [module, name] = query.replace(/^Elixir\.|\/\d+$/g, "").split(":");
  const message = modules.allowObserve === false
    ? `the node does not let ${node} run ${query}: start it with --allow-observe (allowObserve: true)`
    : modules.isAllowed(node, { module, name })
    ? undefined
    : notAllowed(node, query);
  return message === undefined ? undefined : { error: "not_allowed", message };
}
