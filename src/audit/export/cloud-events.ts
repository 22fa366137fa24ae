import type { ExportLine } from "./lines.js";
import { textIn } from "./lines.js";

/**
 * One CloudEvent 1.0 in its JSON form per line. `data` is the line of the record to the byte, so that its hash is still the
 * one that the next line holds; `source` and `id` together name it once and for all.
 */
export async function* toCloudEvents(lines: AsyncIterable<ExportLine>): AsyncGenerator<string> {
  for await (const { log, text, event } of lines) {
    const attributes = {
      specversion: "1.0",
      id: String(event["seq"]),
      source: log,
      type: `dev.sallyport.audit.${String(event["type"])}`,
      ...optional("time", textIn(event, "time")),
      ...optional("subject", textIn(event, "session_id")),
      datacontenttype: "application/json",
      dataschema: "urn:sallyport:audit-event.schema.json",
    };
    yield `${JSON.stringify(attributes).slice(0, -1)},"data":${text}}\n`;
  }
}

const optional = (key: string, value: string | undefined): object => (value === undefined ? {} : { [key]: value });
