// The record: written by `openAuditLog`, judged by `verifyAudit`. Left out on purpose: segments, tree and line layout,
// which are the format's business, and the reader behind `audit show`, which proves nothing.
export type { AnchorSink } from "./anchors/anchor.js";
export { fileAnchor, type HttpAnchorOptions, httpAnchor } from "./anchors/anchor-sinks.js";
export type { BodyKeeper, KeptBody } from "./bodies.js";
export type {
  AlertFacts,
  ApprovalFacts,
  AuditEvent,
  AuditEventType,
  BodyFacts,
  CredentialFacts,
  DecisionFacts,
  ErrorFacts,
  EventFields,
  HeaderPairs,
  HttpFacts,
  MaskFacts,
  RecordedEffect,
  SessionIdentity,
  SessionOpening,
  TimingFacts,
} from "./event.js";
export { auditEventSchema, type JsonSchema } from "./event-schema.js";
export { type AuditExport, type ExportFormat, type ExportOptions, exportAudit } from "./export/export-audit.js";
export type { AuditFileSystem } from "./file-system.js";
export { eraseBody, pruneAudit, type RemovalOptions } from "./maintenance.js";
export type { AuditSigner } from "./note.js";
export type { AuditLogOptions } from "./options.js";
export {
  type ConsistencyProof,
  checkConsistencyProof,
  checkEventProof,
  type EventProof,
  proveConsistency,
  proveEvent,
} from "./prove.js";
export { callbackSink } from "./sinks/callback.js";
export {
  type OpenTelemetryOptions,
  type OtelLogger,
  type OtelSpan,
  type OtelTracer,
  openTelemetrySink,
} from "./sinks/open-telemetry.js";
export { type PinoLike, pinoSink } from "./sinks/pino.js";
export type { AuditSink, RecordedEvent, RecordedLine } from "./sinks/sink.js";
export { type WebhookOptions, webhookSink } from "./sinks/webhook.js";
export type { AuditProblem, AuditReport, AuditVerdict, Equivocation, LogReport } from "./verify/report.js";
export { EXIT_CODES } from "./verify/report.js";
export { type VerifyAuditOptions, verifyAudit } from "./verify/verify-audit.js";
export { type AuditLog, openAuditLog } from "./writer/audit-log.js";
export type { FailureMode } from "./writer/backlog.js";
export type { SessionLog } from "./writer/recorded-session.js";
export type { SyncMode } from "./writer/segment.js";
