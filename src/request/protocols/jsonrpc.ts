import type { JsonValue } from "../body/json.js";
import { type Refusal, refuse } from "../refusal.js";

/** One JSON-RPC 2.0 message as it is judged. A response answers what the server asked; it has no method. */
export type RpcMessage =
  | { readonly kind: "request" | "notification"; readonly method: string; readonly params: JsonValue | undefined }
  | { readonly kind: "response" };

/** The members of a JSON object. */
export type Members = { readonly [key: string]: JsonValue };

/** Whether a JSON value is an object. */
export const isObject = (value: JsonValue | undefined): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const no = (reason: string): Refusal => refuse("PROTOCOL_REFUSED", reason);
const CALL_KEYS: ReadonlySet<string> = new Set(["jsonrpc", "id", "method", "params"]);
const RESPONSE_KEYS: ReadonlySet<string> = new Set(["jsonrpc", "id", "result", "error"]);
const METHOD = /^[\x21-\x7e]{1,128}$/;
const TOOL = /^[A-Za-z0-9_.-]{1,128}$/;

/**
 * Reads one message or a batch (JSON-RPC 2.0, sections 4 to 6) strictly. A message with members of both kinds, or others,
 * is one that two servers could take for two things.
 */
export function readRpcMessages(body: JsonValue, maxOperations: number): readonly RpcMessage[] | Refusal {
  const values = Array.isArray(body) ? (body as readonly JsonValue[]) : [body];
  if (values.length === 0) return no("the batch is empty");
  if (values.length > maxOperations) return no(`there are more than ${maxOperations} messages`);
  const messages: RpcMessage[] = [];
  for (const value of values) {
    const message = readMessage(value);
    if ("ok" in message) return message;
    messages.push(message);
  }
  return messages;
}

function readMessage(value: JsonValue): RpcMessage | Refusal {
  if (!isObject(value) || value["jsonrpc"] !== "2.0") return no("a message is not JSON-RPC 2.0");
  const { id, method, params } = value;
  const keys = Object.keys(value);
  if (id !== undefined && typeof id !== "string" && !(typeof id === "number" && Number.isInteger(id)))
    return no("the id of a message is neither text nor a whole number");
  if (method === undefined) {
    const answers = keys.filter((key) => key === "result" || key === "error").length;
    return id !== undefined && answers === 1 && keys.every((key) => RESPONSE_KEYS.has(key))
      ? { kind: "response" }
      : no("a message is neither a call nor an answer");
  }
  if (typeof method !== "string" || !METHOD.test(method)) return no("a method is not a plain name");
  if (!keys.every((key) => CALL_KEYS.has(key))) return no("a call has a member that JSON-RPC does not know");
  if (params !== undefined && (typeof params !== "object" || params === null))
    return no("the params of a call are neither an object nor a list");
  return { kind: id === undefined ? "notification" : "request", method, params };
}

/**
 * What the Model Context Protocol asks of a message beyond JSON-RPC, or null where it is met: `params` is an object, and a
 * tool call names its tool in ASCII letters, digits, `_`, `.` and `-`, so that no look-alike can.
 */
export function mcpProblem(message: RpcMessage): Refusal | null {
  if (message.kind === "response") return null;
  const { method, params } = message;
  if (params !== undefined && !isObject(params)) return no("the params of an MCP message are not an object");
  // A server that compares without case would run it as a tool call, whose parameters nobody then looked at.
  if (method.toLowerCase() !== TOOL_CALL) return null;
  if (method !== TOOL_CALL) return no("the method is another spelling of tools/call");
  const name = params?.["name"];
  if (typeof name !== "string" || !TOOL.test(name)) return no("a tool call does not name its tool plainly");
  const given = params?.["arguments"];
  return given === undefined || isObject(given) ? null : no("the arguments of a tool call are not an object");
}

/** The method by which a tool is called. */
export const TOOL_CALL = "tools/call";

/**
 * A message, or a batch, without what a client makes up anew for each attempt: the id of a call, and the token that MCP's
 * progress is reported under. Both only tell answers apart, so a call that is made again after a person said yes is the
 * same call. An answer keeps its id: it says which question is answered.
 */
export function withoutCorrelation(body: JsonValue): JsonValue {
  if (Array.isArray(body)) return (body as readonly JsonValue[]).map(withoutCorrelation);
  if (!isObject(body) || body["method"] === undefined) return body;
  const message = body["id"] === undefined ? body : { ...body, id: "" };
  const { params } = message as Members;
  if (!isObject(params) || !isObject(params["_meta"]) || params["_meta"]["progressToken"] === undefined) return message;
  return { ...message, params: { ...params, _meta: { ...params["_meta"], progressToken: "" } } };
}
