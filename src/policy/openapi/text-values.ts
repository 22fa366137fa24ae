import type { SchemaTest } from "./schemas.js";

const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;

/** What a text may stand for where a schema speaks of values: itself, a number, a boolean. */
function readings(text: string): readonly unknown[] {
  if (NUMBER.test(text)) return [text, Number(text)];
  return text === "true" || text === "false" ? [text, text === "true"] : [text];
}

/** Tests texts against a schema: they fit where some reading of them does. One text is tried as a value and as a list of one. */
export function testTexts(test: SchemaTest, texts: readonly string[]): string | null {
  const [first] = texts;
  let fault: string | null = "its schema";
  if (first !== undefined && texts.length === 1) {
    for (const value of readings(first)) {
      const found = test(value);
      if (found === null) return null;
      fault = found;
    }
  }
  for (const place of [0, 1]) {
    const list = texts.map((text) => readings(text)[place]);
    if (list.includes(undefined)) break;
    if (test(list) === null) return null;
  }
  return fault;
}

/** The fields of a form as an object, each as the reading that its own test accepts; a repeated field is a list. */
export function formObject(
  pairs: readonly (readonly [string, string])[],
  tests: ReadonlyMap<string, SchemaTest>,
): Readonly<Record<string, unknown>> {
  const texts = new Map<string, string[]>();
  for (const [name, text] of pairs) texts.set(name, [...(texts.get(name) ?? []), text]);
  const fields: Record<string, unknown> = Object.create(null);
  for (const [name, values] of texts) {
    const test = tests.get(name) ?? (() => null);
    const [only = ""] = values;
    const candidates: unknown[] = values.length === 1 ? [...readings(only)] : [];
    candidates.push(
      values,
      values.map((text) => readings(text)[1] ?? text),
    );
    fields[name] = candidates.find((candidate) => test(candidate) === null) ?? candidates[0];
  }
  return fields;
}
