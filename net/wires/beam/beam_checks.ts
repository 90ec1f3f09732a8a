/** The error for invalid bytes from a BEAM, which closes the connection. */

export { ProtocolError } from "../over_limit.ts";
