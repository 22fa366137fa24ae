// A plain Node script: a policy file, a static secret from a function, a person who is asked, a refusal as the model sees it,
// and a record that is verified at the end. Run it with `node examples/plain-node.js`; it fails when something is not so.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createGuard } from "sallyport";
import { verifyAudit } from "sallyport/audit";
import { staticSecret } from "sallyport/broker";

// The service: it wants a key, and it remembers what reached it.
const API_KEY = "ledger-key-made-up-for-this-example";
const reached = [];
const ledger = createServer((request, response) => {
  request.resume();
  reached.push(`${request.method} ${request.url}`);
  const known = request.headers["x-api-key"] === API_KEY;
  response.writeHead(known ? 200 : 401, { "content-type": "application/json" });
  const customer = { name: "Grace Hopper", email: "grace@example.com", iban: "DE89 3704 0044 0532 0130 00" };
  response.end(JSON.stringify(known ? { invoice: "17", cents: 4200, customer } : { error: "no key" }));
});
await new Promise((resolve) => ledger.listen(0, "127.0.0.1", resolve));
const origin = `http://127.0.0.1:${ledger.address().port}`;

// You would write `policy: "./policies/ledger.yaml"`. Here the ledger is on loopback, so a copy of the file says so.
const work = await mkdtemp(join(tmpdir(), "sallyport-example-"));
const policy = await readFile(new URL("./policies/ledger.yaml", import.meta.url), "utf8");
const policyFile = join(work, "ledger.yaml");
await writeFile(
  policyFile,
  policy.replace("https://ledger.internal.example", origin).replace("10.20.0.0/16", "127.0.0.0/8"),
);

const questions = [];
const guard = await createGuard({
  policy: policyFile,
  credentials: {
    // A function is read again every five minutes: a key that was rotated is picked up without a restart.
    ledger: staticSecret({ scheme: "header", name: "x-api-key", secret: async () => API_KEY }),
  },
  approvals: {
    // Ask where your people are: a chat, a ticket, a web page. `idp` says who vouches for the person.
    request: async (request, control) => {
      questions.push(request);
      return control.approve({ id: "bea", idp: "company-directory", groups: ["finance"] });
    },
  },
  audit: { directory: join(work, "audit") },
});
// Pin the key while you trust the machine; a key found beside the record later proves less.
const pinnedKey = (await readFile(join(work, "audit", "signer.pub"), "utf8")).trim();

const session = await guard.openSession({
  principal: { id: "ada", type: "human", issuer: "https://login.example" },
  agent: { id: "refund-agent", version: "1.0.0" },
  purpose: "refund order 4711",
  ttl: "5m",
});

// Allowed: the key was on the wire, and personal data is not in the answer.
const invoice = await (await session.fetch(`${origin}/invoices/17`)).json();
console.log("The agent reads:", JSON.stringify(invoice));
assert.equal(invoice.cents, 4200);
assert.deepEqual(invoice.customer, {
  name: "[REDACTED:FIELD]",
  email: "[REDACTED:EMAIL]",
  iban: "[REDACTED:IBAN]",
});

// Needs a person: asked once, about exactly these bytes.
const refund = await session.fetch(`${origin}/refunds`, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ invoice: "17", cents: 4200 }),
});
assert.equal(refund.status, 200);
assert.equal(questions.length, 1);
console.log("A person was asked:", questions[0].http.method, questions[0].http.path, questions[0].http.body.preview);

// Not allowed: nothing leaves, and the model is told why in a sentence that is safe to show it.
const refused = await session
  .fetch(`${origin}/refunds`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ invoice: "17", cents: 420000 }),
  })
  .catch((error) => error);
assert.equal(refused.code, "NO_RULE");
assert.match(refused.toModelText(), /was not sent/);
console.log("The model is told:", refused.toModelText().replace(origin, "https://ledger.internal.example"));
assert.deepEqual(reached, ["GET /invoices/17", "POST /refunds"]);

await session.close();
await guard.close();
ledger.close();

const report = await verifyAudit(join(work, "audit"), { key: pinnedKey });
console.log("The record is:", report.verdict);
assert.equal(report.verdict, "COMPLETE");
await rm(work, { recursive: true });
