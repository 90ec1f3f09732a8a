/**
 * The chat of the lesson: a message is a supervised task on the recipient's node.
 *
 * @example Without any node, on this program's own supervisor
 * ```ts
 * import { Application } from "@otp/distribution/application";
 * import { chat } from "@otp/distribution/chat/application";
 * import * as Chat from "@otp/distribution/chat/mod";
 * import { assertEquals } from "@std/assert";
 *
 * await Application.start(chat);
 * const remoteSupervisor = () => "Chat.TaskSupervisor";
 * assertEquals(await Chat.sendMessage("moebi@localhost", "hi", { remoteSupervisor }), "ok");
 * await Application.stop("chat");
 * ```
 *
 * @module
 */

import { Application } from "@otp/servers/application/application";
import { beam } from "@otp/beam";
import { IO } from "@otp/node/io/io";
import { Node } from "../node.ts";
import { checkOptions, FUNCTION } from "@otp/processes/values/check_arguments";
import { inspect, printable } from "@otp/processes/values/inspect";
import { type Atom, nameOf } from "@otp/processes/values/atom";
import { Task } from "@otp/servers/task/task";
import { type RemoteFunction, TaskSupervisor } from "../task_supervisor.ts";
import type { RemoteSupervisor } from "./application.ts";
import type { OptionChecks } from "@otp/processes/values/options";

export type { Atom } from "@otp/processes/values/atom";

export type { RemoteSupervisor };

/** The node of a dog, who cannot type. */
const MOEBI = "moebi@localhost";

/** Options for {@linkcode sendMessage} and {@linkcode spawnTask}. */
export interface ChatOptions {
  /**
   * Returns the supervisor that runs the tasks for a recipient.
   *
   * @default {the setting "remoteSupervisor" of the application "chat"}
   */
  remoteSupervisor?: RemoteSupervisor;
}

const CHAT_OPTIONS: OptionChecks<ChatOptions> = { remoteSupervisor: FUNCTION };

/**
 * Sends a message: the recipient's node prints it.
 *
 * Moebi is a dog, so his node answers for him. The promise resolves when the message has been
 * printed, and when a dog has answered.
 *
 * @throws {ExitError} If there is no connection to the node, or no chat runs there.
 *
 * @example Usage
 * ```ts ignore
 * import * as Chat from "@otp/distribution/chat/mod";
 *
 * await Chat.sendMessage("kate@localhost", "hi");
 * ```
 */
export async function sendMessage(
  recipient: string | Atom,
  message: string,
  options: ChatOptions = {},
): Promise<"ok"> {
  return nameOf(recipient) === MOEBI
    ? await spawnTask(
      receiveMessageForMoebi,
      recipient,
      [message, Node.self()],
      options,
    )
    : await spawnTask(receiveMessage, recipient, [message], options);
}

/**
 * Prints a received message; control characters are escaped.
 *
 * @example Usage
 * ```ts
 * import * as Chat from "@otp/distribution/chat/mod";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await Chat.receiveMessage("hi"), "ok");
 * ```
 */
export function receiveMessage(message: string): Promise<"ok"> {
  // The message is from another node, which can send any value.
  return IO.puts(
    typeof message === "string" ? printable(message) : inspect(message),
  );
}

/**
 * Prints a message for Moebi, and sends his usual answer.
 *
 * @throws {ExitError} If there is no connection to the sender's node, or no chat runs there.
 *
 * @example Usage
 * ```ts ignore
 * import * as Chat from "@otp/distribution/chat/mod";
 *
 * await Chat.receiveMessageForMoebi("hi", "alex@localhost"); // alex@localhost prints: chicken?
 * ```
 */
export async function receiveMessageForMoebi(
  message: string,
  from: string | Atom,
): Promise<"ok"> {
  await receiveMessage(message);
  return await sendMessage(from, "chicken?");
}

// Elixir's nodes are atoms, and so is the result of IO.puts.
beam(sendMessage, { args: ["atom", "binary"], returns: "atom" });
beam(receiveMessage, { args: ["binary"], returns: "atom" });
beam(receiveMessageForMoebi, { args: ["binary", "atom"], returns: "atom" });

/**
 * Runs a function as a supervised task on the recipient's node, and waits for its result.
 *
 * @param fn A function that both nodes export, or its name, `[module, function]`.
 * @throws {ExitError} If the task exits, is not done within 5 s, or cannot be started.
 * @throws {TypeError} If no supervisor is configured.
 *
 * @example Usage
 * ```ts
 * import { Application } from "@otp/distribution/application";
 * import { chat } from "@otp/distribution/chat/application";
 * import * as Chat from "@otp/distribution/chat/mod";
 * import { assertEquals } from "@std/assert";
 *
 * await Application.start(chat);
 * const remoteSupervisor = () => "Chat.TaskSupervisor";
 * const shout = (text: string) => text.toUpperCase();
 * assertEquals(
 *   await Chat.spawnTask(shout, "moebi@localhost", ["hi"], { remoteSupervisor }),
 *   "HI",
 * );
 * await Application.stop("chat");
 * ```
 */
export async function spawnTask<A extends unknown[], T>(
  fn: RemoteFunction<A, T>,
  recipient: string | Atom,
  args: NoInfer<A>,
  options: ChatOptions = {},
): Promise<Awaited<T>> {
  checkOptions(options, "chat", CHAT_OPTIONS, "{ remoteSupervisor }");
  const { remoteSupervisor = configured() } = options;
  const supervisor = remoteSupervisor(nameOf(recipient));
  return await Task.await(await TaskSupervisor.async(supervisor, fn, args));
}

function configured(): RemoteSupervisor {
  const found = Application.getEnv("chat", "remoteSupervisor");
  if (typeof found === "function") return found as RemoteSupervisor;
  throw new TypeError(
    `Cannot find a supervisor: the setting "remoteSupervisor" of the application "chat" is ${
      inspect(found)
    }, and not a function; start the application, load chat/config/dev.ts, or give { remoteSupervisor }`,
  );
}
