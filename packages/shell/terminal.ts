/**
 * A terminal with a line editor, above which other output appears.
 *
 * Lines of input belong to the shell. A process of another node can read a line only while code of the shell runs,
 * because the code may have requested the read, and only after pending reads of this node's own processes. The prompt
 * then names the other node. When the shell reads again, a pending read of another node ends with an error.
 */

import { Console } from "node:console";
import { once } from "node:events";
import {
  clearScreenDown,
  createInterface,
  cursorTo,
  type Interface,
  moveCursor,
} from "node:readline";
import nodeProcess from "node:process";
import { Writable } from "node:stream";
import { outside } from "@otp/processes/context/async_context";
import { printable } from "@otp/processes/values/inspect";
import { standInForStreams } from "@otp/processes/host/standard_streams";
import type { Completion } from "./shell_client.ts";
import type { Paint } from "./colour.ts";
import type { History } from "./history.ts";
import { HistorySearch, type PressedKey } from "./history_search.ts";
import {
  type Interrupt,
  isForeign,
  notForOthers,
  ShellInput,
} from "./input.ts";

interface Reader {
  prompt: string;
  /** Whether the shell reads, not its code. */
  isShell: boolean;
  /** Whether a node that does not run the shell's code reads. */
  isForeign: boolean;
  resolve(line: string | Interrupt | undefined): void;
  reject(error: Error): void;
}

/** Internal state of `node:readline`, which must be updated when other code moves the cursor. */
interface Editor extends Interface {
  /** The row of the line that the cursor was on when it was drawn. */
  prevRows: number;
  line: string;
  cursor: number;
  /** The lines of the history, the newest first. */
  history: string[];
  /** Handles a key; `node:readline` calls it, also if it is replaced. */
  _ttyWrite(text: string | undefined, key: PressedKey): void;
}

/** The terminal of standard input and output, in use until it is closed. */
export class Terminal extends ShellInput {
  override readonly banner =
    "(h() says what this shell can do. To leave, press Ctrl-D.)";
  readonly #output: typeof nodeProcess.stdout = nodeProcess.stdout;
  readonly #editor: Editor;
  readonly #history: History;
  readonly #paint: Paint;
  /** The pending reads; the first gets the next line. */
  readonly #readers: Reader[] = [];
  /** Lines that were typed before a read was pending. */
  #ahead: string[] = [];
  /** The search by Ctrl-R, and the prompt that it hides. */
  #search: { state: HistorySearch; prompt: string } | undefined;
  /** Output whose line has not ended yet. */
  #open = "";
  /** Whether the line editor is below the open output, and not on the same line. */
  #isBelow = false;
  #closed = false;
  /** The program's console, which would bypass the line editor. */
  readonly #console: typeof globalThis.console = globalThis.console;

