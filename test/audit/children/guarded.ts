import { createGuard } from "../../../src/index.js";

/**
 * One POST through a guard. `before`: the process dies after the intent, before a byte leaves. `during`: it waits for the
 * answer, and whoever answers kills it.
 */
const [, , directory = "", origin = "", when = ""] = process.argv;
const guard = await createGuard({
  policy: {
    version: 1,
    services: { api: { origins: [origin], addresses: ["127.0.0.0/8"] } },
    rules: [{ id: "all", effect: "allow", service: "api", methods: ["POST"], path: "/**" }],
  },
  audit: { directory },
  ...(when === "before"
    ? {
        transport: {
          fetch: () => {
            process.kill(process.pid, "SIGKILL");
            return new Promise<Response>(() => {});
          },
        },
      }
    : {}),
});
const session = await guard.openSession({
  principal: { id: "ada", type: "human" },
  agent: { id: "bot" },
  purpose: "die",
});
await session.fetch(`${origin}/payments`, { method: "POST", body: "1" });
