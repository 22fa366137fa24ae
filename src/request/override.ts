import type { BodyView, DeclaredBody } from "./body/body.js";
import { readMultipart } from "./body/multipart.js";
import { isMethodOverrideField } from "./method.js";

/**
 * Whether the body asks the server to run another verb by a top-level field (Rails, Laravel, Symfony, Express), or may do
 * so in a form that cannot be read. Bodies that nobody else looks into are searched before they are parsed, since hardly
 * any has such a name in it.
 */
export function overridesMethod(bytes: Uint8Array, declared: DeclaredBody, view: () => BodyView): boolean {
  switch (declared.kind) {
    case "json":
      return jsonOverrides(textOf(bytes), view);
    case "form":
      return formOverrides(textOf(bytes), view);
    case "opaque":
      return declared.form !== undefined && multipartOverrides(bytes, declared.form.boundary);
  }
}

/** The names in `isMethodOverrideField`, as they would stand in JSON text; `method` itself, as JSON-RPC has it, is none. */
const OVERRIDE_IN_JSON = /"(?!method")_{0,2}(?:x[_-])?(?:http[_-]?)?method(?:[_-]override)?(?:\\u0000[^"]*)?"\s*:/i;

function jsonOverrides(text: string, view: () => BodyView): boolean {
  const unescaped = text.includes("\\u")
    ? text.replace(/\\u00([2-7][0-9A-Fa-f])/g, (_, hex: string) => characterOf(hex))
    : text;
  if (!OVERRIDE_IN_JSON.test(unescaped)) return false;
  const json = view();
  // What cannot be read strictly may still be read by the server: the name alone is then enough.
  if (json.kind !== "json") return true;
  const { value } = json;
  return typeof value === "object" && value !== null && Object.keys(value).some(isMethodOverrideField);
}

/** A server may still read what we cannot: with a broken escape, or with `;` between fields. */
function formOverrides(text: string, view: () => BodyView): boolean {
  if (!/method|%/i.test(text)) return false;
  const form = view();
  return form.kind === "form"
    ? form.pairs.some(([name]) => isMethodOverrideField(name))
    : /method/i.test(text.replace(/%([0-7][0-9A-Fa-f])/g, (_, hex: string) => characterOf(hex)));
}

const characterOf = (hex: string): string => String.fromCharCode(Number.parseInt(hex, 16));

function multipartOverrides(bytes: Uint8Array, boundary: string | null): boolean {
  if (boundary === null) return true;
  const parts = readMultipart(bytes, boundary);
  return parts === null ? /method/i.test(textOf(bytes)) : parts.some(({ name }) => isMethodOverrideField(name));
}

const textOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
