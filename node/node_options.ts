/**
 * The options of a node.
 *
 * @module
 */

import type { TlsOptions } from "../net/credentials.ts";
import type { Limits, WireName } from "../net/wire.ts";
import type { LogFilter, LogHook, LogLevel } from "../core/log/log_event.ts";
import type { Allow, ModuleExports } from "../core/remote/exported_modules.ts";
import type { Topologies } from "../otp/cluster/topology.ts";
import type { IoDevice } from "../otp/io/io_device.ts";
import type { TreeEndAction } from "./tree_watch.ts";
import type { OptionNames } from "../core/values/options.ts";

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
   * @default {the contents of $HOME/.erlang.cookie, which is made when it is missing}
   */
  cookie?: string;
  /**
   * The path of a file that contains the cookie. Only its owner may have permission to read it, who must be the user of
   * the program; or it belongs to root, and a group may read it too: so systemd and Kubernetes hand secrets to
   * services.
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
   * Restricts the exported functions: whether a node may run a function of a module, by a spawn or a task. It
   * is called for each request of another node, and must return `true` to allow it. It is also called for requests
   * of OTP's `sys` to servers, such as `GenServer.stop`: `allow("alex@localhost", "sys", "terminate")`. It is not
   * called for closures: with `allowClosures`, every node can run any code.
   *
   * @default {every node may run all that is exported}
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
   * the exported modules. The node then exports a module `Shell`; `allow` is called for it as for other
   * modules: `allow("alex@localhost", "Shell", "serve")`. The shell's code is loaded when the first shell is
   * opened.
   *
   * @default {false}
   */
  allowRemsh?: boolean;
  /**
   * Whether other nodes may observe this one with `Observer`, a dashboard or a shell: its processes, with the
   * messages in their mailboxes, its names, its connections and its log; and whether nodes of Erlang may read the
   * state of its servers by `:sys`. With `"write"`, they may also end its processes, and suspend its servers. The
   * node then exports a module `Observer`; `allow` is called for it, and for `sys`, as for other modules:
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
   * The address at which other nodes reach this one, if it is not the one that it listens on: behind the published
   * ports of a container, or behind other address translation. An IP address, with a port if that is another one
   * too: `"203.0.113.5"`, `"203.0.113.5:14370"`, `"[2001:db8::5]:14370"`. The node tells it to its peers, which tell
   * others. It is not registered with EPMD, so use it with `epmdPort: false`. Peers believe it unless it is nearer
   * than the address that they see: loopback addresses, from other machines.
   *
   * @default {the address and port that it listens on}
   */
  advertise?: string;
  /**
   * TLS for all connections with other nodes, which must enable it as well. Connections to EPMD stay
   * unencrypted.
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
  wires?: readonly WireName[];
  /**
   * EPMD's port. With `false`, the node does not use EPMD: it connects by the address of one node of the cluster,
   * and gets those of the others from its peers.
   *
   * @default {ERL_EPMD_PORT, or 4369}
   */
  epmdPort?: number | false;
  /**
   * The topologies of the node's cluster: which nodes it connects to, and connects to again when they are lost.
   * The node starts a `Cluster` of them, under the name `"Cluster"`.
   *
   * @default {undefined}
   */
  cluster?: Topologies;
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
   * How long a peer may be silent before it counts as down, in milliseconds; the actual time is 0.75 to 1.25
   * of it.
   *
   * @default {60000}
   */
  tickTime?: number;
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
   * `"none"`, there are none. `Logger.setLevel` changes it.
   *
   * @default {"warning"; "debug" with the option log}
   */
  logLevel?: LogLevel | "none";
  /**
   * Drops or replaces events before they are logged; `Logger.setFilter` changes it.
   *
   * @default {undefined}
   */
  logFilter?: LogFilter;
  /**
   * Decides what happens when a supervision tree ends for good: when the top supervisor of an application exits by itself
   * (see the `type` of `Application.start`), or a supervisor that code outside any process has started gives up or
   * is killed.
   *
   * With `"exit"`, the node logs which supervisor and which of its children exited for which reason, stops in order
   * within `stopTimeout`, with the other nodes of the program, and the program ends with the exit code 1. With
   * `"continue"`, it only logs that. A function is called instead. From the end of the tree on, `/livez` and
   * `/readyz` of `health()` fail in each case.
   *
   * @default {"exit"; "continue" for nodes of the test harness and of simulations, and those that are typed at a prompt}
   */
  onTreeEnd?: TreeEndAction;
  /**
   * How long `Node.drain` waits for work to finish, in milliseconds. Then it stops the node, for which it has
   * `stopTimeout` in addition.
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
}

/** The names of these options, for the interfaces that extend them. */
export const NODE_OPTIONS: OptionNames<NodeOptions> = {
  name: true,
  cookie: true,
  cookieFile: true,
  modules: true,
  allow: true,
  allowClosures: true,
  allowRemsh: true,
  allowObserve: true,
  listen: true,
  port: true,
  advertise: true,
  tls: true,
  wires: true,
  epmdPort: true,
  cluster: true,
  hidden: true,
  connectAll: true,
  tickTime: true,
  limits: true,
  io: true,
  log: true,
  logLevel: true,
  logFilter: true,
  drainTimeout: true,
  onTreeEnd: true,
  stopTimeout: true,
};
