/**
 * OTP's encoding of requests to supervisors and of their replies. It covers Erlang's `supervisor` and Elixir's
 * `DynamicSupervisor`; Elixir's `Supervisor` and `Task.Supervisor` use the same encodings.
 *
 * A child's id is any term in Erlang, and a text here. A text that reads as a name becomes an atom, because ids
 * usually are atoms, with the prefix of Elixir's modules if it begins with a capital; other texts become binaries.
 */

import type { Mfa, Runnable } from "@otp/processes/signals/signal";
import { Atom, atom } from "@otp/processes/values/atom";
import {
  fromBeamFunction,
  fromBeamName,
  toBeamName,
} from "@otp/processes/values/beam_names";
import {
  isIdentifier,
  reasonFromBeam,
  reasonToBeam,
} from "../terms/beam_reasons.ts";
import { inspect } from "@otp/processes/values/inspect";
import { Pid } from "@otp/processes/values/pid";
import { isPlainObject } from "@otp/processes/values/term";
import { Tuple, tuple } from "@otp/processes/values/tuple";
import type { AnyRequest, ServerProtocol } from "./protocol.ts";
import type { SentChildSpec } from "@otp/servers/supervisor/child_lifecycle";
import {
  type ChildShutdown,
  type ChildType,
  isRestart,
} from "@otp/servers/server/child_spec";

/** The kind of supervisor, which decides how a child to start is encoded. */
export type SupervisorKind = "Supervisor" | "DynamicSupervisor";

/** The parts of a request that matter for its encoding. */
interface SupervisorAsk extends AnyRequest {
  /** The id of a child. */
  id?: unknown;
  /** The pid of a dynamic child. */
  pid?: unknown;
  /** The child to start. */
  spec?: SentChildSpec;
}

const OK = atom("ok");
const ERROR = atom("error");
const IGNORE = atom("ignore");
const RESTARTING = atom("restarting");
const DYNAMIC = atom("dynamic");
const INFINITY = atom("infinity");
const START_CHILD = atom("start_child");

/** Returns the protocol of a kind of supervisor. */
export function supervisorProtocol(
  kind: SupervisorKind,
): Required<Omit<ServerProtocol, "isCast">> {
  return {
    encodeRequest: (request, functions) =>
      supervisorRequestToOtp(request, kind, (run) => functions.called(run)),
    decodeReply: (request, term) => supervisorReplyFromOtp(request, kind, term),
    decodeRequest: (term, functions) =>
      supervisorRequestFromOtp(term, kind, (mfa) => functions.requested(mfa)),
    encodeReply: (request, reply, functions) =>
      supervisorReplyToOtp(
        request,
        kind,
        reply,
        (run) => functions.called(run),
      ),
  };
}

// Ids.

const MODULE = /^[A-Z]\w*(\.[A-Z]\w*)*$/;

/** Encodes a child's id for OTP; an id that is no text came from a BEAM, and stays. */
export function idToOtp(id: unknown): unknown {
  if (typeof id !== "string") return id;
  const isName = isIdentifier(id) || MODULE.test(id) && id.length < 249;
  return isName ? atom(toBeamName(id)) : id;
}

/** Decodes a child's id; an id that is neither an atom nor a text stays. */
export function idFromOtp(id: unknown): unknown {
  if (id instanceof Atom) return fromBeamName(id.name);
  // JavaScript has values for these atoms.
  return typeof id === "boolean" || id === null || id === undefined
    ? id === null ? "nil" : String(id)
    : id;
}

/** Converts an id to the text that a supervisor of this library keeps. */
function textId(id: unknown): string {
  const own = idFromOtp(id);
  return typeof own === "string" ? own : inspect(own);
}

// Requests to OTP's supervisors.

/**
 * Encodes a request for OTP.
 *
 * @param request The request.
 * @param kind The kind of supervisor.
 * @param called Names a function for a BEAM.
 */
