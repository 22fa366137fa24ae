import { compilePolicy, type PolicyDocument, type PolicyRequest, type RuleDocument } from "../../src/policy/index.js";
import { anyContext } from "../support/policies.js";
import { codeIn, type Page } from "./page.js";

/** One row of a table of requests: what the page says of it, and what the rule above the table says. */
export interface DecidedRow {
  readonly place: string;
  readonly shown: string | undefined;
  readonly decision: string;
}

const SERVICES: PolicyDocument["services"] = { crm: { origins: ["https://crm.internal.example"] } };

/** Decides every row of every table whose header begins with `request` and `decision` by the `json rule` or `json policy` fence above it. */
export function decisionsOf(page: Page): readonly DecidedRow[] {
  let document: PolicyDocument | undefined;
  return page.parts.flatMap((part) => {
    if (part.kind === "fence") {
      if (part.label === "rule") {
        document = { version: 1, services: SERVICES, rules: [JSON.parse(part.text) as RuleDocument].flat() };
      } else if (part.label === "policy")
        document = { version: 1, ...(JSON.parse(part.text) as Omit<PolicyDocument, "version">) };
      return [];
    }
    if (part.header[0] !== "request" || part.header[1] !== "decision") return [];
    if (document === undefined) throw new Error(`${page.name}:${part.line}: there is no rule above the table`);
    const policy = compilePolicy(document);
    return part.rows.map(([request = "", shown = ""]) => {
      const { effect, code } = policy.decide(readRequest(codeIn(request) ?? ""), {
        ...anyContext,
        agent: { id: "support-agent" },
      });
      return {
        place: `docs/${page.name}:${part.line} ${request}`,
        shown: /^(allow|approve)\b/.exec(shown)?.[1] ?? codeIn(shown),
        decision: effect === "deny" ? code : effect,
      };
    });
  });
}

/** `METHOD URL [JSON body]`; a path alone is one of the CRM's. */
function readRequest(text: string): PolicyRequest {
  const [, method = "", target = "", body] = /^(\S+) (\S+)(?: (.+))?$/.exec(text) ?? [];
  const url = target.startsWith("/") ? `https://crm.internal.example${target}` : target;
  return body === undefined ? { method, url } : { method, url, headers: { "content-type": "application/json" }, body };
}
