/** `docs/protocol_transcript.txt` is played to a node: its frames have the texts of the file. */

import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { test } from "../../../packages/testing/tags.ts";
import {
  frameOf,
  Kate,
  Peer,
  textOf,
  TRANSCRIPT,
} from "../../../tools/protocol_transcript.ts";

const PAGE = await Deno.readTextFile(TRANSCRIPT);

/** A line of the file: an action, or a frame. */
interface Step {
  who: string;
  what: string;
  text: string;
}

function steps(page: string): Step[] {
  return page.split("\n").filter((line) => !/^(#|$)/.test(line)).map((line) => {
    const step = /^(alex|kate) (dials|does|says|ends)(?: (.*))?$/.exec(line);
    assert(step !== null, `not a step: ${line}`);
    const [, who, what, text = ""] = step;
    return { who, what, text };
  });
}

/** The signals of a frame, as they are written there. */
function signalsOf(text: string): string[] {
  return (JSON.parse(text) as unknown[]).map((signal) =>
    JSON.stringify(signal)
  );
}

/** The bytes of a frame, or of a tick. */
function bytesOf(text: string): Uint8Array {
  return text === "(tick)" ? new Uint8Array(4) : frameOf(text);
}

test("docs/protocol_transcript.txt: has all parts that an implementer needs", () => {
  const all = steps(PAGE);
  assert(all.filter(({ what }) => what === "says").length > 50);
  const text = all.map(({ text }) => text).join("\n");
  const kinds = [
    ...[
      "proof",
      "spawned",
      "link",
      "unlink",
      "unlink_ack",
      "down",
      "demonitor",
    ],
    ...["monitor_name", "start_task", "exit_link", "io_request", "discover"],
    ...["sync", "join", "hello", "register", "$rpc"],
  ].map((kind) => `"${kind}"`);
  for (const part of [...kinds, '"reply', "(tick)"]) {
    assert(text.includes(part), `the transcript has no ${part}`);
  }
});

test(
  "docs/protocol_transcript.txt: a node sends its frames",
  { timeout: 60_000 },
  async () => {
    await using kate = await Kate.start();
    await using peer = await Peer.listen();
    // Signals that came in one frame with those of a step before.
    let ahead: string[] = [];
    let isUp = false;
    for (const { who, what, text } of steps(PAGE)) {
      if (what === "dials") peer.dial(kate.port);
      else if (what === "does") kate.act(text, peer.address);
      else if (what === "ends") {
        assertEquals(ahead, []);
        isUp = false;
        if (who === "alex") peer.end();
        else assertEquals(await peer.more(), false);
      } else if (who === "alex") peer.write(bytesOf(text));
      else if (text === "(tick)") {
        assertEquals(
          Buffer.from(await peer.frame()),
          Buffer.from(bytesOf(text)),
        );
      } else if (!isUp && text.startsWith("{")) {
        const frame = await peer.frame();
        assertEquals(textOf(frame), text);
        assertEquals(Buffer.from(frame), Buffer.from(bytesOf(text)));
      } else {
        isUp = true;
        // The turns of the event loop decide how signals are put into frames.
        for (const signal of signalsOf(text)) {
          if (ahead.length === 0) {
            const frame = await peer.frame();
            ahead = signalsOf(textOf(frame));
            const whole = frameOf(`[${ahead.join(",")}]`);
            assertEquals(Buffer.from(frame), Buffer.from(whole));
          }
          assertEquals(ahead.shift(), signal);
        }
      }
    }
  },
);
