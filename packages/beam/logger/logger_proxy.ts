/**
 * The server `logger_proxy`: an Erlang node sends it the log events of processes whose group leader is here, since their
 * output appears here too.
 *
 * The server starts when the first event arrives. An event counts for the node that sent it, and is shown as that node's,
 * whatever the event states; other messages that look like events are dropped.
 */

import { serveOnDemand } from "@otp/servers/server/on_demand";
import { NO_REPLY, type Server } from "@otp/servers/server/server";
import { sendingNode } from "@otp/servers/server/signed_messages";
import type { LogLevel } from "@otp/processes/log/log_event";
import type { Runtime } from "@otp/processes/process/runtime";
import { Atom } from "@otp/processes/values/atom";
import { Pid } from "@otp/processes/values/pid";
import { Tuple } from "@otp/processes/values/tuple";

type Texts = typeof import("./otp_log_text.ts");

const NAME = "logger_proxy";

/** OTP's levels. */
const LEVELS: Readonly<Record<string, LogLevel>> = {
  emergency: "error",
  alert: "error",
  critical: "error",
  error: "error",
  warning: "warning",
  notice: "info",
  info: "info",
  debug: "debug",
};

/** Starts the server when another node sends the first event. */
export function serveLoggerProxy(runtime: Runtime): void {
  serveOnDemand(runtime, NAME, () => new LoggerProxy(runtime));
}

class LoggerProxy implements Server {
  readonly #runtime: Runtime;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  call(): unknown {
    // As in OTP, calls get no answer.
    return NO_REPLY;
  }

  async info(message: unknown): Promise<void> {
    const event = eventOf(message);
    const node = event && sendingNode(message as Tuple);
    if (event === undefined || node === undefined) return;
    const { level, meta, text } = event;
    const texts = await import("./otp_log_text.ts");
    const pid = texts.fieldOf(meta, "pid");
    const of = pid instanceof Pid && pid.node === node ? pid : undefined;
    this.#runtime.log.report(
      level,
      () => ({
        level,
        message: `From ${node}${of === undefined ? "" : `, ${of}`}: ${
          text(texts)
        }`,
        remote: { node, pid: of },
      }),
      { what: "log events", peer: node, most: 50 },
    );
  }
}

interface OtpEvent {
  level: LogLevel;
  meta: unknown;
  text: (texts: Texts) => string;
}

/** Decodes an event; returns `undefined` for other messages. */
function eventOf(message: unknown): OtpEvent | undefined {
  if (!(message instanceof Tuple)) return undefined;
  const [kind, name, first, second, third] = message.elements;
  if (
    !(kind instanceof Atom) || kind.name !== "log" ||
    !(name instanceof Atom) || !Object.hasOwn(LEVELS, name.name)
  ) return undefined;
  const level = LEVELS[name.name];
  switch (message.length) {
    case 4:
      return { level, meta: second, text: (texts) => texts.reportText(first) };
    case 5:
      return {
        level,
        meta: third,
        text: (texts) => texts.formatMessage(first, second),
      };
    default:
      return undefined;
  }
}
