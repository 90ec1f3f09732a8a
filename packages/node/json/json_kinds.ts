/** The kinds of signals: one table for the encoder, which writes no other kind, and for the decoder, which checks them. */

/** The last item is a value, which may have tags: the kind ends with `*` then. */
const VALUE = 1;
/** A message or a request, which can belong to a trace. */
const TRACED = 2;

/** Each kind with the number of its items, at least and at most, and its properties. */
export const JSON_KINDS = {
  send: [4, Infinity, VALUE | TRACED],
  send_text: [4, Infinity, TRACED],
  send_name: [4, 4, VALUE | TRACED],
  send_alias: [4, 4, VALUE | TRACED],
  call: [5, 5, VALUE | TRACED],
  call_name: [5, 5, VALUE | TRACED],
  reply: [4, 4, VALUE],
  answer: [4, 4, VALUE],
  link: [4, 4, 0],
  unlink: [5, 5, 0],
  unlink_ack: [4, 4, 0],
  exit: [4, 4, VALUE],
  exit_link: [5, 5, VALUE],
  monitor: [5, 5, 0],
  monitor_name: [4, 4, 0],
  demonitor: [3, 3, 0],
  down: [5, 5, VALUE],
  spawn: [4, 4, VALUE | TRACED],
  spawned: [6, 6, 0],
  not_spawned: [5, 5, 0],
  group_leader: [4, 4, VALUE],
  large: [2, 2, 0],
  large_attached: [3, 3, 0],
  peers: [2, 3, 0],
  trace: [3, 3, 0],
} as const;

/** The name of a kind. */
export type JsonKind = keyof typeof JSON_KINDS;

/** The rows of the table by kind, with and without `*`. */
export const SHAPES: ReadonlyMap<unknown, readonly number[]> = new Map(
  Object.entries(JSON_KINDS).flatMap(([kind, shape]) =>
    [kind, ...(shape[2] & VALUE) === 0 ? [] : [`${kind}*`]]
      .map((name) => [name, shape] as const)
  ),
);

/** Whether signals of a kind can belong to a trace. */
export function isTraced(kind: unknown): boolean {
  return ((SHAPES.get(kind)?.[2] ?? 0) & TRACED) !== 0;
}
