import { requestLine, type Scene } from "../stage.js";

/** What no rule allows does not leave, however the path is spelled. */
export async function tryAdmin({ story, world, agent, person }: Scene): Promise<void> {
  story.step("The agent tries the admin API");
  const before = { ledger: world.ledger.received.length, tokens: world.authorizationServer.tokenRequests.length };
  story.says("agent", requestLine("DELETE", "/admin/customers/1042"));
  const denied = await agent.call("DELETE", "/admin/customers/1042");
  const sentence = denied.kind === "refused" ? denied.error.toModelText() : "";
  story.says("guard", sentence);

  const spellings = [
    "/admin//customers/1042",
    "/ADMIN/api-keys",
    "/api/..%2fadmin/api-keys",
    "/api/%2e%2e/admin/api-keys",
    "/admin;x/api-keys",
  ];
  story.says("agent", `Other spellings, then: ${spellings.join("  ")}`);
  const codes: string[] = [];
  for (const path of spellings) {
    const outcome = await agent.call("GET", path);
    codes.push(outcome.kind === "refused" ? outcome.error.code : `ANSWERED ${outcome.status}`);
  }
  story.says("guard", codes.join("  "));
  const after = { ledger: world.ledger.received.length, tokens: world.authorizationServer.tokenRequests.length };
  story.says("ledger", `Nothing arrived. ${after.ledger} requests so far, as before.`);

  story.claim(
    "the admin API is denied by a rule, and the model is told to stop",
    denied.kind === "refused" && denied.error.code === "RULE_DENY" && sentence.includes("Do not retry"),
  );
  story.claim(
    "no spelling of the path gets around the rule",
    codes.every((code) => code === "RULE_DENY" || code === "URL_AMBIGUOUS" || code === "NO_RULE"),
  );
  story.claim(
    "the ledger saw nothing, no token was fetched, nobody was asked",
    after.ledger === before.ledger && after.tokens === before.tokens && person.questions.length === 0,
  );
}
