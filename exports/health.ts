/**
 * Handlers of `/livez` and `/readyz`, for load balancers, Kubernetes and supervisors of the operating system.
 *
 * `/livez` reports whether the program lives, and `/readyz` whether it should get requests. One handler fits
 * `Deno.serve`, `Bun.serve`, `node:http`, Express and Hono.
 *
 * @example With `Deno.serve`
 * ```ts
 * import { health } from "@otp/distribution/health";
 * import { Node } from "@otp/distribution/node";
 * import { assertEquals } from "@std/assert";
 *
 * const node = await Node.start({ name: "web@localhost", cookie: "c", epmdPort: 14369 });
 * const probe = health();
 * const server = Deno.serve(
 *   { hostname: "127.0.0.1", port: 0, onListen() {} },
 *   (request) => probe(request) ?? new Response("hi"),
 * );
 * const get = async (path: string) => {
 *   const response = await fetch(`http://127.0.0.1:${server.addr.port}${path}`);
 *   return [response.status, await response.text()];
 * };
 * assertEquals(await get("/livez"), [200, "ok\n"]);
 * assertEquals(await get("/readyz"), [200, "ok\n"]);
 * assertEquals(await get("/"), [200, "hi"]);
 *
 * node.onDrain(async () => {
 *   assertEquals(await get("/readyz"), [503, "unavailable\n"]);
 *   await server.shutdown();
 * });
 * await node.drain();
 * ```
 *
 * @module
 */

export * from "@otp/observe/health";
