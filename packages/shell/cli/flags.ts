/** The flags of a program that is a node, and how they are read. */

import { parseArgs } from "@std/cli/parse-args";
import { randomBytes } from "node:crypto";
import { NODE_OPTIONS } from "@otp/node/start/check_options";
import { ownHost, parseNodeName } from "@otp/node/addresses/node_name";
import {
  jsonLog,
  type LogHook,
  type NodeOptions,
  type WireName,
} from "@otp/node/node";
import { printable, quote } from "@otp/processes/values/inspect";
import { distanceOf } from "@otp/processes/values/near_name";
import { topologiesOf } from "./cluster_flag.ts";

/** The error for a wrong command line. */
export class UsageError extends Error {
  /** Always `"UsageError"`. */
  override readonly name = "UsageError";
}

/** A file whose functions the node exports under a name; the path is as it was written. */
export interface ModuleFlag {
  name: string;
  path: string;
}

export interface CommandLine {
  help: boolean;
  version: boolean;
  node: NodeOptions | undefined;
  modules: ModuleFlag[];
  /** The name of the configuration to load. */
  env: string | undefined;
  code: string[];
  /** Whether to end when the code has run, or to read more from standard input. */
  halts: boolean;
  /** The other node on which to open a shell, if any. */
  remote: string | undefined;
  /** Whether other nodes may open a shell here. */
  allowsRemote: boolean;
  dashboard: DashboardFlags | undefined;
}

export interface DashboardFlags {
  /** Its port; 0 is any free one. */
  port: number;
  write: boolean;
}

/**
 * The flags: a letter, the name, the value, and the line of the help. `*` marks flags that need a node, `...` marks
 * repeatable flags, and brackets mark an optional value.
 */
const TABLE = `
      --sname NAME            Start a node with a short name, as in alex@localhost
      --name NAME             Start a node with a long name, as in alex@host.example.org
*     --cookie SECRET         The secret; other users can see it: prefer --cookie-file
*     --cookie-file FILE      A file with the secret [$HOME/.erlang.cookie]
*     --listen ADDRESS        The address to listen on [127.0.0.1]
*     --port PORT             The port to listen on [any]
*     --advertise ADDRESS     The address at which others reach the node [as it listens]
*     --epmd-port PORT        EPMD's port, or none [ERL_EPMD_PORT, or 4369]
*     --cluster NODES ...     Nodes to stay connected to: kate@localhost; dns:web.example:4370
*     --min-peers NUMBER      Answer 503 at /readyz while connected to fewer nodes [0]
*     --tls-cert FILE         The node's certificate: speak TLS with other nodes
*     --tls-key FILE          The certificate's private key
*     --tls-ca FILE           The CA that signs the certificates of the nodes
*     --wire WIRE ...         A wire that the node speaks: json or beam; repeatable [both]
*     --hidden                Do not list the node, and do not connect it to its peers' peers
*     --tick-time MS          Milliseconds until a silent node counts as down [60000]
*     --poll MICROSECONDS     How long to poll after traffic before sleeping, or auto [0]
*     --log-format FORMAT     The format of the log on standard error: text or json [text]
*     --log-level LEVEL       The least level logged: debug, info, warning, error, none [warning]
*     --drain-timeout MS      Milliseconds to wait for work at SIGTERM [20000]
*     --stop-timeout MS       Milliseconds that applications may take to stop [60000]
*     --allow-closures        Let other nodes run any code here
*     --allow-remsh           Let other nodes open a shell here, and so run any code
*     --allow-observe         Let other nodes see the processes, names and log of this one
*     --dashboard [PORT]      Serve a page that shows the cluster; prints its link [any port]
*     --dashboard-write       Let the page of --dashboard end processes
      --remsh NODE            Open a shell whose lines run on another node
      --module NAME=FILE ...  Export a file's functions, as in Kate=./kate.ts; repeatable
      --env NAME              The configuration to use
  -e, --eval CODE ...         Run TypeScript, wait for it, and exit; repeatable
      --no-halt               Stay up after --eval, without a shell
  -h, --help                  Show this help
  -V, --version               Show the version
`;

export interface Flag {
  name: string;
  letter: string | undefined;
  /** The placeholder of the value in the help; a flag without one takes no value. */
  value: string | undefined;
  isOptional: boolean;
  isRepeatable: boolean;
  /** True if the flag is valid only when a node is started. */
  ofNode: boolean;
  help: string;
}

const ROW =
  /^([* ]) (?:-(\w), | {4})--([\w-]+)(?: (\[)?([A-Z=]+)\]?)?( \.\.\.)? +(.*)$/gm;

