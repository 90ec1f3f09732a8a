/** Mutations of the library, each of which scenarios have to find. */

/** A mutation: one place in one file, changed. */
export interface Mutant {
  /** What is wrong then. */
  name: string;
  /** The file, from the project's folder. */
  file: string;
  /** What is there; exactly once. */
  from: string;
  /** What is put in its place. */
  to: string;
  /** The areas whose scenarios are run. */
  areas: string[];
}

const RUNTIME = "runtime/runtime.ts";
const PROCESS = "runtime/process.ts";

/** The mutations. */
export const MUTANTS: readonly Mutant[] = [
  {
    name: "the ack of an unlink is dropped",
    file: RUNTIME,
    from: "this.back(from.node).unlinkAck(to, from, id);",
    to: "void id;",
    areas: ["links"],
  },
  {
    name: "an unlink ends nothing at the other end",
    file: RUNTIME,
    from: "if (link?.unlinking === 0) this.#dropLink(process!, key, link);",
    to: "",
    areas: ["links", "info"],
  },
  {
    name: "a name is free only after the DOWN",
    file: RUNTIME,
    from: "if (process.name !== undefined) this.names.delete(process.name);",
    to: "const { name } = process;\n" +
      "    if (name !== undefined) setTimeout(() => this.names.delete(name), 20);",
    areas: ["names"],
  },
  {
    name: "a DOWN comes twice",
    file: RUNTIME,
    from: "process.monitors!.delete(ref.number);\n    const mode",
    to:
      'process.mailbox.push({ type: "DOWN", ref: monitor.ref, object, reason }, process);\n' +
      "    process.monitors!.delete(ref.number);\n    const mode",
    areas: ["monitors"],
  },
  {
    name: "kill that comes over a link is turned into killed",
    file: RUNTIME,
    from: "if (link.unlinking === 0) this.#signalExit(process, from, reason);",
    to: "if (link.unlinking === 0) this.exit(from, to, reason);",
    areas: ["exits"],
  },
  {
    name: "kill can be trapped",
    file: RUNTIME,
    from: 'if (isReason(reason, "kill")) this.terminate(process, "killed");',
    to:
      'if (isReason(reason, "kill") && !process.trapExit) this.terminate(process, "killed");',
    areas: ["exits"],
  },
  {
    name: "a late reply is delivered",
    file: PROCESS,
    from: "this.runtime.aliases.delete(ref.number);",
    to: "",
    areas: ["aliases"],
  },
  {
    name: "an alias is kept after the reply",
    file: RUNTIME,
    from: 'process.aliases!.get(alias.number) === "reply_demonitor"',
    to: "process.aliases === undefined",
    areas: ["aliases"],
  },
  {
    name: "a link to nobody says nothing",
    file: RUNTIME,
    from:
      'if (process === undefined) {\n      this.back(from.node).exitLink(to, from, "noproc");',
    to: "if (process === undefined) {",
    areas: ["links"],
  },
  {
    name: "normal from another ends a process",
    file: RUNTIME,
    from:
      '} else if (!isReason(reason, "normal") || from.equals(process.pid)) {',
    to: "} else {",
    areas: ["exits"],
  },
  {
    name: "a group leader is not inherited by another node",
    file: RUNTIME,
    from: "parent: from,\n      groupLeader,",
    to:
      'parent: from,\n      groupLeader: this.names.get("user")?.pid ?? groupLeader,',
    areas: ["leaders"],
  },
  {
    name: "the end of a node is told before the ends of its processes",
    file: RUNTIME,
    from: "this.visible.delete(node);\n    const processes",
    to: "this.visible.delete(node);\n" +
      "    for (const each of this.processes.values()) {\n" +
      '      if (each.nodeMonitors?.delete(node)) each.mailbox.push({ type: "nodedown", node }, each);\n' +
      "    }\n    const processes",
    areas: ["nodes"],
  },
  {
    name: "a lost node is not told to monitors",
    file: RUNTIME,
    from: "this.#loseMonitors(process, node);\n",
    to: "",
    areas: ["monitors"],
  },
  {
    name: "an older incarnation's mail is delivered to the new one",
    file: "wires/json/encoder.ts",
    from: "message: unknown): Backpressure {\n" +
      "    if (to.creation !== this.#peer.creation) return undefined;",
    to: "message: unknown): Backpressure {",
    areas: ["monitors"],
  },
  {
    name: "a supervisor starts its children again in the opposite order",
    file: "protocol/supervisor.ts",
    from: "for (const child of children) {",
    to: "for (const child of children.toReversed()) {",
    areas: ["supervisor"],
  },
  {
    name: "a supervisor ends its children in the order of their start",
    file: "protocol/supervisor.ts",
    from: "for (const child of children.toReversed()) {",
    to: "for (const child of children) {",
    areas: ["supervisor"],
  },
];
