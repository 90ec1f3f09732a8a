/**
 * Testing distributed code: tests with tags, as in ExUnit.
 *
 * @module
 */

export * from "./filters.ts";
export * from "./tags.ts";
