import { assert, assertEquals, assertFalse } from "@std/assert";
import {
  isLater,
  isLink,
  OwnerChain,
  Roster,
  rosterLine,
} from "../distribution/epmd/ownership.ts";
import fc from "./_seeds.ts";

const encoder = new TextEncoder();
const name = fc.stringMatching(/^[a-z0-9_-]{1,40}$/);
const owner = fc.stringMatching(/^[A-Za-z0-9_-]{43}$/);

/** Cuts bytes at random places. */
function pieces(bytes: Uint8Array, cuts: number[]): Uint8Array[] {
  const at = cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b);
  return [0, ...at].map((from, i) => bytes.subarray(from, at[i]));
}

Deno.test("OwnerChain: a link proves those before it, and neither itself nor others", () => {
  const chain = new OwnerChain();
  const other = new OwnerChain();
  const links = Array.from({ length: 64 }, () => chain.next());
  assertEquals(new Set(links).size, links.length);
  for (const link of links) assert(isLink(link));
  fc.assert(fc.property(fc.nat(63), fc.nat(63), (i, j) => {
    const steps = j - i;
    assertEquals(isLater(links[j], links[i]), steps >= 1);
    assertFalse(isLater(other.next(), links[i]));
  }));
  assertFalse(isLater(undefined, links[0]));
});

Deno.test("OwnerChain continues when its links are used up", () => {
  const chain = new OwnerChain();
  const links = Array.from({ length: 600 }, () => chain.next());
  assertEquals(new Set(links).size, links.length);
  assertEquals(links.filter((link) => !isLink(link)), []);
});

Deno.test("Roster reads the output of rosterLine(), however it is split", () => {
  fc.assert(fc.property(
    fc.array(fc.tuple(name, fc.option(fc.oneof(owner, fc.constant(""))))),
    fc.array(fc.nat()),
    (changes, cuts) => {
      const expected = new Map<string, string>();
      let text = "";
      for (const [each, link] of changes) {
        if (link === null) expected.delete(each);
        else expected.set(each, link);
        text += rosterLine(each, link ?? undefined);
      }
      const roster = new Roster();
      for (const piece of pieces(encoder.encode(text), cuts)) {
        roster.push(piece);
      }
      assertEquals(roster.owners, expected);
    },
  ));
});

Deno.test("Roster accepts any bytes, and keeps a bounded part of them", () => {
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 2000 })), (all) => {
    const roster = new Roster();
    for (const bytes of all) roster.push(bytes);
    for (const [each, link] of roster.owners) {
      assert(/^[^\s\p{C}]+$/u.test(each) && (link === "" || isLink(link)));
    }
  }));
  const roster = new Roster();
  for (let i = 0; i < 10; i++) {
    roster.push(encoder.encode("x".repeat(1 << 20)));
    let lines = "";
    for (let n = 0; n < 1000; n++) lines += rosterLine(`n${i}_${n}`, "");
    roster.push(encoder.encode(`\n${lines}`));
  }
  assertEquals(roster.owners.size, 4096);
});
