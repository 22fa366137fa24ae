/** `sallyport/store`: where the guard keeps what must outlive a call. */

export type { ApprovalStore } from "../approval/index.js";
export type { CredentialLease, CredentialStore } from "../broker/index.js";
export { type FileStore, type FileStoreOptions, fileStore } from "./file-store.js";
export type { LimitAnswer, LimitCharge, LimitStore, LimitTime } from "./limits.js";
export { type MemoryStoreOptions, memoryStore, type Store } from "./memory-store.js";
export type { SentOutcome, SentRequest, SentStore } from "./sent.js";
export type { StoreSizes } from "./sizes.js";
