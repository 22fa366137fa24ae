import { createHmac } from "node:crypto";
import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { signApprovalToken, signDecision, type TokenContent, verifyApprovals } from "../../src/approval/index.js";
import { OptionsError } from "../../src/errors.js";
import { memoryStore } from "../../src/store/index.js";
import { ANN, bench, decisionOn, draftOf } from "./support.js";

const ISSUER = "https://approvals.example";
const BEA = { id: "bea", idp: ISSUER };

let key: JWK;
let stranger: JWK;
const publicPart = ({ d: _, ...rest }: JWK): JWK => rest;

beforeAll(async () => {
  const make = async (kid: string): Promise<JWK> => {
    const { privateKey } = await generateKeyPair("ES256", { extractable: true });
    return { ...(await exportJWK(privateKey)), alg: "ES256", kid };
  };
  [key, stranger] = await Promise.all([make("k1"), make("k1")]);
});

const open = async () => {
  const one = bench({ waitMs: 0, verify: { issuer: ISSUER, keys: [publicPart(key)] } });
  await one.obtain();
  const request = one.asked[0]!;
  const content = (change: Partial<TokenContent> = {}): TokenContent => ({
    approvalId: request.id,
    fingerprint: request.fingerprint,
    verdict: "approve",
    by: BEA,
    nonce: "n1",
    issuedAt: one.clock.now(),
    expiresAt: one.clock.now() + 60_000,
    ...change,
  });
  const refused = async (token: unknown, code = "APPROVAL_UNAVAILABLE") => {
    await expect(one.desk.decide(token as string)).rejects.toMatchObject({ code });
    expect((await one.desk.get(request.id))?.state).toBe("pending");
  };
  return { ...one, request, content, refused };
};

describe("a one-time token", () => {
  test("decides once: the same one again changes nothing, and after the use it is refused", async () => {
    const { desk, content, obtain } = await open();
    const token = await signApprovalToken(content({ reason: "checked with finance" }), key);
    const record = await desk.decide(token);
    expect(record).toMatchObject({ state: "approved", decidedBy: BEA, reason: "checked with finance" });
    expect((await desk.decide(token)).votes).toHaveLength(1);
    expect(await obtain()).toBe("sent");
    await expect(desk.decide(token)).rejects.toMatchObject({ code: "APPROVAL_CONSUMED" });
    expect(await obtain()).toBe("APPROVAL_PENDING");
    await expect(desk.decide(token)).rejects.toMatchObject({ code: "APPROVAL_CONSUMED" });
  });

  test("16: is refused for another question, another agent and another fingerprint", async () => {
    const { obtain, asked, content, refused } = await open();
    await obtain(draftOf({ subject: { tenant: "acme", agent: "other-bot", onBehalfOf: "u1" } }));
    const other = asked[1]!;
    await refused(await signApprovalToken(content({ fingerprint: other.fingerprint }), key), "APPROVAL_MISMATCH");
    await refused(await signApprovalToken(content({ approvalId: other.id }), key), "APPROVAL_MISMATCH");
    await refused(await signApprovalToken(content({ approvalId: "ap_none" }), key), "APPROVAL_MISMATCH");
  });

  test("is refused when it has expired, is not yet good, or is good for longer than any question", async () => {
    const { clock, content, refused } = await open();
    const now = clock.now();
    await refused(await signApprovalToken(content({ issuedAt: now - 60_000, expiresAt: now - 10_000 }), key));
    await refused(await signApprovalToken(content({ issuedAt: now + 3_600_000, expiresAt: now + 7_200_000 }), key));
    await refused(await signApprovalToken(content({ issuedAt: now - 40 * 86_400_000, expiresAt: now + 60_000 }), key));
  });

  test("is refused from a stranger's key, another issuer or for another audience", async () => {
    const { content, refused } = await open();
    await refused(await signApprovalToken(content(), stranger));
    await refused(await signApprovalToken(content({ by: { id: "bea", idp: "https://evil.example" } }), key));
    await refused(await signApprovalToken(content({ audience: "elsewhere" }), key));
  });

  test("is refused under any other algorithm: none, and HMAC with the public key as the secret", async () => {
    const { content, refused, clock } = await open();
    const good = await signApprovalToken(content(), key);
    const [, payload = "", signature = ""] = good.split(".");
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const typ = "sallyport-approval+jwt";
    for (const alg of ["none", "NONE", "", "HS256", "ES384", "RS256"]) {
      await refused(`${encode({ alg, typ })}.${payload}.${signature}`);
      await refused(`${encode({ alg, typ })}.${payload}.`);
    }
    for (const secret of [JSON.stringify(publicPart(key)), key.x ?? "", Buffer.from(key.x ?? "", "base64url")]) {
      const head = encode({ alg: "HS256", typ });
      const mac = createHmac("sha256", secret).update(`${head}.${payload}`).digest("base64url");
      await refused(`${head}.${payload}.${mac}`);
    }
    // An ordinary token of the same issuer, such as an access token, is no answer.
    const now = Math.floor(clock.now() / 1000);
    const { importJWK } = await import("jose");
    const access = await new SignJWT({ approval: "x", verdict: "approve" })
      .setProtectedHeader({ alg: "ES256", typ: "at+jwt" })
      .setIssuer(ISSUER)
      .setAudience("sallyport")
      .setSubject("bea")
      .setJti("1")
      .setIssuedAt(now)
      .setExpirationTime(now + 60)
      .sign(await importJWK(key));
    await refused(access);
  });

  test("is refused when it is cut, changed, doubled, huge or not a token", async () => {
    const { content, refused } = await open();
    const good = await signApprovalToken(content({ verdict: "deny" }), key);
    const [header, payload = "", signature] = good.split(".");
    const yes = Buffer.from(Buffer.from(payload, "base64url").toString().replace("deny", "approve")).toString(
      "base64url",
    );
    for (const bad of [
      ...[`${header}.${yes}.${signature}`, good.slice(0, -10), `${good}.${good}`, "", ".", "..", "x".repeat(20_000)],
      ...["null", "{}", `${header}.${payload}`],
    ]) {
      await refused(bad);
    }
  });

  test("with a shared secret works the same, and only with that", async () => {
    const secret = new TextEncoder().encode("a shared secret of more than 32 bytes");
    const { desk, obtain, asked, clock } = bench({ waitMs: 0, verify: verifyApprovals({ issuer: ISSUER, secret }) });
    await obtain();
    const { id: approvalId, fingerprint } = asked[0]!;
    const terms = { issuedAt: clock.now(), expiresAt: clock.now() + 60_000, by: BEA, verdict: "approve" as const };
    const content = { approvalId, fingerprint, nonce: "1", ...terms };
    await expect(desk.decide(await signApprovalToken(content, new Uint8Array(40)))).rejects.toThrow();
    await expect(desk.decide(await signApprovalToken(content, key))).rejects.toThrow();
    expect((await desk.decide(await signApprovalToken(content, secret))).state).toBe("approved");
  });

  test("is refused where nothing is there to verify it with", async () => {
    const { desk, obtain } = bench({ waitMs: 0, store: memoryStore().approvals });
    await obtain();
    await expect(desk.decide("a.b.c")).rejects.toMatchObject({ code: "APPROVAL_UNAVAILABLE" });
  });
});

