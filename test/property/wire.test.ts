import type { Socket } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compilePolicy, type Policy } from "../../src/policy/index.js";
import { METHODS } from "../../src/request/method.js";
import { anyContext } from "../support/policies.js";
import { calm, hop, rawUpstream, transport } from "../transport/support.js";
import { BODY_TYPES, bodyBytes, headerPairs, tamePathAndQuery } from "./arbitraries.js";

/** One request as its bytes on the wire. */
interface OnTheWire {
  readonly requestLine: string;
  readonly fields: readonly string[];
  readonly body: Buffer;
}

/** A server that knows of HTTP only where a head ends and what `content-length` says. */
function recorder(): { readonly requests: OnTheWire[]; readonly onSocket: (socket: Socket) => void } {
  const requests: OnTheWire[] = [];
  const onSocket = (socket: Socket): void => {
    let pending = Buffer.alloc(0);
    socket.on("data", (chunk) => {
      pending = Buffer.concat([pending, chunk]);
      const end = pending.indexOf("\r\n\r\n");
      if (end === -1) return;
      const [requestLine = "", ...fields] = pending.toString("latin1", 0, end).split("\r\n");
      const length = Number(fields.find((field) => field.startsWith("content-length: "))?.slice(16) ?? 0);
      if (pending.length < end + 4 + length) return;
      requests.push({ requestLine, fields, body: pending.subarray(end + 4, end + 4 + length) });
      pending = pending.subarray(end + 4 + length);
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    });
  };
  return { requests, onSocket };
}

const openPolicy = (origin: string): Policy =>
  compilePolicy({
    version: 1,
    services: { loopback: { origins: [origin], addresses: ["127.0.0.0/8"] } },
    rules: [{ id: "open", effect: "allow", service: "loopback", methods: ["*"], path: "/**", encodedSlash: true }],
  });

describe("what was judged", () => {
  it("is what a server receives, byte for byte", async () => {
    const { requests, onSocket } = recorder();
    const { origin } = await rawUpstream(onSocket);
    const policy = openPolicy(origin);
    const wire = transport();
    let sent = 0;
    const oneRequest = fc.record({
      method: fc.constantFrom(...METHODS),
      rest: tamePathAndQuery,
      headers: headerPairs,
      type: fc.constantFrom(...BODY_TYPES),
      bytes: bodyBytes,
    });
    await fc.assert(
      fc.asyncProperty(oneRequest, async ({ method, rest, headers, type, bytes }) => {
        const bodied = method !== "GET" && method !== "HEAD";
        const asked = {
          method,
          url: origin + rest,
          headers: bodied ? [...headers, ["content-type", type] as const] : headers,
          body: bodied ? bytes : null,
        };
        const { effect, canonical } = policy.decide(asked, anyContext);
        if (effect !== "allow" || canonical === undefined) return;
        requests.length = 0;
        const { url, headers: judged } = canonical;
        const path = url.slice(canonical.origin.length);
        const answer = await wire.send(hop(url, { method, path, headers: judged, body: asked.body }), calm());
        answer.body?.cancel();
        expect(requests).toHaveLength(1);
        const [received] = requests as [OnTheWire];
        expect(received.requestLine).toBe(
          `${canonical.method} ${canonical.path}${url.slice(canonical.origin.length + canonical.path.length)} HTTP/1.1`,
        );
        const added = received.fields.filter((field) => /^(?:host|connection|content-length): /.test(field));
        expect(received.fields.filter((field) => !added.includes(field))).toEqual(
          judged.map(([name, value]) => `${name}: ${value}`),
        );
        expect(added).toContain(`host: ${new URL(origin).host}`);
        expect(received.body).toEqual(Buffer.from(asked.body ?? []));
        sent++;
      }),
      { numRuns: 500 },
    );
    expect(sent).toBeGreaterThan(80);
  });
});
