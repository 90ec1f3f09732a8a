/**
 * Hosts of a network of their own: network namespaces of Linux, which a bridge connects, and a DNS server for
 * them. Only root can make them, and not in every container.
 */

import { assert } from "@std/assert";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { NodeOptions } from "../node.ts";
import { Child } from "./_child.ts";
import { COOKIE } from "./_nodes.ts";
import { Running } from "./_packed.ts";

const PROGRAM = fileURLToPath(new URL("./_host_node.ts", import.meta.url));
const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** The time limit for a state of a node, in milliseconds. */
const WITHIN = 60_000;

/** The address of the DNS server. */
const DNS = "10.77.0.254";

/** The programs that a test with hosts needs; without the right to make namespaces it is excluded too. */
export const HOSTS: readonly string[] = [
  "ip",
  "dnsmasq",
  ...(canMakeNamespaces() ? [] : ["network-namespaces"]),
];

function canMakeNamespaces(): boolean {
  try {
    const name = `otp-probe-${Deno.pid}`;
    const made = ipSync("netns", "add", name) &&
      ipSync("-n", name, "link", "add", "name", "br0", "type", "bridge");
    ipSync("netns", "del", name);
    return made;
  } catch {
    return false;
  }
}

function ipSync(...args: string[]): boolean {
  const options = { args, stdout: "null", stderr: "null" } as const;
  return new Deno.Command("ip", options).outputSync().success;
}

export function addressOfHost(host: number): string {
  return `10.77.0.${host}`;
}

/** Hosts, numbered from 1, their switch and their DNS server; removed when it goes out of scope. */
export class Hosts implements AsyncDisposable {
  readonly #prefix = `otp-${Deno.pid}-`;
  readonly #stack = new AsyncDisposableStack();
  readonly #count: number;
  #folder = "";
  #dns: Deno.ChildProcess | undefined;

  private constructor(count: number) {
    this.#count = count;
  }

  static async make(count: number): Promise<Hosts> {
    const hosts = new Hosts(count);
    try {
      await hosts.#make();
    } catch (error) {
      await hosts[Symbol.asyncDispose]();
      throw error;
    }
    return hosts;
  }

