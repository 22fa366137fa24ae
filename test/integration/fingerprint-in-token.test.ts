import { expect, it, onTestFinished } from "vitest";
import { Secret } from "../../src/broker/index.js";
import { loopbackPolicy, testGuard } from "../support/guards.js";
import { startUpstream } from "../support/upstream.js";

it("a credential of an allow rule is for the request whose fingerprint it is asked for with, also where the body flows", async () => {
  const api = await startUpstream();
  onTestFinished(() => api.close());
  const asked: unknown[] = [];
  const { session } = await testGuard({
    policy: loopbackPolicy(
      api.origin,
      [
        {
          id: "pay",
          effect: "allow",
          service: "api",
          methods: ["POST"],
          path: "/pay",
          authorizationDetails: [{ type: "payment", request: "{fingerprint}", note: "for {fingerprint}" }],
        },
      ],
      { credential: "bank" },
    ),
    credentials: {
      bank: {
        async issue({ authorizationDetails = [] }) {
          asked.push(...authorizationDetails);
          return {
            secret: new Secret(`token-${asked.length}`),
            placement: { in: "header", name: "authorization", prefix: "Bearer " },
            scope: [],
            authorizationDetails,
            lifetimeMs: 60_000,
            revocable: false,
          };
        },
      },
    },
  });
  const headers = { "content-type": "application/json" };
  const pay = (body: BodyInit): Promise<Response> =>
    session.fetch(`${api.origin}/pay`, { method: "POST", headers, body, duplex: "half" } as RequestInit);
  await pay('{"cents":1}');
  await pay('{"cents":2}');
  await pay(new Blob(['{"cents":2}']).stream());
  const prints = asked.map((one) => (one as { readonly request: string }).request);
  expect(prints[0]).toMatch(/^gf[0-9]+:[A-Za-z0-9_-]{43}$/);
  expect(asked[0]).toEqual({ type: "payment", request: prints[0], note: "for {fingerprint}" });
  // The same request again has the credential that was asked for it.
  expect(new Set(prints).size).toBe(2);
  expect(asked).toHaveLength(2);
  expect(api.received.map(({ headers: seen }) => seen.authorization)).toEqual([
    "Bearer token-1",
    "Bearer token-2",
    "Bearer token-2",
  ]);
});
