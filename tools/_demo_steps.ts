/** The steps of the demo, which follow the lesson, with their expected output. */

/** An expected line of output, or its pattern. */
export type Line = string | RegExp;

/** A node of the demo. */
export type Who = "alex" | "kate" | "moebi" | "sophie";

/** Code that one of the nodes runs. */
export interface Step {
  /** The topic. */
  title: string;
  /** The explanation of the output. */
  says: string;
  who: Who;
  code: string;
  /** Runs after the code and is not shown: waits as a slow person would, or shows a value. */
  after?: string;
  /** The expected output of each node; the others must print nothing. */
  prints: Partial<Record<Who, Line[]>>;
  /** The line that shows the value of the code. */
  gives?: Line;
}

/** A step that runs on a node of its own. */
export interface VisitorStep extends Step {
  /** The node's flags, as they are shown. */
  flags: string[];
}

/** The label of the line that shows the value of a step's code. */
export const VALUE = "value: ";

const PID = /^#PID<\d+\.\d+\.\d+>$/;

/** An expression as a step's code: its value is shown. */
export function showing(expression: string): string {
  return `await IO.inspect((${expression}), { label: "value" })`;
}

/** The steps that need moebi's node. */
export const STEPS: (Step | VisitorStep)[] = [
  {
    title: "A process on another node",
    says:
      "The function runs at kate and prints at alex, because the process has the " +
      "group leader of the process that spawned it.",
    who: "alex",
    code: `await Node.spawnLink("kate@localhost", ["Kate", "sayName"])`,
    prints: { alex: ["Hi, my name is Kate"] },
    gives: PID,
  },
  {
    title: "",
    says: "If both nodes have the module, the function itself is enough.",
    who: "alex",
    code: `await Node.spawnLink("kate@localhost", Kate.sayName)`,
    prints: { alex: ["Hi, my name is Kate"] },
    gives: PID,
  },
  {
    title: "",
    says:
      "A closure works too: kate was started with --allow-closures, so other nodes may run any code there.",
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
    // Waits for the answer, so that the next step finds it.
    after: "send(self(), await receive())",
    prints: {},
  },
  {
    title: "",
    says: "The answer is in alex's mailbox.",
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
    says: "With another cookie they do not, and both ends log the reason.",
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
    says: "His node answers for him, and kate does not notice.",
    who: "alex",
    code: `await Chat.sendMessage("moebi@localhost", "hi")`,
    prints: { moebi: ["hi"], alex: ["chicken?"] },
    gives: `"ok"`,
  },
];

/** The step after moebi's node has been stopped: it ends alex's node. */
export const LAST_STEP: Step = {
  title: "A node that is not running",
  says:
    "Moebi's node is stopped. The error names the call and the reason, and " +
    "alex exits, because the code does not catch it.",
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

/** The code that a node runs for a step. */
export function codeOf({ code, after, gives }: Step): string {
  const shown = gives === undefined ? code : showingLast(code);
  return after === undefined ? shown : `${shown};\n${after}`;
}

/** Code that shows the value of its last line. */
function showingLast(code: string): string {
  const lines = code.split("\n");
  return [...lines.slice(0, -1), showing(lines.at(-1)!)].join("\n");
}
