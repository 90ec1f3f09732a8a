/** Waits for conditions that no message or signal announces. */

/** The time between two looks, in milliseconds. */
const EVERY = 5;

/** Polls until a condition holds. The time limit of the test is the only one. */
export async function until(
  isSo: () => boolean | Promise<boolean>,
): Promise<void> {
  while (!await isSo()) {
    // safe: only the condition ends the loop
    await new Promise((resolve) => setTimeout(resolve, EVERY));
  }
}
