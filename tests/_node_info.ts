/** A node that a shell under test starts beside its own. */

import { Node } from "../node.ts";
import { outside } from "../runtime/context/async_context.ts";
import { COOKIE } from "./_nodes.ts";
import * as Remote from "./_remote.ts";

/** Starts kate; as code of the program, since a shell that is on a node starts no other. */
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
