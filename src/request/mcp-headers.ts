import { isObject, type RpcMessage } from "./jsonrpc.js";
import { type Refusal, refuse } from "./refusal.js";

const no = (reason: string): Refusal => refuse("PROTOCOL_REFUSED", reason);

/**
 * What is wrong with the header fields in which MCP repeats the body (Streamable HTTP, 2026-07-28: `Mcp-Method`, `Mcp-Name`,
 * `Mcp-Param-*`), or null. A gateway on the way routes by them and reads no body: two answers to what is called would let a
 * message that was allowed here arrive as another one there. Older clients send none, which is fine.
 *
 * Which argument a parameter's field repeats is said by the tool's schema, which nobody has here. So some argument must have
 * that value, at least.
 */
export function mcpHeaderProblem(
  fields: readonly (readonly [string, string])[],
  messages: readonly RpcMessage[],
): Refusal | null {
  const seen = new Set<string>();
  for (const [name, value] of fields) {
    const isParameter = name.startsWith("mcp-param-");
    if (!isParameter && name !== "mcp-method" && name !== "mcp-name") continue;
    const [message] = messages;
    if (message === undefined || messages.length > 1) return no(`${plain(name)} cannot speak for several messages`);
    if (seen.has(name)) return no(`${plain(name)} is there twice`);
    seen.add(name);
    const text = decoded(value);
    if (text === null) return no(`${plain(name)} cannot be read`);
    const said = isParameter ? argumentTexts(message) : name === "mcp-method" ? methodOf(message) : namesIn(message);
    if (!said.has(text)) return no(`${plain(name)} says something else than the message`);
  }
  return null;
}

const plain = (name: string): string => `the header \`${name.slice(0, 32)}\``;

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

/** The texts of all arguments that can be repeated: what is reached by names alone, lists apart. */
function argumentTexts(message: RpcMessage): ReadonlySet<string> {
  const texts = new Set<string>();
  const left: unknown[] = message.kind === "response" || !isObject(message.params) ? [] : [message.params["arguments"]];
  for (let value = left.pop(); value !== undefined; value = left.pop()) {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) left.push(...Object.values(value));
    else if (typeof value === "string" || typeof value === "number" || typeof value === "boolean")
      texts.add(String(value));
  }
  return texts;
}
