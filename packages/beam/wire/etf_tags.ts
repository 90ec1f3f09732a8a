/**
 * The tags of Erlang's External Term Format that OTP 25 to 28 write on a connection. Other tags are refused:
 * compressed terms (80), floats as text (99), atoms in Latin-1 (100, 115), pids, ports and references without a 32-bit
 * creation (101, 102, 103, 114), the old encoding of funs (117), and terms that are local to a node (121).
 */

/**
 * The tags that OTP 25 and later do not write on a connection. A term of any other unknown tag, such as a native record
 * of OTP 29, is refused alone.
 */
export const OLD_TAGS: ReadonlySet<number> = new Set(
  [80, 99, 100, 101, 102, 103, 114, 115, 117, 121],
);

/** No tag is less. */
export const FIRST_TAG = 66;

/** The version byte before a term. */
export const ETF_VERSION = 131;

/** A float: 8 bytes. */
export const NEW_FLOAT = 70;
/** A bitstring that does not end at a byte boundary. */
export const BIT_BINARY = 77;
/** The number of an atom of the distribution header. */
export const CACHED_ATOM = 82;
/** A pid: node, id, serial and creation. */
export const NEW_PID = 88;
/** A port with a 32-bit id. */
export const NEW_PORT = 89;
/** A reference of up to five 32-bit words. */
export const NEWER_REFERENCE = 90;
/** An integer of one byte. */
export const SMALL_INTEGER = 97;
/** A signed integer of 4 bytes. */
export const INTEGER = 98;
/** A tuple whose arity has one byte. */
export const SMALL_TUPLE = 104;
/** A tuple whose arity has 4 bytes. */
export const LARGE_TUPLE = 105;
/** The empty list. */
export const NIL = 106;
/** A list of bytes. */
export const STRING = 107;
/** A list and its tail. */
export const LIST = 108;
export const BINARY = 109;
/** An integer whose length has one byte. */
export const SMALL_BIG = 110;
/** An integer whose length has 4 bytes. */
export const LARGE_BIG = 111;
/** A fun with its environment. */
export const NEW_FUN = 112;
/** A module's exported function. */
export const EXPORT = 113;
export const MAP = 116;
/** An atom whose length has 2 bytes. */
export const ATOM_UTF8 = 118;
/** An atom whose length has one byte. */
export const SMALL_ATOM_UTF8 = 119;
/** A port with a 64-bit id. */
export const V4_PORT = 120;

/** The maximum number of words of a reference. */
export const MAX_REFERENCE_WORDS = 5;
