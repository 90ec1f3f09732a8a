/**
 * Erlang's External Term Format, compared with the real `:erlang.term_to_binary` and `binary_to_term`.
 */

import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { test } from "../../../packages/testing/tags.ts";
import { ProtocolError } from "../../../packages/node/wires/over_limit.ts";
import { TermReader } from "../../../packages/beam/wire/etf_decoder.ts";
import { TermWriter } from "../../../packages/beam/wire/etf_encoder.ts";
import {
  backFromBeam,
  beamTerm,
  described,
  edges,
  sourceOf,
} from "./_beam_terms.ts";
import { ELIXIR } from "../../_elixir.ts";
import { ElixirTerms } from "./_elixir_terms.ts";
import { mutatedBytes } from "../../_fuzz.ts";
import fc, { Random, runs, SEED } from "../../_seeds.ts";

/** The number of terms. */
const RUNS = runs(3000);

/** The number of terms in one request. */
const BATCH = 500;

/** The node that Elixir is here: of its own pids and references, it refuses numbers that it does not use. */
const OWN_NODE = "nonode@nohost";

const writer = new TermWriter();
const reader = new TermReader();

function written(value: unknown): Uint8Array {
  writer.u8(131);
  writer.term(value);
  return writer.take();
}

function read(bytes: Uint8Array): unknown {
  reader.open(bytes);
  reader.version();
  const value = reader.term();
  reader.finish();
  return value;
}

test(
  "Elixir reads every value as the term of its source, and it comes back",
  { programs: ELIXIR },
  async () => {
    await using elixir = new ElixirTerms();
    for (let done = 0; done < RUNS; done += BATCH) {
      const values = fc.sample(beamTerm(), {
        numRuns: Math.min(BATCH, RUNS - done),
        seed: SEED + done,
      });
      const answers = await elixir.compared(
        values.map((value) => ({
          bytes: written(value),
          source: sourceOf(value),
        })),
      );
      assertEquals(answers.length, values.length);
      for (const [i, answer] of answers.entries()) {
        assert(typeof answer !== "string", `${sourceOf(values[i])}: ${answer}`);
        assertEquals(
          described(read(answer)),
          described(backFromBeam(values[i])),
        );
      }
    }
  },
);

test(
  "every term of Elixir's comes back to it as the same term",
  { programs: ELIXIR },
  async () => {
    await using elixir = new ElixirTerms();
    for (let done = 0; done < RUNS; done += BATCH) {
      const terms = await elixir.generated(
        SEED + done,
        Math.min(BATCH, RUNS - done),
      );
      const back = terms.map((bytes) => written(read(bytes)));
      const wrong = (await elixir.differences(back)).filter((each) =>
        each !== ""
      );
      assertEquals(wrong, []);
    }
  },
);

test(
  "bytes that are read are a term of Elixir's, too, and the same one",
  { programs: ELIXIR },
  async () => {
    await using elixir = new ElixirTerms();
    const random = new Random(SEED);
    let accepted = 0;
    for (let done = 0; done < RUNS; done += BATCH) {
      const terms = await elixir.generated(SEED + done, BATCH);
      const changed = terms.map((bytes) => {
        const body = mutatedBytes(random, bytes.subarray(1));
        return Buffer.concat([Uint8Array.of(131), body]);
      }).filter((bytes) => !bytes.includes(OWN_NODE));
      const back: [Uint8Array, Uint8Array][] = [];
      for (const bytes of changed) {
        try {
          back.push([bytes, written(read(bytes))]);
        } catch (error) {
          if (error instanceof ProtocolError) continue;
          throw error;
        }
      }
      const theirs = await elixir.rewritten(back.map(([bytes]) => bytes));
      const ours = await elixir.rewritten(back.map(([, bytes]) => bytes));
      for (const [i, bytes] of theirs.entries()) {
        const [given, rewritten] = back[i];
        // An object that has a key twice has the last one of them.
        if (bytes.length === 0 && rewritten.length < given.length) continue;
        assertEquals(Buffer.compare(ours[i], bytes), 0, `${[...given]}`);
        accepted++;
      }
    }
    assert(accepted > RUNS / 20, `${accepted}`);
  },
);

test(
  "OTP reads encodings at the edge of the format as the table of them has it",
  { programs: ELIXIR },
  async () => {
    await using elixir = new ElixirTerms();
    const table = await edges();
    const version = Uint8Array.of(131);
    const answers = await elixir.rewritten(
      table.map(({ bytes }) => Buffer.concat([version, bytes])),
    );
    assertEquals(
      answers.map((answer) =>
        answer.length === 0
          ? undefined
          : Buffer.from(answer.subarray(1)).toHex()
      ),
      table.map(({ written }) => written?.toHex()),
    );
  },
);
