/** What stands in the place of a masked value, as OpenTelemetry writes it. */
export const REDACTED = "REDACTED";

/** Parts of a parameter name, letters and digits only, that make its value a secret wherever they occur. */
const SECRET_PART =
  /token|secret|passw|passphrase|apikey|accesskey|privatekey|signature|credential|assertion|authoriz|jwt|session|cookie|bearer/;
/** Whole names; as parts they would hit "monkey" and "design". */
const SECRET_NAME = /^(?:key|sig|pwd|pass|code|auth|sid|pin|otp|ticket|saml(?:request|response)|codeverifier)$/;
/** Letters, digits and dots as a JSON Web Token has them. Every pattern here takes time linear in its input. */
const TOKEN_LETTERS = /[\w.-]+/g;
const SHORTEST_JWT_HEADER = 9;
const NEEDS_WORK = /[?#@\t\r\n]|eyJ/;
const AUTHORITY = /^((?:[a-z][a-z0-9+.-]*:)?[/\\]*)([^/\\?#]*)/i;

/**
 * A URL fit for the record: user name and password, and the values of query and fragment parameters that look like
 * secrets, are replaced; names, order and everything else stay. Works on text, since what was refused may not parse.
 */
export function maskUrl(url: string): string {
  if (!NEEDS_WORK.test(url)) return url;
  // A URL parser drops these wherever they stand, so "to\tken=" would reach the server as "token=".
  const clean = url.replace(/[\t\r\n]/g, "");
  const parametersAt = clean.search(/[?#]/);
  const place = parametersAt === -1 ? clean : clean.slice(0, parametersAt);
  const parameters = parametersAt === -1 ? "" : clean.slice(parametersAt);
  return (maskUserInfo(place) + maskParameters(parameters)).replace(TOKEN_LETTERS, maskJwt);
}

/** A JSON Web Token begins with the Base64 of `{"` and has a dot after its header; it is one in any place, also a path. */
function maskJwt(letters: string): string {
  for (let at = letters.indexOf("eyJ"); at !== -1; at = letters.indexOf("eyJ", at + 1)) {
    const dot = letters.indexOf(".", at);
    if (dot === -1) return letters;
    if (dot - at >= SHORTEST_JWT_HEADER) return letters.slice(0, at) + REDACTED;
  }
  return letters;
}

function maskUserInfo(place: string): string {
  return place.replace(AUTHORITY, (_all, lead: string, authority: string) => {
    const at = authority.lastIndexOf("@");
    return at === -1 ? lead + authority : `${lead}${REDACTED}${authority.slice(at)}`;
  });
}

function maskParameters(parameters: string): string {
  return parameters.replace(/([?#&;])([^=?#&;]*)=([^#&;]*)/g, (all, lead: string, name: string) =>
    isSecretName(name) ? `${lead}${name}=${REDACTED}` : all,
  );
}

/** True where a parameter of this name, percent-encoded or not, holds a secret by the look of it. */
export function isSecretName(name: string): boolean {
  const letters = decode(name)
    .toLowerCase()
    .replace(/[^a-z0-9]/g, "");
  return SECRET_NAME.test(letters) || SECRET_PART.test(letters) || /(?:^|[^a-z0-9])(?:key|sig)\]?$/i.test(decode(name));
}

function decode(name: string): string {
  return name.replace(/%([0-9a-f]{2})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
