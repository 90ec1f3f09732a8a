/** Requests of a peer whose fields are missing or of another form get the answer that protocol_servers.md promises. */

import { assertEquals, assertNotEquals } from "@std/assert";
import { Agent } from "../../packages/servers/agent/agent.ts";
import { Application } from "../../packages/servers/application/application.ts";
import { globalServer } from "../../packages/cluster/global/global_server.ts";
import { currentRuntime } from "../../packages/processes/runtime/current_process.ts";
import { type Pid, Process } from "../../packages/processes/process.ts";
import { DynamicSupervisor } from "../../packages/servers/supervisor/dynamic_supervisor.ts";
import { Supervisor } from "../../packages/servers/supervisor/supervisor.ts";
import { TaskSupervisor } from "../../task_supervisor.ts";
import { rawTest, theirRef, theirs } from "../_raw_peer.ts";
import { pg } from "../../packages/node/pg/pg.ts";
import { jsonOf, OWN, ROWS } from "./_every_server.ts";

const pid = theirs(1);

/** The servers that answer badarg; of these, requests with other answers, or without any. */
const SERVERS =
  /^(sup|dyn|tasks|agent|application_controller|global_name_server|pg)$/;
const OTHERS = ["cast", "remove_connection"];

/** Further wrong fields, which take the place of right ones, by the type of a request. */
const WRONG: Record<string, Record<string, unknown>[]> = {
  start_task: [
    ...[[pid, 1], [null], pid, "x"].map((callers) => ({ callers })),
    { task: { $ref: [1, 1, 1] } },
    { task: 1 },
    { restart: "always" },
    { shutdown: -1 },
    { shutdown: "soon" },
    { run: { module: "Remote", function: 1, args: [] } },
    { run: { module: "Remote", function: "add", args: 1 } },
    { run: { module: "Remote", function: "add" } },
    { link: "no" },
  ],
  lock_names: [{ wait: "5" }],
  register: [{ entry: { name: "x", pid, resolve: "none" } }],
};

/** Requests to a group leader. */
const IO: Record<string, Record<string, unknown>> = {
  put_chars: { chars: "x" },
  get_line: { prompt: "" },
  get_chars: { prompt: "", count: 1 },
  get_geometry: { of: "rows" },
  requests: { requests: [] },
};

/** Fields that may be any value. */
const ANY = ["id", "resource", "requester", "name"];

/** A request without each field, and with a wrong value of it. */
function* broken(
  type: string,
  fields: Record<string, unknown>,
): Iterable<[string, object]> {
  const wrong: Record<string, unknown>[] = [...WRONG[type] ?? []];
  for (const name of Object.keys(fields)) {
    const { [name]: _, ...rest } = fields;
    yield [`without ${name}`, rest];
    if (ANY.includes(name)) continue;
    wrong.push({ [name]: null }, { [name]: { x: 1 } });
  }
  for (const each of wrong) {
    yield [JSON.stringify(each), { ...fields, ...each }];
  }
}

rawTest("a request with wrong fields is answered with badarg", async (peer) => {
  await Supervisor.startLink([], { strategy: "one_for_one", name: "sup" });
  await DynamicSupervisor.startLink({ name: "dyn" });
  await TaskSupervisor.startLink({ name: "tasks" });
  await Agent.startLink(() => 0, { name: "agent" });
  globalServer(currentRuntime());
  assertEquals(await Application.stop("none"), "not_started");
  await pg.startLink();
  const badarg = { type: "error", reason: "badarg" };
  let ref = 0;
  const ask = async (to: string, request: unknown) => {
    await peer.say([["call_name*", 100, to, ++ref, request]]);
    return await peer.answerTo(ref);
  };
  for (const { process: to, requests, refused = [] } of ROWS) {
    if (typeof to !== "string" || !SERVERS.test(to)) continue;
    const server = Process.whereis(to) as Pid;
    for (const request of [{ type: "sing" }, "sing", null, [1]]) {
      assertEquals(await ask(to, request), badarg, `${to}: ${request}`);
    }
    for (const [type, of] of Object.entries(requests)) {
      if (OTHERS.includes(type)) continue;
      const { type: _, ...fields } = jsonOf(of(OWN)) as { type: string };
      for (const [what, given] of broken(type, fields)) {
        const answer = await ask(to, { type, ...given });
        assertEquals(answer, badarg, `${type} ${what}`);
      }
      // The request itself is not what is wrong.
      const answer = await ask(to, { type, ...fields });
      if (!refused.includes(type)) {
        assertNotEquals<unknown>(answer, badarg, type);
      }
    }
    assertEquals(Process.whereis(to), server);
  }
});

rawTest("a node answers remove_connection, and closes", async (peer) => {
  globalServer(currentRuntime());
  await peer.say([
    ["call_name", 100, "global_name_server", 1, { type: "hello" }],
    ["call_name", 100, "global_name_server", 2, { type: "remove_connection" }],
  ]);
  assertEquals(await peer.answerTo(2), true);
  await peer.closed;
});

rawTest(
  "a group leader refuses a request with wrong fields",
  async (peer) => {
    let ref = 0;
    for (const [type, fields] of Object.entries(IO)) {
      for (const [what, given] of broken(type, fields)) {
        await peer.sayTo("user", {
          type: "io_request",
          from: theirs(100),
          replyAs: theirRef(++ref),
          request: { type, ...given },
        });
        const expected = { type: "error", reason: "request" };
        assertEquals(await peer.answerTo(ref), expected, `${type} ${what}`);
      }
    }
  },
  { io: { write() {}, readLine: () => Promise.resolve("x\n") } },
);
