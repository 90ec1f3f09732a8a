// Shared by the rivals from npm: what bench/measure.ts does for the others, in
// plain JavaScript, as they run in a folder of their own.

/** The text of a message, 1,000 characters. */
export const TEXTS = Array.from(
  { length: 16 },
  (_, i) => String.fromCharCode(97 + i).repeat(1000),
);
/** The bytes of a message. */
export const BYTES = Array.from(
  { length: 16 },
  (_, i) => new Uint8Array(1000).fill(i),
);

/** Times requests one by one, and sums up. */
export async function timed({ rounds, warmup }, ask) {
  const times = new Float64Array(rounds);
  for (let n = -warmup; n < rounds; n++) {
    const started = performance.now();
    const answer = await ask(n);
    if (answer !== n) throw new Error(`Cannot go on: ${answer} for ${n}`);
    if (n >= 0) times[n] = performance.now() - started;
  }
  const sorted = times.toSorted();
  const at = (part) => sorted[Math.max(Math.ceil(rounds * part) - 1, 0)] * 1000;
  const mean = sorted.reduce((sum, time) => sum + time, 0) / rounds * 1000;
  return { median: at(0.5), mean, p99: at(0.99), max: at(1) };
}

/** Measures the rate of some work, after a warm-up. */
export async function rated({ rounds, warmup }, work) {
  await work(warmup);
  const started = performance.now();
  await work(rounds);
  return { rate: rounds / (performance.now() - started) * 1000 };
}

/** Asks by so many callers at once. */
export function asked(job, ask) {
  return rated(
    job,
    (rounds) =>
      Promise.all(Array.from({ length: job.callers }, async () => {
        for (let n = 0; n < rounds / job.callers; n++) {
          if (await ask(n) !== n) throw new Error("Cannot go on: wrong answer");
        }
      })),
  );
}

/** Checks the message number `n`. */
export function check(row, n, message) {
  const isWhole = row === "one_way_text"
    ? message.length === 1000 && message.charCodeAt(999) === 97 + n % 16
    : row === "one_way_bytes"
    ? message.length === 1000 && message[999] === n % 16
    : message === n;
  if (!isWhole) throw new Error(`Cannot go on: message ${n} arrived changed`);
}

/** The message number `n`. */
export function payload(row, n) {
  if (row === "one_way_text") return TEXTS[n % 16];
  return row === "one_way_bytes" ? BYTES[n % 16] : n;
}

/** Says that a peer is ready; it ends with standard input. */
export function serve(text = "") {
  console.log(`READY ${process.pid} ${text}`);
  process.stdin.on("end", () => process.exit(0)).resume();
}

/** Prints the result, and ends. */
export function report(result) {
  console.log(JSON.stringify(result));
  process.exit(0);
}
