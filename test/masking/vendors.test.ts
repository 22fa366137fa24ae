import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CHECKED } from "../../src/masking/detectors/vendors/checked.js";
import { beginning, type NamedForm, type TokenForm, VENDORS } from "../../src/masking/detectors/vendors/index.js";
import { createMasker } from "../../src/masking/index.js";

const masker = createMasker({ detectors: ["SECRET"] });
const tokens = VENDORS.filter((form): form is TokenForm => "form" in form);
const named = VENDORS.filter((form): form is NamedForm => "value" in form);

/** A pattern without what it looks at and does not take: fast-check makes texts of the rest. */
function withoutAssertions(pattern: string): string {
  let text = "";
  for (let i = 0; i < pattern.length; ) {
    if (!/^\(\?[!=]/.test(pattern.slice(i))) {
      text += pattern.charAt(i++);
      continue;
    }
    let depth = 0;
    do {
      const character = pattern.charAt(i);
      if (character === "\\") i++;
      else if (character === "[") i = pattern.indexOf("]", i);
      else if (character === "(") depth++;
      else if (character === ")") depth--;
      i++;
    } while (depth > 0);
  }
  return text;
}

/** A text of the form, always the same one. */
function example(pattern: string): string {
  const whole = new RegExp(`^${pattern}$`);
  const made = fc.sample(fc.stringMatching(new RegExp(`^${withoutAssertions(pattern)}$`)), { seed: 7, numRuns: 200 });
  const found = made.find((text) => whole.test(text) && !/^[=]|x{5}|[^ -~]/.test(text));
  if (found === undefined) throw new Error(`no example of ${pattern}`);
  return found;
}

/** What stands before a beginning that is found inside of its token. */
function lead({ before: rule, vendor }: TokenForm): string {
  if (rule === null) return "";
  return vendor === "azure_client_secret" ? "aB39" : "abc1".repeat(9).slice(0, rule.length);
}

const vendorsOf = (text: string): (string | undefined)[] => masker.detect(text).map(({ vendor }) => vendor);

describe("vendors", () => {
  it("are more than 250, each with a page of its own", () => {
    expect(new Set(VENDORS.map(({ vendor }) => vendor)).size).toBeGreaterThan(250);
    for (const { vendor, source } of VENDORS) expect(source, vendor).toMatch(/^https:\/\/[^ ]+$/);
    for (const { vendor } of VENDORS) expect(vendor).toMatch(/^[a-z0-9_]+$/);
  });

  it("were compared with their own pages where it says so, after the forms were written down", () => {
    const names = new Set(VENDORS.map(({ vendor }) => vendor));
    for (const [vendor, day] of CHECKED) {
      expect(names.has(vendor), vendor).toBe(true);
      expect(Date.parse(day), vendor).toBeGreaterThanOrEqual(Date.parse("2026-11-24"));
    }
  });

  it.each(tokens.map((form, i) => [`${form.vendor} ${i}`, form] as const))("finds a token of %s", (_name, form) => {
    const token = lead(form) + example(form.form);
    for (const text of [token, `see ${token}, please`, JSON.stringify({ a: `T="${token}"` })]) {
      const found = masker.detect(text);
      const start = text.indexOf(token) + form.keep;
      expect(found.some((finding) => finding.start <= start && finding.end >= start + token.length - form.keep)).toBe(
        true,
      );
      expect(masker.mask(text).text).not.toContain(token.slice(form.keep));
    }
  });

  it.each(tokens.map((form, i) => [`${form.vendor} ${i}`, form] as const))(
    "takes nothing for a token of %s that is cut short or begins in another way",
    (_name, form) => {
      const whole = lead(form) + example(form.form);
      const start = lead(form) + beginning(form.form);
      if (new RegExp(`^${form.form}$`).test(beginning(form.form))) return;
      expect(vendorsOf(start)).toEqual([]);
      expect(vendorsOf(`word${whole}`.slice(0, 4 + start.length + 2))).toEqual([]);
    },
  );

  it.each(named.map((form, i) => [`${form.vendor} ${i}`, form] as const))(
    "finds what a name gives away as %s, and does not find it under another name",
    (_name, form) => {
      const value = example(form.value);
      for (const keyword of form.keywords) {
        for (const text of [`${keyword}_token = "${value}"`, `<${keyword}Token>\n  ${value}\n</${keyword}Token>`])
          expect(masker.detect(text).length, text).toBe(1);
        const pass = masker.open({ contentType: "application/json" });
        const body = JSON.stringify({ [`${keyword}_token`]: value });
        expect(Buffer.concat([pass.push(Buffer.from(body)).slice(), pass.flush()]).toString()).not.toContain(value);
      }
      if (vendorsOf(value).length === 0) expect(vendorsOf(`title = "${value}"`)).toEqual([]);
    },
  );
});

describe("names", () => {
  it.each([
    'api_key = "zx81Qw7mmP0a"',
    "DB_PASSWORD=hunter2hunter2",
    'let accessToken: string = "a1b2c3d4e5f6g7"',
    "token => 'a1b2c3d4e5f6g7'",
    'os.getenv("API_TOKEN", "dafa7817-e491-38f6")',
    "tool --password s3cr3t-pass-99 run",
    "Authorization: Bearer a1b2c3d4e5f6g7",
    "your API key is a1b2c3d4e5f6g7, keep it",
    '<add key="BillingToken" value="a1b2c3d4e5f6g7" />',
    "- name: DB_PASSWORD\n  value: a1b2c3d4e5f6g7",
    '{"key":"ACCESS_TOKEN","value":"a1b2c3d4e5f6g7"}',
    "account_key = a1b2c3d4e5f6g7a1b2c3==",
  ])("make a secret of the value in %s", (text) => {
    expect(masker.detect(text)).toHaveLength(1);
  });

  it.each([
    'next_page_token: "CAUQAA1234567890"',
    ["api_key = $", "{API_KEY_FROM_1PASSWORD}"].join(""),
    "password = <your-password-1>",
    'token = "xxxxxxxxxxxxxxxx1"',
    "keyboard = qwertyuiop12345",
    "token_type = bearer1234567",
    "secret = process.env.SECRET_1",
    "password reset at 2026-01-10T12:00:00Z",
    "access token expires in 1234567890 seconds",
    "the secret of success is 1000000000 small steps",
    "the token is valid until 2027-01-10T00:00:00Z",
    "the password is process.env.DB_PASSWORD_1",
    '<input name="password" value="at least 8 characters" />',
    "- name: API_TOKEN\n  valueFrom: secret-store-1/api-token-1",
    "AWS_SECRET_ACCESS_KEY = R6WCNd0erkAuZyD+Fe8C4IwjpYQtniKqnHAzE7Pk5fPrBRpwOnuYxA==",
    "[REDACTED:SECRET:generic_token_12345]",
  ])("make no secret of the value in %s", (text) => {
    expect(masker.detect(text)).toEqual([]);
  });

  it("make a secret of a short password in a field, and of no number or flag", () => {
    const masked = (value: unknown): string => {
      const pass = masker.open({ contentType: "application/json" });
      return Buffer.concat([pass.push(Buffer.from(JSON.stringify(value))).slice(), pass.flush()]).toString();
    };
    expect(masked({ password: "hunter2" })).toBe('{"password":"[REDACTED:SECRET:generic]"}');
    expect(masked({ user: { apiKey: "k3y-abcdefgh" } })).toBe('{"user":{"apiKey":"[REDACTED:SECRET:generic]"}}');
    const harmless = {
      max_tokens: 4096,
      tokens: "1234567890ab",
      has_password: true,
      password: null,
      token_count: 1234567890,
    };
    expect(masked(harmless)).toBe(JSON.stringify(harmless));
    expect(masked({ errors: { password: "must have at least 8 characters" } })).toContain("at least 8");
  });
});
