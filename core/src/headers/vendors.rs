//! Who deviates from what most servers do, and how: one table each.
//!
//! Facts from the vendors' own documentation or captured responses (vectors: headers/vendors.json). A server that is not
//! here, or a name that only points to [`GENERIC`], follows the common rules.

use super::dialects::{Cause, Dialect, Meaning, Rule};
use super::moment::Format;

/// For a server that nobody knows, and for all who need nothing special.
pub static GENERIC: Dialect = Dialect::new(
    &[
        "generic",
        "openai",
        "azure-openai",
        "azure-appconfig",
        "slack",
        "notion",
        "graph",
        "google",
        "grpc",
        "cloudflare",
        "kong",
        "express-rate-limit",
        "whoop",
        "symfony",
        "mailerlite",
        "sharepoint",
        "resend",
        "sendgrid",
        "lemlist",
        "launchdarkly",
    ],
    &[],
);

/// Spans in milliseconds under the usual names: no heuristic can tell them from seconds.
pub static DELTA_MILLIS: Dialect = Dialect::new(
    &["delta-millis"],
    &[
        Rule::new("ratelimit-reset", Meaning::Reset(Format::Millis)),
        Rule::new("x-ratelimit-reset", Meaning::Reset(Format::Millis)),
        Rule::new("x-rate-limit-reset", Meaning::Reset(Format::Millis)),
    ],
);

/// GitHub: refuses with 403 too, which means a limit only if a delay or nothing left comes with it.
pub static GITHUB: Dialect =
    Dialect::new(&["github"], &[Rule::new("x-ratelimit-reset", Meaning::Reset(Format::EpochSeconds))])
        .with_windows(&[("", 3_600)])
        .with_throttles(&[403]);

/// Groq: requests are counted by the day, tokens by the minute.
pub static GROQ: Dialect = Dialect::new(&["groq"], &[]).with_windows(&[("requests", 86_400), ("tokens", 60)]);

/// Anthropic: RFC 3339, the kind of limit within the name. What is not documented is left alone.
pub static ANTHROPIC: Dialect = Dialect::new(
    &["anthropic"],
    &[
        Rule::new("anthropic-ratelimit-unified-*", Meaning::Ignore),
        Rule::new("anthropic-ratelimit-*-limit", Meaning::Limit),
        Rule::new("anthropic-ratelimit-*-remaining", Meaning::Remaining),
        Rule::new("anthropic-ratelimit-*-reset", Meaning::Reset(Format::Rfc3339)),
        Rule::new("anthropic-*-limit", Meaning::Limit),
        Rule::new("anthropic-*-remaining", Meaning::Remaining),
        Rule::new("anthropic-*-reset", Meaning::Reset(Format::Rfc3339)),
    ],
);

/// X, formerly Twitter: windows of 15 minutes.
pub static TWITTER: Dialect =
    Dialect::new(&["twitter", "x"], &[Rule::new("x-rate-limit-reset", Meaning::Reset(Format::EpochSeconds))])
        .with_windows(&[("", 900)]);

/// Discord: names its buckets; `Reset-After` counts from now and is preferred to `Reset`.
pub static DISCORD: Dialect = Dialect::new(
    &["discord"],
    &[
        Rule::new("x-ratelimit-reset", Meaning::Reset(Format::EpochSeconds)),
        Rule::new("x-ratelimit-bucket", Meaning::Scope(2)),
        Rule::new("x-ratelimit-scope", Meaning::Scope(1)),
    ],
);

/// Shopify: `40/40`.
pub static SHOPIFY: Dialect =
    Dialect::new(&["shopify"], &[Rule::new("x-shopify-shop-api-call-limit", Meaning::UsedOfLimit)]);

/// Stripe: a reason and no delay.
pub static STRIPE: Dialect = Dialect::new(
    &["stripe"],
    &[Rule::new("stripe-rate-limited-reason", Meaning::Reason), Rule::new("stripe-should-retry", Meaning::ShouldRetry)],
);

/// Reddit: seconds from now, windows of ten minutes, no limit.
pub static REDDIT: Dialect =
    Dialect::new(&["reddit"], &[Rule::new("x-ratelimit-reset", Meaning::Reset(Format::Seconds))])
        .with_windows(&[("", 600)]);

/// GitLab: the standard's names with an epoch in them.
pub static GITLAB: Dialect = Dialect::new(
    &["gitlab"],
    &[
        Rule::new("ratelimit-reset", Meaning::Reset(Format::EpochSeconds)),
        Rule::new("ratelimit-observed", Meaning::Used),
        Rule::new("ratelimit-name", Meaning::Scope(1)),
    ],
)
.with_windows(&[("", 60)]);

