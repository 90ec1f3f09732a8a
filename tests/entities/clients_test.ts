/**
 * The clients of PostgreSQL in docs/entities_production.md, as the page has them: programs live on under load while PostgreSQL and
 * pgbouncer restart, and lose no write.
 */

import { assertEquals } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { test } from "../../packages/testing/tags.ts";
import { Cluster, COOKIE } from "../_nodes.ts";
import { Project, Running } from "../_packed.ts";
import { filesIn, readPage, sectionsOf } from "../_pages.ts";
import { PostgresServer } from "../_postgres.ts";
import { servesAt, startEntities } from "./_host.ts";
import { Load } from "./_load.ts";

/** The runtimes for each file of the page. */
const CLIENTS: Record<string, readonly ("deno" | "node" | "bun")[]> = {
  "postgres_js.ts": ["deno", "node"],
  "pg.ts": ["deno", "node"],
  "bun_sql.ts": ["bun"],
};

const LEASE = 3000;

/** A node with the ledgers of `_host.ts`. */
const HOST = `import { Node, Supervisor } from "@otp/distribution";
import { Entities, Entity } from "@otp/distribution/entities";
import { argv } from "node:process";
const Ledger = Entity.define("ledger", {
  state: () => [],
  add: (ledger, id) => [ledger.state.push(id), ledger.fence],
  size: (ledger) => ledger.state.length,
}, { remember: 1000 });
const [options, client] = argv.slice(2);
const { store } = await import(client);
await Node.start(JSON.parse(options));
await Supervisor.startLink([
  Entities.childSpec({ types: [Ledger], store, shards: 32, lease: ${LEASE} }),
], { strategy: "one_for_one" });
Node.drainOnSignal();
console.log("up");
`;

test(
  "programs with the documented clients live on while PostgreSQL and pgbouncer restart",
  {
    programs: ["npm", "pgbouncer", "postgres", "tar"],
    tags: ["pack", "slow"],
    ignore: !("workspace" in config),
    timeout: 600_000,
  },
  async () => {
    await using stack = new AsyncDisposableStack();
    const project = stack.use(
      await Project.make(["node", "bun"], ["postgres@3", "pg@8"]),
    );
    const { Stores: page } = Object.fromEntries(
      sectionsOf(await readPage("docs/entities_production.md")),
    );
    const files = filesIn(page);
    assertEquals([...files.keys()], Object.keys(CLIENTS));
    for (const [name, text] of files) await project.write(name, text);
    await project.write("host.ts", HOST);

    const server = stack.use(await PostgresServer.start());
    const bouncer = stack.use(await server.bounce());
    const cluster = stack.use(new Cluster());
    const caller = await cluster.start("caller");
    const programs = new Map<string, Running>();
    for (const [file, runtimes] of Object.entries(CLIENTS)) {
      for (const runtime of runtimes) {
        const name = `${file.replace(".ts", "")}-${runtime}@localhost`;
        const { epmdPort } = cluster;
        const args = [
          "host.ts",
          JSON.stringify({ name, cookie: COOKIE, epmdPort }),
          `./${file}`,
        ];
        const env = { DATABASE_URL: bouncer.url };
        const program = runtime === "deno"
          ? new Running(
            Deno.execPath(),
            ["run", "--quiet", "-A", ...args],
            project.folder,
            env,
          )
          : project.run(runtime, args, env);
        programs.set(name, stack.use(program));
      }
    }
    const live = async () => {
      for (const [name, program] of programs) {
        await Promise.race([
          program.matches(/^up$/m).then(() => servesAt(name)),
          program.ended.then((code) => {
            throw new Error(
              `${name} has ended with ${code}:\n${program.output}`,
            );
          }),
        ]);
      }
    };
    await caller.run(async () => {
      const store = server.url;
      await using _ = await startEntities({ store, lease: LEASE }, false);
      await live();
      await using load = await Load.start(store);
      const faults: [what: string, fault: () => Promise<void>][] = [
        ["pgbouncer restarts", () => bouncer.restart()],
        ["PostgreSQL restarts", async () => {
          await server.stop();
          await server.launch();
        }],
        ["PostgreSQL crashes, and pgbouncer starts before it", async () => {
          await server.stop("SIGQUIT");
          await bouncer.restart();
          // The clients connect to pgbouncer meanwhile, which has no server for them.
          await load.failsOrServesAll();
          await server.launch();
        }],
      ];
      for (const [what, fault] of faults) {
        await load.during(what, 2 * LEASE, async () => {
          await fault();
          await live();
        });
      }
    });
    for (const [name, program] of programs) {
      program.kill("SIGTERM");
      assertEquals(await program.ended, 0, `${name}:\n${program.output}`);
    }
  },
);
