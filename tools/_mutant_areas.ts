/** The areas of the library, and the tests that find errors in each. */

/** A part of the library. */
export interface Area {
  name: string;
  /** The beginnings of the paths of its files. */
  files: readonly string[];
  /**
   * The tests that run on a mutant, the quick ones first: folders of `tests/`, which stand for the test files in them,
   * and names of single files, without `.ts`. Arguments of `deno test` may follow a name.
   */
  tests: readonly string[];
}

/** The scenarios; not the tests that read the text of the library. */
const CONFORMANCE = "conformance_test --filter conformance:";

/** The areas. A file belongs to the first that names the beginning of its path. */
export const AREAS: readonly Area[] = [
  {
    name: "entities",
    files: ["packages/entities/"],
    tests: ["entities/"],
  },
  {
    name: "channels",
    files: ["packages/channels/"],
    tests: ["channels/"],
  },
  {
    name: "values",
    files: [
      "packages/processes/values/",
      "packages/beam/terms/",
      "packages/beam/functions/declaration.ts",
    ],
    tests: [
      "processes/values/",
      "misuse_test",
      "exit_test",
      "signatures_test",
      "registry_test",
      "beam_terms_test",
      "wire_test",
      CONFORMANCE,
      "misuse_table_test",
      "beam_spelling_test",
    ],
  },
  {
    name: "scheduling",
    files: ["packages/processes/scheduling/"],
    tests: [
      "processes/scheduling/",
      "timer_test",
      "cancellation_test",
      "answer_test",
      "death_race_test",
      "misuse_table_test",
    ],
  },
  {
    name: "server",
    files: ["packages/servers/server/"],
    tests: [
      "servers/server/",
      "gen_server_test",
      "start_failure_test",
      "reply_test",
      "agent_test",
      CONFORMANCE,
      "depth_test",
      "hostile_servers_test",
      "misuse_table_test",
    ],
  },
  {
    name: "cluster",
    files: ["packages/cluster/discovery/"],
    tests: [
      "cluster/discovery/",
      "misuse_table_test",
      "documented_numbers_test",
    ],
  },
  {
    name: "observer",
    files: ["packages/observe/observer/", "packages/observe/observer.ts"],
    tests: [
      "observe/observer/",
      "process_info_test",
      "shell_commands_test",
      "dashboard_test",
      "hostile_servers_test",
      "misuse_table_test",
      "documented_numbers_test",
    ],
  },
  {
    name: "task-pool",
    files: ["packages/cluster/task_pool/"],
    tests: [
      "cluster/task_pool/",
      "cancelled_rejections_test",
      "misuse_table_test",
      "documented_numbers_test",
    ],
  },
  {
    name: "task",
    files: ["packages/servers/task/"],
    tests: [
      "servers/task/",
      "cancellation_test",
      CONFORMANCE,
      "allow_test",
      "cancelled_rejections_test",
      "death_race_test",
      "beam_servers_hostile_test",
      "hostile_servers_test",
      "misuse_table_test",
      "chat_task_test",
    ],
  },
  {
    name: "supervisor",
    files: ["packages/servers/supervisor/", "packages/servers/application/"],
    tests: [
      "servers/supervisor/",
      "servers/application/",
      "otp_rooms_test",
      CONFORMANCE,
      "allow_test",
      "hostile_messages_test",
      "hostile_servers_test",
      "misuse_table_test",
    ],
  },
  {
    name: "names",
    files: [
      "packages/cluster/global/",
      "packages/node/pg/",
      "packages/servers/registry/",
    ],
    tests: [
      "servers/registry/",
      "node/pg/",
      "cluster/global/",
      "supervisor_test",
      CONFORMANCE,
      "hostile_servers_test",
      "misuse_table_test",
      "beam_names_test",
    ],
  },
  {
    name: "io",
    files: [
      "packages/node/io/",
      "packages/beam/io/",
      "packages/beam/logger/",
      "packages/servers/logger/",
    ],
    tests: [
      "node/io/",
      "servers/logger/",
      "output_test",
      "log_limits_test",
      CONFORMANCE,
      "hostile_servers_test",
      "documented_numbers_test",
    ],
  },
  {
    name: "epmd",
    files: ["packages/epmd/"],
    tests: ["epmd/", "listener_test", "descriptors_test"],
  },
  {
    name: "tls",
    files: [
      "packages/node/host/tls.ts",
      "packages/node/host/credentials.ts",
      "packages/node/host/certificate.ts",
    ],
    tests: ["tls_test", "beam_tls_test"],
  },
  {
    name: "json-wire",
    files: [
      "packages/node/json/",
      "packages/node/wires/conversation.ts",
      "packages/node/wires/frame_buffers.ts",
      "packages/node/wires/lanes.ts",
      "packages/node/wires/over_limit.ts",
      "packages/node/wires/texts.ts",
    ],
    tests: [
      "node/json/",
      "node/wires/",
      "introductions_test",
      "introductions_addresses_test",
      "depth_test",
      "faulty_peer_test",
      "protocol_doc_test",
    ],
  },
  {
    name: "beam-wire",
    files: ["packages/beam/wire/"],
    tests: [
      "beam/wire/",
      "node/wires/",
      "beam_servers_hostile_test",
      "beam_sys_test",
      "beam_drain_test",
      "beam_task_test",
      "beam_task_pool_test",
      "beam_supervisor_test",
    ],
  },
  {
    name: "net",
    files: [
      "packages/node/addresses/",
      "packages/node/connections/",
      "packages/node/host/",
      "packages/node/network/",
      "packages/node/wire.ts",
    ],
    tests: [
      "node/connections/",
      "node_test",
      "node_connect_test",
      "simulation_test",
      CONFORMANCE,
      "observer_test",
      "documented_numbers_test",
      "hostile_servers_test",
    ],
  },
  {
    name: "node",
    files: ["packages/node/start/", "packages/node/node.ts"],
    tests: [
      "node/start/",
      "misuse_test",
      "process_test",
      "types_test",
      "tls_test",
      "shell_node_test",
      CONFORMANCE,
      "allow_test",
      "misuse_table_test",
      "documented_numbers_test",
    ],
  },
  {
    name: "dashboard",
    files: ["packages/observe/dashboard/"],
    tests: ["dashboard_test", "dashboard_browser_test"],
  },
  {
    name: "observe",
    files: ["packages/observe/"],
    tests: ["observe/"],
  },
  {
    name: "workers",
    files: ["packages/workers/"],
    tests: ["workers/"],
  },
  {
    name: "simulation",
    files: ["packages/testing/simulation/"],
    tests: [
      "simulation_test",
      "simulation_property_test",
      "simulation_rules_test",
      "simulation_entities_test",
      "simulation_runs_test",
    ],
  },
  {
    name: "testing",
    files: ["packages/testing/"],
    tests: ["testing/"],
  },
  {
    name: "cli",
    files: ["packages/shell/cli/"],
    tests: ["shell/cli/", "health_test"],
  },
  {
    name: "shell",
    files: ["packages/shell/", "chat/"],
    tests: ["shell/", "chat/"],
  },
  {
    name: "core",
    files: ["packages/processes/"],
    tests: [
      "processes/process/",
      "processes/collections/",
      "processes/context/",
      "processes/host/",
      "processes/log/",
      "processes/remote/",
      "processes/runtime/",
      "poll_test",
      "stop_test",
      "logger_test",
      "failed_dials_test",
      "stack_test",
      "misuse_test",
      "simulation_node_monitors_test",
      "node_test",
      CONFORMANCE,
      "telemetry_test",
      "depth_test",
      "hostile_reasons_test",
      "hostile_messages_test",
      "misuse_table_test",
      "types_test",
    ],
  },
  {
    name: "streams",
    files: ["packages/streams/"],
    tests: ["streams/"],
  },
  {
    name: "otp",
    // All that no other area names.
    files: ["packages/"],
    tests: [
      "servers/gen_server/",
      "servers/agent/",
      "node/rpc/",
      "depth_test",
      "supervisor_test",
      "application_test",
      "reply_test",
      CONFORMANCE,
      "allow_test",
      "hostile_messages_test",
      "hostile_servers_test",
      "misuse_table_test",
    ],
  },
];

