/** The policy document as written: see `docs/policy.md` and `policy.schema.json`. All of it is data. */
export interface PolicyDocument {
  readonly $schema?: string;
  readonly version: 1;
  readonly id?: string;
  readonly description?: string;
  readonly services: Readonly<Record<string, ServiceDocument>>;
  readonly rules: readonly RuleDocument[];
}

/** A SaaS that agents may reach: where it is, and what every call to it is held to. */
export interface ServiceDocument {
  readonly description?: string;
  /** Exact origins, `https://*.saas.example`, or `public-web`. */
  readonly origins: readonly string[];
  /** Where the names may resolve (CIDR); default: public addresses only. */
  readonly addresses?: readonly string[];
  /** Name of a credential provider given in code. */
  readonly credential?: string;
  /** How requests to its endpoint are understood. Default `http`: by method and path alone. */
  readonly protocol?: "http" | "graphql" | "jsonrpc" | "mcp";
  readonly graphql?: GraphqlServiceDocument;
  readonly jsonrpc?: RpcServiceDocument;
  readonly mcp?: RpcServiceDocument;
  /** Paths where one POST carries several requests, each of which is judged, and in which format. */
  readonly envelopes?: Readonly<Record<string, "odata-json" | "salesforce-composite" | "salesforce-batch">>;
  /** An OpenAPI 3.0 or 3.1 description; in a file also the path of one, relative to the policy. */
  readonly openapi?: string | Readonly<Record<string, unknown>>;
  /** Names of header fields that are sent besides the usual ones (`pass`), or an object that says more. */
  readonly headers?: readonly string[] | HeadersDocument;
  /** How many redirects are followed; 0 = none. Default 5. */
  readonly redirects?: number;
  /** How much of a body is read to judge it. Default 1 MiB. */
  readonly maxRequestBytes?: number;
  /** Whether a 401 without a Bearer or DPoP challenge is answered with a new credential, too, once. Default false. */
  readonly renewOn401?: boolean;
  /**
   * When a connection is used for another request of the same session. `safe`: after requests without a body that change
   * nothing. `always`: after any, because the service reads every body to its end before it responds. Default `safe`.
   */
  readonly reuse?: "safe" | "always";
}

/** The header fields of a service. A name that ends in `*` stands for every name that begins so. */
export interface HeadersDocument {
  /**
   * Those that the agent may send beside the guard's credential, besides the usual ones: any other is left out. An approval
   * covers them. Those in `allow` and `semantic` are among them anyway. Without a `credential` it says nothing.
   */
  readonly pass?: readonly string[];
  /** Closed list of those the agent may send; any other is refused. Default: none is refused. */
  readonly allow?: readonly string[];
  /**
   * Those that change what a request means, such as whose account it is about: an approval covers them, and approvers are shown
   * them. Those of HTTP itself, and those that rules of the service look at, are among them anyway.
   */
  readonly semantic?: readonly string[];
}

/** How a GraphQL service is read. */
export interface GraphqlServiceDocument {
  /** Default `/graphql`. */
  readonly endpoint?: string;
  /** How many operations one request may carry. Default 1. */
  readonly maxOperations?: number;
  /** Whether the schema may be asked for. Default false. */
  readonly introspection?: boolean;
  /** Documents that may be called by their SHA-256 (lower-case hex). Default none. */
  readonly persisted?: Readonly<Record<string, string>>;
}

/** How a JSON-RPC or MCP service is read. */
export interface RpcServiceDocument {
  /** Default `/jsonrpc`, or `/mcp`. */
  readonly endpoint?: string;
  /** How many messages one request may carry. Default 1. */
  readonly maxOperations?: number;
}

/** Which root fields a rule is about; what is left out is not restricted. */
export interface GraphqlRuleDocument {
  readonly operation?: "query" | "mutation" | "subscription";
  readonly fields?: readonly string[];
}

/** Which JSON-RPC messages a rule is about; what is left out is not restricted. */
export interface RpcRuleDocument {
  readonly methods?: readonly string[];
  /** Matchers for `params`, by JSON Pointer. */
  readonly params?: Readonly<Record<string, MatcherDocument>>;
  /** Whether it is about answers to what the server asked, too; alone, about nothing else. Default false. */
  readonly responses?: boolean;
}

/** Which MCP messages a rule is about. `tools` and `arguments` are about `tools/call`. */
export interface McpRuleDocument extends RpcRuleDocument {
  readonly tools?: readonly string[];
  /** Matchers for the arguments of the tool, by JSON Pointer. */
  readonly arguments?: Readonly<Record<string, MatcherDocument>>;
}

export type Effect = "allow" | "approve" | "deny";

/** The methods that a rule can name; `*` is all of them. Others are never sent. */
export type MethodName = "*" | "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS";

