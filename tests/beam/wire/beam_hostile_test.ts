/** Peers that violate Erlang's distribution: each closes its connection and nothing else. */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertThrows,
} from "@std/assert";
import { Buffer } from "node:buffer";
import { DEFAULT_LIMITS } from "../../../packages/node/wire.ts";
import { GenServer } from "../../../packages/servers/gen_server/gen_server.ts";
import {
  Process,
  receive,
  self,
  send,
} from "../../../packages/processes/process.ts";
import { NodeRuntime } from "../../../packages/processes/runtime/node_runtime.ts";
import type { Signals } from "../../../packages/processes/signals/signal.ts";
import { BeamFunctions } from "../../../packages/beam/functions/beam_functions.ts";
import { atom } from "../../../packages/processes/values/atom.ts";
import { improperList } from "../../../packages/processes/values/improper_list.ts";
import { Pid, Ref } from "../../../packages/processes/values/pid.ts";
import { tuple } from "../../../packages/processes/values/tuple.ts";
import { test } from "../../../packages/testing/tags.ts";
import * as control from "../../../packages/beam/wire/control.ts";
import { ProtocolError } from "../../../packages/node/wires/over_limit.ts";
import { ControlDecoder } from "../../../packages/beam/wire/control_decoder.ts";
import { ControlEncoder } from "../../../packages/beam/wire/control_encoder.ts";
import { mutatedBytes, pieces } from "../../_fuzz.ts";
import {
  beamFrame,
  beamTest,
  CREATION,
  localOf,
  RAW,
  tagged,
} from "../../_raw_beam.ts";
import * as Remote from "../../_remote.ts";
import { HeaderWriter } from "../../_beam_headers.ts";
import { fuzz, Random, runs } from "../../_seeds.ts";
import { spawnProcess } from "../../../packages/processes/spawning/spawn_process.ts";
import { assertReleased, flushed, portTo } from "../../node/wires/_ports.ts";
import { Echo } from "../../_echo.ts";
import { eachSignal } from "../../_signals.ts";

const KATE = "kate@localhost";

/** The number of random streams. */
const RUNS = runs(10_000);
const THERE = { name: RAW, creation: CREATION, hidden: true };

/** The kinds with a trace token, as OTP numbers them. */
const WITH_TOKEN = {
  REG_SEND: 16,
  SEND_SENDER: 23,
  PAYLOAD_EXIT: 25,
  SPAWN_REQUEST: 30,
  ALIAS_SEND: 34,
};

/** A frame of each kind, as a BEAM writes it: to processes 100 to 102, to a name and to an alias. */
function goodFrames(): Uint8Array[] {
  const from = new Pid(RAW, 1, CREATION);
  const to = new Pid(KATE, 101, 5);
  const ref = new Ref(RAW, 3, CREATION);
  const alias = new Ref(KATE, 1, 5);
  const value = tagged("ok", [1, 2 ** 40, -1, 2.5, 10n ** 30n], "text", {
    a: new Map<unknown, unknown>([[from, ref], [1, alias]]),
  }, new Uint8Array([255, 1]));
  const asker = tuple(from, improperList([atom("alias")], ref));
  const mfa = (name: string, arity: number) =>
    tagged("Elixir.Remote", atom(name), arity);
  const options = [atom("link"), atom("monitor")];
  const none = atom("");
  const put = tagged("put_chars", "x");
  const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const token = tuple(0, trace, 1, from, 0);
  const message = [control.DOP_SEND_SENDER, from, to];
  const asked = [ref, from, from];
  const frames: [control: unknown[], message?: unknown][] = [
    [[WITH_TOKEN.SEND_SENDER, from, to, token], value],
    [[WITH_TOKEN.REG_SEND, from, none, atom("named"), token], 1],
    [[WITH_TOKEN.ALIAS_SEND, from, alias, token], 1],
    [[WITH_TOKEN.PAYLOAD_EXIT, from, to, token], value],
    [
      [WITH_TOKEN.SPAWN_REQUEST, ...asked, mfa("wait", 0), options, token],
      [],
    ],
    [[control.DOP_SEND, none, to], "hi"],
    [message, tagged("$gen_call", asker, value)],
    [message, tagged("$gen_cast", 1)],
    [
      message,
      tagged("system", asker, tagged("terminate", atom("normal"))),
    ],
    [message, tagged("io_request", from, ref, put)],
    [message, tagged("io_reply", alias, atom("ok"))],
    [
      [control.DOP_ALIAS_SEND, from, alias],
      tuple(improperList([atom("alias")], alias), 1),
    ],
    [[control.DOP_ALIAS_SEND, from, alias], tuple(alias, 1)],
    [[control.DOP_ALTACT_SIG_SEND, 1, from, to], value],
    [[control.DOP_ALTACT_SIG_SEND, 2 | 8, from, atom("named"), token], 1],
    [[control.DOP_ALTACT_SIG_SEND, 4, from, alias], tuple(alias, 1)],
    [[control.DOP_ALTACT_SIG_SEND, 16, from, to], value],
    [[control.DOP_ALTACT_SIG_SEND, 4 | 16, from, alias], value],
    [[control.DOP_UNLINK_ID, 2n ** 60n, from, to]],
    [[control.DOP_EXIT, from, to, atom("shutdown")]],
    [[control.DOP_EXIT2, from, to, atom("normal")]],
    [[control.DOP_DOWN, from, to, alias, atom("noproc")]],
    [[control.DOP_SPAWN_REQUEST, ...asked, mfa("wait", 0), options], []],
    [[control.DOP_SPAWN_REQUEST, ...asked, mfa("tell", 2), options], [
      from,
      value,
    ]],
    [[control.DOP_SPAWN_REPLY, alias, to, 3, from]],
    [[control.DOP_SPAWN_REPLY, alias, to, 0, atom("notsup")]],
  ];
  const signals = eachSignal({ from, ref, to, alias }, value);
  return [
    ...frames.map(([control, ...message]) => beamFrame(control, ...message)),
    ...Object.values(signals).map(written),
  ];
}

