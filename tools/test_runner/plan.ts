/** The plan of a project's runs: a file, so that the command line stays short. */

export interface RunPlan {
  /** The number of files that run at once, each in a process of its own. */
  jobs?: number;
  /** Filters of the tests that only a run with `--all` includes, each as `tag` or `tag:value`. */
  exclude?: readonly string[];
  /** The command that runs all tests, for the line about excluded ones. */
  all?: string;
  /** The Debian packages of programs that tests need, for the line about excluded tests. */
  packages?: Readonly<Record<string, string>>;
  /** The files to run by themselves, after the others. */
  alone?: readonly string[];
  /**
   * The seconds that slow files take. Slow files start first, and the remaining time is estimated from these numbers.
   */
  seconds?: Readonly<Record<string, number>>;
  /** The seconds of files that take longer in a run of all tests. */
  allSeconds?: Readonly<Record<string, number>>;
  /** The time limit for a file, in seconds; a process that takes longer is killed with its descendants. */
  limit?: number;
  /** Whether each process has its own home, folder for temporary files, EPMD port and other ports. */
  sandbox?: boolean;
  /** Whether the run fails if `git status` differs at its end. */
  unchanged?: boolean;
  /** Whether an additional process runs everything else that Deno finds: with `--doc`, the documentation's examples. */
  others?: boolean;
}

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === "string";
const isFlag: Check = (value) => typeof value === "boolean";
const isPositive: Check = (value) => typeof value === "number" && value > 0;
const isList: Check = (value) => Array.isArray(value) && value.every(isText);
const isRecord = (of: Check): Check => (value) =>
  typeof value === "object" && value !== null && !Array.isArray(value) &&
  Object.values(value).every(of);

const FIELDS: Record<keyof RunPlan, [check: Check, rule: string]> = {
  jobs: [
    (value) => Number.isInteger(value) && isPositive(value),
    "a whole number from 1",
  ],
  exclude: [isList, "a list of texts"],
  all: [isText, "a text"],
  packages: [isRecord(isText), "an object of texts"],
  alone: [isList, "a list of texts"],
  seconds: [isRecord(isPositive), "an object of positive numbers"],
  allSeconds: [isRecord(isPositive), "an object of positive numbers"],
  limit: [isPositive, "a positive number"],
  sandbox: [isFlag, "true or false"],
  unchanged: [isFlag, "true or false"],
  others: [isFlag, "true or false"],
};

/** Reads a plan. Throws a `TypeError` if the file cannot be read, or is no plan. */
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
  return plan;
}
