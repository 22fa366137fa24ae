import { createOpenAI } from "@ai-sdk/openai";
import { MastraClient } from "@mastra/client-js";
import { Agent } from "@mastra/core/agent";
import { describeClient, type Use } from "./support/contract.js";
import { answerAsOpenAi } from "./support/openai-service.js";

const clientFor = ({ fetch, origin, retries }: Use): MastraClient =>
  new MastraClient({ baseUrl: origin, fetch, ...(retries ? {} : { retries: 0 }) });

describeClient("@mastra/client-js, through the guard,", {
  async answer({ method, path, body }, reply) {
    switch (`${method} ${path}`) {
      case "GET /api/agents/greeter":
        return reply.json({ name: "Greeter", instructions: "Greet." });
      case "POST /api/agents/greeter/generate":
        return reply.json({ text: "hello", asked: body.byteLength > 100_000 });
      case "GET /api/agents/moved":
        return reply.redirect(302, "/api/agents/greeter");
      default:
        return reply.json({ error: path }, 404);
    }
  },
  call: (use) => clientFor(use).getAgent("greeter").details(),
  upload: (use) => clientFor(use).getAgent("greeter").generate("say hello ".repeat(20_000)),
  redirect: (use) => clientFor(use).getAgent("moved").details(),
  denied: { onDeny: "respond" },
});

const agentFor = ({ fetch, origin, retries }: Use, base = "/v1"): Agent =>
  new Agent({
    id: "greeter",
    name: "Greeter",
    instructions: "Greet.",
    model: createOpenAI({ apiKey: "the-agent-has-none", baseURL: origin + base, fetch }).chat("gpt-5") as never,
    ...(retries ? {} : { maxRetries: 0 }),
  });
const greet = async (use: Use, prompt = "say hello", base?: string): Promise<unknown> => {
  const { text, finishReason } = await agentFor(use, base).generate(prompt);
  return { text, finishReason };
};

describeClient("an agent of @mastra/core, through the guard,", {
  answer: answerAsOpenAi,
  call: (use) => greet(use),
  async stream(use) {
    const { textStream } = await agentFor(use).stream("say hello");
    const parts: string[] = [];
    for await (const part of textStream) {
      use.seen();
      parts.push(part);
    }
    return parts;
  },
  upload: (use) => greet(use, "say hello ".repeat(20_000)),
  redirect: (use) => greet(use, "say hello", "/v1/moved"),
  denied: { onDeny: "respond" },
});
