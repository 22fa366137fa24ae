// The masker beside others, on the same cases and the same body, in one run. `npm run bench:peers-masking` builds, installs
// them and runs this.
import { readFileSync } from "node:fs";
import { BODIES, MASKERS } from "./maskers.js";

const cases = JSON.parse(readFileSync(new URL("../../test/cases/masking.json", import.meta.url), "utf8"))
  .filter(({ strength, kind }) => strength === "strong" && kind !== "url")
  .map(({ text64, ...rest }) => ({ ...rest, text: Buffer.from(text64, "base64").toString("utf8") }));
const PERSONAL =
  /^(?:au|ca|de|es|fi|in|it|kr|pl|se|sg|th|tr|uk|us|za)_|^(?:credit_card|crypto_wallet|email|iban|ip|mac_address|phone)$/;

/** What the maskers put in. Its letters are not those of a value. */
const PLACEHOLDER = /\[[A-Z][A-Za-z0-9_:]*\]/g;

const times = (run, text) => text.split(run).length - 1;

/** Whether six characters in a row of a span, or all of a shorter one, are left: more often than they stand elsewhere in the text. */
function isLeft({ text, spans }, masked) {
  let elsewhere = "";
  let at = 0;
  for (const [start, end] of spans.toSorted((one, other) => one[0] - other[0])) {
    elsewhere += `${text.slice(at, start)}\0`;
    at = end;
  }
  elsewhere += text.slice(at);
  const rest = masked.replace(PLACEHOLDER, "\0");
  return spans.some(([start, end]) => {
    const length = Math.min(6, end - start);
    for (let i = start; i + length <= end; i++) {
      const run = text.slice(i, i + length);
      if (times(run, rest) > times(run, elsewhere)) return true;
    }
    return false;
  });
}

const percent = (count, all) => `${((100 * count) / all).toFixed(1)} %`;

async function scored(mask, which) {
  const positives = which.filter(({ positive }) => positive);
  const negatives = which.filter(({ positive }) => !positive);
  let found = 0;
  let altered = 0;
  for (const one of positives) if (!isLeft(one, await mask(one.text, one.region))) found++;
  for (const { text, region } of negatives) if ((await mask(text, region)) !== text) altered++;
  return [percent(found, positives.length), percent(altered, negatives.length)];
}

const recall = {};
const sets = [cases.filter(({ kind }) => PERSONAL.test(kind)), cases.filter(({ kind }) => !PERSONAL.test(kind))];
for (const [name, mask] of Object.entries(MASKERS)) {
  const [personal, secrets] = [await scored(mask, sets[0]), await scored(mask, sets[1])];
  recall[name] = {
    "personal data found": personal[0],
    "look-alikes altered": personal[1],
    "secrets found": secrets[0],
    "their look-alikes altered": secrets[1],
  };
}
console.table(recall);

const body = Buffer.from(
  JSON.stringify(
    Array.from({ length: 1000 }, (_, i) => ({
      id: 100_000 + i,
      uuid: `550e8400-e29b-41d4-a716-4466554400${10 + (i % 90)}`,
      name: `Customer number ${i}`,
      created_at: `2026-01-1${i % 10}T12:30:4${i % 10}Z`,
      note: "The quick brown fox jumps over the lazy dog, and nothing here is secret at all.",
      nested: { score: 0.4111, url: `https://example.com/path/to/thing?x=${i}` },
      ...(i % 20 === 0 ? { email: `user${i}@firm.example`, card: "4111111111111111" } : {}),
    })),
  ),
);

/** Best of several, in CPU time, so that a busy machine does not count; a slow one is not asked often. */
async function rate(mask) {
  let best = 0;
  for (let round = 0, spent = 0; round < 200 && spent < 3e6; round++) {
    const before = process.cpuUsage();
    await mask(body);
    const { user, system } = process.cpuUsage(before);
    spent += user + system;
    best = Math.max(best, body.length / (user + system));
  }
  return best;
}

const speed = {};
for (const [name, mask] of Object.entries(BODIES)) {
  const best = await rate(mask);
  speed[name] = { "MB/s": Number(best.toPrecision(2)) };
}
console.log(`a JSON body of ${(body.length / 1024).toFixed(0)} KiB`);
console.table(speed);
