import { isGuardError } from "../../errors/guard-error.js";
import { isApprovalNotPending } from "../../errors/guards.js";
import { across, callable, flag, needed, object, readOptions, type Shape, text } from "../../shapes/index.js";
import type { PlainFetch } from "../../transport/index.js";
import type { ApprovalDesk } from "../desk-types.js";
import { readApprover } from "../read-reply.js";
import { unavailable } from "../refusals.js";
import type { ApprovalCallback, ApprovalRequest, Approver } from "../types.js";
import { ProvenDecision } from "../votes/proven.js";
import { hmac, isRecent, isSame, rawBody } from "./hmac.js";
import { checkSecure, post, serverUrl } from "./post.js";
import { APPROVE, closedBlocks, DENY, questionBlocks } from "./slack-card.js";
import { readClick, type SlackClick } from "./slack-click.js";

/** Options of {@link slackChannel}. */
export interface SlackOptions {
  /** Bot token (`xoxb-…`) with the scope `chat:write`. */
  readonly token: string;
  /** Of the app's page, to check that clicks come from Slack. */
  readonly signingSecret: string;
  /** Id of the conversation that is asked. */
  readonly channel: string;
  /**
   * Who a Slack user is in your directory; null for nobody you know. Whoever is not mapped may not decide: being in the
   * channel is not a permission. The user's display name is never looked at.
   */
  readonly people: (user: { readonly id: string; readonly team: string }) => Promise<Approver | null>;
  /** Default `https://slack.com/api`. */
  readonly apiUrl?: string;
  /** Allows an http `apiUrl`, for tests. Default false. */
  readonly allowInsecure?: boolean;
  readonly fetch?: PlainFetch;
  readonly now?: () => number;
}

/** Asks in Slack, and hears the answers. */
export interface SlackChannel {
  /** For `approvals.request`. */
  readonly request: ApprovalCallback;
  /**
   * Handles the app's interactivity URL. Answers within Slack's three seconds, before a decision is counted. Nothing is
   * looked up for a click with a wrong signature (`v0`, over the raw body), one older than five minutes, or of somebody who is
   * not mapped. That signature is the proof: such a click counts where `verify` is configured, too.
   */
  interactions(approvals: Pick<ApprovalDesk, "decide" | "get">): (request: Request) => Promise<Response>;
  /** Resolves when the clicks that were taken have been counted and shown. */
  settled(): Promise<void>;
}

const OPTIONS: Shape<SlackOptions> = across(
  object<SlackOptions>({
    token: needed(text()),
    signingSecret: needed(text()),
    channel: needed(text()),
    people: needed(callable()),
    apiUrl: serverUrl,
    allowInsecure: flag,
    fetch: callable(),
    now: callable(),
  }),
  ({ apiUrl, allowInsecure }, place) => checkSecure(apiUrl, allowInsecure, place.at("apiUrl")),
);

