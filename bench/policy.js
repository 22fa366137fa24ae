// `decide` at three sizes of policy, with a body clause and with GraphQL, and the time to load. Run after `npm run build`.
// node bench/policy.js
import { compilePolicy } from "../dist/policy/index.js";
import { bodyOf, CONTEXT, documentFor, postOf, queryOf, requestsFor, TRACKER } from "./support/policies.js";
import { singleCalls } from "./support/single-calls.js";

/** A call that decides the next of these requests, each of which must come out so. */
function deciding(policy, requests, effect) {
  for (const request of requests) {
    const decision = policy.decide(request, CONTEXT);
    if (decision.effect !== effect) throw new Error(`${request.url} must be ${effect}, and is ${decision.code}`);
  }
  let turn = 0;
  return () => policy.decide(requests[turn++ % requests.length], CONTEXT);
}

const candidates = {};
for (const count of [20, 200, 5_000]) {
  const policy = compilePolicy(documentFor(count));
  const { allowed, denied } = requestsFor(count);
  candidates[`${count} rules, allowed, no body`] = deciding(policy, allowed, "allow");
  candidates[`${count} rules, denied with its explanation`] = deciding(policy, denied, "deny");
}
const body = bodyOf(100);
const policy = compilePolicy(documentFor(200));
candidates[`200 rules, clause on a ${body.length} byte JSON body`] = deciding(policy, [postOf(body)], "allow");
const tracker = compilePolicy(TRACKER);
candidates["a small GraphQL query, the same text each time"] = deciding(tracker, [queryOf(0)], "allow");
const others = Array.from({ length: 5_000 }, (_, turn) => queryOf(turn));
candidates["a small GraphQL query, another text each time"] = deciding(tracker, others, "allow");
console.table(singleCalls(candidates));

const document = documentFor(1_000);
const loads = Array.from({ length: 15 }, () => {
  const start = performance.now();
  compilePolicy(document);
  return performance.now() - start;
}).sort((a, b) => a - b);
console.log(`1,000 rules load in ${loads[7].toFixed(1)} ms (median of 15; the slowest ${loads.at(-1)?.toFixed(1)} ms)`);
