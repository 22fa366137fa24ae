import type { ConfigurationProblem } from "../../errors/guard-error.js";
import { mayBeSent } from "../../request/headers.js";
import { asksForPiece } from "../../request/pieces.js";
import { canonicalUrl } from "../../request/url.js";
import type { PolicyDocument, RuleDocument, ServiceDocument } from "../document/document.js";
import { pointerToken } from "../document/pointer.js";
import { headerLists, headerTest, isUsualHeader } from "../header-rules.js";
import type { Policy } from "../policy.js";
import type { Observation } from "./learn.js";

/**
 * Whether a field looks like one that carries a credential, or says who acts, for whom or in whose account: listing it lets an
 * agent use whatever of that the guard's credential may do, so no tool proposes it.
 */
export const saysWho = (name: string): boolean =>
  /(?:^|[-_])(?:api[-_]?key|auth|authorization|cookie|credentials?|csrf|jwt|key|password|secret|session|signature|token)(?:$|[-_])/.test(
    name,
  ) ||
  /sudo|impersonat|run-?as|act-?as|assume|behalf|switch-?user|caller|select-(?:admin|user)|(?:^|[-_])(?:user|account|organi[sz]ation|org|member|principal|subject|role|identity)(?:$|[-_])/.test(
    name,
  );

/** Whether listing a field that was left out could have it sent. */
export const isWorthListing = (name: string, protocol?: ServiceDocument["protocol"]): boolean =>
  mayBeSent(name) && !asksForPiece(name) && !isUsualHeader(name, protocol);

/** Warns of header fields that the policy speaks of and that are never sent, or that it lets pass by a wide pattern. */
export function headerWarnings({ services, rules }: PolicyDocument): readonly ConfigurationProblem[] {
  return [
    ...Object.entries(services).flatMap(([name, service]) => listWarnings(name, service)),
    ...rules.flatMap((rule, index) => clauseWarnings(rule, index, services)),
  ];
}

function listWarnings(name: string, { headers }: ServiceDocument): readonly ConfigurationProblem[] {
  const warnings: ConfigurationProblem[] = [];
  for (const [key, list] of Object.entries(headerLists(headers))) {
    list.forEach((header: string, index: number) => {
      const place = Array.isArray(headers) ? `${index}` : `${key}/${index}`;
      const warn = (message: string): void =>
        void warnings.push({ pointer: `/services/${pointerToken(name)}/headers/${place}`, message });
      const folded = header.toLowerCase();
      if (!folded.endsWith("*") && !mayBeSent(folded))
        warn(`"${header}" is never sent as the agent says it, whatever the policy lists`);
      const reached = SWITCHING.filter(headerTest([folded]));
      if (folded.endsWith("*") && reached.length > 0)
        warn(`"${header}" also lets pass ${reached.join(", ")}; list the names that are meant`);
    });
  }
  return warnings;
}

/** Known fields that switch who acts or on what, for which a wide pattern is checked. */
const SWITCHING = [
  "dropbox-api-path-root",
  "dropbox-api-select-admin",
  "dropbox-api-select-user",
  "es-security-runas-user",
  "mscrm-callerid",
  "mscrmcallerid",
  "openai-organization",
  "openai-project",
  "stripe-account",
  "stripe-context",
  "x-amz-copy-source",
  "x-amz-target",
  "x-goog-copy-source",
  "x-goog-user-project",
  "x-ms-copy-source",
  "x-on-behalf-of",
  "x-redmine-switch-user",
  "x-run-as",
  "x-sudo",
];

/** A rule that looks at a field that is left out: an allow never matches, a deny never fires for what the agent wrote. */
function clauseWarnings(
  rule: RuleDocument,
  index: number,
  services: PolicyDocument["services"],
): readonly ConfigurationProblem[] {
  const about = rule.service === undefined ? Object.keys(services) : [rule.service].flat();
  return Object.keys(rule.headers ?? {}).flatMap((header) => {
    const leftOut = about.filter((name) => isLeftOut(header.toLowerCase(), services[name]));
    if (leftOut.length === 0) return [];
    const listed = leftOut.map((name) => `"${name}"`).join(", ");
    return [
      {
        pointer: `/rules/${index}/headers/${pointerToken(header)}`,
        message: `rule "${rule.id}" looks at "${header}", which is left out before it is judged: list it in \`headers\` of ${listed}`,
      },
    ];
  });
}

function isLeftOut(header: string, service: ServiceDocument | undefined): boolean {
  if (service === undefined) return false;
  if (!mayBeSent(header)) return true;
  if (service.credential === undefined) return false;
  const { pass = [], allow, semantic = [] } = headerLists(service.headers);
  // A closed list refuses what is not on it, which is not the same as leaving it out.
  return allow === undefined && !isUsualHeader(header, service.protocol) && !headerTest([...pass, ...semantic])(header);
}

/** Proposes what to list, from fields that recorded requests were sent without. */
export function droppedWarnings(policy: Policy, observations: readonly Observation[]): readonly ConfigurationProblem[] {
  const counts = new Map<string, Map<string, number>>();
  for (const { url, droppedHeaders = [] } of observations) {
    const place = droppedHeaders.length === 0 ? null : canonicalUrl(url);
    const service = place?.ok === true ? policy.serviceOf(place) : undefined;
    if (service === undefined) continue;
    const { protocol, headers } = policy.document.services[service.name] as ServiceDocument;
    const { pass = [], allow = [], semantic = [] } = headerLists(headers);
    const isListed = headerTest([...pass, ...allow, ...semantic]);
    const found = counts.get(service.name) ?? new Map<string, number>();
    for (const name of new Set(droppedHeaders.map((header) => header.toLowerCase()))) {
      if (isWorthListing(name, protocol) && !isListed(name)) found.set(name, (found.get(name) ?? 0) + 1);
    }
    counts.set(service.name, found);
  }
  return [...counts].flatMap(([service, found]) =>
    [...found]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, count]) => ({
        pointer: `/services/${pointerToken(service)}/headers`,
        message: `"${name}" was left out of ${count === 1 ? "1 recorded request" : `${count} recorded requests`}; ${
          saysWho(name)
            ? "it may say who acts or carry a credential: list it only if agents may choose that"
            : `to send it, list it: "headers": ["${name}"]`
        }`,
      })),
  );
}
