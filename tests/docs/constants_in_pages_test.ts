/**
 * Numbers of the pages, each compared with the constant in the code that it states: limits, times and sizes that have
 * their tests elsewhere, but without the page. `documented_numbers_test.ts` has the limits that it also fills.
 */

import { assert, assertEquals } from "@std/assert";
import { memoryStore } from "../../packages/entities/mod.ts";
import { streamSettings } from "../../packages/streams/options.ts";
import { test } from "../../packages/testing/tags.ts";
import { numbersIn, readPage } from "../_pages.ts";

/** A file of `packages/`, and an expression whose groups are numbers of the code. */
type Source = readonly [file: string, number: RegExp];

/** A page, words around its numbers, for which `#` stands, and where they are in the code, in that order. */
type Statement = readonly [page: string, words: string, ...Source[]];

/** A constant. */
const is = (file: string, name: string): Source => [
  file,
  new RegExp(`^(?:export )?const ${name}(?:: \\w+)? = (.+);$`, "m"),
];

/** A field of a constant, or a default in a list of names. */
const field = (file: string, name: string): Source => [
  file,
  new RegExp(`^ *${name}(?::| =) ([\\d_]+(?: << \\d+)?),`, "m"),
];

/** A documented default. */
const usual = (file: string, name: string): Source => [
  file,
  new RegExp(`@default \\{([\\d_]+)\\}\n +\\*/\n +${name}\\??:`),
];

/** The bounds of a documented back-off. */
const backoff = (file: string, name: string): Source => [
  file,
  new RegExp(
    `@default \\{\\{ min: (\\d+), max: (\\d+), .*\n +\\*/\n +${name}\\?:`,
  ),
];

