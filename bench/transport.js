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
      const answer = await transport.send(hop, { signal });
      return buildResponse({ ...answer, url, redirected: false }).text();
    },
    "transport + Response + body stream": async () => {
      const answer = await transport.send(hop, { signal });
      const reader = buildResponse({ ...answer, url, redirected: false }).body.getReader();
      while (!(await reader.read()).done);
    },
    "undici.request": async () => (await request(url, { headers: headers.flat() })).body.text(),
  }),
);

await transport.close();
await stop();
process.exit(0); // undici's global agent keeps its connections
