import { canonicaliseRequest } from "../../request/canonical.js";
import { canonicalEscapes } from "../../request/escapes.js";
import { isFieldName } from "../../request/headers.js";
import type { Method } from "../../request/method.js";
import { canonicalUrl } from "../../request/url.js";
import type { PolicyDocument, RuleDocument, ServiceDocument } from "../document/document.js";
import { isPlainValue, isValue } from "../match/plain-value.js";
import { fieldSpelling } from "../names.js";
import { isWorthListing, saysWho } from "./check-headers.js";

/** A request that was seen. */
export interface Observation {
  readonly method: string;
  readonly url: string;
  /** Names of header fields that it was sent without, where that is known. */
  readonly droppedHeaders?: readonly string[];
}

/** The policy, and how many observations it leaves out because they have no canonical form or name a secret. */
export interface LearntPolicy {
  readonly document: PolicyDocument;
  readonly skipped: number;
  /** Header fields that were left out and are not listed in the document: they may say who acts, or carry a credential. */
  readonly unlistedHeaders: readonly string[];
}

interface Seen {
  readonly method: Method;
  /** As it was seen. */
  readonly literal: readonly string[];
  /** As a rule says it: generalised, or not. */
  readonly segments: readonly string[];
  readonly names: ReadonlySet<string>;
}

/**
 * The smallest policy that covers what was seen: exact origins, the verbs seen at a path, path segments generalised where
 * they vary, query parameters by name. Reading is allowed; everything else is for a person to approve.
 */
export function learnPolicy(observations: readonly Observation[]): LearntPolicy {
  const origins = new Map<string, Seen[]>();
  const addresses = new Map<string, string>();
  const headers = new Map<string, Set<string>>();
  let skipped = 0;
  for (const { method, url, droppedHeaders = [] } of observations) {
    const request = canonicaliseRequest({ method, url, headers: [] });
    const place = canonicalUrl(url);
    const seen = request.ok && place.ok ? read(request.method, place.path, place.search) : null;
    if (!place.ok || seen === null) {
      skipped++;
      continue;
    }
    const { origin, host, address } = place;
    if (address !== null) addresses.set(origin, `${host.replace(/[[\]]/g, "")}/${host.includes(":") ? 128 : 32}`);
    const known = origins.get(origin) ?? [];
    known.push(seen);
    const names = headers.get(origin) ?? new Set<string>();
    for (const name of droppedHeaders.map((header) => header.toLowerCase()))
      if (isFieldName(name) && isWorthListing(name)) names.add(name);
    headers.set(origin, names);
    origins.set(origin, known);
  }
  const services: Record<string, ServiceDocument> = {};
  const rules: RuleDocument[] = [];
  for (const [origin, seen] of [...origins].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const name = `service-${Object.keys(services).length + 1}`;
    const address = addresses.get(origin);
    const listed = [...(headers.get(origin) ?? [])].filter((header) => !saysWho(header)).sort();
    services[name] = {
      origins: [origin],
      ...(address === undefined ? {} : { addresses: [address] }),
      ...(listed.length === 0 ? {} : { headers: listed }),
    };
    rules.push(...rulesOf(name, keepApart(generalise(seen))));
  }
  const description = `Learnt from ${observations.length - skipped} recorded requests; to be reviewed before use.`;
  const unlistedHeaders = [...new Set([...headers.values()].flatMap((names) => [...names].filter(saysWho)))].sort();
  return { document: { version: 1, description, services, rules }, skipped, unlistedHeaders };
}

/** Stands for a segment that varies; no segment of a path holds a slash. */
const ANY = "/";

function read(method: Method, path: string, search: string): Seen | null {
  // Needs `encodedSlash`, which is for a person to grant.
  if (/%2f/i.test(path)) return null;
  const segments = path.slice(1).split("/");
  if (segments.some((segment) => segment !== "" && !isValue(segment))) return null;
  const names = new Set(new URLSearchParams(search).keys());
  if ([...names].some((name) => name === "" || isSecretLooking(name)) || collide(names)) return null;
  const literal = segments.map(literalOf);
  // Would need a parameter of type `any`, which is for a person to grant, too.
  if (literal.some((text, at) => text === ANY && !isPlainValue(segments[at] as string))) return null;
  return { method, literal, segments: literal, names };
}

