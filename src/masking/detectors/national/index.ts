import { AMERICAS } from "./americas.js";
import { EUROPE } from "./europe.js";
import type { NationalId } from "./national-id.js";
import { OCEANIA_ASIA_AFRICA } from "./oceania-asia-africa.js";

export { type Forms, formsOf, nationalId } from "./match.js";

/** The numbers that states give out, of which something can be checked. */
export const NATIONAL_IDS: readonly NationalId[] = [...EUROPE, ...AMERICAS, ...OCEANIA_ASIA_AFRICA];
