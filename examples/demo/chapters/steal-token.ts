import { requestLine, type Scene } from "../stage.js";
import { REFUND } from "./ask-refund.js";

/** Somebody who sits inside the ledger keeps the token of a read, and tries to write with it. */
export async function stealToken({ story, world }: Scene): Promise<void> {
  story.step("Somebody in the ledger keeps the token of that read");
  const { origin, refunds, tokensSeen } = world.ledger;
  const before = refunds.length;
  const token = tokensSeen().at(-1) ?? "";
  const { scope } = await world.authorizationServer.introspect(token);
  const response = await fetch(`${origin}/api/refunds`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(REFUND),
  });
  const challenge = response.headers.get("www-authenticate") ?? "";
  await response.body?.cancel();
  story.says("ledger", `With it, past the guard: ${requestLine("POST", "/api/refunds", REFUND)}`);
  story.says("ledger", `${response.status} ${challenge}`);
  story.claim(
    `the token of a read is good for "${scope}" alone: a write with it is refused`,
    scope === "invoices:read" && response.status === 403 && challenge.includes('error="insufficient_scope"'),
  );
  story.claim("no refund was made", refunds.length === before);
}
