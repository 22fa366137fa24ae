// Runs examples/openapi-client.ts against a real server on loopback: what arrives there, what the client gets back, and what
// the guard says to a client whose types were told a lie. Runs under vitest.
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createGuard, type Guard, type Session } from "sallyport";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { paths } from "./ledger-paths.js";
import { readInvoice, refundInvoice } from "./openapi-client.js";

const received: string[] = [];
let directory: string;
let ledger: Server;
let guard: Guard;
let session: Session;

beforeAll(async () => {
  ledger = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => {
      body += text;
    });
    request.on("end", () => {
      received.push(`${request.method} ${request.url} ${body}`.trim());
      const [status, answer] = answerTo(request.url ?? "");
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => ledger.listen(0, "127.0.0.1", resolve));
  directory = await mkdtemp(join(tmpdir(), "openapi-client-"));
  guard = await createGuard({
    policy: {
      version: 1,
      services: {
        ledger: {
          origins: [`http://127.0.0.1:${(ledger.address() as AddressInfo).port}`],
          addresses: ["127.0.0.0/8"],
        },
      },
      rules: [
        { id: "read", effect: "allow", service: "ledger", methods: ["GET"], path: "/invoices/{id}" },
        {
          id: "small-refunds",
          effect: "allow",
          service: "ledger",
          methods: ["POST"],
          path: "/refunds",
          body: { "/cents": { gte: 1, lte: 5000 } },
        },
      ],
    },
    audit: { directory, sync: "os" },
  });
  session = await guard.openSession({
    principal: { id: "ada", type: "human" },
    agent: { id: "refund-agent" },
    purpose: "refund invoice 17",
  });
});
afterAll(async () => {
  await guard.close();
  ledger.close();
  await rm(directory, { recursive: true });
});

function answerTo(url: string): readonly [number, object] {
  if (url === "/refunds") return [201, { id: "r1", invoice: "17", cents: 4200 }];
  if (url !== "/invoices/17") return [404, { error: "no such invoice" }];
  return [200, { id: "17", cents: 4200, customer: { name: "Grace", email: "grace@example.com" } }];
}

it("reads and writes through the guard, with the description's types", async () => {
  const refund = await session.run(() => refundInvoice("17"));
  expect(refund).toEqual({ id: "r1", invoice: "17", cents: 4200 });
  expect(received).toEqual(["GET /invoices/17", 'POST /refunds {"invoice":"17","cents":4200}']);
});

it("gives answers whose personal data is masked and whose shape is not", async () => {
  const { customer } = await session.run(() => readInvoice("17"));
  expect(customer).toEqual({ name: "Grace", email: "[REDACTED:EMAIL]" });
});

it("gives the service's own errors as such, and the guard's as GuardErrors", async () => {
  await expect(session.run(() => readInvoice("18"))).rejects.toThrow("no such invoice");
  await expect(session.run(() => readInvoice(".."))).rejects.toMatchObject({ code: "URL_AMBIGUOUS" });
  const before = received.length;
  const body = { invoice: "17", cents: 999_999 };
  await expect(session.client<paths>("ledger").POST("/refunds", { body })).rejects.toMatchObject({ code: "NO_RULE" });
  expect(received).toHaveLength(before);
});
