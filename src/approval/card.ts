import type { ApprovalRequest } from "./types.js";
import { visible, visibleLines } from "./visible.js";

const MAX_BODY_LINES = 80;
const MAX_PLACEHOLDERS = 40;
const LABEL = 12;

/**
 * The question as text: what would be sent, for whom, why a person is asked, and last what the agent claims. Every line
 * begins with a label or a bar of ours; nothing that an agent wrote can begin a line, end one, or hide in one.
 */
export function renderCard(request: ApprovalRequest, width = 96): string {
  const { subject, http, why } = request;
  const field = (label: string, text: string): readonly string[] =>
    visibleLines(visible(text), width - LABEL).map(
      (line, index) => `  ${(index === 0 ? label : "").padEnd(LABEL - 2)}${line}`,
    );
  const person = subject.onBehalfOf === undefined ? "" : ` for ${subject.onBehalfOf}`;
  return [
    `Approval ${visible(request.id)}`,
    ...field("method", http.method),
    ...field("host", http.origin),
    ...field("path", http.path),
    ...http.query.flatMap(([name, value], index) =>
      field(index === 0 ? "query" : "", `${quoted(name)} = ${quoted(value)}`),
    ),
    ...Object.entries(http.headers).flatMap(([name, value]) => field("header", `${name}: ${value}`)),
    ...bodyLines(request, width),
    ...placeholderLines(request).flatMap((line, index) => field(index === 0 ? "values" : "", line)),
    ...field("agent", `${subject.agent}${person}${subject.tenant === "" ? "" : ` (tenant ${subject.tenant})`}`),
    ...(subject.delegatedBy === undefined ? [] : field("through", subject.delegatedBy.map(quoted).join(" > "))),
    ...field("rule", `${why.ruleId} (policy ${why.policyDigest.slice(0, 19)})`),
    ...(why.reason === undefined ? [] : field("reason", why.reason)),
    ...(why.risk === undefined ? [] : field("risk", why.risk)),
    ...quorumLines(request).flatMap((line, index) => field(index === 0 ? "quorum" : "", line)),
    ...(request.grant.uses === 1 ? [] : field("grant", `a yes is good for ${request.grant.uses} of these requests`)),
    ...(request.grant.vary ?? []).flatMap((place, index) =>
      field(index === 0 ? "varies" : "", `${quoted(place)} may be another value, within the rule, unless you pin it`),
    ),
    ...(request.reminderNo === 0 ? [] : field("reminder", `number ${request.reminderNo}`)),
    ...(request.escalatedTo === undefined ? [] : field("escalated", `to ${request.escalatedTo}`)),
    ...field("expires", request.expiresAt),
    ...(request.agentReason === undefined
      ? []
      : ["  The agent claims, and nobody has checked:", ...visibleLines(request.agentReason, width - 6).map(barred)]),
  ].join("\n");
}

/** What is known of the values that are shown as placeholders. */
function placeholderLines({ http: { placeholders = [] } }: ApprovalRequest): readonly string[] {
  const lines = placeholders
    .slice(0, MAX_PLACEHOLDERS)
    .map(
      ({ placeholder, kind, origins, place }) =>
        `${quoted(place)}: ${placeholder} is a value of kind ${kind}, from ${origins.join(", ")}`,
    );
  const hidden = placeholders.length - lines.length;
  return hidden === 0 ? lines : [...lines, `TRUNCATED: ${hidden} more placeholders are not shown.`];
}

/** Nothing where one yes is enough. */
function quorumLines({ quorum }: ApprovalRequest): readonly string[] {
  if (quorum.entries.length === 1 && quorum.entries[0]?.n === 1) return [];
  return quorum.entries.map(({ name, n, approvedBy }) => {
    const who = approvedBy.length === 0 ? "" : ` (${approvedBy.join(", ")})`;
    return `${name}: ${approvedBy.length} of ${n}${who}`;
  });
}

function bodyLines({ http }: ApprovalRequest, width: number): readonly string[] {
  const { body, contentType } = http;
  if (body.bytes === 0) return ["  body      none"];
  const type = contentType === undefined ? "no media type" : visible(contentType);
  const lines = visibleLines(body.preview, width - 6);
  const hidden = lines.length - MAX_BODY_LINES;
  const shown = Buffer.byteLength(body.preview, "utf8");
  const coding = http.headers["content-encoding"];
  return [
    `  body      ${body.bytes} bytes, ${type}, SHA-256 ${visible(body.sha256)}`,
    ...(isOtherCharset(contentType)
      ? ["  UNREADABLE: the body says that it is not UTF-8, and is shown as if it were."]
      : []),
    ...(coding === undefined || coding === "identity"
      ? []
      : ["  UNREADABLE: the body is compressed or coded, and is shown as it is sent."]),
    ...lines.slice(0, MAX_BODY_LINES).map(barred),
    ...(hidden > 0 ? [`  TRUNCATED: ${hidden} more lines are not shown.`] : []),
    ...(body.truncated
      ? [`  TRUNCATED: only about ${Math.min(shown, body.bytes)} of ${body.bytes} bytes are shown.`]
      : []),
  ];
}

/** A server that decodes it differently reads another text than the one that is shown. */
const isOtherCharset = (contentType: string | undefined): boolean =>
  /^(?!"?(?:utf-?8|us-ascii)"?\s*(?:;|$))/i.test(/;\s*charset\s*=\s*(.*)$/i.exec(contentType ?? "")?.[1] ?? "utf-8");

const barred = (line: string): string => `    | ${line}`;

/** Quoted as JSON, so that ` = ` and a comma inside a name are seen to be inside. */
const quoted = (text: string): string => JSON.stringify(text);
