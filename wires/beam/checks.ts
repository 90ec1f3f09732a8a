/**
 * The error of all that a BEAM's bytes can be wrong in: it closes the connection.
 *
 * @module
 */

/** A peer sent bytes that Erlang's distribution does not allow, or more than is accepted. */
export class ProtocolError extends Error {
  /** Always `"ProtocolError"`. */
  override readonly name = "ProtocolError";
}