/** Files that tools/generate.ts writes from others: the beginning of the others' paths, and the written file. */
export const WRITTEN_FROM: readonly [from: string, path: string][] = [
  [
    "packages/observe/dashboard/client/",
    "packages/observe/dashboard/client_source.ts",
  ],
];

/**
 * The tests that are in no area, unless one names them: they read the text of pages and of the library, test the tools,
 * or run whole programs, whose parts other tests cover.
 */
export const OUTSIDE: readonly string[] = [
  "docs/",
  "examples/",
  "house/",
  "judges/",
  "tools/",
];

/** The test files that a list names, in its order, from the paths of all; each with its arguments. */
export function expand(
  names: readonly string[],
  paths: readonly string[],
): string[] {
  const found = names.flatMap((name) => {
    const [first, ...args] = name.split(" ");
    return paths.filter((path) => isNamed(path, first))
      // Tests with Elixir are slow.
      .sort((one, other) =>
        Number(/\/beam_/.test(one)) - Number(/\/beam_/.test(other))
      )
      .map((path) => [path, ...args].join(" "));
  });
  return [...new Set(found)];
}

/** Whether a folder or a name stands for a test file. */
function isNamed(path: string, name: string): boolean {
  const [, folder, file] = /^tests\/(.*\/)?(\w+_test)\.ts$/.exec(path) ?? [];
  return name.endsWith("/") ? folder === name : file === name;
}

/** The test files that no list names: they run for each area, after its own. */
export function othersOf(paths: readonly string[]): string[] {
  const lists = [...AREAS.flatMap(({ tests }) => tests), ...OUTSIDE];
  const named = expand(lists, paths).map((each) => each.split(" ")[0]);
  return paths.filter((path) =>
    path.endsWith("_test.ts") && !named.includes(path)
  );
}
