import { Readable } from "node:stream";
import axios, { type AxiosInstance } from "axios";
import { expect, it } from "vitest";
import { assertAxiosGuarded, OptionsError } from "../../src/index.js";
import { loopbackPolicy, testGuard } from "../support/guards.js";
import { startUpstream } from "../support/upstream.js";
import { describeClient, type Use } from "./support/contract.js";
import { answerAsShop, form } from "./support/shop-service.js";

const clientFor = ({ fetch, origin }: Use): AxiosInstance =>
  axios.create({ baseURL: origin, adapter: "fetch", env: { fetch } });

describeClient("axios with its fetch adapter, through the guard,", {
  answer: answerAsShop,
  async call(use) {
    const { data, status, statusText, headers } = await clientFor(use).post("/orders", { item: "tea" });
    return { data, status, statusText, type: headers["content-type"] };
  },
  async stream(use) {
    const { data } = await clientFor(use).get<ReadableStream<Uint8Array>>("/orders/export", { responseType: "stream" });
    let text = "";
    for await (const chunk of data) {
      use.seen();
      text += Buffer.from(chunk).toString();
    }
    return text;
  },
  async upload(use) {
    const client = clientFor(use);
    const stream = await client.post("/files", Readable.from([Buffer.from("line "), Buffer.from("one")]), {
      headers: { "content-type": "application/octet-stream" },
    });
    return [stream.data, (await client.post("/files", form(), { headers: { "content-type": false } })).data];
  },
  async redirect(use) {
    const client = clientFor(use);
    const manual = await client.get("/orders/moved", { maxRedirects: 0, validateStatus: () => true });
    return [(await client.get("/orders/moved")).data, manual.status, manual.headers["location"]];
  },
  denied: { onDeny: "respond" },
});

it("axios with its default adapter bypasses the guard, whatever fetch it is given, and the check at start-up says so", async () => {
  const api = await startUpstream();
  const { session } = await testGuard({ policy: loopbackPolicy(api.origin, []) });
  const { fetch } = session;
  const client = axios.create({ baseURL: api.origin, env: { fetch } });
  expect((await client.get("/")).status).toBe(200);
  expect(api.received).toHaveLength(1);
  for (const wrong of [client, axios, axios.create({ adapter: "fetch" })]) {
    expect(() => assertAxiosGuarded(wrong)).toThrow(OptionsError);
  }
  expect(() => assertAxiosGuarded(axios.create({ adapter: "fetch", env: { fetch } }))).not.toThrow();
  await api.close();
});
