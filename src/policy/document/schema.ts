/**
 * JSON Schema (draft 2020-12) of the policy document: the source of the published `policy.schema.json`, so that editors
 * complete a policy, and the first half of {@link compilePolicy}'s checks. What a schema cannot say is checked where it is compiled.
 */

const name = { type: "string", pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$" } as const;
const duration = { type: "string", pattern: "^[1-9][0-9]{0,5}(ms|s|m|h|d)$" } as const;
const scalar = { type: ["string", "number", "boolean", "null"] } as const;
const nonEmptyStrings = {
  type: "array",
  minItems: 1,
  maxItems: 1000,
  uniqueItems: true,
  items: { type: "string", minLength: 1 },
} as const;
const matchers = (description: string): object => ({
  type: "object",
  description,
  minProperties: 1,
  maxProperties: 100,
  additionalProperties: { $ref: "#/$defs/matcher" },
});

const approval = {
  type: "object",
  additionalProperties: false,
  properties: {
    approvers: { ...nonEmptyStrings, description: "Who may answer: ids, or group:NAME." },
    quorum: {
      type: "integer",
      minimum: 1,
      maximum: 16,
      description: "How many different people must say yes. Default 1.",
    },
    wait: { ...duration, description: "How long the call is held for an answer." },
    expires: { ...duration, description: "How long the question stays open." },
    purpose: {
      enum: ["same", "any"],
      description: "Whether only sessions with the same purpose find the approval and its grant. Default: same.",
    },
    repeat: {
      enum: ["respond", "refuse"],
      description:
        "What a repeat of a tool call gets for a request that it has sent: the earlier response where it was kept (respond, the default), or the error ALREADY_SENT.",
    },
    grant: {
      type: "object",
      description: "What a yes is good for.",
      additionalProperties: false,
      properties: {
        ttl: { ...duration, description: "How long a yes may be used." },
        uses: {
          type: "integer",
          minimum: 1,
          maximum: 100,
          description: "How often a yes may be used, one call after the other. Default 1.",
        },
        vary: {
          type: "array",
          minItems: 1,
          maxItems: 20,
          uniqueItems: true,
          items: { type: "string", minLength: 2, maxLength: 1024, pattern: "^/" },
          description: "JSON Pointers of a JSON body at which the requests of one yes may differ. Default: nowhere.",
        },
      },
    },
  },
} as const;

const endpoint = { type: "string", minLength: 1, maxLength: 4096, pattern: "^/" } as const;
const maxOperations = (what: string, standard: number): object => ({
  type: "integer",
  minimum: 1,
  maximum: 100,
  description: `How many ${what} one request may carry. Default ${standard}.`,
});
const rpcService = (standard: string): object => ({
  type: "object",
  description: "Where messages are sent.",
  additionalProperties: false,
  properties: {
    endpoint: { ...endpoint, description: `Path of the endpoint. Default ${standard}.` },
    maxOperations: maxOperations("messages", 20),
  },
});
const rpcRule = {
  methods: { ...nonEmptyStrings, description: "Methods of messages. Default any." },
  params: matchers("Matchers for params, by JSON Pointer."),
  responses: { type: "boolean", description: "Also answers to what the server asked. Default false." },
} as const;

export const policySchema: Readonly<Record<string, unknown>> = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  $id: "urn:sallyport:policy.schema.json",
  title: "Sallyport policy",
  description:
    "What agents may ask of which services. What no rule allows is denied; deny beats approve, approve beats allow; the order of rules never matters.",
  type: "object",
  required: ["version", "services", "rules"],
  additionalProperties: false,
  properties: {
    $schema: { type: "string", description: "Where this schema is, for editors." },
    version: { const: 1, description: "Version of the document format." },
    id: { ...name, description: "Name of the policy, in decisions and in the record." },
    description: { type: "string", description: "For people." },
    services: {
      type: "object",
      description: "The services that agents may reach, by name.",
      maxProperties: 10_000,
      propertyNames: name,
      additionalProperties: { $ref: "#/$defs/service" },
    },
    rules: {
      type: "array",
      description: "The rules; their order never matters.",
      maxItems: 50_000,
      items: { $ref: "#/$defs/rule" },
    },
  },
  $defs: {
    service: {
      type: "object",
      description: "Where a service is, and what every call to it is held to.",
      required: ["origins"],
      additionalProperties: false,
      properties: {
        description: { type: "string", description: "For people." },
        origins: {
          ...nonEmptyStrings,
          description:
            'Exact origins ("https://crm.internal.example"), one wildcard label in front ("https://*.saas.example"), or "public-web".',
        },
        addresses: {
          ...nonEmptyStrings,
          description:
            "CIDR blocks the names may resolve into. Default: public addresses only. Metadata addresses never.",
        },
        credential: { ...name, description: "Name of a credential provider given in code." },
        protocol: {
          enum: ["http", "graphql", "jsonrpc", "mcp"],
          description: "How requests to the endpoint are understood. Default http.",
        },
        graphql: {
          type: "object",
          description: "Where GraphQL operations are sent, and what they are held to.",
          additionalProperties: false,
          properties: {
            endpoint: { ...endpoint, description: "Path of the endpoint. Default /graphql." },
            maxOperations: maxOperations("operations", 1),
            introspection: { type: "boolean", description: "Whether the schema may be asked for. Default false." },
            persisted: {
              type: "object",
              description: "Documents that may be called by their SHA-256 in lower-case hex.",
              maxProperties: 10_000,
              additionalProperties: { type: "string", minLength: 1 },
            },
          },
        },
        jsonrpc: rpcService("/jsonrpc"),
        mcp: rpcService("/mcp"),
        envelopes: {
          type: "object",
          description: "Paths where one POST carries several requests, each judged on its own, and the format.",
          minProperties: 1,
          maxProperties: 100,
          additionalProperties: { enum: ["odata-json", "salesforce-composite", "salesforce-batch"] },
        },
        openapi: {
          type: ["string", "object"],
          description:
            "An OpenAPI 3.0 or 3.1 description, which names operations and checks parameters and bodies; in a file also its path, relative to the policy.",
        },
        headers: {
          type: ["array", "object"],
          description:
            "The header fields of the service; a list is the same as `pass`. A name that ends in * stands for every name that begins so.",
          minItems: 1,
          maxItems: 1000,
          uniqueItems: true,
          items: { type: "string", minLength: 1 },
          minProperties: 1,
          additionalProperties: false,
          properties: {
            pass: {
              ...nonEmptyStrings,
              description:
                "Header names that the agent may send beside the guard's credential, besides the usual ones; any other is left out.",
            },
            semantic: {
              ...nonEmptyStrings,
              description:
                "Header names that change what a request means: an approval covers them, and approvers see them.",
            },
            allow: { ...nonEmptyStrings, description: "Closed list of header names; any other is refused." },
          },
        },
        redirects: {
          type: "integer",
          minimum: 0,
          maximum: 20,
          description: "How many redirects are followed, each judged as a new request. 0 = none. Default 5.",
        },
        maxRequestBytes: {
          type: "integer",
          minimum: 1,
          maximum: 1_073_741_824,
          description: "How many bytes of a body are read to judge it. Default 1048576.",
        },
        renewOn401: {
          type: "boolean",
          description:
            "Whether a 401 that does not name the credential as its reason is answered with a new one, too. Default false.",
        },
        reuse: {
          enum: ["safe", "always"],
          description:
            "After which requests a connection is used again: safe (those without a body that change nothing), or always, for a service that reads every body to its end before it responds. Default safe.",
        },
      },
    },
    rule: {
      type: "object",
      description: "One statement about some requests.",
      required: ["id", "effect"],
      additionalProperties: false,
      properties: {
        id: { ...name, description: "Unique name, in decisions and in the record." },
        description: { type: "string", description: "For people." },
        effect: {
          enum: ["allow", "approve", "deny"],
          description: "What the rule says: allow, approve (a person must say yes to exactly this request), or deny.",
        },
        service: {
          type: ["string", "array"],
          minItems: 1,
          items: { type: "string" },
          description: "Name of a service, or a list of names. A deny may leave it out: every service.",
        },
        methods: {
          ...nonEmptyStrings,
          description: 'Verbs in upper case, or ["*"]: every ordinary verb. GET brings HEAD with it.',
        },
        path: {
          type: "string",
          minLength: 1,
          maxLength: 4096,
          pattern: "^/",
          description:
            "Path template: {name} is exactly one non-empty segment, a trailing /** is the path itself and everything below.",
        },
        operations: {
          ...nonEmptyStrings,
          description: "Operation ids of the service's OpenAPI description, instead of methods and path.",
        },
        encodedSlash: { type: "boolean", description: "Whether a parameter may hold one %2F. Default false." },
        params: matchers("Matchers for path parameters, by name."),
        query: matchers("Matchers for query parameters, by name. A repeated parameter must match every time."),
        headers: matchers("Matchers for header fields, by name."),
        body: matchers("Matchers for the body, by JSON Pointer; * stands for every element."),
        exact: {
          type: "array",
          minItems: 1,
          uniqueItems: true,
          items: { enum: ["query", "body"] },
          description: "Where nothing may be but what is listed.",
        },
        serviceIgnores: {
          type: "array",
          minItems: 1,
          uniqueItems: true,
          items: { enum: ["query", "body", "path"] },
          description:
            "Places where the service does not read the names that the rule constrains in another place. Default none: such a name there is doubt.",
        },
        graphql: {
          type: "object",
          description: "About operations at the service's endpoint, instead of methods and path.",
          additionalProperties: false,
          properties: {
            operation: { enum: ["query", "mutation", "subscription"], description: "Type of operation. Default any." },
            fields: { ...nonEmptyStrings, description: "Root fields. Default any." },
          },
        },
        jsonrpc: {
          type: "object",
          description: "About messages at the service's endpoint, instead of methods and path.",
          additionalProperties: false,
          properties: rpcRule,
        },
        mcp: {
          type: "object",
          description: "About MCP messages at the service's endpoint, instead of methods and path.",
          additionalProperties: false,
          properties: {
            ...rpcRule,
            tools: { ...nonEmptyStrings, description: "Tools that are called. Default any." },
            arguments: matchers("Matchers for the tool's arguments, by JSON Pointer."),
          },
        },
        who: matchers("Matchers for who asks, by JSON Pointer into principal, agent and session."),
        when: {
          type: "object",
          minProperties: 1,
          description: "The times at which the rule matches; all that is given must hold.",
          additionalProperties: false,
          properties: {
            after: { type: "string", description: "From this instant on, as in 2026-01-01T00:00:00Z." },
            before: { type: "string", description: "Until just before this instant." },
            days: {
              type: "array",
              minItems: 1,
              uniqueItems: true,
              items: { enum: ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] },
              description: "Days of the week.",
            },
            hours: {
              type: "string",
              description: "As in 08:00-18:00, the end exclusive. Over midnight, of the day on which they begin.",
            },
            timeZone: { type: "string", minLength: 1, description: "IANA name, for days and hours. Default UTC." },
          },
        },
        predicates: {
          type: "object",
          minProperties: 1,
          maxProperties: 16,
          propertyNames: name,
          description:
            "Conditions registered in code, by name, and what a false makes of the decision. They only narrow.",
          additionalProperties: { enum: ["approve", "deny"] },
        },
        limits: {
          type: "array",
          description: "How much may be done in any window of time. All limits of all rules that match must hold.",
          minItems: 1,
          maxItems: 10,
          items: { $ref: "#/$defs/limit" },
        },
        scopes: { ...nonEmptyStrings, description: "What the credential for this call is narrowed to." },
        optionalScopes: {
          ...nonEmptyStrings,
          description: "Those of scopes without which the call may go on, if the server grants fewer.",
        },
        audience: {
          type: "string",
          minLength: 1,
          maxLength: 2048,
          description: "Whom the credential for this call is for: an absolute URI (RFC 8707) or a name.",
        },
        authorizationDetails: {
          type: "array",
          minItems: 1,
          maxItems: 100,
          items: {
            type: "object",
            required: ["type"],
            properties: { type: { type: "string", minLength: 1 } },
          },
          description:
            'What the credential may do (RFC 9396). A value "{fingerprint}" stands for the fingerprint of the request.',
        },
        stepUp: {
          type: "object",
          description: "What the service may ask for besides scopes, by 403 insufficient_scope; a person is asked.",
          required: ["scopes"],
          additionalProperties: false,
          properties: {
            scopes: { ...nonEmptyStrings, description: "Scopes that may be added, at most." },
            approval: { ...approval, description: "How a person is asked. Default: as by an approve rule." },
          },
        },
        mask: { ...nonEmptyStrings, description: "Paths masked in the answer, besides the guard's own." },
        record: {
          enum: ["none", "metadata", "request", "response", "both"],
          description: "How much of the exchange is recorded.",
        },
        sync: {
          enum: ["os", "group", "strict"],
          description: "How sure the record must be of the disk before a call leaves. Default: the guard's.",
        },
        approval: { ...approval, description: "How a person is asked (approve rules only)." },
        reason: { type: "string", maxLength: 500, description: "Shown to whoever is denied or asked." },
      },
    },
    limit: {
      type: "object",
      description: "At most so many requests, or a sum of at most max, in any window of time.",
      required: ["per", "by"],
      additionalProperties: false,
      properties: {
        requests: {
          type: "integer",
          minimum: 1,
          maximum: 1_000_000_000,
          description: "How many requests; each operation of a batch and each request of an envelope is one.",
        },
        sum: {
          type: "string",
          maxLength: 1000,
          description: "JSON Pointer to the numbers that are summed: in the body, in a tool's arguments, or in params.",
        },
        max: { type: "number", exclusiveMinimum: 0, description: "What the sum may come to." },
        per: { ...duration, description: "Length of the window, as in 60s." },
        by: {
          enum: ["agent", "principal", "session", "rule"],
          description: "Whose calls are counted together; with rule, everybody's.",
        },
      },
      if: { properties: { requests: true }, required: ["requests"] },
      then: { properties: { sum: false, max: false } },
      else: { properties: { sum: true, max: true }, required: ["sum", "max"] },
    },
    matcher: {
      description: "A value (equals), a list (is one of), or an object of operators that must all hold.",
      type: ["string", "number", "boolean", "null", "array", "object"],
      if: { type: "object" },
      then: { $ref: "#/$defs/operators" },
      else: { if: { type: "array" }, then: { minItems: 1, maxItems: 1000, items: scalar } },
    },
    operators: {
      type: "object",
      minProperties: 1,
      additionalProperties: false,
      properties: {
        eq: { ...scalar, description: "Equals; types are strict." },
        in: { type: "array", minItems: 1, items: scalar, description: "Is one of." },
        gt: { type: "number", description: "Greater than." },
        gte: { type: "number", description: "Greater than or equal." },
        lt: { type: "number", description: "Less than." },
        lte: { type: "number", description: "Less than or equal." },
        prefix: { type: "string", minLength: 1, description: "Starts with." },
        suffix: { type: "string", minLength: 1, description: "Ends with." },
        contains: { ...scalar, description: "Has this substring, or this element." },
        matches: {
          type: "string",
          minLength: 1,
          maxLength: 1000,
          description: "Matches this RE2 expression (linear time); anchor with ^ and $.",
        },
        minLength: { type: "integer", minimum: 0, description: "Characters, or elements, at least." },
        maxLength: { type: "integer", minimum: 0, description: "Characters, or elements, at most." },
        exists: { type: "boolean", description: "Is there (true), or is not there (false)." },
        not: { $ref: "#/$defs/matcher", description: "The matcher must not hold." },
        optional: { const: true, description: "May be absent." },
      },
    },
  },
};
