/**
 * The parts of a node of this package, which `Node.start` uses unless the option `use` names others.
 *
 * Each part loads most of its code when it is needed.
 */

import { beam } from "@otp/beam/part";
import { cluster } from "@otp/cluster/part";
import { useByDefault } from "@otp/node/start/parts";
import { observe } from "@otp/observe/part";
import { type RemoteShell, remoteShell } from "@otp/shell/part";

useByDefault(
  [beam(), cluster(), observe(), remoteShell(loadShell)],
  import.meta.url,
);

async function loadShell(): Promise<RemoteShell> {
  // Before a program begins, Deno fetches the packages of every file that an `import()` names. Compute the name here,
  // so that programs without a shell need no package.
  const [, end] = /(\.\w+)$/.exec(import.meta.url)!;
  const file = new URL(`remote_shell${end}`, import.meta.url);
  return (await import(file.href)).shellForOthers;
}
