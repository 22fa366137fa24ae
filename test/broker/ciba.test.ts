import type { ServerResponse } from "node:http";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { approveByCiba } from "../../src/approval/index.js";
import { type Bench, bench } from "../approval/support.js";
import { OTHER_CLIENT, startCibaProvider } from "../support/ciba-provider.js";
import { type HostileServer, json, startHostileServer } from "./support.js";

/** Loaded here, where nothing is counted yet. */
beforeAll(() => import("openid-client"));

const CIBA_GRANT = "urn:openid:params:grant-type:ciba";

describe("74: a question that is polled for", () => {
  let server: HostileServer;
  /** What the token endpoint says, one answer after the other; the last one again and again. */
  let script: ((response: ServerResponse) => void)[];
  /** Seconds since the question at which each token request was made. */
  let polledAt: number[];
  let seconds: number;
  let busy: number;
  /** Whether the person's yes is on its way: what is left to do, such as checking its signature, takes no time of theirs. */
  let answered: boolean;
  let asked: URLSearchParams[];

  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    [script, polledAt, asked, seconds, busy, answered] = [[], [], [], 0, 0, false];
    server = await startHostileServer();
    const { publicKey, privateKey } = await generateKeyPair("ES256");
    idToken = (claims = {}) =>
      new SignJWT({ sub: "bea", ...claims })
        .setProtectedHeader({ alg: "ES256", kid: "k1" })
        .setIssuer(server.issuer)
        .setAudience("sallyport")
        .setIssuedAt()
        .setExpirationTime("5m")
        .sign(privateKey);
    server.metadata["backchannel_authentication_endpoint"] = `${server.issuer}/ask`;
    server.metadata["id_token_signing_alg_values_supported"] = ["ES256"];
    const jwk = { ...(await exportJWK(publicKey)), kid: "k1", alg: "ES256" };
    server.metadataAnswer = (response, { url }) => {
      if (url === "/jwks") json(response, 200, { keys: [jwk] });
      else if (url === "/ask") {
        seconds = 0;
        json(response, 200, { auth_req_id: "question-1", expires_in: 600, interval: 2 });
      } else json(response, 200, server.metadata);
    };
    server.answer = (response, _request, body) => {
      polledAt.push(seconds);
      asked.push(body);
      const next = script.length > 1 ? script.shift() : script[0];
      next?.(response);
    };
  });
  afterEach(async () => {
    vi.useRealTimers();
    await server.close();
  });

  let idToken: (claims?: Record<string, unknown>) => Promise<string>;
  const refused =
    (error: string, status = 400, headers: Record<string, string> = {}) =>
    (response: ServerResponse): void =>
      json(response, status, { error }, headers);
  const approved = async () => {
    const body = { access_token: "t", token_type: "Bearer", expires_in: 60, id_token: await idToken() };
    return (response: ServerResponse): void => {
      json(response, 200, body);
      answered = true;
    };
  };
  /** Time goes on only while nothing is on its way, bodies included. */
  const counting = (async (url: string, init: RequestInit) => {
    busy++;
    try {
      const response = await fetch(url, init);
      return new Response(await response.arrayBuffer(), response);
    } finally {
      busy--;
    }
  }) as never;
  const channel = () =>
    approveByCiba({
      issuer: server.issuer,
      clientId: "sallyport",
      authentication: { secret: "the-secret-of-the-approvals" },
      loginHint: () => "bea",
      allowInsecure: true,
      fetch: counting,
    });
  const quiet = async (): Promise<void> => {
    for (let turn = 0; turn < 20 || busy > 0; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  const answerOf = async (one: Bench, signal = new AbortController().signal): Promise<string> => {
    let result: string | undefined;
    const obtained = one.obtain(undefined, { signal }).then((text) => {
      result = text;
      return text;
    });
    for (await quiet(); result === undefined && seconds < 120; await quiet()) {
      if (answered) return await obtained;
      seconds++;
      await vi.advanceTimersByTimeAsync(1_000);
    }
    return result ?? "nothing";
  };

  test("goes on while the person has not answered, and ends with the answer", async () => {
    script = [refused("authorization_pending"), refused("authorization_pending"), await approved()];
    expect(await answerOf(bench({ waitMs: 600_000 }, channel()))).toBe("sent");
    expect(polledAt).toEqual([2, 4, 6]);
    expect(asked.map((body) => [body.get("grant_type"), body.get("auth_req_id")])).toEqual(
      Array.from({ length: 3 }, () => [CIBA_GRANT, "question-1"]),
    );
  });

  test("waits five seconds longer each time it is told to slow down", async () => {
    script = [refused("slow_down"), refused("slow_down"), refused("authorization_pending"), await approved()];
    expect(await answerOf(bench({ waitMs: 600_000 }, channel()))).toBe("sent");
    expect(polledAt).toEqual([2, 9, 21, 33]);
  });

  test("waits as long as Retry-After says, also of a server that is not there for a moment", async () => {
    const pause = { "retry-after": "20" };
    script = [
      refused("authorization_pending", 400, pause),
      refused("temporarily_unavailable", 503, pause),
      await approved(),
    ];
    expect(await answerOf(bench({ waitMs: 600_000 }, channel()))).toBe("sent");
    expect(polledAt).toEqual([2, 22, 42]);
  });

  test("ends with a no, with nobody having looked, and with a server that refuses: nothing is sent", async () => {
    for (const [error, code, state] of [
      ["access_denied", "APPROVAL_DENIED", "denied"],
      ["invalid_grant", "APPROVAL_UNAVAILABLE", "pending"],
    ] as const) {
      script = [refused(error)];
      const one = bench({ waitMs: 600_000 }, channel());
      expect(await answerOf(one)).toBe(code);
      expect((await one.desk.list())[0]?.state).toBe(state);
    }
    script = [refused("expired_token")];
    const one = bench({ waitMs: 600_000 }, channel());
    expect(await answerOf(one)).not.toBe("sent");
    expect((await one.desk.list())[0]).toMatchObject({ state: "pending", votes: [] });
  });

  test("is left the moment the caller gives up, and not polled for again when it is withdrawn", async () => {
    script = [refused("authorization_pending")];
    const caller = new AbortController();
    const one = bench({ waitMs: 600_000 }, channel());
    const call = one.obtain(undefined, { signal: caller.signal }).catch((reason: unknown) => reason);
    for (await quiet(); polledAt.length === 0; await quiet()) await vi.advanceTimersByTimeAsync(1_000);
    caller.abort("given up");
    // No time passes here: whoever waits for the next poll to notice never comes back.
    expect(await call).toBe("given up");
    await one.desk.close();
    await vi.advanceTimersByTimeAsync(60_000);
    await quiet();
    expect(polledAt).toHaveLength(1);
  });
});

