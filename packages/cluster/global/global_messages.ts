/** Messages of the global name servers, between nodes and with processes of their nodes. */

import { isLongName } from "@otp/processes/values/atom";
import {
  ExternalFunction,
  LocalFunction,
} from "@otp/processes/values/functions";
import { Pid } from "@otp/processes/values/pid";

/** The name of each node's server. */
export const GLOBAL_SERVER = "global_name_server";

/**
 * Which of two processes that have a name keeps it, by name: one of those that `global` knows, or a
 * function that nodes export.
 */
export type Resolver =
  | "random_exit_name"
  | "random_notify_name"
  | "notify_all_name"
  | [module: string, function: string];

/** A resolver as an entry has it: of a process of a node of another kind, it may be a function of that node. */
export type EntryResolver = Resolver | ExternalFunction | LocalFunction;

/** A name that a process has. */
export interface GlobalEntry {
  name: unknown;
  pid: Pid;
  /** Decides which process keeps the name, if another has it as well. */
  resolve: EntryResolver;
  /** The node that sent it, if it was another; known only on the process's own node, and not sent. */
  by?: string;
}

export function sentEntry({ name, pid, resolve }: GlobalEntry): GlobalEntry {
  return { name, pid, resolve };
}

/** A request to a server. Only a server that holds the lock of the names may change them. */
export type GlobalRequest =
  /** A server announces itself, and does not have the other's names. */
  | { type: "hello" }
  /** Asks for the servers that have the same names: those of its part of the cluster. */
  | { type: "get_servers" }
  | { type: "get_names" }
  /** Takes the lock for a requester, which several processes can be, if no other has it. */
  | { type: "share_lock"; requester: unknown }
  /** A number that is the same for the same names. */
  | { type: "get_digest" }
  /** With `wait`, the answer comes when the lock is given, or `false` after that many milliseconds. */
  | { type: "lock_names"; wait?: number }
  /** Only servers of another kind read the requester for which the lock is held. */
  | { type: "unlock_names"; requester?: Pid[] }
  /** With `isNew`, only if the name is free; otherwise the answer is `"taken"`. */
  | { type: "register"; entry: GlobalEntry; isNew: boolean }
  | { type: "unregister"; name: unknown }
  /** Parts of the cluster are one from here on. */
  | {
    type: "merge";
    servers: Pid[];
    insert: GlobalEntry[];
    remove: unknown[];
  }
  /** Has the receiver close the connection, as another node has lost its connection to the receiver. */
  | { type: "remove_connection" }
  | { type: "set_lock"; resource: unknown; requester: unknown }
  | { type: "del_lock"; resource: unknown; requester: unknown }
  /** Of processes of the server's node only. */
  | { type: "change"; change: GlobalChange }
  | { type: "whereis"; name: unknown }
  | { type: "registered_names" }
  | { type: "sync" };

/** A change of the names of the cluster. */
export type GlobalChange =
  | { type: "register" | "re_register"; entry: GlobalEntry }
  | { type: "unregister"; name: unknown };

/** The answer to `hello`. */
export type Welcome = { type: "welcome"; server: Pid };

/** The answer if the limit of the caller's node, or of the process's, is reached. */
export const TOO_MANY = "system_limit";

const RESOLVERS: readonly unknown[] = [
  "random_exit_name",
  "random_notify_name",
  "notify_all_name",
];

/** Whether a value is an entry: it may come from anywhere. */
export function isEntry(value: unknown): value is GlobalEntry {
  const entry = value as GlobalEntry | null;
  return typeof entry === "object" && entry !== null && "name" in entry &&
    entry.pid instanceof Pid && isResolver(entry.resolve);
}

/** Whether a value is a change: it may come from anywhere. */
export function isChange(value: unknown): value is GlobalChange {
  const change = value as GlobalChange | null;
  switch (change?.type) {
    case "register":
    case "re_register":
      return isEntry(change.entry);
    case "unregister":
      return "name" in change;
    default:
      return false;
  }
}

/** Whether a value is the time that a request for the lock of the names may wait, if it may. */
export function isWait(wait: unknown): boolean {
  return wait === undefined || typeof wait === "number";
}

/** Whether a request to change names has its fields. */
export function isWrite(
  asked: GlobalRequest & { type: "register" | "unregister" | "merge" },
): boolean {
  switch (asked.type) {
    case "register":
      return isEntry(asked.entry) && typeof asked.isNew === "boolean";
    case "unregister":
      return "name" in asked;
    case "merge":
      return [asked.servers, asked.insert, asked.remove].every(Array.isArray);
  }
}

/** Whether a text names one of the resolvers that `global` knows. */
export function isKnownResolver(
  value: unknown,
): value is Resolver & string {
  return RESOLVERS.includes(value);
}

function isResolver(value: unknown): value is EntryResolver {
  return isKnownResolver(value) || value instanceof ExternalFunction ||
    value instanceof LocalFunction ||
    (Array.isArray(value) && value.length === 2 &&
      value.every((each) => typeof each === "string" && !isLongName(each)));
}

/** The valid items of a value that should be a list. */
export function listOf<T>(
  value: unknown,
  isItem: (item: unknown) => item is T,
): T[] {
  return Array.isArray(value) ? value.filter(isItem) : [];
}

export function isPid(value: unknown): value is Pid {
  return value instanceof Pid;
}
