/** The part of a node that others observe: the option `allowObserve`. */

import { checkModuleIsFree } from "@otp/node/start/check_options";
import type { NodePart } from "@otp/node/start/parts";
import { OBSERVER, serveObserver } from "./observer/serve_observer.ts";

/**
 * Creates the part `observe` of a node: the option `allowObserve`, and what `Observer` and the dashboard see of the node.
 * The observer's code is loaded with the first request, or when a node with `allowObserve` starts.
 */
export function observe(): NodePart {
  return {
    name: "observe",
    options: {
      allowObserve: {
        accepts: (allow) => typeof allow === "boolean" || allow === "write",
        give: 'true, false or "write"',
      },
    },
    check: (options, doing) =>
      checkModuleIsFree(options, doing, "allowObserve", OBSERVER),
    attach({ runtime, options: { allowObserve = false }, connections }) {
      runtime.modules.allowObserve = allowObserve;
      serveObserver(runtime, connections, allowObserve);
    },
  };
}
