"""A node: processes, and the effects of the signals of docs/protocol.md."""

import asyncio
import itertools
import random
import sys
import traceback

import addresses
import connection
from connection import Connection, Refused
from process import Exit, Process, node_of
from servers import serve_output
from values import (
    Error, Pid, ProtocolError, Ref, array, boolean, joined, natural, need, node_name, short_name,
    text,
)


class Node:
    """A node of the name `name`, which exports `modules`: functions by module and name."""

    def __init__(
        self, name, cookie, modules, epmd_port=4369, tls=None, tick_time=60, out=sys.stdout
    ):
        self.name, self.cookie, self.modules, self.tls = name, cookie, modules, tls
        self.epmd_port, self.tick_time, self.out = epmd_port, tick_time, out
        self.creation = 0
        self.numbers = itertools.count(1)
        self.processes, self.names = {}, {}
        self.watched = {}  # ref of a monitor -> the monitored process
        self.calls = set()  # refs of monitors of calls, which a reply ends
        self.connections, self.dialling, self.places = {}, {}, {}
        self.tasks, self.user = set(), None

    def log(self, line):
        print(line, file=sys.stderr, flush=True)

    # The node on the network

    async def start(self):
        secure = self.tls and self.tls.server
        self.server = await asyncio.start_server(self.accept, "127.0.0.1", 0, ssl=secure)
        self.port = self.server.sockets[0].getsockname()[1]
        if self.epmd_port is None:
            self.creation = random.randint(4, 2**32 - 1)
        else:
            registered = asyncio.get_running_loop().create_future()
            self.background(self.stay_registered(registered))
            try:
                async with asyncio.timeout(connection.EPMD_SECONDS):
                    await registered
            except TimeoutError:
                raise Refused(f"no EPMD answers at 127.0.0.1:{self.epmd_port}") from None
        self.user = self.spawn(serve_output, name="user").pid

    def background(self, coroutine):
        task = asyncio.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def stay_registered(self, registered):
        """Registers, and registers again whenever the connection to EPMD ends."""
        while True:
            extra = connection.WIRE + (f" creation={self.creation}" if self.creation else "")
            short = self.name.split("@")[0]
            try:
                given, reader, writer = await connection.register(
                    "127.0.0.1", self.epmd_port, short, self.port, extra
                )
            except (OSError, asyncio.IncompleteReadError):
                await asyncio.sleep(0.04)  # until a process serves EPMD's protocol
                continue
            except Refused as error:
                if not registered.done():
                    return registered.set_exception(error)
                await asyncio.sleep(0.04)
                continue
            if self.creation == 0:
                self.creation = given if given >= 4 else random.randint(4, 2**32 - 1)
            if not registered.done():
                registered.set_result(None)
            try:
                await reader.read()
            except ConnectionError:
                pass
            writer.close()
            await asyncio.sleep(random.random() * 0.02)

    def admit(self, name, stale=None):
        """The status for a dialling node; the connection `stale` does not count."""
        if name == self.name or ("." in name.split("@")[1]) != ("." in self.name.split("@")[1]):
            return "not_allowed"
        if name in self.connections and self.connections[name] is not stale:
            return "alive"
        if name in self.dialling:
            return "nok" if self.name < name else "ok_simultaneous"
        return "ok"

    async def accept(self, reader, writer):
        try:
            async with asyncio.timeout(5):
                theirs = await connection.accept(self, reader, writer)
        except (OSError, EOFError, Refused, ProtocolError) as error:
            writer.close()
            return self.log(f"a connection is refused: {error or type(error).__name__}")
        if theirs is None:
            return writer.close()
        self.up(theirs, reader, writer)

    async def connect(self, name):
        """Connects to a node, if there is no connection."""
        if name == self.name or name in self.connections:
            return
        if name not in self.dialling:
            self.dialling[name] = self.background(self.dial(name))
        try:
            await asyncio.shield(self.dialling[name])
        finally:
            self.dialling.pop(name, None)

    async def connect_to(self, address):
        """Connects to the node at an address; returns its name."""
        place = addresses.parsed(address)
        need(place is not None, f"{address} is no address")
        reader, writer = await asyncio.open_connection(*place, ssl=self.tls and self.tls.client)
        try:
            async with asyncio.timeout(5):
                name = await connection.ask(self, reader, writer)
        finally:
            writer.close()
        self.places[name] = place
        await self.connect(name)
        return name

    async def find(self, name):
        """The host and port of a node."""
        short, host = name.split("@")
        host = "127.0.0.1" if host == "localhost" else host
        found = self.epmd_port and await connection.look_up(host, self.epmd_port, short)
        if not found:
            if name in self.places:
                return self.places[name]
            raise Refused(f"Cannot connect to {name}: EPMD does not know it")
        port, extra = found
        if extra.split(" ")[0] != connection.WIRE:
            raise Refused(f"Cannot connect to {name}: it speaks {extra!r}")
        return host, port

    async def dial(self, name):
        for _ in range(3):
            host, port = await self.find(name)
            secure = self.tls and self.tls.client
            reader, writer = await asyncio.open_connection(host, port, ssl=secure)
            try:
                async with asyncio.timeout(5):
                    theirs = await connection.dial(self, name, reader, writer)
                if name in self.connections:
                    return writer.close()
                return self.up(theirs, reader, writer, (host, port))
            except Refused as error:
                writer.close()
                if error.status not in ("nok", "alive"):
                    raise
            except BaseException:
                writer.close()
                raise
            for _ in range(50):
                if name in self.connections:
                    return
                await asyncio.sleep(0.02)
        raise Refused(f"Cannot connect to {name}: it refused three times")

    def up(self, theirs, reader, writer, dialled=None):
        there = Connection(self, theirs, reader, writer)
        there.remote = writer.get_extra_info("peername")[0]
        there.place = addresses.place_of(theirs, there.remote, dialled)
        if there.name in self.connections:
            self.connections[there.name].writer.close()
            self.gone(self.connections[there.name])
        others = [each for each in self.connections.values() if not each.hidden]
        self.connections[there.name] = there
        if others and not theirs["hidden"]:
            items = [[each.name for each in others]]
            if there.takes_addresses:
                items.append([addresses.shown(each.place, there.remote) for each in others])
            there.send("peers", *items)
        self.background(self.serve(there))

    async def serve(self, there):
        try:
            await there.run()
        finally:
            self.gone(there)

    def gone(self, there):
        if self.connections.get(there.name) is there:
            del self.connections[there.name]
            self.know({there.name: there.place})
            for process in list(self.processes.values()):
                self.lost(process, there.name)

    def lost(self, process, node):
        for ref, watcher in list(process.watchers.items()):
            if watcher.node == node:
                del process.watchers[ref], self.watched[ref]
                self.calls.discard(ref)
        for pid in [pid for pid in process.unlinks if pid.node == node]:
            del process.unlinks[pid]
        for ref, target in list(process.monitors.items()):
            if node_of(target) == node:
                self.down(process, ref, "noconnection")
        for pid in [pid for pid in process.links if pid.node == node]:
            process.links.discard(pid)
            self.exit_signal(process, pid, "noconnection", linked=True)

    # Processes

    def new_number(self):
        return next(self.numbers)

    def new_ref(self):
        return Ref(self.name, self.new_number(), self.creation)

    def spawn(self, fn, *args, name=None, group_leader=None, before=None):
        """Starts a process; `before` is called with it before it runs."""
        process = Process(self, self.new_number(), group_leader or self.user)
        self.processes[process.pid.number] = process
        if name is not None:
            process.name, self.names[name] = name, process
        if before is not None:
            before(process)
        process.task = self.background(self.run(process, fn, args))
        return process

    async def run(self, process, fn, args):
        try:
            result = fn(process, *args)
            if asyncio.iscoroutine(result):
                result = await result
            if process.result is not None:
                process.result(result)
            reason = "normal"
        except Exit as error:
            reason = error.reason
        except asyncio.CancelledError:
            return
        except Exception as error:
            reason = Error(type(error).__name__, str(error), traceback.format_exc(limit=5))
        self.end(process, reason)

    def end(self, process, reason):
        """Ends a process: notifies linked and monitoring processes."""
        if not process.alive:
            return
        process.alive = False
        del self.processes[process.pid.number]
        if process.name is not None:
            del self.names[process.name]
        for ref in list(process.monitors):
            process.demonitor(ref)
        number = process.pid.number
        for pid in process.links:
            self.deliver_or_send(pid.node, "exit_link", number, self.creation, pid.number, reason)
        for ref, watcher in process.watchers.items():
            del self.watched[ref]
            self.calls.discard(ref)
            self.deliver_or_send(watcher.node, "down", number, watcher.number, ref.number, reason)
        if process.task is not None and process.task is not asyncio.current_task():
            process.task.cancel()

    def exit_signal(self, process, sender, reason, linked=False):
        if reason == "kill" and not linked:
            self.end(process, "killed")
        elif process.trap_exit:
            process.deliver({"type": "EXIT", "from": sender, "reason": reason})
        elif reason != "normal" or process.pid == sender:
            self.end(process, reason)

    def down(self, process, ref, reason):
        target = process.monitors.pop(ref, None)
        if target is None and ref not in process.waits:
            return
        if ref not in process.waits:
            process.deliver({"type": "DOWN", "ref": ref, "object": target, "reason": reason})
        elif not process.waits[ref].done():
            process.waits[ref].set_exception(Exit(reason))

    # Signals out

    VALUES = ("send", "send_name", "send_alias", "reply", "answer", "exit", "exit_link", "down")

    def there(self, node):
        return self if node == self.name else self.connections.get(node)

    def deliver_or_send(self, node, kind, *items):
        """Sends a signal; without a connection, acts as if the connection had ended."""
        there = self.there(node)
        if there is self:
            self.signal(self, kind, list(items))
        elif there is not None:
            (there.send_value if kind in self.VALUES else there.send)(kind, *items)
        elif kind in ("monitor", "monitor_name", "link") and items[0] in self.processes:
            self.lost(self.processes[items[0]], node)

    def send(self, sender, to, message):
        if isinstance(to, Pid):
            self.deliver_or_send(to.node, "send", sender.number, to.number, message)
        else:
            self.deliver_or_send(to[1], "send_name", sender.number, to[0], message)

    def reply(self, sender, alias, value):
        # The reply to a call ends its monitor here, too.
        kind = "reply"
        if alias in self.calls:
            kind = "answer"
            self.unwatch(alias)
        self.deliver_or_send(alias.node, kind, sender.number, alias.number, value)

    # Signals in

    def signal(self, there, kind, items):
        """Handles a signal of a peer, or of this node to itself."""
        handler = getattr(self, "on_" + kind, None)
        need(handler is not None, f"unknown signal {kind:.40}")
        try:
            handler(there, *items)
        except TypeError as error:
            raise ProtocolError(f"{kind} of the wrong shape: {error}") from None

    def process(self, number, creation=None):
        """A process of this node; one of any incarnation may have a number that none has."""
        number = natural(number) if creation is None else joined(number)
        known = creation is None or natural(creation) == self.creation
        return self.processes.get(number) if known else None

    def on_send(self, there, sender, to, *messages):
        natural(sender), natural(to)
        need(len(messages) > 0, "a send of nothing")
        for message in messages:
            if process := self.process(to):
                process.deliver(message)

    def on_send_name(self, there, sender, name, message):
        natural(sender)
        if process := self.names.get(short_name(name)):
            process.deliver(message)

    def on_send_alias(self, there, sender, alias, message):
        natural(sender), natural(alias)  # this peer has aliases for answers only

    def on_call(self, there, sender, to, number, request):
        self.on_monitor(there, sender, to, self.creation, number)
        self.note_call(there, number)
        self.on_send(there, sender, to, self.request_of(there, sender, number, request))

    def on_call_name(self, there, sender, name, number, request):
        self.on_monitor_name(there, sender, name, number)
        self.note_call(there, number)
        self.on_send_name(there, sender, name, self.request_of(there, sender, number, request))

    def note_call(self, there, number):
        ref = Ref(there.name, natural(number), there.creation)
        if ref in self.watched:
            self.calls.add(ref)

    def request_of(self, there, sender, number, request):
        caller = Pid(there.name, natural(sender), there.creation)
        ref = Ref(there.name, natural(number), there.creation)
        return {"type": "$call", "from": caller, "ref": ref, "request": request}

    def on_reply(self, there, sender, alias, value):
        ref = Ref(self.name, natural(alias), self.creation)
        for process in self.processes.values():
            if ref in process.waits and not process.waits[ref].done():
                process.waits[ref].set_result(value)

    def on_answer(self, there, sender, alias, value):
        ref = Ref(self.name, natural(alias), self.creation)
        for process in self.processes.values():
            target = process.monitors.get(ref)
            if target is not None and node_of(target) == there.name:
                del process.monitors[ref]
        self.on_reply(there, sender, alias, value)

    def on_link(self, there, sender, to, creation):
        pid = Pid(there.name, natural(sender), there.creation)
        process = self.process(to, creation)
        if process is None:
            self.deliver_or_send(there.name, "exit_link", to, creation, sender, "noproc")
        elif pid not in process.unlinks:
            process.links.add(pid)

    def on_unlink(self, there, sender, to, creation, number):
        pid = Pid(there.name, natural(sender), there.creation)
        process = self.process(to, creation)
        if process is not None and pid not in process.unlinks:
            process.links.discard(pid)
        need(natural(number) > 0, "an unlink with the id 0")
        self.deliver_or_send(there.name, "unlink_ack", to, sender, natural(number))

    def on_unlink_ack(self, there, sender, to, number):
        natural(number)
        pid = Pid(there.name, joined(sender), there.creation)
        process = self.process(to)
        if process is not None and process.unlinks.get(pid) == number:
            del process.unlinks[pid]

    def on_exit(self, there, sender, to, reason):
        natural(sender)
        if process := self.process(to):
            self.exit_signal(process, Pid(there.name, natural(sender), there.creation), reason)

    def on_exit_link(self, there, sender, creation, to, reason):
        pid, process = Pid(there.name, joined(sender), natural(creation)), self.process(to)
        if process is not None and pid in process.links:
            process.links.discard(pid)
            self.exit_signal(process, pid, reason, linked=True)

    def on_monitor(self, there, sender, to, creation, ref):
        self.watch(there, sender, ref, self.process(to, creation), to)

    def on_monitor_name(self, there, sender, name, ref):
        self.watch(there, sender, ref, self.names.get(short_name(name)))

    def watch(self, there, sender, ref, process, number=0):
        watcher = Pid(there.name, natural(sender), there.creation)
        ref = Ref(there.name, natural(ref), there.creation)
        if process is None:
            self.deliver_or_send(there.name, "down", number, sender, ref.number, "noproc")
        else:
            self.unwatch(ref)
            process.watchers[ref], self.watched[ref] = watcher, process

    def unwatch(self, ref):
        self.calls.discard(ref)
        if process := self.watched.pop(ref, None):
            del process.watchers[ref]

    def on_demonitor(self, there, sender, ref):
        natural(sender)
        self.unwatch(Ref(there.name, natural(ref), there.creation))

    def on_down(self, there, sender, to, ref, reason):
        joined(sender), natural(ref)
        if process := self.process(to):
            self.down(process, Ref(self.name, natural(ref), self.creation), reason)

    def on_spawn(self, there, sender, ref, request):
        need(isinstance(request, dict) and isinstance(request.get("run"), dict), "nothing to run")
        need(isinstance(request.get("groupLeader"), Pid), "a spawn without a group leader")
        link, monitor = boolean(request.get("link")), boolean(request.get("monitor"))
        found, error, message = self.exported(request["run"])
        if found is None:
            return self.deliver_or_send(there.name, "not_spawned", sender, natural(ref), error, message)
        self.start_for(
            there, sender, ref, found, request["run"]["args"],
            link, monitor, request["groupLeader"],
        )

    def start_for(self, there, sender, ref, fn, args, link, monitor, group_leader, then=None):
        """Starts a process for another node; `spawned` is the first signal to it."""
        owner = Pid(there.name, natural(sender), there.creation)

        def before(process):
            if link:
                process.links.add(owner)
            if monitor:
                self.watch(there, sender, ref, process)
            self.deliver_or_send(there.name, "spawned", process.pid.number, sender, ref, link, monitor)
            if then is not None:
                then(process)

        return self.spawn(fn, *args, group_leader=group_leader, before=before)

    def exported(self, run):
        """The function to run, or the reason why there is none."""
        need(isinstance(run.get("args"), list), "no arguments")
        if "source" in run:
            text(run["source"])
            return None, "closure", "closures are not allowed at this node"
        module, name = short_name(run.get("module")), short_name(run.get("function"))
        found = self.modules.get(module, {}).get(name)
        if found is None:
            arity = len(run["args"])
            return None, "undef", f"function {module}.{name}/{arity} is not exported"
        return found, None, None

    def on_spawned(self, there, sender, to, ref, link, monitor):
        """A task has started for a process here, which is notified of its end from now on."""
        boolean(link), boolean(monitor)
        if process := self.process(to):
            ref = Ref(self.name, natural(ref), self.creation)
            if ref in process.waits:
                process.monitors[ref] = Pid(there.name, natural(sender), there.creation)
        elif link is True:
            self.deliver_or_send(there.name, "exit_link", to, self.creation, sender, "noproc")

    def on_not_spawned(self, there, to, ref, error, message):
        natural(to), natural(ref), text(message, 4096)  # this peer spawns nothing
        need(error in ("undef", "not_allowed", "closure", "limit"), "an unknown reason")

    def on_group_leader(self, there, sender, to, leader):
        need(isinstance(leader, Pid), "a group leader that is no pid")
        if process := self.process(to):
            process.group_leader = leader

    def know(self, places):
        """Remembers the addresses of the latest nodes."""
        self.places.update((name, place) for name, place in places.items() if place is not None)
        while len(self.places) > addresses.MAX_KNOWN:
            del self.places[next(iter(self.places))]

    def on_peers(self, there, names, *given):
        names = [node_name(name) for name in array(names)]
        need(len(given) < 2, "peers with more than addresses")
        if given:
            places = addresses.announced(names, given[0], there.remote)
            self.know({name: place for name, place in places.items() if name not in self.connections})
        for name in names:
            if name not in self.connections:
                self.background(self.try_to_connect(name))

    async def try_to_connect(self, name):
        try:
            await self.connect(name)
        except (OSError, EOFError, Refused, ProtocolError) as error:
            self.log(str(error))
