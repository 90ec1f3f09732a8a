import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import {
  Application,
  type ApplicationSpec,
  ApplicationStartError,
} from "../application.ts";
import { IO } from "../io.ts";
import {
  exit,
  groupLeader,
  type Pid,
  receive,
  self,
  send,
  spawn,
  spawnLink,
  whereis,
} from "../process.ts";
import { Runtime } from "../runtime/runtime.ts";
import { type ChildDefinition, Supervisor } from "../supervisor.ts";
import { ended, isPending, mail, processTest, turn } from "./_processes.ts";
import { logged, output, probe, told } from "./_supervision.ts";

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

/** Tells the caller of `prepStop` and `stop`. */
function hooks(name: string): Pick<ApplicationSpec, "prepStop" | "stop"> {
  const observer = self();
  return {
    prepStop: () => void send(observer, `prepStop:${name}`),
    stop: () => void send(observer, `stop:${name}`),
  };
}

// start()

processTest("start() starts the top supervisor, once", async () => {
  const chat = application("chat", [probe("a")]);
  assertEquals(await Application.start(chat), "ok");
  assertEquals(await Application.start(chat), "already_started");
  assertEquals(Application.started(), ["chat"]);
  assertEquals(await told(1), ["up:a"]);
  await Application.stop("chat");
});

processTest(
  "start() that is called while it starts waits for the start",
  async () => {
    const observer = self();
    const slow: ApplicationSpec = {
      name: "slow",
      start: async () => {
        send(observer, self());
        await receive((message) => message === "go on");
        return Supervisor.startLink([], { strategy: "one_for_one" });
      },
    };
    const first = Application.start(slow);
    const master = await receive();
    const second = Application.start(slow);
    assertEquals(Application.started(), []);
    assert(await isPending(second));
    send(master, "go on");
    assertEquals(await Promise.all([first, second]), ["ok", "ok"]);
    await Application.stop("slow");
  },
);

processTest(
  "start() starts what it depends on first, and each once",
  async () => {
    const base = application("base", [probe("1")]);
    const left = application("left", [probe("2")], { applications: [base] });
    const right = application("right", [probe("3")], { applications: [base] });
    const top = application("top", [probe("4")], {
      applications: [left, right],
    });
    assertEquals(await Application.start(top), "ok");
    assertEquals(await told(4), ["up:1", "up:2", "up:3", "up:4"]);
    assertEquals(Application.started(), ["base", "left", "right", "top"]);
    for (const name of ["base", "left", "right", "top"]) {
      await Application.stop(name);
    }
    assertEquals(Application.started(), []);
  },
);

processTest(
  "start() stops again what it started when one does not start",
  async () => {
    const kept = application("kept");
    await Application.start(kept);
    const base = application("base", [probe("a", { trap: true })]);
    const bad = application("bad", [
      { id: "port", start: () => exit("in_use") },
    ], { applications: [kept, base] });
    const top = application("top", [probe("b")], { applications: [bad] });
    const error = await assertRejects(
      () => Application.start(top),
      ApplicationStartError,
    );
    assertEquals(error.application, "bad");
    assertEquals(error.reason, {
      type: "shutdown",
      reason: { type: "failed_to_start_child", id: "port", reason: "in_use" },
    });
    assertMatch(error.message, /^Cannot start the application "bad": shutdown/);
    assertEquals(Application.started(), ["kept"]);
    assertEquals(await told(2), ["up:a", "down:a:shutdown"]);
    await Application.stop("kept");
  },
);

processTest(
  "start() fails when start throws or gives no pid, and can be tried again",
  async () => {
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
  },
);

processTest("start() refuses what is not an application", async () => {
  await assertRejects(
    () => Application.start({ name: "a" } as ApplicationSpec),
    TypeError,
    "an application has a name and a start",
  );
  const applications: ApplicationSpec[] = [];
  const a = application("a", [], { applications });
  applications.push(application("b", [], { applications: [a] }));
  await assertRejects(
    () => Application.start(a),
    TypeError,
    `"a" depends on "b" depends on "a"`,
  );
});

