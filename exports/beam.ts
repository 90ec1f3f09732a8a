/**
 * Declarations of how functions look to Erlang and Elixir nodes.
 *
 * A node of Erlang or Elixir sends atoms, tuples and floats where a TypeScript function takes strings, arrays and
 * numbers. A declared function receives the types that it declares. The declaration also applies when this node calls
 * the function of the same name on such a node.
 *
 * @module
 */

export * from "@otp/beam";
