// The same rules in the words of other engines, each in the way its documentation says is fast: what can be parsed before
// is parsed before. Each engine becomes a function of a request that says whether it is allowed.
import { createMongoAbility, subject } from "@casl/ability";
import cedar from "@cedar-policy/cedar-wasm/nodejs";
import { Environment } from "@marcbachmann/cel-js";
import { newEnforcer, newModelFromString, StringAdapter } from "casbin";

const decoder = new TextDecoder();
const readBody = ({ body }) => (body === undefined ? null : JSON.parse(decoder.decode(body)));

/** RESTful matching of path and method; the clause on the body by `eval`, reached only where those match. */
export async function casbin(rules) {
  const model = newModelFromString(`
[request_definition]
r = path, method, body
[policy_definition]
p = path, methods, condition, eft
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = keyMatch2(r.path, p.path) && regexMatch(r.method, p.methods) && eval(p.condition)
`);
  const lines = rules.map(({ prefix, effect, methods, judgesBody }) => {
    const path = effect === "deny" ? `${prefix}/*` : `${prefix}/:id`;
    const condition = judgesBody
      ? '"r.body.amount >= 0 && r.body.amount <= 500 && (r.body.currency == ""EUR"" || r.body.currency == ""USD"")"'
      : "true";
    return `p, ${path}, ^(${methods.join("|")})$, ${condition}, ${effect}`;
  });
  const enforcer = await newEnforcer(model, new StringAdapter(lines.join("\n")));
  return (request) => enforcer.enforceSync(request.path, request.method, readBody(request));
}

/**
 * Policies parsed once. The path becomes an entity below what it starts with, so that the scope of a policy names it: quicker
 * than `like` on a context. Of the body, the host passes on the members that policies speak of: the whole takes ten times as long.
 */
export function cedarWasm(rules) {
  const name = `rules-${rules.length}`;
  const text = rules.map(({ prefix, effect, methods, judgesBody }) => {
    const actions = methods.map((method) => `Action::"${method}"`).join(", ");
    const clause = judgesBody
      ? ' when { context has amount && context.amount >= 0 && context.amount <= 500 && ["EUR", "USD"].contains(context.currency) }'
      : "";
    return `${effect === "deny" ? "forbid" : "permit"}(principal, action in [${actions}], resource in Path::"${prefix}")${clause};`;
  });
  const parsed = cedar.preparsePolicySet(name, { staticPolicies: text.join("\n") });
  if (parsed.type !== "success") throw new Error(JSON.stringify(parsed.errors[0]));
  return (request) => {
    const body = readBody(request);
    const resource = { type: "Path", id: request.path };
    const answer = cedar.statefulIsAuthorized({
      principal: { type: "User", id: "ada" },
      action: { type: "Action", id: request.method },
      resource,
      context: body === null ? {} : { amount: body.amount, currency: body.currency },
      preparsedPolicySetId: name,
      entities: [{ uid: resource, attrs: {}, parents: [{ type: "Path", id: prefixOf(request.path) }] }],
    });
    if (answer.type !== "success") throw new Error(JSON.stringify(answer.errors[0]));
    return answer.response.decision === "allow";
  };
}

/** `/api/v1/resource-7` of a path below it. */
const prefixOf = (path) => path.slice(0, path.indexOf("/", "/api/v1/".length));

const conditionsOf = ({ prefix, effect, judgesBody }) => ({
  path: { $regex: new RegExp(`^${prefix}/${effect === "deny" ? ".*" : "[^/]+"}$`) },
  ...(judgesBody ? { "body.amount": { $gte: 0, $lte: 500 }, "body.currency": { $in: ["EUR", "USD"] } } : {}),
});

/** Rules by method and service, the path as a condition. */
export function casl(rules) {
  const ability = createMongoAbility(
    rules
      .toSorted((a, b) => Number(a.effect === "deny") - Number(b.effect === "deny"))
      .map((rule) => ({
        action: rule.methods,
        subject: "crm",
        conditions: conditionsOf(rule),
        inverted: rule.effect === "deny",
      })),
  );
  return (request) => ability.can(request.method, subject("crm", { path: request.path, body: readBody(request) }));
}

/** The host routes the path to a type of subject itself, so that CASL's own index finds the rule. */
export function caslRouted(rules) {
  const ability = createMongoAbility(
    rules.map((rule) => ({
      action: rule.methods,
      subject: rule.prefix,
      inverted: rule.effect === "deny",
      ...(rule.judgesBody ? { conditions: conditionsOf(rule) } : {}),
    })),
  );
  return (request) =>
    ability.can(request.method, subject(prefixOf(request.path), { path: request.path, body: readBody(request) }));
}

/** One checked expression for each rule, the denials first. */
export function cel(rules) {
  const environment = new Environment()
    .registerVariable("path", "string")
    .registerVariable("method", "string")
    .registerVariable("body", "dyn");
  const parsed = (effect) =>
    rules
      .filter((rule) => rule.effect === effect)
      .map(({ prefix, methods, judgesBody }) => {
        const segment = effect === "deny" ? "" : ` && path.matches('^${prefix}/[^/]+$')`;
        const clause = judgesBody
          ? " && body != null && body.amount >= 0.0 && body.amount <= 500.0 && body.currency in ['EUR', 'USD']"
          : "";
        return environment.parse(
          `path.startsWith('${prefix}/') && method in [${methods.map((method) => `'${method}'`).join(", ")}]${segment}${clause}`,
        );
      });
  const [denials, permits] = [parsed("deny"), parsed("allow")];
  return (request) => {
    const asked = { path: request.path, method: request.method, body: readBody(request) };
    return !denials.some((rule) => rule(asked)) && permits.some((rule) => rule(asked));
  };
}
