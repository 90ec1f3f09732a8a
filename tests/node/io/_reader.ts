/** A program that reads: run by `io_test.ts`, which controls its standard input. */

import { IO } from "../../../packages/node/io/io.ts";

const first = IO.gets("name? ");
await IO.puts("printed while it waits");
await IO.inspect(await first, { label: "first" });
await IO.inspect(await IO.gets("more? "), { label: "second" });
await IO.inspect(await IO.gets("more? "), { label: "third" });
await IO.inspect(await IO.gets("more? "), { label: "fourth" });
