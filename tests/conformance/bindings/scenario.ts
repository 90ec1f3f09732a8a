/** What scenarios are written with, as `elixir/support.ex` has it in Elixir. */

import { atom } from "../../../packages/processes/values/atom.ts";
import type { Bindings } from "../interpreter/modules.ts";
import { fromBeamFunction } from "../../../packages/processes/values/beam_names.ts";
import * as scenario from "../_scenario.ts";
import { atoms, nameOf } from "./_terms.ts";
import { moduleOf } from "../interpreter/modules.ts";

async function done(work: Promise<unknown>): Promise<unknown> {
  await work;
  return atom("ok");
}

export const SCENARIO: Bindings = {
  attempt: (label, fn) => done(scenario.attempt(label, fn)),
  // It is for Elixir.
  end_partition_registry: () => atom("ok"),
  connected_nodes: () => atoms(scenario.connectedNodes()),
  expect: (tag) => scenario.expect(nameOf(tag)),
  forever: scenario.forever,
  kill_node: (name) => done(scenario.killNode(nameOf(name))),
  next: (timeout) => scenario.next(timeout),
  async on(peer, module, name, args = []) {
    const own = moduleOf(module)!;
    const key = fromBeamFunction(module, nameOf(name));
    const [fn] = [own, ...own.imports]
      .flatMap((each) => each.exports()[key] ?? []);
    return await scenario.on(nameOf(peer), fn, ...args);
  },
  output: (peer) =>
    scenario.output(peer === undefined ? undefined : nameOf(peer)),
  part: (name) => done(scenario.part(nameOf(name))),
  peer: async (name) => atom(await scenario.peer(nameOf(name))),
  reason_of: (pid) => scenario.reasonOf(pid),
  trace: (...line) => done(scenario.trace(...line as [string, unknown])),
  trace_next: (label) => done(scenario.traceNext(label)),
  trace_nothing: (label) => done(scenario.traceNothing(label)),
  unknown_node: () => atom(scenario.UNKNOWN_NODE),
};
