/* What the C functions do, a little of each: the rules themselves are tested where they are written. */
#include "check.h"

static tollgate_why why;

static void limiters(void) {
    tollgate_bucket bucket;
    tollgate_window window;
    tollgate_reservation held;
    uint64_t units, at;
    uint32_t permille;
    IS(OK, tollgate_bucket_init(&bucket, &QUOTA, UINT32_MAX, 0, &why));
    IS(OK, tollgate_bucket_take(&bucket, 0, 3, &why));
    IS(UNTIL, tollgate_bucket_check(&bucket, 0, 1, &why));
    SAME(SECOND / 2, why.at_us);
    IS(UNTIL, tollgate_bucket_take(&bucket, SECOND / 2 - 1, 1, &why));
    IS(OK, tollgate_bucket_check(&bucket, SECOND / 2, 1, &why));
    IS(UNTIL, tollgate_bucket_reserve(&bucket, 0, 1, SECOND / 2 - 1, &held, &at, &why));
    SAME(1, why.at_us);
    IS(OK, tollgate_bucket_reserve(&bucket, 0, 1, SECOND / 2, &held, &at, &why));
    SAME(SECOND / 2, at);
    IS(OK, tollgate_bucket_commit(&bucket, 0, &held, 0));
    IS(OK, tollgate_bucket_refund(&bucket, 0, 2));
    IS(OK, tollgate_bucket_available(&bucket, 0, &units));
    SAME(2, units);
    const tollgate_quota one = {.units = 1, .burst = 1, .per_us = SECOND};
    IS(OK, tollgate_bucket_set_quota(&bucket, 0, &one, TOLLGATE_INHERIT_RESET, &why));
    IS(OK, tollgate_bucket_available(&bucket, 0, &units));
    SAME(1, units);

    IS(OK, tollgate_window_init(&window, &WINDOW, 0));
    IS(OK, tollgate_window_take(&window, SECOND / 2, 6, &why));
    IS(OK, tollgate_window_usage(&window, SECOND, &permille));
    SAME(600, permille);
    IS(OK, tollgate_window_reserve(&window, SECOND, 4, 0, &held, &at, &why));
    IS(UNTIL, tollgate_window_check(&window, SECOND, 1, &why));
    SAME(61 * SECOND, why.at_us);
    IS(OK, tollgate_window_commit(&window, SECOND, &held, 3));
    IS(OK, tollgate_window_available(&window, SECOND, &units));
    SAME(1, units);
    tollgate_window_config strict = WINDOW;
    IS(OK, tollgate_window_init(&window, (strict.used_up = 1, &strict), 0));
    IS(UNTIL, tollgate_window_take(&window, 0, 1, &why));
}

