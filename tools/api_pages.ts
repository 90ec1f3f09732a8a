/**
 * Checks the documentation of every export, and writes its pages: `deno task doc`, or
 * `deno run -P=dev tools/api_pages.ts FOLDER`.
 *
 * `deno doc --html` links no module from the first page, and its usage boxes import from the names of `exports`
 * alone (`"task-supervisor"`), which cannot be imported; its links to the source lead to files of this machine. All are
 * corrected here.
 *
 * @module
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import config from "../deno.json" with { type: "json" };

const ROOT = new URL("../", import.meta.url);

/** A module that can be imported. */
export interface PublicModule {
  /** The specifier that imports it. */
  specifier: string;
  /** Its page, from the folder of the pages. */
  page: string;
  /** The first sentence of its documentation. */
  summary: string;
}

/** The modules of `deno.json`, in its order. */
export async function publicModules(): Promise<PublicModule[]> {
  return await Promise.all(
    Object.entries(config.exports).map(async ([name, path]) => ({
      specifier: specifierOf(name.replace(/^\.\/?/, "")),
      page: join(name, "index.html"),
      summary: summaryOf(await Deno.readTextFile(new URL(path, ROOT)), path),
    })),
  );
}

function specifierOf(name: string): string {
  return name === "" || name === "." ? config.name : `${config.name}/${name}`;
}

/** The first sentence of a file's doc comment, in one line. */
function summaryOf(source: string, path: string): string {
  const [, comment] = /^\/\*\*\n([^]*?)\*\//.exec(source) ?? [];
  const [paragraph] = (comment ?? "").replace(/^ \* ?/gm, "").split(/\n\s*\n/);
  const text = paragraph.replace(/\s+/g, " ")
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/\{@link(?:code|plain)? ([^}]+)\}/g, "$1").trim();
  if (text === "" || text.startsWith("@")) {
    throw new Error(
      `Cannot make pages: ${path} has no documentation; begin it with a comment that ends in @module`,
    );
  }
  return text.split(/(?<=[.!?])\s/)[0];
}

/**
 * Checks the documentation, and writes the pages.
 *
 * @param folder The folder to write to; earlier pages in it are replaced.
 */
export async function writePages(folder: string): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "doc",
      "--lint",
      "--html",
      `--name=${config.name}`,
      `--output=${folder}`,
      ...Object.values(config.exports),
    ],
    cwd: fileURLToPath(ROOT),
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr).trim());
  for (const page of await htmlIn(folder)) {
    const html = await Deno.readTextFile(page);
    const next = withSources(withSpecifiers(html));
    if (next !== html) await Deno.writeTextFile(page, next);
  }
  const first = join(folder, "index.html");
  const html = await Deno.readTextFile(first);
  await Deno.writeTextFile(first, withModules(html, await publicModules()));
}

async function htmlIn(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) found.push(...await htmlIn(path));
    else if (name.endsWith(".html")) found.push(path);
  }
  return found;
}

/** The box of a page that says how to import its subject. */
const USAGE = /<div class="usageContent">[^]*?<\/pre>/g;
const FROM = /(from &quot;)([^&]*)(&quot;)/g;

/** Replaces the names in a page's usage boxes with specifiers. */
function withSpecifiers(html: string): string {
  return html.replace(
    USAGE,
    (box) =>
      box.replace(
        FROM,
        (all, before, name, after) =>
          name === config.name || name.startsWith(`${config.name}/`)
            ? all
            : `${before}${specifierOf(name)}${after}`,
      ),
  );
}

/** The link of a page to the file that declares its subject. */
const SOURCE = /<a\s+class="sourceButton"\s+href="(file:[^"]*)">[^]*?<\/a>/g;

/** Makes the links to files of this machine links to the repository, or removes them if `deno.json` names none. */
function withSources(html: string): string {
  return html.replace(SOURCE, (link, file: string) => {
    if (config.repository === "") return "";
    const [path] = file.replaceAll("&#x2F;", "/").split(ROOT.href).slice(1);
    return link.replace(
      file,
      `${config.repository}/blob/v${config.version}/${path}`,
    );
  });
}

/** The first page, with a list of all modules. */
function withModules(html: string, modules: PublicModule[]): string {
  const rows = modules.filter(({ page }) => page !== "index.html").map((
    { specifier, page, summary },
  ) =>
    `<li><a class="contextLink" href="./${escape(page)}">${
      escape(specifier)
    }</a>: ${withCode(escape(summary))}</li>`
  );
  const end = html.indexOf("</main>");
  if (end < 0) throw new Error("Cannot list the modules: no main on the page");
  return `${html.slice(0, end)}<section class="section" id="modules">
<h2>Modules</h2>
<div class="markdown"><ul>
${rows.join("\n")}
</ul></div>
</section>
${html.slice(end)}`;
}

/** Shows code in a text as code. */
function withCode(text: string): string {
  return text.replace(/`([^`]+)`/g, "<code>$1</code>");
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

if (import.meta.main) {
  const [folder = fileURLToPath(new URL("api", ROOT))] = Deno.args;
  try {
    await writePages(folder);
    console.log(`Wrote ${join(folder, "index.html")}`);
  } catch (error) {
    console.error((error as Error).message);
    Deno.exit(1);
  }
}
