import type { Destination } from "../anchors/outbox.js";

/** One line of the record, as it was written: masked, and without live secrets. */
export interface RecordedLine {
  /** The line itself, to the byte. */
  readonly line: string;
  /** What it says. */
  readonly event: RecordedEvent;
}

/** A line as an object. Fields as documented in the event schema; `principal` and `agent` in lines of sessions. */
export interface RecordedEvent {
  readonly seq: number;
  readonly id: string;
  readonly type: string;
  readonly time: string;
  readonly [field: string]: unknown;
}

/** A place beside the file that gets every line, after the file has it. It cannot hold up or fail a request. */
export interface AuditSink {
  /** In warnings. */
  readonly name: string;
  /** Takes one line; the next one comes when this has settled. What rejects or hangs is tried again `attempts` times. */
  write(recorded: RecordedLine, options: { readonly signal: AbortSignal }): void | Promise<void>;
  /** Default 1: what does not take a line at once does not get it. */
  readonly attempts?: number;
  /** Told of a line that was given up. */
  givenUp?(recorded: RecordedLine): void;
}

/** Of a backlog that is too long, the oldest lines are given up: the file has them. */
export function toSink(sink: AuditSink): Destination<string> {
  const recorded = (line: string): RecordedLine => ({ line, event: JSON.parse(line) as RecordedEvent });
  return {
    name: sink.name,
    attempts: sink.attempts ?? 1,
    send: (line, options) => sink.write(recorded(line), options),
    givenUp: (line) => sink.givenUp?.(recorded(line)),
    thin(backlog) {
      const half = Math.floor(backlog.length / 2);
      for (const { item } of backlog.slice(1, half)) sink.givenUp?.(recorded(item));
      return [...backlog.slice(0, 1), ...backlog.slice(half)];
    },
  };
}
