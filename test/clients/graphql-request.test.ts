import { GraphQLClient } from "graphql-request";
import { describeClient, type Use } from "./support/contract.js";

const clientFor = ({ fetch, origin }: Use, path = "/graphql"): GraphQLClient =>
  new GraphQLClient(origin + path, { fetch });

const ISSUE = "query Issue($id: ID!) { issue(id: $id) { title } }";
const ask = (use: Use, path?: string): Promise<unknown> => clientFor(use, path).request(ISSUE, { id: "7" });

describeClient("graphql-request, through the guard,", {
  async answer({ method, path, body }, reply) {
    switch (`${method} ${path}`) {
      case "POST /graphql": {
        const { variables } = JSON.parse(body.toString()) as { variables: { id: string } };
        return reply.json({ data: { issue: { title: `issue ${variables.id.slice(0, 10)}` } } });
      }
      case "POST /moved":
        return reply.redirect(307, "/graphql");
      default:
        return reply.json({ errors: [{ message: path }] }, 404);
    }
  },
  call: (use) => ask(use),
  /** It uploads nothing but variables. */
  upload: (use) => clientFor(use).request(ISSUE, { id: "7".repeat(200_000) }),
  redirect: (use) => ask(use, "/moved"),
  denied: { onDeny: "respond" },
  service: { protocol: "graphql" },
  subject: { graphql: { operation: "query" } },
  rules: [{ id: "old-address", effect: "allow", service: "vendor", methods: ["POST"], path: "/moved" }],
});
