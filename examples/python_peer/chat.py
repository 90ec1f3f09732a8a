"""The chat of the lesson, as a node in Python.

    python3 chat.py --sname pat@localhost --cookie secret_token

Then, a line each: `connect NODE`, or without EPMD `connect ADDRESS`, `list`, `send NODE TEXT`, `quit`.
"""

import argparse
import asyncio
import os
import sys

from connection import Refused, Tls
from node import Node
from process import Exit
from servers import serve_tasks
from values import Bytes, Pid, ProtocolError

SUPERVISOR = "Chat.TaskSupervisor"


async def receive_message(process, message):
    """Chat.receiveMessage: prints the message, with control characters escaped."""
    shown = message if isinstance(message, str) else repr(message)
    await process.puts("".join(c if c.isprintable() else repr(c)[1:-1] for c in shown))
    return "ok"


async def send_message(process, recipient, message):
    """Chat.sendMessage: a task on the recipient's node prints the message."""
    return await process.run_task((SUPERVISOR, recipient), "Chat", "receiveMessage", [message])


# The functions below show each kind of signal; nodes of tests/examples/python_peer_test.ts run them.


async def say_name(process):
    """Prints on the spawning node, because the group leader is inherited."""
    return await process.puts("Hi, my name is Pat")


async def echo(process):
    """Answers {from, value} with the value; exits with the reason of {reason}."""
    while True:
        match await process.receive():
            case {"from": Pid() as sender, "value": value}:
                process.send(sender, value)
            case {"reason": reason}:
                raise Exit(reason)


async def watch(process, pid, to):
    """Monitors a process, confirms it, and forwards the DOWN."""
    process.monitor(pid)
    process.send(to, "watching")
    process.send(to, await process.receive())


async def join(process, pid, to):
    """Links to a process, confirms it, and forwards its exit."""
    process.trap_exit = True
    process.link(pid)
    process.send(to, "linked")
    process.send(to, await process.receive())


async def part(process, pid, to):
    """Links to a process and unlinks, so no exit signal arrives."""
    process.link(pid)
    process.unlink(pid)
    process.send(to, "unlinked")
    process.send(to, await process.receive())


async def fail(process, message):
    raise ValueError(message)


def size(process, data):
    return len(data.data if isinstance(data, Bytes) else data)


MODULES = {
    "Chat": {"receiveMessage": receive_message, "sendMessage": send_message},
    "Python": {
        "sayName": say_name,
        "echo": echo,
        "watch": watch,
        "join": join,
        "part": part,
        "fail": fail,
        "size": size,
    },
}


async def obey(node, line):
    command, *rest = line.split(" ", 2)
    match command, rest:
        case "connect", [address] if "@" not in address:
            print(f"connected to {await node.connect_to(address)}", flush=True)
        case "connect", [name]:
            await node.connect(name)
            print(f"connected to {name}", flush=True)
        case "list", []:
            print(" ".join(sorted(node.connections)), flush=True)
        case "send", [recipient, message]:
            answer = asyncio.get_running_loop().create_future()

            async def run(process):
                try:
                    answer.set_result(await send_message(process, recipient, message))
                except Exception as error:
                    answer.set_exception(error)

            node.spawn(run)
            print(await answer, flush=True)
        case _:
            print(__doc__.strip().splitlines()[-1], flush=True)


async def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sname", required=True, help="for example pat@localhost")
    parser.add_argument("--cookie", required=True)
    default_port = int(os.environ.get("ERL_EPMD_PORT") or 4369)
    parser.add_argument("--epmd-port", type=int, default=default_port)
    parser.add_argument("--no-epmd", dest="epmd_port", action="store_const", const=None)
    for name in ("cert", "key", "ca"):
        parser.add_argument(f"--tls-{name}", metavar="FILE")
    flags = parser.parse_args()
    tls = Tls(flags.tls_cert, flags.tls_key, flags.tls_ca) if flags.tls_cert else None
    node = Node(flags.sname, flags.cookie, MODULES, epmd_port=flags.epmd_port, tls=tls)
    try:
        await node.start()
    except Refused as error:
        sys.exit(
            f"Cannot start {flags.sname}: {error}; start a node that serves EPMD first, as deno task chat"
            " does, or use --no-epmd"
        )
    node.spawn(serve_tasks, name=SUPERVISOR)
    print(f"{node.name} is up" + f" on port {node.port}" * (flags.epmd_port is None), flush=True)
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    while (line := (await lines.readline()).decode().strip()) != "quit":
        if not line and lines.at_eof():
            break
        try:
            await obey(node, line)
        except (OSError, EOFError, Exit, Refused, ProtocolError) as error:
            print(f"Cannot do it: {error}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
