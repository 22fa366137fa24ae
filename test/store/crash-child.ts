import { randomUUID } from "node:crypto";
import { appendFileSync, writeSync } from "node:fs";
import { fileStore } from "../../src/store/index.js";
import { openingOf, SPENDING } from "./openings.js";

/**
 * Asks, says yes, takes the grant, "sends", and settles, for ever; says what has been acknowledged. Two of these race for the
 * same grants, and are killed from outside at any point.
 */
const [directory = "", sends = "", first = "0"] = process.argv.slice(2);
const { approvals } = fileStore(directory);
const say = (text: string): void => void writeSync(1, `${text}\n`);

say("ready");
for (let round = Number(first); ; round++) {
  const fingerprint = `gf2:${round}`;
  const at = Date.now();
  const opening = openingOf(randomUUID(), { fingerprint, createdAt: at, expiresAt: at + 3_600_000 });
  const { record } = await approvals.openOrJoin(fingerprint, opening);
  const by = { id: `ann-${process.pid}`, idp: "i" };
  const voted = await approvals.vote(record.id, { verdict: "approve", by, at: Date.now(), nonce: randomUUID() });
  if (voted?.votes.some((vote) => vote.by.id === by.id)) say(`yes ${record.id} ${by.id}`);
  const lease = { id: randomUUID(), at: Date.now(), expiresAt: Date.now() + 3_600_000, spending: SPENDING };
  if ((await approvals.reserve(record.id, fingerprint, lease)) !== "ok") continue;
  appendFileSync(sends, `${record.id}\n`);
  await approvals.settle(record.id, lease, "consumed");
  say(`used ${record.id}`);
}
