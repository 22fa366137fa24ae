import { generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { everyChunking, JSON_TYPE, masker, TEXT_TYPE, whole } from "./support.js";

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const KEY = base64(privateKey.export({ type: "pkcs8", format: "pem" }).toString());
const PUBLIC = base64(publicKey.export({ type: "spki", format: "pem" }).toString());
const TOKEN = `${Buffer.from('{"alg":"HS256","typ":"JWT"}').toString("base64url")}.${Buffer.from('{"sub":"ada"}').toString("base64url")}.c2lnbmF0dXJl`;

describe("what is encoded once more", () => {
  it.each([
    [`client-key-data: ${KEY}\nkind: Config`, "client-key-data: [REDACTED:PRIVATE_KEY]\nkind: Config"],
    [`holds ${base64(TOKEN)}`, "holds [REDACTED:JWT]"],
    [`_auth=${base64("ada:s3cret")}`, "_auth=[REDACTED:SECRET:basic_credentials]"],
    ["mailto:grace%40example.com", "mailto:[REDACTED:EMAIL]"],
    ["https://h.example/?to=grace%2Bx%40example.com&a=1", "https://h.example/?to=[REDACTED:EMAIL]&a=1"],
  ])("is found in %s", (text, masked) => {
    expect(everyChunking(TEXT_TYPE, text)).toEqual(new Set([masked]));
  });

  it("is found in the members of JSON", () => {
    const body = {
      auths: { "r.example": { auth: base64("ada:s3cret") } },
      data: { "tls.key": KEY, "tls.crt": PUBLIC },
    };
    expect(JSON.parse(whole(JSON_TYPE, JSON.stringify(body)))).toEqual({
      auths: { "r.example": { auth: "[REDACTED:SECRET:basic_credentials]" } },
      data: { "tls.key": "[REDACTED:PRIVATE_KEY]", "tls.crt": PUBLIC },
    });
  });

  it.each([
    `key: ${PUBLIC}`,
    `zipped ${base64("eyJust a sentence that begins so. And goes on")}`,
    `author=${base64("Ada Lovelace: a life")}`,
    `auth: ${base64("no colon in here")}`,
    "at 100%40 of it",
    "@example.com and %40example.com",
  ])("is not seen in %s", (text) => {
    expect(masker.detect(text)).toEqual([]);
  });
});
