/**
 * Two nodes of RabbitMQ with a node of this library in their mesh: its tools answer with it as without it, and the
 * terms of its tables come back equal.
 */

import { assert, assertEquals } from "@std/assert";
import { dirname } from "node:path";
import { global } from "../../packages/cluster/global/global.ts";
import { Node } from "../../node.ts";
import { pg } from "../../packages/node/pg/pg.ts";
import { rpc } from "../../packages/node/rpc/rpc.ts";
import { type Pid, self } from "../../packages/processes/process.ts";
import { atom } from "../../packages/processes/values/atom.ts";
import type { Tuple } from "../../packages/processes/values/tuple.ts";
import { Child, outputOf } from "../_child.ts";
import { clusterTest, COOKIE, freePort, nodeDown } from "../_nodes.ts";
import { temporaryFolder } from "../_temporary.ts";
import { until } from "../_until.ts";

const ALEX = "alex@localhost";
const RABBITS = ["rabbit1@localhost", "rabbit2@localhost"];

/** Commands of the tools; the nodes are asked by turns. */
const COMMANDS = [
  ["rabbitmqctl", "cluster_status", "--formatter", "json"],
  ["rabbitmqctl", "await_online_nodes", "2"],
  ["rabbitmq-diagnostics", "check_running"],
  ["rabbitmq-diagnostics", "check_local_alarms"],
  ["rabbitmq-diagnostics", "check_port_connectivity"],
  ["rabbitmq-diagnostics", "check_if_node_is_quorum_critical"],
];

