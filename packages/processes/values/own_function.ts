/**
 * A function in a message between processes of one node.
 *
 * Copies of the message share it, and no wire carries it. Only the library makes such values, so a server may run the
 * function in one: it comes from its own node.
 */
export class OwnFunction {
  // deno-lint-ignore ban-types
  readonly fn: Function;
  /** The name of the function, for reports. */
  readonly label: string;

  // deno-lint-ignore ban-types
  constructor(fn: Function, label: string = fn.name || "function") {
    this.fn = fn;
    this.label = label;
  }
}
