/**
 * Credentials with a form of their own. `prefixes` go into the automaton, so another vendor costs nothing at run time;
 * `pattern` (sticky, on one character per byte) begins with one of them and has bounded repetition only.
 */
export interface Vendor {
  readonly vendor: string;
  readonly prefixes: readonly string[];
  readonly pattern: RegExp;
  /** A prefix that stays readable: the value comes after it. */
  readonly keepPrefix?: true;
  /** Where the vendor says so. */
  readonly source: string;
}

/** Not followed by more of the same: the vendor's tokens have exactly this length. */
const END = "(?![A-Za-z0-9_])";
const exactly = (pattern: string): RegExp => new RegExp(pattern + END, "y");
const atLeast = (pattern: string): RegExp => new RegExp(pattern, "y");

const AWS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids";
const GITHUB =
  "https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github";
const GITLAB = "https://docs.gitlab.com/security/tokens/#token-prefixes";
const SLACK = "https://docs.slack.dev/authentication/tokens";
const STRIPE = "https://docs.stripe.com/keys";
const OPENAI = "https://platform.openai.com/docs/api-reference/authentication";
const ANTHROPIC = "https://docs.claude.com/en/api/overview";
const GOOGLE = "https://cloud.google.com/docs/authentication/api-keys";
const NPM = "https://docs.npmjs.com/about-access-tokens";
const HUGGING_FACE = "https://huggingface.co/docs/hub/security-tokens";

