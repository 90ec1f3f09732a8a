/** The table "function of Elixir → our public API": every function that scenarios call. */

import type { Bindings } from "../interpreter/modules.ts";
import { asAtom } from "../interpreter/values.ts";
import { then } from "./_terms.ts";
import { APPLICATIONS } from "./applications.ts";
import { CLUSTERS, RESOLVERS } from "./clusters.ts";
import { ELIXIR } from "./elixir.ts";
import { NODES } from "./nodes.ts";
import { PROCESSES } from "./processes.ts";
import { SCENARIO } from "./scenario.ts";
import { SERVERS } from "./servers.ts";
import { TASKS } from "./tasks.ts";

/** Functions of the API: a text that they return is an atom in Elixir, and nothing is `nil`. */
function ofApi(bindings: Bindings): Bindings {
  return Object.fromEntries(
    Object.entries(bindings).map(([name, fn]) => [
      name,
      (...args: unknown[]) => then(fn(...args), asAtom),
    ]),
  );
}

export const BINDINGS: Bindings = {
  ...ELIXIR,
  ...SCENARIO,
  ...RESOLVERS,
  ...ofApi({
    ...PROCESSES,
    ...SERVERS,
    ...TASKS,
    ...NODES,
    ...CLUSTERS,
    ...APPLICATIONS,
  }),
};
