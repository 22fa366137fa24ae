import { HumanMessage } from "@langchain/core/messages";
import { ChatOpenAI } from "@langchain/openai";
import { describeClient, type Use } from "./support/contract.js";
import { answerAsOpenAi } from "./support/openai-service.js";

const modelFor = ({ fetch, origin, retries }: Use, base = "/v1"): ChatOpenAI =>
  new ChatOpenAI({
    model: "gpt-5",
    apiKey: "the-agent-has-none",
    configuration: { baseURL: origin + base, fetch },
    ...(retries ? {} : { maxRetries: 0 }),
  });

const invoke = async (use: Use, base?: string): Promise<unknown> => {
  const { content, response_metadata } = await modelFor(use, base).invoke("say hello");
  return { content, response_metadata };
};

describeClient("@langchain/openai, through the guard,", {
  answer: answerAsOpenAi,
  call: (use) => invoke(use),
  async stream(use) {
    const parts: unknown[] = [];
    for await (const chunk of await modelFor(use).stream("say hello")) {
      use.seen();
      parts.push(chunk.content);
    }
    return parts;
  },
  /** It uploads nothing but what stands in a message. */
  async upload(use) {
    const picture = { type: "image_url", image_url: { url: `data:image/png;base64,${"iVBORw0K".repeat(20_000)}` } };
    const { content } = await modelFor(use).invoke([new HumanMessage({ content: [picture] })]);
    return content;
  },
  redirect: (use) => invoke(use, "/v1/moved"),
  denied: { onDeny: "respond" },
});
