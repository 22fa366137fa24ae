import { createHmac } from "node:crypto";
import {
  CompactSign,
  exportJWK,
  FlattenedSign,
  generateKeyPair,
  importJWK,
  type JWK,
  type JWTPayload,
  SignJWT,
} from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { signApprovalToken, signDecision, type TokenContent, verifyApprovals } from "../../src/approval/index.js";
import { OptionsError } from "../../src/errors/guard-error.js";
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

  test("is refused where its header brings, names or hides the key, or says that the payload is something else", async () => {
    const { content, desk, request, refused } = await open();
    const good = await signApprovalToken(content(), key);
    const payload = JSON.parse(Buffer.from(good.split(".")[1] ?? "", "base64url").toString()) as JWTPayload;
    const header = { alg: "ES256", typ: "sallyport-approval+jwt", kid: "k1" };
    const signedBy = async (jwk: JWK, change: object, claims: JWTPayload = payload): Promise<string> =>
      new SignJWT(claims).setProtectedHeader({ ...header, ...change }).sign(await importJWK(jwk, "ES256"));
    // With the stranger's signature, whatever the header says about where its key is to be had.
    const jwk = publicPart(stranger);
    for (const change of [
      { jwk },
      { jku: "https://evil.example/keys" },
      { x5u: "https://evil.example/c" },
      { kid: "k2" },
    ]) {
      await refused(await signedBy(stranger, change));
    }
    // With the right signature: another kind of token, an extension nobody knows, a key that is not there.
    for (const change of [{ typ: "JWT" }, { typ: undefined }, { kid: "k2" }])
      await refused(await signedBy(key, change));
    const critical = await new CompactSign(Buffer.from(JSON.stringify(payload)))
      .setProtectedHeader({ ...header, crit: ["exp"], exp: 1 } as never)
      .sign(await importJWK(key, "ES256"), { crit: { exp: true } });
    await refused(critical);
    const unencoded = await new FlattenedSign(Buffer.from(JSON.stringify(payload)))
      .setProtectedHeader({ ...header, b64: false, crit: ["b64"] })
      .sign(await importJWK(key, "ES256"));
    await refused(`${unencoded.protected}.${good.split(".")[1]}.${unencoded.signature}`);
    await refused(`${unencoded.protected}.${JSON.stringify(payload)}.${unencoded.signature}`);
    const nested = await new CompactSign(Buffer.from(good))
      .setProtectedHeader({ ...header, cty: "JWT" })
      .sign(await importJWK(key, "ES256"));
    await refused(nested);
    for (const missing of ["exp", "iat", "jti", "sub", "iss", "aud", "approval", "fingerprint", "verdict"]) {
      const { [missing]: _, ...claims } = payload;
      await refused(await signedBy(key, {}, claims));
    }
    const soon = Math.floor(content().issuedAt / 1000) + 3_600;
    for (const change of [{ nbf: soon }, { iat: soon, exp: soon + 60 }, { iat: "now" }, { exp: "never" }, { jti: 1 }]) {
      await refused(await signedBy(key, {}, { ...payload, ...change } as never));
    }
    // A token is no proof of a decision, and a proof no token.
    const decision = decisionOn(request, "approve", BEA);
    const [head, , signature] = good.split(".");
    await refused({ ...decision, proof: `${head}..${signature}` });
    const [proofHead, , proofSignature] = ((await signDecision(decision, key)).proof ?? "").split(".");
    await refused(`${proofHead}.${Buffer.from(JSON.stringify(decision)).toString("base64url")}.${proofSignature}`);
    expect((await desk.decide(good)).state).toBe("approved");
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

test("a decision whose signature nothing is there to verify is refused, as a token is", async () => {
  const { desk, obtain, asked } = bench({ waitMs: 0 });
  await obtain();
  const decision = decisionOn(asked[0]!, "approve", BEA);
  for (const signed of [await signDecision(decision, stranger), { ...decision, proof: "a..b" }]) {
    await expect(desk.decide(signed)).rejects.toMatchObject({ code: "APPROVAL_UNAVAILABLE" });
  }
  expect((await desk.get(asked[0]!.id))?.state).toBe("pending");
  expect((await desk.decide(decision)).state).toBe("approved");
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
