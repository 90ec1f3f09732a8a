/**
 * The code of the dashboard's page, `client/`. Written by tools/dashboard_client.ts.
 *
 * @module
 */

// deno-fmt-ignore
const LINES: Record<string, string[]> = {
 "client/main.ts": [
  "document.title = \"Dashboard\";",
  "let x ;",
  "document.body.textContent = x?.self ?? \"\";"
 ]
};

/** JavaScript modules, by their path. */
export const CLIENT_SOURCE: Record<string, string> = Object.fromEntries(
  Object.entries(LINES).map(([path, lines]) => [path, lines.join("\n")]),
);
