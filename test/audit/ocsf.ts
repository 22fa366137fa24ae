/**
 * The part of the Open Cybersecurity Schema Framework 1.6.0 that the export uses, as JSON Schema: classes, objects, required
 * attributes, enumerations and constraints, read off https://schema.ocsf.io and https://github.com/ocsf/ocsf-schema. Closed:
 * an attribute that is not here does not exist in that class.
 */
const text = { type: "string" } as const;
const whole = { type: "integer" } as const;
const of = (...values: readonly number[]): object => ({ enum: values });
const object = (
  required: readonly string[],
  properties: Readonly<Record<string, object>>,
  more: object = {},
): object => ({
  type: "object",
  required,
  properties,
  additionalProperties: false,
  ...more,
});
const oneOf = (...names: readonly string[]): object => ({ anyOf: names.map((name) => ({ required: [name] })) });

const fingerprint = object(["algorithm_id", "value"], {
  algorithm: text,
  algorithm_id: of(0, 1, 2, 3, 4, 5, 6, 7, 99),
  value: text,
});
const product = object(["vendor_name"], { name: text, vendor_name: text, version: text });
const metadata = object(["product", "version"], {
  version: { const: "1.6.0" },
  profiles: { type: "array", items: { enum: ["security_control"] } },
  product,
  uid: text,
  event_code: text,
  log_name: text,
  log_version: text,
  original_time: text,
  sequence: whole,
  tenant_uid: text,
  correlation_uid: text,
});
const user = object(
  [],
  { uid: text, name: text, type_id: of(0, 1, 2, 3, 4, 99), domain: text },
  oneOf("account", "name", "uid"),
);
const session = object([], { uid: text, issuer: text, credential_uid: text, expiration_time: whole });
const actor = object(
  [],
  { user, session, app_uid: text, app_name: text },
  oneOf("process", "user", "invoked_by", "session", "app_name", "app_uid"),
);
const endpoint = object(
  [],
  { hostname: text, port: whole, ip: text, name: text, instance_uid: text },
  oneOf("ip", "uid", "name", "hostname", "svc_name", "instance_uid"),
);
const policy = object([], { uid: text, name: text }, oneOf("name", "uid"));
const service = object([], { name: text, uid: text }, oneOf("name", "uid"));

const base = {
  category_uid: whole,
  class_uid: whole,
  activity_id: whole,
  activity_name: text,
  type_uid: whole,
  severity_id: of(0, 1, 2, 3, 4, 5, 6, 99),
  status_id: of(0, 1, 2, 99),
  status_code: text,
  status_detail: text,
  time: whole,
  message: text,
  metadata,
  duration: whole,
  raw_data: text,
  raw_data_hash: fingerprint,
  unmapped: { type: "object" },
} as const;
const securityControl = {
  action_id: of(0, 1, 2, 3, 4, 99),
  disposition_id: of(
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    11,
    12,
    13,
    14,
    15,
    16,
    17,
    18,
    19,
    20,
    21,
    22,
    23,
    24,
    25,
    26,
    27,
    99,
  ),
  policy,
  authorizations: { type: "array", items: object([], { decision: text, policy }) },
} as const;
const REQUIRED = ["category_uid", "class_uid", "activity_id", "type_uid", "severity_id", "time", "metadata"] as const;

const eventClass = (
  category: number,
  uid: number,
  activities: readonly number[],
  required: readonly string[],
  properties: Readonly<Record<string, object>>,
  constraint: object = {},
): object =>
  object(
    [...REQUIRED, ...required],
    {
      ...base,
      ...securityControl,
      ...properties,
      category_uid: { const: category },
      class_uid: { const: uid },
      activity_id: of(0, ...activities, 99),
      type_uid: of(...[0, ...activities, 99].map((activity) => uid * 100 + activity)),
    },
    constraint,
  );

/** By `class_uid`. */
export const OCSF_CLASSES: Readonly<Record<number, object>> = {
  0: eventClass(0, 0, [], [], {}),
  2004: eventClass(2, 2004, [1, 2, 3], ["finding_info"], {
    actor,
    is_alert: { type: "boolean" },
    finding_info: object(["uid"], {
      uid: text,
      title: text,
      related_events_count: whole,
      analytic: object(["type_id"], { uid: text, version: text, type_id: of(0, 1, 2, 3, 4, 5, 6, 7, 8, 99) }),
    }),
    evidences: { type: "array", items: object(["data"], { data: { type: "object" } }) },
  }),
  3002: eventClass(
    3,
    3002,
    [1, 2, 3, 4, 5, 6, 7],
    ["user"],
    { actor, user, service, session },
    oneOf("service", "dst_endpoint"),
  ),
  3003: eventClass(
    3,
    3003,
    [1, 2, 3],
    ["user"],
    { actor, user, session, privileges: { type: "array", items: text } },
    oneOf("privileges", "groups", "iam_roles"),
  ),
  6003: eventClass(6, 6003, [1, 2, 3, 4], ["actor", "api", "src_endpoint"], {
    actor,
    api: object(["operation"], {
      operation: text,
      service,
      request: object(["uid"], { uid: text }),
      response: object(["code"], { code: whole }),
      token: object([], { uid: text }),
    }),
    src_endpoint: endpoint,
    dst_endpoint: endpoint,
    http_request: object([], {
      uid: text,
      http_method: text,
      url: object([], { url_string: text, hostname: text, port: whole }),
    }),
    http_response: object(["code"], { code: whole }),
  }),
};
