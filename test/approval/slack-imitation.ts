import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

// biome-ignore lint/suspicious/noExplicitAny: JSON in the shape of somebody else, looked at in every corner
type Json = any;

/** A call to Slack's Web API that it would have taken. */
export interface SlackCall {
  readonly method: string;
  readonly body: Json;
}

export interface SlackImitation {
  readonly apiUrl: string;
  readonly calls: SlackCall[];
  /** Answers the next call so, as Slack does when it refuses. */
  refuse(error: string): void;
  close(): Promise<void>;
}

/**
 * Slack's Web API as far as we use it: answers 200 with `ok: false` and Slack's own words for whatever its documentation does
 * not allow (methods, scopes, Block Kit's limits).
 */
export async function startSlack(token: string): Promise<SlackImitation> {
  const calls: SlackCall[] = [];
  const messages = new Set<string>();
  let refusal: string | undefined;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const method = (request.url ?? "").replace("/api/", "");
      const answer = (value: object): void => void response.end(JSON.stringify(value));
      response.setHeader("content-type", "application/json");
      if (request.headers.authorization !== `Bearer ${token}`) return answer({ ok: false, error: "invalid_auth" });
      if (request.headers["content-type"] !== "application/json; charset=utf-8")
        return answer({ ok: false, error: "invalid_post_type" });
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Json;
      const error = refusal ?? problemOf(method, body, messages);
      refusal = undefined;
      if (error !== null) return answer({ ok: false, error });
      calls.push({ method, body });
      const ts = `1700000000.${String(calls.length).padStart(6, "0")}`;
      if (method === "chat.postMessage") messages.add(`${body["channel"]} ${ts}`);
      answer({ ok: true, channel: body["channel"], ts });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    apiUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api`,
    calls,
    refuse: (error) => {
      refusal = error;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function problemOf(method: string, body: Json, messages: ReadonlySet<string>): string | null {
  if (!["chat.postMessage", "chat.update", "chat.postEphemeral"].includes(method)) return "unknown_method";
  if (!/^[CGD][A-Z0-9]{2,}$/.test(body["channel"])) return "channel_not_found";
  if (typeof body["text"] !== "string" || body["text"].length > 4_000) return "no_text";
  if (method === "chat.update" && !messages.has(`${body["channel"]} ${body["ts"]}`)) return "message_not_found";
  if (method === "chat.postEphemeral" && !/^[UW]/.test(body["user"])) return "user_not_in_channel";
  if (body["thread_ts"] !== undefined && !messages.has(`${body["channel"]} ${body["thread_ts"]}`))
    return "thread_not_found";
  const blocks = (body["blocks"] ?? []) as Json[];
  return blocks.length <= 50 && blocks.every(isBlock) ? null : "invalid_blocks";
}

/** https://docs.slack.dev/reference/block-kit */
function isBlock(block: Json): boolean {
  if (block["block_id"] !== undefined && block["block_id"].length > 255) return false;
  switch (block["type"]) {
    case "header":
      return isPlain(block["text"], 150);
    case "rich_text":
      return block["elements"].every(
        (element: Json) =>
          element.type === "rich_text_preformatted" &&
          element.elements.every(
            (part: Json) => part.type === "text" && part.text.length > 0 && part.text.length <= 4_000,
          ),
      );
    case "actions":
      return block["elements"].length <= 25 && block["elements"].every(isButton);
    default:
      return false;
  }
}

const isPlain = (text: Json, most: number): boolean =>
  text.type === "plain_text" && text.text.length > 0 && text.text.length <= most;

const isButton = (button: Json): boolean =>
  button.type === "button" &&
  isPlain(button.text, 75) &&
  button.action_id.length <= 255 &&
  button.value.length <= 2_000 &&
  ["primary", "danger"].includes(button.style);

/** A click as Slack sends it, signed. */
export function clickOn(
  call: SlackCall,
  action: "sallyport_approve" | "sallyport_deny",
  options: {
    user: string;
    secret: string;
    nowMs: number;
    ts: string;
    name?: string;
    tamper?: (body: string) => string;
    /** Comes behind the payload, and is signed. */
    append?: string;
  },
): Request {
  const button = call.body["blocks"]
    .find((block: Json) => block.type === "actions")
    .elements.find((one: Json) => one.action_id === action);
  const payload = {
    type: "block_actions",
    user: { id: options.user, username: options.name ?? "x", name: options.name ?? "x", team_id: "T1" },
    team: { id: "T1", domain: "acme" },
    container: { type: "message", message_ts: options.ts, channel_id: call.body["channel"], is_ephemeral: false },
    response_url: "https://hooks.slack.com/actions/T1/1/x",
    actions: [{ type: "button", action_id: button.action_id, block_id: "b", value: button.value, action_ts: "1.1" }],
  };
  const body = `payload=${encodeURIComponent(JSON.stringify(payload))}${options.append ?? ""}`;
  const timestamp = String(Math.floor(options.nowMs / 1000));
  const signature = createHmac("sha256", options.secret).update(`v0:${timestamp}:${body}`).digest("hex");
  return new Request("https://guard.example/slack", {
    method: "POST",
    headers: {
      "content-type": "application/x-www-form-urlencoded",
      "x-slack-request-timestamp": timestamp,
      "x-slack-signature": `v0=${signature}`,
    },
    body: options.tamper?.(body) ?? body,
  });
}
