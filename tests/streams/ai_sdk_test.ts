/** The AI SDK's `useChat` with its transport for Durable Streams, unmodified from npm, in Node and in Chromium. */

import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { freePort } from "../../packages/testing/_ports.ts";
import { test } from "../../packages/testing/tags.ts";
import { startBrowser } from "../../tools/_browser.ts";
import { Child, outputOf } from "../_child.ts";
import { temporaryFolder } from "../_temporary.ts";
import { serveOnNode } from "./_server.ts";

const PACKAGES = [
  "@durable-streams/aisdk-transport@0.0.7",
  ...["ai@6", "@ai-sdk/react@3", "react@19", "react-dom@19", "esbuild@0.25"],
];

/** The number of tokens that the model makes. */
const TOKENS = 600;

/** The answer of the model. */
const ANSWER = Array.from({ length: TOKENS }, (_, n) => ` tök${n}`).join("");

const FILES: Record<string, string> = {
  "package.json": '{"private":true,"type":"module"}',
  /** A web server with a model, which stands still in the middle of its answer until it is told to go on. */
  "app.js": `
import { toDurableStreamResponse } from "@durable-streams/aisdk-transport";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const [streams, port] = process.argv.slice(2);
const going = new Map();
const goingOn = (id) => {
  if (!going.has(id)) {
    const gate = {};
    gate.promise = new Promise((resolve) => gate.resolve = resolve);
    going.set(id, gate);
  }
  return going.get(id);
};

async function* answer(id) {
  yield { type: "start", messageId: "m1" };
  yield { type: "text-start", id: "t1" };
  for (let n = 0; n < ${TOKENS}; n++) {
    if (n === ${TOKENS / 2}) await goingOn(id).promise;
    yield { type: "text-delta", id: "t1", delta: " tök" + n };
  }
  yield { type: "text-end", id: "t1" };
  yield { type: "finish" };
}

async function respond(request) {
  const { pathname } = new URL(request.url);
  if (pathname === "/api/chat") {
    const { id } = await request.json();
    return toDurableStreamResponse({ source: answer(id), stream: { writeUrl: streams + "/" + id } });
  }
  const [, id, what] = /^\\/api\\/chat\\/(.*)\\/(stream|go)$/.exec(pathname) ?? [];
  if (what === "go") {
    goingOn(id).resolve();
    return new Response("ok");
  }
  if (what === "stream") {
    const streamUrl = streams + "/" + id;
    return going.has(id) ? Response.json({ streamUrl }) : new Response(null, { status: 204 });
  }
  return pathname === "/page.js"
    ? new Response(readFileSync("out.js"), { headers: { "content-type": "text/javascript" } })
    : new Response("<!DOCTYPE html><meta charset=utf-8><main></main><script src=page.js></script>", {
      headers: { "content-type": "text/html" },
    });
}

createServer(async (incoming, outgoing) => {
  const body = [];
  for await (const part of incoming) body.push(part);
  const response = await respond(new Request("http://127.0.0.1:" + port + incoming.url, {
    method: incoming.method,
    body: body.length > 0 ? Buffer.concat(body) : undefined,
  }));
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  outgoing.end(Buffer.from(await response.arrayBuffer()));
}).listen(port, "127.0.0.1", () => console.log("up"));
`,
  "page.jsx": `
import { useChat } from "@ai-sdk/react";
import { createDurableChatTransport } from "@durable-streams/aisdk-transport";
import React from "react";
import { createRoot } from "react-dom/client";

const transport = createDurableChatTransport({ api: "/api/chat" });

function App() {
  const { messages, status, sendMessage } = useChat({ id: "browser", transport, resume: true });
  const text = messages.filter(({ role }) => role === "assistant").flatMap(({ parts }) => parts)
    .map((part) => part.type === "text" ? part.text : "").join("");
  return <>
    <button onClick={() => sendMessage({ text: "hello" })}>send</button>
    <b data-status={status} data-length={text.length}>{text}</b>
  </>;
}

createRoot(document.querySelector("main")).render(<App />);
`,
  /** The object behind `useChat`, without a page. */
  "chat.js": `
import { Chat } from "@ai-sdk/react";
import { createDurableChatTransport } from "@durable-streams/aisdk-transport";

const api = "http://127.0.0.1:" + process.argv[2] + "/api/chat";
const chat = new Chat({ id: "node", transport: createDurableChatTransport({ api }) });
await Promise.all([chat.sendMessage({ text: "hello" }), fetch(api + "/node/go")]);
console.log(JSON.stringify(chat.messages.at(-1).parts.map(({ text }) => text).join("")));
process.exit(0);
`,
};

test(
  "useChat with the durable transport of npm gets every token once, in Node and in Chromium after a reload",
  {
    tags: ["slow", "npm"],
    programs: ["chromium"],
    timeout: 300_000,
    sanitizeOps: false,
    sanitizeResources: false,
  },
  async () => {
    await using folder = await temporaryFolder();
    const cwd = folder.path;
    for (const [name, text] of Object.entries(FILES)) {
      await Deno.writeTextFile(join(cwd, name), text);
    }
    const run = async (program: string, args: string[]) => {
      const { code, stdout, stderr } = await outputOf(program, { args, cwd });
      assertEquals(code, 0, stdout + stderr);
      return stdout;
    };
    const flags = ["--no-audit", "--no-fund", "--ignore-scripts"];
    await run("npm", ["install", ...flags, ...PACKAGES]);
    await run("node_modules/.bin/esbuild", [
      ...["page.jsx", "--bundle", "--outfile=out.js"],
      '--define:process.env.NODE_ENV="production"',
    ]);
    await using streams = await serveOnNode({});
    const port = freePort();
    await using app = new Child("node", {
      args: ["app.js", streams.url, `${port}`],
      cwd,
    });
    await app.printed("up");

    assertEquals(JSON.parse(await run("node", ["chat.js", `${port}`])), ANSWER);

    const browser = await startBrowser();
    try {
      const page = await browser.newPage();
      page.setDefaultTimeout(60_000);
      await page.goto(`http://127.0.0.1:${port}/`);
      await page.click("button");
      const middle = ANSWER.indexOf(` tök${TOKENS / 2}`);
      const isInTheMiddle = `[data-length="${middle}"]`;
      await page.waitForSelector(isInTheMiddle);
      await page.reload();
      await page.waitForSelector(isInTheMiddle);
      await fetch(`http://127.0.0.1:${port}/api/chat/browser/go`);
      await page.waitForSelector(
        `[data-length="${ANSWER.length}"][data-status="ready"]`,
      );
      assertEquals(await page.textContent("b"), ANSWER);
    } finally {
      await browser.close();
    }
  },
);
