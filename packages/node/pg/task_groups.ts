/** The groups of supervisors of tasks: fills the slot of package servers. */

import type { TaskGroups } from "@otp/servers/server/task_slots";
import { groupKey } from "./pg_groups.ts";
import { ScopeContact } from "./scope_contact.ts";
import { leaveAllGroups, type PgRequest } from "./scopes.ts";

/** The groups of the scopes of a node. */
export const taskGroups: TaskGroups = {
  check: groupKey,
  async join(process, group, scope) {
    const join: PgRequest = { type: "join", group, pids: [process.pid] };
    const contact = new ScopeContact(process, scope, join);
    await contact.begin();
    return () => contact.end();
  },
  leaveAll: leaveAllGroups,
};
