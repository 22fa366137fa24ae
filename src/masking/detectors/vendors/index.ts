import { AI } from "./ai.js";
import { CLOUD } from "./cloud.js";
import { CODE } from "./code.js";
import { COMMERCE } from "./commerce.js";
import { MESSAGING } from "./messaging.js";
import { SAAS } from "./saas.js";
import type { VendorForm } from "./vendor.js";

export { beginning, type NamedForm, type TokenForm, type VendorForm } from "./vendor.js";

/** Everybody's credentials whose form is known. Where two begin alike, the first one that fits wins. */
export const VENDORS: readonly VendorForm[] = [...AI, ...CLOUD, ...CODE, ...COMMERCE, ...MESSAGING, ...SAAS];
