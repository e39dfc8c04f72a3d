/* Every configuration with every field out of its range, and amounts and times at the ends of theirs. */
#include "check.h"

static tollgate_why why;

/* A configuration that is good but for one field. */
#define BUDGET(expected, ...)                                                                                          \
    do {                                                                                                               \
        const tollgate_budget bad[2] = {BUDGETS[0], __VA_ARGS__};                                                      \
        tollgate_ledger ledger = {{0}};                                                                                \
        IS(expected, tollgate_ledger_init(&ledger, bad, 2, 0, 0, &why));                                               \
        SAME(1, why.account);                                                                                          \
        IS(ERROR_UNINITIALISED, tollgate_ledger_sending(&ledger, 0, 1));                                               \
        tollgate_gate gate = {{0}};                                                                                    \
        tollgate_gate_config config = GATE;                                                                            \
        config.budgets = bad;                                                                                          \
        IS(expected, tollgate_gate_init(&gate, &config, 0, &why));                                                     \
        SAME(1, why.account);                                                                                          \
        IS(ERROR_UNINITIALISED, tollgate_gate_tag(&gate, 1, 1));                                                       \
    } while (0)

static void quotas(void) {
    static const struct {
        tollgate_status expected;
        tollgate_quota quota;
        uint64_t amount;
    } bad[] = {
        {TOLLGATE_STATUS_ERROR_QUOTA_UNITS, {.units = 0, .burst = 1, .per_us = 1}, 0},
        {TOLLGATE_STATUS_ERROR_QUOTA_PERIOD, {.units = 1, .burst = 1, .per_us = 0}, 0},
        {TOLLGATE_STATUS_ERROR_QUOTA_BURST, {.units = 1, .burst = 0, .per_us = 1}, 0},
        {TOLLGATE_STATUS_ERROR_QUOTA_TOO_LARGE, {.units = 1, .burst = 9, .per_us = UINT64_C(1) << 60}, 4},
        {TOLLGATE_STATUS_ERROR_QUOTA_TOO_LARGE, {.units = 2, .burst = 1, .per_us = UINT64_MAX}, 0},
    };
    tollgate_bucket bucket;
    tollgate_gate gate;
    IS(OK, tollgate_bucket_init(&bucket, &QUOTA, 1, 0, &why));
    IS(OK, tollgate_gate_init(&gate, &GATE, 0, &why));
    for (size_t each = 0; each < sizeof bad / sizeof *bad; each++) {
        const tollgate_status expected = bad[each].expected;
        const tollgate_quota *const quota = &bad[each].quota;
        tollgate_bucket other = {{0}};
        tollgate_gate_config config = GATE;
        config.quota = *quota;
        SAME(expected, tollgate_bucket_init(&other, quota, 0, 0, &why));
        SAME(bad[each].amount, why.amount);
        IS(ERROR_UNINITIALISED, tollgate_bucket_refund(&other, 0, 1));
        SAME(expected, tollgate_bucket_set_quota(&bucket, 0, quota, 0, &why));
        SAME(expected, tollgate_gate_init(&gate, &config, 0, &why));
        SAME(expected, tollgate_gate_set_quota(&gate, 0, quota, 0, &why));
        SAME(expected, why.status);
    }
    IS(ERROR_VALUE, tollgate_bucket_set_quota(&bucket, 0, &QUOTA, 5, &why));
    IS(ERROR_VALUE, tollgate_gate_set_quota(&gate, 0, &QUOTA, UINT32_MAX, &why));
    IS(OK, tollgate_bucket_take(&bucket, 0, 1, &why));
}

static void windows_and_backoffs(void) {
    tollgate_window window;
    tollgate_backoff backoff;
    tollgate_retry retry;
    tollgate_window_config w = WINDOW;
    IS(ERROR_WINDOW_LIMIT, tollgate_window_init(&window, (w.limit = 0, &w), 0));
    w = WINDOW;
    IS(ERROR_WINDOW_LENGTH, tollgate_window_init(&window, (w.length_us = 0, &w), 0));
    IS(ERROR_WINDOW_LENGTH, tollgate_window_init(&window, (w.length_us = 61, &w), 0));
    w = WINDOW;
    IS(ERROR_VALUE, tollgate_window_init(&window, (w.used_up = 2, &w), 0));
    tollgate_backoff_config b = BACKOFF;
    IS(ERROR_BACKOFF_BASE, tollgate_backoff_init(&backoff, (b.base_us = b.max_us + 1, &b), 0));
    b = BACKOFF;
    IS(ERROR_BACKOFF_GROWTH, tollgate_backoff_init(&backoff, (b.growth_permille = 999, &b), 0));
    b = BACKOFF;
    IS(ERROR_BACKOFF_JITTER, tollgate_backoff_init(&backoff, (b.jitter = 5, &b), 0));
    b.jitter = TOLLGATE_JITTER_RANGE;
    IS(ERROR_BACKOFF_JITTER, tollgate_backoff_init(&backoff, (b.jitter_from = 2, b.jitter_to = 1, &b), 0));
    tollgate_retry_config r = RETRY;
    IS(ERROR_VALUE, tollgate_retry_init(&retry, (r.repeatable = 3, &r), 0));
}

