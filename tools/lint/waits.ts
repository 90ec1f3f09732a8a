/**
 * A lint rule for tests: they wait for messages, signals or virtual time, and no short limit of the
 * wall clock decides a verdict. The line before a finding can permit it: `// safe: <why>`.
 *
 * @module
 */

/** The shortest limit that may decide a verdict, in milliseconds: a hang guard. */
const HANG_GUARD = 10_000;

const SHORT = `a limit below ${HANG_GUARD} ms`;
const WAIT = "a wait for a time";

/** Options that limit a wait. */
const LIMITS = /^(timeout|within)$/;

/** Constants that limit a wait. */
const LIMIT_NAME = /(^|_)(TIMEOUT|WITHIN|SETTLE|GRACE)$/;

/** Functions that wait for a time. */
const SLEEPS = /^(Process\.sleep|delay|sleep|wait|pause)$/;

/** Functions that call back in a later turn of the event loop. */
const TIMERS = /^(setTimeout|setImmediate)$/;

/** Functions with a limit: the position of that argument. */
const LIMITED: Record<string, number | undefined> = {
  "AbortSignal.timeout": 0,
  "Task.await": 1,
  "Task.awaitMany": 1,
  "Task.shutdown": 1,
  "Task.yield": 1,
  "Task.yieldMany": 1,
};

const PERMISSION = /^ safe:(.*)$/;

type Ast = Deno.lint.Node;

/** Whether a file is a test or a helper of tests whose code does not run in a simulation. */
function isChecked(path: string): boolean {
  return /(^|[\\/])tests[\\/]|_test\.ts$/.test(path) &&
    !/[\\/]_?simulat(ion|ed)_\w+\.ts$/.test(path);
}

/** The name of a function or a class: `f` or `o.f`. */
function nameOf(callee: Ast): string {
  if (callee.type === "Identifier") return callee.name;
  return callee.type === "MemberExpression"
    ? `${nameOf(callee.object)}.${nameOf(callee.property)}`
    : "";
}

/** The number of a literal. Deno's `value` is NaN if the literal has a separator, as 5_000 has. */
function numberOf(node: Ast | null | undefined): number {
  return node?.type === "Literal" && typeof node.value === "number"
    ? Number(node.raw.replaceAll("_", ""))
    : NaN;
}

function isShort(node: Ast | null | undefined): boolean {
  const ms = numberOf(node);
  return ms > 0 && ms < HANG_GUARD;
}

/** The nodes around a node, the innermost first. */
function* around(node: Ast): Generator<Ast> {
  let at = node as { parent?: Ast };
  while (at.parent !== undefined && at.parent !== null) {
    yield at.parent;
    at = at.parent as { parent?: Ast };
  }
}

/** Whether a block around a node makes the clock of its code: `using time = new FakeTime()`. */
function isVirtual(node: Ast, textOf: (node: Ast) => string): boolean {
  for (const block of around(node)) {
    if (block.type !== "BlockStatement") continue;
    const makesClock = block.body.some((each) =>
      each.type === "VariableDeclaration" &&
      /^(await )?using .*\b(FakeTime|SimulatedCluster)\b/.test(textOf(each))
    );
    if (makesClock) return true;
  }
  return false;
}

/** Whether `name` is the parameter of the executor of a promise, such as `resolve`, around a node. */
function isResolver(name: string, node: Ast): boolean {
  const [executor, promise] = [...around(node)].filter((each) =>
    each.type === "ArrowFunctionExpression" || each.type === "NewExpression"
  );
  return executor?.type === "ArrowFunctionExpression" &&
    executor.params.some((each) => nameOf(each as Ast) === name) &&
    promise?.type === "NewExpression" && nameOf(promise.callee) === "Promise";
}

function problemOfCall(call: Deno.lint.CallExpression): string | undefined {
  const name = nameOf(call.callee);
  const args = call.arguments;
  if (name === "turn") return "turn() guesses when other code has run";
  if (isShort(args[LIMITED[name] ?? NaN])) return SHORT;
  if (TIMERS.test(name)) {
    const isWait = args[0]?.type === "Literal" ||
      args[0]?.type === "Identifier" && isResolver(args[0].name, call);
    return isWait ? WAIT : undefined;
  }
  if (!SLEEPS.test(name)) return undefined;
  return numberOf(args[0]) === 0 || isShort(args[0]) ? WAIT : undefined;
}

/** Whether an expression is computed from the time. */
function readsClock(node: Ast): boolean {
  return node.type === "BinaryExpression"
    ? readsClock(node.left as Ast) || readsClock(node.right)
    : node.type === "CallExpression" &&
      /^(performance|Date)\.now$/.test(nameOf(node.callee));
}

/** The visitor of a test file. */
function visitor(context: Deno.lint.RuleContext): Deno.lint.LintVisitor {
  const { text } = context.sourceCode;
  const lineOf = ({ range }: { range: Deno.lint.Range }) =>
    text.slice(0, range[0]).split("\n").length;
  const textOf = ({ range }: { range: Deno.lint.Range }) =>
    text.slice(...range);
  const permitted = new Map<number, Deno.lint.LineComment>();
  const used = new Set<number>();

  function report(node: Ast, problem: string | undefined): void {
    if (problem === undefined || isVirtual(node, textOf)) return;
    const before = lineOf(node) - 1;
    used.add(before);
    if (permitted.has(before)) return;
    context.report({
      node,
      message: `Cannot rely on the clock in a test: ${problem}`,
      hint:
        "Wait for a message, a signal or virtual time, or say in the line before why this is safe: `// safe: <why>`",
    });
  }

  return {
    Program() {
      for (const node of context.sourceCode.getAllComments()) {
        const why = PERMISSION.exec(node.value)?.[1];
        if (node.type !== "Line" || why === undefined) continue;
        if (why.trim() !== "") permitted.set(lineOf(node), node);
        else context.report({ node, message: "Cannot permit it: say why" });
      }
    },
    CallExpression(node) {
      report(node, problemOfCall(node));
    },
    Property(node) {
      if (LIMITS.test(nameOf(node.key)) && isShort(node.value)) {
        report(node, SHORT);
      }
    },
    VariableDeclarator({ id, init }) {
      if (LIMIT_NAME.test(nameOf(id)) && isShort(init)) report(id, SHORT);
    },
    BinaryExpression(node) {
      if (/^[<>]=?$/.test(node.operator) && readsClock(node)) {
        report(node, "a comparison with the time");
      }
    },
    "Program:exit"() {
      for (const [line, node] of permitted) {
        if (used.has(line)) continue;
        const message = "Cannot permit it: the next line relies on no clock";
        context.report({ node, message });
      }
    },
  };
}

/** The plugin, which `deno lint` loads. */
const plugin: Deno.lint.Plugin = {
  name: "tests",
  rules: {
    waits: {
      create: (context) => isChecked(context.filename) ? visitor(context) : {},
    },
  },
};
export default plugin;
