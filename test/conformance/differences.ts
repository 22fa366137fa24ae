/**
 * Where a guarded fetch differs from fetch on purpose, by operation. A test asserts that each of them does differ, so that
 * no line outlives its reason.
 *
 * Not in a table, because it is not about one operation: the guard sends its own `user-agent`; text that is masked as it
 * flows waits for the end of a word before it is passed on; and an answer of up to 64 KiB that says its length is read whole
 * before the caller gets it, unless that takes longer than a second. Calls are not in `performance.getEntriesByType("resource")`, where all code could read their URLs.
 */
export const DELIBERATE: Readonly<Record<string, string>> = {
  "input: an empty query": "`/x?` and `/x` are one place: what is judged is what is sent, in one form",
  "method: null": "only the ordinary verbs can be judged; any other is denied, and sent by nobody",
  "body: a stream of numbers": "the same TypeError; its cause is ours, where undici trips over its own write",
  "headers: many": "a cookie of the service is a credential: the agent learns that there is one, not its value",
  "headers: empty, padded and repeated": "RFC 9110 section 5.5: blanks around a value are not part of it",
  "headers: accept-encoding of one's own": "a response in a coding that the guard cannot undo could not be masked",
  "headers: range": "a piece of a response cannot be masked, so none is asked for",
  "headers: in order, of a range": "a piece of a response cannot be masked, so none is asked for",
  "status: 206": "a piece of a response cannot be masked, so it is withheld",
  "abort: an upload is cancelled": "undici leaves the caller's stream waiting for ever",
  "fault: proxy authentication": "a service's own 407 is an answer, to be read, masked and recorded like any other",
  "denied: an authorization of the agent's own": "credentials are the guard's to add; the agent's are left out",
  "denied: a cookie of the agent's own": "a cookie is a credential",
  "denied: x-forwarded-for": "who is calling from where is not the agent's to say",
  "denied: a method override": "servers would run another method than the one judged",
  "denied: dot segments": "servers and proxies disagree about what they mean",
  "denied: an encoded slash twice over": "servers that decode twice see another path",
  "denied: white space around a URL": "the text that is judged is the text that was written",
  "denied: another method": "only the ordinary verbs can be judged",
  "denied: an API key across origins": "another origin gets nothing that could be a credential",
  "denied: a sensitive value in an answer": "masking is what it is for",
  "denied: a header of the guard's own": "a service's 403 must not pass for the guard's",
  "denied: a length that is not the body's": "the length that is sent is the body's, whatever the agent says",
  "denied: an etag of what flows masked": "it no longer describes the bytes",
  "redirect: to another scheme": "the same TypeError; its cause is the guard's refusal, with its code, and on record",
  "redirect: to a data URL": "the same TypeError; its cause is the guard's refusal, with its code, and on record",
  "fault: 421": "nothing is sent twice: an approval is for one request",
};