static void slots_and_backoffs(void) {
    tollgate_slots slots;
    tollgate_backoff backoff;
    tollgate_reconciled found;
    uint64_t job, weight, delay;
    const uint64_t running[3] = {2, 77, 77};
    IS(OK, tollgate_slots_init(&slots, 2));
    IS(OK, tollgate_slots_open(&slots, 0, 1, 1, 30 * SECOND, &why));
    IS(ERROR_ALREADY_OPEN, tollgate_slots_open(&slots, 0, 1, 1, 30 * SECOND, &why));
    IS(UNTIL, tollgate_slots_open(&slots, 0, 2, 2, 0, &why));
    SAME(30 * SECOND, why.at_us);
    IS(NEVER, tollgate_slots_open(&slots, 0, 2, 3, 0, &why));
    IS(OK, tollgate_slots_renew(&slots, SECOND, 1, 60 * SECOND));
    IS(NOTHING, tollgate_slots_expire(&slots, 60 * SECOND, &job));
    IS(OK, tollgate_slots_expire(&slots, 61 * SECOND, &job));
    SAME(1, job);
    IS(ERROR_NOT_FOUND, tollgate_slots_close(&slots, 61 * SECOND, 1));
    IS(OK, tollgate_slots_open(&slots, 62 * SECOND, 2, 1, 0, &why));
    IS(OK, tollgate_slots_open(&slots, 62 * SECOND, 3, 1, 0, &why));
    IS(OK, tollgate_slots_reconcile(&slots, 64 * SECOND, 63 * SECOND, running, 3, 0, &found));
    SAME(1, found.closed);
    SAME(1, found.foreign);
    IS(OK, tollgate_slots_in_flight(&slots, 64 * SECOND, &weight));
    SAME(2, weight);
    IS(OK, tollgate_slots_set_limit(&slots, 3));
    IS(OK, tollgate_slots_open(&slots, 64 * SECOND, 4, 1, 0, &why));
    IS(OK, tollgate_slots_close(&slots, 64 * SECOND, 4));

    IS(OK, tollgate_backoff_init(&backoff, &BACKOFF, 0));
    for (uint64_t expected = 1; expected <= 4; expected *= 2) {
        IS(OK, tollgate_backoff_next(&backoff, 0, UINT32_MAX, &delay));
        SAME(expected * SECOND, delay);
    }
    IS(RETRIES, tollgate_backoff_next(&backoff, 0, 0, &delay));
    IS(OK, tollgate_backoff_reset(&backoff, 0));
    IS(OK, tollgate_backoff_after(&backoff, 17 * SECOND, 0, 0, &delay));
    SAME(17 * SECOND, delay);
    tollgate_backoff_config short_one = BACKOFF;
    IS(OK, tollgate_backoff_init(&backoff, (short_one.deadline_us = 1, &short_one), 0));
    IS(DEADLINE, tollgate_backoff_next(&backoff, 0, 0, &delay));
    SAME(1, tollgate_entropy(1, 2, 3) != tollgate_entropy(1, 2, 4) && tollgate_entropy(1, 2, 3) != tollgate_entropy(2, 2, 3));
}

static void ledgers(void) {
    tollgate_ledger ledger;
    tollgate_report report;
    tollgate_receipt receipt;
    uint64_t until;
    uint32_t heard;
    const tollgate_wall wall = {.unix_us = INT64_C(1767225600) * 1000000, .owner = 1}; /* 2026-01-01 */
    const tollgate_line half[2] = {{.amount = 20000000, .account = 0, .unit = TOLLGATE_UNIT_CREDITS},
                                   {.amount = 500000, .account = 1, .unit = TOLLGATE_UNIT_USD}};
    IS(OK, tollgate_ledger_init(&ledger, BUDGETS, 2, 0, 0, &why));
    IS(OK, tollgate_ledger_report(&ledger, 0, 1, &report));
    SAME(1, report.frozen);
    IS(OK, tollgate_ledger_set_wall(&ledger, 0, &wall, &heard));
    SAME(TOLLGATE_HEARD_LEARNED, heard);
    IS(OK, tollgate_ledger_check(&ledger, 0, LINES, 2, &why));
    IS(OK, tollgate_ledger_reserve(&ledger, 0, 1, LINES, 2, 10 * SECOND, &receipt, &why));
    SAME(0, receipt.replayed);
    IS(OK, tollgate_ledger_reserve(&ledger, 0, 1, LINES, 2, 10 * SECOND, &receipt, &why));
    SAME(1, receipt.replayed);
    IS(ERROR_MISMATCH, tollgate_ledger_reserve(&ledger, 0, 1, half, 2, 10 * SECOND, NULL, &why));
    IS(ERROR_NOT_POSTED, tollgate_ledger_refund(&ledger, 0, 1, half, 2, NULL, &why));
    IS(OK, tollgate_ledger_extend(&ledger, SECOND, 1, 5 * SECOND, &until));
    SAME(15 * SECOND, until);
    IS(OK, tollgate_ledger_reserve(&ledger, SECOND, 2, LINES, 2, 10 * SECOND, NULL, &why));
    IS(DENIED, tollgate_ledger_charge(&ledger, SECOND, 3, LINES, 2, NULL, &why));
    SAME(0, why.account);
    SAME(20000000, why.amount);
    IS(OK, tollgate_ledger_report(&ledger, SECOND, 0, &report));
    SAME(80000000, report.held);
    SAME(1, report.alerts);
    IS(OK, tollgate_ledger_acknowledge(&ledger, 0, 0));
    IS(NOTHING, tollgate_ledger_acknowledge(&ledger, 0, 0));
    IS(OK, tollgate_ledger_void(&ledger, SECOND, 2, &receipt));
    IS(OK, tollgate_ledger_settle(&ledger, 2 * SECOND, 1, half, 2, &receipt, &why));
    IS(ERROR_ALREADY_POSTED, tollgate_ledger_void(&ledger, 2 * SECOND, 1, NULL));
    IS(OK, tollgate_ledger_refund(&ledger, 2 * SECOND, 1, half, 1, NULL, &why));
    IS(OK, tollgate_ledger_charge(&ledger, 2 * SECOND, 4, half, 1, NULL, &why));
    IS(OK, tollgate_ledger_reserve(&ledger, 2 * SECOND, 5, LINES, 2, SECOND, NULL, &why));
    IS(OK, tollgate_ledger_sending(&ledger, 2 * SECOND, 5));
    IS(OK, tollgate_ledger_report(&ledger, 9 * SECOND, 0, &report)); /* The lost one is posted in full. */
    SAME(60000000, report.posted);
    IS(ERROR_EXPIRED, tollgate_ledger_extend(&ledger, 9 * SECOND, 5, SECOND, &until));
    IS(OK, tollgate_ledger_absorb(&ledger, 9 * SECOND, 5, half, 2, NULL, &why));
    IS(ERROR_NOT_FOUND, tollgate_ledger_settle(&ledger, 9 * SECOND, 99, half, 2, NULL, &why));
    IS(OK, tollgate_ledger_report(&ledger, UINT64_C(31) * 86400 * SECOND, 1, &report)); /* February: from its last day. */
    SAME(0, report.posted);
    SAME(1000000, report.previous);
    IS(ERROR_NOT_FOUND, tollgate_ledger_report(&ledger, 0, 2, &report));
}

