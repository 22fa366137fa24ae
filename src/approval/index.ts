/**
 * `sallyport/approval`: a person says yes to exactly one thing. The desk, the channels, and what a store needs to keep
 * approvals. Left out: how the desk asks, counts and waits.
 */

export type { Pins } from "../policy/pins.js";
export { renderCard } from "./card.js";
export { approveInBatches, type BatchedQuestion, type BatchOptions } from "./channels/batches.js";
export { approveByCiba, type CibaOptions } from "./channels/ciba.js";
export { type SlackChannel, type SlackOptions, slackChannel } from "./channels/slack.js";
export { approveInTerminal, type TerminalOptions } from "./channels/terminal.js";
export {
  approveByWebhook,
  type ReceiverOptions,
  receiveDecisions,
  signatureHeaders,
  type WebhookOptions,
} from "./channels/webhook.js";
export { createApprovalDesk } from "./desk.js";
export type { ApprovalDesk, Grant, ObtainOptions } from "./desk-types.js";
export type { ApprovalEvent, ApprovalEventType } from "./events.js";
export type { ApprovalDeskOptions, PromptTerms } from "./options.js";
// For stores.
export { ageRecord, dueAt, dueRecord, endOf } from "./record/ageing.js";
export { addVote } from "./record/counting.js";
export { type ReserveResult, type SettleOutcome, settleGrant, takeGrant } from "./record/grants.js";
export { type Joining, joinOrOpen } from "./record/joining.js";
export {
  type ApprovalLease,
  type ApprovalNews,
  type ApprovalOpening,
  type ApprovalRecord,
  type ApprovalVote,
  isJoinable,
  openRecord,
  type RecordedVote,
  slotOf,
} from "./record/record.js";
export { type ApprovalAction, type ApprovalState, TRANSITIONS } from "./record/state.js";
export type { ApprovalTerms, ReminderTerms, SpendingTerms } from "./record/terms.js";
export { requestView as describeRequest } from "./request-view.js";
export { type SigningKey, signApprovalToken, signDecision, type TokenContent } from "./signing/sign.js";
export { type ApprovalVerifier, type VerifyOptions, verifyApprovals } from "./signing/verify.js";
export type { ApprovalStore } from "./store.js";
export type {
  ApprovalCallback,
  ApprovalControl,
  ApprovalDecision,
  ApprovalDraft,
  ApprovalHttp,
  ApprovalPlaceholder,
  ApprovalReply,
  ApprovalRequest,
  ApprovalSubject,
  ApprovalWhy,
  Approver,
} from "./types.js";
export type { QuorumEntry, QuorumState } from "./votes/quorum.js";
export type { EmergencyTerms, Separation } from "./votes/separation.js";
