import type { Judgement, NameRule } from "./context.js";

/** Names of credentials, without separators, whoever issued them. Of `client_token2` and `tokenV2` the number is left out. */
const SECRET_NAME =
  /(?:token|secret|passw(?:or)?d|passphrase|passcode|pwd|credentials?|(?:api|access|secret|private|auth|encryption|signing|shared|master|licen[sc]e|service|account|storage|client|consumer|subscription|webhook|admin|deploy|root|ssh)key|authorization)(?:v?[0-9]{1,2})?$/;
/** Names that end like those, of things that everybody may see. */
const PUBLIC_NAME =
  /(?:page|next|prev|previous|continuation|cursor|sync|pagination|csrf|xsrf|cancellation|resume|start|change|lock|idempotency|captcha|special|eos|bos|pad|mask|reset|forgot|nonmatching|public|pub)token|(?:forgot|reset|change|no|has|is|show|hide|invalid|wrong|missing|bad)(?:password|secret|token|key)|publickey|(?:^|[a-z])keyword/;
const PASSWORD_NAME = /(?:passw(?:or)?d|passphrase|passcode|pwd|secret)(?:v?[0-9]{1,2})?$/;

/** What stands where a credential would stand, and is none. */
const PLACEHOLDER =
  /^-----|^\[[A-Z_]+:|^ey[\w-]{10,}\.|x{5,}|\*{3,}|\.{3}|[$%]\{|\{\{|\$\(|^\$[A-Za-z_]+$|^%[A-Za-z_]+%$|^<|example|placeholder|change_?me|your[_-]|insert|replace|redacted|dummy|sample|undefined|^(?:process|os|env|config|settings|self|this)\./i;
/** A place: a path, an address, a number with a unit, a date. */
const PLACE = /^(?:[a-z][a-z0-9+.-]{0,20}:)?\/|^\.{0,2}\/|^[0-9.,:-]+[a-z%]{0,2}$|^[0-9]{4}-[0-9]{2}-[0-9]{2}/i;
/** `config.auth.token1`: code. */
const CODE = /^[A-Za-z_$][A-Za-z_$]*[0-9]?(?:\.[A-Za-z_$][A-Za-z_$]*[0-9]?)+$|[[\]]{2}|==(?!$)|!=|&&|\|\||::/;
const CHARACTERS = /^[\w.=+/~@!#$%^*|:-]+$/;
/** Names whose values have one form only, so that what has another is not one: it may be encrypted. */
const EXACT_NAME = /awssecret(?:access)?key$/;
const SHORTEST = 10;
const SHORTEST_PASSWORD = 6;

/**
 * A value of ten characters or more under a name that says that it is secret. Elsewhere than in a field it must look like
 * one, too: by itself no text is taken for a secret because it looks random.
 */
export function genericRule(isVendors: (value: string) => boolean): NameRule {
  return {
    keywords: [
      "token",
      "secret",
      "passw",
      "passphrase",
      "passcode",
      "pwd",
      "credential",
      "authorization",
      "apikey",
      "api_key",
      "api-key",
      "api key",
      "accesskey",
      "access_key",
      "access-key",
      "private_key",
      "privatekey",
      "auth_key",
      "authkey",
      "encryption_key",
      "encryptionkey",
      "signing_key",
      "signingkey",
      "shared_key",
      "sharedkey",
      "master_key",
      "masterkey",
      "license_key",
      "licensekey",
      "account_key",
      "accountkey",
      "client_key",
      "subscription_key",
      "subscription-key",
    ],
    judge: (name, value, whole) => {
      const plain = name.replace(/[^a-z0-9]/g, "");
      if (!SECRET_NAME.test(plain) || PUBLIC_NAME.test(plain) || EXACT_NAME.test(plain) || isVendors(value))
        return null;
      return whole && PASSWORD_NAME.test(plain) ? password(value) : secret(value);
    },
  };
}

function password(value: string): Judgement | null {
  if (PLACEHOLDER.test(value)) return null;
  const telling = /[0-9]/.test(value) || value.length >= SHORTEST;
  return value.length >= SHORTEST_PASSWORD && telling ? FOUND : null;
}

function secret(value: string): Judgement | null {
  if (value.length < SHORTEST || !CHARACTERS.test(value)) return null;
  if (PLACEHOLDER.test(value) || PLACE.test(value) || CODE.test(value)) return null;
  if (!/[0-9]/.test(value) || !/[A-Za-z]/.test(value)) return null;
  return new Set(value).size >= 6 ? FOUND : null;
}

const FOUND: Judgement = { kind: "SECRET", vendor: "generic" };
