"""Processes, and the functions for their code."""

import asyncio

from values import Pid, split


class Exit(Exception):
    """Ends the process that raises it, with this reason."""

    def __init__(self, reason):
        super().__init__(repr(reason))
        self.reason = reason


class Process:
    """A process: a coroutine, `fn(process, *args)`, with a mailbox."""

    def __init__(self, node, number, group_leader):
        self.node, self.pid = node, Pid(node.name, number, node.creation)
        self.group_leader = group_leader or self.pid
        self.mailbox, self.woken = [], asyncio.Event()
        self.trap_exit, self.name, self.alive = False, None, True
        self.links, self.unlinks = set(), {}
        self.watchers = {}  # ref of a monitor -> pid of the monitoring process
        self.monitors = {}  # own ref -> pid, or (name, node)
        self.waits = {}  # own ref, the alias of an answer -> future
        self.task = None  # what asyncio runs
        self.result = None  # called with the function's result

    def deliver(self, message):
        self.mailbox.append(message)
        self.woken.set()

    async def receive(self, wanted=lambda message: True):
        """The first matching message."""
        while True:
            for i, message in enumerate(self.mailbox):
                if wanted(message):
                    return self.mailbox.pop(i)
            self.woken.clear()
            await self.woken.wait()

    def send(self, to, message):
        """Sends a message to a pid, or to (name, node)."""
        self.node.send(self.pid, to, message)

    def link(self, to):
        self.links.add(to)
        self.unlinks.pop(to, None)
        self.node.deliver_or_send(to.node, "link", self.pid.number, split(to.number), to.creation)

    def unlink(self, to):
        if to in self.links:
            self.links.discard(to)
            self.unlinks[to] = self.node.new_number()
            self.node.deliver_or_send(
                to.node, "unlink", self.pid.number, split(to.number), to.creation,
                self.unlinks[to],
            )

    def monitor(self, target):
        """Monitors a pid, or (name, node). A message of type DOWN reports the exit."""
        ref = self.node.new_ref()
        self.monitors[ref] = target
        if isinstance(target, Pid):
            what = ("monitor", self.pid.number, split(target.number), target.creation)
        else:
            what = ("monitor_name", self.pid.number, target[0])
        self.node.deliver_or_send(node_of(target), *what, ref.number)
        return ref

    def demonitor(self, ref):
        target = self.monitors.pop(ref, None)
        if target is not None:
            self.node.deliver_or_send(node_of(target), "demonitor", self.pid.number, ref.number)

    async def ask(self, server, make_message):
        """Monitors a server, sends it a message and waits for the reply or the end."""
        await self.node.connect(node_of(server))
        ref = self.monitor(server)
        future = self.waits[ref] = asyncio.get_running_loop().create_future()
        try:
            self.send(server, make_message(ref))
            return await future
        finally:
            del self.waits[ref]
            self.demonitor(ref)

    def call(self, server, request):
        return self.ask(
            server, lambda ref: {"type": "$call", "from": self.pid, "ref": ref, "request": request}
        )

    async def puts(self, line):
        """Prints through the group leader, on whichever node."""
        request = {"type": "put_chars", "chars": line + "\n"}
        return await self.ask(
            self.group_leader,
            lambda ref: {"type": "io_request", "from": self.pid, "replyAs": ref, "request": request},
        )

    async def run_task(self, supervisor, module, function, args):
        """Runs a function on a Task.Supervisor, and returns its result."""
        task = self.node.new_ref()
        future = self.waits[task] = asyncio.get_running_loop().create_future()
        request = {
            "type": "start_task",
            "run": {"module": module, "function": function, "args": args},
            "callers": [self.pid],
            "link": False,
            "task": task,
            "restart": "temporary",
            "shutdown": 5000,
        }
        # The supervisor answers only if it starts no task; otherwise the task answers.
        asked = asyncio.ensure_future(self.call(supervisor, request))
        try:
            done, _ = await asyncio.wait({asked, future}, return_when=asyncio.FIRST_COMPLETED)
            if future not in done:
                raise Exit(asked.result())
            return future.result()
        finally:
            asked.cancel()
            await asyncio.wait({asked})
            del self.waits[task]
            self.demonitor(task)


def node_of(target):
    """The node of a pid or (name, node)."""
    return target.node if isinstance(target, Pid) else target[1]
