/** The options of topologies, and the addresses of nodes: their bounds, each with the values on both sides. */

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  hostAndPort,
  readAnswer,
  readTarget,
} from "../../../packages/cluster/discovery/addresses.ts";
import { checkTopologies } from "../../../packages/cluster/discovery/check_topologies.ts";
import { test } from "../../../packages/testing/tags.ts";

const RESOLVER = { resolve4() {}, resolve6() {}, resolveSrv() {} };
const DNS = { strategy: "dns", query: "x", port: 1 };

/** Valid topologies. */
const VALID: object[] = [
  { strategy: () => [] },
  // safe: options that are only checked
  { strategy: () => [], interval: 10, timeout: 1, minDelay: 1, maxDelay: 1 },
  { strategy: () => [], minDelay: 30_000 },
  { strategy: () => [], maxDelay: 100, maxDials: 1, maxAddresses: 1 },
  { strategy: () => [], disconnectForgotten: true, timeout: undefined },
  { strategy: "static", nodes: [] },
  { strategy: "static", nodes: ["a@b", "10.0.0.1:1", { address: "h:1" }] },
  { strategy: "epmd", hosts: ["10.0.0.1", "web.example"], filter: () => true },
  DNS,
  { ...DNS, port: 65_535, node: "web", resolver: RESOLVER },
  { strategy: "dns", query: "x".repeat(253), node: "w".repeat(128) },
  { strategy: "dnsSrv", query: "_otp._tcp.web.example" },
  { strategy: "gossip" },
  {
    strategy: "gossip",
    address: "239.255.255.255",
    interface: "0.0.0.0",
    port: 1,
    ttl: 0,
    interval: 10,
    forgetAfter: 1,
    maxAge: 1,
  },
];

