/**
 * What the library's doc comments say, for the shell's `h`. Written by tools/help_table.ts.
 *
 * @module
 */

import type { Doc } from "./doc_comments.ts";

/** By the names that the shell has in scope. */
// deno-fmt-ignore
export const HELP: Record<string, Doc[]> = {
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
  "IO.inspect": [
    {
      "signature": "inspect(value: T, options: IoInspectOptions = {})",
      "text": "Prints a value as source-like text and gives the value back."
    }
  ],
  "IO.gets": [
    {
      "signature": "gets(prompt: Printable, options: IoOptions = {})",
      "text": "Reads a line from the group leader's input.\n\nFollows [IO.gets/2](https://hexdocs.pm/elixir/1.18/IO.html#gets/2)."
    }
  ],
  "Node.start": [
    {
      "signature": "start(options: NodeOptions)",
      "text": "Starts a node: listens, and registers with EPMD, which is served here if nobody does."
    }
  ],
  "Node.self": [
    {
      "signature": "self()",
      "text": "The name of the node that the calling code is on."
    }
  ],
  "Node.alive": [
    {
      "signature": "alive()",
      "text": "Whether the calling code is on a node that is started."
    }
  ],
  "Node.list": [
    {
      "signature": "list(kind: NodeKind = \"visible\")",
      "text": "The nodes that this node is connected to."
    }
  ],
  "Node.stats": [
    {
      "signature": "stats()",
      "text": "What the node that the calling code is on has counted since its start: connections, bytes,\nand by cause who was not let in and what was refused."
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
  "Node.ping": [
    {
      "signature": "ping(node: string | Atom)",
      "text": "Tries to connect to a node."
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
      "text": "Has the calling process told of all visible nodes that connect, by `{ type: \"nodeup\", node }`\nbefore any other signal of that node, and that go, by `{ type: \"nodedown\", node }` after all."
    }
  ],
  "Node.spawn": [
    {
      "signature": "spawn(node: string | Atom, fn: ((...args: A) => unknown) | ModuleFunction, args?: NoInfer<A>)",
      "text": "Starts a process on a node.\n\nIts group leader is the caller's, so what it prints comes out here. A node that cannot be\nreached gives the pid of no process, as in Erlang."
    }
  ],
  "Node.spawnLink": [
    {
      "signature": "spawnLink(node: string | Atom, fn: ((...args: A) => unknown) | ModuleFunction, args?: NoInfer<A>)",
      "text": "Starts a process on a node, linked to the caller from its first moment.\n\nAs Node.spawn; a node that cannot be reached gives the pid of no process, and\nthen the exit signal `\"noconnection\"`. When the connection is lost later, both ends get\n`\"noconnection\"`."
    }
  ],
  "Node.spawnMonitor": [
    {
      "signature": "spawnMonitor(node: string | Atom, fn: ((...args: A) => unknown) | ModuleFunction, args?: NoInfer<A>)",
      "text": "Starts a process on a node, monitored by the caller from its first moment.\n\nAs Node.spawn; a node that cannot be reached gives the pid of no process, and\nthen a DOWN `\"noconnection\"`."
    }
  ],
  "Node.stop": [
    {
      "signature": "stop()",
      "text": "Stops the node that the calling code is on."
    }
  ],
  "Process.self": [
    {
      "signature": "self()",
      "text": "The pid of the calling process; outside any process, the shell's."
    }
  ],
  "Process.send": [
    {
      "signature": "send(to: Destination<M>, message: NoInfer<M>)",
      "text": "Sends a message: a copy, made now.\n\nNever throws for a receiver that is dead or cannot be reached; the message is dropped then, as\nin Erlang. Between one sender and one receiver messages keep their order, and none is delivered\ntwice. A first message to a node connects to it."
    }
  ],
  "Process.receive": [
    {
      "signature": "receive(guard?: ((message: any) => message is T) | ((message: any) => boolean) | null, options?: ReceiveOptions<A>)",
      "text": "Takes the oldest message that the guard wants, or waits for one.\n\nSeveral waits in one process are served in order, each with its own guard."
    }
  ],
  "Process.flush": [
    {
      "signature": "flush()",
      "text": "Prints and throws away all messages that wait, as in iex."
    }
  ],
  "Process.spawn": [
    {
      "signature": "spawn(fn: (...args: A) => unknown, args?: A, options: SpawnOptions = {})",
      "text": "Starts a process.\n\nIt begins after the caller has given way, runs until its function returns (or the promise that\nit returns settles), and inherits the caller's group leader. On another node:\n`Node.spawn(node, …)`."
    }
  ],
  "Process.spawnLink": [
    {
      "signature": "spawnLink(fn: (...args: A) => unknown, args?: A, options: SpawnOptions = {})",
      "text": "Starts a process that is linked to the caller from its first moment.\n\nWhen one of the two ends otherwise than normally, so does the other, unless it traps exits."
    }
  ],
  "Process.spawnMonitor": [
    {
      "signature": "spawnMonitor(fn: (...args: A) => unknown, args?: A, options: SpawnOptions = {})",
      "text": "Starts a process that the caller monitors from its first moment."
    }
  ],
  "Process.link": [
    {
      "signature": "link(pid: Pid)",
      "text": "Links the caller to a process: when one ends, the other gets an exit signal. One link a pair.\n\nLinking to a dead process of another node gives an exit signal `\"noproc\"`, to one of a node\nthat cannot be reached `\"noconnection\"`."
    }
  ],
  "Process.unlink": [
    {
      "signature": "unlink(pid: Pid)",
      "text": "Ends the link between the caller and a process: from here on no exit signal comes over it."
    }
  ],
  "Process.monitor": [
    {
      "signature": "monitor(target: Pid | string | Atom | NameOnNode, options: MonitorOptions = {})",
      "text": "Watches a process or a name: when it ends, the caller gets one DownMessage.\n\nMonitors stack, each with its own message. A process that is not there gives `\"noproc\"`, a node\nthat is down or goes down `\"noconnection\"`."
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
      "signature": "exit(reason: unknown)",
      "text": "Exits: the calling process, by throwing, or another one, by an exit signal.\n\n`exit(reason)` throws an `ExitError`, which ends the process unless it is caught.\n`exit(pid, reason)` sends a signal: `\"kill\"` cannot be trapped, and the process ends with\n`\"killed\"`; `\"normal\"` is ignored unless it is trapped or sent to oneself; any other ends a\nprocess that does not trap exits."
    },
    {
      "signature": "exit(pid: Pid, reason: unknown)",
      "text": "Sends an exit signal."
    }
  ],
  "Process.trapExit": [
    {
      "signature": "trapExit(on: boolean)",
      "text": "Sets whether exit signals become ExitMessages of the calling process."
    }
  ],
  "Process.register": [
    {
      "signature": "register(name: string | Atom, pid?: Pid)",
      "text": "Gives the calling process, or another one of this node, a name on this node."
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
      "text": "Who has a name on this node."
    }
  ],
  "Process.alive": [
    {
      "signature": "alive(pid: Pid)",
      "text": "Whether a process of this node is alive."
    }
  ],
  "Process.makeRef": [
    {
      "signature": "makeRef()",
      "text": "A new reference, different from every other."
    }
  ],
  "Process.alias": [
    {
      "signature": "alias(options: AliasOptions = {})",
      "text": "Makes an alias of the calling process: an address that can be taken back.\n\nFollows [Process.alias/1](https://hexdocs.pm/elixir/1.18/Process.html#alias/1). What is sent to\nan alias that is no longer active is dropped."
    }
  ],
  "Process.unalias": [
    {
      "signature": "unalias(ref: Ref)",
      "text": "Ends an alias of the calling process."
    }
  ],
  "Process.reply": [
    {
      "signature": "reply(to: Ref, value: unknown)",
      "text": "Answers a request: what awaits the reference gets the value.\n\nCalls and requests to a group leader carry the reference that their answer goes to. An answer\nthat comes too late, or a second one, is dropped."
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
  "Process.groupLeader": [
    {
      "signature": "groupLeader(leader?: Pid)",
      "text": "The calling process's group leader, or, with a pid, sets it."
    }
  ],
  "Process.isExit": [
    {
      "signature": "isExit(message: unknown)",
      "text": "Whether a message is an ExitMessage."
    }
  ],
  "Process.isDown": [
    {
      "signature": "isDown(message: unknown)",
      "text": "Whether a message is a DownMessage."
    }
  ],
  "Process.isReply": [
    {
      "signature": "isReply(message: unknown)",
      "text": "Whether a message is a ReplyMessage."
    }
  ],
  "Task.async": [
    {
      "signature": "async(fn: (...args: A) => T, args?: A)",
      "text": "Starts a task on this node, linked to the caller, to be awaited.\n\nFollows [Task.async/1](https://hexdocs.pm/elixir/1.18/Task.html#async/1). For a task under a\nsupervisor, here or on another node: `TaskSupervisor.async`."
    }
  ],
  "Task.await": [
    {
      "signature": "await(task: Task<T>, timeout = 5000)",
      "text": "Waits for a task's result.\n\nFollows [Task.await/2](https://hexdocs.pm/elixir/1.18/Task.html#await/2). A task is awaited\nonce, by its owner. If it exits instead, so does the caller, unless it catches the rejection; a\ntask on a node whose connection is lost gives the reason `{ type: \"nodedown\", node }`."
    }
  ],
  "Task.yield": [
    {
      "signature": "yield(task: Task<T>, timeout = 5000)",
      "text": "Waits for a task's result for some time; it can be asked again.\n\nFollows [Task.yield/2](https://hexdocs.pm/elixir/1.18/Task.html#yield/2)."
    }
  ],
  "Task.shutdown": [
    {
      "signature": "shutdown(task: Task<T>, timeout: number | \"brutal_kill\" = 5000)",
      "text": "Ends a task and waits for its end; a result that came before is not lost.\n\nFollows [Task.shutdown/2](https://hexdocs.pm/elixir/1.18/Task.html#shutdown/2): the link is\ntaken away, the task is sent an exit signal `\"shutdown\"`, and killed if it takes longer."
    }
  ],
  "Task.ignore": [
    {
      "signature": "ignore(task: Task<T>)",
      "text": "Lets a task run on without its owner: no link, no monitor, and its result is dropped.\n\nFollows [Task.ignore/1](https://hexdocs.pm/elixir/1.18/Task.html#ignore/1)."
    }
  ],
  "TaskSupervisor.startLink": [
    {
      "signature": "startLink(options: TaskSupervisorOptions = {})",
      "text": "Starts a Task.Supervisor, linked to the caller.\n\nFollows\n[Task.Supervisor.start_link/1](https://hexdocs.pm/elixir/1.18/Task.Supervisor.html#start_link/1).\nWhen it ends, it tells its tasks to exit with `\"shutdown\"` and kills those that take longer\nthan their `shutdown`."
    }
  ],
  "TaskSupervisor.childSpec": [
    {
      "signature": "childSpec(options: TaskSupervisorOptions = {})",
      "text": "A Task.Supervisor as the child of a supervisor: `[TaskSupervisor, { name }]`."
    }
  ],
  "TaskSupervisor.async": [
    {
      "signature": "async(supervisor: TaskSupervisorRef, fn: TaskFunction<A, T>, args?: NoInfer<A>, options: TaskOptions = {})",
      "text": "Starts a task under a supervisor, linked to the caller and to be awaited by it.\n\nFollows\n[Task.Supervisor.async/5](https://hexdocs.pm/elixir/1.18/Task.Supervisor.html#async/5). If the\ncaller exits, so does the task, and the reverse. If the connection is lost, both ends get\n`\"noconnection\"`."
    }
  ],
  "TaskSupervisor.asyncNolink": [
    {
      "signature": "asyncNolink(supervisor: TaskSupervisorRef, fn: TaskFunction<A, T>, args?: NoInfer<A>, options: TaskOptions = {})",
      "text": "Starts a task under a supervisor, to be awaited by the caller but not linked to it.\n\nFollows\n[Task.Supervisor.async_nolink/5](https://hexdocs.pm/elixir/1.18/Task.Supervisor.html#async_nolink/5):\na crash of the task only fails its await, and the caller's end does not end the task."
    }
  ],
  "TaskSupervisor.startChild": [
    {
      "signature": "startChild(supervisor: TaskSupervisorRef, fn: TaskFunction<A, unknown>, args?: NoInfer<A>, options: StartChildOptions = {})",
      "text": "Starts a task under a supervisor that nobody awaits.\n\nFollows\n[Task.Supervisor.start_child/5](https://hexdocs.pm/elixir/1.18/Task.Supervisor.html#start_child/5)."
    }
  ],
  "TaskSupervisor.children": [
    {
      "signature": "children(supervisor: TaskSupervisorRef)",
      "text": "The tasks under a supervisor."
    }
  ],
  "TaskSupervisor.terminateChild": [
    {
      "signature": "terminateChild(supervisor: TaskSupervisorRef, pid: Pid)",
      "text": "Ends a task of a supervisor, and waits for its end.\n\nFollows\n[Task.Supervisor.terminate_child/2](https://hexdocs.pm/elixir/1.18/Task.Supervisor.html#terminate_child/2)."
    }
  ],
  "TaskSupervisor.stop": [
    {
      "signature": "stop(supervisor: TaskSupervisorRef, reason: unknown = \"normal\", timeout = Infinity)",
      "text": "Stops a supervisor and its tasks."
    }
  ]
};
