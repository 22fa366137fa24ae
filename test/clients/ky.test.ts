import ky, { type KyInstance } from "ky";
import { describeClient, type Use } from "./support/contract.js";
import { answerAsShop, form } from "./support/shop-service.js";

const clientFor = ({ fetch, origin, retries }: Use): KyInstance =>
  ky.create({ baseUrl: origin, fetch, ...(retries ? {} : { retry: 0 }) });

describeClient("ky, through the guard,", {
  answer: answerAsShop,
  async call(use) {
    const response = await clientFor(use).post("/orders", { json: { item: "tea" } });
    return { data: await response.clone().json(), again: await response.text(), url: response.url };
  },
  async stream(use) {
    const { body } = await clientFor(use).get("/orders/export");
    let text = "";
    for await (const chunk of body as ReadableStream<Uint8Array>) {
      use.seen();
      text += Buffer.from(chunk).toString();
    }
    return text;
  },
  upload: async (use) => await clientFor(use).post("/files", { body: form() }).json(),
  async redirect(use) {
    const response = await clientFor(use).get("/orders/moved");
    return { data: await response.json(), url: response.url, redirected: response.redirected };
  },
  denied: { onDeny: "respond" },
});
