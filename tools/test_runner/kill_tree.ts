/** Ends test processes that take too long, with all that they started. */

/** Ends a process and its descendants at once. */
export async function killTree(pid: number): Promise<void> {
  if (Deno.build.os === "windows") {
    await outputOf("taskkill", "/T", "/F", "/PID", `${pid}`);
    return;
  }
  const children = new Map<number, number[]>();
  for (const [child, parent] of await processes()) {
    children.set(parent, [...children.get(parent) ?? [], child]);
  }
  const tree = [pid];
  for (const each of tree) tree.push(...children.get(each) ?? []);
  for (const each of tree) {
    try {
      Deno.kill(each, "SIGKILL");
    } catch (error) {
      // The process has ended meanwhile.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

async function processes(): Promise<[pid: number, parent: number][]> {
  if (Deno.build.os === "linux") {
    // Small containers have no `ps`, and Deno reads files below /proc only with all permissions.
    const text = await outputOf("sh", "-c", "cat /proc/[0-9]*/stat");
    // The program's name, in parentheses, may contain any character.
    return [...text.matchAll(/^(\d+) \([^]*?\) [A-Z] (\d+) .*$/gm)]
      .map(([, pid, parent]) => [Number(pid), Number(parent)]);
  }
  const text = await outputOf("ps", "-A", "-o", "pid=,ppid=");
  return [...text.matchAll(/(\d+)\s+(\d+)/g)]
    .map(([, pid, parent]) => [Number(pid), Number(parent)]);
}

async function outputOf(program: string, ...args: string[]): Promise<string> {
  const { stdout } = await new Deno.Command(program, {
    args,
    stdin: "null",
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout);
}
