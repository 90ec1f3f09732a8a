/**
 * Makes the page of `docs/simulator.html` with its code, in one file: `deno task simulator simulator.html`.
 *
 * The code is the library's own, with its simulator. Browsers have neither the modules of Node nor `AsyncLocalStorage`:
 * `host.ts` stands for both.
 *
 * @module
 */

import { build, type Plugin, stop } from "npm:esbuild@^0.25";
import { fileURLToPath } from "node:url";

const ROOT = new URL("../../", import.meta.url);
const HERE = new URL("./", import.meta.url);

/** The modules of Node that `host.ts` stands for. Others are empty: only sockets and files need them. */
const HOST = /^node:(async_hooks|buffer|crypto|net|os|path|process|timers)$/;

/** Resolves imports as Deno does in this repository. */
const PLUGIN: Plugin = {
  name: "packages",
  setup({ onLoad, onResolve }) {
    onResolve({ filter: HOST }, () => ({
      path: fileURLToPath(new URL("host.ts", HERE)),
    }));
    onResolve(
      { filter: /^node:/ },
      ({ path }) => ({ path, namespace: "none" }),
    );
    // Any name can be imported from a CommonJS module, and is undefined.
    onLoad({ filter: /^/, namespace: "none" }, () => ({
      contents: "module.exports = {}",
    }));
    onResolve({ filter: /^@otp\// }, ({ path }) => ({
      path: fileURLToPath(import.meta.resolve(path)),
    }));
  },
};

/** Returns the code of the page. */
async function script(): Promise<string> {
  try {
    const { outputFiles } = await build({
      absWorkingDir: fileURLToPath(ROOT),
      entryPoints: ["tools/simulator/page.ts"],
      bundle: true,
      format: "iife",
      minify: true,
      // Names of functions are labels of processes, and names of classes those of errors.
      keepNames: true,
      // Contexts pass through `Promise.prototype.then` only, which no `await` of the browser calls.
      supported: {
        "async-await": false,
        "async-generator": false,
        "for-await": false,
        using: false,
      },
      plugins: [PLUGIN],
      write: false,
      logLevel: "error",
    });
    return outputFiles[0].text;
  } finally {
    await stop();
  }
}

/** Returns the page, which needs no other file. */
export async function simulatorPage(): Promise<string> {
  const page = await Deno.readTextFile(new URL("docs/simulator.html", ROOT));
  const code = (await script()).replaceAll("</script", "<\\/script");
  const [head, tail] = page.split("</body>");
  return `${head}<script>${code}</script>\n</body>${tail}`;
}

if (import.meta.main) {
  const [path] = Deno.args;
  if (path === undefined) {
    console.error(
      "Cannot write the page: no file is given; deno task simulator simulator.html",
    );
    Deno.exit(2);
  }
  await Deno.writeTextFile(path, await simulatorPage());
  console.log(path);
}
