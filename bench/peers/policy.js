// `decide` beside other policy engines, on the same rules, in one run. `npm run bench:peers` builds, installs them and runs this.
import { compilePolicy } from "../../dist/policy/index.js";
import { bodyOf, CONTEXT, documentFor, postOf, refusedRequests, requestsFor, rulesFor } from "../support/policies.js";
import { singleCalls } from "../support/single-calls.js";
import { casbin, casl, caslRouted, cedarWasm, cel } from "./engines.js";

const sallyport = (count) => {
  const policy = compilePolicy(documentFor(count));
  return (request) => policy.decide(request, CONTEXT).effect === "allow";
};

/** The others get method and path as text and judge them as they are; ours starts from the URL and the header fields. */
async function enginesFor(count) {
  const rules = rulesFor(count);
  return {
    sallyport: sallyport(count),
    casbin: await casbin(rules),
    "cedar-wasm, parsed before": cedarWasm(rules),
    "CASL, the path as a condition": casl(rules),
    "CASL, routed by the host": caslRouted(rules),
    "cel-js, parsed before": cel(rules),
  };
}

/** A decision that differs would make the times meaningless. */
function mustAgree(engines, count) {
  const { allowed, denied } = requestsFor(count);
  const expected = [
    ...allowed.map((request) => [request, true]),
    ...[...denied, ...refusedRequests, postOf(bodyOf(501))].map((request) => [request, false]),
    [postOf(bodyOf(100)), true],
  ];
  for (const [name, allows] of Object.entries(engines))
    for (const [request, answer] of expected)
      if (allows(request) !== answer)
        throw new Error(`${name} with ${count} rules must answer ${answer} to ${request.method} ${request.path}`);
  console.log(`${count} rules: ${Object.keys(engines).length} engines agree on ${expected.length} requests`);
}

function measured(engines, requests, title) {
  const candidates = Object.entries(engines).map(([name, allows]) => {
    let turn = 0;
    return [name, () => allows(requests[turn++ % requests.length])];
  });
  const rows = singleCalls(Object.fromEntries(candidates));
  console.log(title);
  console.table(rows.map((row) => ({ ...row, "× ours": Number((row["p50 µs"] / rows[0]["p50 µs"]).toPrecision(3)) })));
}

for (const count of [20, 200, 5_000]) {
  const engines = await enginesFor(count);
  mustAgree(engines, count);
  measured(engines, requestsFor(count).allowed, `${count} rules, allowed, no body`);
  if (count === 200) measured(engines, [postOf(bodyOf(100))], "200 rules, a clause on a 4 KB JSON body");
}