export const FLAGS: readonly Flag[] = [...TABLE.matchAll(ROW)].map((
  [, node, letter, name, bracket, value, dots, help],
) => ({
  name,
  letter,
  value,
  isOptional: bracket !== undefined,
  isRepeatable: dots !== undefined,
  ofNode: node === "*",
  help,
}));

/** Reads the command line. Throws a `UsageError` if the command line is invalid. */
export function parseFlags(args: readonly string[]): CommandLine {
  const flags = readFlags(args, FLAGS);
  const text = (name: string) => flags[name] as string | undefined;
  const remote = remoteNode(text("remsh"));
  if (remote !== undefined && (flags.eval as string[]).length > 0) {
    throw new UsageError(
      "Cannot use --remsh and --eval together: --eval runs code on this node; type it in the shell",
    );
  }
  return {
    help: flags.help === true,
    version: flags.version === true,
    node: nodeOptions(flags, remote),
    modules: moduleFlags(flags.module as string[]),
    env: text("env"),
    code: flags.eval as string[],
    halts: flags["no-halt"] !== true,
    remote,
    allowsRemote: flags["allow-remsh"] === true,
    dashboard: pageOf(flags),
  };
}

/** The flags of a user's program: the flags of its node, and `--help`. */
export const NODE_FLAGS: readonly Flag[] = FLAGS.filter(({ name, ofNode }) =>
  ofNode || ["sname", "name", "help"].includes(name)
);

/**
 * Reads the command line of a user's program. Returns the options of its node, unless no name was given. Throws a
 * `UsageError` if it is invalid.
 */
export function parseNodeFlags(
  args: readonly string[],
): Pick<CommandLine, "help" | "node" | "dashboard"> {
  const flags = readFlags(args, NODE_FLAGS);
  const node = nodeOptions(flags);
  if (flags["allow-remsh"] === true) node!.allowRemsh = true;
  return { help: flags.help === true, node, dashboard: pageOf(flags) };
}

function readFlags(
  args: readonly string[],
  known: readonly Flag[],
): Record<string, unknown> {
  const end = args.indexOf("--");
  const refuse = refuser(args, known);
  if (end >= 0 && args.length > end + 1) refuse(args[end + 1], false);
  const withValue = known.filter(({ value }) => value !== undefined);
  const flags = parseArgs([...args], {
    string: withValue.map(({ name }) => name),
    boolean: known.filter(({ value }) => !value).map(({ name }) => name),
    collect: known.filter((flag) => flag.isRepeatable).map(({ name }) => name),
    alias: Object.fromEntries(
      known.flatMap(({ letter, name }) => letter ? [[name, letter]] : []),
    ),
    unknown: (arg: string, key?: string) => {
      // An empty value arrives as an argument; it is reported below.
      if (arg === "") return false;
      return refuse(arg, key !== undefined);
    },
  }) as Record<string, unknown>;
  for (const { name, letter, value, isRepeatable, isOptional } of withValue) {
    if (isOptional) continue;
    const given = isRepeatable ? flags[name] as string[] : [flags[name]];
    if (!given.includes("")) continue;
    const short = letter === undefined ? "" : ` (-${letter})`;
    throw new UsageError(
      `Cannot use --${name}${short} without a value: write --${name} ${value}`,
    );
  }
  return flags;
}

function pageOf(
  flags: Record<string, unknown>,
): DashboardFlags | undefined {
  const port = flags.dashboard as string | undefined;
  const write = flags["dashboard-write"] === true;
  if (port !== undefined) {
    const given = checked("dashboard", port || "0", "port", numberOf);
    return { port: given as number, write };
  }
  if (!write) return undefined;
  throw new UsageError(
    "Cannot use --dashboard-write without --dashboard: give both",
  );
}

/** Rejects invalid arguments, but never shows a misplaced cookie. */
function refuser(
  args: readonly string[],
  known: readonly Flag[],
): (arg: string, isFlag: boolean) => never {
  const secrets = args.flatMap((arg, i) =>
    arg === "--cookie"
      ? args.slice(i + 1, i + 2)
      : arg.startsWith("--cookie=")
      ? [arg.slice("--cookie=".length)]
      : []
  );
  return (arg, isFlag) => {
    if (secrets.includes(arg)) {
      throw new UsageError(
        "Cannot use the value of --cookie: write it once, as --cookie=SECRET, or keep it in a file that --cookie-file names",
      );
    }
    return isFlag ? refuseFlag(arg, known) : refuseArgument(arg, known);
  };
}

