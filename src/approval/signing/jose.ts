// The one place that knows which library signs.
export type { CryptoKey, JWK } from "jose";

/** Loaded by the first signature: importing Sallyport should not take the time of what a guard may never need. */
export const loadJose = (): Promise<typeof import("jose")> => import("jose");
