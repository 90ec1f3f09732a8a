/** Links between documents in Markdown, and the anchors that GitHub gives their headings. */

/** The text without its code, which contains no links or headings. */
function withoutBlocks(text: string): string {
  return text.replace(/^ *(`{3,}|~{3,})[^]*?^ *\1[`~]*$/gm, "");
}

/** The anchor of a heading, without the number that distinguishes it from an earlier one of the same text. */
export function anchorOf(heading: string): string {
  return heading.replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1").trim().toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, "")
    .replaceAll(" ", "-");
}

export function anchorsIn(text: string): Set<string> {
  const anchors = new Set<string>();
  for (
    const [, heading] of withoutBlocks(text).matchAll(
      /^ {0,3}#{1,6} +(.+?)(?: +#+)? *$/gm,
    )
  ) {
    const first = anchorOf(heading);
    let anchor = first;
    for (let n = 1; anchors.has(anchor); n++) anchor = `${first}-${n}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** The targets of a document's links. */
export function linksIn(text: string): string[] {
  const prose = withoutBlocks(text).replace(
    /(?<!`)(`+)(?!`)(?:(?!\n\s*\n)[^])*?(?<!`)\1(?!`)/g,
    "code",
  );
  const inline = prose.matchAll(/\[[^\]]*\]\(\s*([^)\s]+)[^)]*\)/g);
  const named = prose.matchAll(/^ {0,3}\[[^\]]+\]: *(\S+)/gm);
  return [...inline, ...named].map(([, target]) =>
    target.replace(/^<(.*)>$/, "$1")
  );
}

/** The broken links of a document to files and anchors; other links are ignored. */
export async function brokenLinks(document: URL): Promise<string[]> {
  const broken: string[] = [];
  for (const link of linksIn(await Deno.readTextFile(document))) {
    if (/^[a-z][a-z\d+.-]*:/i.test(link)) continue;
    const target = new URL(link, document);
    const anchor = decodeURIComponent(target.hash.slice(1));
    target.hash = "";
    try {
      await Deno.stat(target);
    } catch {
      broken.push(`${link}: there is no such file`);
      continue;
    }
    if (anchor === "" || !target.pathname.endsWith(".md")) continue;
    if (!anchorsIn(await Deno.readTextFile(target)).has(anchor)) {
      broken.push(`${link}: no heading there has this anchor`);
    }
  }
  return broken;
}
