/** A node that a tested shell starts beside its own. */

import { Node } from "../../node.ts";
import { outside } from "../../packages/processes/context/async_context.ts";
import { COOKIE } from "../_nodes.ts";
import * as Remote from "../_remote.ts";

/** Starts kate from code of the program, since a shell on a node cannot start another node. */
export function start(epmdPort: number): Promise<Node> {
  return outside(() =>
    Node.start({
      name: "kate@localhost",
      cookie: COOKIE,
      epmdPort,
      modules: { Remote },
      log() {},
    })
  );
}
