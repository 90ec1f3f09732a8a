/** What tests have changed in the repository. */

/** The changed files of the repository, as git lists them: a line each; nothing without git or a repository. */
export async function changedFiles(): Promise<string[] | undefined> {
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