describe("a decision from outside, where decisions must be proved,", () => {
  test("53: counts with a proof over all of it, and with nothing else", async () => {
    const { desk, request, refused } = await open();
    const decision = decisionOn(request, "approve", BEA);
    await refused(decision);
    const signed = await signDecision(decision, key);
    for (const change of [
      { verdict: "deny" },
      { by: { ...BEA, id: "ann" } },
      { by: { ...BEA, groups: ["sec"] } },
      { reason: "x" },
      { nonce: "other" },
      { grant: { uses: 1, ttlMs: 1 } },
      { emergency: true, reason: "x" },
      { proof: `${signed.proof}x` },
      { proof: "a..b" },
      { proof: "" },
    ]) {
      await refused({ ...signed, ...change });
    }
    await refused(await signDecision(decision, stranger));
    // Signed by somebody who does not speak for Ann's directory.
    await refused(await signDecision(decisionOn(request, "approve", ANN), key));
    expect((await desk.decide(signed)).state).toBe("approved");
  });
});

test("wrong options are refused, all at once", () => {
  const problems = (options: object): string[] => {
    try {
      verifyApprovals(options as never);
      return [];
    } catch (error) {
      return (error as OptionsError).problems.map(({ pointer }) => pointer);
    }
  };
  expect(problems({ issuer: "", secret: "short", other: 1, audience: "" })).toEqual([
    ...["/other", "/issuer", "/audience", "/secret"],
  ]);
  expect(problems({ issuer: ISSUER })).toEqual([""]);
  expect(problems({ issuer: ISSUER, keys: [key, { ...publicPart(key), alg: "HS256" }] })).toEqual([
    ...["/keys/0", "/keys/1/alg"],
  ]);
  expect(() => bench({ verify: { issuer: "" } as never })).toThrow(OptionsError);
});
