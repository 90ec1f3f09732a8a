/** The code of each thread of a worker: it makes thumbnails. */

import decode from "npm:@jsquash/jpeg@^1/decode.js";
import encode from "npm:@jsquash/jpeg@^1/encode.js";
import resize from "npm:@jsquash/resize@^2";
import { pg, TaskSupervisor } from "@otp/distribution";
import { sizeOf } from "./jpeg_size.ts";

/** A decoded image takes four bytes for each pixel. */
const MAX_PIXELS = 50_000_000;

/** Runs when the thread starts. Web nodes find its places for tasks by their group. */
export function start() {
  return [
    pg,
    // Two: while one thumbnail is made, the next image is on its way.
    TaskSupervisor.childSpec({ group: "thumbs", maxChildren: 2 }),
  ];
}

/** Makes a thumbnail of a JPEG image; returns nothing if the image is no JPEG, broken, or too large. */
export async function make(
  image: Uint8Array<ArrayBuffer>,
  width: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const size = sizeOf(image);
  if (size === undefined || size.width * size.height > MAX_PIXELS) return;
  const height = Math.max(1, Math.round(width * size.height / size.width));
  const picture = await decode(image.slice().buffer).catch(() => undefined);
  if (picture === undefined) return;
  const small = await resize(picture, { width, height });
  return new Uint8Array(await encode(small, { quality: 80 }));
}