static void budgets(void) {
    tollgate_ledger ledger;
    tollgate_gate gate;
    tollgate_gate_config config = GATE;
    const tollgate_budget five[5] = {{0}};
    IS(ERROR_BUDGET_COUNT, tollgate_ledger_init(&ledger, five, 5, 0, 0, &why));
    IS(ERROR_BUDGET_COUNT, tollgate_ledger_init(&ledger, five, SIZE_MAX, 0, 0, &why));
    IS(ERROR_BUDGET_COUNT, tollgate_gate_init(&gate, (config.budget_count = 5, &config), 0, &why));
    config = GATE;
    IS(ERROR_BREAKER, tollgate_gate_init(&gate, (config.breaker_open_us = 0, &config), 0, &why));
    IS(OK, tollgate_gate_init(&gate, (config.breaker_failures = 0, &config), 0, &why));
    BUDGET(ERROR_BUDGET_UNIT, {.unit = 5});
    BUDGET(ERROR_BUDGET_RENEWAL, {.renewal = 5});
    BUDGET(ERROR_BUDGET_LIMIT, {.limit = -1});
    BUDGET(ERROR_BUDGET_LIMIT, {.limit = INT64_MIN});
    BUDGET(ERROR_BUDGET_SOFT, {.soft = -1});
    BUDGET(ERROR_BUDGET_OVERAGE, {.overage = 3});
    BUDGET(ERROR_BUDGET_OVERAGE, {.overage = TOLLGATE_OVERAGE_DEBT, .debt = -1});
    BUDGET(ERROR_BUDGET_OVERAGE, {.overage = TOLLGATE_OVERAGE_DEBT, .debt = INT64_MAX, .limit = 1});
    BUDGET(ERROR_BUDGET_OFFSET, {.renewal = TOLLGATE_RENEWAL_DAY, .offset_minutes = 1441});
    BUDGET(ERROR_BUDGET_OFFSET, {.renewal = TOLLGATE_RENEWAL_DAY, .offset_minutes = INT16_MIN});
    BUDGET(ERROR_BUDGET_DAY, {.renewal = TOLLGATE_RENEWAL_WEEK, .day = 7});
    BUDGET(ERROR_BUDGET_DAY, {.renewal = TOLLGATE_RENEWAL_MONTH, .day = 32});
    BUDGET(ERROR_BUDGET_WINDOW, {.renewal = TOLLGATE_RENEWAL_ROLLING, .window_us = 60});
    BUDGET(ERROR_BUDGET_WINDOW, {.renewal = TOLLGATE_RENEWAL_ROLLING, .window_us = 61, .slices = 2});
    BUDGET(ERROR_BUDGET_WINDOW, {.renewal = TOLLGATE_RENEWAL_ROLLING, .window_us = 64, .slices = 32});
    BUDGET(ERROR_BUDGET_ALERTS, {.alerts = {80, 80}});
    BUDGET(ERROR_BUDGET_ALERTS, {.alerts = {0, 80}});
    const tollgate_budget largest[4] = {
        {.limit = INT64_MAX, .soft = INT64_MAX, .unit = TOLLGATE_UNIT_OTHER},
        {.limit = 1, .overage = TOLLGATE_OVERAGE_DEBT, .debt = INT64_MAX - 1, .unit = TOLLGATE_UNIT_BYTES},
        {.limit = 1, .renewal = TOLLGATE_RENEWAL_ROLLING, .window_us = 31, .slices = 31},
        {.limit = 1, .renewal = TOLLGATE_RENEWAL_DAY, .offset_minutes = -1440, .alerts = {1, 2, 3, 255}},
    };
    IS(OK, tollgate_ledger_init(&ledger, largest, 4, UINT64_MAX, UINT64_MAX, &why));
}

