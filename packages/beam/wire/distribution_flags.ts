/**
 * The flags of Erlang's distribution: the capabilities that each node states in its handshake. A connection uses the
 * flags of both nodes.
 */

/** The node is visible. Without it, the connection is hidden at both ends. */
export const PUBLISHED = 0x1n;
/** References of more than one word. */
const EXTENDED_REFERENCES = 0x4n;
const DIST_MONITOR = 0x8n;
const FUN_TAGS = 0x10n;
/** Monitors of registered names. */
const DIST_MONITOR_NAME = 0x20n;
/** Funs with the hash of their module. */
const NEW_FUN_TAGS = 0x80n;
/** Pids with a serial number. */
const EXTENDED_PIDS_PORTS = 0x100n;
/** External funs. */
const EXPORT_PTR_TAG = 0x200n;
/** Bitstrings. */
const BIT_BINARIES = 0x400n;
/** Floats of 8 bytes. */
const NEW_FLOATS = 0x800n;
/** Group leaders take texts in Unicode; Erlang's `io` sends others Latin-1. */
const UNICODE_IO = 0x1000n;
/** Frames with a header and a cache of atoms. */
export const DIST_HDR_ATOM_CACHE = 0x2000n;
const UTF8_ATOMS = 0x10000n;
const MAP_TAG = 0x20000n;
/** Creations of 32 bits. */
const BIG_CREATION = 0x40000n;
/** Messages to pids have the pid of the sender. */
export const SEND_SENDER = 0x80000n;
/** Trace tokens may have any term as their label. */
export const BIG_SEQTRACE_LABELS = 0x100000n;
/** Exit reasons as a message of their own. */
const EXIT_PAYLOAD = 0x400000n;
/** Large messages in fragments. */
export const FRAGMENTS = 0x800000n;
const HANDSHAKE_23 = 0x1000000n;
/** Unlinks have an id, and are acknowledged. */
const UNLINK_ID = 0x2000000n;
/** An abbreviation for the flags that OTP 25 made mandatory; OTP 25 is the first version that sends it. */
const MANDATORY_25_DIGEST = 0x4000000n;
/** Requests to spawn a process. */
const SPAWN = 0x1_0000_0000n;
/** The node asks the other one for a name. */
export const NAME_ME = 0x2_0000_0000n;
/** Pids, ports and references in their largest format. */
const V4_NC = 0x4_0000_0000n;
/** Aliases of processes. */
export const ALIAS = 0x8_0000_0000n;
/** Messages to aliases as one kind of control message with flags: OTP 28 and later. It replaces {@linkcode ALIAS}. */
export const ALTACT_SIG = 0x20_0000_0000n;

/** The flags that OTP 25 made mandatory. */
const MANDATORY_25 = EXTENDED_REFERENCES | FUN_TAGS | NEW_FUN_TAGS |
  EXTENDED_PIDS_PORTS | EXPORT_PTR_TAG | BIT_BINARIES | NEW_FLOATS |
  UTF8_ATOMS | MAP_TAG | BIG_CREATION | HANDSHAKE_23;

/** The flags that OTP 26 and later require. */
const MANDATORY = MANDATORY_25 | UNLINK_ID | V4_NC;

/** The flags of a hidden node of this library. */
const HIDDEN_FLAGS = MANDATORY | MANDATORY_25_DIGEST | SPAWN |
  ALIAS | ALTACT_SIG | DIST_MONITOR | DIST_MONITOR_NAME | SEND_SENDER |
  EXIT_PAYLOAD | DIST_HDR_ATOM_CACHE | FRAGMENTS |
  UNICODE_IO | BIG_SEQTRACE_LABELS;

/** The flags that this node states. */
export function ownFlags(isHidden: boolean): bigint {
  return isHidden ? HIDDEN_FLAGS : HIDDEN_FLAGS | PUBLISHED;
}

/** A node's flags with those that it has abbreviated. */
export function expandFlags(flags: bigint): bigint {
  return (flags & MANDATORY_25_DIGEST) === 0n ? flags : flags | MANDATORY_25;
}

/**
 * Whether a node is too old: before OTP 25.
 *
 * OTP 24 has all mandatory flags, and only lacks the digest. Other implementations may list the flags instead
 * of the digest; those have no cache of atoms, and all versions of OTP have one.
 */
export function isTooOld(flags: bigint): boolean {
  if ((expandFlags(flags) & MANDATORY) !== MANDATORY) return true;
  return (flags & MANDATORY_25_DIGEST) === 0n &&
    (flags & DIST_HDR_ATOM_CACHE) !== 0n;
}