/** A segment as a template writes it; what a template cannot write, or must not, is a parameter. */
function literalOf(segment: string): string {
  const text = decodeURIComponent(segment);
  if (canonicalEscapes(text, "path") !== segment) return ANY;
  return /[%{}*\\?#\u0000-\u001f\u007f]/.test(text) || isSecretLooking(text) ? ANY : text;
}

const isSecretLooking = (text: string): boolean =>
  text.length > 64 || /^(?:sk|pk|ghp|gho|xox[a-z]|AKIA|eyJ)[-_A-Za-z0-9.]{8,}$/.test(text) || isLongToken(text);
const isLongToken = (text: string): boolean =>
  text.length >= 20 && !isUuid(text) && /[0-9]/.test(text) && /[A-Za-z]/.test(text) && !/[-_. ][a-z]+[-_. ]/.test(text);

const isUuid = (text: string): boolean => /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
const isId = (text: string): boolean =>
  text === ANY || isUuid(text) || /^[0-9]+$/.test(text) || (/^[0-9a-f]{6,}$/i.test(text) && /[0-9]/.test(text));

/** Something to do, or many things, such as `_search` or `42:cancel`: no parameter stands for it. */
const isSpecial = (text: string): boolean => text !== ANY && !isPlainValue(canonicalEscapes(text, "path") ?? text);

/** From left to right: where otherwise equal paths differ in ids, or in three values and more, any value stands there. */
function generalise(seen: readonly Seen[]): readonly Seen[] {
  let now = [...seen];
  const longest = now.reduce((most, { segments }) => Math.max(most, segments.length), 0);
  for (let place = 0; place < longest; place++) {
    const groups = new Map<string, Set<string>>();
    const keyOf = (segments: readonly string[]): string =>
      JSON.stringify(segments.map((text, index) => (index === place || (index > place && isId(text)) ? ANY : text)));
    for (const { segments } of now) {
      const text = segments[place];
      if (text === undefined || text === "" || isSpecial(text)) continue;
      const key = keyOf(segments);
      const values = groups.get(key) ?? new Set<string>();
      groups.set(key, values.add(text));
    }
    now = now.map((one) => {
      const text = one.segments[place];
      const values = [...(groups.get(keyOf(one.segments)) ?? [])];
      const varies = isId(text ?? "")
        ? values.filter(isId).length > 1
        : place > 0 && values.length >= 3 && !values.some(isId);
      return text === undefined || text === "" || isSpecial(text) || !varies
        ? one
        : { ...one, segments: one.segments.with(place, ANY) };
    });
  }
  return now;
}

/** Whether some of these names are spellings of one another, which a rule that lists both refuses. */
function collide(names: ReadonlySet<string>): boolean {
  return [...names].some((name) => {
    const isSpelling = fieldSpelling(name);
    return [...names].some((other) => other !== name && isSpelling(other));
  });
}

interface Group {
  readonly path: string;
  readonly segments: readonly string[];
  readonly methods: Set<Method>;
  readonly names: Set<string>;
  readonly reads: boolean;
}

/** At each place of a template, what must not stand there. */
type Exceptions = ReadonlyMap<number, ReadonlySet<string>>;

/** `/users/me` was seen as a path of its own: `/users/{p2}` must not allow there what was seen elsewhere only. */
function exceptionsOf(segments: readonly string[], others: readonly (readonly string[])[]): Exceptions {
  const exceptions = new Map<number, Set<string>>();
  for (const other of others) {
    if (other.length !== segments.length || !other.every((text, at) => text === segments[at] || segments[at] === ANY))
      continue;
    const at = segments.findIndex((text, place) => text === ANY && other[place] !== ANY);
    const literal = other[at];
    if (literal === undefined || literal === "") continue;
    exceptions.set(at, (exceptions.get(at) ?? new Set()).add(literal));
  }
  return exceptions;
}

/** Each path once, as rules say it. */
const spoken = (seen: readonly Seen[]): readonly (readonly string[])[] => [
  ...new Map(seen.map(({ segments }) => [JSON.stringify(segments), segments])).values(),
];

/** Whoever would be left out by what its own template excepts is said as it was seen. */
function keepApart(generalised: readonly Seen[]): readonly Seen[] {
  let now = generalised;
  for (;;) {
    const paths = spoken(now);
    const exceptions = new Map(paths.map((segments) => [JSON.stringify(segments), exceptionsOf(segments, paths)]));
    const isLeftOut = ({ literal, segments }: Seen): boolean =>
      [...(exceptions.get(JSON.stringify(segments)) ?? [])].some(([at, values]) => values.has(literal[at] as string));
    if (!now.some(isLeftOut)) return now;
    now = now.map((one) => (isLeftOut(one) ? { ...one, segments: one.literal } : one));
  }
}

function paramsOf(exceptions: Exceptions): Pick<RuleDocument, "params"> {
  if (exceptions.size === 0) return {};
  return {
    params: Object.fromEntries([...exceptions].map(([at, values]) => [`p${at + 1}`, { not: [...values].sort() }])),
  };
}

function rulesOf(service: string, seen: readonly Seen[]): readonly RuleDocument[] {
  const groups = new Map<string, Group>();
  const namesAt = new Map<string, ReadonlySet<string>>();
  for (const { method, segments, names } of seen) {
    const reads = method === "GET" || method === "HEAD";
    const path = `/${segments.map((text, index) => (text === ANY ? `{p${index + 1}}` : text)).join("/")}`;
    const together = `${reads ? "read" : method} ${path}`;
    const all = new Set([...(namesAt.get(together) ?? []), ...names]);
    // Spellings of one name go to rules of their own.
    const key = collide(all) ? JSON.stringify([together, [...names].sort()]) : together;
    if (key === together) namesAt.set(together, all);
    const group = groups.get(key) ?? { path, segments, methods: new Set<Method>(), names: new Set<string>(), reads };
    group.methods.add(method);
    for (const name of names) group.names.add(name);
    groups.set(key, group);
  }
  const paths = spoken(seen);
  return [...groups.values()].map(({ path, segments, methods, names, reads }, index) => ({
    id: `${service}-${index + 1}`,
    effect: reads ? "allow" : "approve",
    service,
    methods: [...methods].sort(),
    path,
    ...paramsOf(exceptionsOf(segments, paths)),
    ...(names.size === 0
      ? {}
      : { query: Object.fromEntries([...names].sort().map((name) => [name, { optional: true }])) }),
    exact: ["query"],
  }));
}
