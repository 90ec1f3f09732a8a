/** The files of deployments of examples, as their tools and their hosts read them. */

import { fileURLToPath } from "node:url";
import { parse, parseAllDocuments } from "npm:yaml@^2";

/** The root of the repository, where the programs run. */
export const ROOT: string = fileURLToPath(new URL("../../", import.meta.url));

/** The folder of the files of the thumbnail service, from the root. */
export const DEPLOY = "examples/thumbnails/deploy";

/** The folders of the files of the orders and of the rooms. */
const [ORDERS, ROOMS] = ["../../orders/deploy", "../../rooms/deploy"];

export const UNITS: readonly string[] = [
  "systemd/thumbnails-web.service",
  "systemd/thumbnails-worker.service",
  `${ORDERS}/systemd/orders.service`,
  `${ROOMS}/systemd/rooms.service`,
];

/** The files of images, on Deno and on Node. */
export const IMAGES: readonly [deno: string, node: string][] = [
  ["Dockerfile", "node/Dockerfile"],
  [`${ORDERS}/Dockerfile`, `${ORDERS}/node/Dockerfile`],
  [`${ROOMS}/Dockerfile`, `${ROOMS}/node/Dockerfile`],
];

/** The file that makes a unit run on Node. */
export function nodeDropIn(unit: string): string {
  return `${unit.replace("systemd/", "node/")}.d/node.conf`;
}

/** The arguments in a unit or its drop-in. */
export function argsIn(unit: string): string[] {
  const text = unit.replaceAll("\\\n", " ");
  return /^ExecStart=\S+ (.*)$/m.exec(text)![1].trim().split(/ +/);
}

export const MANIFESTS: readonly string[] = [
  "kubernetes/nodes.yaml",
  "kubernetes/web.yaml",
  "kubernetes/worker.yaml",
  "kubernetes/certificates.yaml",
];

/** A program that a deployment starts. */
export interface Launch {
  /** The file that says so. */
  file: string;
  /** `deno`'s arguments. */
  args: string[];
  /** The time after which it is killed when it should end, in seconds. */
  grace: number;
}

export interface ComposeService {
  command: string[];
  environment?: Record<string, string>;
  stop_grace_period: string;
  restart: string;
}

/** An object of Kubernetes. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  // deno-lint-ignore no-explicit-any
  spec: any;
}

/** The text of a file, whose path is from the folder of the thumbnail service. */
export function readDeployed(file: string): Promise<string> {
  return Deno.readTextFile(`${ROOT}${DEPLOY}/${file}`);
}

export async function composeServices(): Promise<
  Record<string, ComposeService>
> {
  const text = await readDeployed("compose.yaml");
  return parse(text, { merge: true }).services;
}

/** The objects of a manifest. */
export async function manifestsIn(file: string): Promise<Manifest[]> {
  // Kubernetes reads YAML 1.1, where 0400 is octal.
  const documents = parseAllDocuments(await readDeployed(file), {
    version: "1.1",
  });
  return Array.from(documents, (each) => each.toJS());
}

/** All programs that the deployments start. */
export async function launches(): Promise<Launch[]> {
  const all: Launch[] = [];
  for (const file of UNITS) {
    const unit = await readDeployed(file);
    const [, grace] = /^TimeoutStopSec=(\d+)$/m.exec(unit)!;
    all.push({ file, args: argsIn(unit), grace: Number(grace) });
  }
  for (const [name, service] of Object.entries(await composeServices())) {
    const grace = parseInt(service.stop_grace_period);
    all.push({ file: `compose.yaml, ${name}`, args: service.command, grace });
  }
  for (const file of MANIFESTS) {
    for (const { kind, spec } of await manifestsIn(file)) {
      if (kind !== "StatefulSet") continue;
      const pod = spec.template.spec;
      const grace = pod.terminationGracePeriodSeconds;
      all.push({ file, args: pod.containers[0].args, grace });
    }
  }
  return all;
}

/** The command of an image's health check. */
export async function healthCheck(file = "Dockerfile"): Promise<string[]> {
  const text = await readDeployed(file);
  return JSON.parse(/^HEALTHCHECK[^[]*CMD (\[.*\])$/m.exec(text)![1]);
}
