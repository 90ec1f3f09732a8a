/**
 * Erlang at the border: the wire and the terms of Erlang's nodes, and declarations of how functions look to them.
 *
 * @module
 */

export {
  beam,
  type BeamFieldsOf,
  type BeamFunctionTypes,
  type BeamType,
  type BeamTypeOf,
} from "./functions/declaration.ts";
