import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Attacker } from "./attacker.js";
import { audit } from "./run-command.js";
import {
  completed,
  DECISION,
  denied,
  HTTP,
  intent,
  OPENING,
  type Opened,
  openedLog,
  temporaryDirectory,
  testSigner,
} from "./support.js";

async function closedLog(): Promise<Opened> {
  const opened = await openedLog();
  opened.session.append(intent("r1"));
  opened.session.append(completed("r1"));
  opened.session.append(denied("r2"));
  await opened.log.close();
  return opened;
}

test("verify names the verdict, the key and every log, and exits with the verdict's code", async () => {
  const { directory, log, signer } = await closedLog();
  const { out, code } = await audit("verify", directory, "--key", signer.verifierKey);
  expect(code).toBe(0);
  expect(out).toMatch(/^COMPLETE {2}/);
  expect(out).toContain(`key ${signer.verifierKey.split("+").slice(0, 2).join("+")}, given by you`);
  expect(out).toContain(`sallyport/${log.writer}/s1`);
});

test("the key may stand in a file, or be the one in the directory, which is said to prove less", async () => {
  const { directory, signer } = await closedLog();
  const file = join(temporaryDirectory(), "key");
  writeFileSync(file, `${signer.verifierKey}\n`);
  expect((await audit("verify", directory, "--key", file)).code).toBe(0);
  writeFileSync(join(directory, "signer.pub"), `${signer.verifierKey}\n`);
  const { out, code } = await audit("verify", directory);
  expect(code).toBe(0);
  expect(out).toContain("pin it elsewhere");
});

test("a wrong key, a missing key file, damage, a cut log and an empty directory have codes of their own", async () => {
  const { directory, segment, ledger, signer } = await closedLog();
  expect((await audit("verify", directory, "--key", testSigner().verifierKey)).code).toBe(2);
  expect((await audit("verify", directory, "--key", "/nowhere")).code).toBe(2);
  expect((await audit("verify", directory)).code).toBe(2);
  expect((await audit("verify", temporaryDirectory())).code).toBe(5);
  const attacker = new Attacker(ledger);
  attacker.lines.splice(4);
  attacker.save();
  expect((await audit("verify", directory, "--key", signer.verifierKey)).code).toBe(3);
  const session = new Attacker(segment);
  session.edit(2, (line) => line.replace("r1", "r9"));
  session.save();
  const { out, code } = await audit("verify", directory, "--key", signer.verifierKey);
  expect(code).toBe(1);
  expect(out).toContain("000000.jsonl seq 2: the line was changed");
});

test("verify --json prints the report", async () => {
  const { directory, signer } = await closedLog();
  const { out } = await audit("verify", directory, "--key", signer.verifierKey, "--json");
  expect(JSON.parse(out)).toMatchObject({
    verdict: "COMPLETE",
    exitCode: 0,
    logs: [{ verdict: "COMPLETE" }, { verdict: "COMPLETE" }],
  });
});

test("show tells who did what, in order", async () => {
  const { directory } = await closedLog();
  const { out, code } = await audit("show", directory);
  expect(code).toBe(0);
  expect(out).toContain("ada (human) through billing-bot");
  const order = ["session.opened", "request.intent", "request.completed", "request.denied", "session.closed"];
  expect(order.map((type) => out.indexOf(type))).toEqual(order.map((type) => out.indexOf(type)).sort((a, b) => a - b));
  expect(out).toContain("GET https://crm.example/api/v1/accounts/42 -> 200");
  expect(out).toContain("deny (read-accounts, RULE_DENY)");
});

test("show of one session shows no other, and of an unknown one exits with 1", async () => {
  const opened = await openedLog();
  opened.log.openSession({ ...OPENING, id: "s2" });
  const { out } = await audit("show", opened.directory, "s2");
  expect(out).toContain("/s2");
  expect(out).not.toContain("/s1");
  expect((await audit("show", opened.directory, "s3")).code).toBe(1);
});

test("show --json prints one event per line", async () => {
  const { directory } = await closedLog();
  const { out } = await audit("show", directory, "s1", "--json");
  const events = out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { type: string });
  expect(events.map(({ type }) => type).slice(0, 3)).toEqual(["session.opened", "log.checkpoint", "request.intent"]);
});

test("57: control, format and separator characters do nothing in a terminal, from the writer or from a forger", async () => {
  const evil = "\u001b[2J\u009b31m\u202e\u2028\u200d\r\n</script>\u0007";
  const { directory, session, segment, log } = await openedLog();
  session.append({
    ...denied("r1"),
    http: { ...HTTP, url: `https://h/${evil}` },
    decision: { ...DECISION, code: evil, rule: evil },
  });
  appendFileSync(
    segment,
    `${JSON.stringify({ type: evil, time: evil, http: { method: evil, url: evil }, reason: evil })}\n`,
  );
  appendFileSync(segment, `${evil}\n`);
  appendFileSync(segment, evil);
  await log.close().catch(() => {});
  for (const args of [
    ["show", directory],
    ["show", directory, "--json"],
    ["verify", directory],
    ["verify", directory, "--json"],
  ]) {
    const { out } = await audit(...args);
    expect(out.length).toBeGreaterThan(100);
    expect(out.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
  }
  const shown = (await audit("show", directory)).out.trimEnd().split("\n");
  expect(shown.every((line) => /^(sallyport\/| {2})/.test(line))).toBe(true);
});

test("show survives what is no log at all", async () => {
  const { directory, segment } = await closedLog();
  const nested = `{"type":"x","http":${"[".repeat(32_000)}${"]".repeat(32_000)}}`;
  writeFileSync(
    segment,
    `null\n[]\n\0\n${nested}\n{"http":1,"decision":[],"mask":{"counts":7}}\n${"x".repeat(200_000)}`,
  );
  for (const args of [
    ["show", directory],
    ["show", directory, "--json"],
  ]) {
    const { out, code } = await audit(...args);
    expect(code).toBe(0);
    expect(out).toContain("is no JSON object");
  }
});