static void lines(void) {
    tollgate_ledger ledger;
    tollgate_gate gate;
    tollgate_permit permit;
    tollgate_line lines[5] = {LINES[0], LINES[1]};
    tollgate_request request = REQUEST;
    request.estimate = lines;
    IS(OK, tollgate_ledger_init(&ledger, BUDGETS, 2, 0, 0, &why));
    IS(OK, tollgate_gate_init(&gate, &GATE, 0, &why));
    IS(ERROR_TOO_MANY, tollgate_ledger_reserve(&ledger, 0, 1, lines, 5, 1, NULL, &why));
    IS(ERROR_TOO_MANY, tollgate_gate_ask(&gate, 0, (request.estimate_count = SIZE_MAX, &request), &permit, &why));
    request.estimate_count = 2;
#define LINE(expected, field, value)                                                                                   \
    do {                                                                                                               \
        lines[1] = LINES[1];                                                                                           \
        lines[1].field = value;                                                                                        \
        why.line = 0;                                                                                                  \
        IS(expected, tollgate_ledger_reserve(&ledger, 0, 1, lines, 2, 1, NULL, &why));                                 \
        SAME(1, why.line);                                                                                             \
        IS(expected, tollgate_ledger_charge(&ledger, 0, 1, lines, 2, NULL, &why));                                     \
        IS(expected, tollgate_gate_ask(&gate, 0, &request, &permit, &why));                                            \
        SAME(1, why.line);                                                                                             \
        IS(expected, tollgate_gate_finished(&gate, 0, 1, lines, 2, NULL, &why));                                       \
    } while (0)
    LINE(ERROR_NEGATIVE, amount, -1);
    LINE(ERROR_NEGATIVE, amount, INT64_MIN);
    LINE(ERROR_LINE_ACCOUNT, account, 2);
    LINE(ERROR_LINE_ACCOUNT, account, 255);
    LINE(ERROR_LINE_ACCOUNT, account, UINT32_MAX);
    LINE(ERROR_LINE_UNIT, unit, TOLLGATE_UNIT_BYTES);
    LINE(ERROR_LINE_UNIT, unit, 5);
    lines[1] = LINES[0];
    IS(ERROR_LINE_REPEATED, tollgate_ledger_reserve(&ledger, 0, 1, lines, 2, 1, NULL, &why));

    lines[1] = LINES[1];
    lines[0].amount = INT64_MAX;
    IS(DENIED, tollgate_ledger_reserve(&ledger, 0, 1, lines, 2, 1, NULL, &why));
    SAME(INT64_MAX - BUDGETS[0].limit, why.amount);
    IS(NEVER, tollgate_gate_ask(&gate, 0, &request, &permit, &why));
    SAME(TOLLGATE_LIMIT_MONEY, why.limit);
    SAME(BUDGETS[0].limit, why.amount);
    lines[0].amount = 0;
    IS(OK, tollgate_ledger_reserve(&ledger, UINT64_MAX, 2, lines, 2, UINT64_MAX, NULL, &why));
    lines[0].amount = INT64_MAX;
    IS(OVERAGE, tollgate_ledger_settle(&ledger, UINT64_MAX, 2, lines, 2, NULL, &why));
    IS(ERROR_LINE_MISSING, tollgate_ledger_settle(&ledger, UINT64_MAX, 2, &lines[1], 1, NULL, &why));
    SAME(0, why.account);
    tollgate_receipt receipt;
    IS(OK, tollgate_ledger_absorb(&ledger, UINT64_MAX, 2, lines, 2, &receipt, &why));
    SAME(1, receipt.missed);
    IS(ERROR_ALREADY_POSTED, tollgate_ledger_settle(&ledger, UINT64_MAX, 2, LINES, 2, NULL, &why));
    IS(ERROR_LINE_REFUND, tollgate_ledger_refund(&ledger, UINT64_MAX, 2, lines, 1, NULL, &why));
}

