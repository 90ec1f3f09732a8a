/** Runs typed code: TypeScript with top-level `await`, whose declarations persist. */

import {
  type AnyNode,
  type ModuleDeclaration,
  parse,
  type Pattern,
  type Program,
  type Statement,
} from "acorn";
import nodeProcess from "node:process";
import { pathToFileURL } from "node:url";
import { stripTypeScriptTypes } from "./strip_types.ts";
import { keepPositions } from "./typed_positions.ts";

/** The names that code sees, to which its declarations are added. */
export type Scope = Record<string, unknown>;

export function makeScope(...values: Scope[]): Scope {
  return Object.assign(Object.create(null), ...values);
}

/**
 * Runs code with the names of a scope, and stores its declarations in the scope: variables, functions, classes and
 * imports, which a later run may declare again. Functions that capture a variable see its later values. Relative
 * imports start at the working directory.
 *
 * @returns The value of the last statement, if that is an expression. A promise is not awaited, so that the caller can
 *   await or show it.
 * @throws {SyntaxError} If the code does not parse.
 * @throws The error that the code throws.
 */
export async function evaluate(
  source: string,
  scope: Scope,
): Promise<{ value: unknown }> {
  const base = pathToFileURL(`${nodeProcess.cwd()}/`);
  const translation = translate(source, base);
  const { code, names, scopeName, resolveName } = translation;
  for (const name of names) if (!(name in scope)) scope[name] = undefined;
  // `with` resolves names to properties of the scope without copying, so that assignments persist.
  const run = new Function(
    scopeName,
    resolveName,
    `with (${scopeName}) return async () => {"use strict";\n${code}\n};\n//# sourceURL=${
      keepPositions(source, translation)
    }`,
  );
  const resolve = (specifier: unknown) => resolveFrom(String(specifier), base);
  // The array keeps `await` from unwrapping a promise.
  const [value] = await run(scope, resolve)() ?? [];
  return { value };
}

/** Resolves a specifier against a folder: only a relative one changes. */
function resolveFrom(specifier: string, base: URL): string {
  return /^\.{0,2}\//.test(specifier)
    ? new URL(specifier, base).href
    : specifier;
}

interface Translation {
  code: string;
  /** Returns the offset in the typed text of an offset in the code. */
  typedOffset(offset: number): number;
  names: string[];
  /** The code's names for the scope and for the function that resolves specifiers. */
  scopeName: string;
  resolveName: string;
}

interface Edit {
  at: number;
  to: number;
  text: string;
}

/** Translates declarations into assignments to the scope. */
function translate(typed: string, base: URL): Translation {
  const { source, program, shift } = read(typed);
  const translator = new Translator(source, base);
  program.body.forEach((statement, index) =>
    translator.statement(statement, index === program.body.length - 1)
  );
  translator.imports(program);
  return translator.translation(shift);
}

class Translator {
  readonly #source: string;
  readonly #base: URL;
  readonly #edits: Edit[] = [];
  readonly #names: string[] = [];
  readonly #hoisted: string[] = [];
  readonly #scope: string;
  readonly #resolve: string;

  constructor(source: string, base: URL) {
    this.#source = source;
    this.#base = base;
    this.#scope = unused("scope$", source);
    this.#resolve = unused("resolve$", source);
  }

  /** The translation of code that begins `shift` characters before the typed text. */
  translation(shift: number): Translation {
    let code = this.#source;
    // Edit from the end, so that earlier offsets stay valid; at equal offsets, apply the last edit first.
    const edits = this.#edits.reverse().sort((a, b) => b.at - a.at);
    for (const { at, to, text } of edits) {
      code = code.slice(0, at) + text + code.slice(to);
    }
    const hoisted = this.#hoisted.map((name) => this.#keep(name)).join("");
    return {
      code: hoisted + code,
      typedOffset: (offset) =>
        offsetBefore(edits.toReversed(), offset - hoisted.length) - shift,
      names: this.#names,
      scopeName: this.#scope,
      resolveName: this.#resolve,
    };
  }

