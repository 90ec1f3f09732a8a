/**
 * The server `rex`: calls of functions as Erlang's `rpc` makes them where it does not use `erpc`, and as programs in C
 * do (`erl_call`, `ei_rpc`).
 *
 * - `{call, M, F, A, Leader}`: calls a function. The answer is `{rex, Result}`, unless the request is a GenServer call.
 * - `{block_call, M, F, A, Leader}`: the same. As in OTP, `rpc:pinfo` asks so; but the call holds up no others.
 * - `{sbcast, Name, Message}`: sends a message to a registered name, and answers whether there is one.
 * - `{send, Name, Message}`: sends `{Asker, Message}` to a registered name.
 * - `features_request`: answers that this node serves `erpc`.
 *
 * Each function runs in a process of its own; the server sends its result when the process exits. The group leader is the
 * given process, or the node's leader (`user`), or for `send_stdout_to_caller` a leader that sends all output to the
 * asking process.
 *
 * A message that `rex` sends for a process arrives as if that process had sent it.
 *
 * As with `erpc`, the asking node is the node of the asking process, which the wire has checked; `allow` and the limits of
 * the asking node apply.
 */

import { ExitError, QueueFullError } from "@otp/processes/errors";
import { serveOnDemand } from "@otp/servers/server/on_demand";
import { onExit } from "@otp/servers/server/on_exit";
import { resolveOtpFunction } from "../functions/otp_function.ts";
import { answer, NO_REPLY, type Server } from "@otp/servers/server/server";
import { isSigned, partAsSent } from "@otp/servers/server/signed_messages";
import type { LocalProcess } from "@otp/processes/process/local_process";
import { andThen, ignore } from "@otp/processes/promises/promises";
import type { Runtime } from "@otp/processes/process/runtime";
import type { Mfa } from "@otp/processes/signals/signal";
import { Atom, atom } from "@otp/processes/values/atom";
import { fromBeamName, unquotedName } from "@otp/processes/values/beam_names";
import { reasonToBeam } from "../terms/beam_reasons.ts";
import { Pid } from "@otp/processes/values/pid";
import type { ReplyTo } from "@otp/processes/values/reply_to";
import { Tuple, tuple } from "@otp/processes/values/tuple";
import { serveDevice } from "@otp/node/io/group_leader";
import type { IoDevice } from "@otp/node/io/io_device";
import { requestIo } from "@otp/node/io/io_client";
import { inSpan } from "@otp/node/rpc/rpc_call";
import { terminate } from "@otp/processes/process/deaths";
import { spawnProcess } from "@otp/processes/spawning/spawn_process";

const NAME = "rex";
const REX = atom(NAME);
const BADRPC = atom("badrpc");
const EXIT = atom("EXIT");
const STDOUT = atom("rex_stdout");

/** Starts the server when another node first sends it a request. */
export function serveRex(runtime: Runtime): void {
  serveOnDemand(runtime, NAME, (process) => new Rex(process));
}

/** A function to run, and the target of its result. */
interface RexCall {
  readonly node: string;
  readonly mfa: Mfa;
  readonly leader: Pid | "user" | "asker";
  readonly asker: Pid;
  readonly reply: (term: unknown) => void;
}

class Rex implements Server {
  readonly #process: LocalProcess;
  readonly #runtime: Runtime;

  constructor(process: LocalProcess) {
    this.#process = process;
    this.#runtime = process.runtime;
  }

  call(request: unknown, caller: ReplyTo): unknown {
    const [kind, ...fields] = elementsOf(request);
    const reply = (term: unknown) => answer(this.#process, caller, term);
    const asked = callOf(fields, caller.pid, reply);
    const isCall = isAtom(kind, "call") || isAtom(kind, "block_call");
    if (isCall && asked !== undefined) this.#run(asked);
    // As in OTP, other requests get no answer.
    return NO_REPLY;
  }

  info(message: unknown): void {
    if (!(message instanceof Tuple) || !isSigned(message)) return;
    const [asker, request] = message.elements as [Pid, unknown];
    const [kind, ...fields] = elementsOf(request);
    const [name, given] = fields;
    if (isAtom(kind, "call")) {
      const asked = callOf(
        fields,
        asker,
        (term) => this.#send(asker, tuple(REX, term)),
      );
      if (asked !== undefined) this.#run(asked);
    } else if (isAtom(kind, "features_request")) {
      const features = [atom("erpc")];
      this.#send(asker, tuple(atom("features_reply"), this.#node, features));
    } else if (fields.length === 2 && name instanceof Atom) {
      const part = isAtom(kind, "send") ? tuple(asker, given) : given;
      const isSent = this.#sendName(
        asker,
        name.name,
        partAsSent(message, part),
      );
      const told = isSent ? this.#node : tuple(atom("nonexisting_name"), name);
      if (!isSent || isAtom(kind, "sbcast")) {
        this.#send(asker, tuple(REX, this.#node, told));
      }
    }
  }

