import type { Received, Reply } from "./vendor.js";
import { events } from "./vendor.js";

const completion = (content: string): object => ({
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1,
  model: "gpt-5",
  choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content, refusal: null } }],
  usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 },
});

const chunk = (delta: object, finish_reason: string | null = null): object => ({
  id: "chatcmpl-1",
  object: "chat.completion.chunk",
  created: 1,
  model: "gpt-5",
  choices: [{ index: 0, delta, finish_reason }],
});

/** What of OpenAI's API the clients here use: chat, streamed or not, files, transcriptions, and a model that has moved. */
export async function answerAsOpenAi({ method, path, body }: Received, reply: Reply): Promise<void> {
  switch (`${method} ${path}`) {
    case "POST /v1/chat/completions":
    case "POST /v1/elsewhere/chat/completions": {
      const { stream } = JSON.parse(body.toString()) as { stream?: boolean };
      if (stream !== true) return reply.json(completion("hello"), 200, { "x-request-id": "req_1" });
      // The first part ends with the end of a word: masking waits for it, since a secret may go on in the next part.
      const parts = [chunk({ role: "assistant", content: "hello " }), chunk({ content: "there" }), chunk({}, "stop")];
      return await reply.stream("text/event-stream", events(parts));
    }
    case "POST /v1/moved/chat/completions":
      return reply.redirect(307, "/v1/elsewhere/chat/completions");
    case "POST /v1/files":
      return reply.json({ id: "file-1", object: "file", bytes: body.byteLength > 0 ? 18 : 0, filename: "notes.txt" });
    case "POST /v1/audio/transcriptions":
      return reply.json({ text: "hello" });
    case "GET /v1/models/moved":
      return reply.redirect(302, "/v1/models/gpt-5");
    case "GET /v1/models/gpt-5":
      return reply.json({ id: "gpt-5", object: "model", created: 1, owned_by: "openai" });
    default:
      return reply.json({ error: { message: `no ${method} ${path}` } }, 404);
  }
}
