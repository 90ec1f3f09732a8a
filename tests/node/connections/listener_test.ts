/** A listening socket: its limits, and a shortage of file descriptors. */

import { assertEquals } from "@std/assert";
import type { Socket } from "node:net";
import { loadCredentials } from "../../../packages/node/host/credentials.ts";
import { Listener } from "../../../packages/epmd/listener.ts";
import { TlsAcceptor } from "../../../packages/node/host/tls.ts";
import { epmdTest, eventually, RawConnection } from "../../_epmd_helpers.ts";
import { tlsDial, tlsOf } from "../../_tls.ts";

epmdTest("Listener closes connections beyond its limit", async () => {
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
});

epmdTest("Listener forgets connections closed inside TLS", async () => {
  const name = "kate@localhost";
  const tls = await tlsOf({ nodes: [name] });
  const acceptor = new TlsAcceptor(loadCredentials(tls, name));
  const ignored = { bytes() {}, drained() {}, closed() {} };
  const ends = ["end", "destroy", "peer"] as const;
  let [accepted, over] = [0, 0];
  const listener = await Listener.open({
    host: "127.0.0.1",
    port: 0,
    maxConnections: 4,
    over: () => over++,
    accept(socket) {
      const transport = acceptor.accept(socket);
      const end = ends[accepted++ % ends.length];
      transport.start({
        ...ignored,
        bytes: () => {
          if (end !== "peer") transport[end]();
        },
      });
    },
  });
  const { port } = listener.address;
  for (let i = 0; i < 12; i++) {
    const { peer, socket } = await tlsDial(port, tls);
    await peer.write("hello");
    if (ends[i % ends.length] === "peer") socket.destroy();
    await peer.closed;
    await using raw = new RawConnection(port);
    raw.send("no TLS at all");
    await raw.closed;
    accepted = i + 1;
  }
  await listener.close();
  assertEquals(over, 0);
});
