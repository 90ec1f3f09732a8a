/**
 * The bodies of the scenarios of `elixir/limits.ex` whose Elixir text says nothing of a program in JavaScript: its
 * numbers, texts and variables are the interpreter's there. Every other scenario stands once, in Elixir.
 */

import { Process, self, send, spawn, spawnMonitor } from "../../mod.ts";
import { forever, next, trace, traceNext, traceNothing } from "./_scenario.ts";

export const IN_TYPESCRIPT: Readonly<Record<string, () => unknown>> = {
  async "limits: a variable that the closure of another process changes"() {
    const main = self();
    let count = 1;
    spawn(() => {
      count = count + 1;
      send(main, count);
    });
    await traceNext("theirs");
    await trace("ours", count);
  },

  async "limits: a number knows whether it is an integer"() {
    send(self(), 2.0);
    await trace("integer", Number.isInteger(await next()));
  },

  async "limits: an exit signal with a text that is spelled as an atom"() {
    const { pid } = spawnMonitor(forever);
    await trace("pid", pid);
    Process.exit(pid, "normal");
    await traceNothing("got");
  },
};
