/** A listening socket: how much it takes, and that it passes on nothing of its own. */

import { assertEquals } from "@std/assert";
import type { Socket } from "node:net";
import { Listener } from "../distribution/listener.ts";
import { epmdTest, eventually, RawConnection } from "./_epmd_helpers.ts";

epmdTest(
  "Listener closes at once what is over its most connections, and takes others when some have ended",
  async () => {
    const taken: Socket[] = [];
    let over = 0;
    const listener = await Listener.open({
      host: "127.0.0.1",
      port: 0,
      maxConnections: 3,
      accept: (socket) => void taken.push(socket),
      over: () => over++,
    });
    const { port } = listener.address;
    const crowd = Array.from({ length: 5 }, () => new RawConnection(port));
    await Promise.any(crowd.map((each) => each.closed));
    await eventually(() => over === 2);
    assertEquals(taken.length, 3);
    for (const socket of taken) socket.destroy();
    await Promise.all(crowd.map((each) => each.closed));
    const later = new RawConnection(port);
    await eventually(() => taken.length === 4);
    taken[3].destroy();
    await later.closed;
    assertEquals(over, 2);
    await listener.close();
  },
);

epmdTest(
  "Listener passes on who connects while it looks whether it is alive, and not itself",
  async () => {
    const remotes: (number | undefined)[] = [];
    const listener = await Listener.open({
      host: "127.0.0.1",
      port: 0,
      maxConnections: 1000,
      probeInterval: 5,
      accept(socket) {
        remotes.push(socket.remotePort);
        socket.end("x");
        socket.resume();
      },
      revived: () => remotes.push(-1),
    });
    const { port } = listener.address;
    const ports: (number | undefined)[] = [];
    for (let i = 0; i < 200; i++) {
      const raw = new RawConnection(port);
      await raw.opened;
      ports.push(raw.localPort);
      assertEquals((await raw.closed).length, 1);
    }
    assertEquals(remotes, ports);
    await listener.close();
  },
);
