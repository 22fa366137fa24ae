import { Octokit as Core } from "@octokit/core";
import { Octokit } from "octokit";
import { describe } from "vitest";
import { describeClient, type Use } from "./support/contract.js";

const coreFor = ({ fetch, origin }: Use): Core => new Core({ auth: "none", baseUrl: origin, request: { fetch } });
const fullFor = ({ fetch, origin, retries }: Use): Octokit =>
  new Octokit({
    auth: "none",
    baseUrl: origin,
    request: { fetch },
    throttle: { enabled: false },
    ...(retries ? {} : { retry: { enabled: false } }),
  });

describe.each([
  ["@octokit/core", coreFor],
  ["octokit", fullFor as unknown as typeof coreFor],
])("%s", (_name, clientFor) => {
  describeClient("through the guard", {
    async answer({ method, path, url, body }, reply) {
      switch (`${method} ${path}`) {
        case "POST /repos/acme/app/issues":
          return reply.json({ number: 7, title: (JSON.parse(body.toString()) as { title: string }).title }, 201);
        case "GET /repos/acme/app/issues":
          if (url.searchParams.get("page") === "2") return reply.json([{ number: 2 }]);
          return reply.json([{ number: 1 }], 200, { link: `<${url.origin}${path}?page=2>; rel="next"` });
        case "GET /repos/acme/app/tarball/main":
          return await reply.stream("application/octet-stream", ["first part,", "second part"]);
        case "POST /repos/acme/app/releases/1/assets":
          return reply.json({ id: 1, size: body.byteLength }, 201);
        case "GET /repos/acme/old-name":
          return reply.redirect(301, "/repos/acme/app");
        case "GET /repos/acme/app":
          return reply.json({ full_name: "acme/app" });
        default:
          return reply.json({ message: "Not Found" }, 404);
      }
    },
    async call(use) {
      const issue = { owner: "acme", repo: "app", title: "It works" };
      const { data, status, url } = await clientFor(use).request("POST /repos/{owner}/{repo}/issues", issue);
      return { data, status, url };
    },
    async stream(use) {
      const { data } = await clientFor(use).request("GET /repos/{owner}/{repo}/tarball/{ref}", {
        owner: "acme",
        repo: "app",
        ref: "main",
        request: { parseSuccessResponseBody: false },
      });
      const decoder = new TextDecoder();
      let text = "";
      for await (const chunk of data as unknown as ReadableStream<Uint8Array>) {
        use.seen();
        text += decoder.decode(chunk, { stream: true });
      }
      return text;
    },
    upload: async (use) =>
      (
        await clientFor(use).request("POST /repos/{owner}/{repo}/releases/{release_id}/assets", {
          owner: "acme",
          repo: "app",
          release_id: 1,
          name: "app.zip",
          data: Buffer.from("PK not really").toString(),
          headers: { "content-type": "application/zip" },
        })
      ).data,
    async redirect(use) {
      const { data, url } = await clientFor(use).request("GET /repos/{owner}/{repo}", {
        owner: "acme",
        repo: "old-name",
      });
      return { data, url };
    },
    denied: { onDeny: "respond" },
  });
});
