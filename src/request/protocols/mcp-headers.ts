import { foldCase } from "../body/json.js";
import { type Refusal, refuse } from "../refusal.js";
import { isObject, type RpcMessage, TOOL_CALL } from "./jsonrpc.js";

type Fields = readonly (readonly [string, string])[];

const no = (reason: string): Refusal => refuse("PROTOCOL_REFUSED", reason);

/**
 * What is wrong with the header fields in which MCP repeats the body (Streamable HTTP, 2026-07-28: `MCP-Protocol-Version`,
 * `Mcp-Method`, `Mcp-Name`, `Mcp-Param-*`), or null. A gateway on the way routes by them and reads no body: two answers to
 * what is called would let a message that was allowed here arrive as another one there. Who speaks the version that has
 * them must send them; older clients send none.
 *
 * Which argument a parameter's field repeats is said by the tool's schema, which nobody has here. So it must be an argument
 * of that name, where there is one, and else some argument.
 */
export function mcpHeaderProblem(fields: Fields, messages: readonly RpcMessage[]): Refusal | null {
  const seen = new Set<string>();
  for (const [name, value] of fields) {
    const isParameter = name.startsWith(PARAMETER);
    if (!isParameter && name !== "mcp-method" && name !== "mcp-name") continue;
    const [message] = messages;
    if (message === undefined || messages.length > 1) return no(`${plain(name)} cannot speak for several messages`);
    if (seen.has(asVariable(name))) return no(`${plain(name)} is there twice`);
    seen.add(asVariable(name));
    const text = decoded(value);
    if (text === null) return no(`${plain(name)} cannot be read`);
    const said = isParameter
      ? argumentTexts(message, name.slice(PARAMETER.length))
      : name === "mcp-method"
        ? methodOf(message)
        : namesIn(message);
    if (!said.has(text)) return no(`${plain(name)} says something else than the message`);
  }
  return versionProblem(fields, messages, seen);
}

const PARAMETER = "mcp-param-";

/** Some servers read `a_b` and `a-b` as one variable (RFC 3875 section 4.1.18). */
const asVariable = (name: string): string => name.replaceAll("_", "-");

const plain = (name: string): string => `the header \`${name.slice(0, 32)}\``;

/** The first version in which the message must be repeated. Versions are dates, which compare as text. */
const REPEATS_SINCE = "2026-07-28";
const VERSION = /^\d{4}-\d{2}-\d{2}$/;
const VERSION_IN_BODY = "io.modelcontextprotocol/protocolVersion";
/** Methods whose `Mcp-Name` must be there. */
const NAMED: ReadonlySet<string> = new Set([TOOL_CALL, "resources/read", "prompts/get"]);

function versionProblem(fields: Fields, messages: readonly RpcMessage[], seen: ReadonlySet<string>): Refusal | null {
  const versions = fields.filter(([name]) => name === "mcp-protocol-version").map(([, value]) => value);
  for (const message of messages) {
    if (message.kind === "response") continue;
    const inBody = versionIn(message);
    if (inBody !== undefined && versions.some((version) => version !== inBody))
      return no("the header `mcp-protocol-version` says something else than the message");
    const repeats = [...versions, inBody].some(
      (version) => typeof version === "string" && VERSION.test(version) && version >= REPEATS_SINCE,
    );
    if (!repeats) continue;
    if (!seen.has("mcp-method")) return no("the header `mcp-method` is missing, which this version of MCP needs");
    if (NAMED.has(message.method) && !seen.has("mcp-name"))
      return no("the header `mcp-name` is missing, which this version of MCP needs");
  }
  return null;
}

function versionIn(message: RpcMessage & { kind: "request" | "notification" }): unknown {
  const meta = isObject(message.params) ? message.params["_meta"] : undefined;
  return isObject(meta) ? meta[VERSION_IN_BODY] : undefined;
}

/** Text that may not stand in a field as it is comes as `=?base64?…?=`. */
const ENCODED = /^=\?base64\?((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)\?=$/;

function decoded(value: string): string | null {
  const content = ENCODED.exec(value)?.[1];
  // Nearly so, or so in another case, is text to one reader and a code to another.
  if (content === undefined) return value.toLowerCase().startsWith("=?base64?") ? null : value;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.from(content, "base64"));
  } catch {
    return null;
  }
}

const NOTHING: ReadonlySet<string> = new Set();

const methodOf = (message: RpcMessage): ReadonlySet<string> =>
  message.kind === "response" ? NOTHING : new Set([message.method]);

/** What a message is about: a tool or a prompt by its name, a resource by its URI, a task by its id. */
function namesIn(message: RpcMessage): ReadonlySet<string> {
  if (message.kind === "response" || !isObject(message.params)) return NOTHING;
  const { name, uri, taskId } = message.params;
  const about = /^(?:tools|prompts)\//.test(message.method)
    ? [name]
    : message.method.startsWith("resources/")
      ? [uri]
      : [name, uri, taskId];
  return new Set(about.filter((one) => typeof one === "string"));
}

/**
 * The texts of the arguments that a field of this name may repeat: what is reached by names alone, lists apart. An argument
 * of the same name, in any spelling, is the one: another that happens to have the value does not stand in for it.
 */
function argumentTexts(message: RpcMessage, field: string): ReadonlySet<string> {
  const wanted = spellingOf(field);
  const named = new Set<string>();
  const all = new Set<string>();
  let isNamed = false;
  const left: unknown[] = message.kind === "response" || !isObject(message.params) ? [] : [message.params["arguments"]];
  for (let value = left.pop(); value !== undefined; value = left.pop()) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) continue;
    for (const [name, member] of Object.entries(value)) {
      const isWanted = spellingOf(name) === wanted;
      isNamed ||= isWanted;
      if (typeof member === "string" || typeof member === "number" || typeof member === "boolean") {
        all.add(String(member));
        if (isWanted) named.add(String(member));
      } else left.push(member);
    }
  }
  return isNamed ? named : all;
}

/** `Target-Region`, `target_region` and `targetRegion` are one name. */
const spellingOf = (name: string): string => foldCase(name.replace(/[-_]/g, ""));
