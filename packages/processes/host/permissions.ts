/** The permissions of the program. */

/** A permission that a program may do without. */
export type Permission =
  | { name: "net" }
  | { name: "env"; variable: string }
  | { name: "sys"; kind: string }
  | { name: "read" | "write"; path: string };

/** The part of Deno that tells permissions. */
interface Host {
  readonly Deno?: {
    permissions: { querySync(of: Permission): { state: string } };
  };
}

/**
 * Whether the program has been given a permission. To use a missing one makes Deno ask the user in the terminal, so
 * code asks this first where it can do without. Only Deno knows; on other hosts the use itself may fail.
 */
export function isGranted(permission: Permission): boolean {
  const { Deno } = globalThis as Host;
  return Deno === undefined ||
    Deno.permissions.querySync(permission).state === "granted";
}
