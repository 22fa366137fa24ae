import { AsyncLocalStorage } from "node:async_hooks";
import { randomUUID } from "node:crypto";
import { abortSignal, object, readOptions, type Shape, text } from "../shapes/index.js";

/** What `session.run` is told of the work: it is in the record of everything below, and ends what is held there. */
export interface RunOptions {
  /** Id of the agent's run, such as a LangGraph thread. At most 256 characters. */
  readonly runId?: string;
  /**
   * Id of the tool call that the work carries out, the same when the framework repeats it. Each request below it that was
   * approved and sent is remembered, and not sent again by a repeat.
   */
  readonly toolCallId?: string;
  /** Ends all calls below when it aborts, those that wait for a person as well. */
  readonly signal?: AbortSignal;
}

/** The ids of a run as they stand in the record. */
export interface RunIds {
  readonly runId?: string;
  readonly toolCallId?: string;
}

/** One execution of a piece of work. A repeat of the same tool call is another one. */
export interface ToolRun {
  readonly ids: RunIds;
  /** Names this execution, among all of the tool call. */
  readonly execution: string;
  /** Signals of this run and of those around it. */
  readonly signals: readonly AbortSignal[];
  /** By fingerprint: the numbers of the identical requests that this execution has sent, or found to be sent. */
  readonly sent: Map<string, Set<number>>;
}

const NO_RUN: ToolRun = { ids: Object.freeze({}), execution: "", signals: [], sent: new Map() };
const runs = new AsyncLocalStorage<ToolRun>();

/** The run that is executing. Its ids are empty outside of any. */
export const currentRun = (): ToolRun => runs.getStore() ?? NO_RUN;

/** Runs `work` as a run inside the current one: what is not said is as around it. @throws OptionsError */
export function inRun<Result>(options: RunOptions, work: () => Result): Result {
  const { runId, toolCallId, signal } = readOptions(options, OPTIONS);
  const around = currentRun();
  const ids = {
    ...around.ids,
    ...(runId === undefined ? {} : { runId }),
    ...(toolCallId === undefined ? {} : { toolCallId }),
  };
  const signals = signal === undefined ? around.signals : [...around.signals, signal];
  // Without a tool call of its own, the work is a part of the one around it.
  const isNew = toolCallId !== undefined || around === NO_RUN;
  const { execution, sent } = isNew ? { execution: randomUUID(), sent: new Map<string, Set<number>>() } : around;
  return runs.run({ ids: Object.freeze(ids), execution, signals, sent }, work);
}

const LONGEST_ID = 256;
const ID = `must be a text of 1 to ${LONGEST_ID} characters`;
const id = text(ID, ({ length }) => (length <= LONGEST_ID ? undefined : ID));

const OPTIONS: Shape<RunOptions> = object<RunOptions>({ runId: id, toolCallId: id, signal: abortSignal });
