import { clientCredentials, createTokenBroker } from "../../src/broker/index.js";

/** Gets a token of an hour and does nothing more: the process ends by itself, and not before it has the token. */
const [issuer = ""] = process.argv.slice(2);
const broker = createTokenBroker({
  providers: {
    crm: clientCredentials({
      issuer,
      clientId: "crm-agent",
      authentication: { method: "client_secret_post", secret: "secret" },
      formats: ["opaque"],
      allowInsecure: true,
    }),
  },
});
const { facts } = await broker.authorise(
  {
    credential: "crm",
    service: "crm",
    origins: ["https://crm.internal.example"],
    session: { id: "s", principal: { id: "ada", type: "human" }, agent: { id: "bot" } },
  },
  { signal: new AbortController().signal },
);
process.stdout.write(`issued for ${facts.ttlMs} ms`);