/* Budgets change, one account after the other and several times: each is kept in a place of its own. */
static void changes(void) {
    tollgate_ledger ledger;
    tollgate_gate gate;
    tollgate_report report;
    tollgate_budget budget[2] = {BUDGETS[0], BUDGETS[1]};
    IS(OK, tollgate_ledger_init(&ledger, BUDGETS, 2, 0, 0, &why));
    IS(OK, tollgate_gate_init(&gate, &GATE, 0, &why));
    for (uint32_t round = 1; round < 20; round++) {
        for (uint32_t account = 0; account < 2; account++) {
            budget[account].limit += round;
            IS(OK, tollgate_ledger_set_budget(&ledger, round, account, &budget[account], &why));
            IS(OK, tollgate_gate_set_budget(&gate, round, account, &budget[account], &why));
            IS(ERROR_BUDGET_UNIT, tollgate_ledger_set_budget(&ledger, round, account, &budget[1 - account], &why));
            SAME(account, why.account);
        }
        for (uint32_t account = 0; account < 2; account++) {
            IS(OK, tollgate_ledger_report(&ledger, round, account, &report));
            SAME(budget[account].limit, report.limit);
            IS(OK, tollgate_gate_report(&gate, round, account, &report));
            SAME(budget[account].limit, report.limit);
        }
    }
    budget[0].renewal = TOLLGATE_RENEWAL_DAY;
    IS(ERROR_BUDGET_RENEWAL, tollgate_gate_set_budget(&gate, 20, 0, &budget[0], &why));
    budget[0].limit = -1;
    IS(ERROR_BUDGET_LIMIT, tollgate_gate_set_budget(&gate, 20, 0, &budget[0], &why));
    IS(ERROR_NOT_FOUND, tollgate_gate_set_budget(&gate, 20, 2, &budget[1], &why));
    IS(ERROR_NOT_FOUND, tollgate_ledger_set_budget(&ledger, 20, UINT32_MAX, &budget[1], &why));
}

static tollgate_gate gate;
static tollgate_retry retry;

static void send(uint64_t now, uint64_t job, tollgate_permit *permit) {
    tollgate_request request = REQUEST;
    request.job = job;
    request.estimate_count = job < 10 ? 2 : 0;
    IS(OK, tollgate_gate_ask(&gate, now, &request, permit, &why));
    IS(OK, tollgate_gate_sending(&gate, now, permit));
    IS(OK, tollgate_retry_init(&retry, &RETRY, now));
}

