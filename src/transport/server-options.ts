import { addressRangeProblem } from "../request/address.js";
import { list, oneOrMore, type Place, type Shape, text, typed } from "../shapes/index.js";
import { issuerProblem } from "./discovery.js";
import { isPem } from "./tls-options.js";

/** Where names may resolve (CIDR). */
export const addressRanges: Shape<readonly string[]> = list(text("must be an address range", addressRangeProblem), {
  least: 1,
  message: "must be a list of address ranges",
});

/** Certificates of the authorities that vouch for a server. */
export const authorities: Shape<string | readonly string[]> = oneOrMore(
  typed((given): given is string => isPem(given), "must be PEM certificates"),
  "must be PEM certificates",
);

/** Origins, in the form that the URL standard gives them: `https://keys.example`. */
export const serverOrigins: Shape<readonly string[]> = list(
  text('must be an origin such as "https://keys.example"', (given) =>
    URL.canParse(given) && new URL(given).origin === given
      ? undefined
      : 'must be an origin such as "https://keys.example"',
  ),
  { message: "must be a list of origins" },
);

/** An issuer; whether it must be https, {@link checkIssuer} says. */
export const issuerUrl: Shape<string> = text("must be an https URL", (given) => issuerProblem(given, true));

/** Notes an issuer without TLS where the options do not allow that. */
export function checkIssuer(issuer: string | undefined, allowInsecure: boolean | undefined, place: Place): void {
  const problem = issuer === undefined ? undefined : issuerProblem(issuer, allowInsecure === true);
  if (problem !== undefined) place.report(problem);
}
