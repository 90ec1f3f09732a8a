"""Servers: a group leader, and a Task.Supervisor."""

from process import Exit
from values import UNDEFINED, Data, Pid, Ref


async def serve_output(process):
    """The group leader of this node's processes."""
    while True:
        message = await process.receive()
        if not isinstance(message, dict) or not isinstance(message.get("replyAs"), Ref):
            continue
        process.node.reply(process.pid, message["replyAs"], output(process.node, message.get("request")))


def output(node, request):
    match request:
        case {"type": "put_chars", "chars": str(chars)}:
            node.out.write(chars)
            node.out.flush()
            return "ok"
        case {"type": "get_line"}:
            return "eof"
        case {"type": "requests", "requests": list(requests)}:
            answer = "ok"
            for each in requests:
                answer = output(node, each)
                if answer != "ok":
                    break
            return answer
    return {"type": "error", "reason": "request"}


async def serve_tasks(process):
    """A Task.Supervisor: it runs exported functions, without restarts."""
    process.trap_exit, children = True, {}
    while True:
        match await process.receive():
            case Data():
                continue
            case {"type": "$call", "from": Pid() as caller, "ref": Ref() as ref, "request": asked}:
                answer = supervise(process, children, caller, asked)
                if answer is not UNDEFINED:
                    process.node.reply(process.pid, ref, answer)
            case {"type": "$stop", "from": Pid(), "ref": Ref(), "reason": reason}:
                for child in children.values():
                    process.node.end(child, "shutdown")
                raise Exit(reason)
            case {"type": "EXIT", "from": Pid() as child}:
                children.pop(child, None)


def supervise(supervisor, children, caller, asked):
    match asked:
        case {"type": "start_task", "run": dict(run), "link": bool(), "restart": "temporary"}:
            found, error, message = supervisor.node.exported(run)
            if found is None:
                return {"type": "error", "reason": error, "message": message}
            child = start_task(supervisor, caller, asked, found)
            children[child.pid] = child
            return UNDEFINED if "task" in asked else {"type": "ok", "pid": child.pid}
        case {"type": "which_children"}:
            return [{"pid": pid, "type": "worker"} for pid in children]
        case {"type": "terminate_child", "pid": Pid() as pid} if pid in children:
            supervisor.node.end(children.pop(pid), "shutdown")
            return "ok"
        case {"type": "terminate_child"}:
            return {"type": "error", "reason": "not_found"}
    return {"type": "error", "reason": "badarg"}


def start_task(supervisor, caller, asked, fn):
    node = supervisor.node

    def link(process):
        process.links.add(supervisor.pid)
        supervisor.links.add(process.pid)

    args, leader, task = asked["run"]["args"], supervisor.group_leader, asked.get("task")
    there = node.there(caller.node)
    if not isinstance(task, Ref) or there is None:
        return node.spawn(fn, *args, group_leader=leader, before=link)

    def answer_too(process):
        link(process)
        process.result = lambda value: node.reply(process.pid, task, value)

    return node.start_for(
        there, caller.number, task.number, fn, args,
        asked["link"], True, leader, answer_too,
    )
