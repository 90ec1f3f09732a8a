/** The state of an awaited task, hidden in the public task object. */

import { BrandedObject } from "../../core/values/branded_object.ts";
import type { TaskState } from "./task_state.ts";

class HiddenState extends BrandedObject {
  readonly #state: TaskState;

  constructor(task: object, state: TaskState) {
    super(task);
    this.#state = state;
  }

  static get(task: object): TaskState | undefined {
    return #state in task ? task.#state : undefined;
  }
}

/** Attaches a state to a task, and returns the task. */
export function withState<T extends object>(task: T, state: TaskState): T {
  new HiddenState(task, state);
  return task;
}

/** Returns the state of a task; `undefined` for a copy, which cannot be awaited. */
export function stateOf(task: object): TaskState | undefined {
  return HiddenState.get(task);
}
