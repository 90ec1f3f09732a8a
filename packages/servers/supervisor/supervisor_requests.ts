/** The messages of requests to supervisors. */

import type { OtpEncoding } from "../server/server.ts";
import type { Runtime } from "@otp/processes/process/runtime";
import type { Mfa, Runnable } from "@otp/processes/signals/signal";
import {
  type CopyField,
  OwnRequest,
} from "@otp/processes/values/server_message";
import {
  type AnyRequest,
  type SupervisorKind,
  supervisorReplyFromOtp,
  supervisorReplyToOtp,
  supervisorRequestFromOtp,
  supervisorRequestToOtp,
} from "@otp/beam/servers/supervisor_otp";

/** A request to a supervisor. */
export class SentSupervisorRequest extends OwnRequest {
  readonly #request: AnyRequest;
  readonly #kind: SupervisorKind;
  readonly #called: (run: Runnable) => Mfa;

  /**
   * Creates a request.
   *
   * @param request Its fields.
   * @param kind The supervisor that it is for.
   * @param called Names a function for a BEAM.
   */
  constructor(
    request: AnyRequest,
    kind: SupervisorKind,
    called: (run: Runnable) => Mfa,
  ) {
    super(request);
    this.#request = request;
    this.#kind = kind;
    this.#called = called;
  }

  override toOtp(): unknown {
    return supervisorRequestToOtp(this.#request, this.#kind, this.#called);
  }

  override fromOtp(reply: unknown): unknown {
    return supervisorReplyFromOtp(this.#request, this.#kind, reply);
  }

  override kept(copy: CopyField, left: number, max: number): this {
    const request = copy({ ...this }, left + 1, max) as AnyRequest;
    const kept = new SentSupervisorRequest(request, this.#kind, this.#called);
    return kept as this;
  }
}

/** Returns the encoding, for Erlang, of requests to a node's supervisors. */
export function supervisorEncoding(
  kind: SupervisorKind,
  { border }: Runtime,
): OtpEncoding {
  return {
    request: (term) =>
      supervisorRequestFromOtp(
        term,
        kind,
        (mfa) => border!.functions.requested(mfa),
      ),
    reply: (request, reply) =>
      supervisorReplyToOtp(
        request,
        kind,
        reply,
        (run) => border!.functions.called(run),
      ),
  };
}
