import type { Scene } from "../stage.js";

/** The session ends, and with it everything it could do. */
export async function endSession({ story, world, session, agent, eyes }: Scene): Promise<void> {
  story.step("The session ends");
  const { authorizationServer, ledger } = world;
  const tokens = ledger.tokensSeen();
  const active = async (): Promise<number> => {
    const answers = await Promise.all(tokens.map((token) => authorizationServer.introspect(token)));
    return answers.filter((answer) => answer["active"] === true).length;
  };
  const before = await active();
  await session.close();
  const after = await active();
  story.says(
    "guard",
    `Closed. Of the ${tokens.length} access tokens that were in use, ${before} were active and ${after} are now.`,
  );

  const statuses = await Promise.all(tokens.map((token) => presentTo(ledger.origin, token)));
  story.says("ledger", `Somebody came with the old tokens: ${statuses.join(", ")}.`);
  story.says("agent", "One more look at the customer?");
  const late = await agent.call("GET", "/api/customers/1042");
  if (late.kind === "refused") story.says("guard", late.error.toModelText());

  story.claim(
    "every token was revoked: the authorization server calls it inactive",
    tokens.length > 0 && before > 0 && after === 0,
  );
  story.claim(
    "the ledger answers 401 to each of them",
    statuses.every((status) => status === 401),
  );
  story.claim(
    "the agent's fetch refuses everything from that moment",
    late.kind === "refused" && late.error.code === "SESSION_CLOSED",
  );
  story.claim("in the whole session the agent saw none of these tokens", !eyes.haveSeen(tokens));
}

/** What a thief would do: without the guard, straight at the ledger. */
async function presentTo(origin: string, token: string): Promise<number> {
  const response = await fetch(`${origin}/api/customers/1042`, { headers: { authorization: `Bearer ${token}` } });
  await response.arrayBuffer();
  return response.status;
}
