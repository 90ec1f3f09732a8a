/** The program of a node of `@otp/node` alone, which loads no part. Its argument is the options as JSON. */

import nodeProcess from "node:process";
import { Node, rpc } from "../../../packages/node/mod.ts";

if (import.meta.main) {
  const [options, peer] = nodeProcess.argv.slice(2);
  const modules = { Json: { name: () => Node.self() } };
  await using node = await Node.start({ ...JSON.parse(options), modules });
  console.log(await node.run(() => rpc.call(peer, ["Full", "ask"], [])));
  for (
    const each of [
      { cluster: {} },
      { allowObserve: true },
      { allowRemsh: true },
      { wires: ["json", "beam"] },
    ]
  ) {
    await Node.start({ name: "b@localhost", epmdPort: false, ...each } as never)
      .catch(({ message }) => console.log(message));
  }
}
