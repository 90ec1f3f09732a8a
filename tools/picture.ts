/**
 * Takes the picture in the README: `deno run -P=dev tools/picture.ts docs/terminal.svg`.
 *
 * It opens a shell in a real terminal with tmux, and types lines into it while a second node,
 * kate, is running. The screen becomes an SVG with its own background, so that it
 * is readable on light and dark pages.
 */

import { freePort } from "../packages/testing/_ports.ts";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

const COLUMNS = 88;

/** The time limit for a line, in milliseconds. */
const WITHIN = 20_000;

const PROMPT = "chat(alex@localhost)";
const SPAWN = `const pid = await Node.spawn("kate@localhost", async () => {`;
const LOOP =
  `  for (;;) send((await receive()).from, "hi from " + Node.self())`;

/** The typed lines, each with the prompt that the screen must end with. */
const TYPED: readonly [end: string, line: string][] = [
  ["$", "deno task -q chat --sname alex@localhost"],
  [
    `${PROMPT}1>`,
    `await Node.spawnLink("kate@localhost", ["Kate", "sayName"])`,
  ],
  [`${PROMPT}2>`, SPAWN],
  [`${SPAWN}\n...(alex@localhost)2>`, LOOP],
  [`${LOOP}\n...(alex@localhost)2>`, `})`],
  [`${PROMPT}3>`, `send(pid, { from: self() })`],
  [`${PROMPT}4>`, `await receive()`],
  [`${PROMPT}5>`, `Process.monitor(pid)`],
];

/** The line typed when kate has been killed, and the end of the screen after it. */
const LAST = [
  `${PROMPT}6>`,
  "await receive() // kate's machine has lost its power",
  `${PROMPT}7>`,
];

/** Runs tmux; returns what it prints. */
export async function tmux(socket: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("tmux", {
    args: ["-S", socket, ...args],
    // The user's own shell may be another than that of POSIX, or refuse to run.
    env: { SHELL: "/bin/sh" },
  }).output();
  const decoder = new TextDecoder();
  if (success) return decoder.decode(stdout);
  throw new Error(`Cannot run tmux ${args[0]}: ${decoder.decode(stderr)}`);
}

