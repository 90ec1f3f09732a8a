/** The approximate memory of values. */

const VALUE = 8;
const OBJECT = 32;

/** Estimates the bytes of a value, of which it visits `budget.left` parts, and `most` entries of one object. */
export function valueBytes(
  value: unknown,
  budget: { left: number },
  most: number,
): number {
  const pending: unknown[] = [value];
  let bytes = 0;
  while (pending.length > 0 && budget.left-- > 0) {
    const next = pending.pop();
    if (typeof next === "string") bytes += VALUE + next.length;
    else if (typeof next === "bigint") bytes += bigintBytes(next);
    else if (typeof next !== "object" || next === null) bytes += VALUE;
    else if (ArrayBuffer.isView(next) || next instanceof ArrayBuffer) {
      bytes += OBJECT + next.byteLength;
    } else bytes += OBJECT + pushContents(next, pending, most);
  }
  return bytes;
}

function bigintBytes(value: bigint): number {
  return BigInt.asIntN(64, value) === value
    ? VALUE
    : VALUE + value.toString(16).length / 2;
}

/** Adds the contents of an object, within the budget; returns the bytes of its keys. */
function pushContents(value: object, pending: unknown[], most: number): number {
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length && i < most; i++) pending.push(value[i]);
    return 0;
  }
  if (value instanceof Map || value instanceof Set) {
    let left = most;
    for (const [key, item] of value.entries()) {
      pending.push(key);
      // An entry of a set has its item twice: nested sets would count for each level twice as much.
      if (value instanceof Map) pending.push(item);
      if (--left === 0) break;
    }
    return 0;
  }
  let bytes = 0;
  let left = most;
  for (const key in value) {
    bytes += key.length;
    pending.push((value as Record<string, unknown>)[key]);
    if (--left === 0) break;
  }
  return bytes;
}