static void answered(uint64_t now, tollgate_permit *permit, tollgate_outcome outcome, tollgate_answer expected) {
    tollgate_answer answer;
    IS(OK, tollgate_gate_answered(&gate, now, permit, &outcome, &retry, 0, &answer));
    SAME(expected.verb, answer.verb);
    SAME(expected.reason, answer.reason);
    SAME(expected.at_us, answer.at_us);
}

static uint32_t state(uint64_t now, uint64_t job) {
    uint32_t state;
    IS(OK, tollgate_gate_job(&gate, now, job, &state));
    return state;
}

static void gates(void) {
    tollgate_permit permit;
    tollgate_request request = REQUEST;
    tollgate_report report;
    tollgate_finished finished;
    uint64_t at;
    IS(OK, tollgate_gate_init(&gate, &GATE, 0, &why));
    send(0, 1, &permit);
    IS(KNOWN, tollgate_gate_ask(&gate, 0, &REQUEST, &permit, &why));
    SAME(TOLLGATE_JOB_STATE_SENT, why.state);
    IS(ERROR_UNEXPECTED, tollgate_gate_sending(&gate, 0, &permit));
    tollgate_permit copy = permit;
    answered(SECOND, &permit, (tollgate_outcome){.status = 200}, (tollgate_answer){0});
    IS(ERROR_STALE_PERMIT, tollgate_gate_sending(&gate, SECOND, &copy));
    IS(ERROR_STALE_PERMIT, tollgate_gate_cancel(&gate, SECOND, &copy));
    IS(OK, tollgate_gate_renew(&gate, SECOND, 1, 900 * SECOND, &at));
    SAME(901 * SECOND, at);
    request.job = 2;
    IS(OK, tollgate_gate_ask(&gate, SECOND, &request, &permit, &why));
    IS(OK, tollgate_gate_cancel(&gate, SECOND, &permit));
    SAME(TOLLGATE_JOB_STATE_NONE, state(SECOND, 2));
    IS(OK, tollgate_gate_set_slots(&gate, 1));
    IS(UNTIL, tollgate_gate_ask(&gate, SECOND, &request, &permit, &why)); /* The lease, at the latest. */
    SAME(TOLLGATE_LIMIT_SLOTS, why.limit);
    SAME(0, strcmp("the slots", tollgate_limit_text(why.limit)));
    SAME(0, strcmp("not a limit", tollgate_limit_text(9)));
    IS(OK, tollgate_gate_earliest(&gate, SECOND, &request, &at, &why));
    SAME(why.at_us, at);
    IS(OK, tollgate_gate_poll(&gate, SECOND, 1, &permit, &why));
    IS(OK, tollgate_gate_cancel(&gate, SECOND, &permit));
    IS(OK, tollgate_gate_finished(&gate, 2 * SECOND, 1, LINES, 2, &finished, &why));
    SAME(TOLLGATE_COST_SETTLED, finished.cost);
    IS(OK, tollgate_gate_finished(&gate, 2 * SECOND, 1, LINES, 2, &finished, &why));
    SAME(TOLLGATE_COST_REPLAYED, finished.cost);
    IS(OK, tollgate_gate_report(&gate, 2 * SECOND, 0, &report));
    SAME(60000000, report.available);
    const tollgate_line ten = {.amount = 10000000, .account = 0, .unit = TOLLGATE_UNIT_CREDITS};
    IS(OK, tollgate_gate_refund(&gate, 2 * SECOND, 1, &ten, 1, NULL, &why));
    IS(ERROR_NOT_FOUND, tollgate_gate_refund(&gate, 2 * SECOND, 2, &ten, 1, NULL, &why));
    IS(OK, tollgate_gate_report(&gate, 2 * SECOND, 0, &report));
    SAME(70000000, report.available);
    IS(OK, tollgate_gate_acknowledge(&gate, 2 * SECOND, 0, 0)); /* Two jobs together were above half. */
    IS(NOTHING, tollgate_gate_acknowledge(&gate, 2 * SECOND, 0, 0));
    IS(ERROR_NOT_FOUND, tollgate_gate_report(&gate, 2 * SECOND, 7, &report));
    IS(OK, tollgate_gate_block_until(&gate, 2 * SECOND, 9 * SECOND));
    IS(UNTIL, tollgate_gate_ask(&gate, 2 * SECOND, &request, &permit, &why));
    SAME(TOLLGATE_LIMIT_BLOCK, why.limit);
    SAME(9 * SECOND, why.at_us);
    IS(OK, tollgate_gate_next_event(&gate, 2 * SECOND, &at));
    SAME(9 * SECOND, at);
    IS(NOTHING, tollgate_gate_next_event(&gate, 9 * SECOND, &at));
}

