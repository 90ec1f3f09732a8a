/** The options of a node. */

import type { TlsOptions } from "../host/credentials.ts";
import type { Limits } from "../wire.ts";
import type { LogEvent, LogHook, LogLevel } from "@otp/processes/log/log_event";
import type {
  Allow,
  ModuleExports,
} from "@otp/processes/remote/exported_modules";
import type { NodePart } from "./parts.ts";
import type { Topologies } from "./topology.ts";
import type { IoDevice } from "../io/io_device.ts";
import type { TreeEnd } from "@otp/servers/supervisor/tree_end";

/** Options for `Node.start`. */
export interface NodeOptions {
  /**
   * The node's name: `alex@localhost` is a short name; `alex@host.example.org` is a long name, as the host
   * contains a dot. Without a host, this machine's short host name is used.
   */
  name: string;
  /**
   * The shared secret of the cluster's nodes, 1 to 255 characters.
   *
   * @default {the contents of $HOME/.erlang.cookie, which is created if it is missing}
   */
  cookie?: string;
  /**
   * The path of a file that contains the cookie. The file must belong to the user of the program, and nobody else may
   * have permission to read it; or it belongs to root, and a group may read it too, as systemd and Kubernetes pass
   * secrets to services.
   *
   * @default {undefined}
   */
  cookieFile?: string;
  /**
   * The functions that other nodes may run here, by module and name. Other nodes can run no other functions.
   *
   * @default {{}}
   */
  modules?: Record<string, ModuleExports>;
  /**
   * Restricts the exported functions: decides whether a node may run a function of a module, by a spawn or a task. The
   * node calls `allow` for each request of another node, and `allow` returns `true` to permit the request. The node
   * also calls it for requests of OTP's `sys` to servers, such as `GenServer.stop`:
   * `allow("alex@localhost", "sys", "terminate")`. It does not call it for closures: with `allowClosures`, every node
   * can run any code.
   *
   * @default {every node may run every exported function}
   */
  allow?: Allow;
  /**
   * Whether other nodes may run closures here, and so any code.
   *
   * @default {false}
   */
  allowClosures?: boolean;
  /**
   * Whether other nodes may open a shell here with `--remsh`, and so run any code. Code in the shell can use
   * the exported modules. The node then exports a module `Shell`, to which `allow` applies as to other modules:
   * `allow("alex@localhost", "Shell", "serve")`, and `"start"` for `iex --remsh` of a node of Elixir. The shell's code is
   * loaded when the first shell is opened.
   *
   * @default {false}
   */
  allowRemsh?: boolean;
  /**
   * Whether other nodes may observe this node with `Observer`, a dashboard or a shell: its processes, with the
   * messages in their mailboxes, its names, its connections and its log; and whether nodes of Erlang may read the
   * state of its servers by `:sys`, and what their tools ask, such as `:erlang.process_info`. With `"write"`, other nodes may also end its processes and suspend its servers.
   * The node then exports a module `Observer`. `allow` applies to it, and to `sys`, as to other modules:
   * `allow("alex@localhost", "Observer", "processes")`, `allow("alex@localhost", "sys", "get_state")`.
   *
   * @default {false}
   */
  allowObserve?: boolean | "write";
  /**
   * The address to listen on.
   *
   * @default {"127.0.0.1"}
   */
  listen?: string;
  /**
   * The port to listen on; 0 selects any free port.
   *
   * @default {0}
   */
  port?: number;
  /**
   * The address at which other nodes reach this node, if it differs from the listen address: behind the published ports
   * of a container, or behind other address translation. An IP address, with the port if that differs too:
   * `"203.0.113.5"`, `"203.0.113.5:14370"`, `"[2001:db8::5]:14370"`. The node sends this address to its peers, which
   * pass it on. EPMD does not have it, so use it with `epmdPort: false`. Peers accept it unless its reach is smaller
   * than the reach of the address that they see, such as a loopback address from another machine.
   *
   * @default {the node's listen address and port}
   */
  advertise?: string;
  /**
   * TLS for all connections with other nodes, which must enable it as well. Connections to EPMD stay unencrypted.
   *
   * Without TLS, anyone on the network between two nodes can read their traffic, and can take over a
   * connection after the handshake.
   *
   * @default {undefined}
   */
  tls?: TlsOptions;
  /**
   * The protocols that the node speaks with other nodes, all on one port. `"json"` is this library's own.
   * `"beam"` is Erlang's distribution, which stock nodes of Erlang and Elixir (OTP 25 and later) speak. Two
   * nodes that speak both use JSON. Without `"beam"`, the node refuses nodes of Erlang and Elixir.
   *
   * @default {["json", "beam"]}
   */
  wires?: readonly ("json" | "beam")[];
  /**
   * EPMD's port. With `false`, the node does not use EPMD: it connects by the address of one node of the cluster,
   * and gets the addresses of the others from its peers.
   *
   * @default {ERL_EPMD_PORT, or 4369}
   */
  epmdPort?: number | false;
  /**
   * The topologies of the node's cluster, by name: the nodes that it connects to, and reconnects to when they are
   * lost. The node starts a `Cluster` with these topologies, under the name `"Cluster"`. The types of topologies are
   * in `@otp/distribution/cluster`.
   *
   * @default {undefined}
   */
  cluster?: Topologies;
  /**
   * The number of other visible nodes that the node must be connected to for `/readyz` of `health()` to answer 200. With
   * 0, a node serves also while it reaches no other one.
   *
   * @default {0}
   */
  minPeers?: number;
  /**
   * Whether the node is hidden: excluded from lists of visible nodes, and not connected transitively.
   *
   * @default {false}
   */
  hidden?: boolean;
  /**
   * Whether the node connects transitively: visible nodes that connect to it also connect to its visible
   * peers, and it connects to theirs.
   *
   * @default {true}
   */
  connectAll?: boolean;
  /**
   * How long a peer may be silent before it counts as down, in milliseconds; the actual time is 0.75 to 1.25 times
   * this value.
   *
   * @default {60000}
   */
  tickTime?: number;
  /**
   * How the node waits after traffic of its connections: by sleeping, or by asking its sockets for a moment. On Node and
   * Bun, a round trip between two cores that nobody else needs takes about a third of the time or less if both nodes
   * poll. A node uses its core wholly while it polls.
   *
   * `0` sleeps at once. A number polls for up to this many microseconds after all traffic, at most 100,000, and does not
   * adapt: on one core, or on a busy machine, it makes messages slower. `"auto"` polls for up to 100 microseconds, and
   * pauses where that does not pay: where traffic comes later, or the system takes the core away for other programs. On
   * Deno, `"auto"` does not poll, because the event loop of Deno rarely asks its sockets while it does not sleep.
   * `Node.stats` counts the polls.
   *
   * @default {0}
   */
  poll?: "auto" | number;
  /**
   * The limits for data from peers, and for resources kept for them.
   *
   * @default {DEFAULT_LIMITS}
   */
  limits?: Partial<Limits>;
  /**
   * The output and input of the node's group leader.
   *
   * @default {standard output and input}
   */
  io?: IoDevice;
  /**
   * Receives the node's log events; `jsonLog` writes them as JSON.
   *
   * @default {textLog: as text, on standard error}
   */
  log?: LogHook;
  /**
   * The least severe level of the events that are logged: `"debug"`, `"info"`, `"warning"` or `"error"`; with
   * `"none"`, no event is logged. `Logger.setLevel` changes the level.
   *
   * @default {"warning"; "debug" with the option log}
   */
  logLevel?: LogLevel | "none";
  /**
   * Drops or replaces events before they are logged; `Logger.setFilter` changes the filter.
   *
   * @default {undefined}
   */
  logFilter?: (event: LogEvent) => boolean | LogEvent;
  /**
   * Decides what happens when a supervision tree ends for good: when the top supervisor of an application exits by itself
   * (see the `type` of `Application.start`), or a supervisor that code outside any process has started gives up or
   * is killed.
   *
   * With `"exit"`, the node logs the supervisor, its child that exited and the reason; all nodes of the program stop in
   * order within `stopTimeout`, and the program ends with the exit code 1. With `"continue"`, the node only logs. A
   * function is called instead. In each case, `/livez` and `/readyz` of `health()` fail from the end of the tree on.
   *
   * @default {"exit"; "continue" for nodes of the test harness and of simulations, and those that are typed at a prompt}
   */
  onTreeEnd?: "exit" | "continue" | ((end: TreeEnd) => unknown);
  /**
   * Runs on the node when it is up. `Node.start` waits for it; if it throws or rejects, the node stops and `Node.start`
   * fails with the same error.
   *
   * @default {undefined}
   */
  onStart?: () => unknown;
  /**
   * How long `Node.drain` waits for work to finish, in milliseconds. Then it stops the node within `stopTimeout`.
   *
   * @default {20_000}
   */
  drainTimeout?: number;
  /**
   * How long `Node.stop` waits for the node's applications, with their supervisors and children, to stop, in
   * milliseconds. Then it ends the remaining processes.
   *
   * @default {60_000}
   */
  stopTimeout?: number;
  /**
   * The parts of the node besides its own: `beam()` of `@otp/beam/part`, `cluster()` of `@otp/cluster/part`, `observe()`
   * of `@otp/observe/part`, `remoteShell()` of `@otp/shell/part`, and parts of the program. With `[]`, the node
   * speaks JSON only, and loads no other code.
   *
   * @default {all of these; none in a program that imports `@otp/node` alone}
   */
  use?: readonly NodePart[];
}
