import { createOpenAI } from "@ai-sdk/openai";
import { generateText, streamText, experimental_transcribe as transcribe } from "ai";
import { describeClient, type Use } from "./support/contract.js";
import { answerAsOpenAi } from "./support/openai-service.js";

const providerFor = ({ fetch, origin }: Use, base = "/v1") =>
  createOpenAI({ apiKey: "the-agent-has-none", baseURL: origin + base, fetch });
const retriesOf = ({ retries }: Use) => (retries ? {} : { maxRetries: 0 });

const generate = async (use: Use, base?: string): Promise<unknown> => {
  const { text, finishReason, usage } = await generateText({
    model: providerFor(use, base).chat("gpt-5"),
    prompt: "say hello",
    ...retriesOf(use),
  });
  return { text, finishReason, usage };
};

describeClient("ai and @ai-sdk/openai, through the guard,", {
  answer: answerAsOpenAi,
  call: (use) => generate(use),
  async stream(use) {
    const { textStream } = streamText({ model: providerFor(use).chat("gpt-5"), prompt: "say hello" });
    const parts: string[] = [];
    for await (const part of textStream) {
      use.seen();
      parts.push(part);
    }
    return parts;
  },
  async upload(use) {
    const model = providerFor(use).transcription("whisper-1");
    const { text } = await transcribe({ model, audio: Buffer.from("RIFF....WAVEfmt "), ...retriesOf(use) });
    return text;
  },
  redirect: (use) => generate(use, "/v1/moved"),
  denied: { onDeny: "respond" },
});
