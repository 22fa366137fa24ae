// What writing and verifying the record costs. Run after `npm run build`.
// node --expose-gc bench/audit.js [lines to verify, by default 1000000]
import { fork } from "node:child_process";
import { createPrivateKey, generateKeyPairSync, sign } from "node:crypto";
import { once } from "node:events";
import fs, { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import canonicalize from "canonicalize";
import { openAuditLog, verifyAudit } from "../dist/audit/index.js";
import { createGuard } from "../dist/index.js";
import { compare } from "./support/measure.js";
import { startUpstream } from "./support/upstream.js";

const LINES = Number(process.argv[2] ?? 1_000_000);
const ROUND = 4000;
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

const opening = (id) => ({
  id,
  principal: { id: "ada", type: "human", issuer: "https://id.example", tenant: "acme" },
  agent: { id: "billing-bot", instance: "run-7" },
  purpose: "close ticket 4711",
  expiresAt: Date.now() + 3_600_000,
});
const http = {
  method: "GET",
  url: "https://crm.example/api/v1/accounts/42",
  route: "/api/v1/accounts/{id}",
  host: "crm.example",
  port: 443,
  peer_ip: "203.0.113.7",
  status: 200,
};
const event = {
  type: "request.completed",
  request_id: "019a0000-0000-7000-8000-000000000000",
  attempt: 1,
  http,
  timing: { ttfb_ms: 12.25, total_ms: 13.5 },
  mask: { applied: true, counts: { EMAIL: 2 } },
  res_body: { level: "metadata", bytes: 1024, complete: true, media: "application/json" },
};

async function appending() {
  const log = await openAuditLog({ directory: join(scratch, "append"), sync: "os", warn: () => {} });
  const session = log.openSession(opening("append"));
  // What a line of ours holds, so that the others serialise as much.
  const { principal, agent } = opening("append");
  const whole = {
    v: 1,
    seq: 4711,
    time: new Date().toISOString(),
    boot: log.writer,
    prev: "0".repeat(64),
    session_id: "append",
    principal,
    agent,
    initiator: "ai",
    ...event,
  };
  const key = createPrivateKey(generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }));
  const file = fs.openSync(join(scratch, "signed.jsonl"), "ax");
  let seq = 0;
  const candidates = {
    "JSON.stringify of the event": () => JSON.stringify({ ...whole, seq: seq++ }),
    "append: chain, tree, signed every 64": () => session.append(event),
    "canonicalise (RFC 8785), sign each (Ed25519), write": () => {
      const text = canonicalize({ ...whole, seq: seq++ });
      fs.writeSync(file, `${text}${sign(null, Buffer.from(text), key).toString("base64")}\n`);
    },
    "JSON.stringify and write, unprotected": () => fs.writeSync(file, `${JSON.stringify({ ...whole, seq: seq++ })}\n`),
  };
  const taken = Object.fromEntries(Object.keys(candidates).map((name) => [name, []]));
  for (let round = 0; round < 9; round++) {
    for (const [name, call] of Object.entries(candidates)) {
      const start = performance.now();
      for (let i = 0; i < ROUND; i++) call();
      // The first ones are warming up.
      if (round > 1) taken[name].push(((performance.now() - start) * 1000) / ROUND);
    }
  }
  fs.closeSync(file);
  await log.close();
  const base = median(taken["JSON.stringify of the event"]);
  console.table(
    Object.entries(taken).map(([name, times]) => ({
      name,
      "µs each": Number(median(times).toFixed(2)),
      "× JSON.stringify": Number((median(times) / base).toFixed(1)),
    })),
  );
  const ours = median(taken["append: chain, tree, signed every 64"]);
  const theirs = median(taken["canonicalise (RFC 8785), sign each (Ed25519), write"]);
  console.log(`append is ${(theirs / ours).toFixed(1)} × as fast as canonicalise-and-sign-each`);
}