export interface RuleDocument {
  readonly id: string;
  readonly description?: string;
  readonly effect: Effect;
  readonly service?: string | readonly string[];
  readonly methods?: readonly MethodName[];
  readonly path?: string;
  /** Operation ids of the OpenAPI description, instead of methods and path. */
  readonly operations?: readonly string[];
  readonly encodedSlash?: boolean;
  readonly params?: Readonly<Record<string, MatcherDocument>>;
  readonly query?: Readonly<Record<string, MatcherDocument>>;
  readonly headers?: Readonly<Record<string, MatcherDocument>>;
  readonly body?: Readonly<Record<string, MatcherDocument>>;
  readonly exact?: readonly ("query" | "body")[];
  /**
   * Places where the service does not read what this rule looks for in another one. Default none: a name that the rule
   * constrains in the body is doubt in the query, and the other way round, and in a matrix parameter of the path (`;name=`).
   */
  readonly serviceIgnores?: readonly ("query" | "body" | "path")[];
  /** About operations at the service's endpoint, instead of methods and path. */
  readonly graphql?: GraphqlRuleDocument;
  readonly jsonrpc?: RpcRuleDocument;
  readonly mcp?: McpRuleDocument;
  readonly who?: Readonly<Record<string, MatcherDocument>>;
  readonly when?: WhenDocument;
  /** Conditions in code by name, and what a `false` makes of the decision. */
  readonly predicates?: Readonly<Record<string, "approve" | "deny">>;
  readonly limits?: readonly LimitDocument[];
  readonly scopes?: readonly string[];
  /** Those of `scopes` that the server may leave out. Default none: fewer than asked for is refused. */
  readonly optionalScopes?: readonly string[];
  /** Whom the credential is for: an absolute URI (RFC 8707) or a name. Default: the provider's. */
  readonly audience?: string;
  /** RFC 9396. A value `"{fingerprint}"` stands for the fingerprint of the request. */
  readonly authorizationDetails?: readonly AuthorizationDetailDocument[];
  /** What may be added when the service asks for more (403 `insufficient_scope`); a person is asked. Default nothing. */
  readonly stepUp?: StepUpDocument;
  readonly mask?: readonly string[];
  readonly record?: RecordLevel;
  /** How sure the record must be of the disk before a call leaves. Default: the guard's. */
  readonly sync?: RecordSync;
  readonly approval?: ApprovalDocument;
  readonly reason?: string;
}

/** How much may be done in any window of time. */
export type LimitDocument = RequestLimitDocument | SumLimitDocument;

/** Whose calls are counted together; with `rule`, everybody's. */
export type LimitSubject = "agent" | "principal" | "session" | "rule";

interface LimitTerms {
  /** Length of the window, e.g. `"60s"`. */
  readonly per: string;
  readonly by: LimitSubject;
}

/** At most so many requests; each operation of a batch and each request of an envelope is one. */
export interface RequestLimitDocument extends LimitTerms {
  readonly requests: number;
}

/** At most `max` in all, of the numbers at a JSON Pointer of the body, or of an MCP tool's arguments or JSON-RPC params. */
export interface SumLimitDocument extends LimitTerms {
  readonly sum: string;
  readonly max: number;
}

/** One element of a rich authorization request (RFC 9396 section 2). */
export interface AuthorizationDetailDocument {
  readonly type: string;
  readonly [field: string]: unknown;
}

export interface StepUpDocument {
  readonly scopes: readonly string[];
  readonly approval?: ApprovalDocument;
}

/** The times at which a rule matches; all that is given must hold. */
export interface WhenDocument {
  /** ISO 8601 instant with offset, inclusive. */
  readonly after?: string;
  /** ISO 8601 instant with offset, exclusive. */
  readonly before?: string;
  readonly days?: readonly ("mon" | "tue" | "wed" | "thu" | "fri" | "sat" | "sun")[];
  /** `"08:00-18:00"`, the end exclusive; over midnight, it belongs to the day on which it begins. */
  readonly hours?: string;
  /** IANA name, for `days` and `hours`. Default `"UTC"`. */
  readonly timeZone?: string;
}

/** `os` survives the death of the process; `group` and `strict` that of the machine. */
export type RecordSync = "os" | "group" | "strict";
export type RecordLevel = "none" | "metadata" | "request" | "response" | "both";

/** What a yes is good for. */
export interface GrantDocument {
  readonly ttl?: string;
  /** How often, one call after the other. Default 1. */
  readonly uses?: number;
  /**
   * JSON Pointers of a JSON body at which the requests of one yes may differ, within the rule. The approver is told, and may
   * say what they allow there. Default: none, a yes is to exactly one request.
   */
  readonly vary?: readonly string[];
}

export interface ApprovalDocument {
  readonly approvers?: readonly string[];
  /** How many different people must say yes. Default 1. */
  readonly quorum?: number;
  /** How long a call may be held for an answer, e.g. `"25s"`. */
  readonly wait?: string;
  /** How long the question stays open, e.g. `"72h"`. */
  readonly expires?: string;
  /** Whether only later sessions with the same purpose find the approval and its grant (`same`, the default), or all (`any`). */
  readonly purpose?: "same" | "any";
  /**
   * What a repeat of a tool call gets for a request that it has sent already: the earlier response where it was kept (`respond`,
   * the default), or the error `ALREADY_SENT` (`refuse`).
   */
  readonly repeat?: "respond" | "refuse";
  readonly grant?: GrantDocument;
}

export type Scalar = string | number | boolean | null;
export type MatcherDocument = Scalar | readonly Scalar[] | OperatorsDocument;

/** All given operators must hold. */
export interface OperatorsDocument {
  readonly eq?: Scalar;
  readonly in?: readonly Scalar[];
  readonly gt?: number;
  readonly gte?: number;
  readonly lt?: number;
  readonly lte?: number;
  readonly prefix?: string;
  readonly suffix?: string;
  readonly contains?: Scalar;
  readonly matches?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly exists?: boolean;
  readonly not?: MatcherDocument;
  readonly optional?: boolean;
}