processTest("an application outlives the process that started it", async () => {
  const chat = application("chat", [probe("a", { trap: true })]);
  await ended(spawn(() => Application.start(chat)));
  const starter = spawn(async () => {
    await Application.start(chat);
    exit("oops");
  });
  assertEquals(await ended(starter), "oops");
  await turn();
  assertEquals(Application.started(), ["chat"]);
  assertEquals(await mail(), ["up:a"]);
  await Application.stop("chat");
  assertEquals(await told(1), ["down:a:shutdown"]);
});

processTest(
  "an application prints at the node, wherever it is started",
  async () => {
    const observer = self();
    const talker = () =>
      spawnLink(async () => {
        await IO.puts("hi");
        send(observer, groupLeader());
        await receive();
      });
    const leader = spawn(() => receive());
    const starter = spawn(async () => {
      groupLeader(leader);
      await Application.start(
        application("chat", [{ id: "a", start: talker }]),
      );
    });
    const user = await receive();
    assert(whereis("user")!.equals(user));
    assertEquals(output(), "hi\n");
    exit(leader, "kill");
    exit(starter, "kill");
    await Application.stop("chat");
  },
);

// stop()

processTest("stop() stops in order, and waits", async () => {
  const chat = application("chat", [
    probe("a", { trap: true }),
    probe("b", { trap: true }),
  ], hooks("chat"));
  await Application.start(chat);
  assertEquals(await Application.stop("chat"), "ok");
  assertEquals(await mail(), [
    "up:a",
    "up:b",
    "prepStop:chat",
    "down:b:shutdown",
    "down:a:shutdown",
    "stop:chat",
  ]);
  assertEquals(await Application.stop("chat"), "not_started");
});

processTest("stop() leaves those alone that depend on it", async () => {
  const base = application("base", [], hooks("base"));
  const top = application("top", [], {
    ...hooks("top"),
    applications: [base],
  });
  await Application.start(top);
  const twice = [Application.stop("base"), Application.stop("base")];
  assertEquals(await Promise.all(twice), ["ok", "ok"]);
  assertEquals(await mail(), ["prepStop:base", "stop:base"]);
  assertEquals(Application.started(), ["top"]);
  await Application.stop("top");
  assertEquals(await mail(), ["prepStop:top", "stop:top"]);
});

processTest(
  "stop() goes on when the process that called it is stopped by it",
  async () => {
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
    const down = ended(whereis("suicidal")!);
    send(pid as Pid, "stop");
    assertEquals(await down, "shutdown");
    assertEquals(await told(2), ["prepStop:suicidal", "stop:suicidal"]);
  },
);

processTest("stop() kills a top supervisor that takes too long", async () => {
  await Application.start(application("chat", [
    probe("a", { stubborn: true, shutdown: "infinity" }),
  ]));
  await told(1);
  const down = ended(whereis("chat")!);
  assertEquals(await Application.stop("chat", { timeout: 5 }), "ok");
  assertEquals(await down, "killed");
  exit(whereis("a")!, "kill");
});

processTest(
  "stop() stops all when prepStop and stop throw, and tells the log",
  async () => {
    logged();
    const fail = () => {
      throw new Error("cannot say goodbye");
    };
    await Application.start(
      application("chat", [probe("a", { trap: true })], {
        prepStop: fail,
        stop: fail,
      }),
    );
    assertEquals(await Application.stop("chat"), "ok");
    assertEquals(await told(2), ["up:a", "down:a:shutdown"]);
    const log = logged();
    assertEquals(log.length, 1);
    assertMatch(log[0], /cannot say goodbye/);
  },
);