/** The bytes of a signal as this library writes it. */
function written(write: (signals: Signals) => void): Uint8Array {
  const chunks: Uint8Array[] = [];
  const port = portTo((bytes) => chunks.push(bytes.slice()));
  const there = { name: KATE, creation: 5, hidden: true };
  const encoder = new ControlEncoder(localOf(RAW, CREATION), there, port);
  write(encoder);
  flushed(encoder);
  return Buffer.concat(chunks);
}

/** The same frames, each with a distribution header. */
function headedFrames(): Buffer[] {
  return goodFrames().map((frame, i) =>
    new HeaderWriter(new Random(i)).frame(frame)
  );
}

/** The same, each in two fragments. */
function fragmentedFrames(): Buffer[] {
  return goodFrames().map((frame, i) =>
    Buffer.concat(
      new HeaderWriter(new Random(i)).fragments(frame, i, 2, 80),
    )
  );
}

test(`fuzz: ${RUNS} streams of a BEAM`, { timeout: 600_000 }, async () => {
  const frames = [
    ...goodFrames(),
    ...headedFrames(),
    ...fragmentedFrames(),
    new Uint8Array(4),
  ];
  const runtime: NodeRuntime = new NodeRuntime({
    node: KATE,
    creation: 5,
    peerLimits: DEFAULT_LIMITS,
    report() {},
    signalsTo: (): Signals => encoder,
  });
  runtime.modules.add("Remote", Remote);
  const local = localOf(KATE, 5, new BeamFunctions(runtime.modules));
  const encoder = new ControlEncoder(local, THERE, portTo(() => {}));
  let bystander = spawnProcess(runtime, Remote.wait, {});
  let refused = 0;
  await fuzz(RUNS, (random) => {
    if (!bystander.alive) bystander = spawnProcess(runtime, Remote.wait, {});
    if (!runtime.names.has("named")) runtime.names.register("named", bystander);
    const decoder = new ControlDecoder(local, THERE, runtime.local, () => {});
    try {
      for (let i = 0; i < 3; i++) {
        const frame = random.of(frames);
        const bytes = random.below(3) === 0
          ? frame
          : mutatedBytes(random, frame);
        for (const piece of pieces(random, bytes)) decoder.receive(piece);
      }
    } catch (error) {
      assertInstanceOf(error, ProtocolError);
      refused++;
    }
    decoder.close();
    encoder.flush(Infinity);
  });
  assert(refused > RUNS / 10 && refused < RUNS, `${refused}`);
  await assertReleased(runtime, RAW);
});

test("a frame of a BEAM that is cut at any byte is refused or waits for more", () => {
  const runtime = new NodeRuntime({ node: KATE, creation: 5, report() {} });
  const local = localOf(KATE, 5);
  for (const frame of [...goodFrames(), ...headedFrames()]) {
    for (let end = 4; end < frame.length; end++) {
      const cut = Buffer.from(frame.subarray(0, end));
      const waiting = new ControlDecoder(local, THERE, runtime.local, () => {});
      waiting.receive(cut);
      waiting.close();
      // The same bytes as a whole frame.
      if (end === 4) continue;
      cut.writeUInt32BE(end - 4);
      const decoder = new ControlDecoder(local, THERE, runtime.local, () => {});
      let error: unknown;
      try {
        decoder.receive(cut);
      } catch (thrown) {
        error = thrown;
      }
      assertInstanceOf(error, ProtocolError);
    }
  }
});

const FROM = new Pid(RAW, 1, CREATION);

