// Offline stand-in for `@std/cli`, so that a clone works without JSR; the
// published package depends on the genuine one.

export { type Args, parseArgs, type ParseOptions } from "./parse_args.ts";