/// Atlassian: the draft's fields under names of their own while they are tried out.
pub static ATLASSIAN: Dialect = Dialect::new(
    &["atlassian", "jira", "confluence", "bitbucket"],
    &[
        Rule::new("beta-ratelimit", Meaning::RateLimit),
        Rule::new("beta-ratelimit-policy", Meaning::RateLimitPolicy),
        Rule::new("beta-retry-after", Meaning::RetryAfter),
        Rule::new("ratelimit-reason", Meaning::Scope(2)),
    ],
);

/// Kling AI: no headers at all, but codes in the body, of which five arrive with status 429 and are not about the rate.
pub static KLING: Dialect = Dialect::new(&["kling"], &[]).with_codes(&[
    (1_100, Cause::HardQuota),
    (1_101, Cause::HardQuota),
    (1_102, Cause::HardQuota),
    (1_302, Cause::Rate),
    (1_303, Cause::Concurrency),
    (1_304, Cause::HardQuota),
    (5_000, Cause::Overload),
    (5_001, Cause::Overload),
    (5_002, Cause::Overload),
]);

/// Docker Hub: names whose budget it is.
pub static DOCKER_HUB: Dialect =
    Dialect::new(&["docker-hub"], &[Rule::new("docker-ratelimit-source", Meaning::Scope(1))]);

/// Envoy: the drafts of generation A with `X-` in front.
pub static ENVOY: Dialect =
    Dialect::new(&["envoy"], &[Rule::new("x-ratelimit-reset", Meaning::Reset(Format::Seconds))]);

/// Linear: milliseconds since 1970, windows of an hour; refuses with status 400 and a code in the body.
pub static LINEAR: Dialect =
    Dialect::new(&["linear"], &[Rule::new("x-ratelimit-*-reset", Meaning::Reset(Format::EpochMillis))])
        .with_windows(&[("", 3_600)]);

/// Vimeo: windows of a minute.
pub static VIMEO: Dialect = Dialect::new(&["vimeo"], &[]).with_windows(&[("", 60)]);

/// Together: seconds from now, when refused.
pub static TOGETHER: Dialect =
    Dialect::new(&["together"], &[Rule::new("x-ratelimit-reset", Meaning::Reset(Format::Seconds))]);

/// Riot: `20:1,100:120` is 20 in a second and 100 in two minutes, by application and by method.
pub static RIOT: Dialect = Dialect::new(
    &["riot"],
    &[
        Rule::new("x-rate-limit-type", Meaning::Scope(1)),
        Rule::new("x-*-rate-limit", Meaning::LimitPairs),
        Rule::new("x-*-rate-limit-count", Meaning::UsedPairs),
    ],
);

/// Amazon's selling partner API: requests per second, as a fraction.
pub static AMAZON_SPAPI: Dialect =
    Dialect::new(&["amazon-spapi"], &[Rule::new("x-amzn-ratelimit-limit", Meaning::Rate)]);

/// `HubSpot`: three limits with names of their own.
pub static HUBSPOT: Dialect = Dialect::new(
    &["hubspot"],
    &[
        Rule::new("x-hubspot-ratelimit-max", Meaning::Limit),
        Rule::new("x-hubspot-ratelimit-remaining", Meaning::Remaining),
        Rule::new("x-hubspot-ratelimit-interval-milliseconds", Meaning::WindowMillis),
        Rule::of("x-hubspot-ratelimit-daily", Meaning::Limit, "day"),
        Rule::of("x-hubspot-ratelimit-daily-remaining", Meaning::Remaining, "day"),
        Rule::of("x-hubspot-ratelimit-secondly", Meaning::Limit, "second"),
        Rule::of("x-hubspot-ratelimit-secondly-remaining", Meaning::Remaining, "second"),
    ],
);

/// Salesforce: `api-usage=10018/100000`; refuses with status 403 and a code in the body.
pub static SALESFORCE: Dialect = Dialect::new(&["salesforce"], &[Rule::new("sforce-limit-info", Meaning::ApiUsage)]);

/// Every dialect, for [`by_name`](super::dialects::by_name).
pub static ALL: &[&Dialect] = &[
    &GENERIC,
    &DELTA_MILLIS,
    &GITHUB,
    &GROQ,
    &ANTHROPIC,
    &TWITTER,
    &DISCORD,
    &SHOPIFY,
    &STRIPE,
    &REDDIT,
    &GITLAB,
    &ATLASSIAN,
    &KLING,
    &DOCKER_HUB,
    &ENVOY,
    &LINEAR,
    &VIMEO,
    &TOGETHER,
    &RIOT,
    &AMAZON_SPAPI,
    &HUBSPOT,
    &SALESFORCE,
];
