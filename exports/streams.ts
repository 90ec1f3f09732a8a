/**
 * Streams over HTTP: append to a named stream, read it from an offset, live, and miss nothing.
 *
 * @module
 */

export * from "@otp/streams";
