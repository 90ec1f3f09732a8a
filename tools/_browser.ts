/**
 * Chromium as Debian has it, for tests of pages and for pictures.
 *
 * @module
 */

import fs from "node:fs";
import type { Browser, Page } from "npm:playwright-core@^1";

export type { Browser, Page };

export async function startBrowser(): Promise<Browser> {
  const { chromium } = await loadPlaywright();
  return await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
  });
}

/** Loads the driver, which at its start looks for Windows in a folder that a test may not read. */
async function loadPlaywright(): Promise<
  typeof import("npm:playwright-core@^1")
> {
  const { existsSync } = fs;
  fs.existsSync = (path) =>
    !String(path).startsWith("/proc/") && existsSync(path);
  try {
    return await import("npm:playwright-core@^1");
  } finally {
    fs.existsSync = existsSync;
  }
}
