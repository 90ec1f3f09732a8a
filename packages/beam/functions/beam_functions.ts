/**
 * Functions as a BEAM names them: module, function and arguments, Erlang's MFA.
 *
 * `beam_names.ts` encodes the names. An export may declare the types of its arguments and result, by `beam()`.
 */

import { TextMap } from "@otp/processes/values/text_map";
import type { ForeignFunctions } from "@otp/processes/process/border";
import type { Runtime } from "@otp/processes/process/runtime";
import type { Mfa, Runnable } from "@otp/processes/signals/signal";
import { Atom, atom } from "@otp/processes/values/atom";
import {
  fromBeamFunction,
  fromBeamName,
  toBeamFunction,
  toBeamName,
} from "@otp/processes/values/beam_names";
import { ExitError } from "@otp/processes/values/error_classes";
import { ExternalFunction } from "@otp/processes/values/functions";
import { inspect } from "@otp/processes/values/inspect";
import { Tuple, tuple } from "@otp/processes/values/tuple";
import {
  argsFromBeam,
  argsToBeam,
  type BeamTypes,
  fromBeam,
} from "../terms/conversions.ts";
import { beamTypesOf } from "./declaration.ts";
import type { Modules, Resolved } from "@otp/processes/remote/exported_modules";

/** The service that runs an undefined function: its process exits as a process on a BEAM would. */
const UNDEFINED = "$undef";

/** The service that refuses a BEAM's own function, which only a BEAM can run. */
const FUNCTION = "$fun";

/** Returns the functions of a node whose border is open. */
export function beamFunctionsOf({ border }: Runtime): BeamFunctions {
  return border!.functions as BeamFunctions;
}

/** Converts between the names of a node's exported functions and the MFAs of a BEAM. */
export class BeamFunctions implements ForeignFunctions {
  readonly #modules: Modules;
  /** Functions of OTP that are served by another function here, by `module:function/arity`. */
  readonly #services = new TextMap<(args: unknown[]) => Runnable>();
  /** The MFA for requests to a service of the node, by service. */
  readonly #encoders = new Map<
    string,
    (run: { function: string; args: unknown[] }) => Mfa
  >();

  constructor(modules: Modules) {
    this.#modules = modules;
    modules.services.set(UNDEFINED, undefinedFunction);
    modules.services.set(FUNCTION, functionOfBeam);
    this.serve("erlang:apply/2", ([fn, args]) => this.#apply(fn, args));
    this.serve(
      "erlang:apply/3",
      ([module, name, args]) =>
        module instanceof Atom && name instanceof Atom && Array.isArray(args)
          ? this.requested([module.name, name.name, args])
          : undefinedRun(["erlang", "apply", [module, name, args]]),
    );
  }

  /** Sets the function that names requests to a service for a BEAM. */
  encode(
    service: string,
    called: (run: { function: string; args: unknown[] }) => Mfa,
  ): void {
    this.#encoders.set(service, called);
  }

  /** Serves a function of OTP, `module:function/arity`, by another function. */
  serve(mfa: string, run: (args: unknown[]) => Runnable): void {
    this.#services.set(mfa, run);
  }

  /** Returns the request for the function that a BEAM names. */
  requested(mfa: Mfa): Runnable {
    const [module, name, args] = mfa;
    const service = this.#services.get(`${module}:${name}/${args.length}`);
    if (service !== undefined) return service(args);
    const found = this.find(module, name);
    return found === undefined ? undefinedRun(mfa) : {
      module: found.module,
      function: found.function,
      args: argsFromBeam(args, found.types),
    };
  }

  /** Whether a BEAM's name has a function here. */
  has([module, name, args]: Mfa): boolean {
    return this.#services.has(`${module}:${name}/${args.length}`) ||
      this.find(module, name) !== undefined;
  }

  /** Decodes the result of a function that ran on a BEAM. */
  result(value: unknown, run: Runnable): unknown {
    return fromBeam(value, this.typesOf(run)?.returns);
  }

  /** Returns the types that the function of a request declares. */
  typesOf(run: Runnable): BeamTypes | undefined {
    return "module" in run
      ? beamTypesOf(this.#modules.lookup(run.module, run.function)?.fn)
      : undefined;
  }

  /** Returns the exported function that a BEAM names. */
  find(
    module: string,
    name: string,
  ): { module: string; function: string; types?: BeamTypes } | undefined {
    const own = fromBeamName(module);
    // A user's module may have names in the style of the BEAM.
    const found = this.#modules.lookup(own, fromBeamFunction(own, name)) ??
      this.#modules.lookup(own, name);
    return found && {
      module: found.module,
      function: found.name,
      types: beamTypesOf(found.fn),
    };
  }

  #apply(fn: unknown, args: unknown): Runnable {
    if (!(fn instanceof ExternalFunction) || !Array.isArray(args)) {
      return { module: FUNCTION, function: "apply", args: [] };
    }
    const mfa: Mfa = [fn.module, fn.function, args];
    return fn.arity === args.length ? this.requested(mfa) : undefinedRun(mfa);
  }

  /** Names a request's function for a BEAM. Throws a `TypeError` if the function is not exported by a module. */
  called(run: Runnable): Mfa {
    if (!("module" in run)) {
      throw new TypeError(
        'Cannot run a function of TypeScript on an Erlang node: give module and function instead, as in Node.spawn(node, ["Kate", "sayName"])',
      );
    }
    const { module, function: name, args } = run;
    const encoder = this.#encoders.get(module);
    if (encoder !== undefined) return encoder(run);
    if (module.startsWith("$")) {
      throw new TypeError(
        `Cannot run ${
          inspect(module)
        } on an Erlang node: it has no such service`,
      );
    }
    return [
      toBeamName(module),
      toBeamFunction(module, name),
      argsToBeam(args, this.typesOf(run)),
    ];
  }
}

function undefinedRun([module, name, args]: Mfa): Runnable {
  const named = [atom(module), atom(name), args];
  return { module: UNDEFINED, function: "run", args: named };
}

function undefinedFunction({ args }: { args: unknown[] }): Resolved {
  return {
    fn: () => {
      throw new ExitError(tuple(atom("undef"), [new Tuple([...args, []])]));
    },
    label: "undefined function",
  };
}

function functionOfBeam(): Resolved {
  return {
    error: "closure",
    message:
      "a function of the BEAM cannot run here; the module, function and arguments of an exported one can",
  };
}
