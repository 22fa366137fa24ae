import { type $Fetch, createFetch } from "ofetch";
import { describeClient, type Use } from "./support/contract.js";
import { answerAsShop, form } from "./support/shop-service.js";

const clientFor = ({ fetch, origin, retries }: Use): $Fetch =>
  createFetch({ fetch, defaults: { baseURL: origin, ...(retries ? {} : { retry: 0 }) } });

describeClient("ofetch, through the guard,", {
  answer: answerAsShop,
  async call(use) {
    const { _data, status, url } = await clientFor(use).raw("/orders/7");
    return { _data, status, url };
  },
  async stream(use) {
    const stream = await clientFor(use)("/orders/export", { responseType: "stream" });
    let text = "";
    for await (const chunk of stream as unknown as AsyncIterable<Uint8Array>) {
      use.seen();
      text += Buffer.from(chunk).toString();
    }
    return text;
  },
  async upload(use) {
    const client = clientFor(use);
    const stream = new Blob(["line one"]).stream();
    return [
      await client("/files", { method: "POST", body: form() }),
      await client("/files", { method: "POST", body: stream, headers: { "content-type": "text/plain" } }),
      await client("/orders", { method: "POST", body: { item: "tea" } }),
    ];
  },
  async redirect(use) {
    const { _data, url, redirected } = await clientFor(use).raw("/orders/moved");
    return { _data, url, redirected };
  },
  denied: { onDeny: "respond" },
});