function refuseArgument(arg: string, known: readonly Flag[]): never {
  const code = known === FLAGS ? "; code goes in quotes after --eval" : "";
  throw new UsageError(
    `Cannot use the argument ${quote(arg)}: ${
      arg.includes("@")
        ? `to start a node of that name, write --sname ${printable(arg)}`
        : `only flags are taken${code}`
    }`,
  );
}

function refuseFlag(arg: string, known: readonly Flag[]): never {
  const flag = arg.split("=")[0];
  if (/^--(?:allow|deny)-(?:env|ffi|net|read|run|sys|write)$/.test(flag)) {
    throw new UsageError(
      `Cannot use the flag ${flag} here: it is Deno's, and goes before the program, as in \`deno run ${flag} chat/main.ts\`; the permissions of \`deno task chat\` are fixed`,
    );
  }
  const nearest = nearestFlag(flag, known);
  throw new UsageError(
    `Cannot use the flag ${printable(flag)}: no flag has that name; ${
      nearest === undefined ? "--help lists them" : `did you mean ${nearest}?`
    }`,
  );
}

function nearestFlag(
  flag: string,
  known: readonly Flag[],
): string | undefined {
  const name = flag.replace(/^-+/, "");
  let nearest: string | undefined;
  let least = Math.ceil(name.length / 2) + 1;
  for (const each of known) {
    const distance = each.name.startsWith(name) ? 0 : distanceOf(
      name,
      each.name,
    );
    if (distance >= least) continue;
    least = distance;
    nearest = `--${each.name}`;
  }
  return nearest;
}

function nodeOptions(
  flags: Record<string, unknown>,
  remote?: string,
): NodeOptions | undefined {
  const text = (name: string) => flags[name] as string | undefined;
  const given = nodeName(text("sname"), text("name"));
  const name = given ?? (remote && visitorName(remote));
  if (name === undefined) {
    for (const { name: flag, ofNode } of FLAGS) {
      if (!ofNode || !isGiven(flags[flag])) continue;
      throw new UsageError(
        `Cannot use --${flag} without a node: give --sname NAME, as in --sname alex@localhost`,
      );
    }
    return undefined;
  }
  const options: NodeOptions = {
    name,
    // Hide a node that only opens a shell: it is no member of the cluster.
    hidden: flags.hidden === true || given === undefined,
    allowClosures: flags["allow-closures"] === true,
    allowObserve: flags["allow-observe"] === true,
  };
  if (text("cookie") !== undefined && text("cookie-file") !== undefined) {
    throw new UsageError(
      "Cannot use --cookie and --cookie-file together: give one of them",
    );
  }
  const tls = tlsOptions(text("tls-cert"), text("tls-key"), text("tls-ca"));
  if (tls !== undefined) options.tls = tls;
  for (const [flag, read] of Object.entries(READERS)) {
    const value = flags[flag];
    if (isGiven(value)) {
      Object.assign(options, read(value as string & string[]));
    }
  }
  for (const [flag, option, read] of CHECKED) {
    const value = text(flag);
    if (value === undefined) continue;
    Object.assign(options, { [option]: checked(flag, value, option, read) });
  }
  return options;
}

/** The options that the value of a flag sets. A repeatable flag has a list of values. */
const READERS: Readonly<
  Record<string, (value: string & string[]) => Partial<NodeOptions>>
> = {
  "log-format": (format) => ({ log: logOf(format) }),
  wire: (wires) => ({ wires: wires.map(wireOf) }),
  cluster: (specs) => ({ cluster: asUsage(() => topologiesOf(specs)) }),
  cookie: (cookie) => ({ cookie }),
  "cookie-file": (cookieFile) => ({ cookieFile }),
  listen: (listen) => ({ listen }),
};

/** The options that the node checks, and the flags with their values. */
const CHECKED: readonly [
  flag: string,
  keyof NodeOptions,
  read: typeof textOf,
][] = [
  ["log-level", "logLevel", textOf],
  ["port", "port", numberOf],
  ["advertise", "advertise", textOf],
  ["min-peers", "minPeers", numberOf],
  ["tick-time", "tickTime", numberOf],
  ["poll", "poll", (text) => text === "auto" ? text : numberOf(text)],
  ["stop-timeout", "stopTimeout", numberOf],
  ["drain-timeout", "drainTimeout", numberOf],
  ["epmd-port", "epmdPort", (text) => text !== "none" && numberOf(text)],
];

function textOf(text: string): unknown {
  return text;
}

function numberOf(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : NaN;
}

