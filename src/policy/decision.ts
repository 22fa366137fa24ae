import type { ErrorCode } from "../errors/codes.js";
import type { CanonicalRequest } from "../request/canonical.js";
import type { AuthorizationDetailDocument, LimitSubject, RecordLevel, RecordSync } from "./document/document.js";

/** How a person is asked; times in milliseconds. */
export interface ApprovalTerms {
  readonly approvers?: readonly string[];
  readonly waitMs?: number;
  readonly expiresMs?: number;
  readonly grantTtlMs?: number;
  /** Whether only sessions with the same purpose find the approval. Default `same`. */
  readonly purpose?: "same" | "any";
  /** What a repeat of a tool call gets for a request that it has sent already. Default `respond`. */
  readonly repeat?: "respond" | "refuse";
  /** How many people must say yes. */
  readonly quorum?: number;
  /** How often one yes may be used. */
  readonly uses?: number;
  /** Where in a JSON body the requests of one yes may differ. */
  readonly vary?: readonly string[];
}

/** What a decision asks of whoever carries it out. */
export interface Obligations {
  /** Name of the credential provider, where the service has one. */
  readonly credential?: string;
  /** What the credential is narrowed to, where the rule says so. */
  readonly scopes?: readonly string[];
  /** Those of `scopes` that the server may leave out. */
  readonly optionalScopes?: readonly string[];
  /** Whom it is for, where the rule says so. */
  readonly audience?: string;
  /** RFC 9396; `"{fingerprint}"` still to be filled in. */
  readonly authorizationDetails?: readonly AuthorizationDetailDocument[];
  /** What may be added once a person has said yes to it. */
  readonly stepUp?: { readonly scopes: readonly string[]; readonly approval: ApprovalTerms };
  /** Further paths to mask in the answer. */
  readonly mask: readonly string[];
  readonly record: RecordLevel;
  /** How sure the record must be of the disk, where a matching rule says so; the surest of several. */
  readonly sync?: RecordSync;
  /** What must be counted before anything is sent; absent where no matching rule has limits. */
  readonly limits?: readonly Limit[];
  /** How a person is asked; times in milliseconds. */
  readonly approval?: ApprovalTerms;
}

/** A limit of a matching rule, and how much of it this request uses up. */
export interface Limit {
  readonly rule: string;
  readonly by: LimitSubject;
  /** `requests`, or the JSON Pointer of what is summed. */
  readonly counts: string;
  readonly max: number;
  readonly windowMs: number;
  readonly amount: number;
  /** Whom it counts for, where it is not the agent that acts: one that handed the task on, in its own session. */
  readonly of?: { readonly agent: string; readonly session: string };
}

/** A rule that came close, and the first of its clauses that failed. Says what kind of value was there, never the value. */
export interface Considered {
  readonly rule: string;
  /** The failed clause: `method`, `path`, `query format`, `body /amount`, … */
  readonly clause: string;
  /** What the policy expects there. */
  readonly expected: string;
  /** What was there: `absent`, `string`, `number`, `POST`, … */
  readonly got: string;
}

/** What may be seen of the request that was judged, in the form that is sent. */
export type JudgedForm = Pick<
  CanonicalRequest,
  "method" | "url" | "origin" | "path" | "query" | "headers" | "droppedHeaders"
>;

/** The answer to one request. Plain data, safe to log: it holds no value of the request but its canonical form. */
export interface Decision {
  readonly effect: "allow" | "approve" | "deny";
  /** `ALLOWED`, `APPROVAL_REQUIRED`, or why not. */
  readonly code: "ALLOWED" | "APPROVAL_REQUIRED" | ErrorCode;
  /** One sentence, discreet enough for the model. */
  readonly reason: string;
  /** The rule that decided, where one did. */
  readonly rule?: string;
  /** The service the request is for, where there is one. */
  readonly service?: string;
  /** Absent where the request has no canonical form. */
  readonly canonical?: JudgedForm;
  readonly policy: { readonly id?: string; readonly hash: string };
  readonly obligations: Obligations;
  /** On a denial for want of a rule: the rules that came closest. */
  readonly considered: readonly Considered[];
}