/* Yes or no, and a program that decides by itself whether to send again. */
static void terse(void) {
    tollgate_permit permit, second = {0};
    tollgate_request request = REQUEST;
    tollgate_gate_state after;
    const uint32_t fates[4] = {TOLLGATE_FATE_UNKNOWN, TOLLGATE_FATE_RUNS, TOLLGATE_FATE_REFUSED, TOLLGATE_FATE_NOT_SENT};
    const uint32_t states[4] = {TOLLGATE_JOB_STATE_UNKNOWN, TOLLGATE_JOB_STATE_RUNNING, TOLLGATE_JOB_STATE_NONE,
                                TOLLGATE_JOB_STATE_NONE};
    request.estimate_count = 0;
    for (uint32_t each = 0; each < 4; each++) {
        IS(OK, tollgate_gate_init(&gate, &GATE, 0, &why));
        IS(OK, tollgate_gate_set_slots(&gate, 1));
        IS(OK, tollgate_gate_try_ask(&gate, 0, (request.job = 1, &request), &permit));
        IS(NOT_NOW, tollgate_gate_try_ask(&gate, 0, &request, &second)); /* It is here already. */
        IS(NOT_NOW, tollgate_gate_try_ask(&gate, 0, (request.job = 2, &request), &second));
        IS(ERROR_UNINITIALISED, tollgate_gate_sending(&gate, 0, &second)); /* There is no permit. */
        IS(ERROR_UNEXPECTED, tollgate_gate_resolved(&gate, 0, &permit, fates[each]));
        IS(OK, tollgate_gate_sending(&gate, 0, &permit));
        tollgate_permit copy = permit;
        IS(OK, tollgate_gate_resolved(&gate, 0, &permit, fates[each]));
        IS(ERROR_STALE_PERMIT, tollgate_gate_resolved(&gate, 0, &copy, fates[each]));
        SAME(states[each], state(0, 1));
        IS(OK, tollgate_gate_status(&gate, 0, &after));
        SAME(fates[each] == TOLLGATE_FATE_NOT_SENT ? 10 : 9, after.requests);
    }
}

/* What broke off, what a list says about it, and what time does to the rest. */
static void doubts(void) {
    tollgate_permit permit;
    tollgate_found found;
    tollgate_gate_state now_state;
    uint64_t job;
    uint32_t become;
    const tollgate_seen list[2] = {{.name = 700, .is_tag = 1}, {.name = 55}};
    IS(OK, tollgate_gate_init(&gate, &GATE, 0, &why));
    send(0, 7, &permit);
    answered(SECOND, &permit, (tollgate_outcome){.failure = TOLLGATE_FAILURE_BROKEN},
             (tollgate_answer){.verb = TOLLGATE_VERB_GIVE_UP, .reason = TOLLGATE_REASON_MAYBE_RUNNING});
    SAME(TOLLGATE_JOB_STATE_UNKNOWN, state(SECOND, 7));
    IS(OK, tollgate_gate_tag(&gate, 7, 700));
    IS(OK, tollgate_gate_reconcile(&gate, 3 * SECOND, 2 * SECOND, 1, list, 2, &found));
    SAME(1, found.running);
    SAME(1, found.foreign);
    IS(OK, tollgate_gate_reconcile(&gate, 5 * SECOND, 4 * SECOND, 1, NULL, 0, &found));
    SAME(1, found.needs_actual);
    IS(OK, tollgate_gate_finished(&gate, 6 * SECOND, 7, LINES, 2, NULL, &why));

    send(6 * SECOND, 8, &permit);
    answered(7 * SECOND, &permit, (tollgate_outcome){.status = 202}, (tollgate_answer){0});
    IS(NOTHING, tollgate_gate_expire(&gate, 605 * SECOND, &job, &become));
    IS(OK, tollgate_gate_expire(&gate, 606 * SECOND, &job, &become));
    SAME(8, job);
    SAME(TOLLGATE_JOB_STATE_OVERDUE, become);

    for (uint64_t each = 10; each < 12; each++) { /* Two failures open the breaker. */
        send((each + 600) * SECOND, each, &permit);
        answered((each + 600) * SECOND, &permit, (tollgate_outcome){.failure = TOLLGATE_FAILURE_NOT_SENT},
                 (tollgate_answer){.verb = TOLLGATE_VERB_RETRY_AT, .at_us = (each + 600) * SECOND});
    }
    IS(OK, tollgate_gate_status(&gate, 612 * SECOND, &now_state));
    SAME(TOLLGATE_PHASE_OPEN, now_state.breaker);
    SAME(641 * SECOND, now_state.breaker_until_us);
    SAME(4, now_state.granted);
    SAME(1, now_state.jobs[TOLLGATE_JOB_STATE_SETTLED]);
    SAME(1, now_state.jobs[TOLLGATE_JOB_STATE_OVERDUE]);
    tollgate_request request = REQUEST;
    request.job = 12;
    request.estimate_count = 0;
    IS(UNTIL, tollgate_gate_ask(&gate, 612 * SECOND, &request, &permit, &why));
    SAME(TOLLGATE_LIMIT_BREAKER, why.limit);
}

