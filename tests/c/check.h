/* What the C tests have in common. A check that fails names its line and ends the program. */
#ifndef CHECK_H
#define CHECK_H

#include "tollgate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000000)

/* A call and the status it must have. */
#define IS(expected, call)                                                                                             \
    do {                                                                                                               \
        const tollgate_status is_ = (call);                                                                            \
        if (is_ != TOLLGATE_STATUS_##expected) {                                                                       \
            fprintf(stderr, "%s:%d: %s is \"%s\", expected %s\n", __FILE__, __LINE__, #call,                           \
                    tollgate_status_text(is_), #expected);                                                             \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

/* Two integers that must be equal. */
#define SAME(expected, value)                                                                                          \
    do {                                                                                                               \
        const int64_t expected_ = (int64_t)(expected), value_ = (int64_t)(value);                                      \
        if (expected_ != value_) {                                                                                     \
            fprintf(stderr, "%s:%d: %s is %" PRId64 ", expected %" PRId64 "\n", __FILE__, __LINE__, #value, value_,    \
                    expected_);                                                                                        \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static const tollgate_quota QUOTA = {.units = 2, .burst = 3, .per_us = SECOND};
static const tollgate_window_config WINDOW = {.length_us = 60 * SECOND, .limit = 10};
static const tollgate_backoff_config BACKOFF = {.base_us = SECOND, .max_us = 4 * SECOND, .retries = 3};
static const tollgate_retry_config RETRY = {.retries = 2};
static const tollgate_budget BUDGETS[2] = {
    {.limit = 100000000, .unit = TOLLGATE_UNIT_CREDITS, .alerts = {50, 100}},
    {.limit = 5000000, .unit = TOLLGATE_UNIT_USD, .renewal = TOLLGATE_RENEWAL_MONTH, .day = 31},
};
static const tollgate_line LINES[2] = {
    {.amount = 40000000, .account = 0, .unit = TOLLGATE_UNIT_CREDITS},
    {.amount = 1000000, .account = 1, .unit = TOLLGATE_UNIT_USD},
};
static const tollgate_gate_config GATE = {.quota = {.units = 60, .burst = 10, .per_us = 60 * SECOND},
                                          .budgets = BUDGETS,
                                          .budget_count = 2,
                                          .breaker_open_us = 30 * SECOND,
                                          .breaker_failures = 2,
                                          .slots = 2,
                                          .start = UINT32_MAX};
static const tollgate_request REQUEST = {.job = 1,
                                         .lease_us = 600 * SECOND,
                                         .estimate = LINES,
                                         .estimate_count = 2,
                                         .weight = 1,
                                         .requests = 1};

#endif
