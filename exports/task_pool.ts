/**
 * Tasks wherever there is room: at the least busy of a group of task supervisors, on this node and others.
 *
 * A pool is a process of a node that sends work. It finds the supervisors by their group (`pg`), and each run
 * goes to the supervisor with the smallest fraction of its places taken. If all are full, the run waits in a bounded
 * queue. If the run's node is lost, the pool starts the run elsewhere, provided that the caller allows it.
 *
 * @example A pool, and one node that works
 * ```ts
 * import { Node, pg, Process, TaskSupervisor } from "@otp/distribution";
 * import { TaskPool } from "@otp/distribution/task-pool";
 * import { assertEquals } from "@std/assert";
 *
 * const cookie = "c";
 * const Thumbs = { make: (name: string) => `small ${name}` };
 * await using worker = await Node.start({ name: "worker@localhost", cookie, modules: { Thumbs }, epmdPort: 14369 });
 * await using web = await Node.start({ name: "web@localhost", cookie, epmdPort: 14369 });
 * await worker.run(async () => {
 *   await pg.start();
 *   const sup = await TaskSupervisor.startLink({ group: "thumbs", maxChildren: 4 });
 *   Process.unlink(sup); // it outlives this function
 *   await Node.connect(web.name);
 * });
 * await web.run(async () => {
 *   await pg.startLink();
 *   await TaskPool.startLink({ name: "thumbs", group: "thumbs" });
 *   assertEquals(await TaskPool.run("thumbs", ["Thumbs", "make"], ["cat.png"]), "small cat.png");
 * });
 * ```
 *
 * @module
 */

export * from "@otp/cluster/task_pool/task_pool";
