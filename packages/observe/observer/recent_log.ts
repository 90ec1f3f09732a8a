/** The last events of a node's log, for observers that ask later. */

import { BOUNDS } from "@otp/processes/values/bounds";
import { type LogEvent, metadataText } from "@otp/processes/log/log_event";
import type { ObservedEvent } from "./observed_terms.ts";
import { labelText } from "./observed_texts.ts";

/** The number of kept events. */
const MAX_EVENTS = 200;

export class RecentLog {
  readonly #events: ObservedEvent[] = [];
  #number = 0;

  /** Adds an event; drops the oldest event if there are too many. */
  add(event: LogEvent): void {
    const { level, node, pid, label, trace, message, metadata } = event;
    this.#events.push({
      number: ++this.#number,
      at: Date.now(),
      level,
      node,
      pid,
      label: labelText(label),
      traceId: trace?.traceId,
      report: reportOf(event),
      message: message.slice(0, BOUNDS.eventText),
      metadata: metadata && metadataText(metadata).slice(
        1,
        BOUNDS.eventMetadata,
      ),
    });
    if (this.#events.length > MAX_EVENTS) this.#events.shift();
  }

  /** Returns the kept events after a number, the oldest first. */
  after(number: number): ObservedEvent[] {
    return this.#events.filter((event) => event.number > number);
  }
}

function reportOf(event: LogEvent): string | undefined {
  if (event.crash !== undefined) return "crash";
  if (event.supervisor !== undefined) return "supervisor";
  return event.application === undefined ? undefined : "application";
}