export function supervisorRequestToOtp(
  request: SupervisorAsk,
  kind: SupervisorKind,
  called: (run: Runnable) => Mfa,
): unknown {
  const type = atom(request.type);
  switch (request.type) {
    case "which_children":
    case "count_children":
      return type;
    case "start_child": {
      const spec = request.spec!;
      const start = mfaToOtp(called(spec.start));
      const isNamed = kind === "Supervisor";
      return tuple(type, (isNamed ? specToOtp : childToOtp)(spec, start));
    }
    default:
      return tuple(
        type,
        request.pid === undefined ? idToOtp(request.id) : request.pid,
      );
  }
}

/** Encodes a function's name and arguments. */
export function mfaToOtp([module, name, args]: Mfa): Tuple {
  return tuple(atom(module), atom(name), args);
}

/** Decodes a function's name and arguments; `undefined` for any other term. */
export function mfaFromOtp(term: unknown): Mfa | undefined {
  if (!(term instanceof Tuple) || term.length !== 3) return undefined;
  const [module, name, args] = term.elements;
  return module instanceof Atom && name instanceof Atom && Array.isArray(args)
    ? [module.name, name.name, args]
    : undefined;
}

function specToOtp(
  { id, restart, shutdown, type, significant }: Omit<SentChildSpec, "start">,
  start: Tuple,
): Map<unknown, unknown> {
  const spec = new Map<unknown, unknown>([
    [atom("id"), idToOtp(id)],
    [atom("start"), start],
    [atom("restart"), atom(restart)],
    [atom("shutdown"), shutdownToOtp(shutdown)],
    [atom("type"), atom(type)],
  ]);
  if (significant) spec.set(atom("significant"), true);
  return spec;
}

/** Encodes a child of a DynamicSupervisor, which has no id. */
function childToOtp(
  { restart, shutdown, type }: SentChildSpec,
  start: Tuple,
): Tuple {
  const modules = [start.elements[0]];
  return tuple(
    start,
    atom(restart),
    shutdownToOtp(shutdown),
    atom(type),
    modules,
  );
}

function shutdownToOtp(shutdown: ChildShutdown): unknown {
  if (typeof shutdown === "string") return atom(shutdown);
  return shutdown === Infinity ? INFINITY : Math.ceil(shutdown);
}

// Replies of OTP's supervisors.

/** Decodes a reply of OTP's supervisors into the reply of a supervisor of this library. */
export function supervisorReplyFromOtp(
  { type }: AnyRequest,
  kind: SupervisorKind,
  reply: unknown,
): unknown {
  switch (type) {
    case "which_children":
      return listOf(reply).map((child) => infoFromOtp(child, kind));
    case "count_children":
      return Object.fromEntries(
        listOf(reply).map((count) => [nameInOtp(count[0]), count[1]]),
      );
    default:
      return resultFromOtp(reply, type);
  }
}

/** Converts the tuples in a list to arrays. */
function listOf(reply: unknown): (readonly unknown[])[] {
  return Array.isArray(reply)
    ? reply.flatMap((each) => each instanceof Tuple ? [each.elements] : [])
    : [];
}

function infoFromOtp(
  [id, child, type]: readonly unknown[],
  kind: SupervisorKind,
): unknown {
  const pid = child === RESTARTING ? "restarting" : child;
  const info = { pid, type: nameInOtp(type) };
  return kind === "Supervisor" ? { id: idFromOtp(id), ...info } : info;
}

/** Returns the name of an atom; any other term stays. */
export function nameInOtp(value: unknown): unknown {
  return value instanceof Atom ? value.name : value;
}

/** Decodes the reply to a request for one child. */
function resultFromOtp(reply: unknown, type: string): unknown {
  if (reply === OK) return "ok";
  if (reply === IGNORE) return { type: "ok", started: "ignore" };
  if (!(reply instanceof Tuple)) return { type: "error", reason: reply };
  const [status, value] = reply.elements;
  if (status === ERROR) return { type: "error", reason: failureFromOtp(value) };
  if (type === "get_childspec") {
    return value instanceof Map
      ? { type: "ok", spec: specFromOtp(value) }
      : { type: "error", reason: reply };
  }
  return { type: "ok", started: value instanceof Pid ? value : "ignore" };
}

