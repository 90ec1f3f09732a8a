/**
 * The flags of a node, for a program of your own.
 *
 * @example A program that is a node
 * ```ts ignore
 * import { Node } from "@otp/distribution/node";
 * import { nodeFlags } from "@otp/distribution/node-flags";
 *
 * // deno run -A web.ts --sname web@localhost --cluster gossip
 * const node = await Node.start(nodeFlags());
 * ```
 *
 * @module
 */

export * from "@otp/shell/cli/node_flags";
