/**
 * Control messages: the kinds of signals of Erlang's distribution. The encoder and the decoder share the table `KINDS`.
 *
 * Kinds with `PAYLOAD` carry the reason as the message of their frame; the others carry it in the tuple. Most kinds have
 * a second code, for the same message with a trace token as an additional last item.
 */

export const DOP_LINK = 1;
/** A message to a pid, without its sender. */
export const DOP_SEND = 2;
/** A linked process has exited. */
export const DOP_EXIT = 3;
/** A message to a registered name. */
export const DOP_REG_SEND = 6;
/** A new group leader. */
export const DOP_GROUP_LEADER = 7;
/** An exit signal from `exit/2`. */
export const DOP_EXIT2 = 8;
/** A monitor starts. */
export const DOP_MONITOR = 19;
/** A monitor ends. */
export const DOP_DEMONITOR = 20;
/** A monitored process has exited. */
export const DOP_DOWN = 21;
/** A message to a pid, with its sender. */
export const DOP_SEND_SENDER = 22;
/** Like {@linkcode DOP_EXIT}. */
export const DOP_PAYLOAD_EXIT = 24;
/** Like {@linkcode DOP_EXIT2}. */
export const DOP_PAYLOAD_EXIT2 = 26;
/** Like {@linkcode DOP_DOWN}. */
export const DOP_PAYLOAD_DOWN = 28;
/** A request to spawn a process. */
export const DOP_SPAWN_REQUEST = 29;
/** The reply to a spawn request. */
export const DOP_SPAWN_REPLY = 31;
/** A message to an alias. */
export const DOP_ALIAS_SEND = 33;
/** A link ends. */
export const DOP_UNLINK_ID = 35;
/** The acknowledgement of {@linkcode DOP_UNLINK_ID}. */
export const DOP_UNLINK_ID_ACK = 36;

/** A message or an exit signal whose flags say what it is: `{37, Flags, From, To}`, with a trace token if so flagged. */
export const DOP_ALTACT_SIG_SEND = 37;

/** The flags of {@linkcode DOP_ALTACT_SIG_SEND}; priority (1) has no meaning here. */
export const ALTACT_TOKEN = 2;
export const ALTACT_ALIAS = 4;
export const ALTACT_NAME = 8;
export const ALTACT_EXIT = 16;

/** The flag of a spawn reply: the new process is linked. */
export const SPAWN_LINK = 1;
/** The flag of a spawn reply: the new process is monitored. */
export const SPAWN_MONITOR = 2;

/** The first byte of a frame without a distribution header. The other frames begin with the version byte of terms. */
export const PASS_THROUGH = 112;
/** The second byte of a frame with a distribution header. */
export const HEADER = 68;
/** The same for the first fragment of a signal, which has a header, and for the next fragments, which have none. */
export const FIRST_FRAGMENT = 69;
export const NEXT_FRAGMENT = 70;

/** The form of a kind. */
export interface Kind {
  readonly code: number;
  /** The number of items, the code among them, without a trace token. */
  readonly items: number;
  /** The code of the same kind with a trace token. */
  readonly withToken: number;
}

/** The kinds by their codes, with a trace token and without. */
export const KINDS: readonly (Kind | undefined)[] = tableOf([
  [DOP_LINK, 3],
  [DOP_SEND, 3, 12],
  [DOP_EXIT, 4, 13],
  [DOP_REG_SEND, 4, 16],
  [DOP_GROUP_LEADER, 3],
  [DOP_EXIT2, 4, 18],
  [DOP_MONITOR, 4],
  [DOP_DEMONITOR, 4],
  [DOP_DOWN, 5],
  [DOP_SEND_SENDER, 3, 23],
  [DOP_PAYLOAD_EXIT, 3, 25],
  [DOP_PAYLOAD_EXIT2, 3, 27],
  [DOP_PAYLOAD_DOWN, 4],
  [DOP_SPAWN_REQUEST, 6, 30],
  [DOP_SPAWN_REPLY, 5, 32],
  [DOP_ALIAS_SEND, 3, 34],
  [DOP_UNLINK_ID, 4],
  [DOP_UNLINK_ID_ACK, 4],
  [DOP_ALTACT_SIG_SEND, 4],
]);

function tableOf(
  rows: [code: number, items: number, withToken?: number][],
): Kind[] {
  const kinds: Kind[] = [];
  for (const [code, items, withToken = code] of rows) {
    kinds[code] = kinds[withToken] = { code, items, withToken };
  }
  return kinds;
}