  statement(node: Statement | ModuleDeclaration, isLast: boolean): void {
    switch (node.type) {
      case "VariableDeclaration":
        // A `using` declaration must not be reassigned, because its value is disposed of at the end.
        if (node.kind === "using" || node.kind === "await using") return;
        this.#edit(node.start, node.declarations[0].start, ";(");
        node.declarations.forEach(({ id, init, end }, index, { length }) => {
          this.#names.push(...boundNames(id));
          const rest = init ? "" : " = undefined";
          this.#edit(end, end, index === length - 1 ? `${rest});` : rest);
        });
        return;
      case "FunctionDeclaration":
        this.#names.push(node.id.name);
        this.#hoisted.push(node.id.name);
        return;
      case "ClassDeclaration":
        this.#names.push(node.id.name);
        this.#edit(node.end, node.end, this.#keep(node.id.name));
        return;
      case "ImportDeclaration":
        this.#importDeclaration(node);
        return;
      case "ExpressionStatement": {
        if (!isLast) return;
        const end = node.end - (this.#source[node.end - 1] === ";" ? 1 : 0);
        this.#edit(node.start, node.start, ";return [(");
        this.#edit(end, end, ")]");
      }
    }
  }

  /** Makes every `import()` resolve its argument against the folder instead of this file. */
  imports(node: AnyNode): void {
    if (node.type === "ImportExpression") {
      const { source: specifier } = node;
      const { start, end } = specifier;
      if (specifier.type === "Literal") {
        const resolved = resolveFrom(String(specifier.value), this.#base);
        this.#edit(start, end, JSON.stringify(resolved));
        return;
      }
      this.#edit(start, start, `${this.#resolve}(`);
      this.#edit(end, end, ")");
    }
    for (const value of Object.values(node)) {
      for (const child of Array.isArray(value) ? value : [value]) {
        if (typeof child?.type === "string") this.imports(child);
      }
    }
  }

  #importDeclaration(
    { start, end, specifiers, source, attributes }: Extract<
      ModuleDeclaration,
      { type: "ImportDeclaration" }
    >,
  ): void {
    const options = attributes.map(({ key, value }) =>
      `${this.#text(key)}: ${this.#text(value)}`
    ).join(", ");
    const url = JSON.stringify(resolveFrom(String(source.value), this.#base));
    const module = options === ""
      ? `await import(${url})`
      : `await import(${url}, { with: { ${options} } })`;
    const parts: string[] = [];
    let whole: string | undefined;
    for (const each of specifiers) {
      this.#names.push(each.local.name);
      if (each.type === "ImportNamespaceSpecifier") whole = each.local.name;
      else if (each.type === "ImportDefaultSpecifier") {
        parts.push(`default: ${each.local.name}`);
      } else parts.push(`${this.#text(each.imported)}: ${each.local.name}`);
    }
    const value = whole === undefined ? module : `${whole} = ${module}`;
    this.#edit(start, end, `;({ ${parts.join(", ")} } = ${value});`);
  }

  #keep(name: string): string {
    return `;${this.#scope}.${name} = ${name};`;
  }

  #text({ start, end }: AnyNode): string {
    return this.#source.slice(start, end);
  }

  #edit(at: number, to: number, text: string): void {
    this.#edits.push({ at, to, text });
  }
}

/** Returns the offset in a source of an offset in the edited source; `edits` are in the order of the source. */
function offsetBefore(edits: readonly Edit[], offset: number): number {
  let shift = 0;
  for (const { at, to, text } of edits) {
    if (offset < at + shift) break;
    if (offset < at + shift + text.length) return at;
    shift += text.length - (to - at);
  }
  return Math.max(0, offset - shift);
}

/** The code without its types, its syntax tree, and the number of characters that were put before it. */
function read(
  typed: string,
): { source: string; program: Program; shift: number } {
  // As in other shells, `{ a: 1 }` is an object, not a block with a label.
  if (/^\s*\{[^]*\}\s*$/.test(typed)) {
    try {
      return { ...parseTyped(`(${typed})`), shift: 1 };
    } catch {
      // The code is a block.
    }
  }
  return { ...parseTyped(typed), shift: 0 };
}

function parseTyped(typed: string): { source: string; program: Program } {
  const source = stripTypes(typed);
  try {
    const program = parse(source, {
      ecmaVersion: "latest",
      sourceType: "module",
    });
    return { source, program };
  } catch (error) {
    // Drop the parser's stack, which does not help the user.
    throw new SyntaxError((error as Error).message);
  }
}

function stripTypes(typed: string): string {
  try {
    return stripTypeScriptTypes(typed, { mode: "strip" });
  } catch {
    // The code has an `enum`, which is more than a type, or an error, for which `transform` has a better message.
  }
  try {
    return stripTypeScriptTypes(typed, { mode: "transform" });
  } catch (error) {
    const { message } = error as Error;
    const [, what] = /^(?:SyntaxError: )?(.*?)(?:\. Expected .*)?$/m
      .exec(message)!;
    const [, place] = /:(\d+:\d+)\s*$/.exec(message) ?? [];
    throw new SyntaxError(place === undefined ? what : `${what} (${place})`);
  }
}

function boundNames(pattern: Pattern): string[] {
  switch (pattern.type) {
    case "Identifier":
      return [pattern.name];
    case "ObjectPattern":
      return pattern.properties.flatMap((property) =>
        boundNames(property.type === "Property" ? property.value : property)
      );
    case "ArrayPattern":
      return pattern.elements.flatMap((each) => each ? boundNames(each) : []);
    case "AssignmentPattern":
      return boundNames(pattern.left);
    case "RestElement":
      return boundNames(pattern.argument);
    default:
      return [];
  }
}

function unused(name: string, source: string): string {
  while (source.includes(name)) name += "$";
  return name;
}
