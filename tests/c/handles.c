/* Every function with storage that holds nothing, something else, or something that was copied: a status, and no more. */
#include "check.h"

/* Room for any handle. */
typedef union room {
    uint64_t words[1024];
    unsigned char bytes[8192];
} room;

static room bucket_room, slots_room, good_room, moved_room, zero_room, garbage_room;

/* The bad pointers for a handle that is good at `good`; `CALL` uses `handle`. */
#define STORAGE(type, good, call, pinned)                                                                              \
    do {                                                                                                               \
        type *handle = NULL;                                                                                           \
        IS(ERROR_NULL, call);                                                                                          \
        handle = (type *)(void *)&good_room.bytes[4];                                                                  \
        IS(ERROR_MISALIGNED, call);                                                                                    \
        handle = (type *)(void *)&zero_room;                                                                           \
        IS(ERROR_UNINITIALISED, call);                                                                                 \
        handle = (type *)(void *)&garbage_room;                                                                        \
        IS(ERROR_UNINITIALISED, call);                                                                                 \
        handle = (type *)(void *)(strcmp(#type, "tollgate_bucket") == 0 ? &slots_room : &bucket_room);                 \
        IS(ERROR_WRONG_KIND, call);                                                                                    \
        if (pinned) {                                                                                                  \
            memcpy(&moved_room, good, sizeof(type));                                                                   \
            handle = (type *)(void *)&moved_room;                                                                      \
            IS(ERROR_MOVED, call);                                                                                     \
        }                                                                                                              \
    } while (0)

#define HANDLE(type, good, call) STORAGE(type, good, call, 1)
#define VALUE(type, good, call) STORAGE(type, good, call, 0)

/* A plain argument that must be there: NULL and misaligned. `call` uses `it`. */
#define POINTER(type, call)                                                                                            \
    do {                                                                                                               \
        type *it = NULL;                                                                                               \
        IS(ERROR_NULL, call);                                                                                          \
        it = (type *)(void *)&good_room.bytes[1];                                                                      \
        IS(ERROR_MISALIGNED, call);                                                                                    \
    } while (0)

/* One that may be NULL: only misaligned. */
#define OPTIONAL(type, call)                                                                                           \
    do {                                                                                                               \
        type *it = (type *)(void *)&good_room.bytes[1];                                                                \
        IS(ERROR_MISALIGNED, call);                                                                                    \
    } while (0)

static tollgate_bucket bucket;
static tollgate_window window;
static tollgate_slots slots;
static tollgate_backoff backoff;
static tollgate_ledger ledger;
static tollgate_retry retry;
static tollgate_response response;
static tollgate_gate gate;
static tollgate_permit permit;
static tollgate_reservation held;
static tollgate_why why;
static tollgate_answer answer;
static tollgate_outcome outcome = {.status = 200};
static uint64_t u64;
static uint32_t u32;

static void buckets(void) {
    tollgate_bucket *const b = &bucket;
    POINTER(tollgate_bucket, tollgate_bucket_init(it, &QUOTA, 0, 0, &why));
    POINTER(const tollgate_quota, tollgate_bucket_init(b, it, 0, 0, &why));
    OPTIONAL(tollgate_why, tollgate_bucket_init(b, &QUOTA, 0, 0, it));
    IS(OK, tollgate_bucket_init(b, &QUOTA, UINT32_MAX, 0, NULL));
    HANDLE(tollgate_bucket, b, tollgate_bucket_check(handle, 0, 1, NULL));
    OPTIONAL(tollgate_why, tollgate_bucket_check(b, 0, 1, it));
    HANDLE(tollgate_bucket, b, tollgate_bucket_take(handle, 0, 1, &why));
    OPTIONAL(tollgate_why, tollgate_bucket_take(b, 0, 1, it));
    HANDLE(tollgate_bucket, b, tollgate_bucket_available(handle, 0, &u64));
    POINTER(uint64_t, tollgate_bucket_available(b, 0, it));
    HANDLE(tollgate_bucket, b, tollgate_bucket_reserve(handle, 0, 1, 0, &held, &u64, &why));
    POINTER(tollgate_reservation, tollgate_bucket_reserve(b, 0, 1, 0, it, &u64, &why));
    POINTER(uint64_t, tollgate_bucket_reserve(b, 0, 1, 0, &held, it, &why));
    OPTIONAL(tollgate_why, tollgate_bucket_reserve(b, 0, 1, 0, &held, &u64, it));
    IS(OK, tollgate_bucket_reserve(b, 0, 1, 0, &held, &u64, NULL));
    HANDLE(tollgate_bucket, b, tollgate_bucket_commit(handle, 0, &held, 1));
    VALUE(tollgate_reservation, &held, tollgate_bucket_commit(b, 0, handle, 1));
    IS(ERROR_FOREIGN, tollgate_window_commit(&window, 0, &held, 1));
    IS(OK, tollgate_bucket_commit(b, 0, &held, 1));
    IS(ERROR_UNINITIALISED, tollgate_bucket_commit(b, 0, &held, 1));
    HANDLE(tollgate_bucket, b, tollgate_bucket_refund(handle, 0, 1));
    HANDLE(tollgate_bucket, b, tollgate_bucket_set_quota(handle, 0, &QUOTA, 0, &why));
    POINTER(const tollgate_quota, tollgate_bucket_set_quota(b, 0, it, 0, &why));
    OPTIONAL(tollgate_why, tollgate_bucket_set_quota(b, 0, &QUOTA, 0, it));
    IS(OK, tollgate_bucket_available(b, 0, &u64));
    SAME(2, u64); /* Nothing of all that has taken a unit, but the one that was committed. */
}

static void windows(void) {
    tollgate_window *const w = &window;
    POINTER(tollgate_window, tollgate_window_init(it, &WINDOW, 0));
    POINTER(const tollgate_window_config, tollgate_window_init(w, it, 0));
    HANDLE(tollgate_window, w, tollgate_window_check(handle, 0, 1, NULL));
    OPTIONAL(tollgate_why, tollgate_window_check(w, 0, 1, it));
    HANDLE(tollgate_window, w, tollgate_window_take(handle, 0, 1, &why));
    OPTIONAL(tollgate_why, tollgate_window_take(w, 0, 1, it));
    HANDLE(tollgate_window, w, tollgate_window_available(handle, 0, &u64));
    POINTER(uint64_t, tollgate_window_available(w, 0, it));
    HANDLE(tollgate_window, w, tollgate_window_reserve(handle, 0, 1, 0, &held, &u64, &why));
    POINTER(tollgate_reservation, tollgate_window_reserve(w, 0, 1, 0, it, &u64, &why));
    POINTER(uint64_t, tollgate_window_reserve(w, 0, 1, 0, &held, it, &why));
    OPTIONAL(tollgate_why, tollgate_window_reserve(w, 0, 1, 0, &held, &u64, it));
    IS(OK, tollgate_window_reserve(w, 0, 1, 0, &held, &u64, NULL));
    HANDLE(tollgate_window, w, tollgate_window_commit(handle, 0, &held, 1));
    VALUE(tollgate_reservation, &held, tollgate_window_commit(w, 0, handle, 1));
    IS(ERROR_FOREIGN, tollgate_bucket_commit(&bucket, 0, &held, 1));
    HANDLE(tollgate_window, w, tollgate_window_usage(handle, 0, &u32));
    POINTER(uint32_t, tollgate_window_usage(w, 0, it));
}

static void all_slots(void) {
    tollgate_slots *const s = &slots;
    tollgate_reconciled found;
    POINTER(tollgate_slots, tollgate_slots_init(it, 2));
    HANDLE(tollgate_slots, s, tollgate_slots_open(handle, 0, 1, 1, 0, &why));
    OPTIONAL(tollgate_why, tollgate_slots_open(s, 0, 1, 1, 0, it));
    HANDLE(tollgate_slots, s, tollgate_slots_close(handle, 0, 1));
    HANDLE(tollgate_slots, s, tollgate_slots_renew(handle, 0, 1, 1));
    HANDLE(tollgate_slots, s, tollgate_slots_expire(handle, 0, &u64));
    POINTER(uint64_t, tollgate_slots_expire(s, 0, it));
    HANDLE(tollgate_slots, s, tollgate_slots_set_limit(handle, 1));
    HANDLE(tollgate_slots, s, tollgate_slots_in_flight(handle, 0, &u64));
    POINTER(uint64_t, tollgate_slots_in_flight(s, 0, it));
    HANDLE(tollgate_slots, s, tollgate_slots_reconcile(handle, 0, 0, NULL, 0, 0, &found));
    POINTER(const uint64_t, tollgate_slots_reconcile(s, 0, 0, it, 1, 0, &found));
    POINTER(tollgate_reconciled, tollgate_slots_reconcile(s, 0, 0, NULL, 0, 0, it));
}

static void backoffs(void) {
    tollgate_backoff *const b = &backoff;
    POINTER(tollgate_backoff, tollgate_backoff_init(it, &BACKOFF, 0));
    POINTER(const tollgate_backoff_config, tollgate_backoff_init(b, it, 0));
    HANDLE(tollgate_backoff, b, tollgate_backoff_next(handle, 0, 0, &u64));
    POINTER(uint64_t, tollgate_backoff_next(b, 0, 0, it));
    HANDLE(tollgate_backoff, b, tollgate_backoff_after(handle, 1, 0, 0, &u64));
    POINTER(uint64_t, tollgate_backoff_after(b, 1, 0, 0, it));
    HANDLE(tollgate_backoff, b, tollgate_backoff_reset(handle, 0));
}

static void ledgers(void) {
    tollgate_ledger *const l = &ledger;
    tollgate_report report;
    tollgate_wall wall = {.owner = 1};
    POINTER(tollgate_ledger, tollgate_ledger_init(it, BUDGETS, 2, 0, 0, &why));
    POINTER(const tollgate_budget, tollgate_ledger_init(l, it, 2, 0, 0, &why));
    OPTIONAL(tollgate_why, tollgate_ledger_init(l, BUDGETS, 2, 0, 0, it));
    HANDLE(tollgate_ledger, l, tollgate_ledger_set_wall(handle, 0, &wall, &u32));
    POINTER(const tollgate_wall, tollgate_ledger_set_wall(l, 0, it, &u32));
    POINTER(uint32_t, tollgate_ledger_set_wall(l, 0, &wall, it));
    HANDLE(tollgate_ledger, l, tollgate_ledger_check(handle, 0, LINES, 2, &why));
    POINTER(const tollgate_line, tollgate_ledger_check(l, 0, it, 1, NULL));
    OPTIONAL(tollgate_why, tollgate_ledger_check(l, 0, LINES, 2, it));
    HANDLE(tollgate_ledger, l, tollgate_ledger_reserve(handle, 0, 1, LINES, 2, 1, NULL, &why));
    POINTER(const tollgate_line, tollgate_ledger_reserve(l, 0, 1, it, 2, 1, NULL, &why));
    OPTIONAL(tollgate_receipt, tollgate_ledger_reserve(l, 0, 1, LINES, 2, 1, it, &why));
    OPTIONAL(tollgate_why, tollgate_ledger_reserve(l, 0, 1, LINES, 2, 1, NULL, it));
    HANDLE(tollgate_ledger, l, tollgate_ledger_charge(handle, 0, 1, LINES, 2, NULL, &why));
    POINTER(const tollgate_line, tollgate_ledger_charge(l, 0, 1, it, 2, NULL, &why));
    OPTIONAL(tollgate_receipt, tollgate_ledger_charge(l, 0, 1, LINES, 2, it, &why));
    HANDLE(tollgate_ledger, l, tollgate_ledger_settle(handle, 0, 1, LINES, 2, NULL, &why));
    POINTER(const tollgate_line, tollgate_ledger_settle(l, 0, 1, it, 2, NULL, &why));
    HANDLE(tollgate_ledger, l, tollgate_ledger_absorb(handle, 0, 1, LINES, 2, NULL, &why));
    POINTER(const tollgate_line, tollgate_ledger_absorb(l, 0, 1, it, 2, NULL, &why));
    HANDLE(tollgate_ledger, l, tollgate_ledger_refund(handle, 0, 1, LINES, 2, NULL, &why));
    POINTER(const tollgate_line, tollgate_ledger_refund(l, 0, 1, it, 2, NULL, &why));
    HANDLE(tollgate_ledger, l, tollgate_ledger_void(handle, 0, 1, NULL));
    OPTIONAL(tollgate_receipt, tollgate_ledger_void(l, 0, 1, it));
    HANDLE(tollgate_ledger, l, tollgate_ledger_extend(handle, 0, 1, 1, &u64));
    POINTER(uint64_t, tollgate_ledger_extend(l, 0, 1, 1, it));
    HANDLE(tollgate_ledger, l, tollgate_ledger_sending(handle, 0, 1));
    HANDLE(tollgate_ledger, l, tollgate_ledger_report(handle, 0, 0, &report));
    POINTER(tollgate_report, tollgate_ledger_report(l, 0, 0, it));
    HANDLE(tollgate_ledger, l, tollgate_ledger_acknowledge(handle, 0, 0));
    HANDLE(tollgate_ledger, l, tollgate_ledger_set_budget(handle, 0, 0, BUDGETS, &why));
    POINTER(const tollgate_budget, tollgate_ledger_set_budget(l, 0, 0, it, &why));
    OPTIONAL(tollgate_why, tollgate_ledger_set_budget(l, 0, 0, BUDGETS, it));
    IS(OK, tollgate_ledger_report(l, 0, 0, &report));
    SAME(100000000, report.available); /* Nothing of all that has taken a credit. */
}

static void responses(void) {
    tollgate_response *const r = &response;
    POINTER(tollgate_retry, tollgate_retry_init(it, &RETRY, 0));
    POINTER(const tollgate_retry_config, tollgate_retry_init(&retry, it, 0));
    IS(ERROR_NULL, tollgate_retry_after(NULL, 1, -1, &u64));
    POINTER(uint64_t, tollgate_retry_after((const uint8_t *)"7", 1, -1, it));
    POINTER(tollgate_response, tollgate_response_init(it, NULL, 0));
    HANDLE(tollgate_response, r, tollgate_response_line(handle, (const uint8_t *)"a", 1, (const uint8_t *)"b", 1));
    IS(ERROR_NULL, tollgate_response_line(r, NULL, 1, (const uint8_t *)"b", 1));
    IS(ERROR_NULL, tollgate_response_line(r, (const uint8_t *)"a", 1, NULL, 1));
    HANDLE(tollgate_response, r, tollgate_response_code(handle, 1));
    HANDLE(tollgate_response, r, tollgate_response_outcome(handle, 200, -1, &outcome));
    POINTER(tollgate_outcome, tollgate_response_outcome(r, 200, -1, it));
}

static void asking(void) {
    tollgate_gate *const g = &gate;
    POINTER(tollgate_gate, tollgate_gate_init(it, &GATE, 0, &why));
    POINTER(const tollgate_gate_config, tollgate_gate_init(g, it, 0, &why));
    OPTIONAL(tollgate_why, tollgate_gate_init(g, &GATE, 0, it));
    HANDLE(tollgate_gate, g, tollgate_gate_ask(handle, 0, &REQUEST, &permit, &why));
    POINTER(const tollgate_request, tollgate_gate_ask(g, 0, it, &permit, &why));
    POINTER(tollgate_permit, tollgate_gate_ask(g, 0, &REQUEST, it, &why));
    OPTIONAL(tollgate_why, tollgate_gate_ask(g, 0, &REQUEST, &permit, it));
    HANDLE(tollgate_gate, g, tollgate_gate_try_ask(handle, 0, &REQUEST, &permit));
    POINTER(const tollgate_request, tollgate_gate_try_ask(g, 0, it, &permit));
    POINTER(tollgate_permit, tollgate_gate_try_ask(g, 0, &REQUEST, it));
    HANDLE(tollgate_gate, g, tollgate_gate_earliest(handle, 0, &REQUEST, &u64, &why));
    POINTER(const tollgate_request, tollgate_gate_earliest(g, 0, it, &u64, &why));
    POINTER(uint64_t, tollgate_gate_earliest(g, 0, &REQUEST, it, &why));
    HANDLE(tollgate_gate, g, tollgate_gate_poll(handle, 0, 0, &permit, &why));
    POINTER(tollgate_permit, tollgate_gate_poll(g, 0, 0, it, &why));
    IS(OK, tollgate_gate_ask(g, 0, &REQUEST, &permit, NULL));
    HANDLE(tollgate_gate, g, tollgate_gate_sending(handle, 0, &permit));
    VALUE(tollgate_permit, &permit, tollgate_gate_sending(g, 0, handle));
    HANDLE(tollgate_gate, g, tollgate_gate_cancel(handle, 0, &permit));
    VALUE(tollgate_permit, &permit, tollgate_gate_cancel(g, 0, handle));
    IS(OK, tollgate_gate_sending(g, 0, &permit));
    HANDLE(tollgate_gate, g, tollgate_gate_answered(handle, 0, &permit, &outcome, &retry, 0, &answer));
    VALUE(tollgate_permit, &permit, tollgate_gate_answered(g, 0, handle, &outcome, &retry, 0, &answer));
    POINTER(const tollgate_outcome, tollgate_gate_answered(g, 0, &permit, it, &retry, 0, &answer));
    HANDLE(tollgate_retry, &retry, tollgate_gate_answered(g, 0, &permit, &outcome, handle, 0, &answer));
    POINTER(tollgate_answer, tollgate_gate_answered(g, 0, &permit, &outcome, &retry, 0, it));
    HANDLE(tollgate_gate, g, tollgate_gate_heard(handle, 0, &response, 200));
    HANDLE(tollgate_response, &response, tollgate_gate_heard(g, 0, handle, 200));
    IS(OK, tollgate_gate_answered(g, 0, &permit, &outcome, &retry, 0, &answer));
    SAME(TOLLGATE_VERB_ACCEPTED, answer.verb);
    IS(ERROR_UNINITIALISED, tollgate_gate_answered(g, 0, &permit, &outcome, &retry, 0, &answer));
    tollgate_request second = REQUEST;
    IS(OK, tollgate_gate_try_ask(g, 0, (second.job = 2, &second), &permit));
    IS(OK, tollgate_gate_sending(g, 0, &permit));
    HANDLE(tollgate_gate, g, tollgate_gate_resolved(handle, 0, &permit, TOLLGATE_FATE_REFUSED));
    VALUE(tollgate_permit, &permit, tollgate_gate_resolved(g, 0, handle, TOLLGATE_FATE_REFUSED));
    IS(OK, tollgate_gate_resolved(g, 0, &permit, TOLLGATE_FATE_REFUSED));
    IS(ERROR_UNINITIALISED, tollgate_gate_resolved(g, 0, &permit, TOLLGATE_FATE_REFUSED));
}

static void after_asking(void) {
    tollgate_gate *const g = &gate;
    tollgate_found found;
    tollgate_report report;
    tollgate_gate_state state;
    tollgate_wall wall = {.owner = 1};
    HANDLE(tollgate_gate, g, tollgate_gate_finished(handle, 0, 1, LINES, 2, NULL, &why));
    POINTER(const tollgate_line, tollgate_gate_finished(g, 0, 1, it, 2, NULL, &why));
    OPTIONAL(tollgate_finished, tollgate_gate_finished(g, 0, 1, LINES, 2, it, &why));
    OPTIONAL(tollgate_why, tollgate_gate_finished(g, 0, 1, LINES, 2, NULL, it));
    HANDLE(tollgate_gate, g, tollgate_gate_renew(handle, 0, 1, 1, &u64));
    POINTER(uint64_t, tollgate_gate_renew(g, 0, 1, 1, it));
    HANDLE(tollgate_gate, g, tollgate_gate_tag(handle, 1, 7));
    HANDLE(tollgate_gate, g, tollgate_gate_job(handle, 0, 1, &u32));
    POINTER(uint32_t, tollgate_gate_job(g, 0, 1, it));
    HANDLE(tollgate_gate, g, tollgate_gate_reconcile(handle, 0, 0, 1, NULL, 0, &found));
    POINTER(const tollgate_seen, tollgate_gate_reconcile(g, 0, 0, 1, it, 1, &found));
    POINTER(tollgate_found, tollgate_gate_reconcile(g, 0, 0, 1, NULL, 0, it));
    HANDLE(tollgate_gate, g, tollgate_gate_expire(handle, 0, &u64, &u32));
    POINTER(uint64_t, tollgate_gate_expire(g, 0, it, &u32));
    POINTER(uint32_t, tollgate_gate_expire(g, 0, &u64, it));
    HANDLE(tollgate_gate, g, tollgate_gate_next_event(handle, 0, &u64));
    POINTER(uint64_t, tollgate_gate_next_event(g, 0, it));
    HANDLE(tollgate_gate, g, tollgate_gate_set_wall(handle, 0, &wall, &u32));
    POINTER(const tollgate_wall, tollgate_gate_set_wall(g, 0, it, &u32));
    POINTER(uint32_t, tollgate_gate_set_wall(g, 0, &wall, it));
    HANDLE(tollgate_gate, g, tollgate_gate_block_until(handle, 0, 1));
    HANDLE(tollgate_gate, g, tollgate_gate_set_slots(handle, 1));
    HANDLE(tollgate_gate, g, tollgate_gate_set_quota(handle, 0, &QUOTA, 0, &why));
    POINTER(const tollgate_quota, tollgate_gate_set_quota(g, 0, it, 0, &why));
    HANDLE(tollgate_gate, g, tollgate_gate_report(handle, 0, 0, &report));
    POINTER(tollgate_report, tollgate_gate_report(g, 0, 0, it));
    HANDLE(tollgate_gate, g, tollgate_gate_refund(handle, 0, 1, LINES, 2, NULL, &why));
    POINTER(const tollgate_line, tollgate_gate_refund(g, 0, 1, it, 2, NULL, &why));
    OPTIONAL(tollgate_receipt, tollgate_gate_refund(g, 0, 1, LINES, 2, it, &why));
    HANDLE(tollgate_gate, g, tollgate_gate_acknowledge(handle, 0, 0, 0));
    HANDLE(tollgate_gate, g, tollgate_gate_set_budget(handle, 0, 0, BUDGETS, &why));
    POINTER(const tollgate_budget, tollgate_gate_set_budget(g, 0, 0, it, &why));
    OPTIONAL(tollgate_why, tollgate_gate_set_budget(g, 0, 0, BUDGETS, it));
    HANDLE(tollgate_gate, g, tollgate_gate_status(handle, 0, &state));
    POINTER(tollgate_gate_state, tollgate_gate_status(g, 0, it));
    IS(OK, tollgate_gate_status(g, 0, &state));
    SAME(1, state.jobs[TOLLGATE_JOB_STATE_RUNNING]); /* The one that was asked for runs as before. */
    SAME(2, state.slots);
}

int main(void) {
    memset(&garbage_room, 0xA5, sizeof garbage_room);
    IS(OK, tollgate_bucket_init((tollgate_bucket *)(void *)&bucket_room, &QUOTA, 0, 0, NULL));
    IS(OK, tollgate_slots_init((tollgate_slots *)(void *)&slots_room, 1));
    IS(OK, tollgate_window_init(&window, &WINDOW, 0));
    IS(OK, tollgate_slots_init(&slots, 2));
    IS(OK, tollgate_backoff_init(&backoff, &BACKOFF, 0));
    IS(OK, tollgate_ledger_init(&ledger, BUDGETS, 2, 0, 0, NULL));
    IS(OK, tollgate_retry_init(&retry, &RETRY, 0));
    IS(OK, tollgate_response_init(&response, NULL, 0));
    IS(OK, tollgate_gate_init(&gate, &GATE, 0, NULL));
    buckets();
    windows();
    all_slots();
    backoffs();
    ledgers();
    responses();
    asking();
    after_asking();
    return 0;
}