/** Asks in a Slack conversation with a card and two buttons. @throws OptionsError */
export function slackChannel(options: SlackOptions): SlackChannel {
  const {
    token,
    signingSecret,
    channel,
    people,
    apiUrl = "https://slack.com/api",
    now = Date.now,
    fetch: send,
  } = readOptions(options, OPTIONS);
  /** Where the card of a question is, of those that were asked here. */
  const cards = new Map<string, string>();
  const working = new Set<Promise<void>>();
  const idle = new AbortController().signal;

  const call = async (method: string, body: object, signal: AbortSignal = idle): Promise<Record<string, unknown>> => {
    const text = await post("Slack", `${apiUrl}/${method}`, {
      headers: { "content-type": "application/json; charset=utf-8", authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
      signal,
      fetch: send ?? fetch,
    });
    const answer = parsed(text);
    if (answer["ok"] !== true) throw unavailable(`Slack refused ${method}`);
    return answer;
  };

  const close = (id: string, ts: string, outcome: string, where = channel): Promise<unknown> => {
    cards.delete(id);
    return call("chat.update", {
      channel: where,
      ts,
      text: escaped(`Approval ${id}: ${outcome}`),
      blocks: closedBlocks(outcome, id),
    });
  };

  const ask = async (request: ApprovalRequest, signal: AbortSignal): Promise<void> => {
    const earlier = cards.get(request.id);
    const thread = earlier === undefined ? {} : { thread_ts: earlier };
    const answer = await call(
      "chat.postMessage",
      {
        channel,
        ...thread,
        text: `An agent asks for approval ${request.id}`,
        blocks: questionBlocks(request),
        unfurl_links: false,
        unfurl_media: false,
      },
      signal,
    );
    const ts = answer["ts"];
    if (typeof ts !== "string" || earlier !== undefined) return;
    cards.set(request.id, ts);
    signal.addEventListener("abort", () => {
      if (cards.get(request.id) === ts) track(close(request.id, ts, "The question no longer stands."));
    });
  };

  const track = (work: Promise<unknown>): void => {
    const done = work.then(
      () => undefined,
      () => undefined,
    );
    working.add(done);
    done.finally(() => working.delete(done)).catch(() => undefined);
  };

  /** Counts a click of somebody who is known, and shows what became of it in the card's place. */
  const decide = async (
    approvals: Pick<ApprovalDesk, "decide" | "get">,
    click: SlackClick,
    by: Approver,
  ): Promise<void> => {
    const record = await approvals.get(click.approvalId);
    const verdict = click.action === APPROVE ? "approve" : "deny";
    let outcome = "There is no such question.";
    if (record !== undefined) {
      try {
        const { state } = await approvals.decide(
          new ProvenDecision({
            approvalId: record.id,
            fingerprint: record.fingerprint,
            verdict,
            by,
            at: new Date(now()).toISOString(),
            nonce: `slack:${click.ts}:${by.id}:${verdict}`,
          }),
        );
        // One yes of several: the card stays for the others.
        if (state === "pending") return void (await say(click, `${escaped(by.id)} has said yes; more are needed.`));
        outcome = `${verdict === "approve" ? "Approved" : "Denied"} by ${by.id}. It is ${state} now.`;
      } catch (error) {
        if (isGuardError(error) && error.code === "APPROVAL_UNAVAILABLE")
          return void (await tell(click, "Your answer does not count for this request."));
        outcome = isApprovalNotPending(error)
          ? `Your answer came too late. It is ${error.state} already.`
          : "The question is over.";
      }
    }
    await close(click.approvalId, click.ts, outcome, click.channel);
  };

  /** Asks the directory first: of somebody who is not there, nothing is looked up. */
  const answerTo = async (approvals: Pick<ApprovalDesk, "decide" | "get">, click: SlackClick): Promise<unknown> => {
    let by: Approver | null;
    try {
      const known: unknown = await people({ id: click.user, team: click.team });
      const person = known === null || known === undefined ? null : readApprover(known);
      if (person?.ok === false) throw new TypeError(person.problem);
      by = person?.value ?? null;
    } catch {
      return await tell(click, "Who you are could not be looked up, so your answer does not count. Try again.");
    }
    if (by === null) return await tell(click, "You are not one of those who may decide this.");
    return await decide(approvals, click, by);
  };

  const tell = (click: SlackClick, text: string): Promise<unknown> =>
    call("chat.postEphemeral", { channel: click.channel, user: click.user, text });
  const say = (click: SlackClick, text: string): Promise<unknown> =>
    call("chat.postMessage", { channel: click.channel, thread_ts: click.ts, text });

  return {
    async request(request, control) {
      await ask(request, control.signal);
      return control.pending();
    },
    interactions: (approvals) => async (request) => {
      const body = await rawBody(request);
      const timestamp = request.headers.get("x-slack-request-timestamp");
      const signature = Buffer.from(request.headers.get("x-slack-signature") ?? "");
      const right = `v0=${hmac(signingSecret, `v0:${timestamp}:`, body ?? Buffer.alloc(0)).toString("hex")}`;
      if (body === null || !isRecent(timestamp, now()) || !isSame(Buffer.from(right), signature)) {
        return new Response(null, { status: 401 });
      }
      const click = readClick(body, [APPROVE, DENY]);
      if (click === null) return new Response(null, { status: 400 });
      track(answerTo(approvals, click));
      return new Response(null, { status: 200 });
    },
    async settled() {
      while (working.size > 0) await Promise.all(working);
    },
  };
}

/** In plain messages Slack reads these three as the beginning of mentions and links, and nothing else. */
const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