beamTest("signals to nobody are answered", async (peer, alex) => {
  const { creation } = self();
  const gone = new Pid(alex.name, 999_999, creation);
  const stale = new Pid(alex.name, 1, creation === 1 ? 2 : creation - 1);
  const ref = new Ref(RAW, 11, CREATION);
  const { DOP_PAYLOAD_EXIT, DOP_PAYLOAD_DOWN, DOP_UNLINK_ID_ACK } = control;
  const nobody = atom("nobody");
  for (
    const [asked, answer] of [
      [[control.DOP_LINK, FROM, gone], [DOP_PAYLOAD_EXIT, gone, FROM]],
      [[control.DOP_LINK, FROM, stale], [DOP_PAYLOAD_EXIT, stale, FROM]],
      [
        [control.DOP_MONITOR, FROM, nobody, ref],
        [DOP_PAYLOAD_DOWN, nobody, FROM, ref],
      ],
      [
        [control.DOP_MONITOR, FROM, stale, ref],
        [DOP_PAYLOAD_DOWN, stale, FROM, ref],
      ],
    ]
  ) {
    peer.say(asked);
    const message = atom("noproc");
    assertEquals(await peer.hear(), { control: answer, message });
  }
  peer.say([control.DOP_UNLINK_ID, 2n ** 63n, FROM, gone]);
  assertEquals(await peer.hear(), {
    control: [DOP_UNLINK_ID_ACK, 2n ** 63n, gone, FROM],
  });
  // None of these is answered.
  const unknown = new Ref(alex.name, 999_999, creation);
  for (
    const [signal, ...message] of [
      [[control.DOP_SEND_SENDER, FROM, gone], "x"],
      [[control.DOP_SEND_SENDER, FROM, stale], "x"],
      [[control.DOP_REG_SEND, FROM, atom(""), nobody], "x"],
      [[control.DOP_ALIAS_SEND, FROM, unknown], "x"],
      [[control.DOP_DEMONITOR, FROM, gone, ref]],
      [[DOP_PAYLOAD_EXIT, FROM, gone], "x"],
      [[control.DOP_PAYLOAD_EXIT2, FROM, gone], "x"],
      [[DOP_PAYLOAD_DOWN, FROM, gone, unknown], "x"],
      [[DOP_UNLINK_ID_ACK, 5, FROM, gone]],
      [[control.DOP_GROUP_LEADER, FROM, gone]],
      [[control.DOP_REG_SEND, FROM, atom(""), atom("inbox")], "last"],
    ] as [unknown[], unknown?][]
  ) peer.say(signal, ...message);
  assertEquals(await receive(), "last");
});

beamTest("an unlink of a BEAM is acknowledged first", async (peer) => {
  peer.say([control.DOP_LINK, FROM, self()]);
  peer.send("inbox", "linked");
  await receive();
  peer.say([control.DOP_UNLINK_ID, 77, FROM, self()]);
  peer.say([
    control.DOP_MONITOR,
    FROM,
    atom("nobody"),
    new Ref(RAW, 1, CREATION),
  ]);
  const first = await peer.hear();
  assertEquals(first?.control.slice(0, 2), [control.DOP_UNLINK_ID_ACK, 77]);
  assertEquals((await peer.hear())?.control[0], control.DOP_PAYLOAD_DOWN);
});

beamTest("a tag of any form comes back to its alias", async (peer) => {
  await GenServer.startLink(Echo, undefined, { name: "echo" });
  const alias = new Ref(RAW, 21, CREATION);
  const monitor = new Ref(RAW, 22, CREATION);
  const aliased = improperList([atom("alias")], alias);
  const tags: [tag: unknown, toAlias: boolean][] = [
    [aliased, true],
    [improperList([aliased], monitor), true],
    [alias, false],
    [tuple(alias, atom(RAW)), false],
    ["text", false],
  ];
  for (const [tag, toAlias] of tags) {
    peer.call("echo", "asked", tuple(FROM, tag));
    const answer = await peer.hear();
    assertEquals(
      answer?.control[0],
      toAlias ? control.DOP_ALIAS_SEND : control.DOP_SEND_SENDER,
    );
    assertEquals(answer?.control[2], toAlias ? alias : FROM);
    assertEquals(answer?.message, tuple(tag, "asked"));
  }
});

beamTest("an unwritable signal leaves nothing", async (peer, alex) => {
  const name = "N".repeat(255);
  assertThrows(() => send({ name, node: RAW }, 1), RangeError);
  assertThrows(() => Process.link(new Pid(RAW, 1, 2 ** 40)), TypeError);
  assertThrows(
    () => send({ name: "any", node: RAW }, [1, Infinity]),
    TypeError,
  );
  send({ name: "any", node: RAW }, "last");
  const heard = await peer.hear();
  assertEquals(heard, {
    control: [control.DOP_REG_SEND, self(), atom(""), atom("any")],
    message: "last",
  });
  assertEquals(alex.name, "alex@localhost");
});
