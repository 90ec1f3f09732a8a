/** The files of a dashboard's page. */

import { CLIENT_SOURCE } from "./client_source.ts";
import { STYLE } from "./style.ts";

const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cg stroke='%235b5bd6' stroke-width='1.5'%3E%3Cpath d='M8 4 4 12h8z' fill='none'/%3E%3Cg fill='%235b5bd6'%3E%3Ccircle cx='8' cy='4' r='2.5'/%3E%3Ccircle cx='4' cy='12' r='2.5'/%3E%3Ccircle cx='12' cy='12' r='2.5'/%3E%3C/g%3E%3C/g%3E%3C/svg%3E";

/** The page. It has no inline code, so that the content security policy can forbid all inline code. */
export const PAGE: string = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>Dashboard</title>
<link rel="icon" href="${ICON}">
<link rel="stylesheet" href="style.css">
<script type="module" src="client/main.ts"></script>
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<header>
<h1 class="brand"><svg viewBox="0 0 16 16" width="22" height="22" aria-hidden="true"><path d="M8 4 4 12h8z"/><circle cx="8" cy="4" r="2.5"/><circle cx="4" cy="12" r="2.5"/><circle cx="12" cy="12" r="2.5"/></svg>Dashboard</h1>
<div class="picker"><label for="node">Node</label><select id="node"></select></div>
<p id="status" role="status"></p>
<button id="pause" type="button" aria-pressed="false">Pause</button>
</header>
<nav aria-label="Views"></nav>
<main id="main" tabindex="-1"></main>
<noscript>This page needs JavaScript.</noscript>
</body>
</html>
`;

/** The answer to a link with a token: a page that leads to the dashboard's page. */
export function enteredPage(folder: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="0; url=${folder}">
<title>Dashboard</title>
</head>
<body><a href="${folder}">Open the dashboard</a></body>
</html>
`;
}

/** Returns a file of the page; `undefined` if no file has the name. */
export function assetOf(
  name: string,
): { type: string; body: string } | undefined {
  if (name === "style.css") return { type: "text/css", body: STYLE };
  const body = Object.hasOwn(CLIENT_SOURCE, name)
    ? CLIENT_SOURCE[name]
    : undefined;
  return body === undefined ? undefined : { type: "text/javascript", body };
}
