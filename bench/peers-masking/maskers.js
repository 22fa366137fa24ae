// Each masker as a function from a text to the masked text, set up so that it does best on what the corpus asks.
import { AIMessage, ToolMessage } from "@langchain/core/messages";
import { lintSource } from "@secretlint/core";
import { creator as recommended } from "@secretlint/secretlint-rule-preset-recommend";
import { piiMiddleware } from "langchain";
import { OpenRedaction } from "openredaction";
import redactPii from "redact-pii";
import { createMasker } from "../../dist/masking/index.js";

/** All detectors; the country of a national telephone number, where the case has one. */
function sallyport() {
  const maskers = new Map();
  return (text, region) => {
    const masker = maskers.get(region) ?? createMasker({ regions: region === undefined ? [] : [region] });
    maskers.set(region, masker);
    return masker.mask(text).text;
  };
}

/** What one writes by oneself: thirteen patterns as one expression, over every string of the parsed body. */
const COMBINED = new RegExp(
  [
    /[a-z0-9._%+-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,8}/,
    /\b(?:\d[ -]?){12,18}\d\b/,
    /\b\d{3}-\d{2}-\d{4}\b/,
    /\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b/,
    /\+\d[\d ().-]{6,18}\d/,
    /\b\d{1,3}(?:\.\d{1,3}){3}\b/,
    /\b(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}\b/,
    /\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?/,
    /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/,
    /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/,
    /\b(?:gh[opusr]_[A-Za-z0-9]{36}|github_pat_\w{22,}|glpat-[\w-]{20,}|npm_[A-Za-z0-9]{36}|xox[abprs]-[\w-]{10,})/,
    /\b(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,}|\bsk-[\w-]{20,}/,
    /(?<=(?:token|secret|password|api_?key)["']?\s{0,3}[:=]\s{0,3}["']?)[\w.+/=~-]{10,}/,
  ]
    .map(({ source }) => source)
    .join("|"),
  "gi",
);
const combined = (text) => text.replace(COMBINED, "[REDACTED]");

/** Names and street addresses off: the corpus has none, and each of them found would count as a look-alike. */
function openRedaction() {
  const redactor = new OpenRedaction({ includeNames: false, includeAddresses: false });
  return async (text) => (await redactor.detect(text)).redacted;
}

/** Off is what the corpus has none of, and `digits`, which takes every longer number. */
function redactPiiOf() {
  const off = { enabled: false };
  const redactor = new redactPii.SyncRedactor({
    globalReplaceWith: "[REDACTED]",
    builtInRedactors: { names: off, streetAddress: off, zipcode: off, url: off, digits: off },
  });
  return (text) => redactor.redact(text);
}

/** It reports and does not mask: what it reports is cut out here. */
async function secretlint(text) {
  const { messages } = await lintSource({
    source: { content: text, filePath: "/a.txt", ext: ".txt", contentType: "text" },
    options: { noPhysicFilePath: true, config: { rules: [{ id: "recommended", rule: recommended, options: {} }] } },
  });
  let masked = text;
  for (const { range } of messages.toSorted((one, other) => other.range[0] - one.range[0]))
    masked = `${masked.slice(0, range[0])}[REDACTED]${masked.slice(range[1])}`;
  return masked;
}

/** Its built-in types but for `url`, each as a middleware of its own, on the result of a tool. */
function langchain() {
  const kinds = ["email", "credit_card", "ip", "mac_address"];
  const middlewares = kinds.map((kind) => piiMiddleware(kind, { applyToInput: false, applyToToolResults: true }));
  return async (text) => {
    let state = { messages: [new AIMessage(""), new ToolMessage({ content: text, tool_call_id: "1" })] };
    for (const { beforeModel } of middlewares) state = (await beforeModel(state, { context: {} })) ?? state;
    return state.messages[1].content;
  };
}

export const MASKERS = {
  sallyport: sallyport(),
  "one combined expression": combined,
  openredaction: openRedaction(),
  "redact-pii": redactPiiOf(),
  "@secretlint/core, recommended": secretlint,
  "langchain piiMiddleware": langchain(),
};

/** The body of an answer, whole, as each would be given it. */
const walked = (mask) => async (body) => {
  const walk = async (value) => {
    if (typeof value === "string") return mask(value);
    if (Array.isArray(value)) return Promise.all(value.map(walk));
    if (typeof value !== "object" || value === null) return value;
    const entries = await Promise.all(Object.entries(value).map(async ([key, inner]) => [key, await walk(inner)]));
    return Object.fromEntries(entries);
  };
  return JSON.stringify(await walk(JSON.parse(body.toString())));
};

/** The same without waiting, for what masks at once. */
const walkedAtOnce = (mask) => (body) => {
  const walk = (value) => {
    if (typeof value === "string") return mask(value);
    if (Array.isArray(value)) return value.map(walk);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, walk(inner)]));
  };
  return JSON.stringify(walk(JSON.parse(body.toString())));
};

const ours = createMasker();
const CHUNK = 64 * 1024;

export const BODIES = {
  "sallyport, as a stream": (body) => {
    const pass = ours.open({ contentType: "application/json" });
    for (let at = 0; at < body.length; at += CHUNK) pass.push(body.subarray(at, at + CHUNK));
    pass.flush();
  },
  "sallyport, string by string": walkedAtOnce(MASKERS.sallyport),
  "one combined expression": walkedAtOnce(combined),
  openredaction: walked(MASKERS.openredaction),
  "redact-pii": walkedAtOnce(MASKERS["redact-pii"]),
  "@secretlint/core, recommended": (body) => secretlint(body.toString()),
  "langchain piiMiddleware": (body) => MASKERS["langchain piiMiddleware"](body.toString()),
};
