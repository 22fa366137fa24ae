import { fileStore } from "../../src/store/index.js";
import { temporaryDirectory } from "../support/guards.js";
import { describeApprovalStore } from "./approval-store-conformance.js";

describeApprovalStore("file approvals", async () => {
  const directory = temporaryDirectory();
  return { store: fileStore(directory).approvals, reopen: async () => fileStore(directory).approvals };
});
