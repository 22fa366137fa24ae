import {
  across,
  also,
  dictionary,
  list,
  type Members,
  needed,
  object,
  oneOf,
  type Place,
  present,
  readOptions,
  type Shape,
  secretBytes,
  text,
} from "../shapes/index.js";
import { type CustomDetector, patternProblem } from "./detectors/custom.js";
import { DETECTORS, type DetectorName, type MaskerOptions } from "./options.js";
import { pathProblem } from "./paths.js";
import type { Strategy } from "./strategies.js";

const LONGEST_ALLOWED = 1024;
/** A country, or a language and its country. */
const REGION = /^(?:[a-z]{2,3}[-_])?[A-Z]{2}$/;

const isDetector = (name: string): name is DetectorName => (DETECTORS as readonly string[]).includes(name);
const path: Shape<string> = text("must be a JSON Pointer", (given) => pathProblem(given) ?? undefined);

const detectors: Shape<"all" | readonly DetectorName[]> = {
  read: (given, place) =>
    given === "all"
      ? given
      : list(oneOf(...DETECTORS), { message: 'must be "all" or a list of texts' }).read(given, place),
};

const custom: Shape<readonly CustomDetector[]> = also(
  list(
    object<CustomDetector>({
      name: needed(
        text('must be a name such as "EMPLOYEE_ID"', (name) => {
          if (!/^[A-Z][A-Z0-9_]{1,39}$/.test(name)) return 'must be a name such as "EMPLOYEE_ID"';
          return isDetector(name) ? "is taken" : undefined;
        }),
      ),
      keyword: needed(
        text("must have 3 to 64 characters", ({ length }) =>
          length >= 3 && length <= 64 ? undefined : "must have 3 to 64 characters",
        ),
      ),
      pattern: needed(
        text("must be a regular expression as a text", (pattern) => patternProblem(pattern) ?? undefined),
      ),
    }),
    { message: "must be a list of detectors" },
  ),
  (entries, place) => {
    for (const [index, { name }] of entries.entries())
      if (entries.findIndex((entry) => entry.name === name) < index) place.at(index).at("name").report("is taken");
  },
);

/** What people configure of a masker. */
export const MASKER: Members<MaskerOptions> = {
  detectors,
  paths: list(path, { message: "must be a list of texts" }),
  strategies: dictionary(oneOf("redact", "partial", "hash", "tokenise", "drop")),
  custom,
  allow: list(
    text(`must have 1 to ${LONGEST_ALLOWED} characters`, ({ length }) =>
      length <= LONGEST_ALLOWED ? undefined : `must have 1 to ${LONGEST_ALLOWED} characters`,
    ),
    { message: "must be a list of texts" },
  ),
  regions: list(
    text('must be a country code such as "US"', (region) =>
      REGION.test(region) ? undefined : 'must be a country code such as "US"',
    ),
    { message: "must be a list of texts" },
  ),
  hashKey: present(secretBytes(16)),
};

/** What only shows where the options are looked at together. */
export function checkTogether(
  { strategies = {}, custom: own = [], hashKey }: Partial<MaskerOptions>,
  place: Place,
): void {
  for (const [name, strategy] of Object.entries(strategies)) {
    const problem = strategyProblem(name, strategy, own, hashKey !== undefined);
    if (problem !== undefined) place.at("strategies").at(name).report(problem);
  }
}

function strategyProblem(
  name: string,
  strategy: Strategy,
  own: readonly CustomDetector[],
  hasKey: boolean,
): string | undefined {
  const isKnown = isDetector(name) || own.some((one) => one.name === name) || name === "FIELD" || name === "CREDENTIAL";
  if (!isKnown && pathProblem(name) !== null) return "is neither a detector nor a path";
  if (strategy === "hash" && !hasKey) return '"hash" needs "hashKey"';
  if (strategy !== "redact" && name === "CREDENTIAL") return 'must be "redact": of a live credential nothing is shown';
  return undefined;
}

const OPTIONS: Shape<MaskerOptions> = across(object<MaskerOptions>(MASKER), checkTogether);

/** Reads the options of a masker once. @throws OptionsError with everything that is wrong */
export const readMaskerOptions = (options: unknown): MaskerOptions => readOptions(options, OPTIONS);

const PATHS: Shape<{ readonly paths: readonly string[] }> = object({ paths: list(path) });

/** Checks paths that are given for one body. @throws OptionsError */
export const checkOpenPaths = (paths: readonly string[]): void => void readOptions({ paths }, PATHS);
