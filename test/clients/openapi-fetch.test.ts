import createClient from "openapi-fetch";
import { describeClient, type Use } from "./support/contract.js";

interface Item {
  readonly id: string;
  readonly note?: string;
}
interface Answers {
  readonly responses: { readonly 200: { readonly content: { readonly "application/json": Item } } };
}
interface Paths {
  readonly "/items/{id}": {
    readonly get: { readonly parameters: { readonly path: { readonly id: string } } } & Answers;
    readonly put: {
      readonly parameters: { readonly path: { readonly id: string } };
      readonly requestBody: { readonly content: { readonly "application/json": { readonly note: string } } };
    } & Answers;
  };
  readonly "/files": {
    readonly post: {
      readonly requestBody: { readonly content: { readonly "multipart/form-data": { readonly file: string } } };
    } & Answers;
  };
}

const clientFor = ({ fetch, origin }: Use) => createClient<Paths>({ baseUrl: origin, fetch });

describeClient("openapi-fetch, through the guard,", {
  async answer({ method, path, body }, reply) {
    switch (`${method} ${path}`) {
      case "PUT /items/7":
        return reply.json({ id: "7", ...(JSON.parse(body.toString()) as object) });
      case "GET /items/long":
        return await reply.stream("text/plain", ["first,", "second"]);
      case "POST /files":
        return reply.json({ id: "f1", note: String(body.includes("line one")) });
      case "GET /items/moved":
        return reply.redirect(302, "/items/7");
      case "GET /items/7":
        return reply.json({ id: "7" });
      default:
        return reply.json({ message: path }, 404);
    }
  },
  async call(use) {
    const { data, error, response } = await clientFor(use).PUT("/items/{id}", {
      params: { path: { id: "7" } },
      body: { note: "hello" },
    });
    return error === undefined ? { data, status: response.status, url: response.url } : { error };
  },
  async stream(use) {
    const { data } = await clientFor(use).GET("/items/{id}", { params: { path: { id: "long" } }, parseAs: "stream" });
    let text = "";
    for await (const chunk of data as ReadableStream<Uint8Array>) {
      use.seen();
      text += Buffer.from(chunk).toString();
    }
    return text;
  },
  async upload(use) {
    const form = new FormData();
    form.set("file", new File(["line one\n"], "notes.txt", { type: "text/plain" }));
    const { data } = await clientFor(use).POST("/files", { body: form as never, bodySerializer: (body) => body });
    return data;
  },
  async redirect(use) {
    const { data, response } = await clientFor(use).GET("/items/{id}", { params: { path: { id: "moved" } } });
    return { data, url: response.url, redirected: response.redirected };
  },
  denied: { onDeny: "respond", resolves: true },
});
