/** `sallyport/testing`: for the tests of those who build on the library. */

export type { RecordedEvent } from "../audit/memory-log.js";
export { approvalStoreChecks, type StoreCheck, type StoreUnderTest } from "./approval-store.js";
export { type GuardMatchers, guardMatchers, type MatcherResult } from "./matchers.js";
export { type TestClock, testClock } from "./test-clock.js";
export {
  createTestGuard,
  mswTransport,
  type TestGuard,
  type TestGuardOptions,
  type TestVerdict,
} from "./test-guard.js";