  /** Takes over the terminal, whose input another thread may read. */
  constructor(
    history: History,
    paint: Paint,
    input: NodeJS.ReadableStream = nodeProcess.stdin,
  ) {
    super();
    this.#history = history;
    this.#paint = paint;
    // Run key handlers in no process, whichever process opened the shell.
    this.#editor = outside(() =>
      createInterface({
        input,
        output: this.#output,
        terminal: true,
        prompt: "",
        history: [...history.lines],
        historySize: 1000,
        removeHistoryDuplicates: true,
        completer: (
          text: string,
          done: (error: Error | null, found: Completion) => void,
        ) => {
          this.complete(text).then(
            (found) => done(null, found),
            () => done(null, [[], text]),
          );
        },
      })
    ) as Editor;
    this.#editor.on("line", (line: string) => this.#onLine(line));
    this.#editor.on("history", (lines: string[]) => {
      // Keep lines that code reads out of the history, because they may be secret.
      if (this.#readers.at(0)?.isShell === false) lines.shift();
    });
    this.#editor.on("SIGINT", () => this.#onInterrupt());
    const handleKey = this.#editor._ttyWrite.bind(this.#editor);
    this.#editor._ttyWrite = (text, key) => {
      if (!this.#onSearchKey(text, key)) handleKey(text, key);
    };
    // Do not suspend the program: the terminal would stay in raw mode.
    this.#editor.on("SIGTSTP", () => {});
    this.#editor.on("close", () => this.#end());
    const stream = new Writable({
      decodeStrings: false,
      write: (text, _encoding, done) => {
        void this.#write(String(text));
        done();
      },
    });
    globalThis.console = new Console({ stdout: stream, colorMode: false });
    standInForStreams({
      write: (text) => this.#write(text),
      readLine: async (prompt, node) => {
        const line = await (isForeign(node, this.server)
          ? this.#readForeign(prompt, node)
          : this.#read(prompt, false));
        return typeof line === "string" ? `${line}\n` : undefined;
      },
    });
  }

  get width(): number {
    return this.#output.columns || 80;
  }

  /** Whether the shell reads, so that no line runs. */
  get isAtPrompt(): boolean {
    return this.#readers.at(0)?.isShell === true;
  }

  read(prompt: string): Promise<string | Interrupt | undefined> {
    // Lines typed from now on belong to the shell. Reads of other nodes are last in the queue.
    const first = this.#readers.findIndex(({ isForeign }) => isForeign);
    if (first >= 0) {
      for (const { reject } of this.#readers.splice(first)) {
        reject(notForOthers());
      }
    }
    return this.#read(prompt, true);
  }

  override keep(input: string): void {
    const { history } = this.#editor;
    const lines = input.split("\n");
    // The editor has kept each line by itself.
    if (lines.length > 1) {
      for (const line of lines.reverse()) {
        if (history[0] === line) history.shift();
      }
      history.unshift(input);
    }
    this.#history.add(input);
  }

  show(text: string): void {
    void this.#write(`${this.#freshLine()}${this.#paint.value(text)}\n`);
  }

  fail(text: string): void {
    void this.#write(`${this.#freshLine()}${this.#paint.error(text)}\n`);
  }

  override close(): void {
    if (!this.#closed) this.#editor.close();
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#editor.getPrompt() + this.#editor.line !== "") {
      this.#output.write("\n");
    }
    standInForStreams(undefined);
    globalThis.console = this.#console;
    for (const { resolve } of this.#readers.splice(0)) resolve(undefined);
  }

  #freshLine(): string {
    return this.#open === "" ? "" : "\n";
  }

  #read(
    prompt: string,
    isShell: boolean,
  ): Promise<string | Interrupt | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    const line = this.#readers.length === 0 ? this.#ahead.shift() : undefined;
    if (line !== undefined) return Promise.resolve(line);
    return this.#wait({ prompt, isShell, isForeign: false });
  }

  /**
   * Reads a line for another node: only while code of the shell runs, and never a line typed earlier. The prompt names
   * the node.
   */
  #readForeign(
    prompt: string,
    node: string,
  ): Promise<string | Interrupt | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    if (
      this.#ahead.length > 0 || this.#readers.some(({ isShell }) => isShell)
    ) {
      return Promise.reject(notForOthers());
    }
    return this.#wait({
      prompt: printable(`[${node}] ${prompt}`).replace(/\s*\n\s*/g, " "),
      isShell: false,
      isForeign: true,
    });
  }

  #wait(
    reader: Omit<Reader, "resolve" | "reject">,
  ): Promise<string | Interrupt | undefined> {
    return new Promise((resolve, reject) => {
      const before = reader.isForeign
        ? -1
        : this.#readers.findIndex(({ isForeign }) => isForeign);
      const index = before < 0 ? this.#readers.length : before;
      this.#readers.splice(index, 0, { ...reader, resolve, reject });
      if (index === 0) this.#showPrompt();
    });
  }

  /** Shows the prompt of the first read, before the text that is already typed. */
  #showPrompt(): void {
    const { prompt = "", isShell = true } = this.#readers.at(0) ?? {};
    let text = prompt;
    if (!isShell) {
      // The prompt continues the open line of output, and may itself have several lines.
      text = (this.#isBelow ? "" : this.#open) + prompt;
      const end = text.lastIndexOf("\n") + 1;
      if (!this.#isBelow) this.#eraseLine();
      this.#output.write(text.slice(0, end));
      text = text.slice(end);
    } else if (this.#open !== "" && !this.#isBelow) {
      this.#eraseLine();
      this.#output.write(`${this.#open}\n`);
    }
    this.#open = "";
    this.#isBelow = false;
    this.#editor.setPrompt(text);
    this.#editor.prevRows = 0;
    this.#editor.prompt(true);
  }

  #onLine(line: string): void {
    this.#open = "";
    this.#isBelow = false;
    const reader = this.#readers.shift();
    this.#editor.setPrompt("");
    if (reader === undefined) this.#ahead.push(line);
    else reader.resolve(line);
    if (this.#readers.length > 0) this.#showPrompt();
  }

  /** Begins, continues or ends a search in the history; returns false for a key that the editor must handle. */
  #onSearchKey(text: string | undefined, key: PressedKey): boolean {
    const editor = this.#editor;
    const isStart = this.#search === undefined;
    if (isStart) {
      if (!(key.ctrl && key.name === "r" && this.isAtPrompt)) return false;
      this.#search = {
        state: new HistorySearch(editor.history, editor.line),
        prompt: editor.getPrompt(),
      };
    }
    const { state, prompt } = this.#search!;
    const goesOn = isStart || state.take(text, key);
    if (!goesOn) this.#search = undefined;
    this.#eraseLine();
    editor.setPrompt(goesOn ? state.prompt : prompt);
    editor.line = state.line;
    editor.cursor = editor.line.length;
    editor.prevRows = 0;
    editor.prompt(true);
    return goesOn;
  }

  #onInterrupt(): void {
    const editor = this.#editor;
    const wasEmpty = editor.line === "";
    const hadPrompt = editor.getPrompt() !== "";
    this.#ahead = [];
    editor.cursor = editor.line.length;
    if (hadPrompt || !wasEmpty) {
      editor.prompt(true);
      this.#output.write("\n");
    }
    editor.setPrompt("");
    editor.line = "";
    editor.cursor = 0;
    editor.prevRows = 0;
    this.#isBelow = false;
    if (hadPrompt || !wasEmpty) this.#open = "";
    const isShells = this.isAtPrompt;
    // End the reads of the interrupted code, so that they do not get the next line.
    const readers = this.#readers.splice(0);
    for (const { isShell, resolve } of readers) {
      resolve(isShell ? { wasEmpty } : undefined);
    }
    if (!isShells) this.onInterrupt();
  }

  /** Writes text above the edited line, which stays unchanged. */
  #write(text: string): void | Promise<void> {
    if (text === "") return;
    const { line } = this.#editor;
    const isBare = this.#closed || (this.#editor.getPrompt() + line === "");
    if (isBare && !this.#isBelow) {
      this.#open = lastLine(this.#open + text);
      return this.#send(text);
    }
    this.#eraseLine();
    if (this.#isBelow) moveCursor(this.#output, 0, -1);
    const whole = this.#open + text;
    const last = lastLine(whole);
    this.#isBelow = last !== "";
    // Output longer than a row cannot be erased and continued.
    this.#open = last.length < this.width / 2 ? last : "";
    if (this.#open === "") this.#isBelow = false;
    const sent = this.#send(last === "" ? whole : `${whole}\n`);
    this.#editor.prevRows = 0;
    this.#editor.prompt(true);
    return sent;
  }

  /** Moves to the start of the edited line, and clears from there. */
  #eraseLine(): void {
    const { rows } = this.#editor.getCursorPos();
    moveCursor(this.#output, 0, -rows);
    cursorTo(this.#output, 0);
    clearScreenDown(this.#output);
  }

  #send(text: string): void | Promise<void> {
    if (this.#output.write(text)) return;
    return once(this.#output, "drain").then(() => {});
  }
}

function lastLine(text: string): string {
  return text.slice(text.lastIndexOf("\n") + 1);
}
