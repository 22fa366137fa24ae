import type { Session } from "sallyport";
import { findGuardError } from "sallyport";
import { createAgent } from "../agent.js";
import type { Scene, Stage } from "../stage.js";
import { TICKET } from "../ticket.js";

/** Whom the agent acts for. */
export const MARIA: {
  readonly sub: string;
  readonly name: string;
  readonly email: string;
  readonly tenant: string;
  readonly groups: string[];
} = {
  sub: "maria",
  name: "Maria Lindqvist",
  email: "maria@support.example",
  tenant: "acme",
  groups: ["support"],
};

/** A person's identity token opens a session; a token for somebody else does not. */
export async function openSession(stage: Stage): Promise<Scene> {
  const { story, world, signal, eyes } = stage;
  story.step("A session belongs to a person, an agent and a purpose");
  story.says("agent", "Maria has signed in and asked me to look into ticket 4711.");
  const wanted = TICKET;
  const open = async (identityToken: string): Promise<Session> =>
    world.guard.openSession({ ...wanted, identityToken }, { signal });

  story.says("agent", "First with a token of hers that another application got. Then with the right one.");
  const foreign = await world.authorizationServer.issueUserToken({ ...MARIA, aud: "another-application" });
  const refusal = await open(foreign).then(() => undefined, findGuardError);
  const session = await open(await world.authorizationServer.issueUserToken(MARIA));
  eyes.see(session);

  story.says("guard", refusal?.message ?? "Opened a session.");
  const minutes = Math.round((session.expiresAt.getTime() - Date.now()) / 60_000);
  story.says(
    "guard",
    `Verified with the issuer's keys: ${session.principal.name}, ${session.principal.groups?.join(", ")}. The session ends in ${minutes} minutes.`,
  );
  story.claim(
    "the session belongs to the person the token proves",
    session.principal.id === "maria" && session.principal.issuer === world.authorizationServer.issuer,
  );
  story.claim("a token made for another application opens nothing", refusal?.code === "IDENTITY_REFUSED");
  return { ...stage, session, agent: createAgent(session.fetch, world.ledger.origin, eyes, signal) };
}
