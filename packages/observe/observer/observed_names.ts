/** The names of a node, as an observer sees them: registered names, global names, groups and registries. */

import type { Runtime } from "@otp/processes/process/runtime";
import { globalEntries } from "@otp/cluster/global/global_server";
import { runningScopes } from "@otp/node/pg/scopes";
import { registryTables } from "@otp/servers/registry/registry_table";
import { MAX_TEXT, valueText } from "./observed_texts.ts";
import type { ObservedName, ObservedNames } from "./observed_terms.ts";

/** The maximum number of entries of each list, and of processes of a group. */
const MAX_ENTRIES = 500;
const MAX_LISTS = 50;
const MAX_PIDS = 100;

export function observeNames(runtime: Runtime): ObservedNames {
  let more = 0;
  const some = <T>(all: Iterable<T>, size: number, most: number): T[] => {
    const taken: T[] = [];
    for (const each of all) {
      if (taken.length >= most) break;
      taken.push(each);
    }
    more += size - taken.length;
    return taken;
  };
  const { names } = runtime;
  const registered = some(names, names.size, MAX_ENTRIES)
    .map(([name, { pid }]) => entry(name, pid));
  const known = globalEntries(runtime);
  const global = some(known, known.length, MAX_ENTRIES)
    .map(({ name, pid }) => entry(name, pid));
  const scopes = runningScopes(runtime);
  const groups = some(scopes, scopes.length, MAX_LISTS)
    .map(([scope, server]) => {
      const all = server.which("all");
      return {
        scope: text(scope),
        groups: some(all, all.length, MAX_ENTRIES).map(({ group, pids }) => ({
          group: text(group),
          pids: pids.slice(0, MAX_PIDS),
          size: pids.length,
        })),
      };
    });
  const tables = registryTables(runtime);
  const registries = some(tables, tables.length, MAX_LISTS).map((table) => {
    const size = table.count();
    return {
      registry: text(table.name),
      keys: some(table.all(), size, MAX_ENTRIES)
        .map(({ key, pid }) => entry(key, pid)),
      size,
    };
  });
  return { registered, global, groups, registries, more };
}

function entry(name: unknown, pid: ObservedName["pid"]): ObservedName {
  return { name: text(name), pid };
}

function text(name: unknown): string {
  return typeof name === "string"
    ? name.slice(0, MAX_TEXT)
    : valueText(name, MAX_TEXT);
}
