// `decide` at three sizes of policy, with and without a body clause, and the time to load. Run after `npm run build`.
// node bench/policy.js
import { compilePolicy } from "../dist/policy/index.js";

const context = {
  principal: { id: "ada", type: "human", groups: ["support"] },
  agent: { id: "bench" },
  session: { id: "s", purpose: "benchmark", startedAt: 0, expiresAt: 3_600_000 },
  now: 1,
};

/** A policy of so many rules over so many resources; every tenth rule is a deny. */
const documentWith = (count) => ({
  version: 1,
  services: { crm: { origins: ["https://crm.internal.example"] } },
  rules: Array.from({ length: count }, (_, index) => ({
    id: `rule-${index}`,
    effect: index % 10 === 9 ? "deny" : "allow",
    service: "crm",
    methods: index % 3 === 0 ? ["GET"] : ["GET", "POST"],
    path: index % 10 === 9 ? `/api/v1/closed-${index}/**` : `/api/v1/resource-${index}/{id}`,
    ...(index === 1 ? { body: { "/amount": { gte: 0, lte: 500 }, "/currency": ["EUR", "USD"] } } : {}),
  })),
});

const BODY = JSON.stringify({
  amount: 100,
  currency: "EUR",
  lines: Array.from({ length: 60 }, (_, id) => ({
    id,
    sku: `A-${1000 + id}`,
    quantity: 2,
    note: "as agreed by phone",
  })),
});

/** Median and 99th percentile of one call in microseconds, over many short batches. */
function measure(call) {
  const batch = 50;
  for (let i = 0; i < 20_000; i++) call();
  const taken = [];
  for (let round = 0; round < 2_000; round++) {
    const start = performance.now();
    for (let i = 0; i < batch; i++) call();
    taken.push(((performance.now() - start) * 1000) / batch);
  }
  taken.sort((a, b) => a - b);
  const at = (share) => Number(taken[Math.floor(taken.length * share)].toFixed(2));
  return { "p50 µs": at(0.5), "p99 µs": at(0.99) };
}

const rows = [];
for (const count of [20, 200, 5_000]) {
  const policy = compilePolicy(documentWith(count));
  const requests = Array.from({ length: 64 }, (_, i) => ({
    method: "GET",
    url: `https://crm.internal.example/api/v1/resource-${(Math.floor((i * count) / 64 / 10) * 10 + 2) % count}/${i}`,
    headers: { accept: "application/json" },
  }));
  let turn = 0;
  const decideNext = (changes) => () => policy.decide({ ...requests[turn++ & 63], ...changes }, context);
  for (const _ of requests)
    if (decideNext({})().effect !== "allow") throw new Error("the benchmark must measure an allow");
  rows.push({ name: `${count} rules, allowed, no body`, ...measure(decideNext({})) });
  rows.push({ name: `${count} rules, denied with its explanation`, ...measure(decideNext({ method: "DELETE" })) });
}
const policy = compilePolicy(documentWith(200));
const post = {
  method: "POST",
  url: "https://crm.internal.example/api/v1/resource-1/42",
  headers: { "content-type": "application/json" },
  body: new TextEncoder().encode(BODY),
};
if (policy.decide(post, context).effect !== "allow") throw new Error("the benchmark must measure an allow");
rows.push({
  name: `200 rules, clause on a ${BODY.length} byte JSON body`,
  ...measure(() => policy.decide(post, context)),
});
console.table(rows);

const document = documentWith(1_000);
const loads = Array.from({ length: 15 }, () => {
  const start = performance.now();
  compilePolicy(document);
  return performance.now() - start;
}).sort((a, b) => a - b);
console.log(`1,000 rules load in ${loads[7].toFixed(1)} ms (median of 15; the slowest ${loads.at(-1)?.toFixed(1)} ms)`);
