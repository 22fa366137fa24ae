import { CREDENTIAL_NAME, named, token, tokenAfter, tokenAround, UUID, type VendorForm } from "./vendor.js";

const SLACK = "https://docs.slack.dev/authentication/tokens";
const MAILGUN = "https://documentation.mailgun.com/docs/mailgun/user-manual/api-key-mgmt/rbac-mgmt";
const TWILIO = "https://www.twilio.com/docs/iam/api-keys";
const DISCORD = "https://discord.com/developers/docs/reference#authentication";
const SENDBIRD = "https://sendbird.com/docs/chat/platform-api/v3/prepare-to-use-api";
const MESSAGEBIRD = "https://developers.messagebird.com/api/#authentication";

/** Mail, chat, telephony. */
export const MESSAGING: readonly VendorForm[] = [
  ...["xoxb-", "xoxp-", "xoxr-", "xoxs-", "xoxo-", "xoxc-", "xoxd-"].flatMap((prefix) =>
    token("slack_token", SLACK, `${prefix}[0-9]{5,14}-[A-Za-z0-9-]{12,220}`),
  ),
  ...token(
    "slack_token",
    SLACK,
    "xoxa-(?:(?:[0-9]-)?[0-9]{8,14}-[A-Za-z0-9-]{8,220}|(?=[a-z]{0,40}[0-9])[a-z0-9]{12,220})",
  ),
  ...token(
    "slack_refresh_token",
    SLACK,
    "xoxe-[0-9]-[A-Za-z0-9]{100,230}",
    "xoxe\\.xoxb-[0-9]-[A-Za-z0-9]{100,230}",
    "xoxe\\.xoxp-[0-9]-[A-Za-z0-9]{100,230}",
  ),
  ...token("slack_user_token", SLACK, "xoxe-[0-9]{10,13}-[0-9]{10,13}-[0-9]{10,13}-[A-Za-z0-9-]{28,34}"),
  ...token("slack_app_token", SLACK, "xapp-[0-9]-[A-Z0-9]{6,20}-[0-9]{6,20}-[a-z0-9]{20,180}"),
  ...["https://", ""].flatMap((scheme) =>
    token(
      "slack_webhook",
      "https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks",
      `${scheme}hooks\\.slack\\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{40,200}`,
    ),
  ),
  ...token(
    "discord_webhook",
    "https://discord.com/developers/docs/resources/webhook",
    "https://discord(?:app)?\\.com/api/webhooks/[0-9]{17,20}/[A-Za-z0-9_-]{60,80}",
  ),
  ...named("discord_key", DISCORD, ["discord"], "(?:[A-Fa-f0-9]{64}|[0-9]{18}|[A-Za-z0-9=_-]{32})", CREDENTIAL_NAME),
  ...token(
    "sendgrid_key",
    "https://www.twilio.com/docs/sendgrid/ui/account-and-settings/api-keys",
    "SG\\.[A-Za-z0-9_-]{20,24}\\.[A-Za-z0-9_-]{39,50}",
  ),
  ...token(
    "brevo_key",
    "https://developers.brevo.com/docs/getting-started",
    "xkeysib-[a-f0-9]{64}-[A-Za-z0-9]{16}",
    "xsmtpsib-[a-f0-9]{64}-[A-Za-z0-9]{16}",
  ),
  ...token("resend_key", "https://resend.com/docs/api-reference/introduction", "re_[A-Za-z0-9]{8}_[A-Za-z0-9]{24}"),
  ...token("mailgun_key", MAILGUN, "key-[a-f0-9]{32}", "pubkey-[a-f0-9]{32}"),
  ...named("mailgun_key", MAILGUN, ["mailgun"], "[a-h0-9]{32}-[a-h0-9]{8}-[a-h0-9]{8}"),
  ...tokenAround(
    "mailchimp_key",
    "https://mailchimp.com/developer/marketing/guides/quick-start/#generate-your-api-key",
    32,
    /[a-f0-9]/,
    "-us[0-9]{1,2}",
  ),
  ...named("mailjet_key", "https://dev.mailjet.com/email/guides/getting-started/", ["mailjet"], "[a-f0-9]{32}"),
  ...named("postmark_token", "https://postmarkapp.com/developer/api/overview#authentication", ["postmark"], UUID),
  ...named(
    "mandrill_key",
    "https://mailchimp.com/developer/transactional/guides/quick-start/",
    ["mandrill"],
    "(?:md-)?[A-Za-z0-9_-]{22}",
  ),
  ...named(
    "sparkpost_key",
    "https://developers.sparkpost.com/api/#header-authentication",
    ["sparkpost"],
    "[a-f0-9]{40}",
  ),
  ...named("klaviyo_key", "https://developers.klaviyo.com/en/docs/authenticate_", ["klaviyo"], "pk_[a-f0-9]{34}"),
  ...token("klaviyo_key", "https://developers.klaviyo.com/en/docs/authenticate_", "pk_[a-f0-9]{34}"),
  ...token("twilio_key", TWILIO, "SK[A-Fa-f0-9]{32}", "SK[a-z0-9]{32}", "AC[a-z0-9]{32}"),
  ...named("twilio_token", TWILIO, ["twilio"], "[a-f0-9]{32}"),
  ...token(
    "telegram_channel_secret",
    "https://core.telegram.org/bots/api#authorizing-your-bot",
    "bot[0-9]{8,10}:[A-Za-z0-9_-]{35}",
  ),
  ...named(
    "telegram_token",
    "https://core.telegram.org/bots/api#authorizing-your-bot",
    ["telegr"],
    "[0-9]{5,16}:[A-Za-z0-9_-]{35}",
  ),
  ...named(
    "mattermost_token",
    "https://developers.mattermost.com/integrate/reference/personal-access-token/",
    ["mattermost"],
    "[A-Za-z0-9]{26}",
  ),
  ...named(
    "messagebird_key",
    MESSAGEBIRD,
    ["messagebird", "message-bird", "message_bird"],
    `(?:[A-Za-z0-9]{25}|${UUID})`,
  ),
  ...named("sendbird_key", SENDBIRD, ["sendbird"], `(?:${UUID}|[a-f0-9]{40})`),
  ...named("gitter_token", "https://developer.gitter.im/docs/authentication", ["gitter"], "[A-Za-z0-9_-]{40}"),
  ...named(
    "intercom_token",
    "https://developers.intercom.com/docs/build-an-integration/learn-more/authentication",
    ["intercom"],
    "[A-Za-z0-9=_-]{60}",
  ),
  ...token(
    "intercom_token",
    "https://developers.intercom.com/docs/build-an-integration/learn-more/authentication",
    "dG9rO[A-Za-z0-9+/]{54,60}={0,2}",
  ),
  ...named(
    "vonage_secret",
    "https://developer.vonage.com/en/getting-started/concepts/authentication",
    ["vonage", "nexmo"],
    "[A-Za-z0-9]{16}",
  ),
  ...named(
    "plivo_token",
    "https://www.plivo.com/docs/account/api/overview/#authentication",
    ["plivo"],
    "(?:MA[A-Z0-9]{18}|[A-Za-z0-9]{40})",
  ),
  ...named(
    "pusher_secret",
    "https://pusher.com/docs/channels/library_auth_reference/rest-api/",
    ["pusher"],
    "[a-f0-9]{20}",
  ),
  ...named(
    "zoom_secret",
    "https://developers.zoom.us/docs/internal-apps/s2s-oauth/",
    ["zoom"],
    "[A-Za-z0-9]{32}",
    CREDENTIAL_NAME,
  ),
  ...named(
    "webex_token",
    "https://developer.webex.com/docs/getting-started",
    ["webex"],
    "[A-Za-z0-9]{64}_[A-Za-z0-9]{4}_[a-f0-9-]{36}",
  ),
  ...tokenAfter(
    "ngrok_token",
    "https://ngrok.com/docs/agent/config/v3/",
    "ngrok config add-authtoken ",
    "[A-Za-z0-9_]{40,60}",
  ),
  ...token(
    "onesignal_key",
    "https://documentation.onesignal.com/docs/keys-and-ids",
    "os_v2_app_[a-z0-9]{100,110}",
    "os_v2_org_[a-z0-9]{100,110}",
  ),
  ...token(
    "courier_key",
    "https://www.courier.com/docs/reference/auth/intro/",
    "pk_prod_[A-Z0-9]{28}",
    "pk_test_[A-Z0-9]{28}",
  ),
];
