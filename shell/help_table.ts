/**
 * The doc comments of the library, for the shell's `h`. Written by tools/generate.ts.
 *
 * @module
 */

import type { Doc } from "./doc_comments.ts";

/** The entries, by the names that the shell has in scope. */
// deno-fmt-ignore
export const HELP: Record<string, Doc[]> = {
  "Agent": [
    {
      "signature": "Agent",
      "text": "Starts agents and runs functions on their state.\n\nAn agent runs one function at a time, in the order of the requests. The caller receives a copy of the result, but the function itself works on the state and not on a copy: a function passed to Agent.get must not modify it. A function may be asynchronous; the agent handles no other request until it has finished. An expensive function therefore blocks all other callers: if that matters, get the data that you need and do the work in the caller.\n\nA function that throws ends the agent, and the caller exits with the thrown value. A caller also exits if the agent does not exist, its node is down, or the timeout expires, as it does from GenServer.call; after a timeout the function may still run.\n\nFunctions are not sent between nodes: an agent on another node runs functions that its node exports. Pass the function itself if this node exports it under the same name, or `[module, function, args]`. The agent's node decides which functions may run, as for `Node.spawn`."
    }
  ],
  "Agent.cast": [
    {
      "signature": "cast(agent: AgentRef<S>, fn: AgentFunction<NoInfer<S>, NoInfer<S>>)",
      "text": "Updates the state with a function, without waiting for it.\n\nIt returns `\"ok\"` even if the agent does not exist, or its node refuses the function."
    }
  ],
  "Agent.childSpec": [
    {
      "signature": "childSpec(init: () => S | Promise<S>, options: AgentChildOptions = {})",
      "text": "Returns the child specification of an agent. In a list of children, `[Agent, init]` is a shorthand if no options are needed."
    }
  ],
  "Agent.get": [
    {
      "signature": "get(agent: AgentRef<S>, fn: AgentFunction<NoInfer<S>, R>, options: AgentCallOptions = {})",
      "text": "Returns the result of a function of the state."
    }
  ],
  "Agent.getAndUpdate": [
    {
      "signature": "getAndUpdate(agent: AgentRef<S>, fn: AgentFunction<NoInfer<S>, readonly [R, NoInfer<S>]>, options: AgentCallOptions = {})",
      "text": "Updates the state with a function, and returns a second value that the function computes.\n\nIf the function does not return a pair, the agent exits with `{ type: \"bad_return_value\", value }`."
    }
  ],
  "Agent.ref": [
    {
      "signature": "ref(agent: ServerRef)",
      "text": "Adds the type of the state to an agent's pid or name, so that the functions passed to the agent are type-checked."
    }
  ],
  "Agent.start": [
    {
      "signature": "start(init: () => S | Promise<S>, options: AgentOptions & CancelOptions = {})",
      "text": "Starts an agent without a link.\n\nOtherwise like Agent.startLink."
    }
  ],
  "Agent.startLink": [
    {
      "signature": "startLink(init: () => S | Promise<S>, options: AgentOptions & CancelOptions = {})",
      "text": "Starts an agent, linked to the caller."
    }
  ],
  "Agent.stop": [
    {
      "signature": "stop(agent: ServerRef, reason: unknown = \"normal\", timeout: number = Infinity)",
      "text": "Stops an agent and waits until it has exited."
    }
  ],
  "Agent.update": [
    {
      "signature": "update(agent: AgentRef<S>, fn: AgentFunction<NoInfer<S>, NoInfer<S>>, options: AgentCallOptions = {})",
      "text": "Updates the state with a function."
    }
  ],
  "Application": [
    {
      "signature": "Application",
      "text": "Starts and stops applications, and stores their environments.\n\nApplications and their environments belong to a node: that of the calling process, or the default node for code outside any process. Settings remain whether or not the application runs. A setting can be any value, even a function, as it never leaves the node. The type that a caller states for a setting is not checked."
    }
  ],
  "Application.deleteEnv": [
    {
      "signature": "deleteEnv(app: string, key: string, options: EnvOptions = {})",
      "text": "Deletes a setting.\n\nA persistent setting reappears when its application starts for the first time, unless it is deleted with `persistent: true`."
    }
  ],
  "Application.fetchEnv": [
    {
      "signature": "fetchEnv(app: string, key: string)",
      "text": "Returns a setting, and distinguishes `undefined` from a setting that is not set."
    }
  ],
  "Application.fetchEnvOrThrow": [
    {
      "signature": "fetchEnvOrThrow(app: string, key: string)",
      "text": "Returns a setting, and throws if it is not set: Elixir's `fetch_env!`."
    }
  ],
  "Application.getAllEnv": [
    {
      "signature": "getAllEnv(app: string)",
      "text": "Returns all settings of an application."
    }
  ],
  "Application.getEnv": [
    {
      "signature": "getEnv(app: string, key: string)",
      "text": "Returns a setting, or `undefined` if it is not set."
    },
    {
      "signature": "getEnv(app: string, key: string, otherwise: T)",
      "text": "Returns a setting, or a default if it is not set."
    }
  ],
  "Application.load": [
    {
      "signature": "load(config: Record<string, Record<string, unknown>>)",
      "text": "Stores the settings of several applications at once, as a configuration file does.\n\nFollows [Application.put_all_env/2](https://hexdocs.pm/elixir/1.18/Application.html#put_all_env/2) with `persistent: true`: they take precedence over the applications' own environments."
    }
  ],
  "Application.putEnv": [
    {
      "signature": "putEnv(app: string, key: string, value: unknown, options: EnvOptions = {})",
      "text": "Stores a setting.\n\nWhen the application starts for the first time, its own environment overwrites earlier settings that are not persistent."
    }
  ],
  "Application.spec": [
    {
      "signature": "spec(app: string)",
      "text": "Returns the specification of an application that has been started, even if it no longer runs."
    },
    {
      "signature": "spec(app: string, key: K)",
      "text": "Returns one property of an application's specification."
    }
  ],
  "Application.start": [
    {
      "signature": "start(application: ApplicationSpec, options: ApplicationStartOptions = {})",
      "text": "Starts an application, after the applications that it depends on.\n\nFollows [Application.ensure_all_started/2](https://hexdocs.pm/elixir/1.18/Application.html#ensure_all_started/2). If the application already runs, its dependencies are not started. A process of the application starts the top supervisor, so the application does not end with the caller, and prints where the node prints. If an application fails to start, the dependencies that were started for it are stopped again.\n\nWhen the top supervisor exits by itself, the application's `prepStop` and `stop` are called, the exit is logged, and the application no longer counts as started. The application's type decides what follows, see ApplicationStartOptions. A program that ends for this reason has the exit code 1, like a release of Elixir. With `\"temporary\"`, applications that depend on the exited one continue too. Without a node, the program always continues."
    }
  ],
  "Application.started": [
    {
      "signature": "started()",
      "text": "Returns the names of the running applications, in the order of their start."
    }
  ],
  "Application.stop": [
    {
      "signature": "stop(name: string, options: ApplicationStopOptions = {})",
      "text": "Stops an application and waits until it has stopped.\n\nFirst its `prepStop` is called; then its top supervisor receives the exit signal `\"shutdown\"` and ends its children, last started first; then its `stop` is called. If `prepStop` or `stop` throws, the error is logged, and stopping continues. Applications that depend on the stopped one keep running, and so do its dependencies."
    }
  ],
  "ApplicationStartError": [
    {
      "signature": "ApplicationStartError",
      "text": "An application did not start."
    }
  ],
  "Atom": [
    {
      "signature": "Atom",
      "text": "An Erlang atom: a constant whose value is its own name; it is distinct from a string.\n\nThere is one object per name within a JavaScript process, so atoms can be compared with `===`."
    }
  ],
  "Bitstring": [
    {
      "signature": "Bitstring",
      "text": "An Erlang bitstring that ends within a byte, such as `<<5, 1::size(3)>>`. A `Uint8Array` represents whole bytes."
    }
  ],
  "Cluster": [
    {
      "signature": "Cluster",
      "text": "Finds the other nodes of a cluster, connects to them, and connects to them again when they are lost.\n\nA cluster is a supervisor with a process for each topology. A topology has a strategy, which names addresses:\n\n- `\"static\"`: fixed names or addresses.\n- `\"epmd\"`: all nodes that are registered with EPMD on some hosts.\n- `\"dns\"`: the A and AAAA records of a name, such as a headless service of Kubernetes.\n- `\"dnsSrv\"`: the SRV records of a name, with ports.\n- `\"gossip\"`: the nodes of the local network with the same cookie, by UDP multicast.\n- a function of the program, which returns addresses, or an async iterable of them.\n\nAn address is a name, `\"kate@host\"`, which EPMD resolves; or a host and port, `\"10.0.0.1:4370\"`, where the node states its name, so that no EPMD is needed; or both.\n\nAn address is dialled for as long as the strategy names it: at once, then after a delay that grows at random from `minDelay` to `maxDelay`, and again when the connection is lost. An address that the strategy no longer names is forgotten: it is not dialled again, but its connection stays, so that a node that leaves a deployment can finish its work, unless `disconnectForgotten` is set. When a strategy fails, the addresses of its last answer stay.\n\nVisible nodes connect transitively, so one address suffices to join a whole cluster. With several addresses, joining does not depend on a single node.\n\nCluster.info returns the state, and Cluster.subscribe sends changes as messages. Both, and Cluster.unsubscribe, throw an `ExitError` if the cluster does not run, or its node is down. `Node.start({ cluster: topologies })` starts a cluster with its node; in a program's own supervision tree, `[Cluster, { topologies }]` is the child."
    }
  ],
  "Cluster.childSpec": [
    {
      "signature": "childSpec(options: ClusterOptions)",
      "text": "Returns the child specification of a cluster; `[Cluster, { topologies }]` is a shorthand."
    }
  ],
  "Cluster.info": [
    {
      "signature": "info(cluster: ClusterRef = DEFAULT_CLUSTER)",
      "text": "Returns the state of a cluster as one node sees it: its topologies, and for each address the attempts, the next attempt, and the last error."
    }
  ],
  "Cluster.startLink": [
    {
      "signature": "startLink(options: ClusterOptions)",
      "text": "Starts a cluster, linked to the caller. It does not wait for any node.\n\nFollows [Cluster.Supervisor](https://hexdocs.pm/libcluster/Cluster.Supervisor.html). A strategy that fails does not fail the start: it is asked again, and Cluster.info returns the reason."
    }
  ],
  "Cluster.subscribe": [
    {
      "signature": "subscribe(cluster: string | Atom = DEFAULT_CLUSTER)",
      "text": "Sends the calling process a ClusterMessage for each change of a cluster.\n\nEach call subscribes once more. The messages of a topology are in the order of its changes. Earlier changes are not sent: Cluster.info returns their result."
    }
  ],
  "Cluster.unsubscribe": [
    {
      "signature": "unsubscribe(ref: Ref, cluster: string | Atom = DEFAULT_CLUSTER)",
      "text": "Ends a subscription, and removes its cluster's messages from the caller's mailbox."
    }
  ],
  "Dashboard": [
    {
      "signature": "Dashboard",
      "text": "Serves a page that shows a node and its cluster."
    }
  ],
  "Dashboard.childSpec": [
    {
      "signature": "childSpec(options: DashboardOptions = {})",
      "text": "Returns the child specification of a dashboard; `[Dashboard, options]` is a shorthand."
    }
  ],
  "Dashboard.startLink": [
    {
      "signature": "startLink(options: DashboardOptions = {})",
      "text": "Starts a dashboard on the node that the calling code runs on, linked to the calling process.\n\nAfter a restart, the dashboard listens on the same port if the options name one, and open pages need a new link."
    }
  ],
  "Dashboard.url": [
    {
      "signature": "url(dashboard: ServerRef = \"Dashboard\")",
      "text": "Returns a new link to a dashboard, which works once: the first browser that opens it gets the page. At most 8 links and 8 pages are valid at a time; a further one replaces the oldest."
    }
  ],
  "DynamicSupervisor": [
    {
      "signature": "DynamicSupervisor",
      "text": "Starts supervisors whose children come and go, and starts children under them.\n\nA DynamicSupervisor starts without children. Each child is started by DynamicSupervisor.startChild and identified by its pid. Children are independent: the only strategy is `\"one_for_one\"`, and they have no order. A child has the same specification as a child of a `Supervisor`, but its `id` need not be unique, as it is not used, and `significant` has no effect.\n\nA child that exits is restarted according to its `restart`, with a new pid; a child that is not restarted is removed. If the restart fails, it is tried again, and each attempt counts as a restart. After more than `maxRestarts` within `maxSeconds` the supervisor ends all children and exits with `\"shutdown\"`.\n\nWhen the supervisor exits, it sends `\"shutdown\"` to all children at once, and kills each child that takes longer than its `shutdown`: this takes as long as the slowest child, not the sum of all. Like a `Supervisor`, it is linked to the process that starts it, traps exits, and exits with the same reason as that process.\n\nThe functions accept a supervisor on any node. They exit if the supervisor does not exist or its node is down."
    }
  ],
  "DynamicSupervisor.childSpec": [
    {
      "signature": "childSpec(options: DynamicSupervisorOptions = {})",
      "text": "Returns the child specification of a DynamicSupervisor; `[DynamicSupervisor, { name }]` is a shorthand."
    }
  ],
  "DynamicSupervisor.countChildren": [
    {
      "signature": "countChildren(supervisor: ServerRef)",
      "text": "Counts the children of a supervisor."
    }
  ],
  "DynamicSupervisor.startChild": [
    {
      "signature": "startChild(supervisor: ServerRef, child: CheckedChild<C>, options: TimeLimits = {})",
      "text": "Starts a child.\n\nThe supervisor starts one child at a time: a slow start delays the others. For a supervisor on another node, the child's `start` must be a function that both nodes export, or `[module, function, args]`."
    }
  ],
  "DynamicSupervisor.startLink": [
    {
      "signature": "startLink(options: DynamicSupervisorOptions & CancelOptions = {})",
      "text": "Starts a DynamicSupervisor, linked to the caller."
    }
  ],
  "DynamicSupervisor.stop": [
    {
      "signature": "stop(supervisor: ServerRef, reason: unknown = \"normal\", timeout: number = Infinity)",
      "text": "Stops a supervisor and its children, and waits until they have exited.\n\nA reason other than `\"normal\"` and a shutdown is logged as an error, and is sent over the supervisor's links."
    }
  ],
  "DynamicSupervisor.terminateChild": [
    {
      "signature": "terminateChild(supervisor: ServerRef, pid: Pid)",
      "text": "Ends a child permanently, and waits until it has exited.\n\nA child that is waiting to be restarted is identified by its previous pid."
    }
  ],
  "DynamicSupervisor.whichChildren": [
    {
      "signature": "whichChildren(supervisor: ServerRef)",
      "text": "Returns the children of a supervisor, in the order of their start."
    }
  ],
  "ExitError": [
    {
      "signature": "ExitError",
      "text": "An exit: `exit(reason)` throws it, and a call rejects with it when it fails. A wait of the shell process rejects with it when that process exits. A process that does not catch it exits with its reason."
    }
  ],
  "ExternalFunction": [
    {
      "signature": "ExternalFunction",
      "text": "An Erlang function that is named by its module, name and number of arguments, such as `&String.length/1`. It can be received, compared and sent."
    }
  ],
  "Float": [
    {
      "signature": "Float",
      "text": "A whole number that is a float in Erlang, such as `1.0`, which differs from `1`. JavaScript has one number type: a whole number is sent as an integer; any other number, and −0, is sent as a float.\n\nIn arithmetic, it acts as its value."
    }
  ],
  "GenServer": [
    {
      "signature": "GenServer",
      "text": "Starts, calls and stops servers that are defined by callback modules.\n\nA server is a process that holds a state and handles one message at a time: calls, which receive a reply, casts, which do not, and plain messages. Messages from one sender are handled in the order in which they were sent. See GenServerModule for the callbacks.\n\nA call monitors the server while it waits. If the server does not exist, exits before it has replied, or is on a node that cannot be reached, or if the timeout expires, the caller exits: the promise rejects with an `ExitError` that contains the call and the reason. A later reply is dropped; it never reaches the caller's mailbox.\n\nTypes: the pid that GenServer.startLink returns carries the server's types, and so does the reference that GenServer.ref returns for a name. A call with an undeclared request then does not compile. A plain pid or name accepts any request, and the reply is `any`."
    }
  ],
  "GenServer.abcast": [
    {
      "signature": "abcast(name: LocalName<T>, request: NoInfer<CastOf<T>>, options: AbcastOptions = {})",
      "text": "Casts to the servers with the same name on several nodes, without waiting.\n\nUnreachable nodes and missing servers are ignored."
    }
  ],
  "GenServer.call": [
    {
      "signature": "call(server: GenServerRef<T>, request: R, options: CallOptions = NO_OPTIONS)",
      "text": "Calls a server and waits for its reply.\n\nThe request is copied immediately, and reaches the server after all earlier messages from the caller."
    }
  ],
  "GenServer.cast": [
    {
      "signature": "cast(server: GenServerRef<T>, request: NoInfer<CastOf<T>>)",
      "text": "Sends a request to a server without waiting for a reply.\n\nIt returns `\"ok\"` even if the server does not exist, or its node cannot be reached."
    }
  ],
  "GenServer.childSpec": [
    {
      "signature": "childSpec(module: GenServerModule<T>, arg: NoInfer<ArgOf<T>>, options: GenServerChildOptions = {})",
      "text": "Returns the child specification of a server.\n\nIn a list of children, `[module, arg]` is a shorthand for it if no name is needed. The child's id is its name, or else the name of the module. If the module has a function `startLink` and no name is given, that function starts the child."
    }
  ],
  "GenServer.multiCall": [
    {
      "signature": "multiCall(name: LocalName<T>, request: R, options: MultiCallOptions = {})",
      "text": "Calls the servers with the same name on several nodes, all at the same time.\n\nIt waits until all servers have replied or failed, or the timeout expires; a later reply is dropped."
    }
  ],
  "GenServer.ref": [
    {
      "signature": "ref(server: string | Atom)",
      "text": "Adds a server's types to its pid or name, so that calls are type-checked.\n\nWith the option `beam`, requests and replies are converted to and from the Erlang terms that it declares."
    },
    {
      "signature": "ref(server: ServerRef)",
      "text": "Accepts a pid, or a name on another node, in a registry or in the cluster."
    },
    {
      "signature": "ref(server: ServerRef, options: { beam: GenServerBeamTypes<T> })",
      "text": "Accepts a declaration of the server's Erlang terms."
    }
  ],
  "GenServer.reply": [
    {
      "signature": "reply(from: From<R> | Tuple<readonly [Pid, unknown]>, reply: NoInfer<R>)",
      "text": "Replies to a call: from the server, or from any process that it passed `from` to, on any node.\n\nThe reply is dropped if the caller no longer waits: because it has exited, already has a reply, or timed out."
    }
  ],
  "GenServer.start": [
    {
      "signature": "start(module: GenServerModule<T>, arg: NoInfer<ArgOf<T>>, options: GenServerOptions & CancelOptions = {})",
      "text": "Starts a server without a link; it outlives the caller.\n\nOtherwise like GenServer.startLink."
    }
  ],
  "GenServer.startLink": [
    {
      "signature": "startLink(module: GenServerModule<T>, arg: NoInfer<ArgOf<T>>, options: GenServerOptions & CancelOptions = {})",
      "text": "Starts a server, linked to the caller.\n\nThe promise resolves when `init` has finished. The server ends when the caller does. If it does not trap exits, the exit signal ends it. If it traps exits, it runs `terminate` and exits with the caller's reason, including `\"normal\"`.\n\nIf `init` fails, the start rejects with the reason, and the caller, being linked, also exits with it unless it traps exits. By then the process has exited and its name is free."
    }
  ],
  "GenServer.stop": [
    {
      "signature": "stop(server: GenServerRef<any>, reason: unknown = \"normal\", timeout: number = Infinity)",
      "text": "Stops a server and waits until it has exited.\n\nThe server handles earlier messages, runs `terminate`, and exits. A reason other than `\"normal\"` and a shutdown is logged as a crash."
    }
  ],
  "GenServer.whereis": [
    {
      "signature": "whereis(server: GenServerRef<any>)",
      "text": "Returns the process that has a server's name.\n\nA name on another node is returned as is, without a lookup."
    }
  ],
  "IO": [
    {
      "signature": "IO",
      "text": "Input and output through the caller's group leader, as Elixir's [IO](https://hexdocs.pm/elixir/1.18/IO.html).\n\nA process inherits the group leader of the process that spawned it, also across nodes: its output appears on the node that spawned it. Each function rejects with an IoError if the group leader or its node is down, or the group leader replies with an error."
    }
  ],
  "IO.gets": [
    {
      "signature": "gets(prompt: Printable, options: IoOptions = {})",
      "text": "Reads a line from the group leader's input."
    }
  ],
  "IO.inspect": [
    {
      "signature": "inspect(value: T, options: IoInspectOptions = {})",
      "text": "Prints a value as source-like text and returns the value."
    }
  ],
  "IO.puts": [
    {
      "signature": "puts(item: Printable, options: IoOptions = {})",
      "text": "Prints a line.\n\nWhen the promise resolves, the group leader has written the line. Lines from one process appear in order."
    }
  ],
  "IO.read": [
    {
      "signature": "read(what: \"line\" | \"eof\" | number = \"line\", options: IoOptions = {})",
      "text": "Reads from the group leader's input without a prompt."
    }
  ],
  "IO.write": [
    {
      "signature": "write(item: Printable, options: IoOptions = {})",
      "text": "Prints text without a line feed at the end."
    }
  ],
  "ImproperList": [
    {
      "signature": "ImproperList",
      "text": "An Erlang list whose last tail is not a list, such as `[1, 2 | 3]`. Proper lists are arrays.\n\nPrograms call improperList."
    }
  ],
  "IoError": [
    {
      "signature": "IoError",
      "text": "Input or output failed: the group leader is dead or unreachable, or replied with an error. A process that does not catch it exits with it, like a process in Erlang with the error `terminated`."
    }
  ],
  "Logger": [
    {
      "signature": "Logger",
      "text": "The log of the node that the calling code runs on."
    }
  ],
  "Logger.debug": [
    {
      "signature": "debug(message: LogMessage, metadata?: Record<string, unknown>)",
      "text": "Logs a message of use to the programmer only. Never throws for what a message contains.\n\nThe event has the calling process as `pid`, its label, and the trace that the code is part of. As in OTP, at most 500 events are logged in a second, including the node's own events; one line reports the number of dropped events."
    }
  ],
  "Logger.error": [
    {
      "signature": "error(message: LogMessage, metadata?: Record<string, unknown>)",
      "text": "Logs an error; see Logger.debug."
    }
  ],
  "Logger.info": [
    {
      "signature": "info(message: LogMessage, metadata?: Record<string, unknown>)",
      "text": "Logs a message about normal operation; see Logger.debug."
    }
  ],
  "Logger.level": [
    {
      "signature": "level()",
      "text": "Returns the least severe level that the node logs."
    }
  ],
  "Logger.setFilter": [
    {
      "signature": "setFilter(filter: LogFilter | undefined)",
      "text": "Sets the filter of the node's log, as the option `logFilter` of `Node.start` does. A node has one filter; the new filter replaces the old one, and `undefined` removes it.\n\nThe filter is called with each event whose level is logged, before the log hook. `false` drops the event, `true` passes it on, and a returned event replaces it. If the filter throws or returns anything else, even a promise, the event is logged unchanged, and an error is written to standard error. Events that a filter or log hook itself logs go to standard error as well, from the level `\"warning\"` on."
    }
  ],
  "Logger.setLevel": [
    {
      "signature": "setLevel(level: LogLevel | \"none\")",
      "text": "Sets the least severe level that the node logs, as the option `logLevel` of `Node.start` does; `\"none\"` logs nothing."
    }
  ],
  "Logger.warning": [
    {
      "signature": "warning(message: LogMessage, metadata?: Record<string, unknown>)",
      "text": "Logs a warning; see Logger.debug."
    }
  ],
  "NoProcessError": [
    {
      "signature": "NoProcessError",
      "text": "A request was sent to a name that no process has."
    }
  ],
  "Node": [
    {
      "signature": "Node",
      "text": "A node: a named runtime that others can connect to.\n\n`Node.start` starts a node. The first node that a program starts is the default node: code outside any process runs on it. The static functions apply to the node that the calling code runs on."
    }
  ],
  "Node.alive": [
    {
      "signature": "alive()",
      "text": "Returns whether the calling code runs on a started node."
    }
  ],
  "Node.connect": [
    {
      "signature": "connect(node: string | Atom | NodeAddress, options: ConnectOptions = {})",
      "text": "Connects to a node. This is optional: the first use of a node connects to it.\n\nVisible nodes connect transitively: each also connects to the other's visible peers. Nodes send each other the addresses of their peers, so nodes without EPMD (`epmdPort: false`) need the address of only one node. A node reconnects to a lost peer at the peer's last address.\n\nWith an address and no name, the node first requests the name at the address, and then dials that name; the handshake proves the cookie as for any dial. A node that speaks only Erlang's wire does not answer a request for its name, so pass both."
    }
  ],
  "Node.connections": [
    {
      "signature": "connections()",
      "text": "Returns the connections of the node that the calling code runs on, with their traffic and queues."
    }
  ],
  "Node.disconnect": [
    {
      "signature": "disconnect(node: string | Atom)",
      "text": "Closes the connection to a node: links and monitors across it end with `\"noconnection\"`."
    }
  ],
  "Node.drain": [
    {
      "signature": "drain(options: NodeDrainOptions = {})",
      "text": "Drains the node that the calling code runs on, and stops it; see the method `drain` of a node."
    }
  ],
  "Node.drainOnSignal": [
    {
      "signature": "drainOnSignal(options: DrainSignalOptions = {})",
      "text": "Drains the node that the calling code runs on when the operating system asks the program to stop, then ends the program: one line for deployed programs.\n\nA second signal ends the program at once, with the exit code 1. Programs that the package's own command line starts drain at SIGTERM without this call."
    }
  ],
  "Node.list": [
    {
      "signature": "list(kind: NodeKind = \"visible\")",
      "text": "Returns the nodes that this node is connected to."
    }
  ],
  "Node.monitor": [
    {
      "signature": "monitor(node: string | Atom, on = true)",
      "text": "Notifies the calling process by `{ type: \"nodedown\", node }` when a node goes down.\n\nEach call causes one message. If the node cannot be reached, the message arrives at once."
    }
  ],
  "Node.monitorNodes": [
    {
      "signature": "monitorNodes(on: boolean, options: MonitorNodesOptions = {})",
      "text": "Notifies the calling process when visible nodes connect and disconnect: `{ type: \"nodeup\", node }` arrives before any other signal of the node, and `{ type: \"nodedown\", node }` after all its signals.\n\nFollows [net_kernel:monitor_nodes/2](https://www.erlang.org/doc/apps/kernel/net_kernel.html#monitor_nodes/2). A process that calls it several times receives as many messages for each node; `false` cancels all calls with the same `nodeType`, or without one.\n\nNodes of Erlang and Elixir are hidden for this node, and this node for them: pass `nodeType: \"hidden\"` or `\"all\"` to be notified of them."
    }
  ],
  "Node.onDrain": [
    {
      "signature": "onDrain(fn: () => unknown)",
      "text": "Registers a function that the drain of the calling code's node calls; see the method `onDrain` of a node."
    }
  ],
  "Node.ping": [
    {
      "signature": "ping(node: string | Atom)",
      "text": "Tries to connect to a node."
    }
  ],
  "Node.run": [
    {
      "signature": "run(fn: () => T | Promise<T>, options: RunOptions = {})",
      "text": "Runs a function in a new process of the node that the calling code runs on, whether or not it is started.\n\nCode outside any process shares one process, the shell, with its mailbox, links and exit. To run each request of a web server in its own process, write `Deno.serve((request) => Node.run(() => handle(request)))`: a link made in `handle` then ends only that request. The function has access to the caller's `AsyncLocalStorage`s."
    }
  ],
  "Node.self": [
    {
      "signature": "self()",
      "text": "Returns the name of the node that the calling code runs on."
    }
  ],
  "Node.spawn": [
    {
      "signature": "spawn(node: string | Atom, fn: RemoteFunction<A>, args?: NoInfer<A>)",
      "text": "Starts a process on a node.\n\nThe process inherits the caller's group leader, so its output appears on this node. As in Erlang, if the node cannot be reached, the result is a pid of this node that no process has."
    }
  ],
  "Node.spawnLink": [
    {
      "signature": "spawnLink(node: string | Atom, fn: RemoteFunction<A>, args?: NoInfer<A>)",
      "text": "Starts a process on a node, linked to the caller from the start.\n\nLike Node.spawn. If the node cannot be reached, the result is a pid that no process has, and the caller receives the exit signal `\"noconnection\"`. If the connection is lost later, both ends receive `\"noconnection\"`."
    }
  ],
  "Node.spawnMonitor": [
    {
      "signature": "spawnMonitor(node: string | Atom, fn: RemoteFunction<A>, args?: NoInfer<A>)",
      "text": "Starts a process on a node, monitored by the caller from the start.\n\nLike Node.spawn. If the node cannot be reached, the result is a pid that no process has, and the caller receives a DOWN with `\"noconnection\"`."
    }
  ],
  "Node.start": [
    {
      "signature": "start(options: NodeOptions)",
      "text": "Starts a node: listens, and registers with EPMD. If no EPMD runs on this host, the node serves it.\n\nA node that code starts at a shell prompt or after `--eval` runs the code from then on, until the node stops. If such code already runs on a node, the start rejects with a `NodeStartError` whose `code` is `\"already_started\"`."
    }
  ],
  "Node.stats": [
    {
      "signature": "stats()",
      "text": "Returns the counters of the node that the calling code runs on, since its start: connections, bytes, and the numbers of refused connections and requests by cause."
    }
  ],
  "Node.stop": [
    {
      "signature": "stop(options: NodeStopOptions = {})",
      "text": "Stops the node that the calling code runs on; see the method `stop` of a node."
    }
  ],
  "NodeStartError": [
    {
      "signature": "NodeStartError",
      "text": "A node could not be started. `code` is the reason: an invalid name or setting (`\"name\"`); a name or port that is in use (`\"in_use\"`); the cookie, its file, or the permission to read or create it (`\"cookie\"`); the certificate (`\"tls\"`); a failure to listen, or to reach or serve EPMD (`\"network\"`); a missing permission of the program (`\"permission\"`); or a node that already runs (`\"already_started\"`). The message names the flag or option that helps, and `cause` is the host's error."
    }
  ],
  "Observer": [
    {
      "signature": "Observer",
      "text": "Observes nodes."
    }
  ],
  "Observer.end": [
    {
      "signature": "end(pid: Pid, reason: unknown = \"shutdown\")",
      "text": "Ends a process by an exit signal, on this node or another node that allows it with `allowObserve: \"write\"`."
    }
  ],
  "Observer.entities": [
    {
      "signature": "entities(options: ObserveOptions = {})",
      "text": "Returns the entities of a node: their types, the owners of their shards, moves, and parked keys."
    }
  ],
  "Observer.entity": [
    {
      "signature": "entity(type: string, key: string, options: ObserveOptions = {})",
      "text": "Finds an entity, and returns its state: of its process, or else the stored one. If its owner is another node that is connected and allows it, that node is asked too."
    }
  ],
  "Observer.log": [
    {
      "signature": "log(options: ObserveLogOptions = {})",
      "text": "Returns the last events of a node's log, at most 200. A node with `allowObserve` keeps events from its start, other nodes from the first observation."
    }
  ],
  "Observer.names": [
    {
      "signature": "names(options: ObserveOptions = {})",
      "text": "Returns the names of a node: registered and global names, groups of `pg`, and the keys of registries."
    }
  ],
  "Observer.node": [
    {
      "signature": "node(options: ObserveOptions = {})",
      "text": "Returns the state of a node: memory, CPU time, event-loop delay, connections."
    }
  ],
  "Observer.process": [
    {
      "signature": "process(pid: Pid, options: Omit<ObserveOptions, \"node\"> = {})",
      "text": "Returns the state of a process, on this node or another: mailbox, links, monitors, dictionary."
    }
  ],
  "Observer.processes": [
    {
      "signature": "processes(options: ObserveProcessesOptions = {})",
      "text": "Returns the processes of a node with the greatest values of a key.\n\n`received` counts the messages that have arrived in the mailbox: two answers give a rate. `queueBytes` is an estimate from some of the messages."
    }
  ],
  "Observer.trace": [
    {
      "signature": "trace(pid: Pid, options: TraceOptions = {})",
      "text": "Traces a process: the messages that it receives and sends, as text, as they arrive and leave.\n\nWhen the promise resolves, the trace is on. It ends at its limit or time, with the process, and when the loop over the messages ends or `return` is called; it then leaves no message in the caller's mailbox. Messages that links, monitors and exit signals cause are not traced. A node runs at most 8 traces at a time."
    }
  ],
  "Observer.tree": [
    {
      "signature": "tree(options: ObserveOptions = {})",
      "text": "Returns the supervision trees of a node, with the restarts of each child."
    }
  ],
  "Pid": [
    {
      "signature": "Pid",
      "text": "The identifier of a process: its node, its number on that node, and the node's creation.\n\nPids are immutable, can be sent in messages, and are never reused: a node that restarts has another creation. Compare them with Pid.equals, as two pids of the same process can be different objects."
    }
  ],
  "Port": [
    {
      "signature": "Port",
      "text": "The identifier of a port of an Erlang node, such as a socket. It can be received, compared and sent."
    }
  ],
  "Process": [
    {
      "signature": "Process",
      "text": "Processes: links and monitors, names, exit signals, timers, aliases, the process dictionary.\n\nEach function follows the function of the same name in Elixir's [Process](https://hexdocs.pm/elixir/1.18/Process.html): `setLabel` is `Process.set_label/1`. See also the [reference manual](https://www.erlang.org/doc/system/ref_man_processes.html). Code in a process needs no handle on it: the functions apply to the calling process. Code outside any process runs in the shell process of the default node, like the prompt of iex."
    }
  ],
  "Process.alias": [
    {
      "signature": "alias(options: AliasOptions = {})",
      "text": "Creates an alias of the calling process: an address that can be deactivated.\n\nA message to an inactive alias is dropped."
    }
  ],
  "Process.alive": [
    {
      "signature": "alive(pid: Pid)",
      "text": "Returns whether a process of this node is alive."
    }
  ],
  "Process.callers": [
    {
      "signature": "callers()",
      "text": "Returns the processes on whose behalf the calling process runs: the caller that started this task, the caller that started that one, and so on, nearest first.\n\nElixir stores them as [`$callers`](https://hexdocs.pm/elixir/1.18/Task.html#module-ancestor-and-caller-tracking). Ancestors are the processes that spawned this one; callers, in contrast, are also known across a `TaskSupervisor` and across nodes."
    }
  ],
  "Process.cancelTimer": [
    {
      "signature": "cancelTimer(timer: Ref)",
      "text": "Cancels a timer: its message is not sent.\n\nAny process of the node can cancel it, not only the one that started it. A message that has already been sent can still be in the receiver's mailbox."
    },
    {
      "signature": "cancelTimer(timer: Ref, options: CancelTimerOptions)",
      "text": "Cancels a timer, and replies by a message or not at all."
    }
  ],
  "Process.delete": [
    {
      "signature": "delete(key: unknown)",
      "text": "Deletes a key from the dictionary of the calling process; returns its value."
    }
  ],
  "Process.demonitor": [
    {
      "signature": "demonitor(ref: Ref, options: DemonitorOptions = {})",
      "text": "Ends a monitor: no DOWN arrives from then on."
    }
  ],
  "Process.exit": [
    {
      "signature": "exit(pid: Pid, reason: unknown)",
      "text": "Sends an exit signal to a process.\n\n`\"kill\"` cannot be trapped, and the process exits with `\"killed\"`. `\"normal\"` is ignored unless the process traps exits or sends it to itself. Any other reason ends a process that does not trap exits."
    }
  ],
  "Process.get": [
    {
      "signature": "get()",
      "text": "Returns all entries of the calling process's dictionary."
    },
    {
      "signature": "get(key: unknown, otherwise?: T)",
      "text": "Returns a value of the calling process's dictionary."
    }
  ],
  "Process.getKeys": [
    {
      "signature": "getKeys(options: GetKeysOptions = {})",
      "text": "Returns the keys of the calling process's dictionary."
    }
  ],
  "Process.groupLeader": [
    {
      "signature": "groupLeader(leader?: Pid)",
      "text": "Returns the calling process's group leader, or, given a pid, sets it.\n\nThe output of a process goes to its group leader, which may be on another node. Processes that it starts afterwards inherit the group leader."
    },
    {
      "signature": "groupLeader(pid: Pid, leader: Pid)",
      "text": "Sets the group leader of another process, on this node or another.\n\nThis is a signal, in order with the messages from the caller to the process. It is dropped if the process is on another node and is dead or cannot be reached. Process.info contains the group leader of a process of this node."
    }
  ],
  "Process.info": [
    {
      "signature": "info(pid?: Pid, options?: ProcessInfoOptions)",
      "text": "Returns information about a process of this node, for debugging.\n\nPending waits are included: a pending call appears as a monitor. As in Elixir, it throws for a process of another node; with `remote: true` it asks that node."
    },
    {
      "signature": "info(pid: Pid, options: RemoteProcessInfoOptions)",
      "text": "Returns information about a process of any node, as a call of `rpc.call` to that node.\n\nEvery node answers unless its option `allow` refuses: `allow(\"alex@localhost\", \"Process\", \"info\")`. The answer contains no messages, and from a node of Erlang no monitors."
    }
  ],
  "Process.link": [
    {
      "signature": "link(pid: Pid)",
      "text": "Links the caller to a process: when one exits, the other receives an exit signal. Two processes have at most one link.\n\nLinking to a dead process of another node results in an exit signal `\"noproc\"`; if the node cannot be reached, in `\"noconnection\"`."
    }
  ],
  "Process.list": [
    {
      "signature": "list()",
      "text": "Returns the live processes of this node, in the order of their start."
    },
    {
      "signature": "list(options: ProcessListOptions & { info: true })",
      "text": "Returns information about each process of this node, in the order of their start."
    },
    {
      "signature": "list(options: ProcessListOptions)",
      "text": "Returns the processes of this node, as pids or with information about each."
    }
  ],
  "Process.monitor": [
    {
      "signature": "monitor(target: Pid | string | Atom | NameOnNode, options: MonitorOptions = {})",
      "text": "Monitors a process or a name: when it exits, the caller receives one DownMessage.\n\nSeveral monitors of one process are independent, each with its own message. The reason is `\"noproc\"` if the process does not exist, and `\"noconnection\"` if its node is down or goes down. A process that monitors itself receives no message, and the reference is not an alias."
    }
  ],
  "Process.monotonicTime": [
    {
      "signature": "monotonicTime()",
      "text": "Returns the time of the node's monotonic clock, for points in time passed to Process.sendAfter.\n\nFollows [System.monotonic_time/1](https://hexdocs.pm/elixir/1.18/System.html#monotonic_time/1). The clock's origin differs between nodes, so the value has no meaning on another node."
    }
  ],
  "Process.put": [
    {
      "signature": "put(key: unknown, value: unknown)",
      "text": "Stores a value in the dictionary of the calling process, under a key; returns the previous value.\n\nThe dictionary is private to the process and disappears with it. The value is stored as is, not copied, so it can be one that cannot be sent."
    }
  ],
  "Process.readTimer": [
    {
      "signature": "readTimer(timer: Ref)",
      "text": "Returns the remaining time of a timer."
    }
  ],
  "Process.register": [
    {
      "signature": "register(pid: Pid, name: string | Atom)",
      "text": "Registers a process of this node under a name."
    }
  ],
  "Process.registered": [
    {
      "signature": "registered()",
      "text": "Returns the registered names of this node."
    }
  ],
  "Process.reply": [
    {
      "signature": "reply(to: Ref | ReplyTo, value: unknown)",
      "text": "Replies to a request: the process that awaits the reference receives the value.\n\nCalls and requests to a group leader contain the reference for the reply, and from an Erlang node a tag as well. A late or second reply is dropped. If the reference is an alias that its process does not await, the process receives a `ReplyMessage`, or `{alias, value}` on an Elixir node."
    }
  ],
  "Process.send": [
    {
      "signature": "send(to: Destination<M>, message: Message<NoInfer<M>, T>, options: SendOptions & { nosuspend: true })",
      "text": "Sends a message as the function `send` does, unless that would need a new connection or a wait."
    },
    {
      "signature": "send(to: Destination<M>, message: Message<NoInfer<M>, T>, options: SendOptions)",
      "text": "Sends a message unless that would need a new connection."
    }
  ],
  "Process.sendAfter": [
    {
      "signature": "sendAfter(to: Pid<M> | string | Atom, message: Message<NoInfer<M>, T>, ms: number, options: SendAfterOptions = {})",
      "text": "Sends a message after a delay, to a process of this node or to a name.\n\nThe message is copied immediately, so later changes of it have no effect. A name is resolved when the timer expires; if no process has it then, the message is dropped. A timer for a pid is cancelled when that process exits, and is not started if the process is already dead. The message is sent even if the caller exits before. When the node stops, its timers are cancelled.\n\nThe message has no sender, so it is not ordered with the messages of the caller. Messages that are due at the same time are sent in the order in which their timers were started. Like `setTimeout`, a timer keeps the program running."
    }
  ],
  "Process.setLabel": [
    {
      "signature": "setLabel(label: unknown)",
      "text": "Labels the calling process, to distinguish it from others that run the same code.\n\n`info` and crash reports contain the label. Unlike a name, a label can be shared by any number of processes, and cannot be used to find a process. As in Elixir, it is stored in the dictionary under `\"$process_label\"`."
    }
  ],
  "Process.signal": [
    {
      "signature": "signal()",
      "text": "Returns an AbortSignal that is aborted when the calling process exits, for APIs that are unaware of processes."
    }
  ],
  "Process.sleep": [
    {
      "signature": "sleep(ms: number)",
      "text": "Suspends the calling process for a time, in milliseconds."
    }
  ],
  "Process.trapExit": [
    {
      "signature": "trapExit(on: boolean)",
      "text": "Sets whether exit signals become ExitMessages of the calling process."
    }
  ],
  "Process.unalias": [
    {
      "signature": "unalias(ref: Ref)",
      "text": "Deactivates an alias of the calling process."
    }
  ],
  "Process.unlink": [
    {
      "signature": "unlink(pid: Pid)",
      "text": "Removes the link between the caller and a process: no exit signal is received over it from then on."
    }
  ],
  "Process.unregister": [
    {
      "signature": "unregister(name: string | Atom)",
      "text": "Unregisters a name of this node."
    }
  ],
  "Process.whereis": [
    {
      "signature": "whereis(name: string | Atom)",
      "text": "Returns the process that has a name on this node."
    }
  ],
  "ProcessExited": [
    {
      "signature": "ProcessExited",
      "text": "The calling process has exited. Its pending waits reject with this error once, so that `finally` and `using` run, and every later call throws it without effect."
    }
  ],
  "QueueFullError": [
    {
      "signature": "QueueFullError",
      "text": "The queue to a node is at its hard cap; the message was not sent."
    }
  ],
  "ReceiveTimeout": [
    {
      "signature": "ReceiveTimeout",
      "text": "A `receive` with a timeout received no message in time."
    }
  ],
  "Ref": [
    {
      "signature": "Ref",
      "text": "A reference: a unique identifier of a monitor, a call, a task or an alias."
    }
  ],
  "Registry": [
    {
      "signature": "Registry",
      "text": "Stores processes of this node under keys.\n\nEach function follows the function of the same name in Elixir's [Registry](https://hexdocs.pm/elixir/1.18/Registry.html): `countMatch` is `Registry.count_match`. It takes a predicate where Elixir takes a pattern with guards, or a match specification.\n\nA process registers itself, any number of times, each time with a value. A key is any value that can be sent, and is compared by its contents: two lists with the same items are the same key. Keys are copied; values are stored as is, so a value can be a function.\n\nRegistering and reading take effect immediately, without a message to another process. When a process exits, its registrations are removed at once: no function returns a process that is not alive.\n\nRegistered processes are linked to the registry. If it crashes or is stopped, they exit too, unless they trap exits; its supervisor restarts it empty.\n\nA registry with unique keys names servers: use `{ via: Registry, name: [\"MyApp.Registry\", key] }` wherever a server's name is expected, to start the server and to call it. This replaces registered names if there are many names, or if they are not strings.\n\nThe functions accept the name of a registry on the calling process's node, and throw a `NoProcessError` if there is none with that name. Lists of registrations are in the order in which these were made, if the description of the function says nothing else. For groups of processes in the whole cluster see `pg`."
    }
  ],
  "Registry.childSpec": [
    {
      "signature": "childSpec(options: RegistryOptions)",
      "text": "Returns the child specification of a registry; `[Registry, { keys, name }]` is a shorthand."
    }
  ],
  "Registry.count": [
    {
      "signature": "count(registry: string | Atom)",
      "text": "Counts all registrations."
    }
  ],
  "Registry.countMatch": [
    {
      "signature": "countMatch(registry: string | Atom, key: unknown, predicate: ValuePredicate)",
      "text": "Counts the registrations under a key whose value matches a predicate."
    }
  ],
  "Registry.countSelect": [
    {
      "signature": "countSelect(registry: string | Atom, predicate: (record: RegistryRecord) => boolean)",
      "text": "Counts all registrations that match a predicate.\n\nVisits every registration, and builds no list."
    }
  ],
  "Registry.deleteMeta": [
    {
      "signature": "deleteMeta(registry: string | Atom, key: unknown)",
      "text": "Deletes a metadata value of the registry."
    }
  ],
  "Registry.dispatch": [
    {
      "signature": "dispatch(registry: string | Atom, key: unknown, fn: (entries: RegistryEntry[]) => void)",
      "text": "Calls a function with the registrations under a key, if there are any.\n\nThe function runs immediately in the calling process, and its errors reach the caller; registered processes receive only the messages that it sends. A promise that it returns is not awaited: use Registry.lookup instead."
    }
  ],
  "Registry.keys": [
    {
      "signature": "keys(registry: string | Atom, pid: Pid)",
      "text": "Returns the keys under which a process is registered."
    }
  ],
  "Registry.lock": [
    {
      "signature": "lock(registry: string | Atom, key: unknown, fn: () => T)",
      "text": "Runs a function while holding a lock of the registry.\n\nThe lock is granted in the order of the requests. It is released when the function ends, or its process exits. Locks are not keys: nothing is registered. A process that requests a lock that it already holds waits forever."
    }
  ],
  "Registry.lookup": [
    {
      "signature": "lookup(registry: string | Atom, key: unknown)",
      "text": "Returns the processes that are registered under a key, each with its value."
    }
  ],
  "Registry.match": [
    {
      "signature": "match(registry: string | Atom, key: unknown, predicate: ValuePredicate)",
      "text": "Returns the registrations under a key whose value matches a predicate."
    }
  ],
  "Registry.meta": [
    {
      "signature": "meta(registry: string | Atom, key: unknown)",
      "text": "Returns a metadata value of the registry."
    }
  ],
  "Registry.putMeta": [
    {
      "signature": "putMeta(registry: string | Atom, key: unknown, value: unknown)",
      "text": "Stores a metadata value of the registry. It survives crashes of the registry."
    }
  ],
  "Registry.register": [
    {
      "signature": "register(registry: string | Atom, key: unknown, value?: unknown)",
      "text": "Registers the calling process under a key.\n\nWith unique keys, registering fails if a living process, including the caller, has the key. The failure is returned and not thrown, since it is expected when several processes compete for a key. With duplicate keys a process may register under the same key several times."
    }
  ],
  "Registry.registerName": [
    {
      "signature": "registerName(name: unknown, pid: Pid)",
      "text": "Registers a process under a name for `via`."
    }
  ],
  "Registry.select": [
    {
      "signature": "select(registry: string | Atom, predicate?: (record: RegistryRecord) => boolean)",
      "text": "Returns all registrations that match a predicate.\n\nVisits every registration."
    }
  ],
  "Registry.startLink": [
    {
      "signature": "startLink(options: RegistryOptions)",
      "text": "Starts a registry, linked to the caller.\n\nA registry is a supervisor with one child, to which registered processes are linked. Elixir's `partitions` spread the load over processor cores and have no equivalent: JavaScript uses one core."
    }
  ],
  "Registry.unregister": [
    {
      "signature": "unregister(registry: string | Atom, key: unknown)",
      "text": "Removes all registrations of the calling process under a key.\n\nThe caller's link to the registry ends with its last registration. Listeners are notified even if there was no registration."
    }
  ],
  "Registry.unregisterMatch": [
    {
      "signature": "unregisterMatch(registry: string | Atom, key: unknown, predicate: ValuePredicate)",
      "text": "Removes the registrations of the calling process under a key whose value matches a predicate.\n\nListeners are notified only if no registration under the key remains."
    }
  ],
  "Registry.unregisterName": [
    {
      "signature": "unregisterName(name: unknown)",
      "text": "Unregisters a name for `via` that the calling process has."
    }
  ],
  "Registry.updateValue": [
    {
      "signature": "updateValue(registry: string | Atom, key: unknown, fn: (value: unknown) => unknown)",
      "text": "Replaces the value with which the calling process is registered under a key."
    }
  ],
  "Registry.values": [
    {
      "signature": "values(registry: string | Atom, key: unknown, pid: Pid)",
      "text": "Returns the values with which a process is registered under a key."
    }
  ],
  "Registry.whereisName": [
    {
      "signature": "whereisName(name: unknown)",
      "text": "Returns the process that has a name for `via`."
    }
  ],
  "RpcError": [
    {
      "signature": "RpcError",
      "text": "A call of a function on a node failed: the connection was lost or could not be established (`\"noconnection\"`), no answer arrived in time (`\"timeout\"`), the node does not serve such calls (`\"notsup\"`), or its limit of processes for this node is reached (`\"system_limit\"`). In the first two cases the function may have run, or may still be running.\n\nIt corresponds to Erlang's `error` with the reason `{erpc, reason}`."
    }
  ],
  "SpawnRefusedError": [
    {
      "signature": "SpawnRefusedError",
      "text": "A node refused to run something: a closure, because it allows no closures (`\"closure\"`); an exported function, because the requesting node may not run it (`\"not_allowed\"`); or anything, because the requesting node's limit of processes is reached (`\"limit\"`), or because the node or the task's supervisor is draining (`\"draining\"`): nothing has run then, and another node can run it."
    }
  ],
  "Supervisor": [
    {
      "signature": "Supervisor",
      "text": "Starts supervisors and manages their children.\n\nA supervisor starts its children in the given order, and ends them in reverse order: each child receives an exit signal `\"shutdown\"`, and is killed if it takes longer than its `shutdown`. The supervisor is linked to the process that starts it and traps exits: when that process exits, the supervisor ends its children and exits with the same reason.\n\nA child that exits is restarted according to its `restart`. If the restart fails, it is tried again, and each attempt counts as a restart. After more than `maxRestarts` within `maxSeconds` the supervisor ends all children and exits with `\"shutdown\"`; its own supervisor then handles the exit. Between two attempts the supervisor serves requests, such as a stop. A temporary child that is ended together with others, by `\"one_for_all\"` or `\"rest_for_one\"`, is not restarted with them but removed.\n\nA child whose start returns `\"ignore\"` is kept without a pid, and Supervisor.restartChild can start it later. A temporary child is removed instead.\n\nA supervisor with `autoShutdown` exits by itself when its `significant` children have finished: it ends the other children and exits with `\"shutdown\"`. If the supervisor is a transient child, its own supervisor does not restart it; if it is a significant child, its supervisor may exit as well, and so on up the tree. A significant child that is ended on request, for example by Supervisor.terminateChild, does not end its supervisor.\n\nThe functions accept a supervisor on any node. They exit if the supervisor does not exist or its node is down."
    }
  ],
  "Supervisor.childSpec": [
    {
      "signature": "childSpec(child: CheckedChild<C>, overrides: Partial<ChildSpec> = {})",
      "text": "Returns the full specification of a child, with overrides.\n\nUse it for several children of the same kind, as each needs its own id."
    }
  ],
  "Supervisor.countChildren": [
    {
      "signature": "countChildren(supervisor: ServerRef)",
      "text": "Counts the children of a supervisor."
    }
  ],
  "Supervisor.deleteChild": [
    {
      "signature": "deleteChild(supervisor: ServerRef, id: string)",
      "text": "Deletes the specification of a child that is not running."
    }
  ],
  "Supervisor.getChildspec": [
    {
      "signature": "getChildspec(supervisor: ServerRef, id: string)",
      "text": "Returns the specification of a child.\n\nFollows [supervisor:get_childspec/2](https://www.erlang.org/doc/apps/stdlib/supervisor.html#get_childspec/2)."
    }
  ],
  "Supervisor.restartChild": [
    {
      "signature": "restartChild(supervisor: ServerRef, id: string)",
      "text": "Restarts a child that is not running.\n\nThis does not count towards `maxRestarts`."
    }
  ],
  "Supervisor.startChild": [
    {
      "signature": "startChild(supervisor: ServerRef, child: CheckedChild<C>, options: TimeLimits = {})",
      "text": "Adds a child after the existing ones, and starts it.\n\nA child that fails to start is not added. For a supervisor on another node, the child's `start` must be a function that both nodes export, or `[module, function, args]`."
    }
  ],
  "Supervisor.startLink": [
    {
      "signature": "startLink(children: CheckedChildren<C>, options: SupervisorOptions & CancelOptions)",
      "text": "Starts a supervisor, linked to the caller, and its children.\n\nThe promise resolves when all children have started. If one fails to start, those started before it are ended, and the supervisor exits with a shutdown reason that names the child. The caller then exits as well, unless it traps exits."
    }
  ],
  "Supervisor.stop": [
    {
      "signature": "stop(supervisor: ServerRef, reason: unknown = \"normal\", timeout: number = Infinity)",
      "text": "Stops a supervisor and its children, and waits until they have exited.\n\nA reason other than `\"normal\"` and a shutdown is logged as an error, and is sent over the supervisor's links."
    }
  ],
  "Supervisor.terminateChild": [
    {
      "signature": "terminateChild(supervisor: ServerRef, id: string)",
      "text": "Ends a child, and keeps its specification unless it is temporary.\n\nThe promise resolves when the child has exited. The child is not restarted until Supervisor.restartChild is called, or a restart of other children includes it. A pending restart of the child is cancelled."
    }
  ],
  "Supervisor.whichChildren": [
    {
      "signature": "whichChildren(supervisor: ServerRef)",
      "text": "Returns all children of a supervisor, running or not, last started first, as in Elixir."
    }
  ],
  "Task": [
    {
      "signature": "Task",
      "text": "A task: its process, its reference, and its owner. The owner is the process that started the task; only the owner can await it, yield to it, shut it down or ignore it: these functions throw a `TypeError` in other processes. If the connection to the node of a task is lost, they throw an `ExitError` with the reason `{ type: \"nodedown\", node }`.\n\nThe owner monitors the task, and is linked to it unless it was started by `asyncNolink`: if one crashes, so does the other. The result is sent to an alias of the owner: it never waits behind other messages, and a late one is dropped. If the owner is not awaiting the task when the result arrives, the result is a message `{ type: \"reply\", ref, value }`, followed by a DOWN, as in Elixir."
    }
  ],
  "Task.async": [
    {
      "signature": "async(fn: (...args: A) => T, args?: A, options?: AsyncOptions)",
      "text": "Starts a task on this node, linked to the caller, to be awaited.\n\nTo start a task under a supervisor, on this node or another, use `TaskSupervisor.async`."
    }
  ],
  "Task.asyncStream": [
    {
      "signature": "asyncStream(enumerable: Iterable<E> | AsyncIterable<E>, fn: RemoteFunction<[element: E, ...args: A], T>, options: AsyncStreamOptions<A> = {})",
      "text": "Runs a function on each element of an iterable, each in a task of its own, with limited concurrency.\n\nThe stream is lazy, and each iteration runs all tasks again. Elements are taken while fewer than `maxConcurrency` tasks run; after that, one element is taken each time a result is consumed, so the source can be endless. The iterating process reads the source: while it waits for a slow source, results wait as well.\n\nThe tasks are linked to an intermediate process, which is linked to the iterating process. If a task exits, so does the iterating process, unless it traps exits: then the result for the element is `{ type: \"exit\", reason }`. If the iterating process exits, so do the tasks. Leaving the loop, by `break` or an error, kills the running tasks, waits until they have exited, and closes the source. If a task's exit must not end the iterating process, use `TaskSupervisor.asyncStreamNolink`."
    }
  ],
  "Task.await": [
    {
      "signature": "await(task: AnyTask<T>, options: number | AwaitOptions = 5000)",
      "text": "Waits for a task's result.\n\nA task can be awaited only once, by its owner: a result that `await` or `receive` has taken does not arrive again. If the task exits instead, so does the caller, unless it catches the rejection."
    }
  ],
  "Task.awaitMany": [
    {
      "signature": "awaitMany(tasks: K, options: number | AwaitOptions = 5000)",
      "text": "Waits for the results of several tasks.\n\nThe timeout applies to all tasks together. The wait ends when all have finished, when one exits, or when the timeout expires. After an exit or a timeout, the other tasks can no longer be awaited, and continue to run unless they are linked to a caller that exits. To get the results that arrive in time, use `Task.yieldMany`."
    }
  ],
  "Task.childSpec": [
    {
      "signature": "childSpec(fn: () => unknown)",
      "text": "Returns the child specification of a task; `[Task, fn]` is a shorthand.\n\nIts id is `\"Task\"`, and it is `\"temporary\"`, so it is not restarted. Several tasks under one supervisor need different ids: `Supervisor.childSpec([Task, fn], { id: \"warm up\" })`."
    }
  ],
  "Task.completed": [
    {
      "signature": "completed(value: T)",
      "text": "Returns a task that has already finished: it has a result, and no process.\n\nUse it in lists of tasks in which some results are already known. It can be awaited, yielded and shut down like any other task."
    }
  ],
  "Task.ignore": [
    {
      "signature": "ignore(task: AnyTask<T>)",
      "text": "Ignores a task: it continues to run without a link or monitor, and its result is dropped."
    }
  ],
  "Task.shutdown": [
    {
      "signature": "shutdown(task: AnyTask<T>, timeout: number | \"brutal_kill\" = 5000)",
      "text": "Ends a task and waits until it has exited; a result that arrived earlier is returned.\n\nThe task is unlinked, receives an exit signal `\"shutdown\"`, and is killed if it takes longer than the timeout. When the promise resolves, the task has exited, and can no longer be awaited. The result for a task that was already awaited is the exit `\"noproc\"`."
    }
  ],
  "Task.start": [
    {
      "signature": "start(fn: (...args: A) => unknown, args?: A)",
      "text": "Starts a task that is not awaited, without a link or monitor.\n\nUse it for side effects whose success does not matter: a crash is only logged, and the task is lost when its node stops. A task started by `TaskSupervisor.startChild` has time to finish when its node stops."
    }
  ],
  "Task.startLink": [
    {
      "signature": "startLink(fn: (...args: A) => unknown, args?: A)",
      "text": "Starts a task that is not awaited, linked to the caller, for example as a child of a supervisor.\n\nIf the task crashes, so does the caller, unless it traps exits, and vice versa. The caller does not wait for the task: a supervisor starts its next child while the task runs."
    }
  ],
  "Task.yield": [
    {
      "signature": "yield(task: AnyTask<T>, options: number | AwaitOptions = 5000)",
      "text": "Waits for a task's result for a limited time; it can be called again."
    }
  ],
  "Task.yieldMany": [
    {
      "signature": "yieldMany(tasks: K, options: number | YieldManyOptions = {})",
      "text": "Waits for the results of several tasks for a limited time.\n\nReturns when all tasks have finished, when `limit` of them have, or when the timeout expires. Only after the timeout does `onTimeout` apply to the tasks that are still running."
    }
  ],
  "TaskSupervisor": [
    {
      "signature": "TaskSupervisor",
      "text": "Starts task supervisors, and tasks under them.\n\nThe supervisor may be on another node. The task then runs on that node, and its output appears there, because the supervisor spawns the task. A function for another node is one that both nodes export under the same name, `[module, function]`, or a closure if the node allows closures.\n\nIf the supervisor does not exist, or its node cannot be reached, each function throws an `ExitError` with the call and the reason: `\"noproc\"`, or `{ type: \"nodedown\", node }`."
    }
  ],
  "TaskSupervisor.async": [
    {
      "signature": "async(supervisor: ServerRef, fn: RemoteFunction<A, T>, args?: NoInfer<A>, options: TaskOptions = NO_OPTIONS)",
      "text": "Starts a task under a supervisor, linked to the caller, which awaits it.\n\nIf the caller exits, so does the task, and vice versa. If the connection is lost, both ends receive `\"noconnection\"`."
    }
  ],
  "TaskSupervisor.asyncNolink": [
    {
      "signature": "asyncNolink(supervisor: ServerRef, fn: RemoteFunction<A, T>, args?: NoInfer<A>, options: TaskOptions = NO_OPTIONS)",
      "text": "Starts a task under a supervisor, not linked to the caller, which awaits it.\n\nIf the task crashes, only `Task.await` fails, and if the caller exits, the task continues."
    }
  ],
  "TaskSupervisor.asyncStream": [
    {
      "signature": "asyncStream(supervisor: ServerRef, enumerable: Iterable<E> | AsyncIterable<E>, fn: RemoteFunction<[element: E, ...args: A], T>, options: SupervisedStreamOptions<A> = {})",
      "text": "Runs a function on each element of an iterable, each in a task of its own under a supervisor, with limited concurrency.\n\nWorks like Task.asyncStream, but the tasks run under a supervisor, on this node or another. They are still linked to the caller through the intermediate process, so a crash of one ends the iterating process, unless it traps exits. If the connection to the supervisor's node is lost, the tasks exit with `\"noconnection\"` at both ends."
    }
  ],
  "TaskSupervisor.asyncStreamNolink": [
    {
      "signature": "asyncStreamNolink(supervisor: ServerRef, enumerable: Iterable<E> | AsyncIterable<E>, fn: RemoteFunction<[element: E, ...args: A], T>, options: SupervisedStreamOptions<A> = {})",
      "text": "Runs a function on each element of an iterable like TaskSupervisor.asyncStream, but without a link between the tasks and the caller.\n\nIf a task exits, the result for its element is `{ type: \"exit\", reason }`, with the reason `\"noconnection\"` if the connection to its node is lost, and the iterating process continues. Leaving the loop ends the running tasks; if the iterating process exits, they continue to run."
    }
  ],
  "TaskSupervisor.childSpec": [
    {
      "signature": "childSpec(options: TaskSupervisorOptions = {})",
      "text": "Returns the child specification of a Task.Supervisor; `[TaskSupervisor, { name }]` is a shorthand."
    }
  ],
  "TaskSupervisor.children": [
    {
      "signature": "children(supervisor: ServerRef)",
      "text": "Returns the tasks under a supervisor."
    }
  ],
  "TaskSupervisor.drain": [
    {
      "signature": "drain(supervisor: ServerRef, options: TaskDrainOptions = {})",
      "text": "Makes a supervisor refuse new tasks, and waits until its running tasks have ended.\n\nOTP has no such function. From now on, until the supervisor stops, each start of a task under it fails: TaskSupervisor.async, TaskSupervisor.startChild and the streams reject with a `SpawnRefusedError` whose `code` is `\"draining\"`, and a process of Erlang or Elixir gets `{:error, :draining}`. A refused task has run no code, so it can be started under another supervisor. The supervisor also leaves all its groups of `pg`, so that no process finds it there any more.\n\nRunning tasks continue. A `\"transient\"` task that fails is restarted to finish its work, and the drain waits for it. A `\"permanent\"` task never ends for good, so the drain does not wait for it. The supervisor also refuses tasks that its own tasks start; to let tasks start tasks, drain the node (Node.drain).\n\nAfter a timeout the tasks continue, and the supervisor still refuses new ones: drain it again to wait longer, or stop it, which ends its tasks. Several callers may drain a supervisor at once, each with its own timeout."
    }
  ],
  "TaskSupervisor.startChild": [
    {
      "signature": "startChild(supervisor: ServerRef, fn: RemoteFunction<A, unknown>, args?: NoInfer<A>, options: StartChildOptions = {})",
      "text": "Starts a task that is not awaited, under a supervisor."
    }
  ],
  "TaskSupervisor.startLink": [
    {
      "signature": "startLink(options: TaskSupervisorOptions & CancelOptions = {})",
      "text": "Starts a Task.Supervisor, linked to the caller.\n\nWhen it exits, it sends the exit signal `\"shutdown\"` to its tasks, and kills tasks that take longer than their `shutdown`."
    }
  ],
  "TaskSupervisor.stop": [
    {
      "signature": "stop(supervisor: ServerRef, reason: unknown = \"normal\", timeout = Infinity)",
      "text": "Stops a supervisor and its tasks."
    }
  ],
  "TaskSupervisor.terminateChild": [
    {
      "signature": "terminateChild(supervisor: ServerRef, pid: Pid)",
      "text": "Ends a task of a supervisor, and waits until it has exited.\n\nThe task has its `shutdown` time to exit, and is not restarted, whatever its `restart`."
    }
  ],
  "Tuple": [
    {
      "signature": "Tuple",
      "text": "An Erlang tuple, such as `{:ok, 1}`: a fixed number of values. An array corresponds to a list instead.\n\nPrograms call tuple. A tuple can be iterated and destructured, but has no array methods. Do not change the array `elements`."
    }
  ],
  "UndefinedFunctionError": [
    {
      "signature": "UndefinedFunctionError",
      "text": "A request named a function that the node does not export."
    }
  ],
  "atom": [
    {
      "signature": "atom(name: string)",
      "text": "Returns the atom with a name, the only object for that name.\n\nUnlike Erlang's, the table of atoms does not grow forever: an atom without references is garbage-collected."
    }
  ],
  "beam": [
    {
      "signature": "beam(fn: F, types: BeamFunctionTypes<F>)",
      "text": "Declares how a function looks to nodes of Erlang and Elixir.\n\nWithout a declaration, the default mapping applies: strings are binaries, arrays are lists, plain objects are maps with binary keys. An argument that does not fit its type is passed as it arrived, so a function must check the arguments of untrusted callers."
    }
  ],
  "exit": [
    {
      "signature": "exit(reason: unknown)",
      "text": "Exits the calling process: throws an `ExitError`, which ends the process if it is not caught.\n\n`Process.exit` sends an exit signal to another process."
    }
  ],
  "flush": [
    {
      "signature": "flush()",
      "text": "Prints and removes all messages in the mailbox, as in iex."
    }
  ],
  "formatExit": [
    {
      "signature": "formatExit(reason: unknown)",
      "text": "Describes an exit reason, as Elixir's `Exception.format_exit` does.\n\nThe text has at most about 16,000 characters, and is created in bounded time for any reason. Never throws."
    }
  ],
  "global": [
    {
      "signature": "global",
      "text": "Cluster-wide registered names, and locks that are held on all nodes of the cluster.\n\nEach function follows the function of the same name in Erlang's [global](https://www.erlang.org/doc/apps/kernel/global.html): `registerName` is `register_name`.\n\nEach node has a copy of all names, so a lookup contacts no other node. Registering a name takes a lock on all nodes, and then updates every copy. When the name's process exits, or its node goes down, each node removes the name independently: soon, but not in any order with the other nodes.\n\nA node takes part once one of these functions has been used on it, or a node of Erlang has connected; until then, it sends and stores nothing, and other nodes work without it. Names and locks are shared with Erlang's `:global`.\n\nWhen nodes connect that both have names, their parts of the cluster are merged. If two processes then have the same name, the name is in conflict. The conflict is resolved once, on one node, by the function passed at registration (global.randomExitName by default), and all nodes receive the result. A name is therefore not a lock: during a network partition, each part can have a process of that name.\n\n**Limits.** The options of a function can limit its wait (TimeLimits). At the timeout or the deadline the function throws an `ExitError` with the call and `\"timeout\"`; when the signal is aborted, it throws the reason of the signal. The description of the function says what then becomes of its request. Without limits, a lookup waits at most 5 seconds, and a function that changes or compares names waits for a node that hangs until that node counts as down, after its `tickTime`."
    }
  ],
  "global.delLock": [
    {
      "signature": "delLock(id: GlobalLockId, options: Omit<LockOptions, \"retries\"> = {})",
      "text": "Releases a lock that the calling process holds; it has no effect on other locks."
    }
  ],
  "global.notifyAllName": [
    {
      "signature": "notifyAllName(name: unknown, pid1: Pid, pid2: Pid)",
      "text": "Notifies both processes of a conflict, by a GlobalNameConflict `{ type: \"global_name_conflict\", name, pid }` with the other's pid; neither keeps the name."
    }
  ],
  "global.randomExitName": [
    {
      "signature": "randomExitName(name: unknown, pid1: Pid, pid2: Pid)",
      "text": "Ends one of two processes with the same name by the exit signal `\"kill\"`; the other keeps the name. This is the default.\n\nAs in OTP, the choice is not random: the process on the node with the smaller name is kept."
    }
  ],
  "global.randomNotifyName": [
    {
      "signature": "randomNotifyName(name: unknown, pid1: Pid, pid2: Pid)",
      "text": "Notifies one of two processes with the same name that it has lost the name, by a GlobalNameConflict `{ type: \"global_name_conflict\", name }`; the other keeps the name.\n\nAs in OTP, the process on the node with the smaller name is kept."
    }
  ],
  "global.reRegisterName": [
    {
      "signature": "reRegisterName(name: unknown, pid: Pid, resolve: ResolveFunction | ModuleFunction = global.randomExitName, options: TimeLimits = {})",
      "text": "Registers a process under a name in the cluster, even if another process has the name.\n\nLike global.registerName, but it replaces a process that had the name, without notifying it."
    }
  ],
  "global.registerName": [
    {
      "signature": "registerName(name: unknown, pid: Pid, resolve: ResolveFunction | ModuleFunction = global.randomExitName, options: TimeLimits = {})",
      "text": "Registers a process under a name in the cluster.\n\nThe caller waits until this node has merged names with all connected nodes, until the lock of the names is held on all nodes, which can take several attempts if many processes register at once, and until all nodes have the name."
    }
  ],
  "global.registeredNames": [
    {
      "signature": "registeredNames(options: TimeLimits = {})",
      "text": "Returns all names of the cluster, according to this node."
    }
  ],
  "global.send": [
    {
      "signature": "send(name: unknown, message: unknown, options: TimeLimits = {})",
      "text": "Sends a message to the process that has a name."
    }
  ],
  "global.setLock": [
    {
      "signature": "setLock(id: GlobalLockId, options: LockOptions = {})",
      "text": "Acquires a lock on nodes: on all of them, or on none.\n\nA process can acquire a lock more than once, and processes that name the same requester share it. The lock is released when the process exits or its node goes down. Nodes that cannot be reached are ignored. Between attempts the caller waits for an increasing time, at most 2 seconds."
    }
  ],
  "global.sync": [
    {
      "signature": "sync(options: TimeLimits = {})",
      "text": "Waits until this node has the same names as all nodes that it is currently connected to.\n\nNodes that do not take part are not waited for."
    }
  ],
  "global.trans": [
    {
      "signature": "trans(id: GlobalLockId, fn: () => T, options: LockOptions = {})",
      "text": "Runs a function while holding a lock.\n\nThe lock is released when the function ends, even if it throws."
    }
  ],
  "global.unregisterName": [
    {
      "signature": "unregisterName(name: unknown, options: TimeLimits = {})",
      "text": "Unregisters a name on all nodes. Any process may do so. An unregistered name is not an error."
    }
  ],
  "global.whereisName": [
    {
      "signature": "whereisName(name: unknown, options: TimeLimits = {})",
      "text": "Returns the process that has a name.\n\nReads this node's copy, so the pid may belong to a process on another node that has just exited. The first use on a node waits until it has merged names with all connected nodes."
    }
  ],
  "improperList": [
    {
      "signature": "improperList(items: readonly unknown[], tail: unknown)",
      "text": "Returns an improper list: `improperList([1, 2], 3)` is Elixir's `[1, 2 | 3]`."
    }
  ],
  "inspect": [
    {
      "signature": "inspect(value: unknown, options: InspectOptions = {})",
      "text": "Shows a value as source-like text: strings quoted, pids, references, atoms, tuples and Erlang's other terms as in iex.\n\nThe text is bounded for any value, and no value makes it throw: a string is truncated at `printableLimit`, and the text as a whole after about 256 Ki characters or 10,000 items."
    }
  ],
  "isDown": [
    {
      "signature": "isDown(message: unknown)",
      "text": "Tests whether a message is a DownMessage."
    }
  ],
  "isExit": [
    {
      "signature": "isExit(message: unknown)",
      "text": "Tests whether a message is an ExitMessage."
    }
  ],
  "isReply": [
    {
      "signature": "isReply(message: unknown)",
      "text": "Tests whether a message is a ReplyMessage."
    }
  ],
  "jsonLog": [
    {
      "signature": "jsonLog(event: LogEvent)",
      "text": "Writes every event of a node to standard error as one line of JSON, for programs that collect logs.\n\nA line has `time` (ISO 8601, UTC), `level`, `node` and `message`, the readable text. If the event has them, it also has `pid`, `label`, `trace`, `metadata`, `crash`, `supervisor`, `application` and `remote`, with all their fields. A pid or reference is `{ text, node, number, creation }`; an error is `{ text, name, message, stack }` with its other properties in `fields`. An exit reason appears as a value in `reason`, and as readable text in `reasonText`. Values that JSON cannot represent are written as `inspect` shows them. Values are truncated at a depth of 8 levels, 100 items (10,000 per line) and 8192 characters (65,536 per line). A line contains no control characters, and any value can be written."
    }
  ],
  "makeRef": [
    {
      "signature": "makeRef()",
      "text": "Returns a new unique reference."
    }
  ],
  "pg": [
    {
      "signature": "pg",
      "text": "Process groups in the cluster: a process that joins a group on one node is a member on all nodes.\n\nEach function follows the function of the same name in OTP's [pg](https://www.erlang.org/doc/apps/kernel/pg.html): `getMembers` is `get_members`.\n\nGroups belong to a scope: a process on each participating node, usually started under a supervisor, with a name (`\"pg\"` by default). Scopes are independent of each other. A group is any value that can be sent, and is compared by its contents. It exists while it has members.\n\nA process joins on its own node. It can join several times and is then a member as many times, until it has left as often, or exits. The nodes exchange memberships without a consensus protocol: pg.getMembers returns at once the members that this node knows. Other nodes may have learnt of them earlier or learn of them later; all connected nodes agree once nothing has changed for some time. When the connection to a node is lost, its processes are no longer members here; when it is restored, they are again. A node knows only the processes of nodes that it is connected to itself.\n\nIf the process of a scope crashes, the memberships of its node's processes are lost, here and on other nodes: they have to join again. If the scope does not run on this node, pg.join, pg.leave and the functions for monitors throw an `ExitError` with the call."
    }
  ],
  "pg.childSpec": [
    {
      "signature": "childSpec(options: PgOptions = {})",
      "text": "Returns the child specification of a scope; `pg` and `[pg, { scope }]` are shorthands."
    }
  ],
  "pg.demonitor": [
    {
      "signature": "demonitor(ref: Ref, options: PgOptions = {})",
      "text": "Ends a monitor of a group or a scope, and removes its messages from the caller's mailbox."
    }
  ],
  "pg.getLocalMembers": [
    {
      "signature": "getLocalMembers(group: unknown, options: PgOptions = {})",
      "text": "Returns the members of a group that are processes of this node, as pg.getMembers does."
    }
  ],
  "pg.getMembers": [
    {
      "signature": "getMembers(group: unknown, options: PgOptions = {})",
      "text": "Returns the members of a group on all connected nodes, according to this node.\n\nContacts no process, so it is cheap, but can return a process that has just exited."
    }
  ],
  "pg.join": [
    {
      "signature": "join(group: unknown, pids: Pid | readonly Pid[], options: PgOptions = {})",
      "text": "Makes processes of this node members of a group.\n\nWhen the promise resolves, the processes are members on this node, and the change has been sent to other nodes. A process that joins twice, or is listed twice, is a member twice. A process that is not alive is removed at once."
    }
  ],
  "pg.leave": [
    {
      "signature": "leave(group: unknown, pids: Pid | readonly Pid[], options: PgOptions = {})",
      "text": "Removes processes of this node from a group, each once."
    }
  ],
  "pg.monitor": [
    {
      "signature": "monitor(group: unknown, options: PgOptions = {})",
      "text": "Notifies the caller of processes that join or leave a group, by a PgMessage each time.\n\nThe returned members and the following messages neither miss nor repeat a change. The monitor ends with the caller, and with the scope's process, whose exit sends the caller no message: link to that process, or monitor it."
    }
  ],
  "pg.monitorScope": [
    {
      "signature": "monitorScope(options: PgOptions = {})",
      "text": "Notifies the caller of processes that join or leave any group of a scope, as pg.monitor does for one group."
    }
  ],
  "pg.start": [
    {
      "signature": "start(scope: string | Atom = DEFAULT_SCOPE)",
      "text": "Starts a scope on this node, without a link."
    }
  ],
  "pg.startLink": [
    {
      "signature": "startLink(scope: string | Atom = DEFAULT_SCOPE)",
      "text": "Starts a scope on this node as pg.start does, linked to the caller."
    }
  ],
  "pg.whichGroups": [
    {
      "signature": "whichGroups(options: PgOptions = {})",
      "text": "Returns the groups that have members."
    }
  ],
  "pg.whichLocalGroups": [
    {
      "signature": "whichLocalGroups(options: PgOptions = {})",
      "text": "Returns the groups that have members on this node, as pg.whichGroups does."
    }
  ],
  "receive": [
    {
      "signature": "receive(guard?: ((message: any) => message is T) | ((message: any) => boolean) | null, options?: ReceiveOptions<A>)",
      "text": "Takes the oldest message that the guard accepts out of the mailbox, or waits for one.\n\nSeveral concurrent waits in one process are served in order, each with its own guard."
    },
    {
      "signature": "receive(schema: MessageSchema<T>, options?: ReceiveOptions<A>)",
      "text": "Takes the oldest message that a schema accepts out of the mailbox, or waits for one. Other messages stay."
    }
  ],
  "remote": [
    {
      "signature": "remote(module: string)",
      "text": "Names the functions of a module that another node exports, with their types.\n\nThe result is called with the name of a function. It returns `[module, function]`, so calls, tasks, pools and spawns check the arguments and know the result. Only the type of the module is imported here: its code need not be there."
    }
  ],
  "rpc": [
    {
      "signature": "rpc",
      "text": "Remote procedure calls: run functions on other nodes and return their results.\n\nEach function follows the function of the same name in Erlang's [erpc](https://www.erlang.org/doc/apps/kernel/erpc.html). The arguments of the called function are copied at once.\n\n| what happened                           | a call rejects with                                                      |\n| --------------------------------------- | ------------------------------------------------------------------------ |\n| the function threw an `Error`           | that error; rpc.raisedOn returns the node                    |\n| it threw anything else                  | that value                                                               |\n| it called `exit(reason)`                | `ExitError` with `{ type: \"exception\", reason }`, an RpcExit |\n| its process was ended by an exit signal | `ExitError` with `{ type: \"signal\", reason }`, an RpcExit    |\n| the node does not export it             | `UndefinedFunctionError`                                                 |\n| the node refuses to run it              | `SpawnRefusedError` with a `code`                                        |\n| no connection, no answer in time, …     | `RpcError` with a `code`                                                 |"
    }
  ],
  "rpc.call": [
    {
      "signature": "call(node: string | Atom, fn: RemoteFunction<A, T>, args?: NoInfer<A>, options: RpcOptions = {})",
      "text": "Calls a function on a node, and waits for its result.\n\nThe function runs in a process of its own on that node, with the caller's group leader, so its output appears on the caller's node. Calls run concurrently, in no particular order. After the function has returned, its process exits with a reason other than `\"normal\"`, so processes linked to it exit too. The caller is not linked to it: if the caller exits, the function continues, and its result is dropped.\n\nAfter a timeout, an aborted signal or a lost connection, the caller cannot know whether the function has run or is still running; a later result is dropped."
    }
  ],
  "rpc.cast": [
    {
      "signature": "cast(node: string | Atom, fn: RemoteFunction<A, unknown>, args?: NoInfer<A>)",
      "text": "Runs a function on a node without waiting for it.\n\nThe caller is not notified of the outcome, not even if the node cannot be reached. If the function throws, its node logs a crash."
    }
  ],
  "rpc.multicall": [
    {
      "signature": "multicall(nodes: readonly (string | Atom)[], fn: RemoteFunction<A, T>, args?: NoInfer<A>, options: RpcOptions = {})",
      "text": "Calls a function on several nodes at once, and waits for all results.\n\nA node that is listed twice is called twice. The timeout applies to all calls together: the result of a node that has not replied by then is an `RpcError` with the code `\"timeout\"`."
    }
  ],
  "rpc.multicast": [
    {
      "signature": "multicast(nodes: readonly (string | Atom)[], fn: RemoteFunction<A, unknown>, args?: NoInfer<A>)",
      "text": "Runs a function on several nodes without waiting for it, by rpc.cast to each node."
    }
  ],
  "rpc.raisedOn": [
    {
      "signature": "raisedOn(error: unknown)",
      "text": "Returns the node on which the error of a failed call was thrown."
    }
  ],
  "self": [
    {
      "signature": "self()",
      "text": "Returns the pid of the calling process; outside any process, the shell's pid."
    }
  ],
  "send": [
    {
      "signature": "send(to: Destination<M>, message: Message<NoInfer<M>, T>)",
      "text": "Sends a copy of a message. The copy is made immediately.\n\nNever throws for a receiver that is dead or cannot be reached; as in Erlang, the message is then dropped. Messages between one sender and one receiver keep their order, and none is delivered twice. The first message to a node connects to it."
    }
  ],
  "spawn": [
    {
      "signature": "spawn(fn: (...args: A) => unknown, args?: A, options: SpawnOptions = NO_OPTIONS)",
      "text": "Starts a process.\n\nThe process begins after the caller has yielded to the event loop, runs until its function returns (or the returned promise settles), and inherits the caller's group leader. The arguments of the function are copied. To spawn on another node, use `Node.spawn(node, …)`."
    }
  ],
  "spawnLink": [
    {
      "signature": "spawnLink(fn: (...args: A) => unknown, args?: A, options: SpawnOptions = NO_OPTIONS)",
      "text": "Starts a process that is linked to the caller from the start.\n\nWhen one of the two processes exits with a reason other than `\"normal\"`, the other exits too, unless it traps exits."
    }
  ],
  "spawnMonitor": [
    {
      "signature": "spawnMonitor(fn: (...args: A) => unknown, args?: A, options: SpawnOptions = NO_OPTIONS)",
      "text": "Starts a process that the caller monitors from the start."
    }
  ],
  "standardLog": [
    {
      "signature": "standardLog(event: LogEvent)",
      "text": "Writes warnings and errors to standard error as readable text, as `textLog` does; drops other events."
    }
  ],
  "textLog": [
    {
      "signature": "textLog(event: LogEvent)",
      "text": "Writes an event of any level to standard error as readable text. It is the default log hook of a node, whose `logLevel` is then `\"warning\"`.\n\nA line is `[level] node: message`. If a program logged the message with `Logger`, the process and its label follow the node, and the metadata follows the message. If the code was part of a trace, the line ends with the trace."
    }
  ],
  "tuple": [
    {
      "signature": "tuple(...elements: T)",
      "text": "Returns a tuple of the arguments: `tuple(atom(\"ok\"), 1)` is Elixir's `{:ok, 1}`."
    }
  ]
};
