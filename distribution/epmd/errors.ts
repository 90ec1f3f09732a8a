/**
 * Errors between a node and EPMD, as classes that callers can distinguish.
 *
 * @module
 */

/** An error that EPMD, or its absence, caused. */
export class EpmdError extends Error {
  /** The name of the class. */
  override readonly name: string = "EpmdError";
  /** The host that was asked. */
  readonly host: string;
  /** The port that was asked. */
  readonly port: number;

  /**
   * Makes the error.
   *
   * @param message What could not be done, and why.
   * @param address Where EPMD was looked for.
   * @param options The underlying error, as `cause`.
   */
  constructor(
    message: string,
    address: { host: string; port: number },
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.host = address.host;
    this.port = address.port;
  }
}

/** EPMD does not answer at its address, and could not be served there either. */
export class EpmdUnreachableError extends EpmdError {
  /** The name of the class. */
  override readonly name = "EpmdUnreachableError";
  /** The system's error code: `ECONNREFUSED`, `ETIMEDOUT`, `ENOTFOUND`, `EACCES` … */
  readonly code: string;

  /**
   * Makes the error.
   *
   * @param message What could not be done, and why.
   * @param address Where EPMD was looked for.
   * @param code The system's error code.
   * @param options The underlying error, as `cause`.
   */
  constructor(
    message: string,
    address: { host: string; port: number },
    code: string,
    options?: ErrorOptions,
  ) {
    super(message, address, options);
    this.code = code;
  }
}

/** A program that is not EPMD answers at its address. */
export class EpmdProtocolError extends EpmdError {
  /** The name of the class. */
  override readonly name = "EpmdProtocolError";
  /** `"closed"`: the connection ended before an answer; `"garbage"`: the answer is not EPMD's. */
  readonly reason: "closed" | "garbage";

  /**
   * Makes the error.
   *
   * @param message What could not be done, and why.
   * @param address Where EPMD was looked for.
   * @param reason Whether the answer was missing or wrong.
   * @param options The underlying error, as `cause`.
   */
  constructor(
    message: string,
    address: { host: string; port: number },
    reason: "closed" | "garbage",
    options?: ErrorOptions,
  ) {
    super(message, address, options);
    this.reason = reason;
  }
}

/** Another live node has registered the name. */
export class NameInUseError extends EpmdError {
  /** The name of the class. */
  override readonly name = "NameInUseError";
  /** The name asked for: the part of the node's name before `@`. */
  readonly nodeName: string;

  /**
   * Makes the error.
   *
   * @param nodeName The name asked for.
   * @param address Where EPMD refused it.
   */
  constructor(nodeName: string, address: { host: string; port: number }) {
    super(
      `Cannot register ${nodeName}: the name is in use at the EPMD on port ${address.port}; ` +
        "choose another --sname or stop the other node",
      address,
    );
    this.nodeName = nodeName;
  }
}
