import { having, object as members, readOptions, type Shape } from "../../shapes/index.js";
import type { AuditSink, RecordedEvent } from "./sink.js";

type Attributes = Record<string, string | number | boolean>;

/** The part of a logger of `@opentelemetry/api-logs` that is used. */
export interface OtelLogger {
  emit(record: {
    readonly eventName: string;
    readonly timestamp: number;
    readonly severityNumber: number;
    readonly body: string;
    readonly attributes: Attributes;
  }): void;
}

/** The part of a tracer of `@opentelemetry/api` that is used. */
export interface OtelTracer {
  startSpan(
    name: string,
    options: { readonly kind: number; readonly startTime: number; readonly attributes: Attributes },
  ): OtelSpan;
}

export interface OtelSpan {
  setStatus(status: { readonly code: number }): unknown;
  end(endTime: number): void;
}

export interface OpenTelemetryOptions {
  /** `logs.getLogger("sallyport")`: gets a log record for each line. */
  readonly logger?: OtelLogger;
  /** `trace.getTracer("sallyport")`: gets a client span for each request that was sent. */
  readonly tracer?: OtelTracer;
}

const OPTIONS: Shape<OpenTelemetryOptions> = members<OpenTelemetryOptions>({
  logger: having(["emit"], "must be a logger of OpenTelemetry"),
  tracer: having(["startSpan"], "must be a tracer of OpenTelemetry"),
});

/** OpenTelemetry's numbers: severity INFO and WARN, span kind CLIENT, status ERROR. */
const INFO = 9;
const WARN = 13;
const CLIENT = 2;
const ERROR = 2;
const OUTCOMES: ReadonlySet<string> = new Set(["request.completed", "request.failed", "request.aborted"]);

/**
 * Hands every line to OpenTelemetry, with the attribute names of its semantic conventions (HTTP client, `gen_ai`). What is
 * passed in is used; the packages themselves are the host's.
 */
export function openTelemetrySink(options: OpenTelemetryOptions): AuditSink {
  const { logger, tracer } = readOptions(options, OPTIONS);
  return {
    name: "OpenTelemetry",
    write({ event, line }) {
      const attributes = attributesOf(event);
      const time = Date.parse(event.time);
      logger?.emit({
        eventName: `sallyport.${event.type}`,
        timestamp: time,
        severityNumber: event.type === "request.denied" || event.type === "request.failed" ? WARN : INFO,
        body: line,
        attributes,
      });
      // What was given up before its intent was not sent, and has its decision with it.
      if (tracer === undefined || !OUTCOMES.has(event.type) || event["decision"] !== undefined) return;
      const took = Number(object(event["timing"])["total_ms"] ?? 0);
      const name = `${String(attributes["http.request.method"])} ${String(attributes["server.address"])}`;
      const span = tracer.startSpan(name, { kind: CLIENT, startTime: time - took, attributes });
      if (event.type !== "request.completed" || Number(attributes["http.response.status_code"]) >= 400)
        span.setStatus({ code: ERROR });
      span.end(time);
    },
  };
}

/** Where a field of an event goes: path in the line, attribute. */
const ATTRIBUTES: readonly (readonly [string, string])[] = [
  ["session_id", "session.id"],
  ["principal.id", "enduser.id"],
  ["agent.id", "gen_ai.agent.id"],
  ["agent.name", "gen_ai.agent.name"],
  ["agent.version", "gen_ai.agent.version"],
  ["tool_call_id", "gen_ai.tool.call.id"],
  ["conversation_id", "gen_ai.conversation.id"],
  ["http.method", "http.request.method"],
  ["http.url", "url.full"],
  ["http.route", "url.template"],
  ["http.host", "server.address"],
  ["http.port", "server.port"],
  ["http.peer_ip", "network.peer.address"],
  ["http.status", "http.response.status_code"],
  ["attempt", "http.request.resend_count"],
  ["req_body.bytes", "http.request.body.size"],
  ["res_body.bytes", "http.response.body.size"],
  ["error.code", "error.type"],
  ["decision.rule", "security_rule.name"],
  ["decision.effect", "sallyport.decision.effect"],
  ["decision.enforced", "sallyport.decision.enforced"],
  ["request_id", "sallyport.request.id"],
  ["id", "event.id"],
];

function attributesOf(event: RecordedEvent): Attributes {
  const attributes: Attributes = {};
  for (const [path, name] of ATTRIBUTES) {
    const value = path.split(".").reduce<unknown>((at, key) => object(at)[key], event);
    if (typeof value === "string" || typeof value === "boolean") attributes[name] = value;
    // The convention counts the sendings after the first one.
    else if (typeof value === "number") attributes[name] = path === "attempt" ? value - 1 : value;
  }
  return attributes;
}

const object = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
