import { createTokenBroker, Secret } from "../../src/broker/index.js";
import { fileStore } from "../../src/store/index.js";

/** Gets a credential, says its fingerprint, and waits to be killed. */
const [directory = ""] = process.argv.slice(2);
const broker = createTokenBroker({
  leases: fileStore(directory).credentials!,
  providers: {
    vault: {
      issue: async () => ({
        secret: new Secret("secret-that-must-not-be-on-the-disk"),
        placement: { in: "header", name: "authorization", prefix: "Bearer " },
        scope: [],
        lifetimeMs: 600_000,
        revocable: true,
        lease: "lease-4711",
      }),
    },
  },
});
const { facts } = await broker.authorise(
  {
    credential: "vault",
    service: "crm",
    origins: ["https://crm.internal.example"],
    session: { id: "dead-session", principal: { id: "ada", type: "human" }, agent: { id: "bot" } },
  },
  { signal: new AbortController().signal },
);
process.stdout.write(`${facts.kid}\n`);
setInterval(() => {}, 1_000);
