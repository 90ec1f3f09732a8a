/**
 * The deployments of the thumbnail service and of the orders: their files are valid for the tools that read them, their
 * commands are those of the programs, and docs/deploy.md shows them as they are. The command lines of compose form a
 * cluster.
 */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { DCLinter } from "npm:dclint@^3";
import { validate } from "npm:dockerfile-utils@^0.16";
import { nodeFlags } from "../../packages/shell/cli/node_flags.ts";
import { NodeStartError } from "../../packages/processes/errors.ts";
import { Node } from "../../node.ts";
import { test } from "../../packages/testing/tags.ts";
import { outputOf } from "../_child.ts";
import { temporaryFolder } from "../_temporary.ts";
import {
  argsIn,
  composeServices,
  DEPLOY,
  healthCheck,
  IMAGES,
  launches,
  type Manifest,
  MANIFESTS,
  manifestsIn,
  nodeDropIn,
  readDeployed,
  ROOT,
  UNITS,
} from "./_deployment.ts";
import { HOSTS, Hosts } from "../_hosts.ts";
import type { Running } from "../_packed.ts";
import { blocksIn, readPage } from "../_pages.ts";
import { tlsOf } from "../_tls.ts";

const COOKIE = "secret_token";

/** Whether lines are in a text, one after the other, all indented by the same amount. */
function isPart(lines: readonly string[], of: readonly string[]): boolean {
  return of.some((first, start) => {
    if (!first.endsWith(lines[0])) return false;
    const indent = first.slice(0, first.length - lines[0].length);
    return indent.trim() === "" &&
      lines.every((line, i) =>
        of[start + i] === (line === "" ? "" : indent + line)
      );
  });
}

