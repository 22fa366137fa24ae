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
export {
  type ApprovalLease,
  type ApprovalNews,
  type ApprovalOpening,
  type ApprovalRecord,
  type ApprovalTerms,
  type ApprovalVote,
  addVote,
  ageRecord,
  dueAt,
  dueRecord,
  endOf,
  isJoinable,
  openRecord,
  type RecordedVote,
  type ReminderTerms,
  type ReserveResult,
  type SettleOutcome,
  settleGrant,
  slotOf,
  takeGrant,
} from "./record.js";
export { requestView as describeRequest } from "./request-view.js";
export { type SigningKey, signApprovalToken, signDecision, type TokenContent } from "./signing/sign.js";
export { type ApprovalVerifier, type VerifyOptions, verifyApprovals } from "./signing/verify.js";
export { type ApprovalAction, type ApprovalState, TRANSITIONS } from "./state.js";
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
