import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { ExitError } from "../../../packages/processes/errors.ts";
import {
  Application,
  type ApplicationSpec,
  ApplicationStartError,
} from "../../../packages/servers/application/application.ts";
import { IO } from "../../../packages/node/io/io.ts";
import {
  type Pid,
  Process,
  receive,
  self,
  send,
  spawn,
  spawnLink,
} from "../../../packages/processes/process.ts";
import {
  type ChildDefinition,
  Supervisor,
} from "../../../packages/servers/supervisor/supervisor.ts";
import { ended, processTest } from "../../_processes.ts";
import { logged, output, probe, told } from "../../_supervision.ts";

/** An application whose top supervisor is registered under its name. */
function application(
  name: string,
  children: ChildDefinition[] = [],
  rest: Partial<ApplicationSpec> = {},
): ApplicationSpec {
  const start = () =>
    Supervisor.startLink(children, { strategy: "one_for_one", name });
  return { name, start, ...rest };
}

/** Callbacks that notify the caller of `prepStop` and `stop`. */
function hooks(name: string): Pick<ApplicationSpec, "prepStop" | "stop"> {
  const observer = self();
  return {
    prepStop: () => void send(observer, `prepStop:${name}`),
    stop: () => void send(observer, `stop:${name}`),
  };
}

// start()

processTest("start() fails as the callback does", async () => {
  logged();
  let starts = 0;
  const chat = application("chat");
  const failing: ApplicationSpec = {
    ...chat,
    start: () => {
      if (starts++ === 0) throw new RangeError("no more ports");
      return starts === 2 ? undefined as unknown as Pid : chat.start();
    },
  };
  const error = await assertRejects(
    () => Application.start(failing),
    ApplicationStartError,
    "no more ports",
  );
  assertInstanceOf(error.cause, RangeError);
  await assertRejects(
    () => Application.start(failing),
    ApplicationStartError,
    `its start gave undefined; give the pid of its top supervisor`,
  );
  assertEquals(await Application.start(failing), "ok");
  assertEquals(logged().length, 2, "each is reported");
  await Application.stop("chat");
});

processTest("start() rejects a cycle of applications", async () => {
  const applications: ApplicationSpec[] = [];
  const a = application("a", [], { applications });
  applications.push(application("b", [], { applications: [a] }));
  await assertRejects(
    () => Application.start(a),
    TypeError,
    `"a" depends on "b" depends on "a"`,
  );
});

processTest("an application prints at its own node", async () => {
  const observer = self();
  const talker = () =>
    spawnLink(async () => {
      await IO.puts("hi");
      send(observer, Process.groupLeader());
      await receive();
    });
  const leader = spawn(() => receive());
  const starter = spawn(async () => {
    Process.groupLeader(leader);
    await Application.start(application("chat", [{ id: "a", start: talker }]));
  });
  const user = await receive();
  assert(Process.whereis("user")!.equals(user));
  assertEquals(output(), "hi\n");
  Process.exit(leader, "kill");
  Process.exit(starter, "kill");
  await Application.stop("chat");
});

// stop()

processTest("stop() completes even for its caller", async () => {
  const observer = self();
  const suicidal = application("suicidal", [{
    id: "a",
    start: () =>
      spawnLink(async () => {
        await receive();
        await Application.stop("suicidal");
        send(observer, "never");
      }),
  }], hooks("suicidal"));
  await Application.start(suicidal);
  const [{ pid }] = await Supervisor.whichChildren("suicidal");
  const down = ended(Process.whereis("suicidal")!);
  send(pid as Pid, "stop");
  assertEquals(await down, "shutdown");
  assertEquals(await told(2), ["prepStop:suicidal", "stop:suicidal"]);
});

processTest("stop() kills a top supervisor that takes too long", async () => {
  await Application.start(application("chat", [
    probe("a", { stubborn: true, shutdown: "infinity" }),
  ]));
  await told(1);
  const down = ended(Process.whereis("chat")!);
  // safe: the child never exits by itself, so only the timeout can end it.
  assertEquals(await Application.stop("chat", { timeout: 5 }), "ok");
  assertEquals(await down, "killed");
  Process.exit(Process.whereis("a")!, "kill");
});

processTest("start() while the application stops starts it again", async () => {
  const chat = application("chat", [probe("a", { trap: true })]);
  await Application.start(chat);
  const stopped = Application.stop("chat");
  assertEquals(await Application.start(chat), "ok");
  assertEquals(await stopped, "ok");
  assertEquals(await told(3), ["up:a", "down:a:shutdown", "up:a"]);
  assertEquals(Application.started(), ["chat"]);
  await Application.stop("chat");
  await told(1);
});

processTest("stop() during a start follows the start", async () => {
  const chat = application("chat", [probe("a", { trap: true })]);
  const started = Application.start(chat);
  await told(1);
  assertEquals(await Application.stop("chat"), "ok");
  assertEquals(await started, "ok");
  assertEquals(await told(1), ["down:a:shutdown"]);
  assertEquals(Application.started(), []);
});

// An application that exits by itself

processTest("applications end with the application controller", async () => {
  const chat = application("chat", [], hooks("chat"));
  await Application.start(chat);
  const asked = [Application.start(chat), Application.stop("chat")]
    .map((promise) => assertRejects(() => promise, ExitError));
  Process.exit(Process.whereis("application_controller")!, "kill");
  assertEquals((await Promise.all(asked)).map(({ message }) => message), [
    "exited in: Application.start()\n    ** (EXIT) killed",
    'exited in: Application.stop("chat")\n    ** (EXIT) killed',
  ]);
  assertEquals(await told(2), ["prepStop:chat", "stop:chat"]);
  assertEquals(Application.started(), []);
  assertEquals(await Application.start(application("chat")), "ok");
  await Application.stop("chat");
});

// The environment

processTest("fetchEnv() and fetchEnvOrThrow() name the missing value", () => {
  Application.putEnv("env", "a", undefined);
  assertEquals(Application.fetchEnv("env", "a"), {
    type: "ok",
    value: undefined,
  });
  assertEquals(Application.fetchEnvOrThrow("env", "a"), undefined);
  assertEquals(Application.fetchEnv("env", "c"), "error");
  assertThrows(
    () => Application.fetchEnvOrThrow("env", "c"),
    TypeError,
    `Cannot fetch "c" of the application "env": it is not set on nonode@nohost; put it`,
  );
});
