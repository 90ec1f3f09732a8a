// Has Node run the sources: it finds "@otp/<package>/<path>" as Deno does, by the `exports` of the package's deno.json.

import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";

const PACKAGES = new URL("../packages/", import.meta.url);

registerHooks({
  resolve(specifier, context, next) {
    const [, name, path = ""] = /^@otp\/(\w+)(\/.*)?$/.exec(specifier) ?? [];
    if (name === undefined) return next(specifier, context);
    const folder = new URL(`${name}/`, PACKAGES);
    const { exports } = JSON.parse(
      readFileSync(new URL("deno.json", folder), "utf8"),
    );
    const url = new URL(exports[`.${path}`], folder).href;
    return { url, shortCircuit: true };
  },
});
