import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type AuditEvent, openAuditLog } from "../../src/audit/index.js";
import { audit } from "./run-command.js";
import { intent, OPENING, temporaryDirectory } from "./support.js";

/** A closed record, signed by the key beside it, with a body beside its second line. */
async function closedRecord(): Promise<{ readonly directory: string; readonly key: string }> {
  const directory = temporaryDirectory();
  const log = await openAuditLog({ directory, warn: () => {} });
  const session = log.openSession(OPENING);
  const content = Buffer.from("sensitive words ".repeat(1000));
  const kept = session.bodies.keep(content) ?? {};
  const body = { level: "request" as const, bytes: content.length, ...kept };
  session.append({ ...intent("r1"), req_body: body } as AuditEvent);
  await log.close();
  return { directory, key: readFileSync(join(directory, "signer.pub"), "utf8").trim() };
}

const proofFile = (text: string): string => {
  const file = join(temporaryDirectory(), "proof.json");
  writeFileSync(file, text);
  return file;
};

const WHY = ["--reason", "the customer asked for it", "--by", "dpo@acme.example"] as const;

test("prove prints what check-proof believes, under the key that signed and for that line only", async () => {
  const { directory, key } = await closedRecord();
  const { out, code } = await audit("prove", directory, "s1", "2");
  expect(code).toBeUndefined();
  expect(await audit("check-proof", proofFile(out), "--key", key)).toEqual({
    out: "The line is in the signed log.\n",
    code: 0,
  });
  const { line } = JSON.parse(out) as { readonly line: string };
  const altered = out.replace(JSON.stringify(line), JSON.stringify(line.replace("r1", "r9")));
  expect(altered).not.toBe(out);
  expect((await audit("check-proof", proofFile(altered), "--key", key)).code).toBe(1);
  const stranger = await closedRecord();
  expect((await audit("check-proof", proofFile(out), "--key", stranger.key)).code).toBe(1);
});

test.each([
  ["no JSON", "what?"],
  ["JSON of something else", "null"],
  ["a proof of the wrong types", '{"line":1,"proof":[]}'],
])("check-proof says of %s that it proves nothing", async (_what, text) => {
  const { key } = await closedRecord();
  expect(await audit("check-proof", proofFile(text), "--key", key)).toEqual({ out: "This proves nothing.\n", code: 1 });
});

test("check-proof says the same of a file that is not there, and of a key that is none", async () => {
  const { directory, key } = await closedRecord();
  expect((await audit("check-proof", join(directory, "nothing"), "--key", key)).code).toBe(1);
  const { out } = await audit("prove", directory, "s1", "2");
  expect((await audit("check-proof", proofFile(out), "--key", "no key")).code).toBe(1);
});

test.each([
  ["a session that is not there", ["s2", "2"]],
  ["a line that is not there", ["s1", "99"]],
  ["a number that is none", ["s1", "two"]],
  ["a way out of the directory", ["../s1", "2"]],
])("prove refuses %s in a sentence, and exits with 1", async (_what, [session = "", seq = ""]) => {
  const { directory } = await closedRecord();
  const { out, code } = await audit("prove", directory, session, seq);
  expect(code).toBe(1);
  expect(out).toMatch(/^[^\n{]+\n$/);
});

test("erase removes the body of a line, and the record stays complete", async () => {
  const { directory, key } = await closedRecord();
  expect(await audit("erase", directory, "s1", "2", ...WHY)).toEqual({ out: "1 bodies erased.\n", code: undefined });
  expect((await audit("verify", directory, "--key", key)).code).toBe(0);
  expect((await audit("erase", directory, "s1", "99", ...WHY)).code).toBe(1);
});

test("prune removes sessions that ended before the date, and none for a date that is none", async () => {
  const { directory, key } = await closedRecord();
  const kept = readdirSync(directory, { recursive: true }).length;
  expect(await audit("prune", directory, "--before", "soon", ...WHY)).toEqual({
    out: "--before is no date\n",
    code: 1,
  });
  expect((await audit("prune", directory, "--before", "2000-01-01", ...WHY)).out).toBe("0 sessions removed.\n");
  expect(readdirSync(directory, { recursive: true }).length).toBeGreaterThanOrEqual(kept);
  expect((await audit("prune", directory, "--before", "2100-01-01", ...WHY)).out).toBe("1 sessions removed.\n");
  expect((await audit("verify", directory, "--key", key)).code).toBe(0);
  expect((await audit("prove", directory, "s1", "2")).code).toBe(1);
});
