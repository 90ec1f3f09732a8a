/** Starts a node whose name EPMD may still reserve for a killed node. */

import { NodeStartError } from "../core/errors.ts";
import { Node, type NodeOptions } from "../node.ts";

/** The time for which a killed node's name may be reserved, in milliseconds. */
const NAME_IS_HELD = 3000;

/** Starts a node; retries while its name is reserved. */
export async function startWhenFree(options: NodeOptions): Promise<Node> {
  const until = performance.now() + NAME_IS_HELD;
  for (;;) {
    try {
      return await Node.start({ onTreeEnd: "continue", ...options });
    } catch (error) {
      if (
        !(error instanceof NodeStartError && error.code === "in_use") ||
        performance.now() > until
      ) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
