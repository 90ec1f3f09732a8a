import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  isLoopback,
  MAX_CREATION,
  MIN_CREATION,
  nameFault,
  parseExtra,
  type Registration,
  withWords,
} from "../../packages/epmd/entry.ts";
import {
  decodeAliveReply,
  decodeLookupReply,
  decodeNamesReply,
  decodeRequest,
  encodeAliveReply,
  encodeLookupReply,
  encodeNamesReply,
  encodeRequest,
  EpmdFormatError,
  type EpmdRequest,
  MAX_REQUEST,
  RequestReader,
} from "../../packages/epmd/epmd_protocol.ts";
import fc, { runs } from "../_seeds.ts";

const uint16 = fc.integer({ min: 0, max: 0xffff });
const byte = fc.integer({ min: 0, max: 0xff });
const creation = fc.integer({ min: MIN_CREATION, max: MAX_CREATION });
const nodeName = fc.string({ unit: "binary", minLength: 1, maxLength: 60 })
  .filter((name) => nameFault(name) === undefined);
const extra = fc.array(byte, { maxLength: 400 })
  .map((bytes) => String.fromCharCode(...bytes));
const registration: fc.Arbitrary<Registration> = fc.record({
  name: nodeName,
  port: fc.integer({ min: 1, max: 0xffff }),
  nodeType: byte,
  protocol: byte,
  highest: uint16,
  lowest: uint16,
  extra,
}, { noNullPrototype: true });
const request: fc.Arbitrary<EpmdRequest> = fc.oneof(
  registration.map((node) => ({ type: "alive" as const, registration: node })),
  nodeName.map((name) => ({ type: "lookup" as const, name })),
  fc.constant<EpmdRequest>({ type: "names" }),
);

/** Cuts bytes at the given places. */
function segments(bytes: Uint8Array, cuts: number[]): Uint8Array[] {
  const places = cuts.map((cut) => cut % (bytes.length + 1))
    .sort((a, b) => a - b);
  const parts: Uint8Array[] = [];
  let from = 0;
  for (const place of [...places, bytes.length]) {
    parts.push(bytes.slice(from, place));
    from = place;
  }
  return parts;
}

function onlyFormatErrors(fn: () => unknown): void {
  try {
    fn();
  } catch (error) {
    assert(error instanceof EpmdFormatError, String(error));
  }
}

Deno.test("RequestReader and decodeRequest() round-trip any request, however it is split", () => {
  fc.assert(fc.property(
    request,
    fc.array(fc.nat(2000), { maxLength: 12 }),
    (sent, cuts) => {
      const reader = new RequestReader();
      const parts = segments(encodeRequest(sent), cuts);
      const bodies = parts.map((part) => reader.push(part))
        .filter((body) => body !== undefined);
      // Empty segments at the end find the request complete once more.
      assert(bodies.length >= 1);
      assertEquals(decodeRequest(bodies[0]), sent);
    },
  ));
});

Deno.test("decodeLookupReply() round-trips any registration, and needs all of it", () => {
  fc.assert(fc.property(registration, fc.nat(2000), (node, cut) => {
    const bytes = encodeLookupReply(node);
    assertEquals(decodeLookupReply(bytes), { found: node });
    const prefix = bytes.subarray(0, cut % bytes.length);
    assertEquals(decodeLookupReply(prefix), undefined);
  }));
  assertEquals(decodeLookupReply(encodeLookupReply(undefined)), {
    found: undefined,
  });
});

Deno.test("decodeAliveReply() round-trips the creation, and needs all of the reply", () => {
  fc.assert(fc.property(creation, fc.nat(5), (value, cut) => {
    const reply = { ok: true, creation: value };
    const bytes = encodeAliveReply(reply, 6);
    assertEquals(decodeAliveReply(bytes), reply);
    assertEquals(decodeAliveReply(bytes.subarray(0, cut)), undefined);
    const old = encodeAliveReply(reply, 5);
    assertEquals(old.length, 4);
    const short = decodeAliveReply(old);
    assert(short?.ok && short.creation >= 1 && short.creation <= 3);
  }));
  const refusal = { ok: false, creation: 0 };
  assertEquals(decodeAliveReply(encodeAliveReply(refusal, 6)), refusal);
  assertEquals(decodeAliveReply(encodeAliveReply(refusal, 5)), refusal);
  // The real EPMD refuses in this way.
  assertEquals(decodeAliveReply(Uint8Array.of(118, 1, 0, 0, 0, 99)), refusal);
});

Deno.test("decodeNamesReply() round-trips any list of names", () => {
  const entries = fc.array(
    fc.record({ name: nodeName, port: uint16 }, { noNullPrototype: true }),
  );
  fc.assert(fc.property(uint16, entries, (port, list) => {
    assertEquals(decodeNamesReply(encodeNamesReply(port, list)), list);
  }));
});

