import { assert, assertEquals, assertThrows } from "@std/assert";
import { receive, self, spawn } from "../../../mod.ts";
import { ProcessExited } from "../../../packages/processes/errors.ts";
import { Node } from "../../../node.ts";
import { Process } from "../../../packages/processes/process.ts";
import { currentContext } from "../../../packages/processes/context/async_context.ts";
import { insideOf } from "../../../packages/processes/runtime/current_process.ts";
import { test } from "../../../packages/testing/tags.ts";
import { isPending } from "../../_processes.ts";
import { until } from "../../_until.ts";

test("code of a process that has exited holds no process, and knows its node and its end", async () => {
  const gate = Promise.withResolvers<void>();
  const seen = Promise.withResolvers<void>();
  const node = Node.self();
  const pid = spawn(async () => {
    const context = currentContext();
    assert(context?.process === insideOf());
    spawn(() => Process.exit(pid, "over"));
    // As code that awaits something of the host does, it goes on when the process has exited.
    await gate.promise;
    try {
      assert(currentContext() === context);
      assertEquals([context?.process, insideOf()], [undefined, undefined]);
      assertEquals(Node.self(), node);
      const error = assertThrows(() => self(), ProcessExited);
      assertEquals(error.reason, "over");
      assert(await isPending(receive()));
      seen.resolve();
    } catch (error) {
      seen.reject(error);
    }
  });
  await until(() => !Process.alive(pid));
  gate.resolve();
  await seen.promise;
});
