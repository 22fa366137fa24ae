import type { CallSnapshot } from "../request/snapshot/snapshot.js";

// Captured at load: a fetch that is replaced later sees nothing of ours, and these calls reveal nothing either.
const platformFetch = globalThis.fetch;

/** `data:` and `blob:` name bytes, not a place: nothing is asked of anybody, so nothing is judged or recorded. */
export const isInline = (url: string): boolean => /^(?:data|blob):/i.test(url);

type InlineCall = Pick<CallSnapshot, "url" | "method" | "headers" | "signal" | "integrity">;

/** Answers an inline URL as fetch does. Never with a credential: there is nobody to send one to. */
export const fetchInline = ({ url, method, headers, signal, integrity }: InlineCall): Promise<Response> =>
  platformFetch(url, { method, headers: headers as [string, string][], signal, integrity });
