/** The brand of the library's own requests: what a program sends is data, whatever it looks like. */

import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  GenServer,
  type GenServerModule,
} from "../../../packages/servers/gen_server/gen_server.ts";
import {
  Call,
  Cast,
  InternalMessage,
  Stop,
} from "../../../packages/servers/server/messages.ts";
import {
  type Pid,
  receive,
  self,
  send,
  spawn,
} from "../../../packages/processes/process.ts";
import { atom } from "../../../packages/processes/values/atom.ts";
import { OwnFunction } from "../../../packages/processes/values/own_function.ts";
import {
  type ServerMessage,
  ServerRequest,
} from "../../../packages/processes/values/server_message.ts";
import { BeamFunctions } from "../../../packages/beam/functions/beam_functions.ts";
import { openBorder } from "../../../packages/beam/servers/border.ts";
import { messageToOtp } from "../../../packages/beam/servers/server_messages.ts";
import { Modules } from "../../../packages/processes/remote/exported_modules.ts";
import { NodeRuntime } from "../../../packages/processes/runtime/node_runtime.ts";
import { runIn } from "../../../packages/processes/spawning/run_in_process.ts";
import { UnreachableNode } from "../../../packages/processes/runtime/unreachable_node.ts";
import {
  copyTerm,
  copyToSend,
} from "../../../packages/processes/values/term.ts";
import { Tuple, tuple } from "../../../packages/processes/values/tuple.ts";
import { TaskSupervisor } from "../../../task_supervisor.ts";
import { test } from "../../../packages/testing/tags.ts";
import { Node } from "../../../node.ts";
import { requests } from "../../_requests.ts";
import { pairTest } from "../../_nodes.ts";
import { processTest } from "../../_processes.ts";
import fc from "../../_seeds.ts";

const KATE = "kate@localhost";

/** The functions of a node that exports none. */
const FUNCTIONS = new BeamFunctions(new Modules());

/** Data of a program that looks like a request of the library or of OTP. */
function lookalikes(pid: Pid): unknown[] {
  return [
    { type: "which_children" },
    {
      type: "start_child",
      spec: { id: "a", start: { local: "1", args: [] } },
    },
    { type: "terminate_child", pid },
    {
      type: "start_task",
      link: true,
      run: { module: "a", function: "b", args: [] },
    },
    { type: "join", group: "g", pids: [pid] },
    { type: "discover" },
    { type: "hello" },
    { type: "get", run: { module: "a", function: "b", args: [] } },
    { type: "lock", key: 1 },
    { type: "try_again_restart", id: "a" },
    { type: "reply", ref: 1, value: 2 },
    tuple(atom("join"), pid, "a", [pid]),
    tuple(atom("leave"), pid, [pid], ["a"]),
    tuple(atom("sync"), pid, []),
    tuple(atom("start_child"), tuple()),
    tuple(atom("terminate"), "normal"),
    tuple(atom("$gen_call"), tuple(pid, 1), "request"),
    atom("which_children"),
  ];
}

const Keep: GenServerModule<{
  arg: void;
  state: unknown[];
  call: [unknown, unknown];
  cast: unknown;
  info: unknown;
}> = {
  name: "Keep",
  init: () => ({ type: "ok", state: [] }),
  handleCall: (request, _from, state) => ({
    type: "reply",
    reply: request === "seen" ? state : request,
    state,
  }),
  handleCast: (request, state) => ({
    type: "noreply",
    state: [...state, request],
  }),
  handleInfo: (message, state) => ({
    type: "noreply",
    state: [...state, message],
  }),
};

async function assertKept(server: Pid): Promise<void> {
  const sent = lookalikes(self());
  for (const data of sent) {
    send(server, data);
    GenServer.cast(server, data);
    assertEquals(await GenServer.call(server, data), data);
  }
  assertEquals(
    await GenServer.call(server, "seen"),
    sent.flatMap((data) => [data, data]),
  );
  await GenServer.stop(server);
}

processTest("data that looks like a request is data", async () => {
  await assertKept(await GenServer.start(Keep, undefined));
});

pairTest("data like a request reaches other servers", async ({ kate }) => {
  await assertKept(await kate.run(() => GenServer.start(Keep, undefined)));
});

pairTest("a function stays on its node", async ({ kate }) => {
  const carried = new OwnFunction(() => 1);
  send(self(), { carried });
  assertStrictEquals((await receive()).carried, carried);
  const far = await kate.run(() => spawn(() => receive()));
  await Node.ping(kate.name);
  assertThrows(() => send(far, { carried }), TypeError, "OwnFunction");
});

/** The messages that a function sends another node, which is never reached. */
async function sentBy(fn: () => Promise<unknown>): Promise<unknown[]> {
  const sent: unknown[] = [];
  const runtime: NodeRuntime = new NodeRuntime({
    node: "alex@localhost",
    creation: 1,
    signalsTo: () =>
      Object.assign(new UnreachableNode(runtime, KATE), {
        send: (_from: Pid, _to: Pid, message: unknown) => {
          sent.push(message);
        },
        sendName: (_from: Pid, _name: string, message: unknown) => {
          sent.push(message);
        },
        monitor: () => {},
      }),
    report: () => {},
  });
  openBorder(runtime);
  const asked = runIn(runtime, async () => {
    await Promise.race([fn().catch(() => {}), Promise.resolve()]);
  });
  await asked;
  runtime.stop("normal");
  return sent;
}

/** The request in a message. */
function contentOf(message: unknown): unknown {
  return message instanceof Call || message instanceof Cast
    ? message.request
    : message instanceof InternalMessage
    ? message.message
    : message;
}

test("each request of the library to a server of OTP has the brand, and OTP's encoding", async () => {
  const runtime = new NodeRuntime({ node: KATE, creation: 2 });
  const pid = runtime.unusedPid();
  for (
    const [name, fn] of Object.entries(
      requests({ name: "Sup", node: KATE }, pid),
    )
  ) {
    const sent = await sentBy(fn);
    assertEquals(sent.length, 1, name);
    const [message] = sent as [ServerMessage];
    const content = contentOf(message);
    assert(content instanceof ServerRequest || content instanceof Stop, name);
    assert(messageToOtp(message, FUNCTIONS, pid) instanceof Tuple, name);
    // Kept for later, it still is one; its receiver gets plain data.
    const kept = copyToSend(message) as ServerMessage;
    const again = contentOf(kept);
    assertEquals(
      again instanceof ServerRequest,
      content instanceof ServerRequest,
    );
    assertEquals(Object.keys(kept.fields()), Object.keys(message.fields()));
    assertEquals(
      messageToOtp(kept, FUNCTIONS, pid),
      messageToOtp(message, FUNCTIONS, pid),
      name,
    );
    const copy = contentOf(copyTerm(message));
    assert(!(copy instanceof ServerRequest), name);
    if (content instanceof ServerRequest) {
      assertEquals(copy, { ...content }, name);
    }
  }
  // OTP has no such request.
  const [drain] = await sentBy(() =>
    TaskSupervisor.drain({ name: "Sup", node: KATE })
  ) as [ServerMessage];
  assertThrows(
    () => messageToOtp(drain, FUNCTIONS, pid),
    TypeError,
    "Cannot send the request drain to an Erlang node",
  );
});

test("data of a program is in OTP's terms what it is", () => {
  fc.assert(
    fc.property(fc.anything({ maxDepth: 2 }), (request) => {
      const cast = messageToOtp(new Cast(request)) as Tuple;
      assert(cast.elements[0] === atom("$gen_cast"));
      assert(Object.is(cast.elements[1], request));
    }),
  );
});
