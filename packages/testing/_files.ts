/** The test files below the folders of a command line. */

import { basename, join, relative, resolve } from "node:path";
import { isFile } from "./_programs.ts";

/** Deno's own pattern for names of test files. */
const TEST_FILE = /(^|[._])test\.(ts|tsx|mts|js|mjs|jsx)$/;
/** Folders in which Deno looks for no tests. */
const SKIPPED = ["node_modules", ".git"];

export interface TestFiles {
  /** The files, as paths that start here. */
  files: string[];
  /** The folders and patterns in which Deno may find more: examples, and files that this module does not find. */
  others: string[];
}

/**
 * Finds test files.
 *
 * @param paths The files and folders of the command line; if empty, the working folder.
 * @param ignored The files and folders to leave out.
 */
export function findTestFiles(
  paths: readonly string[],
  ignored: readonly string[],
): TestFiles {
  const files = new Set<string>();
  const others: string[] = [];
  const leftOut = [...ignored, ...excludedHere()].map((path) => resolve(path));
  for (const path of paths.length === 0 ? ["."] : paths) {
    if (isFile(path)) {
      files.add(relative(".", path));
      continue;
    }
    others.push(path);
    if (isFolder(path)) walk(path, leftOut, files);
  }
  return { files: [...files].sort(), others };
}

/** Finds a test file that is named without its folder, below the working folder; returns other paths unchanged. */
export function locateTestFile(path: string): string {
  if (!TEST_FILE.test(path) || /[\\/]/.test(path) || isFile(path)) return path;
  const found = findTestFiles([], []).files
    .filter((file) => basename(file) === path);
  return found.length === 1 ? found[0] : path;
}

function walk(
  folder: string,
  leftOut: readonly string[],
  files: Set<string>,
): void {
  for (const { name, isDirectory, isFile } of Deno.readDirSync(folder)) {
    const path = join(folder, name);
    if (SKIPPED.includes(name) || leftOut.includes(resolve(path))) continue;
    if (isDirectory) walk(path, leftOut, files);
    else if (isFile && TEST_FILE.test(name)) files.add(relative(".", path));
  }
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The folders that this folder's `deno.json` excludes. */
function excludedHere(): string[] {
  if (!isFile("deno.json")) return [];
  const { exclude = [], test = {} } = JSON.parse(
    Deno.readTextFileSync("deno.json"),
  );
  return [...exclude, ...test.exclude ?? []];
}
