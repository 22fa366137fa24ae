import { GuardError } from "../../errors/guard-error.js";
import type { Detector } from "../probe.js";

/** A NUL in text means that it is not the text it says: UTF-16 without a charset would pass every other detector. */
export const nulDetector: Detector = {
  literals: ["\0"],
  probe(): never {
    throw new GuardError("MASKING_FAILED", {
      message: "The answer is declared as text but has NUL bytes.",
      sent: true,
    });
  },
};