export const VENDORS: readonly Vendor[] = [
  {
    vendor: "aws_access_key_id",
    prefixes: ["AKIA", "ASIA", "ABIA", "ACCA", "A3T"],
    pattern: exactly("(?:A3T[A-Z0-9]|A[KSB]IA|ACCA)[A-Z0-9]{16}"),
    source: AWS,
  },
  {
    vendor: "github_token",
    prefixes: ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"],
    pattern: atLeast("gh[pousr]_(?:[0-9]{1,20}_eyJ[A-Za-z0-9._-]{20,230}|[A-Za-z0-9_]{36,250})"),
    source: GITHUB,
  },
  {
    vendor: "github_fine_grained_token",
    prefixes: ["github_pat_"],
    pattern: atLeast("github_pat_[A-Za-z0-9_]{36,240}"),
    source: GITHUB,
  },
  {
    vendor: "gitlab_token",
    prefixes: ["glpat-", "gldt-", "glrt-", "glrtr-", "glft-", "glsoat-", "glffct-", "gloat-", "glwt-"],
    pattern: atLeast("gl(?:pat|dt|rtr?|ft|soat|ffct|oat|wt)-[A-Za-z0-9_.-]{20,230}"),
    source: GITLAB,
  },
  { vendor: "gitlab_trigger_token", prefixes: ["glptt-"], pattern: atLeast("glptt-[A-Za-z0-9_-]{40}"), source: GITLAB },
  {
    vendor: "gitlab_agent_token",
    prefixes: ["glagent-"],
    pattern: atLeast("glagent-[A-Za-z0-9_-]{50,230}"),
    source: GITLAB,
  },
  { vendor: "gitlab_mail_token", prefixes: ["glimt-"], pattern: atLeast("glimt-[A-Za-z0-9_-]{25}"), source: GITLAB },
  { vendor: "gitlab_oauth_secret", prefixes: ["gloas-"], pattern: atLeast("gloas-[A-Za-z0-9_-]{64}"), source: GITLAB },
  {
    vendor: "gitlab_job_token",
    prefixes: ["glcbt-"],
    pattern: atLeast("glcbt-[0-9a-zA-Z]{1,5}_[0-9a-zA-Z_-]{20}"),
    source: GITLAB,
  },
  {
    vendor: "gitlab_runner_token",
    prefixes: ["GR1348941"],
    pattern: atLeast("GR1348941[A-Za-z0-9_-]{20,230}"),
    source: GITLAB,
  },
  {
    vendor: "slack_token",
    prefixes: ["xoxb-", "xoxp-", "xoxr-", "xoxs-", "xoxo-", "xoxc-", "xoxd-"],
    pattern: atLeast("xox[bprsocd]-[0-9]{5,14}-[A-Za-z0-9-]{12,220}"),
    source: SLACK,
  },
  {
    vendor: "slack_token",
    prefixes: ["xoxa-"],
    pattern: atLeast("xoxa-(?:(?:[0-9]-)?[0-9]{8,14}-[A-Za-z0-9-]{8,220}|(?=[a-z]{0,40}[0-9])[a-z0-9]{12,220})"),
    source: SLACK,
  },
  {
    vendor: "slack_refresh_token",
    prefixes: ["xoxe-", "xoxe.xox"],
    pattern: atLeast("xoxe(?:\\.xox[bp])?-[0-9]-[A-Za-z0-9]{100,230}"),
    source: SLACK,
  },
  {
    vendor: "slack_app_token",
    prefixes: ["xapp-"],
    pattern: atLeast("xapp-[0-9]-[A-Z0-9]{6,20}-[0-9]{6,20}-[a-z0-9]{20,180}"),
    source: SLACK,
  },
  {
    vendor: "slack_webhook",
    prefixes: ["https://hooks.slack.com/", "hooks.slack.com/"],
    pattern: atLeast("(?:https://)?hooks\\.slack\\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{40,200}"),
    source: "https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks",
  },
  {
    vendor: "stripe_key",
    prefixes: ["sk_live_", "sk_test_", "sk_prod_", "rk_live_", "rk_test_", "rk_prod_"],
    pattern: atLeast("[sr]k_(?:live|test|prod)_[A-Za-z0-9]{10,240}"),
    source: STRIPE,
  },
  {
    vendor: "stripe_webhook_secret",
    prefixes: ["whsec_"],
    pattern: atLeast("whsec_[A-Za-z0-9+/]{32,200}"),
    source: "https://docs.stripe.com/webhooks/signature",
  },
  {
    vendor: "openai_key",
    prefixes: ["sk-"],
    pattern: exactly("sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}"),
    source: OPENAI,
  },
  {
    vendor: "openai_key",
    prefixes: ["sk-proj-", "sk-svcacct-", "sk-service-", "sk-admin-"],
    pattern: atLeast("sk-(?:proj|svcacct|service|admin)-[A-Za-z0-9_-]{20,100}T3BlbkFJ[A-Za-z0-9_-]{20,100}"),
    source: OPENAI,
  },
  {
    vendor: "anthropic_key",
    prefixes: ["sk-ant-api", "sk-ant-admin"],
    pattern: /sk-ant-(?:api03|admin01)-[A-Za-z0-9_-]{93}AA(?![A-Za-z0-9_-])/y,
    source: ANTHROPIC,
  },
  {
    vendor: "anthropic_token",
    prefixes: ["sk-ant-oat", "sk-ant-ort", "sk-ant-sid"],
    pattern: atLeast("sk-ant-(?:oat|ort|sid)[0-9]{2}-[A-Za-z0-9_-]{80,200}"),
    source: ANTHROPIC,
  },
  { vendor: "google_api_key", prefixes: ["AIza"], pattern: /AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])/y, source: GOOGLE },
  {
    vendor: "google_access_token",
    prefixes: ["ya29."],
    pattern: atLeast("ya29\\.[A-Za-z0-9_-]{30,240}"),
    source: "https://developers.google.com/identity/protocols/oauth2#size",
  },
  {
    vendor: "google_client_secret",
    prefixes: ["GOCSPX-"],
    pattern: atLeast("GOCSPX-[A-Za-z0-9_-]{28}"),
    source: "https://developers.google.com/identity/protocols/oauth2",
  },
  { vendor: "npm_token", prefixes: ["npm_"], pattern: exactly("npm_[A-Za-z0-9]{36}"), source: NPM },
  {
    vendor: "npm_registry_token",
    prefixes: ["//registry.npmjs.org/:_authToken="],
    pattern: atLeast("//registry\\.npmjs\\.org/:_authToken=[A-Za-z0-9+/=_-]{16,200}"),
    keepPrefix: true,
    source: "https://docs.npmjs.com/using-private-packages-in-a-ci-cd-workflow",
  },
  {
    vendor: "hugging_face_token",
    prefixes: ["hf_", "api_org_"],
    pattern: exactly("(?:hf|api_org)_[A-Za-z]{34}"),
    source: HUGGING_FACE,
  },
];
