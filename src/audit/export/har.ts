import { type Buffer, isUtf8 } from "node:buffer";
import { isIP } from "node:net";
import { gunzipSync } from "node:zlib";
import { maskHeader } from "../mask-headers.js";
import { maskUrl } from "../mask-url.js";
import { COMMITMENT, readStoredBody } from "../stored-body.js";
import type { ParsedLine } from "../verify/parsed-line.js";
import { type ExportLine, numberIn, objectIn, textIn } from "./lines.js";

/** Intents that wait for their outcome. A record whose outcomes are missing does not fill the memory. */
const MOST_OPEN = 10_000;
/** No more of one body is unpacked. */
const LONGEST_BODY = 16 * 1024 * 1024;
const OUTCOMES: ReadonlySet<string> = new Set([
  "request.completed",
  "request.failed",
  "request.aborted",
  "request.outcome_unknown",
]);
/** HAR's word for what is not known. */
const UNKNOWN = -1;

/**
 * One HAR 1.2 document of the exchanges, in the order of their ends. What was masked stays masked, and what credentials ride
 * on is not in it. Members that HAR does not have begin with an underscore. Requests that were denied or given up before they were sent are no exchanges and left out.
 */
export async function* toHar(lines: AsyncIterable<ExportLine>, comment: string): AsyncGenerator<string> {
  const head = { version: "1.2", creator: { name: "Sallyport", version: "1" }, comment, pages: [] };
  yield `{"log":${JSON.stringify(head).slice(0, -1)},"entries":[`;
  const open = new Map<string, ExportLine>();
  let separator = "\n";
  const write = (intent: ExportLine, outcome: ExportLine): string => {
    const text = `${separator}${JSON.stringify(entryOf(intent, outcome))}`;
    separator = ",\n";
    return text;
  };
  for await (const line of lines) {
    const { type, request_id: id, attempt } = line.event;
    const key = `${line.log} ${String(id)} ${String(attempt)}`;
    if (type === "request.intent") {
      open.set(key, line);
      const [oldest] = open;
      if (open.size <= MOST_OPEN || oldest === undefined) continue;
      open.delete(oldest[0]);
      yield write(oldest[1], oldest[1]);
    } else if (typeof type === "string" && OUTCOMES.has(type)) {
      const intent = open.get(key) ?? line;
      open.delete(key);
      // Given up before its intent: nothing was sent, and the decision is with the outcome.
      if (intent === line && textIn(objectIn(line.event, "decision"), "effect") !== undefined) continue;
      yield write(intent, line);
    }
  }
  for (const intent of open.values()) yield write(intent, intent);
  yield "\n]}}\n";
}

function entryOf(intent: ExportLine, outcome: ExportLine): object {
  const http = objectIn(outcome.event, "http");
  const peer = textIn(http, "peer_ip") ?? "";
  const timings = timingsOf(objectIn(outcome.event, "timing"));
  const decision = objectIn(intent.event, "decision");
  return {
    startedDateTime: textIn(intent.event, "time") ?? new Date(0).toISOString(),
    time: timings.blocked + timings.wait + timings.receive,
    request: requestOf(intent, outcome),
    response: responseOf(http, outcome),
    cache: {},
    timings,
    ...(isIP(peer) === 0 ? {} : { serverIPAddress: peer }),
    _log: outcome.log,
    _lines: [intent.event["seq"], outcome.event["seq"]],
    _request_id: textIn(outcome.event, "request_id"),
    _attempt: numberIn(outcome.event, "attempt"),
    _outcome: intent === outcome ? "none" : String(outcome.event["type"]).slice("request.".length),
    _session_id: textIn(outcome.event, "session_id"),
    _principal: textIn(objectIn(outcome.event, "principal"), "id"),
    _rule: textIn(decision, "rule"),
    _masked: objectIn(objectIn(outcome.event, "mask"), "counts"),
  };
}

