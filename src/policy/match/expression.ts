import { RE2JS } from "re2js";

/** Compiles a regular expression that is found, or not, in linear time. @throws for what RE2 does not accept */
export function compileExpression(pattern: string): (text: string) => boolean {
  const compiled = RE2JS.compile(pattern);
  return (text) => compiled.test(text);
}
