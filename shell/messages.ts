/**
 * What a shell's two halves say to each other: the client has the terminal, the server runs the code.
 *
 * @module
 */

/** What the client asks for. */
export type ShellRequest =
  | {
    type: "evaluate";
    /** What the answer is to be known by. */
    id: number;
    /** The code. */
    source: string;
    /** How wide values may be shown. */
    width: number;
  }
  | {
    type: "complete";
    id: number;
    /** What is before the cursor. */
    text: string;
  }
  | { type: "interrupt" }
  | { type: "stop" };

/** What the server answers, and tells unasked. */
export type ShellAnswer =
  | {
    type: "evaluated";
    /** Which code gave it. */
    id: number;
    /** Whether it ended well. */
    ok: boolean;
    /** The value, or the error, as it is shown. */
    text: string;
  }
  | {
    type: "completed";
    id: number;
    /** What could stand for the end of the text. */
    names: string[];
    /** That end. */
    from: string;
  }
  | {
    type: "exited";
    /** Which code was running, if any was. */
    id: number | undefined;
    /** How the process that ran it ended, as it is shown. */
    text: string;
  };
