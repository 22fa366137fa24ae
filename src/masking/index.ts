/**
 * Masking: what is sensitive in a text or a body, found and replaced as it flows. Readers, scanner and detectors are
 * not exported: their contracts serve each other.
 */
export type { Finding } from "./detect.js";
export type { CustomDetector } from "./detectors/custom.js";
export { createMasker, type Masker } from "./masker.js";
export { isMaskable } from "./media.js";
export { DETECTORS, type DetectorName, type MaskerOptions } from "./options.js";
export type { MaskingPass, OpenOptions, Secrets } from "./pass.js";
export type { PlaceholderOptions } from "./placeholders/options.js";
export {
  type FieldBindings,
  type RequestParts,
  type RestoredParts,
  type RestoredValue,
  restoreRequest,
} from "./placeholders/restore-request.js";
export {
  createVault,
  type Vault,
  type VaultOptions,
  type VaultRefusal,
  type VaultValue,
} from "./placeholders/vault.js";
export type { Mint, Strategy } from "./strategies.js";
