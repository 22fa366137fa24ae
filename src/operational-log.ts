/** Where the guard reports on itself: never the audit record, and never a secret. A pino logger is one. */
export interface OperationalLog {
  debug(fields: Readonly<Record<string, unknown>>, message: string): void;
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** JSON lines on standard error, warnings and worse. */
export async function defaultLog(): Promise<OperationalLog> {
  const { pino } = await import("pino");
  const log: OperationalLog = pino({ name: "sallyport", level: "warn" }, pino.destination({ dest: 2, sync: true }));
  return log;
}
