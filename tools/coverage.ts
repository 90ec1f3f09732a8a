/**
 * Measures which lines of the library the tests run: `deno task coverage`.
 *
 * Only the modules that programs import are measured. The tests of the programs (`packages/shell/`, `chat/`) and of the harness
 * start operating system processes. Each process, like each example of the documentation, writes the coverage of all
 * its modules when it exits, which takes longer than the test. The tests that run in one process reach more of the
 * library's lines than the threshold in `deno.json` requires, in a tenth of the time.
 *
 * This task does not check whether tests pass; `deno task test` does. A test that fails here, for example
 * because coverage slows it down, only lowers the coverage.
 */

import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findTestFiles } from "../packages/testing/_files.ts";
import { main } from "./test_runner/main.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const FOLDER = "coverage";
/** The folders that are not the library's. */
const OTHERS = [
  "bench",
  "chat",
  "packages/shell",
  "packages/testing",
  "tests",
  "tools",
];
const AT_ONCE = 3;

/** Tests that measure time or memory, which differ when coverage is collected. */
const MEASURING = [
  "beam_fuzz_time_test.ts",
  "deadline_test.ts",
  "fairness_receiving_test.ts",
  "fairness_test.ts",
  "fuzz_time_test.ts",
  "scaling_test.ts",
];
/** Long random simulations, and examples, some of which need threads: other tests run the same code. */
const LONG = /^(simulation_\w+|reconnect|examples\w*)_test\.ts$/;
/** Tests that take seconds, and reach at most 30 of 57,500 lines that no other test reaches. */
const REPEATING = [
  "ai_sdk_test.ts",
  "beam_atoms_test.ts",
  "beam_session_test.ts",
  "beam_task_test.ts",
  "beam_terms_elixir_test.ts",
  "beam_tls_test.ts",
  "cluster_elixir_test.ts",
  "copies_test.ts",
  "decoder_depth_test.ts",
  "depth_test.ts",
  "dial_reports_test.ts",
  "groups_memory_test.ts",
  "handshake_test.ts",
  "hostile_entities_test.ts",
  "idle_process_test.ts",
  "late_signals_test.ts",
  "mutants_test.ts",
  "registry_memory_test.ts",
  "simulation_test.ts",
  "unread_peer_test.ts",
  "wire_stream_test.ts",
];

/** Tests that start few processes, and reach code that no other test reaches: TLS, EPMD, listeners, SQLite, Erlang's tools. */
const NEEDED = [
  "beam_rpc_test.ts",
  "distribution_test.ts",
  "epmd_server_test.ts",
  "epmd_test.ts",
  "listen_test.ts",
  "node_test.ts",
  "stores_test.ts",
  "tls_test.ts",
];

const RUNS_DENO = /\bDeno\.execPath\(|\bstartPeer\(|\bpeers: \[/;
const IMPORT = /from "(\.[\w./]*\/_\w+\.ts)"/g;

/** Whether a test file, or a helper that it imports, contains a pattern. */
export function reaches(
  file: string,
  pattern: RegExp,
  seen: Set<string> = new Set(),
): boolean {
  if (seen.has(file)) return false;
  seen.add(file);
  const text = Deno.readTextFileSync(file);
  return pattern.test(text) ||
    [...text.matchAll(IMPORT)].some(([, path]) =>
      reaches(join(dirname(file), path), pattern, seen)
    );
}

/** The test files that are measured. */
export function measuredTests(): string[] {
  return findTestFiles(["tests"], []).files
    .filter((file) =>
      ![...MEASURING, ...REPEATING].includes(basename(file)) &&
      !LONG.test(basename(file)) &&
      (NEEDED.includes(basename(file)) || !reaches(join(ROOT, file), RUNS_DENO))
    );
}

async function measure(): Promise<number> {
  Deno.chdir(ROOT);
  await Deno.remove(FOLDER, { recursive: true }).catch(() => {});
  await main([
    `--jobs=${AT_ONCE}`,
    "-P=dev",
    "--no-check",
    `--coverage=${FOLDER}`,
    "--coverage-raw-data-only",
    // Other tests run the same code with fewer rounds, but for the store of PostgreSQL.
    "--exclude=slow",
    "--include=postgres",
    ...measuredTests(),
  ]);
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["coverage", `--exclude=${ROOT}(${OTHERS.join("|")})/`, FOLDER],
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn().status;
  return code;
}

if (import.meta.main) Deno.exit(await measure());
