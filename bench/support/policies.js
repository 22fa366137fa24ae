// The policies and requests that `decide` is measured with, alone and beside other engines.

export const ORIGIN = "https://crm.internal.example";

export const CONTEXT = {
  principal: { id: "ada", type: "human", groups: ["support"] },
  agent: { id: "bench" },
  session: { id: "s", purpose: "benchmark", startedAt: 0, expiresAt: 3_600_000 },
  now: 1,
};

/** The one rule that looks into the body. */
const JUDGES_BODY = 1;

/** So many rules over so many resources, in words that every engine can be given; every tenth rule is a deny. */
export const rulesFor = (count) =>
  Array.from({ length: count }, (_, index) => {
    const deny = index % 10 === 9;
    return {
      id: `rule-${index}`,
      effect: deny ? "deny" : "allow",
      methods: index % 3 === 0 ? ["GET"] : ["GET", "POST"],
      prefix: deny ? `/api/v1/closed-${index}` : `/api/v1/resource-${index}`,
      judgesBody: index === JUDGES_BODY,
    };
  });

/** The same as a policy of ours. */
export const documentFor = (count) => ({
  version: 1,
  services: { crm: { origins: [ORIGIN] } },
  rules: rulesFor(count).map(({ prefix, judgesBody, ...rule }) => ({
    ...rule,
    service: "crm",
    path: rule.effect === "deny" ? `${prefix}/**` : `${prefix}/{id}`,
    ...(judgesBody ? { body: { "/amount": { gte: 0, lte: 500 }, "/currency": ["EUR", "USD"] } } : {}),
  })),
});

const get = (path, method = "GET") => ({ method, path, url: ORIGIN + path, headers: { accept: "application/json" } });

/** Requests spread over the rules: 64 that one rule allows, and 64 that are allowed for their path, not for their method. */
export const requestsFor = (count) => {
  const paths = Array.from({ length: 64 }, (_, turn) => {
    const rule = (Math.floor((turn * count) / 64 / 10) * 10 + 2) % count;
    return `/api/v1/resource-${rule}/${turn}`;
  });
  return { allowed: paths.map((path) => get(path)), denied: paths.map((path) => get(path, "DELETE")) };
};

/** What a deny rule, and no rule, is about. */
export const refusedRequests = [get("/api/v1/closed-9/1"), get("/api/v1/closed-19/keys"), get("/api/v1/elsewhere/1")];

/** A JSON body of 4 KB. */
export const bodyOf = (amount) =>
  JSON.stringify({
    amount,
    currency: "EUR",
    lines: Array.from({ length: 60 }, (_, id) => ({
      id,
      sku: `A-${1000 + id}`,
      quantity: 2,
      note: "as agreed by phone",
    })),
  });

/** A request whose body is judged. */
export const postOf = (body) => ({
  ...get(`/api/v1/resource-${JUDGES_BODY}/42`, "POST"),
  headers: { "content-type": "application/json" },
  body: new TextEncoder().encode(body),
});

/** A GraphQL service, and the body of a small query to it: with the same text each time, or with another each time. */
export const TRACKER = {
  version: 1,
  services: { tracker: { origins: ["https://tracker.internal.example"], protocol: "graphql" } },
  rules: [
    {
      id: "read",
      effect: "allow",
      service: "tracker",
      graphql: { operation: "query", fields: ["viewer", "issues", "issue"] },
    },
    { id: "keep", effect: "deny", service: "tracker", graphql: { fields: ["deleteIssue"] } },
  ],
};

export const queryOf = (turn) => ({
  method: "POST",
  url: "https://tracker.internal.example/graphql",
  headers: { "content-type": "application/json" },
  body: new TextEncoder().encode(
    JSON.stringify({
      query: `query Open($first: Int!) { viewer { login } issues(first: $first, state: OPEN) { nodes { id${turn} title author { login } } } }`,
      operationName: "Open",
      variables: { first: 20 },
    }),
  ),
});