/** A broker of two nodes, in a folder of its own. */
class Broker implements AsyncDisposable {
  readonly #folder: string;
  readonly #scripts: string;
  readonly #env: Record<string, string>;
  /** The ports of each node, for clients and for other nodes: answers name them. */
  readonly #ports = new Map(
    RABBITS.map((name) => [name, [freePort(), freePort()]]),
  );
  readonly #nodes = new Map<string, Child>();

  private constructor(folder: string, scripts: string, epmdPort: number) {
    this.#folder = folder;
    this.#scripts = scripts;
    this.#env = {
      HOME: folder,
      ERL_EPMD_PORT: `${epmdPort}`,
      ERL_CRASH_DUMP_SECONDS: "0",
      // The files of the system's own broker are at the defaults.
      RABBITMQ_CONF_ENV_FILE: `${folder}/none.conf`,
      RABBITMQ_CONFIG_FILES: `${folder}/conf.d`,
      RABBITMQ_ADVANCED_CONFIG_FILE: `${folder}/none.config`,
      RABBITMQ_ENABLED_PLUGINS_FILE: `${folder}/plugins`,
      RABBITMQ_MNESIA_BASE: `${folder}/mnesia`,
      RABBITMQ_LOG_BASE: folder,
      RABBITMQ_LOGS: "-",
      // The tools listen on any port.
      RABBITMQ_CTL_DIST_PORT_MIN: "0",
      RABBITMQ_CTL_DIST_PORT_MAX: "0",
      // The start script becomes the node, so that a signal reaches it.
      RUNNING_UNDER_SYSTEMD: "true",
    };
  }

  static async make(folder: string, epmdPort: number): Promise<Broker> {
    // Debian's program changes the user; the folder that it is in has the ones of RabbitMQ.
    const { stdout } = await outputOf("sh", {
      args: ["-c", "readlink -f $(command -v rabbitmq-server)"],
    });
    const broker = new Broker(folder, dirname(stdout.trim()), epmdPort);
    await Deno.writeTextFile(`${folder}/.erlang.cookie`, COOKIE, {
      mode: 0o400,
    });
    await Deno.writeTextFile(`${folder}/plugins`, "[].\n");
    return broker;
  }

  /** Starts a node, again after a kill, and waits until it serves. */
  async start(name: string): Promise<void> {
    const [clients, nodes] = this.#ports.get(name)!;
    const config = `${this.#folder}/${name}.conf`;
    await Deno.writeTextFile(
      config,
      `listeners.tcp.1 = 127.0.0.1:${clients}
cluster_formation.peer_discovery_backend = classic_config
${
        RABBITS.map((each, i) =>
          `cluster_formation.classic_config.nodes.${i + 1} = ${each}`
        ).join("\n")
      }
disk_free_limit.absolute = 1MB
`,
    );
    const node = new Child(`${this.#scripts}/rabbitmq-server`, {
      env: {
        ...this.#env,
        RABBITMQ_NODENAME: name,
        RABBITMQ_CONFIG_FILE: config,
        RABBITMQ_DIST_PORT: `${nodes}`,
        RABBITMQ_PID_FILE: `${this.#folder}/${name}.pid`,
      },
    });
    this.#nodes.set(name, node);
    await node.printed("Server startup complete");
  }

  /** Kills a node, as `kill -9` does. */
  async kill(name: string): Promise<void> {
    await this.#nodes.get(name)![Symbol.asyncDispose]();
  }

  /** The errors in the log of a node. */
  errors(name: string): string[] {
    return this.#nodes.get(name)!.output.match(
      /^.*\[(error|critical)\].*$/gm,
    ) ??
      [];
  }

  /** The answers of the tools. Their lists are sorted, as RabbitMQ orders them by connections. */
  answers(): Promise<{ command: string; code: number }[]> {
    return Promise.all(COMMANDS.map(async ([tool, ...args], i) => {
      const { code, stdout, stderr } = await outputOf(
        `${this.#scripts}/${tool}`,
        { args: ["--node", RABBITS[i % 2], ...args], env: this.#env },
      );
      const isJson = args.includes("json") && code === 0;
      const answer = isJson ? sorted(JSON.parse(stdout)) : stdout;
      return { command: [tool, ...args].join(" "), code, answer, stderr };
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#nodes.keys()].map((name) => this.kill(name)));
  }
}

/** A JSON value with its arrays sorted. */
function sorted(value: unknown): unknown {
  if (value === null || typeof value !== "object") return value;
  if (!Array.isArray(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, sorted(item)]),
    );
  }
  const texts = value.map((item) => JSON.stringify(sorted(item)));
  return texts.sort().map((text) => JSON.parse(text));
}

/** Calls a function of Erlang. */
async function call<T>(
  node: string,
  fn: [module: string, name: string],
  ...args: unknown[]
): Promise<T> {
  // A machine may be slow: this is a hang guard.
  return await rpc.call(node, fn, args, { timeout: 120_000 }) as T;
}

/** Evaluates Erlang at a node, by the functions that its shell uses. */
async function evaluate(node: string, code: string): Promise<unknown> {
  const characters = Array.from(code, (each) => each.codePointAt(0)!);
  const [, tokens] = await call<Tuple>(
    node,
    ["erl_scan", "string"],
    characters,
  );
  const [, parsed] = await call<Tuple>(
    node,
    ["erl_parse", "parse_exprs"],
    tokens,
  );
  const [, value] = await call<Tuple>(node, ["erl_eval", "exprs"], parsed, []);
  return value;
}

/** Sends all terms of all tables to alex and back; returns their number, and the first ones that were changed. */
const ROUND_TRIP = `
Rows = fun(Table) ->
  try ets:tab2list(Table) catch error:badarg -> [] end
end,
Terms = lists:flatmap(Rows, ets:all()),
Compare = fun
  Compare([], Changed) -> Changed;
  Compare(Left, Changed) ->
    {Some, More} = lists:split(min(500, length(Left)), Left),
    Back = erpc:call('${ALEX}', 'Elixir.Judge', echo, [Some], 120000),
    Compare(More, [Pair || {Term, Other} = Pair <- lists:zip(Some, Back), Term =/= Other] ++ Changed)
end,
Changed = Compare(Terms, []),
{length(Terms), [iolist_to_binary(io_lib:format("~tp", [Pair])) || Pair <- lists:sublist(Changed, 5)]}.
`;

/** Has a process of RabbitMQ join a group, and gives it a global name. */
async function join(name: string): Promise<Pid> {
  // The broker does not use the scope itself.
  await call(name, ["pg", "start"], atom("pg"));
  const monitor = atom("rabbit_node_monitor");
  const pid = await call<Pid>(name, ["erlang", "whereis"], monitor);
  await call(name, ["pg", "join"], "judges", pid);
  assertEquals(
    await call(name, ["global", "register_name"], atom(name), pid),
    atom("yes"),
  );
  return pid;
}

/** Waits until alex and other nodes have these pids as members of the group, and under their names. */
async function inStep(
  pids: Record<string, Pid>,
  others: string[],
): Promise<void> {
  const names = [ALEX, ...RABBITS];
  const wanted = JSON.stringify([
    Object.values(pids).map(String).sort(),
    names.map((name) => String(pids[name])),
  ]);
  const isSame = (members: unknown[], named: unknown[]) =>
    JSON.stringify([members.map(String).sort(), named.map(String)]) === wanted;
  await until(async () =>
    isSame(
      pg.getMembers("judges"),
      await Promise.all(names.map((name) => global.whereisName(atom(name)))),
    )
  );
  for (const node of others) {
    await until(async () =>
      isSame(
        await call(node, ["pg", "get_members"], "judges"),
        await Promise.all(
          names.map((name) =>
            call(node, ["global", "whereis_name"], atom(name))
          ),
        ),
      )
    );
  }
}

clusterTest(
  "RabbitMQ answers with a node of this library in its mesh as without it",
  async (cluster) => {
    const alex = await cluster.start("alex", {
      modules: { Judge: { echo: (terms: unknown) => terms } },
    });
    await using folder = await temporaryFolder();
    await using broker = await Broker.make(folder.path, cluster.epmdPort);
    await Promise.all(RABBITS.map((name) => broker.start(name)));
    const alone = await broker.answers();
    assertEquals(alone.filter(({ code }) => code !== 0), []);

    await alex.run(async () => {
      const [first, second] = RABBITS;
      assert(await Node.connect(first));
      await until(() => Node.list().length === 2);
      await pg.start();
      await pg.join("judges", self());
      assert(await global.registerName(atom(ALEX), self()));
      const pids: Record<string, Pid> = {
        [ALEX]: self(),
        [first]: await join(first),
        [second]: await join(second),
      };
      await inStep(pids, RABBITS);
      const [together, ...trips] = await Promise.all([
        broker.answers(),
        ...RABBITS.map((name) => evaluate(name, ROUND_TRIP)),
      ]);
      assertEquals(together, alone);
      for (const trip of trips) {
        const [count, changed] = trip as Tuple<[number, string[]]>;
        assert(count > 1000, `${count} terms`);
        assertEquals(changed, []);
      }

      for (const [killed, other] of [[second, first], [first, second]]) {
        Node.monitor(killed);
        await broker.kill(killed);
        await nodeDown(killed);
        const { [killed]: _, ...left } = pids;
        await inStep(left, [other]);
        // The mesh of Erlang's nodes introduces it again.
        await broker.start(killed);
        await until(() => Node.list().includes(killed));
        pids[killed] = await join(killed);
        await inStep(pids, RABBITS);
      }
      assertEquals(await broker.answers(), alone);
      for (const name of RABBITS) {
        assertEquals(
          broker.errors(name).filter((line) => line.includes("alex")),
          [],
        );
      }
    });
  },
  { programs: ["rabbitmq-server"], tags: ["slow"], timeout: 300_000 },
);
