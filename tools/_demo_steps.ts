/** What the demo plays: the lesson, step by step, and what must be seen. */

/** A line that is printed, or what it must look like. */
export type Line = string | RegExp;

/** A node of the demo. */
export type Who = "alex" | "kate" | "moebi" | "sophie";

/** What one of the nodes runs. */
export interface Step {
  /** What this shows. */
  title: string;
  /** What is to be seen, and why. */
  says: string;
  /** Who runs it. */
  who: Who;
  /** What they run. */
  code: string;
  /** Runs after the code and is not shown: what a person's slowness does, or to show a value. */
  after?: string;
  /** What each node must print; the others must print nothing. */
  prints: Partial<Record<Who, Line[]>>;
  /** The line that shows the value of the code. */
  gives?: Line;
}

/** What a node that is started for one step alone runs. */
export interface VisitorStep extends Step {
  /** The visitor's flags, as they are shown. */
  flags: string[];
}

/** The label of the line that shows the value of a step's code. */
export const VALUE = "value: ";

const PID = /^#PID<\d+\.\d+\.\d+>$/;

/** An expression as a step's code: its value is shown. */
export function showing(expression: string): string {
  return `await IO.inspect((${expression}), { label: "value" })`;
}

/** The steps that end with moebi's node still up. */
export const STEPS: (Step | VisitorStep)[] = [
  {
    title: "A process on another node",
    says:
      "kate runs her function, and it prints at alex: the process has the " +
      "group leader of the one who spawned it.",
    who: "alex",
    code: `await Node.spawnLink("kate@localhost", ["Kate", "sayName"])`,
    prints: { alex: ["Hi, my name is Kate"] },
    gives: PID,
  },
  {
    title: "",
    says: "The function itself will do where both nodes have its module.",
    who: "alex",
    code: `await Node.spawnLink("kate@localhost", Kate.sayName)`,
    prints: { alex: ["Hi, my name is Kate"] },
    gives: PID,
  },
  {
    title: "",
    says:
      "So will a closure, as kate was started with --allow-closures: others may run any code there.",
    who: "alex",
    code: `await Node.spawnLink("kate@localhost", () => Kate.sayName())`,
    prints: { alex: ["Hi, my name is Kate"] },
    gives: PID,
  },
  {
    title: "Messages there and back",
    says: "A process at kate waits for a message.",
    who: "alex",
    code: `const pid = await Node.spawnLink("kate@localhost", async () => {
  const { from } = await receive((message) => message.type === "hi");
  send(from, "sup?");
})`,
    prints: {},
  },
  {
    title: "",
    says: "",
    who: "alex",
    code: `send(pid, { type: "hi", from: self() })`,
    // Until the answer is there, so that the next step finds it.
    after: "send(self(), await receive())",
    prints: {},
  },
  {
    title: "",
    says: "Its answer is in alex's mailbox.",
    who: "alex",
    code: "await flush()",
    prints: { alex: [`"sup?"`] },
    gives: `"ok"`,
  },
  {
    title: "The cookie",
    says: "Nodes with the same cookie connect.",
    who: "sophie",
    flags: ["--cookie", "secret_token"],
    code: `await Node.connect("kate@localhost")`,
    prints: {},
    gives: "true",
  },
  {
    title: "",
    says: "With another cookie they do not, and both ends say why.",
    who: "sophie",
    flags: ["--cookie", "another_token"],
    code: `await Node.connect("kate@localhost")`,
    prints: {
      sophie: [
        /^\[warning\] sophie@localhost: Cannot connect to kate@localhost: .*cookie/,
      ],
      kate: [
        /^\[warning\] kate@localhost: Refused .*: sophie@localhost has another cookie/,
      ],
    },
    gives: "false",
  },
  {
    title: "A supervised task on another node",
    says: "The task runs under kate's supervisor, so it prints at kate.",
    who: "alex",
    code: `const sup = { name: "Chat.TaskSupervisor", node: "kate@localhost" };
const task = await TaskSupervisor.async(sup, Chat.receiveMessage, ["hi"]);
await Task.await(task)`,
    prints: { kate: ["hi"] },
    gives: `"ok"`,
  },
  {
    title: "The chat",
    says: "alex says hi to kate.",
    who: "alex",
    code: `await Chat.sendMessage("kate@localhost", "hi")`,
    prints: { kate: ["hi"] },
    gives: `"ok"`,
  },
  {
    title: "",
    says: "kate answers.",
    who: "kate",
    code: `await Chat.sendMessage("alex@localhost", "hi yourself")`,
    prints: { alex: ["hi yourself"] },
    gives: `"ok"`,
  },
  {
    title: "Moebi, who is a dog",
    says: "His node answers for him, and kate hears nothing of it.",
    who: "alex",
    code: `await Chat.sendMessage("moebi@localhost", "hi")`,
    prints: { moebi: ["hi"], alex: ["chicken?"] },
    gives: `"ok"`,
  },
];

/** The step that comes when moebi's node has been stopped: it ends alex's. */
export const LAST_STEP: Step = {
  title: "Nobody there",
  says: "Moebi's node is stopped. The call says what was called and why it " +
    "failed, and alex, who does not catch it, exits.",
  who: "alex",
  code: `await Chat.sendMessage("moebi@localhost", "hi")`,
  prints: {
    alex: [
      /^\[warning\] alex@localhost: Cannot connect to moebi@localhost: /,
      /^\*\* \(exit\) exited in: TaskSupervisor\.async\(\{ name: "Chat\.TaskSupervisor", node: "moebi@localhost" \}, \["Chat", "receiveMessageForMoebi"\], \["hi", "alex@localhost"\]\)/,
      "    ** (EXIT) no connection to moebi@localhost",
    ],
  },
};

/** What a node runs for a step. */
export function codeOf({ code, after, gives }: Step): string {
  const shown = gives === undefined ? code : showingLast(code);
  return after === undefined ? shown : `${shown};\n${after}`;
}

/** Code that shows the value of its last line. */
function showingLast(code: string): string {
  const lines = code.split("\n");
  return [...lines.slice(0, -1), showing(lines.at(-1)!)].join("\n");
}