/** Waits until the screen ends with a prompt. */
async function prompted(socket: string, prompt: string): Promise<void> {
  const end = performance.now() + WITHIN;
  for (;;) {
    const screen = (await tmux(socket, "capture-pane", "-p")).trimEnd();
    if (screen.endsWith(prompt)) return;
    if (performance.now() > end) {
      throw new Error(`Cannot go on: no prompt ${prompt} on\n${screen}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

/** Types a line at a prompt, and Enter. */
async function enter(
  socket: string,
  prompt: string,
  line: string,
): Promise<void> {
  await prompted(socket, prompt);
  await tmux(socket, "send-keys", "-l", "--", line);
  await tmux(socket, "send-keys", "Enter");
}

/** Deno's cache: without it, Deno would fetch everything again for another home folder. */
async function denoFolder(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json"],
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}

/** Starts kate; resolves when the node can be reached. */
async function startKate(
  env: Record<string, string>,
): Promise<Deno.ChildProcess> {
  const kate = new Deno.Command(Deno.execPath(), {
    args: [
      ..."run --quiet --allow-all chat/main.ts --sname kate@localhost".split(
        " ",
      ),
      ..."--module Kate=./chat/kate.ts --allow-closures --no-halt".split(" "),
    ],
    cwd: ROOT,
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = kate.stdout.getReader();
  await reader.read();
  await reader.cancel();
  return kate;
}

/** Plays the lines in a terminal; returns its screen, line by line, with escape sequences. */
export async function play(): Promise<string[]> {
  const home = await Deno.makeTempDir({ prefix: "otp_picture_" });
  const socket = `${home}/tmux`;
  const env = {
    DENO_DIR: await denoFolder(),
    ERL_EPMD_PORT: `${freePort()}`,
    HOME: home,
    NO_COLOR: "",
  };
  const kate = await startKate(env);
  try {
    await tmux(
      socket,
      ...["-f", "/dev/null", "new-session", "-d", "-c", ROOT],
      ...["-x", `${COLUMNS}`, "-y", "40"],
      ...Object.entries(env).flatMap((each) => ["-e", each.join("=")]),
      "sh",
    );
    await enter(socket, "", "PS1='$ '; clear");
    for (const [prompt, line] of TYPED) await enter(socket, prompt, line);
    const [prompt, line, end] = LAST;
    await prompted(socket, prompt);
    kate.kill("SIGKILL");
    await kate.status;
    await enter(socket, prompt, line);
    await prompted(socket, end);
    const screen = await tmux(socket, "capture-pane", "-p", "-e");
    return screen.trimEnd().split("\n").slice(0, -1);
  } finally {
    await tmux(socket, "kill-server").catch(() => {});
    try {
      kate.kill("SIGKILL");
    } catch {
      // The process has ended.
    }
    await kate.status;
    await Deno.remove(home, { recursive: true });
  }
}

/** A part of a line that has one style. */
interface Part {
  text: string;
  /** The active SGR codes of its style. */
  codes: readonly number[];
}

const BACKGROUND = "#0d1117";
const TEXT = "#e6edf3";

/** The colours for SGR 30 to 37 and 90 to 97. */
const COLOURS = [
  ["#6e7681", "#ff7b72", "#7ee787", "#e3b341", "#79c0ff", "#d2a8ff", "#76e3ea"],
  ["#8b949e", "#ffa198", "#aff5b4", "#f2cc60", "#a5d6ff", "#e2c5ff", "#b3f0ff"],
];

/** Text after a change of style, or at the beginning of a line. */
const STYLED = new RegExp("(?:\u001b\\[([\\d;]*)m)?([^\u001b]*)", "g");

/** A line of a screen in parts. */
function partsOf(line: string): Part[] {
  const parts: Part[] = [];
  let codes: number[] = [];
  for (const [, sequence, text] of line.matchAll(STYLED)) {
    for (const code of (sequence ?? "").split(";").map(Number)) {
      if (sequence === undefined) continue;
      if (code === 0) codes = [];
      else if (code === 39) codes = codes.filter((each) => each < 30);
      else if (code === 22) codes = codes.filter((each) => each > 2);
      else codes = [...codes, code];
    }
    if (text !== "") parts.push({ text, codes });
  }
  return parts;
}

export function withoutStyle(line: string): string {
  return partsOf(line).map(({ text }) => text).join("");
}

/** The attributes of a part's style. */
function styleOf({ codes }: Part): string {
  const styles: string[] = [];
  for (const code of codes) {
    const colour = COLOURS[code >= 90 ? 1 : 0][code % 10];
    if (code === 1) styles.push('font-weight="bold"');
    else if (code === 2) styles.push(`fill="${COLOURS[1][0]}"`);
    else if (code >= 30 && colour) styles.push(`fill="${colour}"`);
  }
  return styles.map((each) => ` ${each}`).join("");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;");
}

export function draw(lines: readonly string[]): string {
  const [columnWidth, lineHeight, margin, bar] = [7.8, 18, 16, 28];
  const width = Math.ceil(COLUMNS * columnWidth + 2 * margin);
  const height = lines.length * lineHeight + bar + margin;
  const rows = lines.map((line, row) => {
    const parts = partsOf(line).map((part) =>
      `<tspan${styleOf(part)}>${escaped(part.text)}</tspan>`
    );
    const y = bar + 13 + row * lineHeight;
    return `<text x="${margin}" y="${y}">${parts.join("")}</text>`;
  });
  const dots = ["#ff5f57", "#febc2e", "#28c840"].map((colour, index) =>
    `<circle cx="${margin + 4 + index * 18}" cy="14" r="5" fill="${colour}"/>`
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" xml:space="preserve" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="A terminal">
<style>text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: ${TEXT} }</style>
<rect x="0.5" y="0.5" width="${width - 1}" height="${
    height - 1
  }" rx="8" fill="${BACKGROUND}" stroke="#6e7681"/>
${dots.join("")}
${rows.join("\n")}
</svg>
`;
}

/** The text of a drawing, line by line. */
export function textOf(drawing: string): string[] {
  return [...drawing.matchAll(/<text[^>]*>(.*)<\/text>/g)].map(([, row]) =>
    row.replace(/<[^>]*>/g, "").replaceAll("&lt;", "<")
      .replaceAll("&gt;", ">").replaceAll("&amp;", "&")
  );
}

if (import.meta.main) {
  const [file] = Deno.args;
  if (file === undefined) {
    console.error("Usage: deno run -P=dev tools/picture.ts FILE");
    Deno.exit(2);
  }
  await Deno.writeTextFile(file, draw(await play()));
}