processTest("start() while it stops starts it again", async () => {
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

processTest("stop() while it starts stops it when it has started", async () => {
  const chat = application("chat", [probe("a", { trap: true })]);
  const started = Application.start(chat);
  await told(1);
  assertEquals(await Application.stop("chat"), "ok");
  assertEquals(await started, "ok");
  assertEquals(await told(1), ["down:a:shutdown"]);
  assertEquals(Application.started(), []);
});

// An application that ends by itself

processTest(
  "an application that ends by itself is reported and no longer started",
  async () => {
    logged();
    const base = application("base", [], hooks("base"));
    await Application.start(application("top", [], { applications: [base] }));
    exit(whereis("base")!, "kill");
    assertEquals(await told(2), ["prepStop:base", "stop:base"]);
    await turn();
    assertEquals(Application.started(), ["top"]);
    assertEquals(logged(), [`error: Application "base" exited: killed`]);
    assertEquals(await Application.start(base), "ok");
    await Application.stop("base");
    await Application.stop("top");
    assertEquals(Application.started(), []);
    await mail();
  },
);

processTest("applications end with the application controller", async () => {
  await Application.start(application("chat", [], hooks("chat")));
  exit(whereis("application_controller")!, "kill");
  assertEquals(await told(2), ["prepStop:chat", "stop:chat"]);
  assertEquals(Application.started(), []);
  assertEquals(await Application.start(application("chat")), "ok");
  await Application.stop("chat");
});

// The environment

processTest(
  "getEnv() gives a value, undefined, or what is given for it",
  () => {
    Application.putEnv("env", "a", 1);
    Application.putEnv("env", "nothing", undefined);
    assertEquals(Application.getEnv("env", "a"), 1);
    assertEquals(Application.getEnv("env", "a", 2), 1);
    assertEquals(Application.getEnv("env", "b"), undefined);
    assertEquals(Application.getEnv("env", "b", 2), 2);
    assertEquals(Application.getEnv<unknown>("env", "nothing", 2), undefined);
    assertEquals(Application.getEnv("other", "a"), undefined);
  },
);

processTest("fetchEnv() and fetchEnvOrThrow() tell what is not set", () => {
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

processTest("deleteEnv() and getAllEnv() see what was loaded", () => {
  Application.load({ loaded: { a: 1, b: 2 }, another: { a: 3 } });
  const all = Application.getAllEnv("loaded");
  assertEquals(all, { a: 1, b: 2 });
  all.a = 9;
  assertEquals(Application.getEnv("loaded", "a"), 1);
  Application.deleteEnv("loaded", "a");
  assertEquals(Application.getAllEnv("loaded"), { b: 2 });
  assertEquals(Application.getAllEnv("none"), {});
  assertEquals(Application.deleteEnv("none", "a"), "ok");
});

processTest(
  "an application brings its environment, which yields to what is persistent",
  async () => {
    Application.load({ brings: { loaded: "config" } });
    Application.putEnv("brings", "put", "put");
    Application.putEnv("brings", "only", "put");
    Application.putEnv("brings", "kept", "put", { persistent: true });
    Application.putEnv("brings", "gone", "put", { persistent: true });
    Application.deleteEnv("brings", "gone", { persistent: true });
    Application.deleteEnv("brings", "kept");
    const own = { loaded: 1, put: 2, kept: 3, gone: 4, own: 5 };
    const brings = application("brings", [], { env: own });
    await Application.start(brings);
    const expected = {
      loaded: "config",
      put: 2,
      only: "put",
      kept: "put",
      gone: 4,
      own: 5,
    };
    assertEquals(Application.getAllEnv("brings"), expected);
    await Application.stop("brings");
    assertEquals(Application.getAllEnv("brings"), expected);
    Application.putEnv("brings", "put", "again");
    Application.deleteEnv("brings", "own");
    await Application.start(brings);
    assertEquals(Application.getEnv("brings", "put"), "again");
    assertEquals(Application.getEnv("brings", "own"), undefined);
    await Application.stop("brings");
  },
);

processTest(
  "each node has applications and an environment of its own",
  async () => {
    Application.putEnv("env", "where", "here");
    await Application.start(application("chat"));
    const kate = new Runtime({ node: "kate@localhost", creation: 1 });
    const seen = Promise.withResolvers<unknown[]>();
    kate.spawn(async () => {
      seen.resolve([Application.getEnv("env", "where"), Application.started()]);
      await Application.start(application("chat"));
      await Application.stop("chat");
    }, {});
    assertEquals(await seen.promise, [undefined, []]);
    assertEquals(Application.started(), ["chat"]);
    kate.stop("shutdown");
    await Application.stop("chat");
  },
);
