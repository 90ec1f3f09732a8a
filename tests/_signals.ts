/** The kinds of signals, by the names of the methods that carry them. */

import type { Signals } from "../packages/processes/signals/signal.ts";

export const SIGNAL_KINDS: readonly (keyof Signals)[] = [
  "send",
  "sendName",
  "sendAlias",
  "reply",
  "link",
  "unlink",
  "unlinkAck",
  "exit",
  "exitLink",
  "monitor",
  "demonitor",
  "down",
  "spawnRequest",
  "spawnReply",
  "groupLeader",
];
