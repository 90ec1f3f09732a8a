/** A client of `examples/thumbnails/` that breaks its rules. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { request } from "node:http";
import { connect } from "node:net";
import { make } from "../../examples/thumbnails/thumbs.ts";
import { ask, isSame, PATH, shown, WIDTH } from "./_thumbnails.ts";
import { raw } from "./_program.ts";

const DEMO = new URL("../../examples/thumbnails/demo.jpg", import.meta.url);

/** The status of `/metrics` for a name of the server. */
function metricsAt(port: number, host: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const options = { host: "127.0.0.1", port, path: "/metrics", agent: false };
  request({ ...options, headers: { host } }, (response) => {
    response.resume();
    resolve(response.statusCode!);
  }).on("error", reject).end();
  return promise;
}

/** Attacks a web node as a stranger, and asserts that it goes on making thumbnails. */
export async function attack(
  [port, metricsPort]: [number, number],
): Promise<void> {
  const image = await Deno.readFile(DEMO);
  const thumbnail = (await make(image, WIDTH))!;
  const serves = async () => {
    const answer = await ask(port, PATH, image);
    assert(isSame(answer, thumbnail), shown(answer));
  };
  await serves();
  const none = "/constructor /../web.ts /%2e%2e/web.ts // http://[ /metrics";
  for (const target of none.split(" ")) {
    const head = `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`;
    const [line] = (await raw(port, head)).split("\r\n");
    assertEquals(line, "HTTP/1.1 404 Not Found", target);
  }
  for (const width of ["0", "-1", "1.5", "NaN", "1001", "1e9", "%ff", ""]) {
    const { status } = await ask(port, `/thumbnails?width=${width}`, image);
    assertEquals(status, 400, width);
  }
  const text = new TextEncoder().encode("/etc/hostname");
  assertEquals((await ask(port, PATH, text)).status, 422);
  assertEquals((await ask(port, PATH, new Uint8Array())).status, 422);

  // Uploads that break off, whole heads that are too long, and a head that never ends.
  const post = `POST ${PATH} HTTP/1.1\r\nHost: a\r\n`;
  for (let i = 0; i < 20; i++) {
    const socket = connect(port, "127.0.0.1");
    await new Promise<void>((resolve) => socket.once("connect", resolve));
    const part = `${post}Content-Length: 9000000\r\n\r\n${"x".repeat(1e5)}`;
    await new Promise<void>((resolve) => socket.write(part, () => resolve()));
    socket.destroy();
  }
  await raw(port, `${post}X: ${"x".repeat(100_000)}\r\n\r\n`);
  await raw(port, `${post}Content-Length: x\r\n\r\n`);
  await raw(port, `${post}Transfer-Encoding: chunked\r\n\r\nzz\r\n`);
  await raw(port, "GET / HTTP/1.1\r\nHo");
  await serves();

  for (const host of ["127.0.0.1:1", "localhost", "[::1]:9100", "web:9100"]) {
    assertEquals(await metricsAt(metricsPort, host), 200, host);
  }
  for (
    const host of ["evil.example", "evil.example:9100", "127.0.0.1.nip.io"]
  ) {
    assertEquals(await metricsAt(metricsPort, host), 403, host);
  }
  const { body } = await ask(metricsPort, "/metrics");
  assertStringIncludes(new TextDecoder().decode(body), "otp_connections");
  await serves();
}
