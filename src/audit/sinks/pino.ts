import { requireVerbs } from "../../shapes/index.js";
import type { AuditSink } from "./sink.js";

/** The part of a pino logger that is used. */
export interface PinoLike {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

const WARNINGS: ReadonlySet<string> = new Set([
  "request.denied",
  "request.failed",
  "request.outcome_unknown",
  "credential.refused",
  "alert.raised",
  "log.gap",
  "clock.stepped",
]);

/** Writes every line to a pino logger: the event under `audit`, its type as the message; refusals and failures as warnings. */
export function pinoSink(logger: PinoLike): AuditSink {
  requireVerbs(logger, ["info", "warn"], "logger");
  return {
    name: "pino",
    write({ event }) {
      if (WARNINGS.has(event.type)) logger.warn({ audit: event }, event.type);
      else logger.info({ audit: event }, event.type);
    },
  };
}
