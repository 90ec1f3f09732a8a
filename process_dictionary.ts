/**
 * The process dictionary: values that a process keeps for itself. `process.ts` exports these functions.
 *
 * @module
 */

import { checkOptions } from "./runtime/values/check_arguments.ts";
import { currentProcess } from "./runtime/context/current_process.ts";
import { PROCESS_LABEL } from "./runtime/processes/process.ts";
import { copyTerm } from "./runtime/values/term.ts";
import { termKey } from "./runtime/values/term_key.ts";

/** A value in the dictionary of a process. */
export interface DictionaryEntry {
  /** The key. */
  key: unknown;
  /** The value. */
  value: unknown;
}

/** Options for {@linkcode getKeys}. */
export interface GetKeysOptions {
  /**
   * Only the keys that hold this value; values are compared as messages are, by their contents.
   *
   * @default {undefined}
   */
  value?: unknown;
}

/**
 * Puts a value into the dictionary of the calling process, under a key.
 *
 * Follows [Process.put/2](https://hexdocs.pm/elixir/1.18/Process.html#put/2). Nobody but the process
 * sees its dictionary, and it ends with the process. The value is kept as it is, not copied: it need
 * not be one that can be sent.
 *
 * @param key Any value that can be sent; equal ones are one key.
 * @param value Any value.
 * @returns The value that the key had before, or `undefined`.
 * @throws {TypeError} If the key holds what cannot be sent.
 *
 * @example Usage
 * ```ts
 * import { Process } from "@otp/distribution";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(Process.put("count", 1), undefined);
 * assertEquals(Process.put("count", 2), 1);
 * assertEquals(Process.get("count"), 2);
 * ```
 */
export function put(key: unknown, value: unknown): unknown {
  const process = currentProcess();
  const id = termKey(key, process.runtime.maxDepth);
  const dictionary = process.dictionary ??= new Map();
  const before = dictionary.get(id)?.value;
  dictionary.set(id, { key: copyTerm(key, process.runtime.maxDepth), value });
  return before;
}

/**
 * All that the dictionary of the calling process holds.
 *
 * Follows [Process.get/0](https://hexdocs.pm/elixir/1.18/Process.html#get/0).
 *
 * @returns The entries, in the order in which their keys were first put.
 *
 * @example Usage
 * ```ts
 * import { Process } from "@otp/distribution";
 * import { assertEquals } from "@std/assert";
 *
 * Process.put("colour", "red");
 * assertEquals(Process.get("colour"), "red");
 * assertEquals(Process.get("size", "none"), "none");
 * assertEquals(Process.get(), [{ key: "colour", value: "red" }]);
 * ```
 */
export function get(): DictionaryEntry[];
/**
 * Reads a value of the calling process's dictionary.
 *
 * Follows [Process.get/2](https://hexdocs.pm/elixir/1.18/Process.html#get/2).
 *
 * @typeParam T The value's type, which is not checked.
 * @param key The key.
 * @param otherwise The value if the key is not there.
 * @returns The value, or `otherwise`.
 * @throws {TypeError} If the key holds what cannot be sent.
 */
// deno-lint-ignore no-explicit-any
export function get<T = any>(key: unknown, otherwise?: T): T;
export function get(...args: [unknown?, unknown?]): unknown {
  const { dictionary, runtime } = currentProcess();
  if (args.length === 0) {
    return [...dictionary?.values() ?? []].map((entry) => ({ ...entry }));
  }
  const [key, otherwise] = args;
  const found = dictionary?.get(termKey(key, runtime.maxDepth));
  return found === undefined ? otherwise : found.value;
}

/**
 * The keys of the dictionary of the calling process.
 *
 * Follows [Process.get_keys/0](https://hexdocs.pm/elixir/1.18/Process.html#get_keys/0) and
 * [Process.get_keys/1](https://hexdocs.pm/elixir/1.18/Process.html#get_keys/1).
 *
 * @param options Which value the keys are to have.
 * @returns The keys, in the order in which they were first put.
 * @throws {TypeError} If the value wanted holds what cannot be sent.
 *
 * @example Usage
 * ```ts
 * import { Process } from "@otp/distribution";
 * import { assertEquals } from "@std/assert";
 *
 * Process.put("a", 1);
 * Process.put("b", 2);
 * assertEquals(Process.getKeys(), ["a", "b"]);
 * assertEquals(Process.getKeys({ value: 2 }), ["b"]);
 * ```
 */
export function getKeys(options: GetKeysOptions = {}): unknown[] {
  const { dictionary, runtime } = currentProcess();
  checkOptions(options, "get keys", "{ value: 1 }");
  const entries = [...dictionary?.values() ?? []];
  if (!("value" in options)) return entries.map(({ key }) => key);
  const { maxDepth } = runtime;
  const wanted = termKey(options.value, maxDepth);
  return entries.filter(({ value }) => isEqual(value, wanted, maxDepth))
    .map(({ key }) => key);
}

/** Whether a value, of whatever kind, has a key: one that cannot be sent has none. */
function isEqual(value: unknown, wanted: unknown, maxDepth: number): boolean {
  try {
    return termKey(value, maxDepth) === wanted;
  } catch {
    return false;
  }
}

/**
 * Deletes a key from the dictionary of the calling process.
 *
 * Follows [Process.delete/1](https://hexdocs.pm/elixir/1.18/Process.html#delete/1).
 *
 * @param key The key.
 * @returns The value that it had, or `undefined`.
 * @throws {TypeError} If the key holds what cannot be sent.
 *
 * @example Usage
 * ```ts
 * import { Process } from "@otp/distribution";
 * import { assertEquals } from "@std/assert";
 *
 * Process.put("colour", "red");
 * assertEquals(Process.delete("colour"), "red");
 * assertEquals(Process.delete("colour"), undefined);
 * ```
 */
function remove(key: unknown): unknown {
  const { dictionary, runtime } = currentProcess();
  const id = termKey(key, runtime.maxDepth);
  const before = dictionary?.get(id)?.value;
  dictionary?.delete(id);
  return before;
}

export { remove as delete };

/**
 * Labels the calling process, to tell it from others that run the same code.
 *
 * Follows [Process.set_label/1](https://hexdocs.pm/elixir/1.18/Process.html#set_label/1). `info` has the
 * label, and so has a crash report. Unlike a name, any number of processes can have the same, and
 * nothing finds a process by it. As in Elixir, the dictionary keeps it, under `"$process_label"`.
 *
 * @param label Any value that can be sent; a copy is kept.
 * @returns `"ok"`.
 * @throws {TypeError} If the label holds what cannot be sent.
 *
 * @example Usage
 * ```ts
 * import { Process } from "@otp/distribution";
 * import { assertEquals } from "@std/assert";
 *
 * Process.setLabel({ room: "lobby" });
 * assertEquals(Process.info()?.label, { room: "lobby" });
 * ```
 */
export function setLabel(label: unknown): "ok" {
  const { maxDepth } = currentProcess().runtime;
  put(PROCESS_LABEL, copyTerm(label, maxDepth));
  return "ok";
}