  get #node(): Atom {
    return atom(this.#runtime.node);
  }

  /** Sends an asking process a message, unless its node is not connected any more. */
  #send(to: Pid, message: unknown): void {
    const signals = this.#runtime.signalsTo(to.node);
    const { pid } = this.#process;
    try {
      signals.send(pid, to, message);
    } catch (error) {
      // The result cannot be sent: send the error. If that fails too, the asking node does not read.
      try {
        signals.send(pid, to, tuple(REX, exited(error)));
      } catch (again) {
        if (!(again instanceof QueueFullError)) throw again;
      }
    }
  }

  /**
   * Sends to a registered name in the name of the asking process; returns whether the name is registered. Servers trust
   * messages from their own node, so this server must not be the sender.
   */
  #sendName(
    asker: Pid,
    given: string,
    sent: ReturnType<typeof partAsSent>,
  ): boolean {
    const name = fromBeamName(given);
    const { names, local } = this.#runtime;
    if (!names.has(name) && !names.has(unquotedName(name))) return false;
    if (sent !== undefined) local.sendName(asker, name, sent.message);
    return true;
  }

  /** Runs a function in a process of its own, and replies when the process exits. */
  #run(asked: RexCall): void {
    try {
      this.#start(asked);
    } catch (error) {
      asked.reply(failure(error));
    }
  }

  #start(asked: RexCall): void {
    const { node, mfa } = asked;
    const { fn, label } = resolveOtpFunction(this.#runtime, node, mfa);
    const output = asked.leader === "asker" ? this.#output(asked) : undefined;
    let result: { term: unknown } | undefined;
    const worker: LocalProcess = spawnProcess(
      this.#runtime,
      () =>
        andThen(resultOf(() => inSpan(label, fn)), (term) => {
          result = { term };
          return output === undefined ? undefined : flush();
        }),
      {
        groupLeader: asked.leader instanceof Pid
          ? asked.leader
          : output?.pid ?? this.#process.groupLeader,
        label,
        origin: node,
      },
    );
    onExit(worker, () => {
      if (output !== undefined) terminate(output, "normal");
      asked.reply(
        result === undefined ? exited(worker.exitReason) : result.term,
      );
    });
  }

  /** Starts a group leader that sends all output to the asking process. */
  #output({ asker, node }: RexCall): LocalProcess {
    const device: IoDevice = {
      write: (text) => process.send(asker, tuple(STDOUT, text)),
    };
    const process: LocalProcess = spawnProcess(
      this.#runtime,
      () => serveDevice(process, device),
      { label: "rex_stdout", origin: node },
    );
    return process;
  }
}

/** Decodes a request to call a function; returns `undefined` for an invalid request. */
function callOf(
  [module, name, args, leader, ...rest]: readonly unknown[],
  asker: Pid,
  reply: (term: unknown) => void,
): RexCall | undefined {
  return module instanceof Atom && name instanceof Atom &&
      Array.isArray(args) && rest.length === 0
    ? {
      node: asker.node,
      mfa: [module.name, name.name, args],
      leader: leader instanceof Pid
        ? leader
        : isAtom(leader, "send_stdout_to_caller")
        ? "asker"
        : "user",
      asker,
      reply,
    }
    : undefined;
}

function elementsOf(request: unknown): readonly unknown[] {
  return request instanceof Tuple ? request.elements : [request];
}

function isAtom(value: unknown, name: string): boolean {
  return value instanceof Atom && value.name === name;
}

/** Returns the result or the failure of a function, as `rpc` reports it. */
function resultOf(fn: () => unknown): unknown {
  try {
    return andThen(fn(), (value) => value, failure);
  } catch (error) {
    return failure(error);
  }
}

function failure(thrown: unknown): unknown {
  if (thrown instanceof ExitError) return exited(thrown.reason);
  return thrown instanceof Error ? exited(thrown) : thrown;
}

function exited(reason: unknown): Tuple {
  return tuple(BADRPC, tuple(EXIT, reasonToBeam(reason)));
}

/** Waits until the group leader has written all output of the process. */
function flush(): Promise<void> {
  return requestIo({ type: "requests", requests: [] }, undefined, ignore);
}
