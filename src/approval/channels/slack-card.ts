import { renderCard } from "../card.js";
import type { ApprovalRequest } from "../types.js";

/** A Block Kit block. */
export type SlackBlock = Readonly<Record<string, unknown>>;

/** What a message has room for, well below Slack's 4,000 characters. */
const ROOM = 3_400;

export const APPROVE = "sallyport_approve";
export const DENY = "sallyport_deny";

/**
 * The card, preformatted: what is in such a block is text to Slack, never markup, a link, a mention or an emoji. The buttons
 * carry the approval's id and nothing else.
 */
export function questionBlocks(request: ApprovalRequest): readonly SlackBlock[] {
  const button = (text: string, style: string, action: string): SlackBlock => ({
    type: "button",
    text: plain(text),
    style,
    action_id: action,
    value: request.id,
  });
  return [
    { type: "header", text: plain("An agent asks for approval") },
    preformatted(renderCard(request, 80)),
    {
      type: "actions",
      block_id: request.id,
      elements: [button("Approve, once", "primary", APPROVE), button("Deny", "danger", DENY)],
    },
  ];
}

/** What takes its place: without buttons. */
export const closedBlocks = (outcome: string, id: string): readonly SlackBlock[] => [
  { type: "header", text: plain("An agent asked for approval") },
  preformatted(`Approval ${id}\n${outcome}`),
];

export const plain = (text: string): SlackBlock => ({ type: "plain_text", text, emoji: false });

const preformatted = (text: string): SlackBlock => ({
  type: "rich_text",
  elements: [{ type: "rich_text_preformatted", elements: [{ type: "text", text: fitting(text) }] }],
});

/** The beginning and the end: the end says who asks, why, and what the agent claims. */
function fitting(text: string): string {
  if (text.length <= ROOM) return text;
  const lines = text.split("\n");
  const size = (some: readonly string[]): number => some.reduce((sum, line) => sum + line.length + 1, 0);
  let head = lines.slice(0, Math.floor(lines.length / 2));
  let tail = lines.slice(head.length);
  while (head.length > 1 && size(head) > ROOM / 2) head = head.slice(0, -1);
  while (tail.length > 1 && size(tail) > ROOM / 2 - 80) tail = tail.slice(1);
  const left = lines.length - head.length - tail.length;
  return [...head, `  TRUNCATED: ${left} more lines do not fit into a message.`, ...tail]
    .join("\n")
    .slice(0, ROOM + 200);
}