Deno.test("decoders throw only EpmdFormatError for random bytes", () => {
  const first = fc.constantFrom(0, 100, 107, 110, 115, 118, 119, 120, 121, 122);
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.tuple(first, fc.uint8Array({ maxLength: 200 }))
      .map(([start, rest]) => Uint8Array.of(start, ...rest)),
  );
  fc.assert(
    fc.property(bytes, (input) => {
      onlyFormatErrors(() => decodeRequest(input));
      onlyFormatErrors(() => decodeAliveReply(input));
      onlyFormatErrors(() => decodeLookupReply(input));
      onlyFormatErrors(() => decodeNamesReply(input));
      onlyFormatErrors(() => new RequestReader().push(input));
    }),
    { numRuns: runs(10_000) },
  );
});

Deno.test("RequestReader accepts a length of exactly the limit, and rejects 0 and more", () => {
  const whole = new Uint8Array(2 + MAX_REQUEST);
  whole.set([MAX_REQUEST >> 8, MAX_REQUEST & 0xff]);
  assertEquals(new RequestReader().push(whole)?.length, MAX_REQUEST);
  const refused = [[0, 0], [(MAX_REQUEST + 1) >> 8, (MAX_REQUEST + 1) & 0xff], [
    255,
    255,
  ]];
  for (const length of refused) {
    assertThrows(
      () => new RequestReader().push(Uint8Array.from(length)),
      EpmdFormatError,
      "a length of",
    );
  }
  assertThrows(
    () => new RequestReader().push(Uint8Array.of(0, 1, 110, 110)),
    EpmdFormatError,
    "more bytes than one request",
  );
});

Deno.test("RequestReader reports HTTP and TLS clients", () => {
  const http = new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n");
  assertThrows(() => new RequestReader().push(http), EpmdFormatError, "HTTP");
  const tls = Uint8Array.of(0x16, 3, 1, 2, 0);
  assertThrows(() => new RequestReader().push(tls), EpmdFormatError, "TLS");
});

Deno.test("encodeRequest() writes a registration as Erlang does", () => {
  const bytes = encodeRequest({
    type: "alive",
    registration: {
      name: "kate",
      port: 0x1234,
      nodeType: 72,
      protocol: 0,
      highest: 6,
      lowest: 6,
      extra: "x\xff",
    },
  });
  // deno-fmt-ignore
  assertEquals([...bytes], [
    0, 19, 120, 0x12, 0x34, 72, 0, 0, 6, 0, 6, 0, 4, 107, 97, 116, 101, 0, 2, 120, 255,
  ]);
});

Deno.test("encodeRequest() throws a RangeError when the request is too long", () => {
  assertThrows(
    () => encodeRequest({ type: "lookup", name: "x".repeat(MAX_REQUEST) }),
    RangeError,
    "Cannot encode the request to EPMD",
  );
});

Deno.test("nameFault() rejects invalid node names", () => {
  const bad = [
    "",
    "a@b",
    "a b",
    "a\nb",
    "a\0",
    "\x1b[31mred",
    "\u202egod",
    "\ufeffbom",
    "\ud800",
    "x".repeat(256),
    "ä".repeat(128),
  ];
  for (const name of bad) assert(nameFault(name) !== undefined, name);
  const good = ["kate", "a-b_c.1", "Zoë", "名前", "x".repeat(255)];
  for (const name of good) assertEquals(nameFault(name), undefined);
});

Deno.test("parseExtra() finds the creation and the address among other words", () => {
  const none = { creation: undefined, listen: undefined };
  assertEquals(parseExtra(""), none);
  assertEquals(parseExtra("otp-json/1"), none);
  const words = "tls creation=77 listen=127.0.0.3 owner=y x";
  assertEquals(parseExtra(`otp-json/1 ${words}`), {
    creation: 77,
    listen: "127.0.0.3",
  });
  assertEquals(parseExtra("w listen=fe80::1").listen, "fe80::1");
  for (const bad of ["", "localhost", "127.1", "1.2.3.4.5", "::1%lo"]) {
    assertEquals(parseExtra(`w listen=${bad}`).listen, undefined, bad);
  }
  for (const bad of ["3", "4294967296", "-5", "1e3", "", "99999999999"]) {
    assertEquals(parseExtra(`w creation=${bad}`).creation, undefined, bad);
  }
});

Deno.test("withWords() replaces words of the same name and keeps the others", () => {
  fc.assert(fc.property(creation, creation, (first, second) => {
    const once = withWords("otp-json/1 tls", { creation: first });
    const twice = withWords(once, { creation: second });
    assertEquals(twice, `otp-json/1 tls creation=${second}`);
    assertEquals(parseExtra(twice).creation, second);
  }));
  assertEquals(withWords("", { creation: 9 }), " creation=9");
  assertEquals(withWords("w a=1 b=2", { a: undefined, c: 3 }), "w b=2 c=3");
});

Deno.test("isLoopback() accepts loopback IP addresses only", () => {
  const yes = ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"];
  const no = ["10.0.0.1", "::2", "localhost", "127.example.com"];
  assertEquals([...yes, ...no].filter(isLoopback), yes);
});
