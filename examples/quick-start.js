import { createServer } from "node:http";
import { createGuard, findGuardError } from "sallyport";

// A stand-in for your SaaS, such as https://crm.internal.example.
const saas = createServer((_request, response) => {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ id: 42, name: "Grace", email: "grace@example.com", card: "4111 1111 1111 1111" }));
});
await new Promise((resolve) => saas.listen(0, "127.0.0.1", () => resolve(saas)));
const origin = `http://127.0.0.1:${Object(saas.address()).port}`;

const guard = await createGuard({
  policy: {
    version: 1,
    services: { crm: { origins: [origin], addresses: ["127.0.0.0/8"] } },
    rules: [{ id: "read-accounts", effect: "allow", service: "crm", methods: ["GET"], path: "/accounts/{id}" }],
  },
});
const session = await guard.openSession({
  principal: { id: "ada", type: "human" },
  agent: { id: "support-bot" },
  purpose: "answer ticket 4711",
});

const account = await session.fetch(`${origin}/accounts/42`);
console.log(await account.text());

try {
  await session.fetch(`${origin}/accounts/42`, { method: "DELETE" });
} catch (error) {
  console.log(findGuardError(error)?.toModelText());
}

await guard.close();
saas.close();