  async #make(): Promise<void> {
    await removeLeftOvers();
    this.#folder = await Deno.makeTempDir();
    this.#stack.defer(() => Deno.remove(this.#folder, { recursive: true }));
    const hub = await this.#namespace("hub");
    await ip("-n", hub, "link", "add", "br0", "type", "bridge");
    await ip("-n", hub, "addr", "add", `${DNS}/24`, "dev", "br0");
    await ip("-n", hub, "link", "set", "br0", "up");
    for (let i = 1; i <= this.#count; i++) {
      const host = await this.#namespace(`${i}`);
      const [port, peer] = [`p${i}`, `type veth peer name eth0 netns ${host}`];
      await ip("link", "add", port, "netns", hub, ...peer.split(" "));
      await ip("-n", hub, "link", "set", port, "master", "br0", "up");
      const address = `${addressOfHost(i)}/24`;
      await ip("-n", host, "addr", "add", address, "dev", "eth0");
      await ip("-n", host, "link", "set", "eth0", "up");
    }
  }

  #name(host: number | string): string {
    return `${this.#prefix}${host}`;
  }

  async #namespace(host: string): Promise<string> {
    const name = this.#name(host);
    await ip("netns", "add", name);
    this.#stack.defer(() => ip("netns", "del", name));
    await ip("-n", name, "link", "set", "lo", "up");
    // `ip netns exec` puts it in the place of /etc/resolv.conf.
    const folder = `/etc/netns/${name}`;
    await Deno.mkdir(folder, { recursive: true });
    this.#stack.defer(() => Deno.remove(folder, { recursive: true }));
    await Deno.writeTextFile(
      `${folder}/resolv.conf`,
      `nameserver ${DNS}\noptions timeout:1 attempts:1\n`,
    );
    return name;
  }

  /** Cuts a host off, so that nothing that is sent to it or from it arrives; or connects it again. */
  async cut(host: number, isCut = true): Promise<void> {
    const state = isCut ? "down" : "up";
    await ip("-n", this.#name("hub"), "link", "set", `p${host}`, state);
  }

  /** Sets the addresses of a name, `web.test` for `web`, and the services `_otp._tcp.test`; starts the server. */
  async dns(
    names: Record<string, readonly number[]>,
    services: Record<string, number> = {},
  ): Promise<void> {
    const lines = [
      ...Object.entries(names).flatMap(([name, each]) =>
        each.map((host) => `host-record=${name}.test,${addressOfHost(host)},0`)
      ),
      ...Object.entries(services).map(([name, port]) =>
        `srv-host=_otp._tcp.test,${name}.test,${port}`
      ),
      "local=/test/",
      "no-resolv",
      "no-hosts",
      "no-poll",
      "bind-interfaces",
      `listen-address=${DNS}`,
      "user=root",
      `pid-file=${this.#folder}/pid`,
    ];
    const file = `${this.#folder}/dnsmasq.conf`;
    await Deno.writeTextFile(file, lines.join("\n") + "\n");
    await this.stopDns();
    // It ends with its input, so that it does not outlive a test run that is killed.
    this.#dns = new Deno.Command("ip", {
      args: [
        ...["netns", "exec", this.#name("hub"), "sh", "-c"],
        `dnsmasq --no-daemon --conf-file=${file} & read -r _; kill $!; wait`,
      ],
      stdin: "piped",
      stdout: "null",
      stderr: "null",
    }).spawn();
  }

  async stopDns(): Promise<void> {
    const dns = this.#dns;
    this.#dns = undefined;
    if (dns === undefined) return;
    await dns.stdin.close();
    await dns.status;
  }

  /** Starts a node on a host, which listens at the host's address, port 4370. */
  start(
    host: number,
    options: Partial<NodeOptions> & { name: string },
  ): HostNode {
    const given = {
      cookie: COOKIE,
      listen: addressOfHost(host),
      port: 4370,
      tickTime: 2000,
      limits: { handshakeTimeout: 2000 },
      ...options,
    };
    return this.#stack.use(
      new HostNode(options.name, [
        ...["netns", "exec", this.#name(host), Deno.execPath(), "run"],
        ...["--quiet", "--no-check", "--allow-all"],
        ...[`--config=${ROOT}deno.json`, PROGRAM, JSON.stringify(given)],
      ]),
    );
  }

  /** Runs a program on a host, in the root of the repository. */
  run(
    host: number,
    command: readonly string[],
    env?: Record<string, string>,
  ): Running {
    const args = ["netns", "exec", this.#name(host), ...command];
    return new Running("ip", args, ROOT, env);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopDns();
    await this.#stack.disposeAsync();
  }
}

/** A node on a host, in a process of the operating system. */
export class HostNode extends Child {
  readonly name: string;

  constructor(name: string, args: string[]) {
    super("ip", { args, stdin: "piped" });
    this.name = name;
  }

  /** Waits until the node is connected to exactly these nodes. */
  async becomes(...nodes: HostNode[]): Promise<void> {
    const expected = JSON.stringify(nodes.map(({ name }) => name).sort());
    const timer = setTimeout(() => this.kill("SIGKILL"), WITHIN);
    try {
      await this.until(() => {
        const lists = this.stdout.matchAll(/^\{"list":(.*)\}$/gm);
        return [...lists].at(-1)?.[1] === expected;
      }, `that ${this.name} is connected to ${expected}`);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Removes the hosts of test runs that were killed. */
async function removeLeftOvers(): Promise<void> {
  const { stdout } = await new Deno.Command("ip", { args: ["netns"] }).output();
  for (
    const [, name, pid] of new TextDecoder().decode(stdout).matchAll(
      /^(otp-(\d+)-\w+)/gm,
    )
  ) {
    if (isRunning(Number(pid))) continue;
    await ip("netns", "del", name).catch(() => {});
    await Deno.remove(`/etc/netns/${name}`, { recursive: true }).catch(
      () => {},
    );
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

async function ip(...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("ip", { args }).output();
  assert(success, `ip ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}
