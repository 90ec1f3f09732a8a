/** The example `examples/thumbnails/`: real images under load, while its programs are killed and restarted. */

import sharp from "npm:sharp@^0.34";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { make } from "../../examples/thumbnails/thumbs.ts";
import { test, type TestOptions } from "../../packages/testing/tags.ts";
import { freePort } from "../_epmd_helpers.ts";
import { Program } from "./_program.ts";
import { ask, Balancer, Load, PATH, Service, WIDTH } from "./_thumbnails.ts";

const options: TestOptions = { timeout: 600_000 };

const DEMO = new URL("../../examples/thumbnails/demo.jpg", import.meta.url);

/** A smaller copy of the demo image, and its thumbnail, which is the answer to every request. */
async function images(): Promise<[image: Uint8Array, thumbnail: Uint8Array]> {
  const image = await sharp(await Deno.readFile(DEMO)).resize(300).toBuffer();
  const thumbnail = await make(image, WIDTH);
  return [image, thumbnail!];
}

async function sizeOf(image?: Uint8Array): Promise<[number, number]> {
  const { width, height } = await sharp(image).metadata();
  return [width, height];
}

/** An image of one colour, as a program without limits makes it. */
function flat([width, height]: [number, number]): Promise<Uint8Array> {
  const create = { width, height, channels: 3 as const, background: "red" };
  return sharp({ create, limitInputPixels: false }).jpeg().toBuffer();
}

/** A JPEG image with a fill byte before the marker of its frame, where some readers of headers lose their way. */
function filled(image: Uint8Array): Uint8Array {
  const frame = image.findIndex((byte, i) =>
    byte === 0xff && [0xc0, 0xc2].includes(image[i + 1])
  );
  return new Uint8Array([
    ...image.subarray(0, frame),
    0xff,
    ...image.subarray(frame),
  ]);
}

test(
  "thumbs.ts makes JPEG images of the right size, and nothing of what is no image",
  options,
  async () => {
    const demo = await Deno.readFile(DEMO);
    assertEquals(await sizeOf(demo), [1200, 800]);
    const thumbnail = await make(demo, 300);
    assertEquals(await sizeOf(thumbnail), [300, 200]);
    const pixels = await sharp(thumbnail).raw().toBuffer();
    assert(new Set(pixels).size > 50, "it has a picture");
    assertEquals(await sizeOf(await make(demo, 1)), [1, 1]);
    assertEquals(await sizeOf(await make(filled(demo), 300)), [300, 200]);

    const svg =
      '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>';
    const wrong = [
      new Uint8Array(),
      new Uint8Array([0xff, 0xd8]),
      new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0]),
      new Uint8Array([0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0, 0, 0, 0, 3, 1]),
      new TextEncoder().encode("hello"),
      new TextEncoder().encode(svg),
      demo.slice(0, 300),
      // A peer may send anything: this would be the name of a file.
      DEMO.pathname as unknown as Uint8Array,
    ];
    for (const bytes of wrong) assertEquals(await make(bytes, 10), undefined);
  },
);

test(
  "thumbs.ts decodes no more pixels than its limit, and makes no more than it was asked for",
  options,
  async () => {
    const tooLarge: [number, number][] = [[5001, 5000], [65_500, 400]];
    for (const size of tooLarge) {
      const huge = await flat(size);
      assertEquals(await make(huge, 10), undefined);
      assertEquals(await make(filled(huge), 10), undefined);
    }
    const right: [number, number][] = [[1, 40_000], [40_000, 1], [5000, 5000]];
    for (const size of right) {
      const [width, height] = await sizeOf(await make(await flat(size), 30));
      assert(width <= 30 && height <= 120, `${size}: ${width} x ${height}`);
    }
  },
);

test(
  "deno task thumbnails starts a service; kill -9 of a worker under load fails no request; all stop in order",
  { ...options, tags: ["slow"] },
  async () => {
    const { tasks } = JSON.parse(
      await Deno.readTextFile(new URL("../../deno.json", import.meta.url)),
    );
    assertStringIncludes(
      tasks.thumbnails.command,
      "examples/thumbnails/try.ts",
    );
    const [image, thumbnail] = await images();
    const metricsPort = await freePort();
    await using program = new Program("thumbnails/try.ts", [], {
      HTTP_PORT: "0",
      METRICS_PORT: `${metricsPort}`,
      ERL_EPMD_PORT: `${await freePort()}`,
    });
    const [, digits] = await program.matches(/web@localhost is up, port (\d+)/);
    const port = Number(digits);
    assertEquals((await ask(port, "/readyz")).status, 200);

    const load = new Load(port, image, thumbnail);
    for (const name of ["worker-1@localhost", "worker-2@localhost"]) {
      const [, pid] = await program.matches(
        new RegExp(`${name} starts: process (\\d+)\\n[^]*${name} is up`),
      );
      await load.burst();
      Deno.kill(Number(pid), "SIGKILL");
      await program.matches(
        new RegExp(`${name} has ended: SIGKILL[^]*${name} is up`),
      );
      await load.more(20);
    }
    await load.stop();

    const status = async (path: string, body?: Uint8Array) =>
      (await ask(port, path, body)).status;
    assertEquals(await status("/thumbnails?width=0", image), 400);
    assertEquals(await status("/thumbnails?width=1001", image), 400);
    assertEquals(await status(PATH, new Uint8Array(100)), 422);
    assertEquals(await status(PATH, new Uint8Array(10_000_001)), 413);
    assertEquals(await status("/nothing"), 404);
    assertEquals(await status("/demo.jpg"), 200);
    const page = new TextDecoder().decode((await ask(port, "/")).body);
    assertStringIncludes(page, "<title>Thumbnails</title>");
    const metrics = new TextDecoder().decode(
      (await ask(metricsPort, "/metrics")).body,
    );
    assertStringIncludes(metrics, "otp_connections");

    program.kill("SIGINT");
    assertEquals((await program.status).code, 0, program.output);
    const ends = program.output.matchAll(
      /^(.*)@localhost has ended: exit code 0$/gm,
    );
    assertEquals(
      Array.from(ends, ([, name]) => name),
      ["web", "worker-1", "worker-2"],
      program.output,
    );
  },
);

test(
  "thumbnails: a restart of each worker and each web node, one after the other, fails no request",
  { ...options, tags: ["slow"] },
  async () => {
    const [image, thumbnail] = await images();
    const names = ["web-1", "web-2", "worker-1", "worker-2"];
    await using service = await Service.start(names, await freePort());
    await using balancer = new Balancer(service, thumbnail);
    const port = await balancer.listen();
    await balancer.ready("web-1");
    await balancer.ready("web-2");
    const load = new Load(port, image, thumbnail);
    for (const name of ["worker-1", "worker-2", "web-1", "web-2"]) {
      await load.burst();
      await service.program(name).drain();
      await load.more(50);
      await service.run(name);
      if (name.startsWith("web")) await balancer.ready(name);
    }
    await load.more(50);
    await load.stop();
    assertEquals(balancer.wrong, []);
  },
);
