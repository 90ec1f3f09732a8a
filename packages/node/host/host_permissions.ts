/** Recognises permissions that Deno or Node.js refused the program. */

import { isGranted } from "@otp/processes/host/permissions";

/** Whether the program may connect to all hosts. A Deno program may have the permission for some of them only. */
export function mayConnectAnywhere(): boolean {
  return isGranted({ name: "net" });
}

/**
 * Whether an error, or its cause, is a permission that the program was started without.
 *
 * Deno names such an error `NotCapable`, and Node.js gives it a code. If the operating system refuses access, as to
 * files of other users, the error is another one.
 */
export function isPermissionDenied(error: unknown): boolean {
  let at = error;
  for (let depth = 0; depth < 4 && at instanceof Error; depth++) {
    const { name, code } = at as Error & { code?: unknown };
    if (
      name === "NotCapable" || code === "ERR_ACCESS_DENIED" ||
      isLookupDenied(at)
    ) return true;
    at = at.cause;
  }
  return false;
}

/** Names the permission in the error of a socket, whose message would be `getaddrinfo EPERM kate.example`. */
export function nameLookup<T>(error: T): T {
  if (isLookupDenied(error)) {
    const { hostname } = error;
    error.message =
      `the program may not look up ${hostname}; run it with --allow-net=${hostname}`;
  }
  return error;
}

/** Whether Deno refused to look up the name of a host. The system's own look-up never fails with this code. */
function isLookupDenied(
  error: unknown,
): error is Error & { hostname: string } {
  const { code, syscall } = error as { code?: unknown; syscall?: unknown };
  return code === "EPERM" && syscall === "getaddrinfo";
}
