/** The memory of processes that wait for a message. */

import { assertLess } from "@std/assert";
import { AsyncLocalStorage } from "node:async_hooks";
import v8 from "node:v8";
import vm from "node:vm";
import {
  type Pid,
  Process,
  receive,
  send,
  spawn,
} from "../../../packages/processes/process.ts";
import { test } from "../../../packages/testing/tags.ts";
import { until } from "../../_until.ts";

const COUNT = 20_000;

v8.setFlagsFromString("--expose-gc");
const collect = vm.runInNewContext("gc") as () => void;

/** The memory that each of `COUNT` things takes, in bytes; the ones before them have warmed up the engine. */
async function bytesOfEach(start: () => Promise<void>): Promise<number> {
  await start();
  collect();
  const before = Deno.memoryUsage().heapUsed;
  await start();
  collect();
  return (Deno.memoryUsage().heapUsed - before) / COUNT;
}

test(
  "an idle process takes less than twice the memory of a promise and its reaction in a context",
  {
    tags: ["slow"],
  },
  async () => {
    const storage = new AsyncLocalStorage<object>();
    const promises: Promise<never>[] = [];
    function wait(): void {
      const promise = new Promise<never>(() => {});
      promise.then(() => {});
      promises.push(promise);
    }
    const least = await bytesOfEach(() => {
      for (let n = 0; n < COUNT; n++) storage.run({ n }, wait);
      return Promise.resolve();
    });
    let waiting = 0;
    function idle(): Promise<unknown> {
      waiting++;
      return receive();
    }
    const pids: Pid[] = [];
    const each = await bytesOfEach(async () => {
      const all = waiting + COUNT;
      for (let n = 0; n < COUNT; n++) pids.push(spawn(idle));
      await until(() => waiting >= all);
    });
    for (const pid of pids) send(pid, "end");
    for (const pid of pids) await until(() => !Process.alive(pid));
    assertLess(each, 2 * least, `bytes; ${promises.length} promises wait`);
  },
);
