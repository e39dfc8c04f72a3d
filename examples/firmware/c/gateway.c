/* A gateway in C: video jobs of a metered API, and a radio for its reports. Time is an argument, so that a host and every
 * chip print the same. Errors end the program with the line they were met on. */
#include "port.h"
#include "tollgate.h"

#define CREDITS(much) {.amount = (much) * INT64_C(1000000), .account = 0, .unit = TOLLGATE_UNIT_CREDITS}
#define CENTS(much) {.amount = (much) * INT64_C(10000), .account = 1, .unit = TOLLGATE_UNIT_USD}
#define MUST(call) if ((call) != TOLLGATE_STATUS_OK) return __LINE__

static const uint64_t SECOND = 1000000;
static const tollgate_budget budgets[2] = {
    {.limit = 90000000, .unit = TOLLGATE_UNIT_CREDITS, .renewal = TOLLGATE_RENEWAL_DAY, .alerts = {80, 100}},
    {.limit = 6000000, .unit = TOLLGATE_UNIT_USD, .renewal = TOLLGATE_RENEWAL_LIFETIME},
};
static const tollgate_line estimate[2] = {CREDITS(25), CENTS(175)}, actual[2] = {CREDITS(20), CENTS(140)};
static tollgate_bucket uplink;
static tollgate_gate gate;
static tollgate_ledger ledger;
static tollgate_why why;

/* Two frames a second, three at once. */
static int radio(uint64_t now, uint64_t until) {
    const tollgate_quota quota = {.units = 2, .burst = 3, .per_us = SECOND};
    MUST(tollgate_bucket_init(&uplink, &quota, UINT32_MAX, now, &why));
    for (uint64_t frame = 1; now < until; now = why.at_us) {
        while (tollgate_bucket_take(&uplink, now, 1, &why) == TOLLGATE_STATUS_OK) {
            say("%u ms: frame %u", now / 1000, frame++);
        }
    }
    return 0;
}

/* One job: asked for, sent, answered with this HTTP status. */
static int job(uint64_t now, uint64_t id, uint16_t status, const char *retry_after) {
    const tollgate_request request = {
        .job = id, .lease_us = 600 * SECOND, .estimate = estimate, .estimate_count = 2, .weight = 1, .requests = 1};
    const tollgate_retry_config patience = {.retries = 2};
    tollgate_permit permit;
    tollgate_retry retry;
    tollgate_outcome outcome = {.status = status};
    tollgate_answer answer;
    const tollgate_status asked = tollgate_gate_ask(&gate, now, &request, &permit, &why);
    if (asked != TOLLGATE_STATUS_OK) {
        say("%u s: job %u: %s: %s, %u s", now / SECOND, id, tollgate_limit_text(why.limit), tollgate_status_text(asked),
            why.at_us / SECOND);
        return 0;
    }
    MUST(tollgate_gate_sending(&gate, now, &permit));
    if (retry_after != NULL) {
        MUST(tollgate_retry_after((const uint8_t *)retry_after, 2, -1, &outcome.wait_us));
    }
    MUST(tollgate_retry_init(&retry, &patience, now));
    MUST(tollgate_gate_answered(&gate, now, &permit, &outcome, &retry, 0, &answer));
    say("%u s: job %u: %u, %s, %u s", now / SECOND, id, (uint64_t)status,
        answer.verb == TOLLGATE_VERB_ACCEPTED ? "it runs" : "again", answer.at_us / SECOND);
    return 0;
}

static int jobs(void) {
    const tollgate_gate_config config = {.quota = {.units = 60, .burst = 5, .per_us = 60 * SECOND}, .budgets = budgets,
        .budget_count = 2, .slots = 2, .start = UINT32_MAX, .breaker_failures = 3, .breaker_open_us = 30 * SECOND};
    tollgate_report report;
    MUST(tollgate_gate_init(&gate, &config, 0, &why));
    for (uint64_t id = 1; id <= 3; id++) {
        MUST(job(id * SECOND, id, 200, NULL));
    }
    MUST(tollgate_gate_finished(&gate, 90 * SECOND, 1, actual, 2, NULL, &why));
    MUST(job(91 * SECOND, 3, 429, "17"));
    MUST(job(92 * SECOND, 4, 200, NULL));
    MUST(tollgate_gate_finished(&gate, 120 * SECOND, 2, actual, 2, NULL, &why));
    MUST(job(120 * SECOND, 3, 200, NULL));
    MUST(job(121 * SECOND, 4, 200, NULL));
    for (uint32_t account = 0; account < 2; account++) {
        MUST(tollgate_gate_report(&gate, 122 * SECOND, account, &report));
        say("account %u: posted %u, held %u, available %u", (uint64_t)account, report.posted, report.held, report.available);
    }
    return 0;
}

static int books(void) {
    const tollgate_line refund = CENTS(40);
    tollgate_report report;
    MUST(tollgate_ledger_init(&ledger, budgets, 2, 0, 0, &why));
    MUST(tollgate_ledger_reserve(&ledger, 0, 1, estimate, 2, 600 * SECOND, NULL, &why));
    MUST(tollgate_ledger_settle(&ledger, SECOND, 1, actual, 2, NULL, &why));
    MUST(tollgate_ledger_refund(&ledger, 2 * SECOND, 1, &refund, 1, NULL, &why));
    MUST(tollgate_ledger_report(&ledger, 3 * SECOND, 1, &report));
    say("ledger: posted %u of %u", report.posted, report.limit);
    return 0;
}

int main(void) {
    int line = radio(0, 3 * SECOND);
    line = line != 0 ? line : jobs();
    line = line != 0 ? line : books();
    if (line != 0) {
        say("failed at line %d", (int64_t)line);
    }
    return line != 0;
}