test("74: what a device was asked is bound to the request, to the client that asked, and answered once", async () => {
  const { options, shown, issuer, clientKey } = await startCibaProvider("yes");
  const questions: string[] = [];
  const listening = (async (url: string, init: RequestInit) => {
    const id = new URLSearchParams(String(init.body ?? "")).get("auth_req_id");
    if (id !== null && questions.push(id) === 1) {
      const basic = Buffer.from(`${OTHER_CLIENT.id}:${OTHER_CLIENT.secret}`).toString("base64");
      expect(await poll(id, { authorization: `Basic ${basic}` }, {})).toMatchObject({ error: "invalid_grant" });
    }
    return await fetch(url, init);
  }) as never;
  const poll = async (id: string, headers: Record<string, string>, fields: Record<string, string>) => {
    const body = new URLSearchParams({ grant_type: CIBA_GRANT, auth_req_id: id, ...fields });
    return await (await fetch(`${issuer}/token`, { method: "POST", headers, body })).json();
  };
  const one = bench({ waitMs: 20_000 }, approveByCiba({ ...options, fetch: listening }));
  expect(await one.obtain()).toBe("sent");
  expect(shown).toEqual([{ bindingMessage: `gf2-${one.asked[0]?.fingerprint.slice(4, 20)}`, hint: "bea" }]);

  const assertion = await new SignJWT({ jti: "of-the-replay" })
    .setProtectedHeader({ alg: "ES256", kid: "client-1" })
    .setIssuer("sallyport")
    .setSubject("sallyport")
    .setAudience(issuer)
    .setIssuedAt()
    .setExpirationTime("1m")
    .sign(clientKey);
  const proof = {
    client_assertion: assertion,
    client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
  };
  expect(await poll(questions[0] ?? "", {}, proof)).toMatchObject({ error: "invalid_grant" });
});
