/** Errors between a node and EPMD, as classes that callers can distinguish. */

/** An error that EPMD, or its absence, caused. */
export class EpmdError extends Error {
  override readonly name: string = "EpmdError";
  /** The host that was asked. */
  readonly host: string;
  /** The port that was asked. */
  readonly port: number;

  /** Creates the error for the EPMD at an address. */
  constructor(
    message: string,
    { host, port }: { host: string; port: number },
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.host = host;
    this.port = port;
  }
}

/** EPMD does not answer at its address, and could not be served there either. */
export class EpmdUnreachableError extends EpmdError {
  override readonly name = "EpmdUnreachableError";
  /** The system's error code: `ECONNREFUSED`, `ETIMEDOUT`, `ENOTFOUND`, `EACCES` … */
  readonly code: string;

  /** Creates the error with the system's code. */
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
  override readonly name = "EpmdProtocolError";
  /** `"closed"`: the connection ended before an answer; `"garbage"`: the answer is not EPMD's. */
  readonly reason: "closed" | "garbage";

  /** Creates the error for a missing or a wrong answer. */
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
  override readonly name = "NameInUseError";
  /** The part of the node's name before `@`. */
  readonly nodeName: string;

  /** Creates the error for a name that the EPMD at an address refused. */
  constructor(nodeName: string, address: { host: string; port: number }) {
    super(
      `Cannot register ${nodeName}: the name is in use at the EPMD on port ${address.port}; ` +
        "choose another --sname or stop the other node",
      address,
    );
    this.nodeName = nodeName;
  }
}