/** Reads the value of a flag, and checks it as the option of a node. */
function checked(
  flag: string,
  text: string,
  option: keyof NodeOptions,
  read: typeof textOf,
): unknown {
  const value = read(text);
  const check = NODE_OPTIONS[option];
  if (check === true || check.accepts(value)) return value;
  return refuseValue(flag, text, `give ${check.give}`);
}

function refuseValue(flag: string, value: string, why: string): never {
  throw new UsageError(`Cannot use --${flag} ${quote(value)}: ${why}`);
}

/** Calls a function whose error is a wrong command line. */
function asUsage<T>(fn: () => T): T {
  try {
    return fn();
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** Whether a flag is on the command line; a repeatable flag has an array. */
function isGiven(flag: unknown): boolean {
  return Array.isArray(flag)
    ? flag.length > 0
    : flag !== undefined && flag !== false;
}

function wireOf(wire: string): WireName {
  return wire === "json" || wire === "beam" ? wire : refuseValue(
    "wire",
    wire,
    "give json or beam; for both, give the flag twice or not at all",
  );
}

function logOf(format: string): LogHook | undefined {
  if (format === "json") return jsonLog;
  if (format === "text") return undefined;
  return refuseValue("log-format", format, "give text or json");
}

function remoteNode(given: string | undefined): string | undefined {
  if (given === undefined) return undefined;
  try {
    const name = given.includes("@") ? given : `${given}@${ownHost(false)}`;
    return parseNodeName(name).full;
  } catch (error) {
    return refuseValue("remsh", given, (error as Error).message);
  }
}

/** Makes a name for a node that only opens a shell on another node. */
function visitorName(remote: string): string {
  const { name, host, long } = parseNodeName(remote);
  const own = host === "localhost" ? host : ownHost(long);
  return `remsh-${randomBytes(3).toString("hex")}-${name}@${own}`;
}

function nodeName(
  short: string | undefined,
  long: string | undefined,
): string | undefined {
  if (short !== undefined && long !== undefined) {
    throw new UsageError(
      "Cannot use --sname and --name together: a node has one name",
    );
  }
  const given = short ?? long;
  if (given === undefined) return undefined;
  const isLong = short === undefined;
  const flag = isLong ? "name" : "sname";
  const full = given.includes("@") ? given : `${given}@${ownHost(isLong)}`;
  let name;
  try {
    name = parseNodeName(full);
  } catch (error) {
    return refuseValue(flag, given, (error as Error).message);
  }
  if (name.long === isLong) return full;
  return refuseValue(
    flag,
    given,
    isLong
      ? `the host ${name.host} has no dot, but a long name needs one; write --name ${name.name}@host.example.org, or use --sname`
      : `the host ${name.host} has a dot, but a short name has none; use --name`,
  );
}

function tlsOptions(
  cert: string | undefined,
  key: string | undefined,
  ca: string | undefined,
): NodeOptions["tls"] {
  if (cert !== undefined && key !== undefined && ca !== undefined) {
    return { cert, key, ca };
  }
  const flags = { "--tls-cert": cert, "--tls-key": key, "--tls-ca": ca };
  const entries = Object.entries(flags);
  const given = entries.find(([, value]) => value !== undefined)?.[0];
  if (given === undefined) return undefined;
  const missing = entries.filter(([, value]) => value === undefined)
    .map(([flag]) => flag);
  throw new UsageError(
    `Cannot use ${given} without ${
      missing.join(" and ")
    }: TLS needs all three: the certificate, its key, and the CA that signed it and those of the other nodes`,
  );
}

function moduleFlags(given: string[]): ModuleFlag[] {
  const modules = new Map<string, string>();
  for (const text of given) {
    const [, name, path] = /^\s*([A-Za-z_$][\w$]*)\s*=\s*(.*\S)/.exec(text) ??
      [];
    if (name === undefined) {
      const example =
        "write a name, = and a file, as in --module Kate=./kate.ts";
      return refuseValue("module", text, example);
    }
    if (modules.has(name)) {
      return refuseValue("module", text, `${name} is given twice`);
    }
    modules.set(name, path);
  }
  return Array.from(modules, ([name, path]) => ({ name, path }));
}

/** The flags, one a line. */
export function listFlags(flags: readonly Flag[]): string {
  const rows = flags.map(({ name, letter, value, isOptional, help }) => {
    const short = letter === undefined ? "    " : `-${letter}, `;
    const shown = isOptional ? `[${value}]` : value ?? "";
    return [`  ${short}--${name} ${shown}`.trimEnd(), help];
  });
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return rows.map(([left, right]) => left.padEnd(width) + right).join("\n");
}
