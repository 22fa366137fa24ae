// MB per second of CPU time through the masker, next to the ways without a stream. Compare the ratios, not the figures.
import { createMasker } from "../dist/masking/index.js";

const rows = Array.from({ length: 12_000 }, (_, i) => ({
  id: 100_000 + i,
  uuid: `550e8400-e29b-41d4-a716-4466554400${10 + (i % 90)}`,
  name: `Customer number ${i}`,
  status: i % 2 === 0 ? "active" : "closed",
  created_at: `2026-01-1${i % 10}T12:30:4${i % 10}Z`,
  amount: i * 13.37,
  tags: ["alpha", "beta", "gamma_delta"],
  note: "The quick brown fox jumps over the lazy dog, and nothing here is secret at all.",
  nested: { a: true, b: null, score: 0.4111111111111111, url: `https://example.com/path/to/thing?x=${i}` },
}));
const sensitive = (row, i) => ({
  ...row,
  email: `user${i}@example.com`,
  card: "4111111111111111",
  ip: `192.168.1.${i % 255}`,
});
const bytes = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
const clean = bytes(rows);
const dense = bytes(rows.map(sensitive));
const events = bytes(rows.map((row) => `data: ${JSON.stringify(row)}\n\n`).join(""));
const text = bytes(rows.map(({ note, name, created_at }) => `${note} ${name} at ${created_at}.\n`).join(""));

/** Best of seven, in CPU time, so that a busy machine does not count. */
function report(name, input, work) {
  let best = 0;
  for (let round = 0; round < 7; round++) {
    const before = process.cpuUsage();
    work(input);
    const { user, system } = process.cpuUsage(before);
    best = Math.max(best, input.length / (user + system));
  }
  process.stdout.write(`${name.padEnd(44)} ${best.toFixed(0).padStart(5)} MB/s\n`);
}

const masker = createMasker();
const stream =
  (contentType, size, further = {}) =>
  (input) => {
    const pass = masker.open({ contentType, ...further });
    for (let at = 0; at < input.length; at += size) pass.push(input.subarray(at, at + size));
    pass.flush();
  };
const KiB = 1024;
const paths = ["/*/customer/email", "/items/*/card", "**/password", "/*/nested/secret"];

report("clean JSON, 64 KiB chunks", clean, stream("application/json", 64 * KiB));
report("clean JSON, 64 KiB chunks, four paths", clean, stream("application/json", 64 * KiB, { paths }));
report(
  "clean JSON, 64 KiB chunks, a known secret",
  clean,
  stream("application/json", 64 * KiB, { secrets: ["a-live-credential-0123456789"] }),
);
report("clean JSON, 1 KiB chunks", clean, stream("application/json", KiB));
report("three findings per row, 64 KiB chunks", dense, stream("application/json", 64 * KiB));
report("events, 1 KiB chunks", events, stream("text/event-stream", KiB));
report("text, 64 KiB chunks", text, stream("text/plain", 64 * KiB));

report("JSON.parse alone", clean, (input) => JSON.parse(input.toString()));
const PATTERN =
  /[a-z0-9._%+-]+@[a-z0-9.-]+\.[a-z]{2,}|\b(?:\d[ -]?){13,19}\b|\b\d{3}-\d{2}-\d{4}\b|sk_live_\w+|ghp_\w{36}/gi;
const walk = (value) => {
  if (typeof value === "string") return value.replace(PATTERN, "[REDACTED]");
  if (Array.isArray(value)) return value.map(walk);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, walk(inner)]));
};
report("parse, walk, one pattern of five, stringify", clean, (input) =>
  Buffer.from(JSON.stringify(walk(JSON.parse(input.toString())))),
);
