/** The context that the code of a test is called with. */

import type { Node } from "../node.ts";
import type { Peer } from "./peer.ts";

/** The context of a test: Deno's own context, and its nodes. */
export interface TestContext extends Deno.TestContext {
  /** The node that the test's code runs on, if the test has its own. */
  readonly node: Node | undefined;
  /**
   * Finds a peer that the test declares.
   *
   * @param name Its name, with or without the host.
   * @returns The peer.
   * @throws {RangeError} If the test does not declare it.
   */
  peer(name: string): Peer;
  /**
   * The output of the test's own node.
   *
   * @returns The text so far.
   */
  output(): string;
}

/** A test's code. */
export type TestFunction = (t: TestContext) => void | Promise<void>;
