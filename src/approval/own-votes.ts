import type { Approver } from "./types.js";

/** Who vouches for what the library does by itself. Nobody outside can answer in this name. */
export const OURSELVES = "sallyport";

/** Takes back what a session asked, because the session ends or has asked too often. */
export const THE_SESSION: Approver = { id: "session", idp: OURSELVES };

/** Takes an unused yes back because another policy is in force. */
export const THE_POLICY: Approver = { id: "policy", idp: OURSELVES };

/** Takes a yes back that could not be recorded. */
export const THE_RECORD: Approver = { id: "unrecorded", idp: OURSELVES };
