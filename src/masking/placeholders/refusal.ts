import { DeniedError } from "../../errors/guard-error.js";
import type { VaultRefusal } from "./vault.js";

type Why = VaultRefusal | "place" | "field" | "form" | "clear" | "many";

/** Why a request with a placeholder is refused, for whoever wrote it. */
const REASONS: Readonly<Record<Why, string>> = {
  altered: "a placeholder in it was altered, or is of another session",
  unknown: "a placeholder in it is not known",
  expired: "a placeholder in it has expired",
  elsewhere: "a placeholder in it may not be used at this origin",
  place:
    "a placeholder must be unaltered and the whole of a JSON string, a form field or a query parameter, and never of what says what is done or where",
  field: "a placeholder stands in a field that its value may not go to",
  form: "a placeholder's value cannot be written at this place",
  many: "it holds more than 1,000 placeholders",
  clear: "a placeholder's value may not go over a connection without encryption",
};

/** A placeholder is not turned back into its value. Says why, and nothing of the value. */
export class PlaceholderRefused extends DeniedError {
  readonly reason: string;
  /** `brokenOff`: some of the request may have left already. */
  constructor(why: Why, brokenOff?: "brokenOff") {
    const reason = REASONS[why];
    super("PLACEHOLDER_UNRESOLVED", {
      message: `The request was ${brokenOff === undefined ? "not sent" : "broken off"}: ${reason}.`,
      modelReason: reason,
      ...(brokenOff === undefined ? {} : { sent: true }),
    });
    this.reason = reason;
  }
}
