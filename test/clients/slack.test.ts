import { WebClient } from "@slack/web-api";
import { describeClient, type Use } from "./support/contract.js";

const clientFor = ({ fetch, origin, retries }: Use): WebClient =>
  new WebClient("xoxb-none", {
    slackApiUrl: `${origin}/api/`,
    fetch,
    ...(retries ? {} : { retryConfig: { retries: 0 } }),
  });

describeClient("@slack/web-api, through the guard,", {
  answer({ method, path, url, body }, reply) {
    switch (`${method} ${path}`) {
      case "POST /api/chat.postMessage":
        return reply.json({ ok: true, ts: "1.1", message: { text: new URLSearchParams(body.toString()).get("text") } });
      case "POST /api/files.getUploadURLExternal":
        return reply.json({ ok: true, upload_url: `${url.origin}/upload/v1/abc`, file_id: "F1" });
      case "POST /upload/v1/abc":
        return reply.bytes("OK - 9", "text/plain");
      case "POST /api/files.completeUploadExternal":
        return reply.json({ ok: true, files: [{ id: "F1", title: "notes.txt" }] });
      case "POST /api/conversations.list":
        if (new URLSearchParams(body.toString()).get("cursor") === "two")
          return reply.json({ ok: true, channels: [2] });
        return reply.json({ ok: true, channels: [1], response_metadata: { next_cursor: "two" } });
      case "POST /api/auth.test":
        return reply.redirect(302, "/api/elsewhere");
      default:
        return reply.json({ ok: false, error: "unknown_method" });
    }
  },
  call: (use) => clientFor(use).chat.postMessage({ channel: "C1", text: "hello" }),
  /** It streams nothing; this is its paging, a call for each page. */
  async stream(use) {
    const pages: unknown[] = [];
    for await (const page of clientFor(use).paginate("conversations.list", { limit: 1 })) pages.push({ ...page });
    return pages;
  },
  upload: (use) =>
    clientFor(use).files.uploadV2({ channel_id: "C1", file: Buffer.from("line one\n"), filename: "notes.txt" }),
  /** It follows none: `redirect: "error"`. */
  redirect: (use) => clientFor(use).auth.test(),
  denied: { onDeny: "slack" },
  /** Where this service is has an address instead of a name, and an address in an answer would be masked. */
  masking: { detectors: ["EMAIL", "CREDIT_CARD"] },
});
