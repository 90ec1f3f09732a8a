/** A client that writes frames by hand. */

/** A message of version 2.0.0. */
export type Message = [
  joinRef: string | null,
  ref: string | null,
  topic: string,
  event: string,
  // deno-lint-ignore no-explicit-any
  payload: any,
];

/** A WebSocket, and what arrives by it, in order. */
export class RawClient implements AsyncDisposable {
  readonly socket: WebSocket;
  /** Resolves with the code of the close. */
  readonly closed: Promise<number>;
  readonly #arrived: unknown[] = [];
  #wake: () => void = () => {};
  #isClosed = false;

  private constructor(url: string) {
    this.socket = new WebSocket(url);
    this.socket.binaryType = "arraybuffer";
    this.socket.onmessage = ({ data }) => {
      this.#arrived.push(
        typeof data === "string" ? JSON.parse(data) : new Uint8Array(data),
      );
      this.#wake();
    };
    this.closed = new Promise((resolve) =>
      this.socket.onclose = ({ code }) => {
        this.#isClosed = true;
        this.#wake();
        resolve(code);
      }
    );
  }

  /** Connects to a server, by version 2.0.0 unless the query says otherwise. */
  static async open(
    server: string,
    query = "vsn=2.0.0",
    path = "/socket",
  ): Promise<RawClient> {
    const client = new RawClient(`${server}${path}/websocket?${query}`);
    await new Promise<void>((resolve, reject) => {
      client.socket.onopen = () => resolve();
      client.socket.onerror = () => reject(new Error("refused"));
    });
    return client;
  }

  /** Sends a message, a text as it is, or bytes. */
  send(message: Message | object | string | Uint8Array<ArrayBuffer>): void {
    this.socket.send(
      typeof message === "string" || message instanceof Uint8Array
        ? message
        : JSON.stringify(message),
    );
  }

  /** Returns the next message. */
  // deno-lint-ignore no-explicit-any
  async next(): Promise<any> {
    while (this.#arrived.length === 0) {
      if (this.#isClosed) throw new Error("closed");
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return this.#arrived.shift();
  }

  /** Sends a message, and returns the next one. */
  // deno-lint-ignore no-explicit-any
  ask(message: Message | object): Promise<any> {
    this.send(message);
    return this.next();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isClosed) this.socket.close();
    await this.closed;
  }
}
