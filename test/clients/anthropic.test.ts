import Anthropic, { toFile } from "@anthropic-ai/sdk";
import { describeClient, type Use } from "./support/contract.js";

const clientFor = ({ fetch, origin, retries }: Use): Anthropic =>
  new Anthropic({ apiKey: "the-agent-has-none", baseURL: origin, fetch, ...(retries ? {} : { maxRetries: 0 }) });

const prompt = { model: "claude-5", max_tokens: 64, messages: [{ role: "user" as const, content: "say hello" }] };
const message = (content: readonly object[]): object => ({
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "claude-5",
  content,
  stop_reason: null,
  stop_sequence: null,
  usage: { input_tokens: 3, output_tokens: 1 },
});
const event = (value: { readonly type: string; readonly [field: string]: unknown }): string =>
  `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`;

describeClient("anthropic, through the guard,", {
  async answer({ method, path, body }, reply) {
    switch (`${method} ${path}`) {
      case "POST /v1/messages":
        if ((JSON.parse(body.toString()) as { stream?: boolean }).stream !== true) {
          return reply.json(message([{ type: "text", text: "hello" }]), 200, { "request-id": "req_1" });
        }
        return await reply.stream("text/event-stream", [
          event({ type: "message_start", message: message([]) }),
          event({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } }),
          event({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "hel" } }),
          event({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "lo" } }),
          event({ type: "content_block_stop", index: 0 }),
          event({ type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 2 } }),
          event({ type: "message_stop" }),
        ]);
      case "POST /v1/files":
        return reply.json({ id: "file_1", type: "file", filename: "notes.txt", size_bytes: 9 });
      case "GET /v1/models/moved":
        return reply.redirect(302, "/v1/models/claude-5");
      case "GET /v1/models/claude-5":
        return reply.json({ id: "claude-5", type: "model", display_name: "Claude 5", created_at: "2026-01-01" });
      default:
        return reply.json({ error: { type: "not_found_error", message: path } }, 404);
    }
  },
  async call(use) {
    const { data, response, request_id } = await clientFor(use).messages.create(prompt).withResponse();
    return { data, url: response.url, request_id };
  },
  async stream(use) {
    const stream = clientFor(use).messages.stream(prompt);
    const texts: string[] = [];
    stream.on("streamEvent", use.seen);
    stream.on("text", (text) => void texts.push(text));
    const { content, stop_reason } = await stream.finalMessage();
    return { texts, content, stop_reason };
  },
  upload: async (use) =>
    await clientFor(use).beta.files.upload({ file: await toFile(Buffer.from("line one\n"), "notes.txt") }),
  async redirect(use) {
    const { data, response } = await clientFor(use).models.retrieve("moved").withResponse();
    return { data, url: response.url, redirected: response.redirected };
  },
  denied: { onDeny: "respond" },
});
