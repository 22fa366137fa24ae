import { Client } from "@langchain/langgraph-sdk";
import { describeClient, type Use } from "./support/contract.js";

const clientFor = ({ fetch, origin, retries }: Use): Client =>
  new Client({ apiUrl: origin, apiKey: null, callerOptions: { fetch, ...(retries ? {} : { maxRetries: 0 }) } });

describeClient("@langchain/langgraph-sdk, through the guard,", {
  async answer({ method, path, body }, reply) {
    switch (`${method} ${path}`) {
      case "POST /threads":
        return reply.json({ thread_id: "t1", metadata: { purpose: "test" } });
      case "POST /threads/t1/runs/stream":
        return await reply.stream("text/event-stream", [
          'event: metadata\ndata: {"run_id":"r1"}\n\n',
          'event: values\ndata: {"messages":["hello"]}\n\n',
        ]);
      case "PUT /store/items":
        return reply.json({ bytes: body.byteLength });
      case "GET /threads/moved":
        return reply.redirect(302, "/threads/t1");
      case "GET /threads/t1":
        return reply.json({ thread_id: "t1" });
      default:
        return reply.json({ detail: path }, 404);
    }
  },
  call: (use) => clientFor(use).threads.create({ metadata: { purpose: "test" } }),
  async stream(use) {
    const parts: unknown[] = [];
    for await (const { event, data } of clientFor(use).runs.stream("t1", "agent", { input: { messages: [] } })) {
      use.seen();
      parts.push([event, data]);
    }
    return parts;
  },
  /** It uploads nothing but what is stored. */
  upload: (use) => clientFor(use).store.putItem(["notes"], "long", { text: "line one\n".repeat(20_000) }),
  redirect: (use) => clientFor(use).threads.get("moved"),
  denied: { onDeny: "respond" },
});
