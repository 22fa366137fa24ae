/** A button that somebody pressed. */
export interface SlackClick {
  readonly approvalId: string;
  readonly action: string;
  readonly user: string;
  readonly team: string;
  readonly channel: string;
  /** Of the message with the button. */
  readonly ts: string;
}

/** Reads a click out of an interaction (`payload=…`, a form); null for anything else. Names for display are not read. */
export function readClick(body: Uint8Array, actions: readonly string[]): SlackClick | null {
  let payload: unknown;
  try {
    payload = JSON.parse(new URLSearchParams(Buffer.from(body).toString()).get("payload") ?? "");
  } catch {
    return null;
  }
  if (text(payload, "type") !== "block_actions") return null;
  const list = member(payload, "actions");
  const pressed: unknown = Array.isArray(list) && list.length === 1 ? list[0] : null;
  const click = {
    approvalId: text(pressed, "value"),
    action: text(pressed, "action_id"),
    user: text(member(payload, "user"), "id"),
    team: text(member(payload, "team"), "id") || text(member(payload, "user"), "team_id"),
    channel: text(member(payload, "container"), "channel_id"),
    ts: text(member(payload, "container"), "message_ts"),
  };
  const complete = [click.approvalId, click.user, click.team, click.channel, click.ts].every((part) => part !== "");
  return complete && actions.includes(click.action) ? click : null;
}

function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

function text(value: unknown, name: string): string {
  const found = member(value, name);
  return typeof found === "string" && found.length <= 256 ? found : "";
}
