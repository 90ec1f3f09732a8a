/**
 * The options of a node.
 *
 * @module
 */

import type { TlsOptions } from "../distribution/credentials.ts";
import type { Limits } from "../distribution/wire.ts";
import type { LogHook } from "../runtime/log/log_event.ts";
import type {
  Allow,
  ModuleExports,
} from "../runtime/spawning/exported_modules.ts";
import type { IoDevice } from "../servers/io/group_leader.ts";

/** Options for `Node.start`. */
export interface NodeOptions {
  /**
   * The node's name: `alex@localhost` is short, `alex@host.example.org` long, as the host has a
   * dot. Without a host, this machine's short host name is taken.
   */
  name: string;
  /**
   * The secret that the nodes of a cluster share, 1 to 255 characters.
   *
   * @default {the contents of $HOME/.erlang.cookie, which is made when it is missing}
   */
  cookie?: string;
  /**
   * A file that has the cookie; only its owner may be able to read it.
   *
   * @default {undefined}
   */
  cookieFile?: string;
  /**
   * Functions that other nodes may run here, by module and name. Nothing else can be run from
   * outside.
   *
   * @default {{}}
   */
  modules?: Record<string, ModuleExports>;
  /**
   * Narrows what is exported: whether a node may run a function of a module, by a spawn or by a
   * task. It is asked for what other nodes ask for, each time, and has to answer `true`. Closures
   * are not asked for: `allowClosures` lets every node run any code.
   *
   * @default {every node may run all that is exported}
   */
  allow?: Allow;
  /**
   * Whether other nodes may run closures here, that is, any code.
   *
   * @default {false}
   */
  allowClosures?: boolean;
  /**
   * Whether other nodes may open a shell here by `--remsh`, that is, run any code; its code sees the
   * exported modules. The node then exports a module `Shell`, which `allow` is asked for as for others:
   * `allow("alex@localhost", "Shell", "serve")`. The shell's code is loaded when the first one
   * is opened.
   *
   * @default {false}
   */
  allowRemsh?: boolean;
  /**
   * The address to listen on.
   *
   * @default {"127.0.0.1"}
   */
  listen?: string;
  /**
   * The port to listen on; 0 takes any.
   *
   * @default {0}
   */
  port?: number;
  /**
   * TLS for all connections with other nodes, which need it too; EPMD's stay plain.
   *
   * Without it, whoever is on the network between two nodes can read all that they say, and take
   * over the connection after the handshake.
   *
   * @default {undefined}
   */
  tls?: TlsOptions;
  /**
   * EPMD's port; `false` does without EPMD, so that peers need this node's address.
   *
   * @default {ERL_EPMD_PORT, or 4369}
   */
  epmdPort?: number | false;
  /**
   * Whether the node is hidden: not listed, and not connected to its peers' peers.
   *
   * @default {false}
   */
  hidden?: boolean;
  /**
   * Whether visible nodes that connect to this one connect to its visible peers as well, and it to
   * theirs.
   *
   * @default {true}
   */
  connectAll?: boolean;
  /**
   * A peer that is silent for about as long, in milliseconds, is down: within 0.75 to 1.25 of it.
   *
   * @default {60000}
   */
  tickTime?: number;
  /**
   * Limits of what is taken from peers, and kept for them.
   *
   * @default {DEFAULT_LIMITS}
   */
  limits?: Partial<Limits>;
  /**
   * Where the output of the node's group leader goes, and input comes from.
   *
   * @default {standard output and input}
   */
  io?: IoDevice;
  /**
   * Gets what the node has to tell: `jsonLog` writes it as JSON.
   *
   * @default {standardLog: warnings and errors on standard error}
   */
  log?: LogHook;
  /**
   * How many milliseconds `Node.stop` takes at most to stop the node's applications, each with
   * its supervisors and their children, before it ends what is left.
   *
   * @default {60_000}
   */
  stopTimeout?: number;
}
