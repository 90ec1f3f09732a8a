/** The names of one node's processes. */

import { unquotedName } from "../values/beam_names.ts";
import { TextMap } from "../values/text_map.ts";

/** The registered names, with their processes. */
export class RegisteredNames<P extends { name: string | undefined }>
  extends TextMap<P> {
  /** Starts the processes of names that exist only on demand; each function returns its process. */
  readonly lazy: Map<string, () => P> = new TextMap();

  /** Returns the process of a name for code of other processes; starts the process if it is lazy. */
  find(name: string): P | undefined {
    return this.get(name) ?? this.get(unquotedName(name)) ??
      this.lazy.get(name)?.();
  }

  /** Registers a name for a process; returns false if the name is taken or the process has one. */
  register(name: string, process: P): boolean {
    if (this.has(name) || process.name !== undefined) return false;
    process.name = name;
    this.set(name, process);
    return true;
  }

  /** Unregisters a name; returns false if no process has it. */
  unregister(name: string): boolean {
    const process = this.get(name);
    if (process === undefined) return false;
    process.name = undefined;
    return this.delete(name);
  }
}
