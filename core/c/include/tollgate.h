/**
 * @file
 * Tollgate in C. Written by `cargo xtask header` from the sources of tollgate-c: change those.
 *
 * The rules of every function are in the README of tollgate-c. In short: time is an argument, in microseconds of a clock
 * of the caller's; amounts are in millionths; handles stay where they were initialised; one call at a time for a handle.
 */


#ifndef TOLLGATE_H
#define TOLLGATE_H

#include <stddef.h>
#include <stdint.h>

/**
 * Words of 64 bits in a `tollgate_bucket`.
 */
#define TOLLGATE_BUCKET_WORDS 7

/**
 * Words of 64 bits in a `tollgate_reservation`.
 */
#define TOLLGATE_RESERVATION_WORDS 6

/**
 * What a function has done. Zero is success, above zero is an ordinary refusal, below zero is a mistake of the caller.
 * Whatever is not `TOLLGATE_STATUS_OK` has changed nothing, unless a function says otherwise.
 */
enum tollgate_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * Done.
   */
  TOLLGATE_STATUS_OK = 0,
  /**
   * Not now: the same call passes at `why->at_us`, and not a microsecond earlier.
   */
  TOLLGATE_STATUS_UNTIL = 1,
  /**
   * Not now: come back when something is released; time alone will not help.
   */
  TOLLGATE_STATUS_BUSY = 2,
  /**
   * Not ever: at most `why->amount` can pass in one call.
   */
  TOLLGATE_STATUS_NEVER = 3,
  /**
   * There is nothing to tell.
   */
  TOLLGATE_STATUS_NOTHING = 4,
  /**
   * A pointer is NULL that must not be.
   */
  TOLLGATE_STATUS_ERROR_NULL = -1,
  /**
   * A pointer is not aligned as its type asks for.
   */
  TOLLGATE_STATUS_ERROR_MISALIGNED = -2,
  /**
   * The storage holds nothing: it was not initialised, or what it held is used up.
   */
  TOLLGATE_STATUS_ERROR_UNINITIALISED = -3,
  /**
   * The storage holds a handle of another kind.
   */
  TOLLGATE_STATUS_ERROR_WRONG_KIND = -4,
  /**
   * The storage was copied or moved after it was initialised.
   */
  TOLLGATE_STATUS_ERROR_MOVED = -5,
  /**
   * A number is not one of its enumeration.
   */
  TOLLGATE_STATUS_ERROR_VALUE = -6,
  /**
   * A reservation of another limiter.
   */
  TOLLGATE_STATUS_ERROR_FOREIGN = -7,
  /**
   * A quota of zero units.
   */
  TOLLGATE_STATUS_ERROR_QUOTA_UNITS = -20,
  /**
   * A quota per zero microseconds.
   */
  TOLLGATE_STATUS_ERROR_QUOTA_PERIOD = -21,
  /**
   * A burst of zero units.
   */
  TOLLGATE_STATUS_ERROR_QUOTA_BURST = -22,
  /**
   * Burst times period is too large to be exact; `why->amount` is the largest burst.
   */
  TOLLGATE_STATUS_ERROR_QUOTA_TOO_LARGE = -23,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tollgate_status tollgate_status;
#else
typedef int32_t tollgate_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * A token bucket: so many units per period, and some of them at once. In the caller's storage, which stays where it is
 * from `tollgate_bucket_init` on.
 */
typedef struct tollgate_bucket {
  uint64_t opaque[TOLLGATE_BUCKET_WORDS];
} tollgate_bucket;

/**
 * So many units per period, and how many of them may be taken at once.
 */
typedef struct tollgate_quota {
  /**
   * Units in every period; at least 1.
   */
  uint32_t units;
  /**
   * How many may be taken at once; at least 1. 1 spaces every unit out.
   */
  uint32_t burst;
  /**
   * The period in microseconds; at least 1. Burst times period, in lowest terms, may be up to 2^62.
   */
  uint64_t per_us;
} tollgate_quota;

/**
 * Why a call was not done. Written whenever the answer is not `TOLLGATE_STATUS_OK`, and only then; what an answer does
 * not speak of is zero. Every parameter of this type may be NULL.
 */
