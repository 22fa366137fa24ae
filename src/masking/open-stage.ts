import { GuardError } from "../errors/guard-error.js";
import { FormReader } from "./form-reader.js";
import { JsonReader } from "./json/reader.js";
import { EventStage } from "./lanes/event-stage.js";
import { type Format, type Media, mediaOf } from "./media.js";
import { FieldStage } from "./multipart/field-stage.js";
import { MultipartStage } from "./multipart/multipart-stage.js";
import type { PartHeaders } from "./multipart/part-headers.js";
import { NamedTextReader } from "./named-text.js";
import type { Context, Reader } from "./reader.js";
import type { ScannerOptions } from "./scanner.js";
import { SseReader } from "./sse-reader.js";
import { ReaderStage, type Stage, type StageContext } from "./stage.js";
import { TextReader } from "./text-reader.js";

const READERS: Record<Exclude<Format, "multipart">, new (context: Context) => Reader> = {
  json: JsonReader,
  sse: SseReader,
  form: FormReader,
  text: TextReader,
};

/** Multipart within multipart within multipart: more is no message that anybody sends. */
const DEEPEST = 4;

/** How parts that cannot be masked are searched for known secrets; null where there are none. */
export type Opaque = () => ScannerOptions | null;

/** How a body of this media type is masked. Parts that cannot be are refused where there is no `opaque`. */
export function openStage(media: Media, opaque: Opaque | undefined, context: StageContext, depth: number = 0): Stage {
  const { format, boundary } = media;
  if (format !== "multipart") {
    const stage = new ReaderStage(context, (full) => new READERS[format](full));
    return format === "sse" ? new EventStage(context, stage) : stage;
  }
  if (depth === DEEPEST) throw context.malformed(`multipart, nested deeper than ${DEEPEST}`);
  const openText = (): Stage => new ReaderStage({ ...context, paths: null }, (full) => new TextReader(full));
  const openPart = (headers: PartHeaders, index: number): Stage => {
    const { name, contentType } = headers;
    const paths = context.paths?.under(name ?? String(index)) ?? null;
    const strategy = paths?.root.strategy ?? null;
    if (strategy !== null) return new FieldStage(context.replaceField(strategy, null));
    const inside = headers.isEncoded ? null : mediaOf(contentType);
    if (inside === null) return openOpaque(context, opaque);
    if (inside.format !== "text" || name === null || headers.isFile)
      return openStage(inside, opaque, { ...context, paths }, depth + 1);
    return new ReaderStage(context, (full) => new NamedTextReader(full, name));
  };
  return new MultipartStage({ boundary, openText, openPart, malformed: context.malformed });
}

/** What cannot be masked is searched for nothing but known secrets, or refused. */
function openOpaque(context: StageContext, opaque: Opaque | undefined): Stage {
  if (opaque === undefined) throw new GuardError("MEDIA_REFUSED", { sent: true });
  const scanning = opaque();
  return scanning === null
    ? AS_IT_IS
    : new ReaderStage({ ...context, scanning, paths: null }, (full) => new TextReader(full));
}

const AS_IT_IS: Stage = { push: (chunk) => chunk, flush: () => new Uint8Array(0), whole: (body) => body, held: 0 };