/** Decodes the reason why a child was not started: `supervisor` adds the child to the reason. */
function failureFromOtp(reason: unknown): unknown {
  if (reason instanceof Tuple && reason.length === 2) {
    const [why, child] = reason.elements;
    if (child instanceof Tuple && child.elements[0] === atom("child")) {
      return reasonFromBeam(why);
    }
  }
  return reasonFromBeam(reason);
}

// Specifications from a BEAM.

/** Decodes a child's specification. */
function specFromOtp(spec: ReadonlyMap<unknown, unknown>): unknown {
  const get = (key: string) => spec.get(atom(key));
  const type = nameInOtp(get("type") ?? "worker");
  const start = get("start");
  return {
    id: idFromOtp(get("id")),
    start: start instanceof Tuple ? startOf(start) : undefined,
    restart: nameInOtp(get("restart") ?? "permanent"),
    shutdown: nameInOtp(
      get("shutdown") ?? (type === "supervisor" ? "infinity" : 5000),
    ),
    type,
    significant: get("significant") ?? false,
  };
}

/** Decodes a function's name and arguments. */
function startOf({ elements: [module, name, args] }: Tuple): unknown[] {
  const own = fromBeamName(String(nameInOtp(module)));
  const fn = fromBeamFunction(own, String(nameInOtp(name)));
  // OTP does not keep the arguments of a temporary child.
  return [own, fn, Array.isArray(args) ? args : []];
}

// Requests of a BEAM.

/** A request of a BEAM for a child that cannot be started, with the reason in OTP's encoding. */
export interface InvalidChild {
  type: "invalid_child";
  /** Why, as OTP's supervisors reply. */
  reason: unknown;
}

/**
 * Decodes a request of a BEAM for the servers of this library; any other term stays.
 *
 * @param term The term.
 * @param kind The kind of supervisor.
 * @param requested Finds the function that a BEAM names.
 */
export function supervisorRequestFromOtp(
  term: unknown,
  kind: SupervisorKind,
  requested: (mfa: Mfa) => Runnable,
): unknown {
  if (term instanceof Atom) return { type: term.name };
  if (!(term instanceof Tuple) || term.length !== 2) return term;
  const [type, value] = term.elements;
  if (!(type instanceof Atom)) return term;
  if (type === START_CHILD) {
    const spec = childFromOtp(value, kind, requested);
    return "reason" in spec ? spec : { type: type.name, spec };
  }
  switch (type.name) {
    case "terminate_child":
      return kind === "Supervisor"
        ? { type: type.name, id: textId(value) }
        : { type: type.name, pid: value };
    case "restart_child":
    case "delete_child":
      return { type: type.name, id: textId(value) };
    case "get_childspec":
      return { type: type.name, id: textId(value) };
    default:
      return term;
  }
}

function invalid(reason: unknown): InvalidChild {
  return { type: "invalid_child", reason };
}

function invalidField(name: string, value: unknown): InvalidChild {
  return invalid(tuple(atom(`invalid_${name}`), value));
}

function childFromOtp(
  child: unknown,
  kind: SupervisorKind,
  requested: (mfa: Mfa) => Runnable,
): SentChildSpec | InvalidChild {
  let fields: Record<string, unknown>;
  if (child instanceof Map || isEmpty(child)) {
    if (!(child instanceof Map) || !child.has(atom("id"))) {
      return invalid(atom("missing_id"));
    }
    if (!child.has(atom("start"))) return invalid(atom("missing_start"));
    fields = Object.fromEntries(
      [...child].map(([key, value]) => [nameInOtp(key), value]),
    );
  } else if (child instanceof Tuple && child.length === 6) {
    const [id, start, restart, shutdown, type] = child.elements;
    fields = { id, start, restart, shutdown, type };
  } else if (
    kind === "DynamicSupervisor" && child instanceof Tuple && child.length === 5
  ) {
    const [start, restart, shutdown, type] = child.elements;
    fields = { id: "undefined", start, restart, shutdown, type };
  } else return invalidField("child_spec", child);
  return checkedChild(fields, requested);
}

