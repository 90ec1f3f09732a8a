/** The files of the repository, which tests must not change. */

/** The state of the working folder, as git sees it. */
export class WorkingTree {
  readonly #before: ReadonlySet<string>;

  private constructor(lines: readonly string[]) {
    this.#before = new Set(lines);
  }

  /** Reads the state; returns nothing without git or a repository. */
  static async read(): Promise<WorkingTree | undefined> {
    const lines = await status();
    return lines && new WorkingTree(lines);
  }

  /** Returns the files that have changed since, as faults of the run. */
  async changes(): Promise<string[]> {
    const lines = await status() ?? [];
    return lines.filter((line) => !this.#before.has(line))
      .map((line) =>
        `the run: it changed the repository (git status: ${line})`
      );
  }
}

async function status(): Promise<string[] | undefined> {
  try {
    const { success, stdout } = await new Deno.Command("git", {
      args: ["status", "--porcelain", "--untracked-files=all"],
      stdin: "null",
      stderr: "null",
    }).output();
    if (!success) return undefined;
    const text = new TextDecoder().decode(stdout);
    return text.split("\n").filter((line) => line !== "");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
