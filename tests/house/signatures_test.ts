/**
 * Arguments have the order of Elixir's. If not, a rule or an item of `docs/differences.md` says how; if Elixir has no
 * function of that name, `docs/otp.md` has one.
 */

import { assertEquals } from "@std/assert";
import * as library from "../../mod.ts";
import { HELP } from "../../packages/shell/help_table.ts";
import { SIGNATURES } from "./_signatures.ts";

/** The functions that a section of a page names. */
async function namedIn(page: string, heading: string): Promise<Set<string>> {
  const url = new URL(`../../docs/${page}.md`, import.meta.url);
  const [, rest] = (await Deno.readTextFile(url)).split(`\n${heading}\n`);
  const [text] = rest.split(/\n##+ /);
  return new Set(
    [...text.matchAll(/`((?:\w+\.)?[a-z]\w*)`/g)].map(([, name]) => name),
  );
}

/** Our names of arguments, and their names in Elixir and OTP. */
const SAME: Record<string, string[]> = {
  application: ["app"],
  arg: ["init_arg"],
  child: ["child_spec", "module_or_map"],
  fn: ["fun", "function", "callback", "mfa_or_fun"],
  from: ["client"],
  group: ["group"],
  id: ["child_id", "sup_ref", "id"],
  init: ["fun"],
  item: ["chardata"],
  key: ["lock_key"],
  kind: ["args"],
  message: ["msg"],
  ms: ["time", "timeout"],
  name: ["arg"],
  on: ["flag"],
  options: ["opts"],
  otherwise: ["default"],
  pid: ["pid_or_port"],
  pids: ["pid_or_pids"],
  predicate: ["spec"],
  ref: ["monitor_ref", "alias"],
  supervisor: ["sup_ref"],
  target: ["item"],
  timeout: ["shutdown"],
  timer: ["timer_ref"],
  to: ["dest"],
  value: ["item", "term", "result"],
};

/** The names of the parameters in a signature, without types and defaults, in Elixir's spelling. */
function parametersOf(signature: string): string[] {
  const text = signature.slice(signature.indexOf("(") + 1, -1);
  const names: string[] = [];
  let depth = 0;
  let current = "";
  for (const [at, char] of [...`${text},`].entries()) {
    if ("([{<".includes(char)) depth++;
    if (")]}".includes(char) || char === ">" && text[at - 1] !== "=") depth--;
    if (char !== "," || depth > 0) {
      current += char;
      continue;
    }
    const [name] = current.trim().split(/[?:=\s]/);
    if (name !== "") {
      names.push(
        name.replace(/(?<=.)[A-Z]/g, (letter) => `_${letter}`).toLowerCase(),
      );
    }
    current = "";
  }
  return names;
}

/** Whether a function has the arguments of Elixir's, in its order; trailing defaults may be missing. */
function agrees(ours: string[], theirs: string[]): boolean {
  return ours.length === theirs.length &&
    ours.every((name, at) =>
      name === theirs[at] || (SAME[name] ?? []).includes(theirs[at])
    );
}

/** The functions whose arguments follow the rules at the head of the page's section: the first two lines, and the others. */
const BY_RULE = `
  spawn spawnLink spawnMonitor Node.spawn Node.spawnLink Node.spawnMonitor Task.async Task.start Task.startLink
  TaskSupervisor.async TaskSupervisor.asyncNolink TaskSupervisor.startChild rpc.call rpc.cast rpc.multicall rpc.multicast
  Agent.get Agent.getAndUpdate Agent.update GenServer.call GenServer.abcast GenServer.multiCall
  Task.await Task.awaitMany Task.yield DynamicSupervisor.startChild Supervisor.startChild
  global.delLock global.reRegisterName global.registerName global.registeredNames global.send global.setLock
  global.trans global.unregisterName global.whereisName IO.puts IO.write IO.gets IO.read IO.inspect
  pg.demonitor pg.getLocalMembers pg.getMembers pg.join pg.leave pg.monitor pg.monitorScope pg.whichGroups
  pg.whichLocalGroups`.trim().split(/\s+/);

/** The functions of `mod.ts`; the table has also the functions of modules that a shell adds, which Elixir does not have. */
const FUNCTIONS = Object.entries(HELP).filter(([name]) =>
  name.split(".")[0] in library &&
  /^(?:\w+\.)?[a-z]\w*$/.test(name) && !["global", "pg", "rpc"].includes(name)
);

Deno.test("each public function is compared with Elixir's of the same name", () => {
  assertEquals(
    FUNCTIONS.map(([name]) => name).filter((name) => !(name in SIGNATURES)),
    [],
  );
  const known = new Set(FUNCTIONS.map(([name]) => name));
  assertEquals(Object.keys(SIGNATURES).filter((name) => !known.has(name)), []);
});

Deno.test("a function without a counterpart of its name in Elixir has a row", async () => {
  const rows = await namedIn("otp", "### Other names");
  assertEquals(
    FUNCTIONS.map(([name]) => name).filter((name) =>
      SIGNATURES[name] === undefined && !rows.has(name)
    ),
    [],
  );
});

Deno.test("a function with other arguments than Elixir's, or in another order, has a row", async () => {
  const named = await namedIn("differences", "## Arguments");
  const rows = new Set([...named, ...BY_RULE]);
  const differs = ([name, docs]: (typeof FUNCTIONS)[number]) => {
    const signature = SIGNATURES[name];
    return signature !== undefined &&
      !docs.some((doc) =>
        agrees(parametersOf(doc.signature), parametersOf(signature))
      );
  };
  assertEquals(
    FUNCTIONS.filter(differs).map(([name]) => name)
      .filter((name) => !rows.has(name)),
    [],
  );
  assertEquals(
    FUNCTIONS.filter((each) => rows.has(each[0]) && !differs(each))
      .map(([name]) => name),
    [],
    "rows that are not needed",
  );
});
