/**
 * Permissions that the host refused the program: Deno's permissions, and those of Node.js.
 *
 * @module
 */

/** Deno, as far as permissions need it. */
interface Host {
  readonly Deno?: {
    permissions: { querySync(of: { name: "net" }): { state: string } };
  };
}

/** Whether the program may connect to all hosts. A Deno program may have the permission for some of them only. */
export function mayConnectAnywhere(): boolean {
  const { Deno } = globalThis as Host;
  return Deno === undefined ||
    Deno.permissions.querySync({ name: "net" }).state === "granted";
}

/**
 * Whether an error, or its cause, is a permission that the program was started without.
 *
 * Deno names such an error `NotCapable`, Node.js gives it a code. One that the system refuses, as for
 * the files of other users, is another error.
 */
export function isPermissionDenied(error: unknown): boolean {
  let at = error;
  for (let depth = 0; depth < 4 && at instanceof Error; depth++) {
    const { name, code } = at as Error & { code?: unknown };
    if (name === "NotCapable" || code === "ERR_ACCESS_DENIED") return true;
    at = at.cause;
  }
  return false;
}
