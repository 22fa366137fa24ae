/**
 * Vendors whose forms were compared with what their own pages said, and when. Of all others the page is the place to look,
 * and nobody has looked there since the form was written down.
 */
export const CHECKED: ReadonlyMap<string, string> = new Map(
  [
    "atlassian_token",
    "buildkite_token",
    "circleci_token",
    "cloudflare_token",
    "databricks_token",
    "datadog_token",
    "docker_token",
    "github_token",
    "google_ai_key",
    "packagist_token",
    "sentry_token",
    "shopify_token",
    "stripe_key",
    "supabase_key",
    "tailscale_key",
    "vercel_token",
  ].map((vendor) => [vendor, "2026-11-24"]),
);