async function syncing() {
  const files = fs.openSync(join(scratch, "bare"), "ax");
  const bare = [];
  const strict = [];
  const log = await openAuditLog({ directory: join(scratch, "sync"), sync: "os", warn: () => {} });
  const session = log.openSession(opening("sync"));
  const line = Buffer.alloc(700, "x");
  for (let i = 0; i < 200; i++) {
    let start = performance.now();
    fs.writeSync(files, line);
    await new Promise((resolve) => fs.fdatasync(files, resolve));
    bare.push(performance.now() - start);
    start = performance.now();
    session.append(event);
    await session.sync("strict");
    strict.push(performance.now() - start);
  }
  const appendAndSync = () => {
    session.append(event);
    return session.sync("group");
  };
  const batches = [];
  for (let i = 0; i < 30; i++) {
    const start = performance.now();
    await Promise.all(Array.from({ length: 32 }, appendAndSync));
    batches.push(performance.now() - start);
  }
  fs.closeSync(files);
  await log.close();
  const ms = (values) => `${median(values).toFixed(2)} ms`;
  console.log(
    `write and fdatasync, bare: ${ms(bare)}; append and strict sync: ${ms(strict)} (${(median(strict) / median(bare)).toFixed(2)} ×)`,
  );
  console.log(`32 appends at once, group sync: ${ms(batches)} together`);
}

async function recording() {
  const { origin, stop } = await startUpstream();
  const guards = [];
  const callsAt = async (record) => {
    const rule = { id: "read", effect: "allow", service: "api", methods: ["GET"], path: "/**", record };
    const guard = await createGuard({
      policy: { version: 1, services: { api: { origins: [origin], addresses: ["127.0.0.0/8"] } }, rules: [rule] },
      audit: { directory: join(scratch, record) },
      log: quiet,
    });
    guards.push(guard);
    const { id: _id, expiresAt: _end, ...facts } = opening(record);
    const session = await guard.openSession({ ...facts, ttl: "1h" });
    return async () => (await session.fetch(`${origin}/api/v1/accounts/42`)).text();
  };
  const candidates = {
    "record: none": await callsAt("none"),
    "record: metadata": await callsAt("metadata"),
    "record: response": await callsAt("response"),
  };
  console.table(await compare(candidates, { rounds: 5, sequential: 200, concurrent: 2000 }));
  for (const guard of guards) await guard.close();
  await stop();
}

/** In a process of its own: what writing the lines left in memory is not the verifier's. */
async function verifying(lines) {
  const directory = join(scratch, `verify-${lines}`);
  const log = await openAuditLog({ directory, sync: "os", warn: () => {} });
  const session = log.openSession(opening("long"));
  for (let i = 0; i < lines; i++) session.append(event);
  await log.close();
  const child = fork(new URL(import.meta.url), ["--verify", directory], { execArgv: ["--expose-gc"] });
  await once(child, "exit");
  rmSync(directory, { recursive: true, force: true });
}

async function verifyHere(directory) {
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss - before);
  }, 20);
  const start = performance.now();
  const { verdict, logs } = await verifyAudit(directory);
  const seconds = (performance.now() - start) / 1000;
  clearInterval(watch);
  const count = logs.reduce((sum, one) => sum + one.lines, 0);
  console.log(
    `verify ${count} lines: ${verdict}, ${Math.round(count / seconds)} lines/s, resident memory grew by at most ${(most / 2 ** 20).toFixed(1)} MiB`,
  );
}

if (process.argv[2] === "--verify") {
  await verifyHere(process.argv[3]);
  process.exit(0);
}
const scratch = mkdtempSync(join(tmpdir(), "sallyport-bench-"));
await appending();
await syncing();
await recording();
await verifying(Math.min(100_000, LINES));
if (LINES > 100_000) await verifying(LINES);
rmSync(scratch, { recursive: true, force: true });
process.exit(0); // undici's global agent keeps its connections
