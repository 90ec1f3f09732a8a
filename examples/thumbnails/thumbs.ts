/** The code of each thread of a worker: it makes thumbnails. */

import { pg, TaskSupervisor } from "@otp/distribution";
import sharp from "sharp";

// Images come from strangers. Only the decoder of JPEG reads them, one thread works on each, and nothing is cached.
sharp.block({ operation: ["VipsForeignLoad"] });
sharp.unblock({ operation: ["VipsForeignLoadJpeg"] });
sharp.concurrency(1);
sharp.cache(false);

/** The pixels of an image, at most; the decoder itself checks it. */
const MAX_PIXELS = 25_000_000;

/** The maximum height of a thumbnail, as a multiple of its width. */
const MAX_RATIO = 4;

/** How long an image may take, in seconds: a small file can have thousands of passes. */
const TIMEOUT = 10;

/** Runs when the thread starts. Web nodes find its places for tasks by their group. */
export function start() {
  return [
    pg,
    // Two: while one thumbnail is made, the next image is on its way.
    TaskSupervisor.childSpec({ group: "thumbs", maxChildren: 2 }),
  ];
}

/**
 * Makes a thumbnail of a JPEG image, of a width or, for very high images, less; returns nothing if the image is no JPEG,
 * broken, or too large.
 */
export async function make(
  image: Uint8Array,
  width: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (!(image instanceof Uint8Array)) return; // A text would be the name of a file.
  try {
    const small = await sharp(image, { limitInputPixels: MAX_PIXELS })
      .timeout({ seconds: TIMEOUT })
      .resize({ width, height: width * MAX_RATIO, fit: "inside" })
      .jpeg({ quality: 80 })
      .toBuffer();
    return new Uint8Array(small);
  } catch {
    return undefined; // The reasons all lie in the image.
  }
}
