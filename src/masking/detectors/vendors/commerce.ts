import { CREDENTIAL_NAME, named, token, tokenAfter, UUID, type VendorForm } from "./vendor.js";

const SHOPIFY = "https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens";
const STRIPE = "https://docs.stripe.com/keys";
const SQUARE = "https://developer.squareup.com/docs/build-basics/access-tokens";
const FLUTTERWAVE = "https://developer.flutterwave.com/docs/authentication";
const PLAID = "https://plaid.com/docs/api/";
const FINICITY = "https://developer.mastercard.com/open-finance-us/documentation/access-and-config/";
const LOB = "https://docs.lob.com/#tag/Authentication";

/** Payments, banking, shops, shipping, trading. */
export const COMMERCE: readonly VendorForm[] = [
  ...token(
    "stripe_key",
    STRIPE,
    "sk_org_[A-Za-z0-9_]{20,240}",
    "sk_live_[A-Za-z0-9]{10,240}",
    "sk_test_[A-Za-z0-9]{10,240}",
    "sk_prod_[A-Za-z0-9]{10,240}",
    "rk_live_[A-Za-z0-9]{10,240}",
    "rk_test_[A-Za-z0-9]{10,240}",
    "rk_prod_[A-Za-z0-9]{10,240}",
  ),
  ...token("stripe_webhook_secret", "https://docs.stripe.com/webhooks/signature", "whsec_[A-Za-z0-9+/]{32,200}"),
  ...token(
    "square_token",
    SQUARE,
    // Not the beginning or the middle of a UUID.
    "EAAA(?![0-9A-F]{0,4}-[0-9A-F]{4}-)[A-Za-z0-9_=-]{22,70}(?![?])",
    "sq0atp-[A-Za-z0-9_-]{22,60}",
    "sq0csp-[A-Za-z0-9_-]{43}",
    "sq0idp-[A-Za-z0-9_-]{22}",
  ),
  ...token(
    "shopify_token",
    SHOPIFY,
    "shpat_[A-Fa-f0-9]{32}",
    "shpca_[A-Fa-f0-9]{32}",
    "shppa_[A-Fa-f0-9]{32}",
    "shpss_[A-Fa-f0-9]{32}",
    "shptka_[A-Fa-f0-9]{32}",
  ),
  ...token(
    "paypal_braintree_token",
    "https://developer.paypal.com/braintree/docs/guides/authorization/overview",
    "access_token\\$production\\$[a-z0-9]{16}\\$[a-f0-9]{32}",
    "access_token\\$sandbox\\$[a-z0-9]{16}\\$[a-f0-9]{32}",
  ),
  ...token(
    "flutterwave_key",
    FLUTTERWAVE,
    "FLWSECK_TEST-(?:[A-Ha-h0-9]{32}-X|[A-Ha-h0-9]{12})",
    "FLWPUBK_TEST-[A-Ha-h0-9]{32}-X",
    "FLWSECK-[A-Za-z0-9]{32}-X",
    "FLWSECK-[A-Za-z0-9]{32}-[A-Za-z0-9]{11}vt-X",
  ),
  ...token(
    "razorpay_key",
    "https://razorpay.com/docs/api/authentication/",
    "rzp_live_[A-Za-z0-9]{14}",
    "rzp_test_[A-Za-z0-9]{14}",
  ),
  ...token("adyen_key", "https://docs.adyen.com/development-resources/api-credentials/", "AQE[A-Za-z0-9+/]{60,250}"),
  ...token(
    "checkout_com_key",
    "https://www.checkout.com/docs/developer-resources/api/api-keys",
    `sk_sbox_[a-z0-9]{26}`,
  ),
  ...token(
    "mollie_key",
    "https://docs.mollie.com/reference/authentication",
    "live_[A-Za-z0-9]{30}",
    "test_[A-Za-z0-9]{30}",
  ),
  ...token(
    "gocardless_token",
    "https://developer.gocardless.com/api-reference/#making-requests-authentication",
    "live_[A-Za-z0-9=_-]{40}(?![=-])",
    "sandbox_[A-Za-z0-9=_-]{40}(?![=-])",
  ),
  ...token("lob_key", LOB, "live_[a-f0-9]{35}", "test_[a-f0-9]{35}", "live_pub_[a-f0-9]{31}", "test_pub_[a-f0-9]{31}"),
  ...token(
    "easypost_key",
    "https://docs.easypost.com/docs/authentication",
    "EZAK[A-Za-z0-9]{54}",
    "EZTK[A-Za-z0-9]{54}",
  ),
  ...token(
    "shippo_token",
    "https://docs.goshippo.com/docs/guides_general/authentication/",
    "shippo_live_[A-Fa-f0-9]{40}",
    "shippo_test_[A-Fa-f0-9]{40}",
  ),
  ...token(
    "duffel_token",
    "https://duffel.com/docs/api/overview/making-requests",
    "duffel_test_[A-Za-z0-9_=-]{43}(?![=-])",
    "duffel_live_[A-Za-z0-9_=-]{43}(?![=-])",
  ),
  ...token("plaid_token", PLAID, ...["sandbox", "development", "production"].map((where) => `access-${where}-${UUID}`)),
  ...named("plaid_key", PLAID, ["plaid"], "(?:[A-Za-z0-9]{24}|[A-Za-z0-9]{30})", CREDENTIAL_NAME),
  ...named("finicity_key", FINICITY, ["finicity"], "(?:[A-Fa-f0-9]{32}|[A-Za-z0-9]{20})"),
  ...named(
    "etsy_key",
    "https://developers.etsy.com/documentation/essentials/authentication",
    ["etsy"],
    "[A-Za-z0-9]{24}",
  ),
  ...named(
    "coinbase_token",
    "https://docs.cdp.coinbase.com/get-started/docs/cdp-api-keys/",
    ["coinbase"],
    "[A-Za-z0-9_-]{64}",
  ),
  ...named("bittrex_key", "https://bittrex.github.io/api/v3", ["bittrex"], "[A-Za-z0-9]{32}"),
  ...named(
    "kraken_key",
    "https://docs.kraken.com/api/docs/guides/spot-rest-auth",
    ["kraken"],
    "[A-Za-z0-9/=_+-]{80,90}",
  ),
  ...named(
    "kucoin_key",
    "https://www.kucoin.com/docs/basic-info/connection-method/authentication/creating-a-request",
    ["kucoin"],
    `(?:[a-f0-9]{24}|${UUID})`,
  ),
  ...named(
    "binance_key",
    "https://developers.binance.com/docs/binance-spot-api-docs/rest-api",
    ["binance"],
    "[A-Za-z0-9]{64}",
  ),
  ...named("finnhub_key", "https://finnhub.io/docs/api/authentication", ["finnhub"], "[A-Za-z0-9]{20}"),
  ...named("freshbooks_token", "https://www.freshbooks.com/api/authentication", ["freshbooks"], "[A-Za-z0-9]{64}"),
  ...named(
    "freemius_secret",
    "https://freemius.com/help/documentation/wordpress-sdk/",
    ["secret_key"],
    "sk_[A-Za-z0-9_!@#%^*.~-]{29}",
  ),
  ...named(
    "squarespace_key",
    "https://developers.squarespace.com/commerce-apis/authentication-and-permissions",
    ["squarespace"],
    UUID,
  ),
  ...named("wise_token", "https://docs.wise.com/api-docs/guides", ["transferwise"], UUID, CREDENTIAL_NAME),
  ...named("taxjar_key", "https://developers.taxjar.com/api/reference/#authentication", ["taxjar"], "[a-f0-9]{32}"),
  ...named(
    "chargebee_key",
    "https://apidocs.chargebee.com/docs/api/auth",
    ["chargebee"],
    "(?:live|test)_[A-Za-z0-9]{30,50}",
  ),
  ...token(
    "ramp_token",
    "https://docs.ramp.com/developer-api/v1/authorization",
    "ramp_tok_[A-Za-z0-9]{40,60}",
    "ramp_sec_[A-Za-z0-9]{40,60}",
  ),
  ...tokenAfter("amazon_mws_token", "https://developer-docs.amazon.com/sp-api/docs/authorization", "amzn.mws.", UUID),
  ...token(
    "amazon_oauth_secret",
    "https://developer.amazon.com/docs/login-with-amazon/register-web.html",
    "amzn1\\.oa2-cs\\.v1\\.[a-f0-9]{64}",
  ),
];
