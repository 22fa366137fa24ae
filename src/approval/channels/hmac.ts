import { createHmac, timingSafeEqual } from "node:crypto";
import { type Shape, secretBytes } from "../../shapes/index.js";

/** How far a signed message may be from now: what was recorded longer ago is a replay. Slack's and Standard Webhooks' own. */
export const TOLERANCE_MS: number = 5 * 60_000;

/** Over a text and, exactly as they came, the bytes behind it. */
export const hmac = (secret: string | Uint8Array, text: string, bytes: Uint8Array = new Uint8Array()): Buffer =>
  createHmac("sha256", secret).update(text, "utf8").update(bytes).digest();

/** A secret that messages are signed with. */
export const signingSecret: Shape<string | Uint8Array> = secretBytes(32);

/** Compares without telling by its time how much is right. */
export const isSame = (expected: Uint8Array, given: Uint8Array): boolean =>
  expected.length === given.length && timingSafeEqual(expected, given);

/** Whether a time in whole seconds is near now; only plain digits are a time. */
export const isRecent = (seconds: string | null, nowMs: number, toleranceMs: number = TOLERANCE_MS): boolean =>
  seconds !== null && /^[0-9]{1,12}$/.test(seconds) && Math.abs(nowMs - Number(seconds) * 1000) <= toleranceMs;

/** No message of ours, or that is meant for us, is longer. */
const MAX_MESSAGE = 1 << 20;

/** The raw bytes of a request's body, as they were signed; null where there are too many of them. */
export async function rawBody(request: Request): Promise<Buffer | null> {
  if (request.body === null) return Buffer.alloc(0);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body) {
    size += chunk.byteLength;
    if (size > MAX_MESSAGE) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