test("docs/deploy.md shows the files of the deployment as they are", async () => {
  const shown = new Set<string>();
  for (const { text } of blocksIn(await readPage("docs/deploy.md"))) {
    const [head, ...lines] = text.trimEnd().split("\n");
    if (!head.startsWith(`# ${DEPLOY}/`)) continue;
    const file = head.slice(`# ${DEPLOY}/`.length);
    const whole = (await readDeployed(file)).split("\n");
    shown.add(file);
    for (const part of lines.join("\n").split(/\n? *# …\n?/)) {
      if (part === "") continue;
      assert(isPart(part.split("\n"), whole), `${file} has not:\n${part}`);
    }
  }
  const [unit] = UNITS;
  const files = ["Dockerfile", "compose.yaml", unit];
  for (const file of files) {
    assert(shown.has(file), `docs/deploy.md does not show ${file}`);
  }
});

test("each command of the deployment is one of the programs, with the flags of a node", async () => {
  const all = await launches();
  assertEquals(all.length, 8);
  for (const { file, args, grace } of all) {
    const script = args.findIndex((arg) => arg.endsWith(".ts"));
    assertEquals(
      args.slice(0, script),
      [
        ...["run", "--no-prompt", "--cached-only", "--allow-net"],
        ...["--allow-env", "--allow-read", "--allow-sys"],
        // The decoder is native code.
        ...args[script].endsWith("worker.ts") ? ["--allow-ffi"] : [],
      ],
      file,
    );
    assert((await Deno.stat(ROOT + args[script])).isFile);
    const options = nodeFlags({
      args: args.slice(script + 1).map((arg) =>
        // As Kubernetes replaces them.
        arg.replace("$(POD_NAME)", "web-0").replace("$(POD_NAMESPACE)", "a")
      ),
      exit: false,
    });
    assertEquals(options.epmdPort, false, file);
    // A pod, a container and a service are killed after that.
    assert(options.drainTimeout! + 10_000 <= grace * 1000, file);
  }
});

test("systemd accepts the units, and finds them closed", {
  programs: ["systemd-analyze"],
  timeout: 60_000,
}, async () => {
  await using temporary = await temporaryFolder();
  for (const file of UNITS) {
    const unit = `${temporary.path}/${file.split("/").at(-1)}`;
    // It looks for the program.
    const text = (await readDeployed(file))
      .replace("/usr/local/bin/deno", Deno.execPath());
    await Deno.writeTextFile(unit, text);
    const dropIn = await readDeployed(nodeDropIn(file));
    // On Node, the program is the same with the same flags.
    const args = argsIn(text);
    const script = args.findIndex((arg) => arg.endsWith(".ts"));
    assertEquals(
      argsIn(dropIn.replace("ExecStart=\n", "")),
      args.slice(script),
    );
    const analyze = (...args: string[]) =>
      outputOf("systemd-analyze", { args, cwd: ROOT });
    const { code, stderr } = await analyze("verify", unit);
    assertEquals([code, stderr], [0, ""]);
    await Deno.mkdir(`${unit}.d`);
    await Deno.writeTextFile(
      `${unit}.d/node.conf`,
      dropIn.replace("/usr/local/bin/node", Deno.execPath()),
    );
    const onNode = await analyze("verify", unit);
    assertEquals([onNode.code, onNode.stderr], [0, ""]);
    const limits = ["--offline=yes", "--threshold=20"];
    const exposure = await analyze("security", ...limits, unit);
    assertEquals(exposure.code, 0, exposure.stdout);
  }
});

test("the Dockerfiles are valid, and SIGTERM reaches the program", async () => {
  const [, version] = /DENO_VERSION=(\S+)/.exec(await readPage(".ci/run"))!;
  for (const [file, nodeFile] of IMAGES) {
    const text = await readDeployed(file);
    assertEquals(validate(text), []);
    assertStringIncludes(text, `FROM denoland/deno:${version}\n`);
    // A text would be run by a shell.
    assert(/^CMD \["/m.test(text));
    assert(/^USER deno$/m.test(text));
    const onNode = await readDeployed(nodeFile);
    assertEquals(validate(onNode), []);
    assert(/^CMD \["node", "/m.test(onNode));
    assert(/^USER node$/m.test(onNode));
  }
});

test("a service that fails is started again, as docs/deploy.md says", async () => {
  const restarts = Object.values(await composeServices())
    .map(({ restart }) => restart);
  assertEquals(restarts, ["unless-stopped", "unless-stopped"]);
  const page = await readPage("docs/deploy.md");
  assertStringIncludes(page, "`restart: unless-stopped`");
  for (const unit of UNITS) {
    const [line] = /^Restart=.*$/m.exec(await readDeployed(unit))!;
    assertStringIncludes(page, `\`${line}\``);
  }
});

test("compose.yaml is valid", async () => {
  const linter = new DCLinter({
    rules: {},
    quiet: true,
    debug: false,
    exclude: [],
  });
  const results = await linter.lintFiles(
    [`${ROOT}${DEPLOY}/compose.yaml`],
    false,
  );
  assertEquals(results.length, 1);
  const errors = results[0].messages.filter(({ type }) => type === "error");
  assertEquals(errors.map(({ message }) => message), []);
});

/** A program whose types fail if a manifest has a field that Kubernetes does not know, or of another type. */
function programOf(manifests: readonly Manifest[]): string {
  const lines = manifests.map((manifest, i) => {
    const { apiVersion, kind } = manifest;
    const group = apiVersion.startsWith("cert-manager.io/")
      ? `npm:@kubernetes-models/cert-manager@^6/${apiVersion}`
      : `npm:kubernetes-models@^5/${apiVersion}`;
    return `import type { I${kind} as T${i} } from "${group}/${kind}";
export const each${i}: T${i} = ${JSON.stringify(manifest)};`;
  });
  return lines.join("\n");
}

test("the manifests have the types of Kubernetes and cert-manager", {
  tags: ["slow"],
  timeout: 120_000,
}, async () => {
  const manifests = (await Promise.all(MANIFESTS.map(manifestsIn))).flat();
  await using temporary = await temporaryFolder();
  const file = `${temporary.path}/manifests.ts`;
  const check = async (all: readonly Manifest[]) => {
    await Deno.writeTextFile(file, programOf(all));
    const args = ["check", "--quiet", "--no-config", file];
    return await outputOf(Deno.execPath(), { args, cwd: ROOT });
  };
  const right = await check(manifests);
  assertEquals([right.code, right.stderr], [0, ""]);
  const wrong = structuredClone(manifests);
  wrong.find(({ kind }) => kind === "StatefulSet")!.spec.template.spec
    .terminationGraceSeconds = 40;
  const { code, stderr } = await check(wrong);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "terminationGraceSeconds");
});

test("the parts of the manifests fit together", async () => {
  const [nodes, policy, ...rest] =
    (await Promise.all(MANIFESTS.map(manifestsIn))).flat();
  assertEquals(nodes.spec.clusterIP, "None");
  assertEquals(nodes.spec.publishNotReadyAddresses, true);
  const { port, endPort } = policy.spec.ingress[0].ports[0];
  const sets = rest.filter(({ kind }) => kind === "StatefulSet");
  assertEquals(sets.length, 2);
  for (const { spec } of sets) {
    const pod = spec.template.spec;
    const [container] = pod.containers;
    assertEquals(spec.serviceName, "nodes");
    assert(container.args.includes("--cluster=dns:nodes:4370"));
    assert(container.args.includes("--port=4370"));
    const threads = container.env.find(({ name }: { name: string }) =>
      name === "THREADS"
    )?.value ?? 0;
    assert(port === 4370 && Number(threads) + 4370 <= endPort);
    // kubelet adds the right of the group, which is that of the program.
    assertEquals(pod.securityContext.fsGroup, pod.securityContext.runAsGroup);
    for (const { secret } of pod.volumes) {
      assertEquals(secret.defaultMode, 0o400);
    }
  }
});

test("one certificate for the hosts of all pods connects them, and no other host", async () => {
  const [{ spec }] = (await manifestsIn("kubernetes/certificates.yaml"))
    .filter(({ spec }) => spec.secretName === "nodes-tls");
  const tls = await tlsOf({ hosts: spec.dnsNames });
  const start = (name: string) =>
    Node.start({ name, cookie: COOKIE, tls, epmdPort: false, log() {} });
  await using web = await start("web@web-0.nodes.thumbnails.svc");
  await using worker = await start("worker-1@worker-0.nodes.thumbnails.svc");
  const address = `127.0.0.1:${worker.port}`;
  assert(await web.run(() => Node.connect({ address })));
  await assertRejects(
    () => start("web@web-0.nodes.other.svc"),
    NodeStartError,
    "web-0.nodes.other.svc",
  );
});

test(
  "the commands of compose form a cluster that serves, loses a worker, gets one, and leaves",
  { programs: HOSTS, timeout: 240_000 },
  async () => {
    await using temporary = await temporaryFolder();
    const cookie = `${temporary.path}/cookie`;
    await Deno.writeTextFile(cookie, COOKIE, { mode: 0o400 });
    const services = await composeServices();
    await using hosts = await Hosts.make(4);
    const environment = {
      HTTP_HOST: "0.0.0.0",
      HTTP_PORT: "8000",
      THREADS: "1",
    };
    const start = (name: string, host: number) =>
      hosts.run(
        host,
        [
          Deno.execPath(),
          ...services[name].command.map((arg) =>
            arg.replace("dns:workers:", "dns:workers.test:")
              .replace("/run/secrets/cookie", cookie)
              // It says who is connected.
              .replace("--log-level=info", "--log-level=debug")
              // All hosts are one machine, whose name they have; containers have their own.
              .replace(/^(--sname=\w+)$/, `$1@host${host}`)
          ),
        ],
        environment,
      );
    const [deno, ...check] = await healthCheck();
    assertEquals(deno, "deno");
    /** Requests of a client on the third host, one after the other; prints how each was answered. */
    const client = (count: number) =>
      hosts.run(3, [
        Deno.execPath(),
        "eval",
        `const body = Deno.readFileSync("examples/thumbnails/demo.jpg");
      const url = "http://10.77.0.1:8000/thumbnails?width=64";
      for (let i = 0; i < ${count}; i++) {
        const response = await fetch(url, { method: "POST", body });
        console.log(response.status, (await response.arrayBuffer()).byteLength > 500);
      }`,
      ]);
    const isWhole = async (program: Running, count: number) => {
      assertEquals(await program.ended, 0, program.output);
      assertEquals(program.output, "200 true\n".repeat(count));
    };

    await using web = start("web", 1);
    await using worker = start("workers", 2);
    await web.printed("is up");
    await worker.printed("is up");
    await hosts.dns({ workers: [2] });
    await using healthy = hosts.run(1, [Deno.execPath(), ...check]);
    assertEquals(await healthy.ended, 0, healthy.output);
    await web.printed(/Connected to worker-1@host2/);
    await using first = client(3);
    await isWhole(first, 3);

    // A worker is replaced by one with another address.
    await hosts.dns({ workers: [2, 4] });
    await using next = start("workers", 4);
    await web.printed(/Connected to worker-1@host4/);
    await using during = client(20);
    await during.printed("200 true");
    worker.kill("SIGTERM");
    assertEquals(await worker.ended, 0, worker.output);
    await isWhole(during, 20);

    web.kill("SIGTERM");
    assertEquals(await web.ended, 0, web.output);
    await using late = hosts.run(1, [Deno.execPath(), ...check]);
    assertEquals(await late.ended, 1);
    next.kill("SIGTERM");
    assertEquals(await next.ended, 0, next.output);
  },
);