typedef struct tollgate_why {
  /**
   * What was answered.
   */
  tollgate_status status;
  /**
   * When to come back, in microseconds of the caller's clock; `UINT64_MAX` for beyond all time.
   */
  uint64_t at_us;
  /**
   * The number that the answer speaks of.
   */
  uint64_t amount;
} tollgate_why;

/**
 * Units that are booked in a limiter and not settled yet. A value: it may be moved, but settle it once.
 */
typedef struct tollgate_reservation {
  uint64_t opaque[TOLLGATE_RESERVATION_WORDS];
} tollgate_reservation;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Makes a bucket in `bucket`, whatever was there, with `start` units in it: `UINT32_MAX` for full, 0 for empty, the safe
 * choice after a reboot without a memory.
 *
 * Errors: `TOLLGATE_STATUS_ERROR_QUOTA_...` names what is wrong with the quota.
 */
tollgate_status tollgate_bucket_init(struct tollgate_bucket *bucket,
                                     const struct tollgate_quota *quota,
                                     uint32_t start,
                                     uint64_t now_us,
                                     struct tollgate_why *why);

/**
 * Whether `cost` units could be taken now. Changes nothing.
 *
 * Refused with `TOLLGATE_STATUS_UNTIL` or `TOLLGATE_STATUS_NEVER`.
 */
tollgate_status tollgate_bucket_check(const struct tollgate_bucket *bucket,
                                      uint64_t now_us,
                                      uint64_t cost,
                                      struct tollgate_why *why);

/**
 * Takes `cost` units now, or says when they could be taken. A cost of zero always passes.
 *
 * Refused with `TOLLGATE_STATUS_UNTIL` or `TOLLGATE_STATUS_NEVER`. `now_us` may repeat or go back: older stamps never add
 * units.
 */
tollgate_status tollgate_bucket_take(struct tollgate_bucket *bucket, uint64_t now_us, uint64_t cost, struct tollgate_why *why);

/**
 * Writes how many units one call could take now to `units`.
 */
tollgate_status tollgate_bucket_available(const struct tollgate_bucket *bucket, uint64_t now_us, uint64_t *units);

/**
 * Books `cost` units for now, or for an instant at most `max_wait_us` away, which is written to `at_us`: send no earlier.
 * Settle `held` once, with `tollgate_bucket_commit`.
 *
 * Refused as `tollgate_bucket_take`; `TOLLGATE_STATUS_UNTIL` says when the same call, with the same patience, passes.
 */
tollgate_status tollgate_bucket_reserve(struct tollgate_bucket *bucket,
                                        uint64_t now_us,
                                        uint64_t cost,
                                        uint64_t max_wait_us,
                                        struct tollgate_reservation *held,
                                        uint64_t *at_us,
                                        struct tollgate_why *why);

/**
 * Replaces the units of a reservation by the `actual` ones: zero gives back what time has not given back already, more is
 * a debt that later callers pay. Uses `held` up.
 *
 * Errors: `TOLLGATE_STATUS_ERROR_UNINITIALISED` if `held` was settled before, `TOLLGATE_STATUS_ERROR_FOREIGN` if it is of
 * another limiter.
 */
tollgate_status tollgate_bucket_commit(struct tollgate_bucket *bucket,
                                       uint64_t now_us,
                                       struct tollgate_reservation *held,
                                       uint64_t actual);

/**
 * Adds `units`, for instance a refund by the server; never above the burst.
 */
tollgate_status tollgate_bucket_refund(struct tollgate_bucket *bucket, uint64_t now_us, uint64_t units);

/**
 * Changes the quota, live; `inherit` is one of `tollgate_inherit`. What is booked keeps the instants it was promised.
 *
 * Errors: `TOLLGATE_STATUS_ERROR_QUOTA_...`, `TOLLGATE_STATUS_ERROR_VALUE`.
 */
tollgate_status tollgate_bucket_set_quota(struct tollgate_bucket *bucket,
                                          uint64_t now_us,
                                          const struct tollgate_quota *quota,
                                          uint32_t inherit,
                                          struct tollgate_why *why);

/**
 * What a status means, in a few English words, lower case, for a log. Never NULL; the text lives as long as the program.
 */
const char *tollgate_status_text(int32_t status);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* TOLLGATE_H */