/** Invalid topologies, and the complaint about each. */
const INVALID: [topology: unknown, says: RegExp][] = [
  [undefined, /with the options undefined/],
  [{}, /its strategy is undefined; give "static", "epmd", "dns", "dnsSrv"/],
  [{ strategy: "nope" }, /its strategy is "nope"; give "static"/],
  [{ strategy: "toString" }, /its strategy is "toString"/],
  [{ strategy: () => [], nodes: [] }, /no option "nodes"; there are minDelay/],
  [{ strategy: "static", node: [] }, /no option "node"; did you mean "nodes"/],
  [{ strategy: "dnsSrv", query: "x", port: 1 }, /no option "port"/],
  ...["minDelay", "maxDelay", "maxDials", "maxAddresses", "timeout"].map((
    option,
  ): [unknown, RegExp] => [
    { strategy: () => [], [option]: 0 },
    new RegExp(`${option} is 0`),
  ]),
  [{ strategy: () => [], interval: 9 }, /interval is 9/],
  [{ strategy: () => [], interval: 10.5 }, /interval is 10\.5/],
  [{ strategy: "gossip", ttl: -1 }, /ttl is -1/],
  [{ strategy: "gossip", forgetAfter: 0 }, /forgetAfter is 0/],
  [{ strategy: "gossip", maxAge: 0 }, /maxAge is 0/],
  [{ strategy: () => [], disconnectForgotten: 1 }, /disconnectForgotten/],
  [
    { strategy: () => [], minDelay: 9, maxDelay: 8 },
    /minDelay is 9, and maxDelay 8; give a maxDelay of 9 or more/,
  ],
  [{ strategy: () => [], minDelay: 30_001 }, /maxDelay 30000/],
  [{ strategy: () => [], maxDelay: 99 }, /minDelay is 100/],
  [{ strategy: "static" }, /nodes is undefined; give a list/],
  [{ strategy: "static", nodes: ["a@b", "x"] }, /"x" is not the address/],
  [{ strategy: "epmd" }, /hosts is undefined/],
  [{ strategy: "epmd", hosts: ["a", ""] }, /a host is ""/],
  [{ strategy: "epmd", hosts: [], filter: 1 }, /filter/],
  [{ strategy: "dns", query: "x" }, /neither port nor node/],
  [{ strategy: "dns", query: "a b", port: 1 }, /query is "a b"/],
  [{ strategy: "dns", query: "x".repeat(254), port: 1 }, /query is "x/],
  [{ ...DNS, port: 0 }, /port is 0; give an integer from 1 to 65535/],
  [{ ...DNS, port: 65_536 }, /port is 65536/],
  [{ ...DNS, port: 1.5 }, /port is 1\.5/],
  [{ ...DNS, node: "a@b" }, /node is "a@b"; give the part/],
  [{ ...DNS, node: "w".repeat(129) }, /node is "w+"; give the part/],
  ...Object.keys(RESOLVER).map((name): [unknown, RegExp] => [
    { ...DNS, resolver: { ...RESOLVER, [name]: 1 } },
    /resolver is [^]*; give one of node:dns\/promises/,
  ]),
  [{ strategy: "gossip", address: "x" }, /address is "x"; give an IPv4/],
  [
    { strategy: "gossip", address: "239.255.1" },
    /give an IPv4 address, as in 2/,
  ],
  [
    { strategy: "gossip", interface: "1.2.3.256" },
    /give an IPv4 address, as in 1/,
  ],
  [{ strategy: "gossip", port: 65_536 }, /port is 65536/],
];

test("checkTopologies() takes valid topologies, up to 100", () => {
  for (const own of VALID) checkTopologies({ own }, "start");
  const many = (count: number) =>
    Object.fromEntries(
      Array.from(
        { length: count },
        (_, n) => [`t${n}`, { strategy: () => [] }],
      ),
    );
  checkTopologies(many(100), "start");
  assertThrows(
    () => checkTopologies(many(101), "start"),
    RangeError,
    "Cannot start: it has 101 topologies; give 100 or fewer",
  );
  assertThrows(() => checkTopologies([], "start"), TypeError, "topologies");
});

test("checkTopologies() rejects invalid ones, and names the topology and the value", () => {
  for (const [own, says] of INVALID) {
    const valid = { strategy: () => [] };
    const { message } = assertThrows(
      () => checkTopologies({ valid, own }, "start"),
      Error,
    );
    assertMatch(message, /^Cannot start: the topology "own"/);
    assertMatch(message, says);
  }
});

/** Texts and other values that are no addresses. */
const NO_ADDRESSES: unknown[] = [
  ..."h:0 h:65536 h:000001 h: h :1 -h:1 h-:1 ::1:1 [::1:1".split(" "),
  ..."a b:1,kate@,@host,kate@host:0,".split(","),
  `${"h".repeat(254)}:1`,
  "x".repeat(521),
  {},
  { node: undefined, address: undefined },
  { node: "kate@host", address: "h" },
  { node: 1, address: "h:1" },
  null,
  1,
];

/** Nodes, and the name and address of each. */
const TARGETS: [value: unknown, node?: string, address?: string][] = [
  ["kate@host", "kate@host"],
  ["kate@host:1", "kate@host", "host:1"],
  [{ node: "kate@host" }, "kate@host"],
  [{ address: "h:1" }, undefined, "h:1"],
  [{ node: "a@b", address: "h:1" }, "a@b", "h:1"],
];

/** Addresses without a name. */
const ADDRESSES = [
  ..."10.0.0.1:4370 h:1 h:65535 [::1]:1 [fe80::1%eth0]:1".split(" "),
  `${"h".repeat(253)}:1`,
];

test("readTarget() reads names, addresses, and both", () => {
  for (const [value, node, address] of TARGETS) {
    assertEquals(readTarget(value), { node, address });
  }
  for (const address of ADDRESSES) {
    assertEquals(readTarget(address), { node: undefined, address });
  }
  for (const value of NO_ADDRESSES) {
    const { message } = assertThrows(() => readTarget(value), TypeError);
    assertMatch(message, /is not the address of a node; give "kate@host"/);
  }
  assertEquals(hostAndPort("h", 1), "h:1");
  assertEquals(hostAndPort("::1", 1), "[::1]:1");
});

test("readAnswer() uses the first addresses by their text, and counts the others", () => {
  const used = (answer: unknown, max: number) => {
    const { targets, ignored, fault } = readAnswer(answer, max);
    const names = Array.from(targets.values(), ({ node }) => node);
    return [names, ignored, fault];
  };
  const answer = ["c@h", "a@h", "b@h"];
  assertEquals(used(answer, 3), [answer, 0, undefined]);
  const two = [
    ["a@h", "b@h"],
    1,
    "it named 3 addresses, and 2 are used (maxAddresses)",
  ];
  assertEquals(used(answer, 2), two);
  assertEquals(used(answer.toReversed(), 2), two);
  assertEquals(used(["a@h", "a@h"], 1), [["a@h"], 0, undefined]);
  const [names, ignored, fault] = used(["a@h", 1, "x", "b@h"], 1);
  assertEquals([names, ignored], [["a@h"], 3]);
  assertMatch(String(fault), /^1 is not the address of a node/);
  assertEquals(used(new Set(), 1), [[], 0, undefined]);
});

test("readAnswer() reads 100,000 items", () => {
  for (const count of [99_999, 100_000, 100_001]) {
    let read = 0;
    const answer = function* () {
      for (; read < count; read++) yield "a@h";
    };
    const { fault, targets } = readAnswer(answer(), 10);
    assertEquals([Math.min(count, 100_000), targets.size], [read, 1]);
    assertEquals(
      fault,
      count > 100_000
        ? "it named more than 100000 addresses, and 10 are used (maxAddresses)"
        : undefined,
    );
  }
});
