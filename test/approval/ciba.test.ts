import { describe, expect, test } from "vitest";
import { approveByCiba, type CibaOptions } from "../../src/approval/index.js";
import type { OptionsError } from "../../src/errors/guard-error.js";
import { startCibaProvider } from "../support/ciba-provider.js";
import { bench, draftOf, settled } from "./support.js";

const answered = async (options: CibaOptions, change: Parameters<typeof bench>[0] = {}) => {
  const one = bench({ waitMs: 20_000, ...change }, approveByCiba(options));
  return { ...one, result: await one.obtain() };
};

describe("a question on a person's device", () => {
  test("40: is answered by whom the provider proves, and shows the beginning of the fingerprint", async () => {
    const { options, shown, issuer } = await startCibaProvider("yes");
    const { result, desk, asked } = await answered({ ...options, acr: "mfa" });
    expect(result).toBe("sent");
    expect(shown).toEqual([{ bindingMessage: `gf2-${asked[0]!.fingerprint.slice(4, 20)}`, hint: "bea" }]);
    const [record] = await desk.list();
    expect(record).toMatchObject({ state: "consumed", decidedBy: { id: "bea", idp: issuer, acr: "mfa" } });
    expect(record?.decidedBy?.authTime).toBe("2026-01-15T12:00:00.000Z");
  });

  test("that says no there is a no", async () => {
    const { options, issuer } = await startCibaProvider("no");
    const { result, desk } = await answered(options);
    expect(result).toBe("APPROVAL_DENIED");
    expect((await desk.list())[0]?.decidedBy).toEqual({ id: "bea", idp: issuer });
  });

  test("that says no is a no also where a group decides, since the provider does not say who refused; nobody is asked again", async () => {
    const { options, shown } = await startCibaProvider("no");
    const one = bench({ waitMs: 20_000 }, approveByCiba(options));
    const draft = draftOf({ approvers: ["group:finance"] });
    expect(await one.obtain(draft)).toBe("APPROVAL_DENIED");
    expect(await one.obtain(draft)).toBe("APPROVAL_DENIED");
    expect((await one.desk.list())[0]?.state).toBe("denied");
    expect(shown).toHaveLength(1);
  });

  test("a no of a callback that names somebody who may not decide is still none", async () => {
    const one = bench({ waitMs: 20_000 }, async (_request, control) => control.deny({ id: "eve", idp: "x" }));
    expect(await one.obtain(draftOf({ approvers: ["group:finance"] }))).toBe("APPROVAL_UNAVAILABLE");
  });

  test("36: the person the agent acts for cannot answer for themselves", async () => {
    const { options } = await startCibaProvider("yes");
    const { result, desk } = await answered({ ...options, loginHint: () => "u1" });
    expect(result).toBe("APPROVAL_UNAVAILABLE");
    expect((await desk.list())[0]?.state).toBe("pending");
  });

  test("a group counts that the provider vouches for", async () => {
    const { options } = await startCibaProvider("yes");
    const one = bench({ waitMs: 20_000 }, approveByCiba(options));
    expect(await one.obtain(draftOf({ approvers: ["group:finance"] }))).toBe("sent");
    expect(await one.obtain(draftOf({ approvers: ["group:board"] }, "{}"))).toBe("APPROVAL_UNAVAILABLE");
  });

  test("a weaker proof than is asked for, an unknown person and a provider that is away approve nothing", async () => {
    const { options } = await startCibaProvider("yes");
    for (const change of [
      { acr: "hardware" },
      { loginHint: () => "nobody" },
      { clientId: "other" },
      { issuer: "http://127.0.0.1:9" },
    ]) {
      const { result, desk } = await answered({ ...options, ...change });
      expect(result).toBe("APPROVAL_UNAVAILABLE");
      expect((await desk.list())[0]).toMatchObject({ state: "pending", votes: [] });
    }
  });

  test("is given up when it no longer stands", async () => {
    const { options, shown } = await startCibaProvider("never");
    const one = bench({ waitMs: 0 }, approveByCiba(options));
    await one.obtain();
    while (shown.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await one.desk.cancel(one.asked[0]!.id, { id: "ben", idp: "x" });
    expect((await one.desk.list())[0]?.state).toBe("cancelled");
    await one.desk.close();
  });
});

describe("a provider that answers otherwise", () => {
  /** The provider, but for what it says when it is polled: one of these each time, and then its own answer. */
  const saying = (errors: string[]): { fetch: CibaOptions["fetch"]; readonly polls: number[] } => {
    const polls: number[] = [];
    const send = async (url: string, init: RequestInit): Promise<Response> => {
      const error = url.endsWith("/token") ? errors.shift() : undefined;
      if (url.endsWith("/token")) polls.push(errors.length);
      if (error === undefined) return fetch(url, init);
      return Response.json({ error, error_description: "hunter2" }, { status: 400 });
    };
    return { fetch: send as CibaOptions["fetch"], polls };
  };

  test("that it is still waiting is polled again", async () => {
    const { options } = await startCibaProvider("yes");
    const { fetch, polls } = saying(["authorization_pending", "authorization_pending"]);
    const { result } = await answered({ ...options, ...(fetch === undefined ? {} : { fetch }) });
    expect([result, polls.length]).toEqual(["sent", 3]);
  });

  test("access_denied is a no; transaction_failed and words that nobody knows decide nothing, and nothing of them is passed on", async () => {
    const { options } = await startCibaProvider("yes");
    for (const [error, code, state] of [
      ["access_denied", "APPROVAL_DENIED", "denied"],
      ["transaction_failed", "APPROVAL_UNAVAILABLE", "pending"],
      ["invalid_grant", "APPROVAL_UNAVAILABLE", "pending"],
      ["approved", "APPROVAL_UNAVAILABLE", "pending"],
    ] as const) {
      const { fetch } = saying([error]);
      const { result, desk, events } = await answered({ ...options, ...(fetch === undefined ? {} : { fetch }) });
      expect([error, result, (await desk.list())[0]?.state]).toEqual([error, code, state]);
      expect(JSON.stringify([await desk.list(), events])).not.toContain("hunter2");
    }
  });

  test("that the question has expired on the device leaves it open, and the next call has it asked there again", async () => {
    const { options, shown } = await startCibaProvider("yes");
    const { fetch, polls } = saying(["expired_token"]);
    const one = bench({ waitMs: 0 }, approveByCiba({ ...options, ...(fetch === undefined ? {} : { fetch }) }));
    expect(await one.obtain()).toBe("APPROVAL_PENDING");
    while (polls.length === 0) await settled();
    expect((await one.desk.list())[0]).toMatchObject({ state: "pending", votes: [] });
    // As soon as the channel has given up: until then the person is being asked, and once is enough.
    while (one.asked.length < 2) {
      expect(await one.obtain()).toBe("APPROVAL_PENDING");
      await settled();
    }
    await one.desk.wait(one.asked[0]!.id);
    expect(await one.obtain()).toBe("sent");
    expect([shown.length, one.asked.length, (await one.desk.list()).length]).toEqual([2, 2, 1]);
  });
});

describe("a provider that knows our authorization detail", () => {
  const knowing = (granted: (detail: object) => unknown): typeof fetch => {
    let sent: unknown;
    return (async (url: string, init: RequestInit) => {
      const form = new URLSearchParams(String(init.body ?? ""));
      if (form.has("authorization_details")) {
        sent = JSON.parse(form.get("authorization_details") ?? "");
        form.delete("authorization_details");
      }
      const response = await fetch(url, init.body === undefined ? init : { ...init, body: form.toString() });
      const body = (await response.json()) as Record<string, unknown>;
      if (url.includes(".well-known")) body["authorization_details_types_supported"] = ["sallyport_approval"];
      if (url.endsWith("/token") && sent !== undefined) {
        body["authorization_details"] = granted((sent as object[])[0] ?? {});
      }
      return Response.json(body, { status: response.status });
    }) as typeof fetch;
  };

  test("gets the whole request to show, and must grant exactly that", async () => {
    const { options } = await startCibaProvider("yes");
    const seen: object[] = [];
    const same = (detail: object) => {
      seen.push(detail);
      return [detail];
    };
    const { result, asked } = await answered({ ...options, fetch: knowing(same) as never });
    expect(result).toBe("sent");
    expect(seen.at(-1)).toMatchObject({
      type: "sallyport_approval",
      identifier: asked[0]!.id,
      fingerprint: asked[0]!.fingerprint,
      actions: ["POST"],
      locations: ["https://ledger.internal.example/v1/refunds"],
      body: { preview: '{"amount":100}' },
    });
    for (const other of [undefined, [], [{ type: "sallyport_approval", fingerprint: "gf2:x" }]]) {
      expect((await answered({ ...options, fetch: knowing(() => other) as never })).result).toBe(
        "APPROVAL_UNAVAILABLE",
      );
    }
  });
});

test("wrong options are refused, all at once", () => {
  try {
    approveByCiba({ issuer: "http://x.example", clientId: "", authentication: {}, loginHint: 1, other: 1 } as never);
    expect.unreachable();
  } catch (error) {
    expect((error as OptionsError).problems.map(({ pointer }) => pointer)).toEqual([
      ...["/other", "/clientId", "/authentication", "/loginHint", "/issuer"],
    ]);
  }
});
