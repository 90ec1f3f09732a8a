/**
 * Checks the requirements of a release: `deno task release`. `--write` also updates published pages from `deno.json`:
 * the contact in SECURITY.md, and the links of README.md, which lead to the repository because a registry shows the
 * page alone.
 *
 * @module
 */

import config from "../deno.json" with { type: "json" };
import { PUBLISHED } from "./publish.ts";

const ROOT = new URL("../", import.meta.url);

/** The fields of `deno.json` from which the manifests and pages are made. */
export interface Project {
  name: string;
  version: string;
  description: string;
  keywords: string[];
  /** The address of the repository, as in `https://example.com/owner/name`; "" until the owner sets it. */
  repository: string;
  /** The address for reports of vulnerabilities: an e-mail or a form; "" until the owner sets it. */
  contact: string;
}

/** This project. */
export const PROJECT: Project = config;

/**
 * The files that act on others when they are loaded. Bundlers drop all other files of which a program uses nothing, as the
 * npm manifest allows.
 */
export const SIDE_EFFECTS: readonly string[] = [
  "chat/main.ts",
  "exports/agent.ts",
  "exports/default_parts.ts",
  "exports/dynamic_supervisor.ts",
  "exports/epmd.ts",
  "exports/gen_server.ts",
  "exports/global_names.ts",
  "exports/partition_supervisor.ts",
  "exports/registry.ts",
  "exports/shell.ts",
  "exports/supervisor.ts",
  "exports/testing.ts",
  "exports/testing_main.ts",
  "packages/epmd/main.ts",
  "packages/shell/watchdog.ts",
  "packages/testing/_peer_main.ts",
  "packages/testing/main.ts",
  "packages/workers/thread_main.ts",
  "task_supervisor.ts",
];

/** A link or picture of Markdown whose address is a path in the repository. */
const RELATIVE = /(!?)\[([^\]]*)\]\((?!https?:|#)([^)\s]+)\)/g;

/**
 * A page whose relative links lead to the repository, at the tag of the version.
 *
 * Without the address of a repository, the page is returned as it is.
 */
export function withAbsoluteLinks(page: string, project: Project): string {
  const { repository, version } = project;
  if (repository === "") return page;
  return page.replace(
    RELATIVE,
    (_link, picture, text, path) =>
      `${picture}[${text}](${repository}/${
        picture === "" ? "blob" : "raw"
      }/v${version}/${path})`,
  );
}

/** The fields of an npm manifest that come from the project. */
export function manifestFields(project: Project): Record<string, unknown> {
  const { description, keywords, repository } = project;
  return {
    description,
    keywords,
    ...repository !== "" && {
      repository: { type: "git", url: `git+${repository}.git` },
      homepage: `${repository}#readme`,
      bugs: { url: `${repository}/issues` },
    },
  };
}

export function securityPage({ contact }: Project): string {
  const page = "[CONTRIBUTING.md](CONTRIBUTING.md#report-a-vulnerability)";
  return `# Security policy

${
    contact === ""
      ? `${page} says how to report a\nvulnerability.`
      : `Report a vulnerability to <${contact}>.\n\n${page} says what to\ninclude.`
  }

[docs/security.md](docs/security.md) defines the security boundary.
`;
}

/** The missing requirements of a release, a sentence each. */
export function missing(
  project: Project,
  changelog: string,
  security: string,
): string[] {
  const all: string[] = [];
  for (const field of ["repository", "contact"] as const) {
    if (project[field] === "") {
      all.push(
        `"${field}" in deno.json is empty: the owner of the project fills it in`,
      );
    }
  }
  if (
    project.repository !== "" && !/^https:\/\/\S+[^/]$/.test(project.repository)
  ) {
    all.push(
      `"repository" in deno.json is "${project.repository}": write an address such as https://example.com/owner/name`,
    );
  }
  const heading = /^## (.*)$/m.exec(changelog)?.[1] ?? "";
  if (
    !/^\S+ \(\d{4}-\d{2}-\d{2}\)$/.test(heading) ||
    !heading.startsWith(`${project.version} `)
  ) {
    all.push(
      `CHANGELOG.md begins with "${heading}": write "${project.version} (year-month-day)"`,
    );
  }
  if (security !== securityPage(project)) {
    all.push("SECURITY.md is not up to date: deno task release --write");
  }
  return all;
}

/** The fields of a package's `deno.json`. */
export interface PackageConfig {
  name?: string;
  version?: string;
  license?: string;
  exports?: Record<string, string>;
}

/** The missing requirements of a package of the workspace, a sentence each. */
export function missingInPackage(
  folder: string,
  config: PackageConfig,
  files: ReadonlySet<string>,
  project: Project,
): string[] {
  const all: string[] = [];
  const path = `${folder}deno.json`;
  for (const field of ["name", "license"] as const) {
    if (!config[field]) all.push(`${path} has no "${field}"`);
  }
  if (config.version !== project.version) {
    all.push(
      `${path} has the version "${config.version}": write "${project.version}", which all packages share`,
    );
  }
  for (const file of ["README.md", "mod.ts"]) {
    if (!files.has(file)) all.push(`${folder}${file} is missing`);
  }
  for (const [name, file] of Object.entries(config.exports ?? {})) {
    if (files.has(file.replace(/^\.\//, ""))) continue;
    all.push(`${path} exports "${name}", and ${file} is missing`);
  }
  return all;
}

/** The files of a folder and of its folders, by their paths in it. */
async function filesOf(folder: URL): Promise<Set<string>> {
  const files = new Set<string>();
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (!isDirectory) files.add(name);
    else {
      for (const each of await filesOf(new URL(`${name}/`, folder))) {
        files.add(`${name}/${each}`);
      }
    }
  }
  return files;
}

if (import.meta.main) {
  const at = (name: string) => new URL(name, ROOT);
  if (Deno.args.includes("--write")) {
    await Deno.writeTextFile(at("SECURITY.md"), securityPage(PROJECT));
    const readme = await Deno.readTextFile(at("README.md"));
    await Deno.writeTextFile(
      at("README.md"),
      withAbsoluteLinks(readme, PROJECT),
    );
  }
  const left = missing(
    PROJECT,
    await Deno.readTextFile(at("CHANGELOG.md")),
    await Deno.readTextFile(at("SECURITY.md")),
  );
  for (const folder of PUBLISHED.filter((each) => each !== "")) {
    const config = await Deno.readTextFile(at(`${folder}deno.json`));
    const files = await filesOf(at(folder));
    left.push(...missingInPackage(folder, JSON.parse(config), files, PROJECT));
  }
  for (const each of left) console.error(`- ${each}`);
  if (left.length > 0) {
    console.error(`Cannot release ${PROJECT.version}: see above`);
    Deno.exit(1);
  }
  console.log(`${PROJECT.name} ${PROJECT.version} can be released`);
}