/** Whether a value is an empty map of a BEAM, which arrives as an object. */
function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && isPlainObject(value) &&
    Object.keys(value).length === 0;
}

const TYPES: readonly unknown[] = ["worker", "supervisor"];

function checkedChild(
  fields: Record<string, unknown>,
  requested: (mfa: Mfa) => Runnable,
): SentChildSpec | InvalidChild {
  const { id, start, significant = false } = fields;
  const restart = nameInOtp(fields.restart ?? "permanent");
  const type = nameInOtp(fields.type ?? "worker");
  const usual = type === "supervisor" ? "infinity" : 5000;
  const shutdown = nameInOtp(fields.shutdown ?? usual);
  if (!isRestart(restart)) {
    return invalidField("restart_type", fields.restart);
  }
  if (!TYPES.includes(type)) return invalidField("child_type", fields.type);
  if (!isShutdown(shutdown)) return invalidField("shutdown", fields.shutdown);
  if (typeof significant !== "boolean") {
    return invalidField("significant", significant);
  }
  if (significant && restart === "permanent") {
    return invalid(tuple(atom("bad_combination"), [
      tuple(atom("restart"), atom("permanent")),
      tuple(atom("significant"), true),
    ]));
  }
  const mfa = mfaFromOtp(start);
  if (mfa === undefined) return invalidField("mfa", start);
  return {
    id: textId(id),
    start: requested(mfa),
    restart,
    shutdown,
    type: type as ChildType,
    significant,
  };
}

function isShutdown(value: unknown): value is ChildShutdown {
  return value === "brutal_kill" || value === "infinity" ||
    Number.isInteger(value) && value as number >= 0;
}

// Replies to a BEAM.

/**
 * Encodes a reply to a request of a BEAM.
 *
 * @param request The request.
 * @param kind The supervisor that replies.
 * @param reply The reply.
 * @param called Names a function for a BEAM.
 */
export function supervisorReplyToOtp(
  request: unknown,
  kind: SupervisorKind,
  reply: unknown,
  called: (run: Runnable) => Mfa,
): unknown {
  const { type, reason } = (request ?? {}) as Partial<InvalidChild>;
  if (type === "invalid_child") return tuple(ERROR, reason);
  if (Array.isArray(reply)) return reply.map((info) => infoToOtp(info, kind));
  if (reply === "ok") return OK;
  if (typeof reply !== "object" || reply === null) return reply;
  const result = reply as {
    type?: unknown;
    reason?: unknown;
    started?: unknown;
    spec?: RepliedSpec;
    specs?: number;
  };
  if (result.type === "error") return tuple(ERROR, reasonToBeam(result.reason));
  if (result.spec !== undefined) {
    return tuple(OK, repliedSpecToOtp(result.spec, called));
  }
  if (result.type === "ok") {
    if (result.started instanceof Pid) return tuple(OK, result.started);
    return kind === "Supervisor" ? tuple(OK, undefined) : IGNORE;
  }
  return ["specs", "active", "supervisors", "workers"].map((name) =>
    tuple(atom(name), (reply as Record<string, unknown>)[name])
  );
}

interface RepliedSpec extends Omit<SentChildSpec, "start"> {
  start?: unknown;
}

function infoToOtp(
  { id, pid, type }: { id?: unknown; pid: unknown; type: string },
  kind: SupervisorKind,
): Tuple {
  return tuple(
    kind === "Supervisor" ? idToOtp(id) : undefined,
    pid === "restarting" ? RESTARTING : pid,
    atom(type),
    DYNAMIC,
  );
}

function repliedSpecToOtp(
  { start, ...spec }: RepliedSpec,
  called: (run: Runnable) => Mfa,
): Map<unknown, unknown> {
  const [module, fn, args = []] = start as [string, string, unknown[]?];
  const mfa = mfaToOtp(called({ module, function: fn, args: [...args] }));
  const term = specToOtp(spec, mfa);
  term.set(atom("significant"), spec.significant);
  term.set(atom("modules"), DYNAMIC);
  return term;
}
