/**
 * The error of all that a BEAM's bytes can be wrong in: it closes the connection.
 *
 * @module
 */

export { ProtocolError } from "../over_limit.ts";
