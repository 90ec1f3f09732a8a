/**
 * The statements of users that run in the transaction of a state.
 *
 * @module
 */

import { inspect } from "@otp/processes/values/inspect";
import { typeError } from "@otp/processes/values/options";
import type { StoreStatement } from "./store.ts";

/** The most statements of a call, parameters of each, and characters of a text, and of all texts and parameters. */
const MOST = { statements: 100, params: 100, text: 100_000, all: 2 ** 20 };

/** Statements that read or change rows: others could end the transaction. */
const BEGINS = /^\s*(delete|insert|merge|replace|select|update|values|with)\b/i;

/** The database has refused a statement of a user. */
export class StatementError extends Error {}

/** Returns the statements of a call, with one more. */
export function withStatement(
  statements: readonly StoreStatement[],
  text: string,
  params: readonly (string | number | null)[],
  key: string,
): StoreStatement[] {
  const doing = `run a statement for ${key}`;
  if (typeof text !== "string" || !BEGINS.test(text) || text.includes("\0")) {
    throw typeError(
      text,
      `Cannot ${doing}: ${
        inspect(text).slice(0, 100)
      } does not begin as one that reads or changes rows; give one such as "INSERT INTO outbox (id) VALUES ($1)"`,
    );
  }
  if (!Array.isArray(params) || !params.every(isParam)) {
    throw typeError(
      params,
      `Cannot ${doing} with ${
        inspect(params).slice(0, 100)
      }: give a list of texts, finite numbers and null`,
    );
  }
  const given = { text, params: [...params] };
  const all = [...statements, given];
  const length = all.reduce((sum, each) => sum + lengthOf(each), 0);
  const isTooMuch = all.length > MOST.statements || length > MOST.all ||
    text.length > MOST.text || params.length > MOST.params;
  if (isTooMuch) {
    throw new RangeError(
      `Cannot ${doing}: it is statement ${all.length} with ${text.length} characters, ${params.length} parameters and ${length} characters in all; ${MOST.statements}, ${MOST.text}, ${MOST.params} and ${MOST.all} are the most: write less in a call`,
    );
  }
  const code = text.replaceAll(/'[^']*'/g, "");
  if (/;\s*\S/.test(code)) {
    throw new TypeError(
      `Cannot ${doing}: ${
        inspect(text).slice(0, 100)
      } goes on after a semicolon; give each statement by itself`,
    );
  }
  // A missing value would be null in SQLite.
  const numbers = [...code.matchAll(/\$(\d+)/g)].map(([, n]) => Number(n));
  const last = Math.max(0, ...numbers);
  if (last > params.length) {
    throw new TypeError(
      `Cannot ${doing}: it has $${last}, and ${params.length} parameters; give one for each`,
    );
  }
  return all;
}

function isParam(value: unknown): boolean {
  return value === null || Number.isFinite(value) ||
    typeof value === "string" && !value.includes("\0");
}

function lengthOf({ text, params }: StoreStatement): number {
  return params.reduce<number>(
    (sum, param) => sum + String(param).length,
    text.length,
  );
}
