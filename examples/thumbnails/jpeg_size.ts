/** The size of an image, in pixels. */
export interface Size {
  width: number;
  height: number;
}

/** Reads the size of a JPEG image from its header, before decoding; returns nothing if the bytes are no JPEG image. */
export function sizeOf(bytes: Uint8Array): Size | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4 || view.getUint16(0) !== 0xffd8) return undefined;
  // A segment is a marker, a length and content. A frame's content begins with precision, height and width.
  for (let at = 2; at + 9 <= bytes.length;) {
    const marker = view.getUint16(at);
    if (marker < 0xffc0) return undefined;
    const isFrame = marker <= 0xffcf &&
      ![0xffc4, 0xffc8, 0xffcc].includes(marker);
    if (isFrame) {
      return { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    }
    at += 2 + view.getUint16(at + 2);
  }
  return undefined;
}
