import type { FieldBindings } from "./restore-request.js";

/** Where the values behind placeholders may go. By default back to the origin they came from, in any field. */
export interface PlaceholderOptions {
  /**
   * Who can use a placeholder: the session that got it (default), which forgets its values when it ends, or every session in
   * which the same agent acts for the same principal, also later ones.
   */
  readonly scope?: "session" | "principal";
  /** How long a value can be used after a response held it, in milliseconds. Default 15 minutes. */
  readonly ttlMs?: number;
  /** By kind: further origins, such as `https://mail.internal.example`, that its values may go to. Default none. */
  readonly origins?: Readonly<Record<string, readonly string[]>>;
  /** By kind: the only parameters, members and header fields that its values may go to. Default all. */
  readonly fields?: FieldBindings;
}
