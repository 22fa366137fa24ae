import Stripe from "stripe";
import { describeClient, type Use } from "./support/contract.js";

const clientFor = ({ fetch, origin, retries }: Use): Stripe => {
  const { hostname, port } = new URL(origin);
  return new Stripe("sk_test_none", {
    httpClient: Stripe.createFetchHttpClient(fetch),
    host: hostname,
    port,
    protocol: "http",
    ...(retries ? {} : { maxNetworkRetries: 0 }),
  });
};

/** Without it, the client makes up a new key for each operation, which is another request for an approver, too. */
const idempotencyKey = "order-4711";

describeClient("stripe, through the guard,", {
  async answer({ method, path, body }, reply) {
    switch (`${method} ${path}`) {
      case "POST /v1/refunds":
        return reply.json({ id: "re_1", object: "refund", amount: Number(/amount=(\d+)/.exec(body.toString())?.[1]) });
      case "GET /v1/quotes/qt_1/pdf":
        return await reply.stream("application/pdf", ["%PDF-1.7 first,", "second"]);
      case "POST /v1/files":
        return reply.json({ id: "file_1", object: "file", size: 12 });
      case "GET /v1/customers/cus_moved":
        return reply.redirect(302, "/v1/customers/cus_1");
      case "GET /v1/customers/cus_1":
        return reply.json({ id: "cus_1", object: "customer", name: "Grace" });
      default:
        return reply.json({ error: { type: "invalid_request_error", message: path } }, 404);
    }
  },
  call: async (use) => await clientFor(use).refunds.create({ charge: "ch_1", amount: 500 }, { idempotencyKey }),
  async stream(use) {
    let text = "";
    for await (const chunk of (await clientFor(use).quotes.pdf("qt_1")) as AsyncIterable<Uint8Array>) {
      use.seen();
      text += Buffer.from(chunk).toString();
    }
    return text;
  },
  upload: async (use) =>
    await clientFor(use).files.create({
      purpose: "dispute_evidence",
      file: { data: Buffer.from("some evidence"), name: "evidence.txt", type: "text/plain" },
    }),
  redirect: async (use) => await clientFor(use).customers.retrieve("cus_moved"),
  denied: { onDeny: "respond" },
});
