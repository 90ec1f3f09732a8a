/** The documentation of functions, read from the doc comments in their source. */

export interface Doc {
  /** Its name and parameters. */
  signature: string;
  text: string;
}

/** A doc comment, and the function or static method that follows. */
const DOCUMENTED =
  /\/\*\*((?:(?!\*\/)[^])*)\*\/\s*(?:\/\/[^\n]*\s*)*(?:(export\s+)?(?:async\s+)?function\s+|static\s+(?:async\s+)?)([A-Za-z$][\w$]*)\s*(?=[<(])/g;

/** The export of a function under another name, needed for reserved words. */
const RENAMED = /export\s*\{\s*([\w$]+)\s+as\s+([\w$]+),?\s*\}/g;

/**
 * Reads the doc comments of a file's exported functions and static methods, by name; a function with overloads has
 * several.
 */
export function docsOf(source: string): Record<string, Doc[]> {
  const docs: Record<string, Doc[]> = Object.create(null);
  const renamed = new Map(
    [...source.matchAll(RENAMED)].map(([, from, to]) => [from, to]),
  );
  for (const match of source.matchAll(DOCUMENTED)) {
    const [all, comment, exported, own] = match;
    const isHidden = exported === undefined &&
      /function\s+[\w$]+\s*$/.test(all);
    const name = isHidden ? renamed.get(own) : own;
    if (name === undefined) continue;
    const text = textOf(comment);
    const parameters = parametersAt(source, match.index + all.length);
    if (text === "" || parameters === undefined) continue;
    (docs[name] ??= []).push({ signature: `${name}${parameters}`, text });
  }
  return docs;
}

/** A doc comment and its class, with directives of the linter between them. */
const OF_CLASS =
  /\/\*\*((?:(?!\*\/)[^])*)\*\/\s*(?:\/\/.*\s*)*export\s+class\s+([\w$]+)/g;
const OF_FILE = /\/\*\*((?:(?!\*\/)[^])*@module(?:(?!\*\/)[^])*)\*\//;

/** Reads the prose of a class in a file, or of the file if the class has none; an empty text without a comment. */
export function moduleTextOf(source: string, name: string): string {
  const ofClass = [...source.matchAll(OF_CLASS)].find((found) =>
    found[2] === name
  );
  return textOf((ofClass ?? OF_FILE.exec(source))?.[1] ?? "");
}

/** The prose of a comment: the text before its first tag. */
function textOf(comment: string): string {
  const lines = comment.split("\n").map((line) =>
    line.replace(/^\s*\* ?/, "").trimEnd()
  );
  const end = lines.findIndex((line) => /^\s*@\w/.test(line));
  return lines.slice(0, end < 0 ? undefined : end).join("\n").trim()
    // Join the lines of each paragraph and item: the shell breaks them where the terminal ends.
    .replace(/(\S)\n(?! *(?:[-*|]|\d+\.) ) *(?=\S)/g, "$1 ")
    .replace(/\{@link(?:code|plain)? (?:[^}|]*\| )?([^}]+)\}/g, "$1");
}

/** The parameters in parentheses, without type parameters, in one line. */
function parametersAt(source: string, start: number): string | undefined {
  let from = source.indexOf("(", start);
  if (source[start] === "<") {
    let depth = 0;
    let at = start;
    for (; at < source.length; at++) {
      if (source[at] === "<") depth++;
      else if (source[at] === ">" && source[at - 1] !== "=") depth--;
      if (depth === 0) break;
    }
    from = source.indexOf("(", at);
  }
  let depth = 0;
  for (let at = from; at >= 0 && at < source.length; at++) {
    if (source[at] === "(") depth++;
    else if (source[at] === ")" && --depth === 0) {
      return source.slice(from, at + 1).replace(/\/\/[^\n]*\n/g, "")
        .replace(/\s+/g, " ").replace("( ", "(").replace(/,? \)$/, ")");
    }
  }
  return undefined;
}
