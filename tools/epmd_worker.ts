/**
 * The code of the thread that serves EPMD, as source text: `deno task generate packages/epmd/worker_source.ts`.
 *
 * It consists of `packages/epmd/worker.ts` and its imports, without types and
 * comments, each in a function of its own.
 *
 * @module
 */

import { type Node, parse, type Program } from "acorn";
import { stripTypeScriptTypes } from "node:module";
import { compact } from "./_compact.ts";

const ENTRY = new URL("../packages/epmd/worker.ts", import.meta.url);

interface Edit {
  start: number;
  end: number;
  text: string;
}

class Bundle {
  /** The variable with the exports of each module. */
  readonly #names = new Map<string, string>();
  /** The names that are imported from each host module. */
  readonly #imports = new Map<string, Set<string>>();
  readonly #parts: string[] = [];

  /** Adds a module after its imports; returns the variable with its exports. */
  async add(url: URL): Promise<string> {
    const known = this.#names.get(url.href);
    if (known !== undefined) return known;
    const code = stripTypeScriptTypes(await Deno.readTextFile(url));
    const edits: Edit[] = [];
    const program: Program = parse(code, {
      ecmaVersion: "latest",
      sourceType: "module",
      onComment: (_block, _text, start, end) =>
        void edits.push({ start, end, text: "" }),
    });
    const exported: string[] = [];
    for (const node of program.body) {
      const { start, end } = node;
      if (node.type === "ImportDeclaration") {
        const text = await this.#import(url, node);
        edits.push({ start, end, text });
      } else if (node.type === "ExportNamedDeclaration" && node.declaration) {
        const { declaration } = node;
        edits.push({ start, end: declaration.start, text: "" });
        exported.push(...declared(declaration, url));
      } else if (node.type.startsWith("Export")) {
        throw new Error(`Cannot bundle ${url}: ${node.type}`);
      }
    }
    const name = `m${this.#names.size}`;
    this.#names.set(url.href, name);
    this.#parts.push(
      `const ${name} = (() => {`,
      ...compact(edited(code, edits), true).split("\n"),
      `return { ${exported.join(", ")} };`,
      "})();",
    );
    return name;
  }

  async #import(
    from: URL,
    node: Extract<Program["body"][number], { type: "ImportDeclaration" }>,
  ): Promise<string> {
    const source = String(node.source.value);
    const names = node.specifiers.map((each) => {
      if (each.type === "ImportSpecifier") {
        if ("name" in each.imported && each.imported.name === each.local.name) {
          return each.local.name;
        }
      }
      throw new Error(`Cannot bundle ${from}: it renames what it imports`);
    });
    if (source.startsWith("node:")) {
      const all = this.#imports.get(source) ?? new Set();
      names.forEach((name) => all.add(name));
      this.#imports.set(source, all);
      return "";
    }
    const module = await this.add(new URL(source, from));
    return names.length === 0
      ? ""
      : `const { ${names.join(", ")} } = ${module};`;
  }

  /** The code of all modules. */
  get lines(): string[] {
    const imports = Array.from(
      this.#imports,
      ([source, names]) =>
        `import { ${[...names].join(", ")} } from "${source}";`,
    );
    return [...imports, ...this.#parts];
  }
}

/** The names that a declaration declares. */
function declared(node: Node, url: URL): string[] {
  const { id, declarations } = node as Node & {
    id?: { name: string };
    declarations?: { id: { name: string } }[];
  };
  const names = (declarations ?? [{ id }]).map((each) => each.id?.name);
  return names.map((name) => {
    if (name === undefined) {
      throw new Error(`Cannot bundle ${url}: an export without a name`);
    }
    return name;
  });
}

function edited(code: string, edits: Edit[]): string {
  let text = code;
  for (const edit of edits.sort((a, b) => b.start - a.start)) {
    text = text.slice(0, edit.start) + edit.text + text.slice(edit.end);
  }
  return text;
}

/** The content of the file. */
export async function workerSource(): Promise<string> {
  const bundle = new Bundle();
  const entry = await bundle.add(ENTRY);
  return `/**
 * The code of the thread that serves EPMD, \`worker.ts\`. Written by tools/generate.ts.
 *
 * @module
 */

/** JavaScript, to be run as a module. */
// deno-fmt-ignore
export const WORKER_SOURCE: string = ${
    JSON.stringify(bundle.lines, undefined, 2)
  }.join("\\n");

/** The function of the module that serves EPMD. */
export const WORKER_ENTRY = "${entry}.serve";
`;
}
