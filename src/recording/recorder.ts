import type { BodyKeeper } from "../audit/index.js";
import type { Masker } from "../masking/index.js";
import type { RecordLevel } from "../policy/index.js";
import { BodyCapture, type CaptureSubject } from "./capture.js";
import { bytesUpload, NO_UPLOAD, streamUpload, type Upload } from "./upload.js";

/** Decides what of a call's bodies goes into the record, by the level that the policy asked for. */
export interface Recorder {
  /** Watches a request body as it leaves. */
  upload(body: Upload["body"], keeper: BodyKeeper, subject: CaptureSubject): Upload;
  /** Watches an answer as it arrives; null where only its size is recorded, which the caller counts anyway. */
  answer(keeper: BodyKeeper, subject: CaptureSubject): BodyCapture | null;
  /** The mask of the record, for whatever else goes into it. */
  readonly masker: () => Masker;
}

const KEEPS_REQUEST: ReadonlySet<RecordLevel> = new Set(["request", "both"]);
const KEEPS_ANSWER: ReadonlySet<RecordLevel> = new Set(["response", "both"]);

/**
 * `makeMasker` makes the mask of the record, which looks for everything, also where masking for the agent is switched off;
 * `limit` says how many bytes of a body are kept at most.
 */
export function createRecorder(makeMasker: () => Masker, limit: number): Recorder {
  let made: Masker | undefined;
  const masker = (): Masker => {
    made ??= makeMasker();
    return made;
  };
  const capture = (keeper: BodyKeeper, subject: CaptureSubject): BodyCapture =>
    new BodyCapture(subject, { keeper, masker: masker(), limit });
  return {
    masker,
    upload(body, keeper, subject) {
      if (body === null) return NO_UPLOAD;
      const watching = KEEPS_REQUEST.has(subject.level) ? capture(keeper, subject) : null;
      const about = subject.media === null ? {} : { media: subject.media };
      return body instanceof ReadableStream ? streamUpload(body, watching, about) : bytesUpload(body, watching, about);
    },
    answer: (keeper, subject) => (KEEPS_ANSWER.has(subject.level) ? capture(keeper, subject) : null),
  };
}
