import { Buffer } from "node:buffer";

/**
 * The `Authorization` field of a client that proves itself with its secret (RFC 6749 section 2.3.1): id and secret are encoded as
 * in a form (appendix B), which leaves letters, digits and `-._*` alone. Encoding more is refused by servers that do not decode.
 */
export const basicAuthorization = (clientId: string, secret: string): string =>
  `Basic ${Buffer.from(`${formEncoded(clientId)}:${formEncoded(secret)}`).toString("base64")}`;

const formEncoded = (text: string): string => new URLSearchParams([["", text]]).toString().slice(1);
