// A whole guarded call against the fetch of Node, with more and more switched on. Run after `npm run build`.
// node bench/fetch.js
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { request, fetch as undiciFetch } from "undici";
import { staticSecret } from "../dist/broker/index.js";
import { createGuard } from "../dist/index.js";
import { compare } from "./support/measure.js";
import { startUpstream } from "./support/upstream.js";

const { origin, stop } = await startUpstream();
const url = `${origin}/api/v1/accounts/42`;
const init = { headers: { accept: "application/json" } };
const scratch = mkdtempSync(join(tmpdir(), "sallyport-bench-"));
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

/** A session of a guard of its own. */
async function sessionWith(name, service, options) {
  const guard = await createGuard({
    policy: {
      version: 1,
      services: { api: { origins: [origin], addresses: ["127.0.0.0/8"], ...service } },
      rules: [{ id: "read", effect: "allow", service: "api", methods: ["GET"], path: "/api/v1/accounts/{id}" }],
    },
    audit: { directory: join(scratch, name) },
    log: quiet,
    ...options,
  });
  const session = await guard.openSession({
    principal: { id: "ada", type: "human" },
    agent: { id: "bench" },
    purpose: "benchmark",
    ttl: "1h",
  });
  return { guard, session };
}

const bare = await sessionWith("bare", {}, { masking: false });
const masked = await sessionWith("masked", {}, {});
const everything = await sessionWith(
  "all",
  { credential: "key" },
  {
    credentials: { key: staticSecret({ scheme: "bearer", secret: "not-a-real-token-0123456789" }) },
  },
);

const calls = {
  "globalThis.fetch": async () => (await fetch(url, init)).text(),
  "undici.fetch": async () => (await undiciFetch(url, init)).text(),
  "undici.request": async () => (await request(url, init)).body.text(),
  "session.fetch: policy and audit": async () => (await bare.session.fetch(url, init)).text(),
  "session.fetch: and masking": async () => (await masked.session.fetch(url, init)).text(),
  "session.fetch: and a credential (everything)": async () => (await everything.session.fetch(url, init)).text(),
};
console.table(await compare(calls));

for (const { guard } of [bare, masked, everything]) await guard.close();
rmSync(scratch, { recursive: true, force: true });
await stop();
process.exit(0); // undici's global agent keeps its connections
