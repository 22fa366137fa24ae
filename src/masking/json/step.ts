import type { PathRules, PathState } from "../paths.js";
import { JSON_STRING } from "./codec.js";

/** Where the path rules are in the member whose name stands from `from` to `to`, as it is written there. */
export function memberStep(
  paths: PathRules | null,
  state: PathState,
  bytes: Uint8Array,
  from: number,
  to: number,
  hasEscape: boolean,
): PathState {
  if (paths === null) return state;
  if (!hasEscape) return paths.stepOver(state, bytes, from, to);
  const name = new Uint8Array(to - from + 1);
  return paths.stepOver(
    state,
    name,
    0,
    JSON_STRING.decode(bytes, from, to, true, name, new Int32Array(to - from + 1), 0),
  );
}