const SOCKETS = "channels/sockets.ts";
const CLIENT = "channels/client_socket.ts";
const STREAM_OPTIONS = "streams/options.ts";
const STREAM_TYPE = "streams/stream_type.ts";
const STREAM_ENTITY = "streams/stream_entity.ts";
const TYPES = "entities/entity_types.ts";
const LOG = "entities/entity_log.ts";
const RUNS = "entities/durable_types.ts";
const HELD = "entities/held_answers.ts";
const BOUNDS = "processes/values/bounds.ts";
const WIRE = "node/wire.ts";
const CALL: Source = [
  "servers/gen_server/gen_server.ts",
  /(\d+),\n +"call a GenServer"/,
];
const POOL: Source = [
  "cluster/task_pool/task_pool.ts",
  /timeoutOf\(options, (\d+), doing, RUN_OPTIONS/,
];
const TICK = is("node/start/start_node.ts", "TICK_TIME");
const EPMD = is("node/host/listen_for_peers.ts", "EPMD_PORT");
const HISTORY = "observe/dashboard/cluster_history.ts";
const MAX_DIGITS = is("processes/values/term.ts", "MAX_BIGINT_DIGITS");
const EXIT: (name: string) => Source = (name) =>
  field("shell/cli/report.ts", name);
/** The sentences, by page. */
const STATEMENTS: Statement[] = [
  ["channels", "worth at once. `connect` has #, then", [
    SOCKETS,
    /const CONNECT_PATIENCE = (.+);/,
  ]],
  [
    "channels",
    "Rates allow # seconds' worth",
    is("channels/socket_limits.ts", "BURST"),
  ],
  [
    "channels",
    "A channel has # to end",
    is("channels/channel_process.ts", "PATIENCE"),
  ],
  ["channels", "an idle timeout above #, and", usual(SOCKETS, "timeout")],
  ["channels", "in steps with the code #,", [CLIENT, /drain: \[(\d+)/]],
  [
    "streams",
    "a JSON message has up to # |",
    is("streams/content.ts", "CHUNK"),
  ],
  [
    "streams",
    "for longer than a live reader (#).",
    usual(STREAM_OPTIONS, "sse"),
  ],
  ["streams", "keep a page of it for # s,", [
    "streams/streams.ts",
    /max-age=(\d+), stale/,
  ]],
  [
    "streams",
    "`producers` and `forks`: # of each",
    usual(STREAM_TYPE, "producers"),
  ],
  ["streams", "for # after its end", is(STREAM_ENTITY, "TELLS")],
  ["entities", "its last # events for all followers", field(LOG, "recent")],
  [
    "entities",
    "is tried again after #, then twice as long, up to #.",
    backoff(RUNS, "retry"),
  ],
  [
    "entities",
    "A key has at most # open runs, a run # steps and # of results and read states, and # ended runs are kept for # days",
    usual(RUNS, "open"),
    usual(RUNS, "steps"),
    usual(RUNS, "bytes"),
    usual(RUNS, "runs"),
    usual(RUNS, "days"),
  ],
  ["entities", "A key is a text of 1 to # characters.", [
    BOUNDS,
    /entityKey: (\d+)/,
  ]],
  [
    "entities",
    "takes longer than `limit` (#) is ended",
    ["entities/entity.ts", /limit = ([\d_]+),/],
  ],
  [
    "entities",
    "at most # calls, or those that run within # ms",
    field(HELD, "calls"),
    field(HELD, "time"),
  ],
  [
    "entities",
    "starts again after #, later each time up to # (`retryParked`)",
    backoff(TYPES, "retryParked"),
  ],
  [
    "entities",
    "runs again after #, later each time up to #, and",
    backoff(TYPES, "retryAlarms"),
  ],
  ["entities", "one of up to # more", is("entities/alarms.ts", "MAX_ALARMS")],
  ["entities", "takes `timeout` (# ms)", is("entities/caller.ts", "TIMEOUT")],
  ["entities", "remembers the last #, with", usual(TYPES, "remember")],
  ["entities_production", "asks it # times in a lease", [
    "entities/lease.ts",
    /return this\.#length \/ (\d+);/,
  ]],
  ["entities_production", "**Lease.** # by default", usual(TYPES, "lease")],
  [
    "entities_production",
    "leaves the memory after # without",
    usual(TYPES, "idle"),
  ],
  [
    "entities_production",
    "remembers the last # of them",
    is("entities/crashes.ts", "MAX_KEYS"),
  ],
  ["entities_production", "shards (# by default)", usual(TYPES, "shards")],
  [
    "observe",
    "the peaks of each # for the # nodes that answered last",
    is(HISTORY, "STEP"),
    is(HISTORY, "MAX_NODES"),
  ],
  [
    "deploy",
    "keeps at most # peers (`maxConnections`) and # sockets",
    field(WIRE, "maxConnections"),
    is("node/host/tcp.ts", "MAX_CONNECTIONS"),
  ],
  ["deploy", "time limit (a node after #)", field(WIRE, "handshakeTimeout")],
  [
    "deploy",
    "with the exit code #. So let",
    is("node/start/tree_watch.ts", "FAILED"),
  ],
  ["deploy", "- # (`--epmd-port`)", EPMD],
  ["cluster", "(by default `ERL_EPMD_PORT`, or #)", EPMD],
  ["cluster", "`maxDials` (#) for each topology; # of the node", [
    "cluster/discovery/topology_server.ts",
    /maxDials = (\d+)/,
  ], is("node/connections/dial_limiter.ts", "AT_ONCE")],
  ["library", "Without it the port is #.", EPMD],
  ["web", "for `drainTimeout` (#) at most", [
    "node/node.ts",
    /drainTimeout = ([\d_]+)/,
  ]],
  ["otp", '`"timeout"`, after # ms; the server may', CALL],
  [
    "otp",
    '`"timeout"`, after # ms; the task continues',
    usual("servers/task/task.ts", "timeout"),
  ],
  ["otp", "`tickTime`, `--tick-time`: #, at most", TICK],
  ["otp", '| #; `"infinity"` for a supervisor', [
    "servers/server/child_spec.ts",
    /"infinity" : (\d+) \}/,
  ]],
  ["otp", "and the exit code is #,", is("node/start/tree_watch.ts", "FAILED")],
  ["shell", "the last one; # are kept", is("shell/line_values.ts", "MOST")],
  [
    "shell",
    "exit code # if the last input failed, and # otherwise",
    EXIT("FAILED"),
    EXIT("OK"),
  ],
  [
    "shell",
    "can be reached (code #)",
    EXIT("NOT_STARTED"),
  ],
  ["shell", "for both (code #)", EXIT("REFUSED")],
  [
    "testing",
    "`always` is called every # ms",
    is("testing/simulation/life.ts", "LOOK"),
  ],
  ["security", "in total | # dials at a time", [
    "node/network/dialler.ts",
    /INTRODUCED_AT_ONCE = (\d+)/,
  ]],
  [
    "security",
    "with # random bytes and mode",
    is("node/host/cookie_file.ts", "COOKIE_BYTES"),
  ],
  ["differences", "between nodes #.", field(WIRE, "maxMessageBytes")],
  ["elixir", "both # unless you change", TICK],
  [
    "elixir",
    "is deeper than # levels (`maxDepth`), larger than # (`max",
    field(WIRE, "maxDepth"),
    field(WIRE, "maxMessageBytes"),
  ],
  [
    "elixir",
    "Lists have at most # processes",
    is("beam/observer/otp_answers.ts", "MAX_PROCESSES"),
  ],
  ["otp", '`"deadline"`, after # ms; the task is ended', POOL],
  ["placement", "`timeout` (# ms) or `deadline`", POOL],
  ["differences", "A bigint has at most # digits", MAX_DIGITS],
  ["elixir", "of up to # digits | an integer", MAX_DIGITS],
  ["elixir", "an integer of more than # digits or", MAX_DIGITS],
  ["security", "a bigint of more than # digits, fails", MAX_DIGITS],
  [
    "differences",
    "in the first # results of a server",
    is("servers/gen_server/gen_server_process.ts", "CHECKED_RESULTS"),
  ],
  ["differences", "the default of # ms does not", CALL],
  [
    "security",
    "at most # signatures in a second",
    is("cluster/discovery/strategies/gossip.ts", "MAX_IN_ALL"),
  ],
  [
    "cluster",
    "has failed # times within # or more",
    is("cluster/discovery/topology_server.ts", "MIN_FAILURES"),
    is("cluster/discovery/topology_server.ts", "MIN_FAILING"),
  ],
  ["channels", "come back to other nodes over these # seconds", [
    SOCKETS,
    /over = (10)_000/,
  ]],
  ["security", "up to about # or 20,000 values", field(HELD, "bytes")],
  ["security", "5000 events and #.", field(LOG, "readBytes")],
  [
    "security",
    "addresses of at most # nodes that were connected, and of # that",
    field(WIRE, "maxConnections"),
    field(WIRE, "maxConnections"),
  ],
  [
    "security",
    "| (first message) | #",
    is("node/json/json_handshake.ts", "MAX_HANDSHAKE_BYTES"),
  ],
  ["cluster", "start give up after #. Then", [
    "epmd/exchange.ts",
    /timeout = (\d+)/,
  ]],
  [
    "differences",
    "reads them after about # ms, or",
    is("processes/scheduling/scheduler.ts", "SLICE"),
  ],
];

/** The number of a literal, a shift, a product or a quotient. */
function numberOf(text: string): number {
  const [first, operator, second] = text.replaceAll("_", "").split(" ");
  const [a, b] = [Number(first), Number(second)];
  return operator === "<<" ? a << b : operator === "/" ? a / b : a;
}

/** The numbers at that place in the code. */
function numbersAt([file, pattern]: Source): number[] {
  const text = Deno.readTextFileSync(
    new URL(`../../packages/${file}`, import.meta.url),
  );
  const found = pattern.exec(text);
  assert(found !== null, `${pattern} is not in packages/${file}`);
  return found.slice(1).map(numberOf);
}

/** The number in a cell of a table: times in milliseconds, lengths in bytes, rates in events a second. */
function cellOf(cell: string): number {
  const [digits, unit = ""] = cell.replaceAll(",", "").split(/[ /]/);
  const units: Record<string, number> = { KiB: 1 << 10, MiB: 1 << 20 };
  const factor = cell.endsWith("/s") ? 1 : unit === "s" ? 1000 : units[unit];
  return Number(digits) * (factor ?? 1);
}

/** The rows of the tables of a page that begin with a name in code, with that name first. */
async function rowsOf(page: string): Promise<string[][]> {
  const rows = (await readPage(page)).matchAll(/^\| `(\w+)` +\|(.*)\|$/gm);
  return [...rows].map(([, name, cells]) => [
    name,
    ...cells.split("|").map((cell) => cell.trim()),
  ]);
}

test("docs/streams.md: the table has all limits with their defaults", async () => {
  const seconds = { ttl: 10 * 365 * 86_400 };
  const rows = await rowsOf("docs/streams.md");
  const stated = Object.fromEntries(
    rows.map(([name, , cell]) => [name, cellOf(cell)]),
  );
  assertEquals(rows.find(([name]) => name === "ttl")?.[2], "10 years");
  const { limits } = streamSettings({
    authorize: () => true,
    store: memoryStore(),
  });
  assertEquals<unknown>({ ...stated, ...seconds }, { ...limits });
});

/** The reasons for which a socket is closed beyond a limit of the table in docs/channels.md. */
const CLOSES: Record<string, string> = {
  maxMessageBytes: "size",
  maxDepth: "depth",
  maxMessageRate: "rate",
  maxUserMessageRate: "rate",
  maxWaiting: "waiting",
  maxUnreadBytes: "slow",
};

test("docs/channels.md: the table has all limits, with their defaults and codes", async () => {
  const rows = await rowsOf("docs/channels.md");
  for (const [name, cell, beyond] of rows) {
    if (cell === "none") continue;
    assertEquals([cellOf(cell)], numbersAt(usual(SOCKETS, name)), name);
    const reason = CLOSES[name];
    const code = reason === undefined
      ? /^const GOING_AWAY = (\d+);/m
      : new RegExp(`^  ${reason}: \\[(\\d+)`, "m");
    const stated = /^closed with (\d+)/.exec(beyond);
    if (stated === null) continue;
    assertEquals([Number(stated[1])], numbersAt([CLIENT, code]), name);
  }
  const options = Object.keys(CLOSES);
  assertEquals(
    rows.map(([name]) => name).filter((name) => options.includes(name)),
    options,
  );
});

for (const [page, words, ...sources] of STATEMENTS) {
  test(`docs/${page}.md: ${words}`, () => {
    const inCode = sources.flatMap(numbersAt);
    assertEquals(numbersIn(`docs/${page}.md`, words), inCode);
  });
}
