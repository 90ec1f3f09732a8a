/** The shapes of Erlang's terms: `inspect` and the hosts ask each class how to show its terms. */

/** A term with parts, such as a tuple. */
export interface Parts {
  /** The text before the items. */
  open: string;
  /** The text after the items. */
  close: string;
  items: Iterable<unknown>;
  /** Whether the items are texts to be shown unchanged. */
  areTexts?: boolean;
  /** The tail, in a box. */
  tail?: readonly [unknown];
}

export type TermShape = string | Parts;

const SHAPE: unique symbol = Symbol("shape");

/** A function of the host that shows a value. */
type HostInspect = (value: unknown, options?: object) => string;

/** Sets how `inspect`, `console.log` and messages of assertions show the terms of a class. */
export function setShape<T extends object>(
  type: { readonly prototype: T },
  shape: (term: T) => TermShape,
): void {
  const methods: Record<symbol, (this: T, ...args: never[]) => unknown> = {
    [SHAPE]() {
      return shape(this);
    },
    // Node's `util.inspect` calls it.
    [Symbol.for("nodejs.util.inspect.custom")](
      _depth: number,
      options: object,
      inspect: HostInspect,
    ) {
      return hostText(shape(this), inspect, options);
    },
    [Symbol.for("Deno.customInspect")](inspect: HostInspect, options: object) {
      return hostText(shape(this), inspect, options);
    },
  };
  for (const key of Object.getOwnPropertySymbols(methods)) {
    const value = methods[key];
    Object.defineProperty(type.prototype, key, { value });
  }
}

function hostText(
  shape: TermShape,
  inspect: HostInspect,
  options: object,
): string {
  if (typeof shape === "string") return shape;
  const { open, close, items, areTexts, tail } = shape;
  const each = (item: unknown) =>
    areTexts ? item as string : inspect(item, options);
  const end = tail === undefined ? "" : ` | ${each(tail[0])}`;
  return `${open}${Array.from(items, each).join(", ")}${end}${close}`;
}

/** Returns the shape of an Erlang term; `undefined` for any other value. */
export function shapeOf(value: object): TermShape | undefined {
  return (value as { [SHAPE]?(): TermShape })[SHAPE]?.();
}