static void line(tollgate_response *response, const char *name, const char *value) {
    IS(OK, tollgate_response_line(response, (const uint8_t *)name, strlen(name), (const uint8_t *)value, strlen(value)));
}

/* What servers say, line by line. */
static void responses(void) {
    tollgate_permit permit;
    tollgate_response response;
    tollgate_outcome outcome;
    tollgate_gate_state gate_state;
    uint64_t wait;
    IS(OK, tollgate_gate_init(&gate, &GATE, 0, &why));
    send(0, 1, &permit);
    IS(OK, tollgate_response_init(&response, NULL, 0));
    line(&response, "Retry-After", "17");
    line(&response, "X-RateLimit-Remaining", "0");
    line(&response, "Content-Type", "text/plain");
    IS(OK, tollgate_response_outcome(&response, 429, -1, &outcome));
    SAME(TOLLGATE_VERDICT_SOFT, outcome.verdict);
    SAME(17 * SECOND, outcome.wait_us);
    IS(OK, tollgate_gate_heard(&gate, SECOND, &response, 429));
    IS(OK, tollgate_gate_status(&gate, SECOND, &gate_state));
    SAME(0, gate_state.requests);
    answered(SECOND, &permit, outcome, (tollgate_answer){.verb = TOLLGATE_VERB_RETRY_AT, .at_us = 18 * SECOND});
    SAME(TOLLGATE_JOB_STATE_NONE, state(SECOND, 1));

    IS(OK, tollgate_response_init(&response, (const uint8_t *)"kling", 5));
    IS(OK, tollgate_response_code(&response, 1102));
    IS(OK, tollgate_response_outcome(&response, 429, -1, &outcome));
    SAME(TOLLGATE_VERDICT_HARD_QUOTA, outcome.verdict);
    send(20 * SECOND, 2, &permit);
    answered(20 * SECOND, &permit, outcome,
             (tollgate_answer){.verb = TOLLGATE_VERB_GIVE_UP, .reason = TOLLGATE_REASON_REFUSED});

    const char date[] = "Thu, 01 Jan 2026 00:00:10 GMT";
    IS(NOTHING, tollgate_retry_after((const uint8_t *)date, sizeof date - 1, -1, &wait));
    IS(OK, tollgate_retry_after((const uint8_t *)date, sizeof date - 1, INT64_C(1767225607) * 1000000, &wait));
    SAME(3 * SECOND, wait);
    IS(OK, tollgate_response_init(&response, NULL, 0));
    line(&response, "Retry-After", "0");
    IS(OK, tollgate_response_outcome(&response, 429, -1, &outcome));
    SAME(1, outcome.at_once);
    SAME(TOLLGATE_VERDICT_SOFT, outcome.verdict);
}

int main(void) {
    limiters();
    slots_and_backoffs();
    ledgers();
    changes();
    gates();
    terse();
    doubts();
    responses();
    return 0;
}
