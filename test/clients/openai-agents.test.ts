import { Agent, OpenAIProvider, Runner } from "@openai/agents";
import OpenAI from "openai";
import { describeClient, type Use } from "./support/contract.js";
import { answerAsOpenAi } from "./support/openai-service.js";

const agent = new Agent({ name: "Greeter", instructions: "Greet.", model: "gpt-5" });

/** Its trace exporter calls the global fetch; `tracingDisabled` is what its users must set to stay inside the guard. */
const runnerFor = ({ fetch, origin, retries }: Use, base = "/v1"): Runner =>
  new Runner({
    tracingDisabled: true,
    modelProvider: new OpenAIProvider({
      useResponses: false,
      openAIClient: new OpenAI({
        apiKey: "the-agent-has-none",
        baseURL: origin + base,
        fetch,
        ...(retries ? {} : { maxRetries: 0 }),
      }) as never,
    }),
  });

const run = async (use: Use, base?: string, input = "say hello"): Promise<unknown> =>
  (await runnerFor(use, base).run(agent, input)).finalOutput;

describeClient("@openai/agents, through the guard,", {
  answer: answerAsOpenAi,
  call: (use) => run(use),
  async stream(use) {
    const result = await runnerFor(use).run(agent, "say hello", { stream: true });
    const parts: string[] = [];
    for await (const part of result.toTextStream()) {
      use.seen();
      parts.push(part);
    }
    await result.completed;
    return parts;
  },
  upload: (use) => run(use, "/v1", "say hello ".repeat(20_000)),
  redirect: (use) => run(use, "/v1/moved"),
  denied: { onDeny: "respond" },
});
