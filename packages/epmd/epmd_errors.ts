/** Errors between a node and EPMD, as classes that callers can distinguish. */

/** An error that EPMD, or its absence, caused. */
export class EpmdError extends Error {
  override readonly name: string = "EpmdError";
}

/** EPMD does not answer at its address, and could not be served there either. */
export class EpmdUnreachableError extends EpmdError {
  override readonly name = "EpmdUnreachableError";
  /** The system's error code: `ECONNREFUSED`, `ETIMEDOUT`, `ENOTFOUND`, `EACCES` … */
  readonly code: string;

  /** Creates the error with the system's code. */
  constructor(message: string, code: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A program that is not EPMD answers at its address. */
export class EpmdProtocolError extends EpmdError {
  override readonly name = "EpmdProtocolError";
  /** `"closed"`: the connection ended before an answer; `"garbage"`: the answer is not EPMD's. */
  readonly reason: "closed" | "garbage";

  /** Creates the error for a missing or a wrong answer. */
  constructor(
    message: string,
    reason: "closed" | "garbage",
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.reason = reason;
  }
}

/** Another live node has registered the name. */
export class NameInUseError extends EpmdError {
  override readonly name = "NameInUseError";
}

/** Returns whether nothing listens at EPMD's address. */
export function isRefused(error: unknown): boolean {
  return error instanceof EpmdUnreachableError && error.code === "ECONNREFUSED";
}

/** Returns whether the other side closed the connection without an answer. */
export function isClosed(error: unknown): boolean {
  return error instanceof EpmdProtocolError && error.reason === "closed" ||
    error instanceof EpmdUnreachableError && error.code === "ECONNRESET";
}
