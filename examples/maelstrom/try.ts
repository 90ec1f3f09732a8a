/** `deno task maelstrom lin-kv --rate 100`: has Maelstrom run a workload. Further flags are Maelstrom's. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const [workload = "lin-kv", ...flags] = process.argv.slice(2);
const FOLDER = await mkdtemp(join(tmpdir(), "maelstrom-"));
const maelstrom = spawn(process.env.MAELSTROM ?? "maelstrom", [
  ...["test", "--workload", workload.replace("-global", "")],
  ...["--bin", fileURLToPath(new URL("node.ts", import.meta.url))],
  ...["--node-count", "3", "--concurrency", "2n"],
  ...["--time-limit", "30", "--rate", "50", ...flags, "--", workload],
], { env: { ...process.env, FOLDER }, stdio: "inherit" });
try {
  const [code] = await once(maelstrom, "exit");
  process.exitCode = code ?? 1;
} finally {
  await rm(FOLDER, { recursive: true });
}