static void flags_and_lists(void) {
    tollgate_gate gate;
    tollgate_slots slots;
    tollgate_retry retry;
    tollgate_response response;
    tollgate_permit permit;
    tollgate_answer answer;
    tollgate_found found;
    tollgate_reconciled reconciled;
    tollgate_request request = REQUEST;
    tollgate_seen seen[TOLLGATE_LIST_MAX + 1] = {{0}};
    uint64_t jobs[TOLLGATE_LIST_MAX + 1] = {0}, wait;
    uint32_t heard;
    const tollgate_wall wall = {.owner = 2};
    IS(OK, tollgate_gate_init(&gate, &GATE, 0, &why));
    IS(OK, tollgate_slots_init(&slots, 1));
    IS(OK, tollgate_retry_init(&retry, &RETRY, 0));
    IS(ERROR_VALUE, tollgate_gate_set_wall(&gate, 0, &wall, &heard));
    IS(ERROR_TOO_MANY, tollgate_gate_reconcile(&gate, 0, 0, 1, seen, TOLLGATE_LIST_MAX + 1, &found));
    IS(ERROR_VALUE, tollgate_gate_reconcile(&gate, 0, 0, 2, seen, 0, &found));
    seen[1].is_tag = 2;
    IS(ERROR_VALUE, tollgate_gate_reconcile(&gate, 0, 0, 1, seen, 2, &found));
    IS(ERROR_TOO_MANY, tollgate_slots_reconcile(&slots, 0, 0, jobs, TOLLGATE_LIST_MAX + 1, 0, &reconciled));
    IS(OK, tollgate_slots_reconcile(&slots, 0, 0, jobs, TOLLGATE_LIST_MAX, 0, &reconciled));
    SAME(1, reconciled.foreign);
    IS(ERROR_VALUE, tollgate_gate_ask(&gate, 0, (request.repeatable = 3, &request), &permit, &why));
    IS(ERROR_VALUE, tollgate_gate_try_ask(&gate, 0, &request, &permit));
    IS(ERROR_NOT_FOUND, tollgate_response_init(&response, (const uint8_t *)"nobody", 6));
    IS(ERROR_NOT_FOUND, tollgate_response_init(&response, (const uint8_t *)"\xFF", 1));
    IS(ERROR_TOO_MANY, tollgate_response_init(&response, (const uint8_t *)"github", SIZE_MAX));
    IS(NOTHING, tollgate_retry_after((const uint8_t *)"soon", 4, -1, &wait));
    IS(NOTHING, tollgate_retry_after(NULL, 0, -1, &wait));

    IS(OK, tollgate_gate_ask(&gate, 0, &REQUEST, &permit, &why));
    IS(OK, tollgate_gate_sending(&gate, 0, &permit));
#define OUTCOME(...)                                                                                                   \
    do {                                                                                                               \
        const tollgate_outcome bad = __VA_ARGS__;                                                                      \
        IS(ERROR_VALUE, tollgate_gate_answered(&gate, 0, &permit, &bad, &retry, 0, &answer));                          \
    } while (0)
    OUTCOME({.status = 99});
    OUTCOME({.status = 200, .failure = 5});
    OUTCOME({.status = 200, .verdict = 7});
    OUTCOME({.status = 200, .should_retry = 2});
    OUTCOME({.status = 200, .at_once = 2});
    IS(ERROR_VALUE, tollgate_gate_resolved(&gate, 0, &permit, TOLLGATE_FATE_NOT_SENT + 1));
    IS(OK, tollgate_gate_cancel(&gate, 0, &permit));
}

/* Time and cost at their ends: answers, and no overflow. */
static void ends(void) {
    tollgate_bucket bucket;
    tollgate_window window;
    tollgate_slots slots;
    tollgate_backoff backoff;
    uint64_t at;
    IS(OK, tollgate_bucket_init(&bucket, &QUOTA, 0, UINT64_MAX, &why));
    IS(UNTIL, tollgate_bucket_take(&bucket, UINT64_MAX, 1, &why));
    SAME(UINT64_MAX, why.at_us);
    IS(NEVER, tollgate_bucket_take(&bucket, 0, UINT64_MAX, &why));
    SAME(3, why.amount);
    IS(OK, tollgate_bucket_refund(&bucket, 0, UINT64_MAX));
    IS(OK, tollgate_bucket_take(&bucket, 0, 3, &why));
    IS(OK, tollgate_window_init(&window, &WINDOW, UINT64_MAX));
    IS(NEVER, tollgate_window_check(&window, 0, UINT64_MAX, &why));
    IS(OK, tollgate_slots_init(&slots, UINT32_MAX));
    IS(OK, tollgate_slots_open(&slots, UINT64_MAX, UINT64_MAX, UINT32_MAX, UINT64_MAX, &why));
    IS(BUSY, tollgate_slots_open(&slots, UINT64_MAX, 0, 1, UINT64_MAX, &why));
    IS(OK, tollgate_backoff_init(&backoff, &BACKOFF, UINT64_MAX));
    IS(OK, tollgate_backoff_after(&backoff, UINT64_MAX, 0, UINT32_MAX, &at));
    SAME(UINT64_MAX, at);
    SAME(0, strcmp("not a status", tollgate_status_text(INT32_MIN)));
    SAME(0, strcmp("done", tollgate_status_text(0)));
}

int main(void) {
    quotas();
    windows_and_backoffs();
    budgets();
    lines();
    flags_and_lists();
    ends();
    return 0;
}