function requestOf(intent: ExportLine, outcome: ExportLine): object {
  const http = objectIn(intent.event, "http");
  const url = maskUrl(textIn(http, "url") ?? "");
  // A stream is known only once it was sent, and stands in the outcome.
  const line = intent.event["req_body"] === undefined ? outcome : intent;
  const facts = objectIn(line.event, "req_body");
  const body = bodyOf(line, facts);
  return {
    method: textIn(http, "method") ?? "",
    url,
    httpVersion: textIn(objectIn(outcome.event, "http"), "protocol") ?? "",
    cookies: [],
    headers: headersOf(http["req_headers"]),
    queryString: queryOf(url),
    headersSize: UNKNOWN,
    bodySize: numberIn(facts, "bytes") ?? 0,
    ...(body === undefined
      ? {}
      : { postData: { mimeType: textIn(facts, "media") ?? "", text: body.text, ...privateOf(body) } }),
  };
}

const privateOf = ({ encoding, ...rest }: Body): object => ({
  ...(encoding === undefined ? {} : { _encoding: encoding }),
  ...(rest._state === undefined ? {} : { _state: rest._state }),
});

function responseOf(http: ParsedLine, outcome: ExportLine): object {
  const facts = objectIn(outcome.event, "res_body");
  const body = bodyOf(outcome, facts);
  const bytes = numberIn(facts, "bytes") ?? 0;
  const error = objectIn(outcome.event, "error");
  const headers = headersOf(http["res_headers"]);
  return {
    // Zero is what browsers write where there was no answer.
    status: numberIn(http, "status") ?? 0,
    statusText: "",
    httpVersion: textIn(http, "protocol") ?? "",
    cookies: [],
    headers,
    content: { size: bytes, mimeType: textIn(facts, "media") ?? "x-unknown", ...(body ?? {}) },
    redirectURL: headers.find(({ name }) => name.toLowerCase() === "location")?.value ?? "",
    headersSize: UNKNOWN,
    bodySize: bytes,
    ...(error["code"] === undefined ? {} : { _error: String(error["code"]) }),
  };
}

interface Body {
  readonly text: string;
  readonly encoding?: "base64";
  /** Why what stands there is not all of it. */
  readonly _state?: "truncated" | "erased" | "not the recorded one";
}

/** What was kept of a body, unpacked. */
function bodyOf({ directory }: ExportLine, facts: ParsedLine): Body | undefined {
  const state = facts["truncated"] === true ? ({ _state: "truncated" } as const) : {};
  const inline = textIn(facts, "inline");
  if (inline !== undefined) return { text: inline, ...state };
  const blob = textIn(facts, "blob");
  if (blob === undefined || !COMMITMENT.test(blob)) return undefined;
  const bytes = storedBytes(directory, blob, facts["encoding"] === "gzip");
  if (typeof bytes === "string") return { text: "", _state: bytes };
  return isUtf8(bytes)
    ? { text: bytes.toString("utf8"), ...state }
    : { text: bytes.toString("base64"), encoding: "base64", ...state };
}

function storedBytes(directory: string, blob: string, packed: boolean): Buffer | "erased" | "not the recorded one" {
  try {
    const stored = readStoredBody(directory, blob);
    if (stored === undefined) return "not the recorded one";
    return packed ? gunzipSync(stored, { maxOutputLength: LONGEST_BODY }) : stored;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? "erased" : "not the recorded one";
  }
}

/** Masked once more: somebody may have put a line into the record that no guard wrote. */
function headersOf(recorded: unknown): readonly { readonly name: string; readonly value: string }[] {
  if (!Array.isArray(recorded)) return [];
  return recorded.flatMap((pair: unknown) => {
    if (!Array.isArray(pair)) return [];
    const [name, value] = pair.map(String);
    return [{ name: name ?? "", value: maskHeader(name ?? "", value ?? "") }];
  });
}

function queryOf(url: string): readonly { readonly name: string; readonly value: string }[] {
  try {
    return [...new URL(url).searchParams].map(([name, value]) => ({ name, value }));
  } catch {
    return [];
  }
}

/** Waiting for a person or a credential is `blocked`; the record counts everything from the beginning of the call. */
function timingsOf(timing: ParsedLine): Readonly<Record<"blocked" | "send" | "wait" | "receive", number>> {
  const total = numberIn(timing, "total_ms") ?? 0;
  const first = Math.min(numberIn(timing, "ttfb_ms") ?? total, total);
  const blocked = Math.min((numberIn(timing, "approval_ms") ?? 0) + (numberIn(timing, "token_ms") ?? 0), first);
  return { blocked, send: 0, wait: first - blocked, receive: total - first };
}
