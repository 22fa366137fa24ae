// The transport alone against the fetch of Node: what there is to spend on everything else a guarded call does.
// node bench/transport.js
import { fileURLToPath } from "node:url";
import { build } from "tsup";
import { request } from "undici";
import { compare } from "./support/measure.js";
import { startUpstream } from "./support/upstream.js";

const outDir = fileURLToPath(new URL("../node_modules/.cache/sallyport-bench/", import.meta.url));
const entry = { transport: fileURLToPath(new URL("../src/transport/index.ts", import.meta.url)) };
await build({ entry, outDir, format: "esm", target: "node20.19", platform: "node", config: false, silent: true });
const { buildResponse, createUndiciTransport } = await import(`${outDir}transport.js`);

const { origin, stop } = await startUpstream();
const url = `${origin}/api/v1/accounts/42`;
const headers = [
  ["accept", "application/json"],
  ["authorization", "Bearer not-a-real-token"],
];
const transport = createUndiciTransport();
const connections = transport.connections();
const { signal } = new AbortController();
const open = { ok: true };
const hop = {
  method: "GET",
  url,
  origin,
  path: "/api/v1/accounts/42",
  headers,
  body: null,
  addresses: () => open,
};

console.table(
  await compare({
    "globalThis.fetch": async () => (await fetch(url, { headers })).text(),
    "transport + Response + text()": async () => {
      const answer = await connections.send(hop, { signal });
      return buildResponse({ ...answer, url, redirected: false }).text();
    },
    "transport + Response + body stream": async () => {
      const answer = await connections.send(hop, { signal });
      const reader = buildResponse({ ...answer, url, redirected: false }).body.getReader();
      while (!(await reader.read()).done);
    },
    "undici.request": async () => (await request(url, { headers: headers.flat() })).body.text(),
  }),
);

const body = new TextEncoder().encode(JSON.stringify({ cents: 100, reason: "late delivery" }));
const post = (reuse) => {
  const asked = { ...hop, method: "POST", body, reuse };
  return async () => {
    const answer = await connections.send(asked, { signal });
    return buildResponse({ ...answer, url, redirected: false }).text();
  };
};
// What the rule costs that a connection is not used again after a request with a body.
console.table(await compare({ "POST, reuse: always": post(true), "POST, a connection for each": post(false) }));

// What it costs that connections are not shared between sessions: a session for each request, and one for all.
const alone = async () => {
  const own = transport.connections();
  const answer = await own.send(hop, { signal });
  await buildResponse({ ...answer, url, redirected: false }).text();
  await own.close();
};
const together = async () => {
  const answer = await connections.send(hop, { signal });
  await buildResponse({ ...answer, url, redirected: false }).text();
};
console.table(await compare({ "GET, one session": together, "GET, a session for each": alone }));

await transport.close();
await stop();
process.exit(0); // undici's global agent keeps its connections
