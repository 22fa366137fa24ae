import { fileStore } from "../../src/store/index.js";
import { openingOf, START } from "./openings.js";

/** Fills a store until its history is written anew, beside Node's permission model, and prints what there is then. */
const store = fileStore(process.argv[2] ?? "", { maxApprovals: 3 });
const preview = "x".repeat(16_000);
for (let round = 0; round < 100; round++) {
  const id = `a${round}`;
  const opening = openingOf(id, { fingerprint: id });
  const { http } = opening;
  await store.approvals.openOrJoin(id, { ...opening, http: { ...http, body: { ...http.body, preview } } });
  await store.approvals.vote(id, { verdict: "deny", by: { id: "ann", idp: "i" }, at: START - 3_600_000, nonce: "n" });
}
console.log((await store.approvals.list()).map(({ id, state }) => `${id} ${state}`).join());
await store.close();
