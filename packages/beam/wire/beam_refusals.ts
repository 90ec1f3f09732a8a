/**
 * The reason why a spawn request was refused, as an atom: a BEAM's prompt shows it as the error.
 *
 * Atoms are never freed on a BEAM, so the texts are few and fixed; the log of the refusing node has the details.
 */

import type { SpawnFailure } from "@otp/processes/signals/signal";

const TEXTS: Record<SpawnFailure, string> = {
  undef: "undef",
  not_allowed:
    "not_allowed: the `allow` option of the TypeScript node does not let this node run the function",
  closure:
    "a TypeScript node cannot run a function of the BEAM; give module, function and arguments, as in Node.spawn_link(node, Kate, :say_name, [])",
  limit: "system_limit",
  draining: "draining",
};

/** Returns the text of a refusal's atom. */
export function refusalToBeam(error: SpawnFailure): string {
  return TEXTS[error];
}

/** Returns the refusal that an atom stands for. */
export function refusalFromBeam(
  text: string,
): { error: SpawnFailure; message: string } {
  for (const [error, each] of Object.entries(TEXTS)) {
    if (each === text) return { error: error as SpawnFailure, message: text };
  }
  return { error: "not_allowed", message: `it answered :${text}` };
}
