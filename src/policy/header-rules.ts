import type { ConfigurationProblem } from "../errors/guard-error.js";
import type { CanonicalRequest } from "../request/canonical.js";
import type { ServiceDocument } from "./document/document.js";
import type { PlaceholderTest } from "./document/placeholders.js";
import { PASSING_HEADERS, PASSING_MCP_HEADERS } from "./passing-headers.js";

/** Whether a header field of this name, in lower case, is one of those that are meant. */
export type HeaderTest = (name: string) => boolean;

/** What the header fields of a service are held to. */
export interface HeaderRules {
  /** Whether a request may have this field; one that has another is refused. */
  readonly mayHave: HeaderTest;
  /** Whether the field may be sent beside a credential of the guard's; another is left out there, and noted. */
  readonly passes: HeaderTest;
  /** Whether the field changes what a request means, besides those of HTTP. */
  readonly isSemantic: HeaderTest;
}

type Report = (problem: ConfigurationProblem) => void;
type Pairs = CanonicalRequest["headers"];

/** What clients change when they repeat a request: a rule may look at it, and it is the same request all the same. */
const CHANGES_FROM_TRY_TO_TRY =
  /^(?:accept-encoding|authorization|baggage|content-length|content-type|cookie|idempotency-key|traceparent|tracestate|user-agent|x-(?:correlation|request)-id|x-stainless-.*)$/;

const NAME = /^[!#$%&'+\-.^_`|~0-9A-Za-z]+\*?$/;
const LISTS = ["pass", "allow", "semantic"] as const;

/** What a document says of header fields, whichever way it is written: a list is what passes. */
export const headerLists = (
  headers: ServiceDocument["headers"],
): { readonly [List in (typeof LISTS)[number]]?: readonly string[] } =>
  isList(headers) ? { pass: headers } : (headers ?? {});

/** `looked` are the fields that rules of the service look at, in lower case. */
export function compileHeaderRules(
  { headers, protocol }: ServiceDocument,
  looked: readonly string[],
  pointer: string,
  report: Report,
): HeaderRules {
  const lists = headerLists(headers);
  for (const key of LISTS) {
    lists[key]?.forEach((name, index) => {
      if (NAME.test(name)) return;
      const place = isList(headers) ? `${index}` : `${key}/${index}`;
      report({
        pointer: `${pointer}/${place}`,
        message: "is not a header name, nor the beginning of one with a * behind it",
      });
    });
  }
  const mayHave = lists.allow === undefined ? anyHeader : headerTest(lists.allow);
  const listed = headerTest([...(lists.pass ?? []), ...(lists.allow ?? []), ...(lists.semantic ?? [])]);
  const usual = protocol === "mcp" ? MCP : USUAL;
  const semantic = headerTest([...(lists.semantic ?? []), ...looked.filter(isOfTheRequest)]);
  const passing = headerTest(lists.pass ?? []);
  return {
    mayHave,
    passes: (name) => usual(name) || listed(name),
    // What a service has to list can change whose request it is.
    isSemantic: (name) => semantic(name) || (passing(name) && isOfTheRequest(name)),
  };
}

/**
 * Whether a field is left out beside a credential. What is refused for a field is not made good by leaving it out: one that is
 * not on a closed list, or asks for a credential, stays to be judged.
 */
export const isLeftOut = (
  [name, value]: Pairs[number],
  { mayHave, passes }: HeaderRules,
  asks: PlaceholderTest,
): boolean => !passes(name) && mayHave(name) && !(value.includes("{") && asks(value));

/** Whether a field passes beside a credential, at a service that lists none. */
export const isUsualHeader = (name: string, protocol: ServiceDocument["protocol"] = "http"): boolean =>
  (protocol === "mcp" ? MCP : USUAL)(name);

/** A test for names and beginnings of names, in any case. */
export function headerTest(entries: readonly string[]): HeaderTest {
  const folded = entries.map((entry) => entry.toLowerCase());
  const names = new Set(folded.filter((entry) => !entry.endsWith("*")));
  const beginnings = folded.filter((entry) => entry.endsWith("*")).map((entry) => entry.slice(0, -1));
  return (name) => names.has(name) || beginnings.some((beginning) => name.startsWith(beginning));
}

const isOfTheRequest: HeaderTest = (name) => !CHANGES_FROM_TRY_TO_TRY.test(name);
const anyHeader: HeaderTest = () => true;
const USUAL = headerTest(PASSING_HEADERS);
const MCP = headerTest([...PASSING_HEADERS, ...PASSING_MCP_HEADERS]);

const isList = (headers: ServiceDocument["headers"]): headers is readonly string[] => Array.isArray(headers);
