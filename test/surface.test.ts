import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as approval from "../src/approval/index.js";
import * as audit from "../src/audit/index.js";
import * as broker from "../src/broker/index.js";
import { ERROR_CODES } from "../src/errors/codes.js";
import * as identity from "../src/identity/index.js";
import * as index from "../src/index.js";
import * as masking from "../src/masking/index.js";
import * as policy from "../src/policy/index.js";
import * as slack from "../src/slack/index.js";
import * as store from "../src/store/index.js";
import * as testing from "../src/testing/index.js";

const packageJson = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  exports: Record<string, unknown>;
  dependencies: Record<string, string>;
};

const entries: Readonly<Record<string, object>> = {
  approval,
  audit,
  broker,
  identity,
  index,
  masking,
  policy,
  slack,
  store,
  testing,
};

describe("the public surface, which only grows on purpose", () => {
  it("has these entry points", () => {
    expect(Object.keys(packageJson.exports)).toEqual([
      ".",
      "./policy",
      "./policy.schema.json",
      "./identity",
      "./broker",
      "./approval",
      "./masking",
      "./audit",
      "./audit-event.schema.json",
      "./store",
      "./slack",
      "./testing",
      "./lockdown",
      "./package.json",
    ]);
  });

  it.each([
    [
      "index",
      [
        "AlreadySentError",
        "ApprovalConsumedError",
        "ApprovalDeniedError",
        "ApprovalExpiredError",
        "ApprovalMismatchError",
        "ApprovalNotPendingError",
        "ApprovalPendingError",
        "ApprovalUnavailableError",
        "AuditIncompleteError",
        "AuditUnavailableError",
        "DeniedError",
        "ERROR_CODES",
        "GuardError",
        "OptionsError",
        "PolicyError",
        "assertAxiosGuarded",
        "createClient",
        "createGuard",
        "definePolicy",
        "findGuardError",
        "guardedFetch",
        "isAlreadySent",
        "isApprovalConsumed",
        "isApprovalDenied",
        "isApprovalExpired",
        "isApprovalMismatch",
        "isApprovalNotPending",
        "isApprovalPending",
        "isApprovalUnavailable",
        "isAuditIncomplete",
        "isAuditUnavailable",
        "isDenied",
        "isGuardError",
        "isOptionsError",
        "isPolicyError",
      ],
    ],
    [
      "policy",
      [
        "checkPolicy",
        "compilePolicy",
        "definePolicy",
        "diffPolicies",
        "learnPolicy",
        "narrowed",
        "parseDuration",
        "policySchema",
        "standIns",
        "testPolicy",
      ],
    ],
    ["identity", ["oidcIdentity"]],
    [
      "broker",
      [
        "CredentialError",
        "Secret",
        "clientCredentials",
        "createTokenBroker",
        "githubActionsToken",
        "githubApp",
        "idJag",
        "jwtBearer",
        "staticSecret",
        "tokenExchange",
      ],
    ],
    [
      "audit",
      [
        "EXIT_CODES",
        "auditEventSchema",
        "callbackSink",
        "checkConsistencyProof",
        "checkEventProof",
        "eraseBody",
        "exportAudit",
        "fileAnchor",
        "httpAnchor",
        "openAuditLog",
        "openTelemetrySink",
        "pinoSink",
        "proveConsistency",
        "proveEvent",
        "pruneAudit",
        "verifyAudit",
        "webhookSink",
      ],
    ],
    [
      "approval",
      [
        "TRANSITIONS",
        "addVote",
        "ageRecord",
        "approveByCiba",
        "approveByWebhook",
        "approveInBatches",
        "approveInTerminal",
        "createApprovalDesk",
        "describeRequest",
        "dueAt",
        "dueRecord",
        "endOf",
        "isJoinable",
        "joinOrOpen",
        "openRecord",
        "receiveDecisions",
        "renderCard",
        "settleGrant",
        "signApprovalToken",
        "signDecision",
        "signatureHeaders",
        "slackChannel",
        "slotOf",
        "takeGrant",
        "verifyApprovals",
      ],
    ],
    ["masking", ["DETECTORS", "createMasker", "createVault", "isMaskable", "restoreRequest"]],
    ["slack", ["slackChannel"]],
    ["testing", ["approvalStoreChecks", "createTestGuard", "guardMatchers", "mswTransport", "testClock"]],
    ["store", ["fileStore", "memoryStore"]],
  ])("%s exports these values", (entry, names) => {
    expect(Object.keys(entries[entry] ?? {}).sort()).toEqual(names);
  });

  it("has these error codes", () => {
    expect(Object.keys(ERROR_CODES).join(" ")).toMatchInlineSnapshot(
      `"NO_SESSION SESSION_CLOSED SESSION_EXPIRED SESSION_BUSY IDENTITY_REFUSED IDENTITY_UNAVAILABLE URL_INVALID URL_TOO_LONG URL_AMBIGUOUS URL_USERINFO SCHEME_REFUSED HOST_REFUSED ADDRESS_REFUSED METHOD_REFUSED METHOD_OVERRIDE HEADER_REFUSED QUERY_REFUSED BODY_UNREADABLE BODY_TOO_LARGE PROTOCOL_REFUSED SCHEMA_REFUSED PLACEHOLDER_REFUSED PLACEHOLDER_UNRESOLVED NO_SERVICE NO_RULE PREDICATE_REFUSED RULE_DENY DECISION_FAILED POLICY_INVALID LIMIT_EXCEEDED STORE_UNAVAILABLE APPROVAL_PENDING APPROVAL_DENIED APPROVAL_EXPIRED APPROVAL_MISMATCH APPROVAL_CONSUMED APPROVAL_NOT_PENDING APPROVAL_UNAVAILABLE ALREADY_SENT CREDENTIAL_REFUSED CREDENTIAL_UNAVAILABLE NOT_REPLAYABLE REDIRECT_REFUSED MASKING_FAILED MEDIA_REFUSED AUDIT_UNAVAILABLE AUDIT_INCOMPLETE OPTIONS_INVALID GUARD_CLOSED LOCKDOWN_REFUSED"`,
    );
  });

  it.each([
    ["policy.schema.json", policy.policySchema],
    ["audit-event.schema.json", audit.auditEventSchema],
  ])("publishes the schema that the code has: %s", (file, schema) => {
    expect(JSON.parse(readFileSync(new URL(`../${file}`, import.meta.url), "utf8"))).toEqual(schema);
  });

  it("has these types of events", () => {
    const { allOf } = audit.auditEventSchema as unknown as {
      allOf: { if: { properties: { type: { const: string } } } }[];
    };
    expect(allOf.map((one) => one.if.properties.type.const).join(" ")).toMatchInlineSnapshot(
      `"session.opened session.closed session.recovered session.pruned request.intent request.denied request.completed request.failed request.aborted request.outcome_unknown approval.requested approval.joined approval.voted approval.overridden approval.reminded approval.decided approval.late approval.reserved credential.issued credential.refused credential.expired credential.revoked credential.invalidated credential.scope_narrowed credential.scope_widened credential.revocation_failed credential.not_revocable credential.refresh_failed alert.raised alert.suppressed policy.loaded body.erased log.opened log.closed log.checkpoint log.rotated log.recovered log.gap clock.stepped key.rotated"`,
    );
  });

  it("documents every error code", () => {
    const page = readFileSync(new URL("../docs/error-codes.md", import.meta.url), "utf8");
    for (const [code, { meaning }] of Object.entries(ERROR_CODES)) {
      expect(page).toContain(`| \`${code}\` | `);
      expect(page).toContain(meaning.replaceAll("|", "\\|"));
    }
  });

  it.each([".", "test/clients"])("pins no dependency to a registry address: %s", (folder) => {
    const lock = readFileSync(new URL(`../${folder}/package-lock.json`, import.meta.url), "utf8");
    expect(lock).not.toContain('"resolved"');
  });

  it.each([".", "test/clients"])(
    "locks the binaries of every platform, or npm ci refuses the lockfile: %s",
    (folder) => {
      const { packages } = JSON.parse(
        readFileSync(new URL(`../${folder}/package-lock.json`, import.meta.url), "utf8"),
      ) as {
        packages: Record<string, { optionalDependencies?: Record<string, string> }>;
      };
      const missing = Object.entries(packages).flatMap(([place, { optionalDependencies = {} }]) =>
        Object.keys(optionalDependencies).filter(
          (name) =>
            packages[`node_modules/${name}`] === undefined && packages[`${place}/node_modules/${name}`] === undefined,
        ),
      );
      expect(missing, "run node scripts/complete-lockfile.js").toEqual([]);
    },
  );
});
