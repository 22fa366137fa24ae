import { AMERICAS } from "./americas.js";
import { EUROPE } from "./europe.js";
import { EUROPE_FURTHER } from "./europe-further.js";
import type { NationalId } from "./national-id.js";
import { OCEANIA_ASIA_AFRICA } from "./oceania-asia-africa.js";
import { WORLD_FURTHER } from "./world-further.js";

export { type Forms, formsOf, nationalId } from "./match.js";

/** The numbers that states give out, of which something can be checked. Where two fit, the first one names it. */
export const NATIONAL_IDS: readonly NationalId[] = [
  ...EUROPE,
  ...AMERICAS,
  ...OCEANIA_ASIA_AFRICA,
  ...EUROPE_FURTHER,
  ...WORLD_FURTHER,
];
