/** `sallyport/testing`: for the tests of those who build on the library. */

export { approvalStoreChecks, type StoreCheck, type StoreUnderTest } from "./approval-store.js";
