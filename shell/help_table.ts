/**
 * The doc comments of the library, for the shell's `h`. Written by tools/help_table.ts.
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
      "text": "Starts agents and runs functions on their state.\n\nAn agent runs one function at a time, in the order of the requests. The caller receives a copy of the\nresult, but the function itself works on the state and not on a copy: a function passed to\nAgent.get must not modify it. A function may be asynchronous; the agent handles no other\nrequest until it has finished. An expensive function therefore blocks all other callers: if that matters,\nget the data that you need and do the work in the caller.\n\nA function that throws ends the agent, and the caller exits with the thrown value. A caller also exits if\nthe agent does not exist, its node is down, or the timeout expires, as it does from\nGenServer.call; after a timeout the function\nmay still run.\n\nFunctions are not sent between nodes: an agent on another node runs functions that its node exports. Pass\nthe function itself if this node exports it under the same name, or `[module, function, args]`. The agent's\nnode decides which functions may run, as for `Node.spawn`."
    }
  ],
  "Agent.cast": [
    {
      "signature": "cast(agent: AgentRef<S>, fn: AgentFunction<NoInfer<S>, NoInfer<S>>)",
      "text": "Updates the state with a function, without waiting for it.\n\nFollows [Agent.cast/2](https://hexdocs.pm/elixir/1.18/Agent.html#cast/2): it returns `\"ok\"` even if the\nagent does not exist, or its node refuses the function."
    }
  ],
  "Agent.childSpec": [
    {
      "signature": "childSpec(init: () => S | Promise<S>, options: AgentChildOptions = {})",
      "text": "Returns the child specification of an agent. In a list of children, `[Agent, init]` is a shorthand for it\nif no options are needed."
    }
  ],
  "Agent.get": [
    {
      "signature": "get(agent: AgentRef<S>, fn: AgentFunction<NoInfer<S>, R>, options: AgentCallOptions = {})",
      "text": "Returns the result of a function of the state.\n\nFollows [Agent.get/3](https://hexdocs.pm/elixir/1.18/Agent.html#get/3)."
    }
  ],
  "Agent.getAndUpdate": [
    {
      "signature": "getAndUpdate(agent: AgentRef<S>, fn: AgentFunction<NoInfer<S>, readonly [R, NoInfer<S>]>, options: AgentCallOptions = {})",
      "text": "Updates the state with a function, and returns a second value that the function computes.\n\nFollows [Agent.get_and_update/3](https://hexdocs.pm/elixir/1.18/Agent.html#get_and_update/3). If the\nfunction does not return a pair, the agent exits with `{ type: \"bad_return_value\", value }`."
    }
  ],
  "Agent.ref": [
    {
      "signature": "ref(agent: ServerRef)",
      "text": "Returns a pid or a name as that of an agent with a known state type, so that the functions passed to the\nagent are type-checked."
    }
  ],
  "Agent.start": [
    {
      "signature": "start(init: () => S | Promise<S>, options: AgentOptions = {})",
      "text": "Starts an agent without a link.\n\nFollows [Agent.start/2](https://hexdocs.pm/elixir/1.18/Agent.html#start/2); otherwise like\nAgent.startLink."
    }
  ],
  "Agent.startLink": [
    {
      "signature": "startLink(init: () => S | Promise<S>, options: AgentOptions = {})",
      "text": "Starts an agent, linked to the caller.\n\nFollows [Agent.start_link/2](https://hexdocs.pm/elixir/1.18/Agent.html#start_link/2)."
    }
  ],
  "Agent.stop": [
    {
      "signature": "stop(agent: ServerRef, reason: unknown = \"normal\", timeout: number = Infinity)",
      "text": "Stops an agent and waits until it has exited.\n\nFollows [Agent.stop/3](https://hexdocs.pm/elixir/1.18/Agent.html#stop/3)."
    }
  ],
  "Agent.update": [
    {
      "signature": "update(agent: AgentRef<S>, fn: AgentFunction<NoInfer<S>, NoInfer<S>>, options: AgentCallOptions = {})",
      "text": "Updates the state with a function.\n\nFollows [Agent.update/3](https://hexdocs.pm/elixir/1.18/Agent.html#update/3)."
    }
  ],
  "Application": [
    {
      "signature": "Application",
      "text": "Starts and stops applications, and stores their environments.\n\nApplications and their environments belong to a node: that of the calling process, or the default node for\ncode outside any process. Settings remain whether or not the application runs. A setting can be any value,\neven a function, as it never leaves the node."
    }
  ],
  "Application.deleteEnv": [
    {
      "signature": "deleteEnv(app: string, key: string, options: EnvOptions = {})",
      "text": "Deletes a setting.\n\nFollows [Application.delete_env/3](https://hexdocs.pm/elixir/1.18/Application.html#delete_env/3). A\npersistent setting reappears when its application starts for the first time, unless it is deleted with\n`persistent: true`."
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
      "text": "Stores the settings of several applications at once, as a configuration file does.\n\nFollows [Application.put_all_env/2](https://hexdocs.pm/elixir/1.18/Application.html#put_all_env/2) with\n`persistent: true`: they take precedence over the applications' own environments."
    }
  ],
  "Application.putEnv": [
    {
      "signature": "putEnv(app: string, key: string, value: unknown, options: EnvOptions = {})",
      "text": "Stores a setting.\n\nFollows [Application.put_env/4](https://hexdocs.pm/elixir/1.18/Application.html#put_env/4). When the\napplication starts for the first time, its own environment overwrites earlier settings that are not\npersistent."
    }
  ],
  "Application.spec": [
    {
      "signature": "spec(app: string)",
      "text": "Returns the specification of an application that has been started, whether or not it still runs.\n\nFollows [Application.spec/1](https://hexdocs.pm/elixir/1.18/Application.html#spec/1)."
    },
    {
      "signature": "spec(app: string, key: K)",
      "text": "Returns one property of an application's specification.\n\nFollows [Application.spec/2](https://hexdocs.pm/elixir/1.18/Application.html#spec/2)."
    }
  ],
  "Application.start": [
    {
      "signature": "start(application: ApplicationSpec)",
      "text": "Starts an application, after the applications that it depends on.\n\nFollows\n[Application.ensure_all_started/2](https://hexdocs.pm/elixir/1.18/Application.html#ensure_all_started/2).\nIf the application already runs, its dependencies are not started. A process of the application starts\nits top supervisor, so the application does not end with the caller, and prints where the node prints. If\none application fails to start, the dependencies that were started for it are stopped again.\n\nWhen the top supervisor exits by itself, the application's `prepStop` and `stop` are called, the exit is\nlogged, and the application no longer counts as started. Applications that depend on it keep running."
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
      "text": "Stops an application and waits until it has stopped.\n\nFollows [Application.stop/1](https://hexdocs.pm/elixir/1.18/Application.html#stop/1). First its\n`prepStop` is called; then its top supervisor receives the exit signal `\"shutdown\"` and ends its\nchildren, last started first; then its `stop` is called. If `prepStop` or `stop` throws, the error is\nlogged, and stopping continues. Applications that depend on it, and those that it depends on, keep\nrunning."
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
      "text": "An Erlang atom: a constant that stands for its own name, and is not a string.\n\nOne name has one object within a JavaScript process, so atoms can be compared with `===`."
    }
  ],
  "DynamicSupervisor": [
    {
      "signature": "DynamicSupervisor",
      "text": "Starts supervisors whose children come and go, and starts children under them.\n\nA DynamicSupervisor starts without children. Each child is started by\nDynamicSupervisor.startChild and identified by its pid. Children are independent: the only\nstrategy is `\"one_for_one\"`, and they have no order. A child has the same specification as a child of a\n`Supervisor`, but its `id` need not be unique, as it is not used, and `significant` has no effect.\n\nA child that exits is restarted according to its `restart`, with a new pid; a child that is not restarted\nis removed. If the restart fails, it is tried again, and each attempt counts as a restart. After more than\n`maxRestarts` within `maxSeconds` the supervisor ends all children and exits with `\"shutdown\"`.\n\nWhen the supervisor exits, it sends `\"shutdown\"` to all children at once, and kills each child that takes\nlonger than its `shutdown`: this takes as long as the slowest child, not the sum of all. Like a\n`Supervisor`, it is linked to the process that starts it, traps exits, and exits with the same reason as\nthat process.\n\nThe functions accept a supervisor on any node. They exit if the supervisor does not exist or its node is\ndown."
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
      "text": "Counts the children of a supervisor.\n\nFollows\n[DynamicSupervisor.count_children/1](https://hexdocs.pm/elixir/1.18/DynamicSupervisor.html#count_children/1)."
    }
  ],
  "DynamicSupervisor.startChild": [
    {
      "signature": "startChild(supervisor: ServerRef, child: CheckedChild<C>)",
      "text": "Starts a child.\n\nFollows\n[DynamicSupervisor.start_child/2](https://hexdocs.pm/elixir/1.18/DynamicSupervisor.html#start_child/2).\nThe supervisor starts one child at a time: a slow start delays the others. For a supervisor on another\nnode, the child's `start` must be a function that both nodes export, or `[module, function, args]`."
    }
  ],
  "DynamicSupervisor.startLink": [
    {
      "signature": "startLink(options: DynamicSupervisorOptions = {})",
      "text": "Starts a DynamicSupervisor, linked to the caller.\n\nFollows\n[DynamicSupervisor.start_link/1](https://hexdocs.pm/elixir/1.18/DynamicSupervisor.html#start_link/1)."
    }
  ],
  "DynamicSupervisor.stop": [
    {
      "signature": "stop(supervisor: ServerRef, reason: unknown = \"normal\", timeout: number = Infinity)",
      "text": "Stops a supervisor and its children, and waits until they have exited.\n\nFollows [DynamicSupervisor.stop/3](https://hexdocs.pm/elixir/1.18/DynamicSupervisor.html#stop/3): a\nreason other than `\"normal\"` and a shutdown is logged as an error, and is sent over the supervisor's\nlinks."
    }
  ],
  "DynamicSupervisor.terminateChild": [
    {
      "signature": "terminateChild(supervisor: ServerRef, pid: Pid)",
      "text": "Ends a child permanently, and waits until it has exited.\n\nFollows\n[DynamicSupervisor.terminate_child/2](https://hexdocs.pm/elixir/1.18/DynamicSupervisor.html#terminate_child/2).\nA child that is waiting to be restarted is identified by its previous pid."
    }
  ],
  "DynamicSupervisor.whichChildren": [
    {
      "signature": "whichChildren(supervisor: ServerRef)",
      "text": "Returns the children of a supervisor, in the order of their start.\n\nFollows\n[DynamicSupervisor.which_children/1](https://hexdocs.pm/elixir/1.18/DynamicSupervisor.html#which_children/1)."
    }
  ],
  "ExitError": [
    {
      "signature": "ExitError",
      "text": "An exit: `exit(reason)` throws it, and a wait rejects with it when a call fails or the shell process exits. A\nprocess that does not catch it exits with its reason."
    }
  ],
  "GenServer": [
    {
      "signature": "GenServer",
      "text": "Starts, calls and stops servers that are defined by callback modules.\n\nA server is a process that holds a state and handles one message at a time: calls, which receive a reply,\ncasts, which do not, and plain messages. Messages from one sender are handled in the order in which they\nwere sent. See GenServerModule for the callbacks.\n\nA call monitors the server while it waits. If the server does not exist, exits before it has replied, or is\non a node that cannot be reached, or if the timeout expires, the caller exits: the promise rejects with an\n`ExitError` that contains the call and the reason. A later reply is dropped; it never reaches the caller's\nmailbox.\n\nTypes: the pid that GenServer.startLink returns carries the server's types, and so does the\nreference that GenServer.ref returns for a name. A call with an undeclared request then does\nnot compile. A plain pid or name accepts any request, and the reply is `any`."
    }
  ],
  "GenServer.abcast": [
    {
      "signature": "abcast(name: LocalName<T>, request: NoInfer<CastOf<T>>, options: AbcastOptions = {})",
      "text": "Casts to the servers with the same name on several nodes, without waiting.\n\nFollows [GenServer.abcast/3](https://hexdocs.pm/elixir/1.18/GenServer.html#abcast/3): unreachable nodes\nand missing servers are ignored."
    }
  ],
  "GenServer.call": [
    {
      "signature": "call(server: GenServerRef<T>, request: R, options: CallOptions = {})",
      "text": "Calls a server and waits for its reply.\n\nFollows [GenServer.call/3](https://hexdocs.pm/elixir/1.18/GenServer.html#call/3). The request is copied\nimmediately, and reaches the server after all earlier messages from the caller."
    }
  ],
  "GenServer.cast": [
    {
      "signature": "cast(server: GenServerRef<T>, request: NoInfer<CastOf<T>>)",
      "text": "Sends a request to a server without waiting for a reply.\n\nFollows [GenServer.cast/2](https://hexdocs.pm/elixir/1.18/GenServer.html#cast/2): it returns `\"ok\"` even\nif the server does not exist, or its node cannot be reached."
    }
  ],
  "GenServer.childSpec": [
    {
      "signature": "childSpec(module: GenServerModule<T>, arg: NoInfer<ArgOf<T>>, options: GenServerChildOptions = {})",
      "text": "Returns the child specification of a server.\n\nIn a list of children, `[module, arg]` is a shorthand for it if no name is needed. The child's id is its\nname, or else the name of the module. If the module has a function `startLink` and no name is given, that\nfunction starts the child."
    }
  ],
  "GenServer.multiCall": [
    {
      "signature": "multiCall(name: LocalName<T>, request: R, options: MultiCallOptions = {})",
      "text": "Calls the servers with the same name on several nodes, all at the same time.\n\nFollows [GenServer.multi_call/4](https://hexdocs.pm/elixir/1.18/GenServer.html#multi_call/4). It waits\nuntil all servers have replied or failed, or the timeout expires; a later reply is dropped."
    }
  ],
  "GenServer.ref": [
    {
      "signature": "ref(server: string | Atom)",
      "text": "Returns a pid or a name as that of a server with known types, so that calls to it are type-checked."
    },
    {
      "signature": "ref(server: ServerRef)",
      "text": "A server of another node, of a registry or of the cluster, or by pid."
    }
  ],
  "GenServer.reply": [
    {
      "signature": "reply(from: From<R>, reply: NoInfer<R>)",
      "text": "Replies to a call: from the server, or from any process that it passed `from` to, on any node.\n\nFollows [GenServer.reply/2](https://hexdocs.pm/elixir/1.18/GenServer.html#reply/2). The reply is dropped\nif the caller no longer waits: because it has exited, already has a reply, or timed out."
    }
  ],
  "GenServer.start": [
    {
      "signature": "start(module: GenServerModule<T>, arg: NoInfer<ArgOf<T>>, options: GenServerOptions = {})",
      "text": "Starts a server without a link; it outlives the caller.\n\nFollows [GenServer.start/3](https://hexdocs.pm/elixir/1.18/GenServer.html#start/3); otherwise like\nGenServer.startLink."
    }
  ],
  "GenServer.startLink": [
    {
      "signature": "startLink(module: GenServerModule<T>, arg: NoInfer<ArgOf<T>>, options: GenServerOptions = {})",
      "text": "Starts a server, linked to the caller.\n\nFollows [GenServer.start_link/3](https://hexdocs.pm/elixir/1.18/GenServer.html#start_link/3). The promise\nresolves when `init` has finished. The server ends when the caller does. If it does not trap exits, the\nexit signal ends it. If it traps exits, it runs `terminate` and exits with the caller's reason, including\n`\"normal\"`.\n\nIf `init` fails, the start rejects with the reason, and the caller, being linked, also exits with it\nunless it traps exits. By then the process has exited and its name is free."
    }
  ],
  "GenServer.stop": [
    {
      "signature": "stop(server: ServerRef, reason: unknown = \"normal\", timeout: number = Infinity)",
      "text": "Stops a server and waits until it has exited.\n\nFollows [GenServer.stop/3](https://hexdocs.pm/elixir/1.18/GenServer.html#stop/3). The server handles\nearlier messages, runs `terminate`, and exits. A reason other than `\"normal\"` and a shutdown is logged as\na crash."
    }
  ],
  "GenServer.whereis": [
    {
      "signature": "whereis(server: ServerRef)",
      "text": "Returns the process that has a server's name.\n\nFollows [GenServer.whereis/1](https://hexdocs.pm/elixir/1.18/GenServer.html#whereis/1): a name on another\nnode is returned as is, without a lookup."
    }
  ],
  "IO": [
    {
      "signature": "IO",
      "text": "Input and output through the caller's group leader, as Elixir's\n[IO](https://hexdocs.pm/elixir/1.18/IO.html).\n\nA process inherits the group leader of the one that spawned it, across nodes as well: what a\nprocess prints comes out at the node that spawned it."
    }
  ],
  "IO.gets": [
    {
      "signature": "gets(prompt: Printable, options: IoOptions = {})",
      "text": "Reads a line from the group leader's input.\n\nFollows [IO.gets/2](https://hexdocs.pm/elixir/1.18/IO.html#gets/2)."
    }
  ],
  "IO.inspect": [
    {
      "signature": "inspect(value: T, options: IoInspectOptions = {})",
      "text": "Prints a value as source-like text and gives the value back."
    }
  ],
  "IO.puts": [
    {
      "signature": "puts(item: Printable, options: IoOptions = {})",
      "text": "Prints a line.\n\nFollows [IO.puts/2](https://hexdocs.pm/elixir/1.18/IO.html#puts/2): the group leader has\nwritten it when the promise resolves. Lines of one process come out in order."
    }
  ],
  "IO.write": [
    {
      "signature": "write(item: Printable, options: IoOptions = {})",
      "text": "Prints text without ending the line."
    }
  ],
  "IoError": [
    {
      "signature": "IoError",
      "text": "Input or output failed: the group leader is gone, or it answered with an error. A process that does not\ncatch it ends with it, as one in Erlang ends with the error `terminated`."
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
      "text": "A node: a named runtime that others can connect to.\n\n`Node.start` starts one; the first that is started is the default node, on which code outside\nany process is. The static functions speak of the node that the calling code is on."
    }
  ],
  "Node.alive": [
    {
      "signature": "alive()",
      "text": "Whether the calling code is on a node that is started."
    }
  ],
  "Node.connect": [
    {
      "signature": "connect(node: string | Atom, options: ConnectOptions = {})",
      "text": "Connects to a node. It need not be called: a first use connects.\n\nVisible nodes connect transitively: to each other's visible peers as well."
    }
  ],
  "Node.disconnect": [
    {
      "signature": "disconnect(node: string | Atom)",
      "text": "Ends the connection to a node: links and monitors across it get `\"noconnection\"`."
    }
  ],
  "Node.list": [
    {
      "signature": "list(kind: NodeKind = \"visible\")",
      "text": "The nodes that this node is connected to."
    }
  ],
  "Node.monitor": [
    {
      "signature": "monitor(node: string | Atom, on = true)",
      "text": "Has the calling process told, by `{ type: \"nodedown\", node }`, when a node goes down.\n\nEach call gives a message of its own, once. If the node cannot be reached, it comes now."
    }
  ],
  "Node.monitorNodes": [
    {
      "signature": "monitorNodes(on: boolean)",
      "text": "Has the calling process told of all visible nodes that connect, by `{ type: \"nodeup\", node }`\nbefore any other signal of that node, and that go, by `{ type: \"nodedown\", node }` after all.\n\nFollows [net_kernel:monitor_nodes/1](https://www.erlang.org/doc/apps/kernel/net_kernel.html#monitor_nodes/1).\nA process that asks several times is notified of each node as many times; `false` ends all of it."
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
      "text": "Runs a function in a new process of the node that the calling code is on, started or not.\n\nCode outside any process shares one process, the shell: its mailbox, its links and its end. Give\neach request of a web server a process of its own by one line:\n`Deno.serve((request) => Node.run(() => handle(request)))`. A link made in `handle` then ends that\nrequest only. The function sees the caller's `AsyncLocalStorage`s."
    }
  ],
  "Node.self": [
    {
      "signature": "self()",
      "text": "The name of the node that the calling code is on."
    }
  ],
  "Node.spawn": [
    {
      "signature": "spawn(node: string | Atom, fn: RemoteFunction<A>, args?: NoInfer<A>)",
      "text": "Starts a process on a node.\n\nIts group leader is the caller's, so what it prints comes out here. A node that cannot be\nreached gives the pid of no process, one of this node, as in Erlang."
    }
  ],
  "Node.spawnLink": [
    {
      "signature": "spawnLink(node: string | Atom, fn: RemoteFunction<A>, args?: NoInfer<A>)",
      "text": "Starts a process on a node, linked to the caller from its first moment.\n\nAs Node.spawn; a node that cannot be reached gives the pid of no process, and\nthen the exit signal `\"noconnection\"`. When the connection is lost later, both ends get\n`\"noconnection\"`."
    }
  ],
  "Node.spawnMonitor": [
    {
      "signature": "spawnMonitor(node: string | Atom, fn: RemoteFunction<A>, args?: NoInfer<A>)",
      "text": "Starts a process on a node, monitored by the caller from its first moment.\n\nAs Node.spawn; a node that cannot be reached gives the pid of no process, and\nthen a DOWN `\"noconnection\"`."
    }
  ],
  "Node.start": [
    {
      "signature": "start(options: NodeOptions)",
      "text": "Starts a node: listens, and registers with EPMD, which is served here if nobody does.\n\nCode that people type, at the prompt of a shell or after `--eval`, is on the node that it starts from\nthen on, until that stops. If it is on a node already, the start rejects with a `NodeStartError` whose\n`code` is `\"already_started\"`."
    }
  ],
  "Node.stats": [
    {
      "signature": "stats()",
      "text": "The counters of the node that the calling code is on, since its start: connections, bytes,\nand by cause who was not let in and what was refused."
    }
  ],
  "Node.stop": [
    {
      "signature": "stop(options: NodeStopOptions = {})",
      "text": "Stops the node that the calling code is on, in order; see `stop` of a node."
    }
  ],
  "NodeStartError": [
    {
      "signature": "NodeStartError",
      "text": "A node could not be started. `code` is the cause: the name or a setting (`\"name\"`); a name or port that is in\nuse (`\"in_use\"`); the cookie, its file, or the permission to read or create it (`\"cookie\"`); the certificate\n(`\"tls\"`); that it can neither listen nor reach or serve EPMD (`\"network\"`); that the program was started\nwithout the permission to (`\"permission\"`); or that a node runs already (`\"already_started\"`). The message\nnames the flag or option that helps, and `cause` is the error of the host."
    }
  ],
  "Pid": [
    {
      "signature": "Pid",
      "text": "The name of a process: its node, its number there, and the node's creation.\n\nPids are immutable, may be sent in messages, and never name a second\nprocess: a node that restarts has another creation. Compare them with\nPid.equals, as two pids of one process need not be one object."
    }
  ],
  "Process": [
    {
      "signature": "Process",
      "text": "Processes: links and monitors, names, exit signals, timers, aliases, the process dictionary.\n\nFollows Elixir's [Process](https://hexdocs.pm/elixir/1.18/Process.html) and the\n[reference manual](https://www.erlang.org/doc/system/ref_man_processes.html). Code in a process finds its\nprocess by itself; code outside any process runs in the shell process of the default node, like the\nprompt of iex."
    }
  ],
  "Process.alias": [
    {
      "signature": "alias(options: AliasOptions = {})",
      "text": "Makes an alias of the calling process: an address that can be taken back.\n\nFollows [Process.alias/1](https://hexdocs.pm/elixir/1.18/Process.html#alias/1). What is sent to\nan alias that is no longer active is dropped."
    }
  ],
  "Process.alive": [
    {
      "signature": "alive(pid: Pid)",
      "text": "Whether a process of this node is alive."
    }
  ],
  "Process.callers": [
    {
      "signature": "callers()",
      "text": "On whose behalf the calling process runs: who asked for the task, who asked for that one's, and so\non, nearest first.\n\nIt is what Elixir keeps as [`$callers`](https://hexdocs.pm/elixir/1.18/Task.html#module-ancestor-and-caller-tracking).\nUnlike its ancestors, who are those that started it, they are found through a `TaskSupervisor` and\nacross nodes."
    }
  ],
  "Process.cancelTimer": [
    {
      "signature": "cancelTimer(timer: Ref)",
      "text": "Ends a timer: its message is not sent.\n\nFollows [Process.cancel_timer/1](https://hexdocs.pm/elixir/1.18/Process.html#cancel_timer/2). Any\nprocess of the node can end it, not only the one that started it. A message that was sent already\nmay still wait in the receiver's mailbox."
    },
    {
      "signature": "cancelTimer(timer: Ref, options: CancelTimerOptions)",
      "text": "Ends a timer, and answers by a message, or not at all.\n\nFollows [Process.cancel_timer/2](https://hexdocs.pm/elixir/1.18/Process.html#cancel_timer/2)."
    }
  ],
  "Process.delete": [
    {
      "signature": "delete(key: unknown)",
      "text": "Deletes a key from the dictionary of the calling process.\n\nFollows [Process.delete/1](https://hexdocs.pm/elixir/1.18/Process.html#delete/1)."
    }
  ],
  "Process.demonitor": [
    {
      "signature": "demonitor(ref: Ref, options: DemonitorOptions = {})",
      "text": "Ends a monitor: a DOWN that has not come will not come."
    }
  ],
  "Process.exit": [
    {
      "signature": "exit(pid: Pid, reason: unknown)",
      "text": "Sends an exit signal to a process.\n\nFollows [Process.exit/2](https://hexdocs.pm/elixir/1.18/Process.html#exit/2). `\"kill\"` cannot be trapped,\nand the process ends with `\"killed\"`; `\"normal\"` is ignored unless it is trapped or sent to oneself; any\nother reason ends a process that does not trap exits."
    }
  ],
  "Process.get": [
    {
      "signature": "get()",
      "text": "All that the dictionary of the calling process holds.\n\nFollows [Process.get/0](https://hexdocs.pm/elixir/1.18/Process.html#get/0)."
    },
    {
      "signature": "get(key: unknown, otherwise?: T)",
      "text": "Reads a value of the calling process's dictionary.\n\nFollows [Process.get/2](https://hexdocs.pm/elixir/1.18/Process.html#get/2)."
    }
  ],
  "Process.getKeys": [
    {
      "signature": "getKeys(options: GetKeysOptions = {})",
      "text": "The keys of the dictionary of the calling process.\n\nFollows [Process.get_keys/0](https://hexdocs.pm/elixir/1.18/Process.html#get_keys/0) and\n[Process.get_keys/1](https://hexdocs.pm/elixir/1.18/Process.html#get_keys/1)."
    }
  ],
  "Process.groupLeader": [
    {
      "signature": "groupLeader(leader?: Pid)",
      "text": "The calling process's group leader, or, with a pid, sets it.\n\nFollows [Process.group_leader/0](https://hexdocs.pm/elixir/1.18/Process.html#group_leader/0). What a\nprocess prints goes to its group leader, which may be on another node; those that it starts from\nthen on inherit it."
    },
    {
      "signature": "groupLeader(pid: Pid, leader: Pid)",
      "text": "Sets the group leader of another process, here or on another node.\n\nFollows [Process.group_leader/2](https://hexdocs.pm/elixir/1.18/Process.html#group_leader/2). It is\na signal: it keeps its order with what the caller sends to the process. One for a process of another\nnode that is dead or cannot be reached is dropped. What the leader of a process of this node is,\nProcess.info tells."
    }
  ],
  "Process.info": [
    {
      "signature": "info(pid?: Pid, options?: ProcessInfoOptions)",
      "text": "Information on a process of this node, for debugging.\n\nFollows [Process.info/1](https://hexdocs.pm/elixir/1.18/Process.html#info/1), which warns that it is\nfor debugging only. Waits by reference count too: a pending call is a monitor. As in Elixir, it\nthrows for a process of another node; with `remote: true` it asks that node."
    },
    {
      "signature": "info(pid: Pid, options: RemoteProcessInfoOptions)",
      "text": "Asks the node of a process what that is and does, as `rpc.call` asks.\n\nEvery node tells it, unless its `allow` option says no: `allow(\"alex@localhost\", \"Process\", \"info\")`.\nIt does not tell the messages."
    }
  ],
  "Process.link": [
    {
      "signature": "link(pid: Pid)",
      "text": "Links the caller to a process: when one ends, the other gets an exit signal. One link a pair.\n\nLinking to a dead process of another node gives an exit signal `\"noproc\"`, to one of a node\nthat cannot be reached `\"noconnection\"`."
    }
  ],
  "Process.list": [
    {
      "signature": "list()",
      "text": "The processes of this node that are alive, in the order of their start.\n\nFollows [Process.list/0](https://hexdocs.pm/elixir/1.18/Process.html#list/0)."
    },
    {
      "signature": "list(options: ProcessListOptions & { info: true })",
      "text": "Information on each process of this node, in the order of their start."
    },
    {
      "signature": "list(options: ProcessListOptions)",
      "text": "The processes of this node, as pids or with what each is and does."
    }
  ],
  "Process.monitor": [
    {
      "signature": "monitor(target: Pid | string | Atom | NameOnNode, options: MonitorOptions = {})",
      "text": "Watches a process or a name: when it ends, the caller gets one DownMessage.\n\nMonitors stack, each with its own message. A process that is not there gives `\"noproc\"`, a node\nthat is down or goes down `\"noconnection\"`. A process that monitors itself gets nothing, and the\nreference is no alias."
    }
  ],
  "Process.monotonicTime": [
    {
      "signature": "monotonicTime()",
      "text": "The time by the node's clock, which is never set back: for moments given to Process.sendAfter.\n\nFollows [System.monotonic_time/1](https://hexdocs.pm/elixir/1.18/System.html#monotonic_time/1). Where\nit begins is different from node to node: it means nothing elsewhere."
    }
  ],
  "Process.put": [
    {
      "signature": "put(key: unknown, value: unknown)",
      "text": "Puts a value into the dictionary of the calling process, under a key.\n\nFollows [Process.put/2](https://hexdocs.pm/elixir/1.18/Process.html#put/2). Nobody but the process\nsees its dictionary, and it ends with the process. The value is kept as it is, not copied: it need\nnot be one that can be sent."
    }
  ],
  "Process.readTimer": [
    {
      "signature": "readTimer(timer: Ref)",
      "text": "How long it is until a timer's message is sent.\n\nFollows [Process.read_timer/1](https://hexdocs.pm/elixir/1.18/Process.html#read_timer/1)."
    }
  ],
  "Process.register": [
    {
      "signature": "register(pid: Pid, name: string | Atom)",
      "text": "Gives a process of this node a name.\n\nFollows [Process.register/2](https://hexdocs.pm/elixir/1.18/Process.html#register/2)."
    }
  ],
  "Process.registered": [
    {
      "signature": "registered()",
      "text": "The names of this node that processes have.\n\nFollows [Process.registered/0](https://hexdocs.pm/elixir/1.18/Process.html#registered/0)."
    }
  ],
  "Process.reply": [
    {
      "signature": "reply(to: Ref, value: unknown)",
      "text": "Answers a request: what awaits the reference gets the value.\n\nCalls and requests to a group leader carry the reference that their answer goes to. An answer\nthat comes too late, or a second one, is dropped."
    }
  ],
  "Process.send": [
    {
      "signature": "send(to: Destination<M>, message: Message<NoInfer<M>, T>, options: SendOptions & { nosuspend: true })",
      "text": "Sends a message, unless that would need a connection or have to wait.\n\nFollows [Process.send/3](https://hexdocs.pm/elixir/1.18/Process.html#send/3)."
    },
    {
      "signature": "send(to: Destination<M>, message: Message<NoInfer<M>, T>, options: SendOptions)",
      "text": "Sends a message, unless that would need a connection."
    }
  ],
  "Process.sendAfter": [
    {
      "signature": "sendAfter(to: Pid<M> | string | Atom, message: Message<NoInfer<M>, T>, ms: number, options: SendAfterOptions = {})",
      "text": "Sends a message later, to a process of this node or to a name.\n\nFollows [Process.send_after/4](https://hexdocs.pm/elixir/1.18/Process.html#send_after/4). The\nmessage is copied now: a later change of it changes nothing. A name is looked up when the time has\ncome, and if nobody has it then, the message is dropped. A timer for a pid ends when that process\ndoes: it is not started if the process is dead already. The caller may end meanwhile: the message is\nsent all the same. When the node stops, its timers end.\n\nThe message comes from no process, so it has no order with what the caller sends. Messages that are\ndue at the same time come in the order in which they were asked for. A timer keeps the program\nrunning, as one of `setTimeout` does."
    }
  ],
  "Process.setLabel": [
    {
      "signature": "setLabel(label: unknown)",
      "text": "Labels the calling process, to tell it from others that run the same code.\n\nFollows [Process.set_label/1](https://hexdocs.pm/elixir/1.18/Process.html#set_label/1). `info` has the\nlabel, and so has a crash report. Unlike a name, any number of processes can have the same, and\nnothing finds a process by it. As in Elixir, the dictionary keeps it, under `\"$process_label\"`."
    }
  ],
  "Process.signal": [
    {
      "signature": "signal()",
      "text": "A signal that is aborted when the calling process exits, for what knows nothing of processes."
    }
  ],
  "Process.sleep": [
    {
      "signature": "sleep(ms: number)",
      "text": "Waits."
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
      "text": "Ends an alias of the calling process."
    }
  ],
  "Process.unlink": [
    {
      "signature": "unlink(pid: Pid)",
      "text": "Ends the link between the caller and a process: from here on no exit signal comes over it."
    }
  ],
  "Process.unregister": [
    {
      "signature": "unregister(name: string | Atom)",
      "text": "Takes a name of this node away."
    }
  ],
  "Process.whereis": [
    {
      "signature": "whereis(name: string | Atom)",
      "text": "The process that has a name on this node."
    }
  ],
  "ProcessExited": [
    {
      "signature": "ProcessExited",
      "text": "The process of the running code has exited: its pending waits reject with this once, so that `finally` and\n`using` run, and every later call throws it and has no effect."
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
      "text": "A `receive` with a timeout got no message in time."
    }
  ],
  "Ref": [
    {
      "signature": "Ref",
      "text": "A reference: a name that is made once and never again, for a monitor, a call, a task or an alias."
    }
  ],
  "Registry": [
    {
      "signature": "Registry",
      "text": "Keeps processes of this node under keys.\n\nA process registers itself, as often as it likes, each time with a value. Keys are whatever a message\nmay hold, and compare by value: two lists with the same items are one key. Keys are copied; values are\nkept as they are, so that a function will do.\n\nRegistering and reading take effect at once, without a message to another process. When a process\nexits, its registrations are gone with it: none of the functions gives a process that is not alive.\n\nRegistered processes are linked to the registry. If it crashes or is stopped, so do they, unless\nthey trap exits; its supervisor starts it again, empty.\n\nA registry with unique keys names servers: `{ via: Registry, name: [\"MyApp.Registry\", key] }` wherever a\nserver's name is asked for, to start it under and to call it by. It then takes the place of registered\nnames where there are many of them, or where they are not texts.\n\nThe functions take the name of a registry of the calling process's node, and throw a `NoProcessError` if\nthere is none of that name. For groups of the whole cluster see `pg`."
    }
  ],
  "Registry.childSpec": [
    {
      "signature": "childSpec(options: RegistryOptions)",
      "text": "A registry as the child of a supervisor: `[Registry, { keys, name }]`."
    }
  ],
  "Registry.count": [
    {
      "signature": "count(registry: string | Atom)",
      "text": "How many registrations there are.\n\nFollows [Registry.count/1](https://hexdocs.pm/elixir/1.18/Registry.html#count/1)."
    }
  ],
  "Registry.countMatch": [
    {
      "signature": "countMatch(registry: string | Atom, key: unknown, predicate: ValuePredicate)",
      "text": "How many registrations under a key have a value that a predicate wants.\n\nFollows [Registry.count_match/4](https://hexdocs.pm/elixir/1.18/Registry.html#count_match/4)."
    }
  ],
  "Registry.countSelect": [
    {
      "signature": "countSelect(registry: string | Atom, predicate: (record: RegistryRecord) => boolean)",
      "text": "How many registrations a predicate wants.\n\nFollows [Registry.count_select/2](https://hexdocs.pm/elixir/1.18/Registry.html#count_select/2), with a\nfunction for the match specification. It looks at all there are, and makes no list of them."
    }
  ],
  "Registry.deleteMeta": [
    {
      "signature": "deleteMeta(registry: string | Atom, key: unknown)",
      "text": "Takes a setting of the registry's users away.\n\nFollows [Registry.delete_meta/2](https://hexdocs.pm/elixir/1.18/Registry.html#delete_meta/2)."
    }
  ],
  "Registry.dispatch": [
    {
      "signature": "dispatch(registry: string | Atom, key: unknown, fn: (entries: RegistryEntry[]) => void)",
      "text": "Calls a function with the registrations under a key, if there are any.\n\nFollows [Registry.dispatch/4](https://hexdocs.pm/elixir/1.18/Registry.html#dispatch/4). The function\nruns here and now, as code of the caller; those registered have no part in it unless it sends them\nsomething. What it throws, `dispatch` throws. A promise that it gives is not awaited: for that, use\nRegistry.lookup."
    }
  ],
  "Registry.keys": [
    {
      "signature": "keys(registry: string | Atom, pid: Pid)",
      "text": "The keys that a process is registered under.\n\nFollows [Registry.keys/2](https://hexdocs.pm/elixir/1.18/Registry.html#keys/2)."
    }
  ],
  "Registry.lock": [
    {
      "signature": "lock(registry: string | Atom, key: unknown, fn: () => T)",
      "text": "Runs a function while no other process runs one under the same lock of the registry.\n\nFollows [Registry.lock/3](https://hexdocs.pm/elixir/1.18/Registry.html#lock/3). Who asks first has the\nlock first. It is given back when the function has ended, or its process. Locks are no keys: nothing\nis registered. A process that asks again for a lock that it has waits for ever."
    }
  ],
  "Registry.lookup": [
    {
      "signature": "lookup(registry: string | Atom, key: unknown)",
      "text": "The processes that are registered under a key, each with its value.\n\nFollows [Registry.lookup/2](https://hexdocs.pm/elixir/1.18/Registry.html#lookup/2)."
    }
  ],
  "Registry.match": [
    {
      "signature": "match(registry: string | Atom, key: unknown, predicate: ValuePredicate)",
      "text": "Those registrations under a key whose value a predicate wants.\n\nFollows [Registry.match/4](https://hexdocs.pm/elixir/1.18/Registry.html#match/4), with a function for\nthe pattern and guards."
    }
  ],
  "Registry.meta": [
    {
      "signature": "meta(registry: string | Atom, key: unknown)",
      "text": "A setting of the registry's users.\n\nFollows [Registry.meta/2](https://hexdocs.pm/elixir/1.18/Registry.html#meta/2)."
    }
  ],
  "Registry.putMeta": [
    {
      "signature": "putMeta(registry: string | Atom, key: unknown, value: unknown)",
      "text": "Sets a setting of the registry's users; it lasts as long as the registry, over crashes.\n\nFollows [Registry.put_meta/3](https://hexdocs.pm/elixir/1.18/Registry.html#put_meta/3)."
    }
  ],
  "Registry.register": [
    {
      "signature": "register(registry: string | Atom, key: unknown, value?: unknown)",
      "text": "Registers the calling process under a key.\n\nFollows [Registry.register/3](https://hexdocs.pm/elixir/1.18/Registry.html#register/3). With unique\nkeys, a key that a living process has, the caller itself for one, is refused: that is the result and\nnot an error that is thrown, since of two that want one key somebody must come second. With duplicate\nkeys a process may register under one key many times."
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
      "text": "Every registration that a predicate wants.\n\nFollows [Registry.select/2](https://hexdocs.pm/elixir/1.18/Registry.html#select/2), with a function\nfor the match specification. It looks at all there are."
    }
  ],
  "Registry.startLink": [
    {
      "signature": "startLink(options: RegistryOptions)",
      "text": "Starts a registry, linked to the caller.\n\nFollows [Registry.start_link/1](https://hexdocs.pm/elixir/1.18/Registry.html#start_link/1). It is a\nsupervisor with one child, to which those who register are linked. Elixir's `partitions` are for\nmany processor cores: JavaScript has one."
    }
  ],
  "Registry.unregister": [
    {
      "signature": "unregister(registry: string | Atom, key: unknown)",
      "text": "Takes all registrations of the calling process under a key back.\n\nFollows [Registry.unregister/2](https://hexdocs.pm/elixir/1.18/Registry.html#unregister/2). With its\nlast registration, the caller's link to the registry ends. Listeners are told, also if there was\nnothing to take back."
    }
  ],
  "Registry.unregisterMatch": [
    {
      "signature": "unregisterMatch(registry: string | Atom, key: unknown, predicate: ValuePredicate)",
      "text": "Takes those registrations of the calling process under a key back whose value a predicate wants.\n\nFollows [Registry.unregister_match/4](https://hexdocs.pm/elixir/1.18/Registry.html#unregister_match/4),\nwith a function for the pattern and guards. Listeners are told only if none is left under the key."
    }
  ],
  "Registry.unregisterName": [
    {
      "signature": "unregisterName(name: unknown)",
      "text": "Takes a name for `via` away that the calling process has."
    }
  ],
  "Registry.updateValue": [
    {
      "signature": "updateValue(registry: string | Atom, key: unknown, fn: (value: unknown) => unknown)",
      "text": "Replaces the value that the calling process is registered with under a key.\n\nFollows [Registry.update_value/3](https://hexdocs.pm/elixir/1.18/Registry.html#update_value/3)."
    }
  ],
  "Registry.values": [
    {
      "signature": "values(registry: string | Atom, key: unknown, pid: Pid)",
      "text": "The values that a process is registered with under a key.\n\nFollows [Registry.values/3](https://hexdocs.pm/elixir/1.18/Registry.html#values/3)."
    }
  ],
  "Registry.whereisName": [
    {
      "signature": "whereisName(name: unknown)",
      "text": "The process that has a name for `via`."
    }
  ],
  "RpcError": [
    {
      "signature": "RpcError",
      "text": "A call of a function on a node failed: the connection was lost or could not be made (`\"noconnection\"`), there\nwas no answer in time (`\"timeout\"`), the node does not serve such calls (`\"notsup\"`), or its limit of\nprocesses for this node is reached (`\"system_limit\"`). After the first two the function may have run, or\nstill run.\n\nIt is Erlang's `error` of `{erpc, reason}`."
    }
  ],
  "SpawnRefusedError": [
    {
      "signature": "SpawnRefusedError",
      "text": "A node refused to run something: a closure, as it does not allow any (`\"closure\"`); a function\nthat it exports, but not to this node (`\"not_allowed\"`); or anything, as this node has as many\nprocesses there as it may have (`\"limit\"`)."
    }
  ],
  "Supervisor": [
    {
      "signature": "Supervisor",
      "text": "Starts supervisors and asks them about their children.\n\nA supervisor starts its children in the order given, and ends them in the reverse order: each is sent\nan exit signal `\"shutdown\"`, and killed if it takes longer than its `shutdown`. It is itself linked to\nthe process that starts it and traps exits: when that process exits, the supervisor ends its children\nand exits for the same reason.\n\nA child that ends is started again as its `restart` says. If it does not start, it is tried again, and\neach try counts as a restart; after more than `maxRestarts` within `maxSeconds` the supervisor ends all\nchildren and exits with `\"shutdown\"`, and its own supervisor sees to it. Between two tries it serves\nwhat it is asked, a stop for one. A temporary child that is ended with others, by `\"one_for_all\"` or\n`\"rest_for_one\"`, is not started with them again: it is gone.\n\nA child whose start gives `\"ignore\"` has nothing to run, for now: it is kept, with no pid, and\nSupervisor.restartChild tries it again; a temporary one is not kept.\n\nA supervisor with `autoShutdown` ends by itself when its `significant` children are done, as a process\nthat they serve may be: it ends the other children and exits with `\"shutdown\"`. If it is a transient\nchild of its own supervisor, that is the end of it; if it is a significant child itself, its supervisor\nmay end too, and so on up the tree. A significant child that is ended by a request, by\nSupervisor.terminateChild for one, ends nothing else.\n\nThe functions take a supervisor of any node; they exit if it is not there or its node is down."
    }
  ],
  "Supervisor.childSpec": [
    {
      "signature": "childSpec(child: CheckedChild<C>, overrides: Partial<ChildSpec> = {})",
      "text": "The full specification of a child, with some of it replaced.\n\nFollows [Supervisor.child_spec/2](https://hexdocs.pm/elixir/1.18/Supervisor.html#child_spec/2): for\ntwo children of one kind, which need an id each."
    }
  ],
  "Supervisor.countChildren": [
    {
      "signature": "countChildren(supervisor: ServerRef)",
      "text": "How many children a supervisor has.\n\nFollows\n[Supervisor.count_children/1](https://hexdocs.pm/elixir/1.18/Supervisor.html#count_children/1)."
    }
  ],
  "Supervisor.deleteChild": [
    {
      "signature": "deleteChild(supervisor: ServerRef, id: string)",
      "text": "Takes the specification of a child away that is not running.\n\nFollows [Supervisor.delete_child/2](https://hexdocs.pm/elixir/1.18/Supervisor.html#delete_child/2)."
    }
  ],
  "Supervisor.getChildspec": [
    {
      "signature": "getChildspec(supervisor: ServerRef, id: string)",
      "text": "The specification of a child, as its supervisor has it.\n\nFollows [supervisor:get_childspec/2](https://www.erlang.org/doc/apps/stdlib/supervisor.html#get_childspec/2)."
    }
  ],
  "Supervisor.restartChild": [
    {
      "signature": "restartChild(supervisor: ServerRef, id: string)",
      "text": "Starts a child again that is not running.\n\nFollows [Supervisor.restart_child/2](https://hexdocs.pm/elixir/1.18/Supervisor.html#restart_child/2).\nIt does not count as a restart."
    }
  ],
  "Supervisor.startChild": [
    {
      "signature": "startChild(supervisor: ServerRef, child: CheckedChild<C>)",
      "text": "Adds a child and starts it, after those that are there.\n\nFollows [Supervisor.start_child/2](https://hexdocs.pm/elixir/1.18/Supervisor.html#start_child/2). A\nchild that does not start is not added. For a supervisor of another node, the child's `start` is a\nfunction that both nodes export, or `[module, function, args]`."
    }
  ],
  "Supervisor.startLink": [
    {
      "signature": "startLink(children: CheckedChildren<C>, options: SupervisorOptions)",
      "text": "Starts a supervisor, linked to the caller, and its children.\n\nFollows [Supervisor.start_link/2](https://hexdocs.pm/elixir/1.18/Supervisor.html#start_link/2). The\npromise resolves when all children have started. If one does not, those before it are ended, and\nthe supervisor exits with a shutdown that says which: so does the caller then, unless it traps exits."
    }
  ],
  "Supervisor.stop": [
    {
      "signature": "stop(supervisor: ServerRef, reason: unknown = \"normal\", timeout: number = Infinity)",
      "text": "Stops a supervisor and its children, and waits until they have ended.\n\nFollows [Supervisor.stop/3](https://hexdocs.pm/elixir/1.18/Supervisor.html#stop/3): a reason other\nthan `\"normal\"` and a shutdown is reported as an error, and goes out over the links as well."
    }
  ],
  "Supervisor.terminateChild": [
    {
      "signature": "terminateChild(supervisor: ServerRef, id: string)",
      "text": "Ends a child, and keeps its specification unless it is temporary.\n\nFollows\n[Supervisor.terminate_child/2](https://hexdocs.pm/elixir/1.18/Supervisor.html#terminate_child/2). It\nresolves when the child has ended, and is not started again until Supervisor.restartChild,\nor until a restart of others takes it along. One that was being tried again is not tried any more."
    }
  ],
  "Supervisor.whichChildren": [
    {
      "signature": "whichChildren(supervisor: ServerRef)",
      "text": "All children of a supervisor, running or not; the one that was started last comes first, as in Elixir.\n\nFollows\n[Supervisor.which_children/1](https://hexdocs.pm/elixir/1.18/Supervisor.html#which_children/1)."
    }
  ],
  "Task": [
    {
      "signature": "Task",
      "text": "A task: its process, its reference, and its owner, the process that started it and that alone\ncan await it.\n\nThe owner is monitoring the task, and, unless it was started by `asyncNolink`, linked to it: if\none crashes, so does the other. The result goes to an alias of the owner: it never waits behind\nother messages, and a late one is dropped. If nobody awaits when it comes, it is a message\n`{ type: \"reply\", ref, value }`, followed by a DOWN, as in Elixir."
    }
  ],
  "Task.async": [
    {
      "signature": "async(fn: (...args: A) => T, args?: A)",
      "text": "Starts a task on this node, linked to the caller, to be awaited.\n\nFollows [Task.async/1](https://hexdocs.pm/elixir/1.18/Task.html#async/1). For a task under a\nsupervisor, here or on another node: `TaskSupervisor.async`."
    }
  ],
  "Task.asyncStream": [
    {
      "signature": "asyncStream(enumerable: Iterable<E> | AsyncIterable<E>, fn: RemoteFunction<[element: E, ...args: A], T>, options: AsyncStreamOptions<A> = {})",
      "text": "Runs a function on each element of an enumerable, each in a task of its own, so many at a time.\n\nFollows [Task.async_stream/3](https://hexdocs.pm/elixir/1.18/Task.html#async_stream/3). Nothing runs\nbefore the stream is iterated over, and each iteration runs all anew. Elements are taken while fewer\nthan `maxConcurrency` tasks run; the next one when the result of a task has been taken, so that an\nendless source is no problem. The source is asked by the process that iterates: while that waits for\na slow source, results wait too.\n\nThe tasks are linked to a process between them and the process that iterates, and it to that one. So\nif a task exits, so does the process that iterates, unless it traps exits: then it gets\n`{ type: \"exit\", reason }` for the element. And if it exits, so do the tasks. Leaving the loop, by\n`break` or a throw, kills the tasks that run, waits for their end, and closes the source. For tasks\nthat do not take their owner along: `TaskSupervisor.asyncStreamNolink`."
    }
  ],
  "Task.await": [
    {
      "signature": "await(task: AnyTask<T>, timeout = 5000)",
      "text": "Waits for a task's result.\n\nFollows [Task.await/2](https://hexdocs.pm/elixir/1.18/Task.html#await/2). A task is awaited\nonce, by its owner: what has been taken, by this or by `receive`, does not come again. If the task\nexits instead, so does the caller, unless it catches the rejection; a task on a node whose\nconnection is lost gives the reason `{ type: \"nodedown\", node }`."
    }
  ],
  "Task.awaitMany": [
    {
      "signature": "awaitMany(tasks: K, timeout = 5000)",
      "text": "Waits for the results of several tasks.\n\nFollows [Task.await_many/2](https://hexdocs.pm/elixir/1.18/Task.html#await_many/2). The time is\nthat of all of them. The first that exits, in the order in which results and exits come, ends the\nwait, and so does the end of the time: the others are then no longer awaited, and run on unless\nthey are linked to a caller that exits. To have what is there in time: `Task.yieldMany`."
    }
  ],
  "Task.childSpec": [
    {
      "signature": "childSpec(fn: () => unknown)",
      "text": "A task as the child of a supervisor: `[Task, fn]`.\n\nFollows [Task.child_spec/1](https://hexdocs.pm/elixir/1.18/Task.html#child_spec/1): its id is\n`\"Task\"`, and it is `\"temporary\"`, so that it is not started again. Several tasks of one supervisor\nneed ids of their own: `Supervisor.childSpec([Task, fn], { id: \"warm up\" })`."
    }
  ],
  "Task.completed": [
    {
      "signature": "completed(value: T)",
      "text": "A task that is done already: it has a result, and no process.\n\nFollows [Task.completed/1](https://hexdocs.pm/elixir/1.18/Task.html#completed/1): for lists of\ntasks of which some have nothing to do. It is awaited, yielded and shut down as any other."
    }
  ],
  "Task.ignore": [
    {
      "signature": "ignore(task: AnyTask<T>)",
      "text": "Lets a task run on without its owner: no link, no monitor, and its result is dropped.\n\nFollows [Task.ignore/1](https://hexdocs.pm/elixir/1.18/Task.html#ignore/1)."
    }
  ],
  "Task.shutdown": [
    {
      "signature": "shutdown(task: AnyTask<T>, timeout: number | \"brutal_kill\" = 5000)",
      "text": "Ends a task and waits for its end; a result that came before is not lost.\n\nFollows [Task.shutdown/2](https://hexdocs.pm/elixir/1.18/Task.html#shutdown/2): the link is\ntaken away, the task is sent an exit signal `\"shutdown\"`, and killed if it takes longer. It has\nended when this is done, and can no longer be awaited. A task of which nothing more can come, as it\nwas awaited before, gives the exit `\"noproc\"`."
    }
  ],
  "Task.start": [
    {
      "signature": "start(fn: (...args: A) => unknown, args?: A)",
      "text": "Starts a task that nobody awaits: it is neither linked to the caller nor monitored.\n\nFollows [Task.start/1](https://hexdocs.pm/elixir/1.18/Task.html#start/1). It is for side effects\nwhose success is of no interest: its crash is told to the log and to nobody else, and it is lost\nwith its node. A task by `TaskSupervisor.startChild` is given time to end when its node stops."
    }
  ],
  "Task.startLink": [
    {
      "signature": "startLink(fn: (...args: A) => unknown, args?: A)",
      "text": "Starts a task that nobody awaits, linked to the caller: as a child of a supervisor, for one.\n\nFollows [Task.start_link/1](https://hexdocs.pm/elixir/1.18/Task.html#start_link/1). If it crashes,\nso does the caller, unless it traps exits, and the reverse. It does not wait: a supervisor goes on\nwith its next child while the task runs."
    }
  ],
  "Task.yield": [
    {
      "signature": "yield(task: AnyTask<T>, timeout = 5000)",
      "text": "Waits for a task's result for some time; it can be asked again.\n\nFollows [Task.yield/2](https://hexdocs.pm/elixir/1.18/Task.html#yield/2)."
    }
  ],
  "Task.yieldMany": [
    {
      "signature": "yieldMany(tasks: K, options: number | YieldManyOptions = {})",
      "text": "Waits for the results of several tasks for some time.\n\nFollows [Task.yield_many/2](https://hexdocs.pm/elixir/1.18/Task.html#yield_many/2). It gives what\nhas come when all have ended, when `limit` of them have, or when the time is over; only then\n`onTimeout` says what becomes of those that still run."
    }
  ],
  "TaskSupervisor": [
    {
      "signature": "TaskSupervisor",
      "text": "Starts supervisors of tasks, and tasks under them.\n\nThe supervisor may be on another node: the task then runs there, and what it prints comes out\nthere, as the supervisor is its spawner."
    }
  ],
  "TaskSupervisor.async": [
    {
      "signature": "async(supervisor: ServerRef, fn: RemoteFunction<A, T>, args?: NoInfer<A>, options: TaskOptions = {})",
      "text": "Starts a task under a supervisor, linked to the caller and to be awaited by it.\n\nFollows\n[Task.Supervisor.async/5](https://hexdocs.pm/elixir/1.18/Task.Supervisor.html#async/5). If the\ncaller exits, so does the task, and the reverse. If the connection is lost, both ends get\n`\"noconnection\"`."
    }
  ],
  "TaskSupervisor.asyncNolink": [
    {
      "signature": "asyncNolink(supervisor: ServerRef, fn: RemoteFunction<A, T>, args?: NoInfer<A>, options: TaskOptions = {})",
      "text": "Starts a task under a supervisor, to be awaited by the caller but not linked to it.\n\nFollows\n[Task.Supervisor.async_nolink/5](https://hexdocs.pm/elixir/1.18/Task.Supervisor.html#async_nolink/5):\na crash of the task only fails its await, and the caller's end does not end the task."
    }
  ],
  "TaskSupervisor.asyncStream": [
    {
      "signature": "asyncStream(supervisor: ServerRef, enumerable: Iterable<E> | AsyncIterable<E>, fn: RemoteFunction<[element: E, ...args: A], T>, options: SupervisedStreamOptions<A> = {})",
      "text": "Runs a function on each element of an enumerable, each in a task of its own under a supervisor, so\nmany at a time.\n\nFollows\n[Task.Supervisor.async_stream/4](https://hexdocs.pm/elixir/1.18/Task.Supervisor.html#async_stream/4).\nIt is `Task.asyncStream` with the tasks under a supervisor, here or on another node: they are\nlinked to the caller all the same, through the process between, so that a crash of one ends the\nprocess that iterates, unless it traps exits. If the connection to the supervisor's node is lost, they\nend with `\"noconnection\"`, at both ends."
    }
  ],
  "TaskSupervisor.asyncStreamNolink": [
    {
      "signature": "asyncStreamNolink(supervisor: ServerRef, enumerable: Iterable<E> | AsyncIterable<E>, fn: RemoteFunction<[element: E, ...args: A], T>, options: SupervisedStreamOptions<A> = {})",
      "text": "Runs a function on each element of an enumerable as TaskSupervisor.asyncStream does, but\nthe tasks are not linked to the caller.\n\nFollows\n[Task.Supervisor.async_stream_nolink/4](https://hexdocs.pm/elixir/1.18/Task.Supervisor.html#async_stream_nolink/4).\nA task that exits gives `{ type: \"exit\", reason }` for its element, one on a node whose connection is\nlost `\"noconnection\"`, and the process that iterates lives on. Leaving the loop ends the tasks that\nrun; but if the process that iterates exits, they run on."
    }
  ],
  "TaskSupervisor.childSpec": [
    {
      "signature": "childSpec(options: TaskSupervisorOptions = {})",
      "text": "A Task.Supervisor as the child of a supervisor: `[TaskSupervisor, { name }]`."
    }
  ],
  "TaskSupervisor.children": [
    {
      "signature": "children(supervisor: ServerRef)",
      "text": "The tasks under a supervisor.\n\nFollows\n[Task.Supervisor.children/1](https://hexdocs.pm/elixir/1.18/Task.Supervisor.html#children/1)."
    }
  ],
  "TaskSupervisor.startChild": [
    {
      "signature": "startChild(supervisor: ServerRef, fn: RemoteFunction<A, unknown>, args?: NoInfer<A>, options: StartChildOptions = {})",
      "text": "Starts a task under a supervisor that nobody awaits.\n\nFollows\n[Task.Supervisor.start_child/5](https://hexdocs.pm/elixir/1.18/Task.Supervisor.html#start_child/5)."
    }
  ],
  "TaskSupervisor.startLink": [
    {
      "signature": "startLink(options: TaskSupervisorOptions = {})",
      "text": "Starts a Task.Supervisor, linked to the caller.\n\nFollows\n[Task.Supervisor.start_link/1](https://hexdocs.pm/elixir/1.18/Task.Supervisor.html#start_link/1).\nWhen it ends, it tells its tasks to exit with `\"shutdown\"` and kills those that take longer\nthan their `shutdown`."
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
      "text": "Ends a task of a supervisor, and waits for its end.\n\nFollows\n[Task.Supervisor.terminate_child/2](https://hexdocs.pm/elixir/1.18/Task.Supervisor.html#terminate_child/2):\nwithin its `shutdown`, and for good, also if it is one that is started again."
    }
  ],
  "UndefinedFunctionError": [
    {
      "signature": "UndefinedFunctionError",
      "text": "A function was named that the node does not export."
    }
  ],
  "atom": [
    {
      "signature": "atom(name: string)",
      "text": "The atom of a name.\n\nUnlike Erlang's, the table of atoms does not grow for ever: an atom that nothing holds is\ncollected."
    }
  ],
  "exit": [
    {
      "signature": "exit(reason: unknown)",
      "text": "Exits the calling process: throws an `ExitError`, which ends the process unless it is caught.\n\nFollows [exit/1](https://hexdocs.pm/elixir/1.18/Kernel.html#exit/1). `Process.exit` sends an exit signal to\nanother process."
    }
  ],
  "flush": [
    {
      "signature": "flush()",
      "text": "Prints and throws away all messages that wait, as in iex."
    }
  ],
  "formatExit": [
    {
      "signature": "formatExit(reason: unknown)",
      "text": "Describes a reason, as Elixir's `Exception.format_exit` does.\n\nThe text has at most about 16,000 characters and is created in bounded time, for any reason;\nno reason makes it throw."
    }
  ],
  "global": [
    {
      "signature": "global",
      "text": "Names that are registered once for the whole cluster, and locks that are held on all its nodes.\n\nFollows Erlang's [global](https://www.erlang.org/doc/apps/kernel/global.html), which Elixir programs use\nas `:global`, and `GenServer` and others as `{:global, name}`: here `{ global: name }`.\n\nEach node has a copy of all names, so that looking one up asks nobody. A name is registered under a\nlock that is held on all nodes, and then written on all. When its process ends, or the node that it is\non goes down, each node removes it by itself, soon and in no order with others.\n\nA node takes part from the first use of one of these functions on; before that, it says and keeps\nnothing, and others do without it.\n\nWhen nodes connect that have both names already, their parts of the cluster are joined. A name that two\nprocesses have then is in conflict. It is resolved once, on one node, by the function that came with\nthe registration (global.randomExitName if none did), and all nodes get the result. A name is\ntherefore no lock: while the network is parted, each part can have a process of that name."
    }
  ],
  "global.delLock": [
    {
      "signature": "delLock(id: GlobalLockId, options: Pick<LockOptions, \"nodes\"> = {})",
      "text": "Gives back a lock that the calling process has; one that it has not stays as it is.\n\nFollows [global:del_lock/2](https://www.erlang.org/doc/apps/kernel/global.html#del_lock/2)."
    }
  ],
  "global.notifyAllName": [
    {
      "signature": "notifyAllName(name: unknown, pid1: Pid, pid2: Pid)",
      "text": "Tells both processes that have a name of each other, by a GlobalNameConflict\n`{ type: \"global_name_conflict\", name, pid }`, and nobody keeps it.\n\nFollows [global:notify_all_name/3](https://www.erlang.org/doc/apps/kernel/global.html#notify_all_name/3)."
    }
  ],
  "global.randomExitName": [
    {
      "signature": "randomExitName(name: unknown, pid1: Pid, pid2: Pid)",
      "text": "Ends one of two processes that have a name, by an exit signal `\"kill\"`; the other keeps it. What is done\nif nothing else is said.\n\nFollows [global:random_exit_name/3](https://www.erlang.org/doc/apps/kernel/global.html#random_exit_name/3).\nAs there, it is not left to chance: the process on the node whose name is the smaller one is kept."
    }
  ],
  "global.randomNotifyName": [
    {
      "signature": "randomNotifyName(name: unknown, pid1: Pid, pid2: Pid)",
      "text": "Tells one of two processes that have a name that it has it no more, by a\nGlobalNameConflict `{ type: \"global_name_conflict\", name }`; the other keeps it.\n\nFollows [global:random_notify_name/3](https://www.erlang.org/doc/apps/kernel/global.html#random_notify_name/3).\nAs there, the process on the node whose name is the smaller one is kept."
    }
  ],
  "global.reRegisterName": [
    {
      "signature": "reRegisterName(name: unknown, pid: Pid, resolve: ResolveFunction | ModuleFunction = global.randomExitName)",
      "text": "Gives a process a name in the cluster, whoever has it now.\n\nFollows [global:re_register_name/3](https://www.erlang.org/doc/apps/kernel/global.html#re_register_name/3):\nas global.registerName, and the process that had the name has it no more, and is not told."
    }
  ],
  "global.registerName": [
    {
      "signature": "registerName(name: unknown, pid: Pid, resolve: ResolveFunction | ModuleFunction = global.randomExitName)",
      "text": "Gives a process a name in the cluster.\n\nFollows [global:register_name/3](https://www.erlang.org/doc/apps/kernel/global.html#register_name/3).\nThe caller waits until this node has joined those that it is connected to, until the lock of the names\nis held on all nodes, which may take several attempts where many register at once, and until all have\nthe name."
    }
  ],
  "global.registeredNames": [
    {
      "signature": "registeredNames()",
      "text": "All names of the cluster, as this node has them.\n\nFollows [global:registered_names/0](https://www.erlang.org/doc/apps/kernel/global.html#registered_names/0)."
    }
  ],
  "global.send": [
    {
      "signature": "send(name: unknown, message: unknown)",
      "text": "Sends a message to the process of a name.\n\nFollows [global:send/2](https://www.erlang.org/doc/apps/kernel/global.html#send/2)."
    }
  ],
  "global.setLock": [
    {
      "signature": "setLock(id: GlobalLockId, options: LockOptions = {})",
      "text": "Takes a lock on nodes: on all of them, or on none.\n\nFollows [global:set_lock/3](https://www.erlang.org/doc/apps/kernel/global.html#set_lock/3). A process can\ntake it more than once, and processes that name the same requester share it. When the process ends, or\nits node goes down, the lock is given back. Nodes that cannot be reached are left out. Between attempts\nthe caller waits for a time that becomes longer, 2 seconds at most."
    }
  ],
  "global.sync": [
    {
      "signature": "sync()",
      "text": "Waits until this node has the same names as all nodes that it is connected to now.\n\nFollows [global:sync/0](https://www.erlang.org/doc/apps/kernel/global.html#sync/0). Nodes that do not\ntake part are not waited for."
    }
  ],
  "global.trans": [
    {
      "signature": "trans(id: GlobalLockId, fn: () => T, options: LockOptions = {})",
      "text": "Runs a function while a lock is held.\n\nFollows [global:trans/4](https://www.erlang.org/doc/apps/kernel/global.html#trans/4). The lock is given\nback however the function ends."
    }
  ],
  "global.unregisterName": [
    {
      "signature": "unregisterName(name: unknown)",
      "text": "Takes a name away, on all nodes; any process may. A name that nobody has is no error.\n\nFollows [global:unregister_name/1](https://www.erlang.org/doc/apps/kernel/global.html#unregister_name/1)."
    }
  ],
  "global.whereisName": [
    {
      "signature": "whereisName(name: unknown)",
      "text": "The process that has a name.\n\nFollows [global:whereis_name/1](https://www.erlang.org/doc/apps/kernel/global.html#whereis_name/1). It is\nthis node's copy that is read: of a process of another node that has just ended, the pid may still be\ngiven. The first use on a node waits until it has joined those that it is connected to."
    }
  ],
  "inspect": [
    {
      "signature": "inspect(value: unknown, options: InspectOptions = {})",
      "text": "Shows a value as source-like text: strings quoted, pids, references and atoms as in iex.\n\nThe text is bounded for any value, and no value makes it throw: a string is cut at\n`printableLimit`, and after about 256 Ki characters or 10,000 items in all the rest is left out."
    }
  ],
  "isDown": [
    {
      "signature": "isDown(message: unknown)",
      "text": "Whether a message is a DownMessage."
    }
  ],
  "isExit": [
    {
      "signature": "isExit(message: unknown)",
      "text": "Whether a message is an ExitMessage."
    }
  ],
  "isReply": [
    {
      "signature": "isReply(message: unknown)",
      "text": "Whether a message is a ReplyMessage."
    }
  ],
  "jsonLog": [
    {
      "signature": "jsonLog(event: LogEvent)",
      "text": "Writes all that a node tells on standard error, one line of JSON for each event: a log for programs.\n\nA line has `time` (ISO 8601, UTC), `level`, `node` and `message`, the text that people get, and where\nthey are set `crash`, `supervisor` and `application` with all their fields. A pid or reference is\n`{ text, node, number, creation }`, an error `{ text, name, message, stack }` with its further\n`fields`; the `reason` of an exit stands as it is and, as people read it, in `reasonText`. What JSON\nlacks is written as `inspect` shows it; a value that is deeper than 8 levels or longer than 100 items\n(10,000 in all) or 8192 characters (65,536 in all) is cut. No control character is in a line, and no\nvalue keeps it from being written."
    }
  ],
  "makeRef": [
    {
      "signature": "makeRef()",
      "text": "A new reference, different from every other."
    }
  ],
  "pg": [
    {
      "signature": "pg",
      "text": "Groups of processes over the cluster: who joins one on any node is a member on all.\n\nFollows OTP's [pg](https://www.erlang.org/doc/apps/kernel/pg.html).\n\nGroups belong to a scope, which is a process on each node that takes part; it is started on every one of\nthem, commonly under a supervisor, and has a name, `\"pg\"` if none is given. Scopes know nothing of each\nother. A group is any value that can be sent, and compares by what it holds. It is there while it has\nmembers.\n\nA process joins on its own node, as often as it likes, and is a member as often, until it has left as\noften, or ends. The nodes tell each other, and agree on nothing: pg.getMembers gives at once what\nthis node knows, which other nodes may learn later or have learnt sooner, and which is the same on all\nthat are connected when nothing has changed for some time. When the connection to a node is lost, its\nprocesses are no members here; when it is back, they are again. A node knows of the processes of those\nthat it is connected to itself.\n\nIf the process of a scope crashes, the memberships of its node's processes are lost, here and elsewhere:\nwho joined joins again."
    }
  ],
  "pg.childSpec": [
    {
      "signature": "childSpec(options: PgOptions = {})",
      "text": "A scope as the child of a supervisor: `pg`, or `[pg, { scope }]`."
    }
  ],
  "pg.demonitor": [
    {
      "signature": "demonitor(ref: Ref, options: PgOptions = {})",
      "text": "Ends a monitor of a group or a scope; what it has told and the caller has not received yet is taken out of\nthe caller's mail.\n\nFollows [pg:demonitor/2](https://www.erlang.org/doc/apps/kernel/pg.html#demonitor/2)."
    }
  ],
  "pg.getLocalMembers": [
    {
      "signature": "getLocalMembers(group: unknown, options: PgOptions = {})",
      "text": "The members of a group that are processes of this node.\n\nFollows [pg:get_local_members/2](https://www.erlang.org/doc/apps/kernel/pg.html#get_local_members/2)."
    }
  ],
  "pg.getMembers": [
    {
      "signature": "getMembers(group: unknown, options: PgOptions = {})",
      "text": "The members of a group, of all connected nodes, as this node knows them.\n\nFollows [pg:get_members/2](https://www.erlang.org/doc/apps/kernel/pg.html#get_members/2). It asks no\nprocess, and so is cheap, and may give one that has just ended."
    }
  ],
  "pg.join": [
    {
      "signature": "join(group: unknown, pids: Pid | readonly Pid[], options: PgOptions = {})",
      "text": "Makes processes of this node members of a group.\n\nFollows [pg:join/3](https://www.erlang.org/doc/apps/kernel/pg.html#join/3). When it has resolved they are\nmembers on this node, and other nodes have been told. One that joins twice, or is given twice, is a\nmember twice. One that is not alive leaves at once."
    }
  ],
  "pg.leave": [
    {
      "signature": "leave(group: unknown, pids: Pid | readonly Pid[], options: PgOptions = {})",
      "text": "Makes processes of this node leave a group, each once.\n\nFollows [pg:leave/3](https://www.erlang.org/doc/apps/kernel/pg.html#leave/3)."
    }
  ],
  "pg.monitor": [
    {
      "signature": "monitor(group: unknown, options: PgOptions = {})",
      "text": "Tells the caller of processes that join or leave a group, by a PgMessage each time.\n\nFollows [pg:monitor/2](https://www.erlang.org/doc/apps/kernel/pg.html#monitor/2). Between the members\ngiven and the first message nothing is missing and nothing is there twice. The monitor ends with the\ncaller, and with the scope's process, of which nothing tells it: link or monitor that one too."
    }
  ],
  "pg.monitorScope": [
    {
      "signature": "monitorScope(options: PgOptions = {})",
      "text": "Tells the caller of processes that join or leave any group of a scope, by a PgMessage each time.\n\nFollows [pg:monitor_scope/1](https://www.erlang.org/doc/apps/kernel/pg.html#monitor_scope/1); see\npg.monitor."
    }
  ],
  "pg.start": [
    {
      "signature": "start(scope: string | Atom = DEFAULT_SCOPE)",
      "text": "Starts a scope on this node, on its own.\n\nFollows [pg:start/1](https://www.erlang.org/doc/apps/kernel/pg.html#start/1)."
    }
  ],
  "pg.startLink": [
    {
      "signature": "startLink(scope: string | Atom = DEFAULT_SCOPE)",
      "text": "Starts a scope on this node, linked to the caller.\n\nFollows [pg:start_link/1](https://www.erlang.org/doc/apps/kernel/pg.html#start_link/1)."
    }
  ],
  "pg.whichGroups": [
    {
      "signature": "whichGroups(options: PgOptions = {})",
      "text": "The groups that have members.\n\nFollows [pg:which_groups/1](https://www.erlang.org/doc/apps/kernel/pg.html#which_groups/1)."
    }
  ],
  "pg.whichLocalGroups": [
    {
      "signature": "whichLocalGroups(options: PgOptions = {})",
      "text": "The groups that have members on this node.\n\nFollows `pg:which_local_groups/1`."
    }
  ],
  "receive": [
    {
      "signature": "receive(guard?: ((message: any) => message is T) | ((message: any) => boolean) | null, options?: ReceiveOptions<A>)",
      "text": "Takes the oldest message that the guard wants, or waits for one.\n\nSeveral waits in one process are served in order, each with its own guard."
    }
  ],
  "rpc": [
    {
      "signature": "rpc",
      "text": "Calls of functions on nodes: run one there, and have what it returns here.\n\nFollows Erlang's [erpc](https://www.erlang.org/doc/apps/kernel/erpc.html), which Elixir programs use as\n`:erpc`: what the function throws, its exit, its death and the failure of the call itself are told\napart.\n\n| what happened                              | a call rejects with                                              |\n| ------------------------------------------ | ---------------------------------------------------------------- |\n| the function threw an `Error`              | that error; rpc.raisedOn gives the node                   |\n| it threw anything else                     | that value                                                       |\n| it called `exit(reason)`                   | `ExitError` with `{ type: \"exception\", reason }`                  |\n| its process was ended by an exit signal    | `ExitError` with `{ type: \"signal\", reason }`                     |\n| the node does not export it                | `UndefinedFunctionError`                                         |\n| the node does not let this one run it      | `SpawnRefusedError`                                              |\n| no connection, no answer in time, …        | `RpcError` with a `code`                                         |"
    }
  ],
  "rpc.call": [
    {
      "signature": "call(node: string | Atom, fn: RemoteFunction<A, T>, args?: NoInfer<A>, options: RpcOptions = {})",
      "text": "Calls a function on a node, and waits for what it returns.\n\nFollows [erpc:call/5](https://www.erlang.org/doc/apps/kernel/erpc.html#call/5). The function runs in a\nprocess of its own there, whose group leader is the caller's, so what it prints comes out here. It\nwaits behind nothing: calls run beside each other, in no order. When the function has ended, its\nprocess does not end normally: what it has linked to itself ends as well. The caller is not linked\nto it: if the caller exits, the function runs on, and its result is dropped.\n\nWhen the timeout has passed or the connection is lost, nobody knows whether the function has run or\nstill runs; a result that comes later is dropped."
    }
  ],
  "rpc.cast": [
    {
      "signature": "cast(node: string | Atom, fn: RemoteFunction<A, unknown>, args?: NoInfer<A>)",
      "text": "Has a node run a function, and does not wait.\n\nFollows [erpc:cast/4](https://www.erlang.org/doc/apps/kernel/erpc.html#cast/4). What becomes of it is\nnot told, a node that cannot be reached among that; if the function throws, its node reports a crash."
    }
  ],
  "rpc.multicall": [
    {
      "signature": "multicall(nodes: readonly (string | Atom)[], fn: RemoteFunction<A, T>, args?: NoInfer<A>, options: RpcOptions = {})",
      "text": "Calls a function on several nodes at once, and waits for all of them.\n\nFollows [erpc:multicall/5](https://www.erlang.org/doc/apps/kernel/erpc.html#multicall/5). A node can be\nnamed twice, and is called twice then. One timeout is for all: those that have not answered by then\ngive an `RpcError` of the code `\"timeout\"`, and the others their results."
    }
  ],
  "rpc.multicast": [
    {
      "signature": "multicast(nodes: readonly (string | Atom)[], fn: RemoteFunction<A, unknown>, args?: NoInfer<A>)",
      "text": "Has several nodes run a function, and does not wait.\n\nFollows [erpc:multicast/4](https://www.erlang.org/doc/apps/kernel/erpc.html#multicast/4): a\nrpc.cast to each."
    }
  ],
  "rpc.raisedOn": [
    {
      "signature": "raisedOn(error: unknown)",
      "text": "On which node an error was thrown that a call rejected with."
    }
  ],
  "self": [
    {
      "signature": "self()",
      "text": "The pid of the calling process; outside any process, the shell's."
    }
  ],
  "send": [
    {
      "signature": "send(to: Destination<M>, message: Message<NoInfer<M>, T>)",
      "text": "Sends a message: a copy, made now.\n\nNever throws for a receiver that is dead or cannot be reached; the message is dropped then, as\nin Erlang. Between one sender and one receiver messages keep their order, and none is delivered\ntwice. A first message to a node connects to it."
    }
  ],
  "spawn": [
    {
      "signature": "spawn(fn: (...args: A) => unknown, args?: A, options: SpawnOptions = {})",
      "text": "Starts a process.\n\nIt begins after the caller has given way, runs until its function returns (or the promise that\nit returns settles), and inherits the caller's group leader. On another node:\n`Node.spawn(node, …)`."
    }
  ],
  "spawnLink": [
    {
      "signature": "spawnLink(fn: (...args: A) => unknown, args?: A, options: SpawnOptions = {})",
      "text": "Starts a process that is linked to the caller from its first moment.\n\nWhen one of the two ends otherwise than normally, so does the other, unless it traps exits."
    }
  ],
  "spawnMonitor": [
    {
      "signature": "spawnMonitor(fn: (...args: A) => unknown, args?: A, options: SpawnOptions = {})",
      "text": "Starts a process that the caller monitors from its first moment."
    }
  ],
  "standardLog": [
    {
      "signature": "standardLog(event: LogEvent)",
      "text": "Writes warnings and errors on standard error, for people to read: what a node does that is given no\n`log`."
    }
  ]
};
