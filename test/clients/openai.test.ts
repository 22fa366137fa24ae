import OpenAI from "openai";
import OpenAI6 from "openai-v6";
import { describe, expect, it } from "vitest";
import { loopbackPolicy, testGuard } from "../support/guards.js";
import { describeClient, type Use } from "./support/contract.js";
import { answerAsOpenAi } from "./support/openai-service.js";
import { startVendor } from "./support/vendor.js";

type Options = ConstructorParameters<typeof OpenAI>[0];
const prompt = { model: "gpt-5", messages: [{ role: "user" as const, content: "say hello" }] };

const optionsFor = ({ fetch, origin, retries }: Use): Options => ({
  apiKey: "the-agent-has-none",
  baseURL: `${origin}/v1`,
  fetch,
  ...(retries ? {} : { maxRetries: 0 }),
});

describe.each([
  ["openai", (use: Use) => new OpenAI(optionsFor(use))],
  ["openai 6", (use: Use) => new OpenAI6(optionsFor(use) as never) as unknown as OpenAI],
])("%s", (_name, clientFor) => {
  describeClient(`through the guard`, {
    answer: answerAsOpenAi,
    async call(use) {
      const { data, response, request_id } = await clientFor(use).chat.completions.create(prompt).withResponse();
      return { data, url: response.url, status: response.status, request_id };
    },
    async stream(use) {
      const parts: string[] = [];
      for await (const chunk of await clientFor(use).chat.completions.create({ ...prompt, stream: true })) {
        use.seen();
        parts.push(chunk.choices[0]?.delta.content ?? "");
      }
      return parts;
    },
    upload: async (use) =>
      await clientFor(use).files.create({
        file: new File(["line one\n", "line two\n"], "notes.txt", { type: "text/plain" }),
        purpose: "user_data",
      }),
    async redirect(use) {
      const { data, response } = await clientFor(use).models.retrieve("moved").withResponse();
      return { data, url: response.url, redirected: response.redirected };
    },
    denied: { onDeny: "respond" },
  });
});

it("is not probed with a data: URL by openai, because it says what its responses are", async () => {
  const vendor = await startVendor(answerAsOpenAi);
  const { session } = await testGuard({ policy: loopbackPolicy(vendor.origin, []) });
  expect(session.fetch).toHaveProperty("Response", Response);
  const called: string[] = [];
  const fetch = Object.assign(
    (input: string | URL | Request) => {
      called.push(String(input).slice(0, 5));
      return Promise.resolve(Response.json({ id: "file-1" }));
    },
    { Response },
  );
  const { files } = new OpenAI({ apiKey: "none", baseURL: `${vendor.origin}/v1`, fetch });
  await files.create({ file: new File(["line"], "notes.txt"), purpose: "user_data" });
  expect(called).toEqual(["http:"]);
  await vendor.close();
});
