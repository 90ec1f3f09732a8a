import {
  Process,
  receive,
  self,
  send,
  spawn,
  spawnMonitor,
} from "../../../mod.ts";
import {
  attempt,
  expect,
  forever,
  next,
  scenario,
  trace,
  traceNext,
  traceNothing,
} from "../_scenario.ts";

function compute(until: number): void {
  // safe: computes, and decides nothing
  while (performance.now() < until);
}

scenario(
  "a process that computes is killed",
  {
    difference: {
      row: "no-preemption",
      elixir: ["pid: #P1", "first: DOWN(#R1, #P1, killed)", "second: nothing"],
      typescript: [
        "pid: #P1",
        "first: computed",
        "second: DOWN(#R1, #P1, normal)",
      ],
    },
  },
  async () => {
    const main = self();
    const { pid } = spawnMonitor(() => {
      send(main, "begun");
      compute(performance.now() + 300);
      send(main, "computed");
    });
    await trace("pid", pid);
    await expect("begun");
    Process.exit(pid, "kill");
    await traceNext("first");
    await traceNothing("second");
  },
);

scenario(
  "a killed process runs no cleanup",
  {
    difference: {
      row: "code-of-the-dead",
      elixir: ["pid: #P1", "got: DOWN(#R1, #P1, killed)", "cleaned: 0"],
      typescript: ["pid: #P1", "got: DOWN(#R1, #P1, killed)", "cleaned: 1"],
    },
  },
  async () => {
    let cleaned = 0;
    const main = self();
    const { pid } = spawnMonitor(async () => {
      try {
        send(main, "begun");
        await receive();
      } finally {
        cleaned++;
      }
    });
    await trace("pid", pid);
    await expect("begun");
    Process.exit(pid, "kill");
    await traceNext("got");
    // safe: the code of a killed process goes on before any timer
    await Process.sleep(10);
    await trace("cleaned", cleaned);
  },
);

scenario(
  "a variable that the closure of another process changes",
  {
    difference: {
      row: "shared-memory",
      elixir: ["theirs: 2", "ours: 1"],
      typescript: ["theirs: 2", "ours: 2"],
    },
  },
  async () => {
    const main = self();
    let count = 1;
    spawn(() => {
      count = count + 1;
      send(main, count);
    });
    await traceNext("theirs");
    await trace("ours", count);
  },
);

scenario(
  "a number knows whether it is an integer",
  {
    difference: {
      row: "numbers",
      elixir: ["integer: false"],
      typescript: ["integer: true"],
    },
  },
  async () => {
    send(self(), 2.0);
    await trace("integer", Number.isInteger(await next()));
  },
);

scenario(
  "a function in a message",
  {
    difference: {
      row: "functions",
      elixir: ["send: ok", "ready: true"],
      typescript: ["send: raised(ArgumentError)", "ready: false"],
    },
  },
  async () => {
    await attempt("send", () => {
      send(self(), (() => 42) as unknown);
      return "ok";
    });
    await trace("ready", typeof await next(0) === "function");
  },
);

scenario(
  "an exit signal with a text that is spelled as an atom",
  {
    difference: {
      row: "atoms",
      elixir: ["pid: #P1", "got: DOWN(#R1, #P1, normal)"],
      typescript: ["pid: #P1", "got: nothing"],
    },
  },
  async () => {
    const { pid } = spawnMonitor(forever);
    await trace("pid", pid);
    Process.exit(pid, "normal");
    await traceNothing("got");
  },
);
