/**
 * The plan of a project's runs: a file, so that the command line stays short.
 *
 * @module
 */

/** The plan of a run. */
export interface RunPlan {
  /** The number of files that run at once. */
  jobs?: number;
  /** Filters of the tests that only a run with `--all` includes, each as `tag` or `tag:value`. */
  exclude: readonly string[];
  /** The files to start with, as they take long. */
  first: readonly string[];
  /** The files to run by themselves, after the others. */
  alone: readonly string[];
}

type Check = (value: unknown) => boolean;

const isList: Check = (value) =>
  Array.isArray(value) && value.every((each) => typeof each === "string");

/** The fields of a plan, with their rules. */
const FIELDS: Record<keyof RunPlan, [check: Check, rule: string]> = {
  jobs: [
    (value) => Number.isInteger(value) && value as number > 0,
    "a whole number from 1",
  ],
  exclude: [isList, "a list of texts"],
  first: [isList, "a list of texts"],
  alone: [isList, "a list of texts"],
};

/**
 * Reads a plan.
 *
 * @param file The path of the file.
 * @throws {TypeError} If it cannot be read, or is no plan.
 */
export function readPlan(file: string): RunPlan {
  const what = `Cannot use the plan ${JSON.stringify(file)}`;
  let plan: unknown;
  try {
    plan = JSON.parse(Deno.readTextFileSync(file));
  } catch (error) {
    throw new TypeError(`${what}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  if (typeof plan !== "object" || plan === null || Array.isArray(plan)) {
    throw new TypeError(`${what}: write an object, as in { "jobs": 3 }`);
  }
  for (const [name, value] of Object.entries(plan)) {
    if (!Object.hasOwn(FIELDS, name)) {
      throw new TypeError(
        `${what}: it has a field ${JSON.stringify(name)}; fields are ${
          Object.keys(FIELDS).join(", ")
        }`,
      );
    }
    const [check, rule] = FIELDS[name as keyof RunPlan];
    if (!check(value)) {
      throw new TypeError(
        `${what}: ${name} is ${JSON.stringify(value)}; give ${rule}`,
      );
    }
  }
  return { exclude: [], first: [], alone: [], ...plan };
}
