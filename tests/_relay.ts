/** A TCP relay that can be cut, as a network that loses all packets: what was sent meanwhile arrives when it is joined. */

import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** Forwards connections to a port of this machine. */
export class Relay implements AsyncDisposable {
  readonly #to: number;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((near) => this.#accept(near));
  #newest: Socket | undefined;
  /** The steps of a join, in order; `undefined` while the relay forwards. */
  #later: (() => void)[] | undefined;

  private constructor(to: number) {
    this.#to = to;
  }

  /** Starts to forward connections to the port `to`. */
  static listen(to: number): Promise<Relay> {
    const relay = new Relay(to);
    return new Promise((resolve) =>
      relay.#server.listen({ host: "127.0.0.1", port: 0 }, () => resolve(relay))
    );
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Resets the newest connection at its dialler; the listener is not notified. */
  reset(): void {
    this.#newest!.removeAllListeners("close").resetAndDestroy();
  }

  /** Forwards nothing from now on: no bytes, no new connection, no end of one. */
  cut(): void {
    this.#later ??= [];
    for (const socket of this.#sockets) socket.pause();
  }

  /** Forwards all that has come meanwhile. */
  join(): void {
    const later = this.#later ?? [];
    this.#later = undefined;
    for (const forward of later) forward();
    for (const socket of this.#sockets) socket.resume();
  }

  #forward(forward: () => void): void {
    if (this.#later === undefined) forward();
    else this.#later.push(forward);
  }

  #accept(near: Socket): void {
    this.#newest = near;
    this.#add(near);
    near.pause();
    this.#forward(() => {
      const far = connect({ host: "127.0.0.1", port: this.#to });
      this.#add(far);
      this.#pass(near, far);
      this.#pass(far, near);
      near.resume();
    });
  }

  #add(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay();
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
  }

  #pass(from: Socket, to: Socket): void {
    from.on("data", (bytes) => this.#forward(() => to.write(bytes)));
    const end = () => this.#forward(() => to.end());
    if (from.destroyed) end();
    else from.on("close", end);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
