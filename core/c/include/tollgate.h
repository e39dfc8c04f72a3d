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
 * The alignment of every handle, and of whatever else has 64-bit numbers in it.
 */
#define TOLLGATE_ALIGNMENT 8

/**
 * Words of 64 bits in a `tollgate_bucket`.
 */
#define TOLLGATE_BUCKET_WORDS 7

/**
 * Words of 64 bits in a `tollgate_reservation`.
 */
#define TOLLGATE_RESERVATION_WORDS 6

/**
 * Into how many slices a window is cut: units come back at most one slice late, never early.
 */
#define TOLLGATE_WINDOW_SLICES 60

/**
 * Words of 64 bits in a `tollgate_window`.
 */
#define TOLLGATE_WINDOW_WORDS 48

/**
 * How many jobs `tollgate_slots` has room for.
 */
#define TOLLGATE_SLOTS_JOBS 16

/**
 * The longest list of running jobs that can be given in one call.
 */
#define TOLLGATE_LIST_MAX 32

/**
 * Words of 64 bits in a `tollgate_slots`.
 */
#define TOLLGATE_SLOTS_WORDS 70

/**
 * Words of 64 bits in a `tollgate_backoff`.
 */
#define TOLLGATE_BACKOFF_WORDS 12

/**
 * How many accounts a ledger or a gate can have, and so how many lines a job.
 */
#define TOLLGATE_ACCOUNTS 4

/**
 * What the rolling budgets of a ledger or a gate share: each takes its slices and one more.
 */
#define TOLLGATE_ROLLING_SLICES 32

/**
 * How many holds of a `tollgate_ledger` can be live.
 */
#define TOLLGATE_LEDGER_HOLDS 8

/**
 * How many resolved holds a `tollgate_ledger` remembers, so that the same call again gets the same answer.
 */
#define TOLLGATE_LEDGER_REMEMBERED 8

/**
 * Words of 64 bits in a `tollgate_ledger`.
 */
#define TOLLGATE_LEDGER_WORDS 796

/**
 * Words of 64 bits in a `tollgate_retry`.
 */
#define TOLLGATE_RETRY_WORDS 25

/**
 * Words of 64 bits in a `tollgate_response`.
 */
#define TOLLGATE_RESPONSE_WORDS 142

/**
 * How many jobs a `tollgate_gate` has room for, the remembered ones included.
 */
#define TOLLGATE_GATE_JOBS 16

/**
 * How many requests of a `tollgate_gate` can be on their way at once.
 */
#define TOLLGATE_GATE_CALLS 4

/**
 * Words of 64 bits in a `tollgate_gate`.
 */
#define TOLLGATE_GATE_WORDS 517

/**
 * Words of 64 bits in a `tollgate_permit`.
 */
#define TOLLGATE_PERMIT_WORDS 5

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
   * A budget has too little left: `why->account` is short of `why->amount` millionths. The id remembers it: ask anew
   * under a new one.
   */
  TOLLGATE_STATUS_DENIED = 5,
  /**
   * A settlement does not fit: `why->account` is short of `why->amount` millionths. A live hold stays, and is posted
   * when its time is up.
   */
  TOLLGATE_STATUS_OVERAGE = 6,
  /**
   * All retries are used.
   */
  TOLLGATE_STATUS_RETRIES = 7,
  /**
   * The next sleep would end after the deadline.
   */
  TOLLGATE_STATUS_DEADLINE = 8,
  /**
   * The job is here already, in the state `why->state`: asking again would run it twice.
   */
  TOLLGATE_STATUS_KNOWN = 9,
  /**
   * The job may be running, and its request must not be carried out twice.
   */
  TOLLGATE_STATUS_MAYBE_RUNNING = 10,
  /**
   * Not now; nobody has asked why, or when.
   */
  TOLLGATE_STATUS_NOT_NOW = 11,
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
   * A number is not one of its enumeration, or a flag is neither 0 nor 1.
   */
  TOLLGATE_STATUS_ERROR_VALUE = -6,
  /**
   * A reservation of another limiter.
   */
  TOLLGATE_STATUS_ERROR_FOREIGN = -7,
  /**
   * A list is longer than it may be.
   */
  TOLLGATE_STATUS_ERROR_TOO_MANY = -8,
  /**
   * An amount is below zero.
   */
  TOLLGATE_STATUS_ERROR_NEGATIVE = -9,
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
   * Burst times period is too large to be exact: at most `why->amount`.
   */
  TOLLGATE_STATUS_ERROR_QUOTA_TOO_LARGE = -23,
  /**
   * A window with a limit of zero.
   */
  TOLLGATE_STATUS_ERROR_WINDOW_LIMIT = -24,
  /**
   * A window whose length is zero, or no whole number of microseconds for each of its slices.
   */
  TOLLGATE_STATUS_ERROR_WINDOW_LENGTH = -25,
  /**
   * A backoff whose base is above its max.
   */
  TOLLGATE_STATUS_ERROR_BACKOFF_BASE = -26,
  /**
   * A backoff whose factor is below 1000 permille.
   */
  TOLLGATE_STATUS_ERROR_BACKOFF_GROWTH = -27,
  /**
   * A jitter that is not one of its enumeration, or whose range is empty.
   */
  TOLLGATE_STATUS_ERROR_BACKOFF_JITTER = -28,
  /**
   * More budgets than there are places.
   */
  TOLLGATE_STATUS_ERROR_BUDGET_COUNT = -29,
  /**
   * The unit of budget `why->account` is not one of its enumeration.
   */
  TOLLGATE_STATUS_ERROR_BUDGET_UNIT = -30,
  /**
   * The renewal of budget `why->account` is not one of its enumeration.
   */
  TOLLGATE_STATUS_ERROR_BUDGET_RENEWAL = -31,
  /**
   * The limit of budget `why->account` is below zero.
   */
  TOLLGATE_STATUS_ERROR_BUDGET_LIMIT = -32,
  /**
   * The soft limit of budget `why->account` is below zero.
   */
  TOLLGATE_STATUS_ERROR_BUDGET_SOFT = -33,
  /**
   * The overage of budget `why->account` is not one of its enumeration, or its debt is below zero or, with the limit,
   * above `INT64_MAX`.
   */
  TOLLGATE_STATUS_ERROR_BUDGET_OVERAGE = -34,
  /**
   * The offset of budget `why->account` is outside of -1440 to 1440 minutes.
   */
  TOLLGATE_STATUS_ERROR_BUDGET_OFFSET = -35,
  /**
   * The day of budget `why->account` is outside of 0 to 31, or of 0 to 6.
   */
  TOLLGATE_STATUS_ERROR_BUDGET_DAY = -36,
  /**
   * The window of budget `why->account` does not divide into 1 to 4096 slices, or there are too few left for it.
   */
  TOLLGATE_STATUS_ERROR_BUDGET_WINDOW = -37,
  /**
   * The alerts of budget `why->account` are not ascending.
   */
  TOLLGATE_STATUS_ERROR_BUDGET_ALERTS = -38,
  /**
   * A breaker that opens for no time.
   */
  TOLLGATE_STATUS_ERROR_BREAKER = -39,
  /**
   * A time to send or to answer that is zero.
   */
  TOLLGATE_STATUS_ERROR_PATIENCE = -40,
  /**
   * No job or hold has this id, or it is no longer remembered.
   */
  TOLLGATE_STATUS_ERROR_NOT_FOUND = -60,
  /**
   * The job has a slot already.
   */
  TOLLGATE_STATUS_ERROR_ALREADY_OPEN = -61,
  /**
   * The permit is not one of a request under way: used up, cancelled, or not sent in time.
   */
  TOLLGATE_STATUS_ERROR_STALE_PERMIT = -62,
  /**
   * This does not happen to a job in the state `why->state`.
   */
  TOLLGATE_STATUS_ERROR_UNEXPECTED = -63,
  /**
   * The id was used before for other amounts.
   */
  TOLLGATE_STATUS_ERROR_MISMATCH = -64,
  /**
   * Settled already, at another amount.
   */
  TOLLGATE_STATUS_ERROR_ALREADY_POSTED = -65,
  /**
   * Voided already.
   */
  TOLLGATE_STATUS_ERROR_ALREADY_VOIDED = -66,
  /**
   * Not settled yet, so that nothing can be refunded.
   */
  TOLLGATE_STATUS_ERROR_NOT_POSTED = -67,
  /**
   * The hold's time is up.
   */
  TOLLGATE_STATUS_ERROR_EXPIRED = -68,
  /**
   * All the places for holds are taken by live ones.
   */
  TOLLGATE_STATUS_ERROR_FULL = -69,
  /**
   * Line `why->line` is in another unit than its account.
   */
  TOLLGATE_STATUS_ERROR_LINE_UNIT = -70,
  /**
   * Line `why->line` names an account that is not there, or is not part of the job.
   */
  TOLLGATE_STATUS_ERROR_LINE_ACCOUNT = -71,
  /**
   * Line `why->line` names an account a second time.
   */
  TOLLGATE_STATUS_ERROR_LINE_REPEATED = -72,
  /**
   * No line for `why->account`; say zero if it is zero.
   */
  TOLLGATE_STATUS_ERROR_LINE_MISSING = -73,
  /**
   * Line `why->line` refunds more than the `why->amount` millionths left.
   */
  TOLLGATE_STATUS_ERROR_LINE_REFUND = -74,
  /**
   * Something that this version of the interface has no name for.
   */
  TOLLGATE_STATUS_ERROR_OTHER = -99,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tollgate_status tollgate_status;
#else
typedef int32_t tollgate_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Which limit of a gate binds.
 */
enum tollgate_limit
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * None, or not of a gate.
   */
  TOLLGATE_LIMIT_NONE = 0,
  /**
   * The server has closed the gate.
   */
  TOLLGATE_LIMIT_BLOCK = 1,
  /**
   * The rate of requests.
   */
  TOLLGATE_LIMIT_REQUESTS = 2,
  /**
   * The strict window of requests.
   */
  TOLLGATE_LIMIT_WINDOW = 3,
  /**
   * Too many jobs at once.
   */
  TOLLGATE_LIMIT_SLOTS = 4,
  /**
   * The table of jobs is full.
   */
  TOLLGATE_LIMIT_JOBS = 5,
  /**
   * Too many requests on their way at once.
   */
  TOLLGATE_LIMIT_CALLS = 6,
  /**
   * The account `why->account`; amounts are in millionths.
   */
  TOLLGATE_LIMIT_MONEY = 7,
  /**
   * The breaker is open.
   */
  TOLLGATE_LIMIT_BREAKER = 8,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tollgate_limit tollgate_limit;
#else
typedef uint32_t tollgate_limit;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Where a job of a gate stands.
 */
enum tollgate_job_state
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * It is not here: never asked for, free again, or forgotten.
   */
  TOLLGATE_JOB_STATE_NONE = 0,
  /**
   * It has a permit that is not sent yet.
   */
  TOLLGATE_JOB_STATE_ASKED = 1,
  /**
   * Its request is under way.
   */
  TOLLGATE_JOB_STATE_SENT = 2,
  /**
   * Its request broke off: nobody knows whether it runs. Slot and money stay.
   */
  TOLLGATE_JOB_STATE_UNKNOWN = 3,
  /**
   * The server has accepted it. Slot and money stay.
   */
  TOLLGATE_JOB_STATE_RUNNING = 4,
  /**
   * The server no longer lists it, and nobody has said what it cost. The money stays.
   */
  TOLLGATE_JOB_STATE_NEEDS_ACTUAL = 5,
  /**
   * Its lease is over: its slot is free, its money is posted, and the first word about its cost corrects it.
   */
  TOLLGATE_JOB_STATE_OVERDUE = 6,
  /**
   * It is paid for.
   */
  TOLLGATE_JOB_STATE_SETTLED = 7,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tollgate_job_state tollgate_job_state;
#else
typedef uint32_t tollgate_job_state;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a bucket keeps of its level when its quota changes.
 */
enum tollgate_inherit
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * The new burst less what is used; never more than before. A debt if more is used.
   */
  TOLLGATE_INHERIT_KEEP_USED = 0,
  /**
   * The level stays, at most the new burst.
   */
  TOLLGATE_INHERIT_AS_IS = 1,
  /**
   * The share of the burst stays.
   */
  TOLLGATE_INHERIT_PROPORTIONAL = 2,
  /**
   * The level stays, and what the burst has grown is added.
   */
  TOLLGATE_INHERIT_ADDITIVE = 3,
  /**
   * Full.
   */
  TOLLGATE_INHERIT_RESET = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tollgate_inherit tollgate_inherit;
#else
typedef uint32_t tollgate_inherit;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How a delay is spread, so that many clients do not come back at once.
 */
enum tollgate_jitter
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * Not at all.
   */
  TOLLGATE_JITTER_NONE = 0,
  /**
   * Between 0 and the delay.
   */
  TOLLGATE_JITTER_FULL = 1,
  /**
   * Between half of the delay and the delay.
   */
  TOLLGATE_JITTER_EQUAL = 2,
  /**
   * Between the base and three times the previous delay; the growth is not used.
   */
  TOLLGATE_JITTER_DECORRELATED = 3,
  /**
   * Between `jitter_from` and `jitter_to` permille of the delay.
   */
  TOLLGATE_JITTER_RANGE = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tollgate_jitter tollgate_jitter;
#else
typedef uint32_t tollgate_jitter;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What an amount counts. Amounts are in millionths of it, from 0 to `INT64_MAX`.
 */
enum tollgate_unit
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * Credits of a provider.
   */
  TOLLGATE_UNIT_CREDITS = 0,
  /**
   * United States dollars; a millionth is a ten-thousandth of a cent.
   */
  TOLLGATE_UNIT_USD = 1,
  /**
   * Seconds on the air; a millionth is a microsecond.
   */
  TOLLGATE_UNIT_AIRTIME = 2,
  /**
   * Bytes, in millionths as every unit.
   */
  TOLLGATE_UNIT_BYTES = 3,
  /**
   * Something else, which does not mix with the others.
   */
  TOLLGATE_UNIT_OTHER = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tollgate_unit tollgate_unit;
#else
typedef uint32_t tollgate_unit;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * When a budget starts afresh.
 */
enum tollgate_renewal
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * Never.
   */
  TOLLGATE_RENEWAL_LIFETIME = 0,
  /**
   * At midnight, `offset_minutes` from UTC.
   */
  TOLLGATE_RENEWAL_DAY = 1,
  /**
   * At midnight at the start of this `day` of the week, 0 for Monday.
   */
  TOLLGATE_RENEWAL_WEEK = 2,
  /**
   * At midnight at the start of this `day` of the month, 1 to 31, or of its last one; 0 for the first.
   */
  TOLLGATE_RENEWAL_MONTH = 3,
  /**
   * Never at once: what was used comes back when it is `window_us` old.
   */
  TOLLGATE_RENEWAL_ROLLING = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tollgate_renewal tollgate_renewal;
#else
typedef uint32_t tollgate_renewal;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What happens to a settlement that is higher than its hold and does not fit.
 */
enum tollgate_overage
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * It is refused, and the caller decides.
   */
  TOLLGATE_OVERAGE_REJECT = 0,
  /**
   * What fits is posted, the rest is unaccounted, and nothing new is admitted until the next period or a refund.
   */
  TOLLGATE_OVERAGE_CAP = 1,
  /**
   * It is a debt, up to `debt` in all; above that it is refused.
   */
  TOLLGATE_OVERAGE_DEBT = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tollgate_overage tollgate_overage;
#else
typedef uint32_t tollgate_overage;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What became of a word about the time.
 */
enum tollgate_heard
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * The date is known from now on, or known anew.
   */
  TOLLGATE_HEARD_LEARNED = 0,
  /**
   * It agrees with what was believed.
   */
  TOLLGATE_HEARD_AGREED = 1,
  /**
   * It differs by more than the errors allow, but not by a jump: followed.
   */
  TOLLGATE_HEARD_STEPPED = 2,
  /**
   * It is a jump, or the first of two: nothing is known until it is confirmed.
   */
  TOLLGATE_HEARD_UNCONFIRMED = 3,
  /**
   * It cannot be: ignored.
   */
  TOLLGATE_HEARD_IGNORED = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tollgate_heard tollgate_heard;
#else
typedef uint32_t tollgate_heard;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Whether a request may be carried out twice.
 */
enum tollgate_repeatable
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * No: a POST that starts a job, and bills it.
   */
  TOLLGATE_REPEATABLE_NO = 0,
  /**
   * Its method is idempotent: GET, HEAD, PUT, DELETE.
   */
  TOLLGATE_REPEATABLE_IDEMPOTENT = 1,
  /**
   * It carries an idempotency key, the same for every attempt.
   */
  TOLLGATE_REPEATABLE_KEYED = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tollgate_repeatable tollgate_repeatable;
#else
typedef uint32_t tollgate_repeatable;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Why there was no answer.
 */
enum tollgate_failure
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * There was one.
   */
  TOLLGATE_FAILURE_NONE = 0,
  /**
   * Nothing was sent: no address, no connection.
   */
  TOLLGATE_FAILURE_NOT_SENT = 1,
  /**
   * It was sent and certainly not carried out: HTTP/2 `REFUSED_STREAM`.
   */
  TOLLGATE_FAILURE_NOT_PROCESSED = 2,
  /**
   * It broke off after sending, or timed out: nobody knows.
   */
  TOLLGATE_FAILURE_BROKEN = 3,
  /**
   * A bad certificate, or cancelled by the caller: no use in trying.
   */
  TOLLGATE_FAILURE_FINAL = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tollgate_failure tollgate_failure;
#else
typedef uint32_t tollgate_failure;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a response means for whoever sends requests.
 */
enum tollgate_verdict
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * As the status says: 429 is a refusal for the rate, 503 and 529 are an overload, all others say nothing.
   */
  TOLLGATE_VERDICT_BY_STATUS = 0,
  /**
   * No limit was hit.
   */
  TOLLGATE_VERDICT_CLEAR = 1,
  /**
   * Too fast, and the server said how long to wait.
   */
  TOLLGATE_VERDICT_SOFT = 2,
  /**
   * Too fast, and the server did not say how long to wait.
   */
  TOLLGATE_VERDICT_BLIND = 3,
  /**
   * Too many at the same time: one must end first.
   */
  TOLLGATE_VERDICT_CONCURRENCY = 4,
  /**
   * Paid for, entitled to or allowed no more: a wait will not help.
   */
  TOLLGATE_VERDICT_HARD_QUOTA = 5,
  /**
   * The server has more than it can do.
   */
  TOLLGATE_VERDICT_OVERLOADED = 6,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tollgate_verdict tollgate_verdict;
#else
typedef uint32_t tollgate_verdict;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What has become of a request that was sent, for `tollgate_gate_resolved`. Zero is what is safe to believe.
 */
enum tollgate_fate
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * It broke off: nobody knows whether the job runs.
   */
  TOLLGATE_FATE_UNKNOWN = 0,
  /**
   * The server has accepted it: the job runs, and keeps slot and money.
   */
  TOLLGATE_FATE_RUNS = 1,
  /**
   * The server has refused it: the job is free, and the request counts.
   */
  TOLLGATE_FATE_REFUSED = 2,
  /**
   * It has not reached the server after all: everything returns.
   */
  TOLLGATE_FATE_NOT_SENT = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tollgate_fate tollgate_fate;
#else
typedef uint32_t tollgate_fate;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What becomes of a request and its job.
 */
enum tollgate_verb
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * The job runs: slot and money stay until it is finished.
   */
  TOLLGATE_VERB_ACCEPTED = 0,
  /**
   * The answer is final, and no job runs because of it: what it held is free.
   */
  TOLLGATE_VERB_DONE = 1,
  /**
   * The job was finished before its answer came.
   */
  TOLLGATE_VERB_FINISHED = 2,
  /**
   * Ask again at `at_us`.
   */
  TOLLGATE_VERB_RETRY_AT = 3,
  /**
   * Ask again when a job has ended, but not before `at_us`.
   */
  TOLLGATE_VERB_RETRY_ON_RELEASE = 4,
  /**
   * It should be sent again, but not by us: see `reason`.
   */
  TOLLGATE_VERB_GIVE_UP = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tollgate_verb tollgate_verb;
#else
typedef uint32_t tollgate_verb;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Why a call is not sent again.
 */
enum tollgate_reason
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * It is, or it is over.
   */
  TOLLGATE_REASON_NONE = 0,
  /**
   * A wait will not help: billing, entitlement, or the server said so.
   */
  TOLLGATE_REASON_REFUSED = 1,
  /**
   * It may have been carried out, and must not be twice. The job keeps slot and money until somebody knows.
   */
  TOLLGATE_REASON_MAYBE_RUNNING = 2,
  /**
   * All retries are used.
   */
  TOLLGATE_REASON_RETRIES = 3,
  /**
   * The wait would end after the deadline.
   */
  TOLLGATE_REASON_DEADLINE = 4,
  /**
   * The server asks for more than we wait; it says that it is free again at `at_us`.
   */
  TOLLGATE_REASON_TOO_LONG = 5,
  /**
   * So many calls failed lately that retrying would make it worse.
   */
  TOLLGATE_REASON_QUOTA = 6,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tollgate_reason tollgate_reason;
#else
typedef uint32_t tollgate_reason;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How the last word about a job was taken.
 */
enum tollgate_cost
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * It replaces what the job held.
   */
  TOLLGATE_COST_SETTLED = 0,
  /**
   * Its lease was over and its hold posted: that is corrected.
   */
  TOLLGATE_COST_CORRECTED = 1,
  /**
   * Nobody remembers the job: a fresh charge. It may be the second for this job.
   */
  TOLLGATE_COST_LATE = 2,
  /**
   * Said before: nothing has changed.
   */
  TOLLGATE_COST_REPLAYED = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tollgate_cost tollgate_cost;
#else
typedef uint32_t tollgate_cost;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Where the breaker of a gate stands.
 */
enum tollgate_phase
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * It lets everything through, or there is none.
   */
  TOLLGATE_PHASE_CLOSED = 0,
  /**
   * It lets nothing through before `breaker_until_us`.
   */
  TOLLGATE_PHASE_OPEN = 1,
  /**
   * It lets a probe through.
   */
  TOLLGATE_PHASE_HALF_OPEN = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tollgate_phase tollgate_phase;
#else
typedef uint32_t tollgate_phase;
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
   * Which limit of a gate binds, one of `tollgate_limit`.
   */
  uint32_t limit;
  /**
   * The account, by its position in the configuration.
   */
  uint32_t account;
  /**
   * The line, by its position in the call.
   */
  uint32_t line;
  /**
   * Where the job stands, one of `tollgate_job_state`.
   */
  uint32_t state;
  /**
   * When to come back, in microseconds of the caller's clock; `UINT64_MAX` for beyond all time.
   */
  uint64_t at_us;
  /**
   * The number that the status speaks of.
   */
  uint64_t amount;
} tollgate_why;

/**
 * Units that are booked in a limiter and not settled yet. A value: it may be moved, but settle it once.
 */
typedef struct tollgate_reservation {
  uint64_t opaque[TOLLGATE_RESERVATION_WORDS];
} tollgate_reservation;

/**
 * A sliding window: never more than its limit in any stretch of its length. In the caller's storage, which stays where it
 * is from `tollgate_window_init` on.
 */
typedef struct tollgate_window {
  uint64_t opaque[TOLLGATE_WINDOW_WORDS];
} tollgate_window;

/**
 * What a window keeps.
 */
typedef struct tollgate_window_config {
  /**
   * The length in microseconds; a multiple of `TOLLGATE_WINDOW_SLICES`.
   */
  uint64_t length_us;
  /**
   * How long a reservation counts that is never settled, in microseconds; 0 for ever.
   */
  uint64_t lease_us;
  /**
   * Units in any stretch of the length; at least 1.
   */
  uint32_t limit;
  /**
   * 1 to start as if the limit had been used up this instant: the safe choice after a reboot without a memory, and what
   * a duty cycle needs. 0 to start empty.
   */
  uint32_t used_up;
} tollgate_window_config;

/**
 * Weighted concurrency. In the caller's storage, which stays where it is from `tollgate_slots_init` on.
 */
typedef struct tollgate_slots {
  uint64_t opaque[TOLLGATE_SLOTS_WORDS];
} tollgate_slots;

/**
 * What a reconciliation of slots has found.
 */
typedef struct tollgate_reconciled {
  /**
   * Jobs of ours that no longer run; their slots are free.
   */
  uint32_t closed;
  /**
   * Running jobs that we do not know; each counts as weight 1 until the next reconciliation.
   */
  uint32_t foreign;
} tollgate_reconciled;

/**
 * The delays of one call and its retries. In the caller's storage, which stays where it is from `tollgate_backoff_init`
 * on.
 */
typedef struct tollgate_backoff {
  uint64_t opaque[TOLLGATE_BACKOFF_WORDS];
} tollgate_backoff;

/**
 * How to back off.
 */
typedef struct tollgate_backoff_config {
  /**
   * The first delay in microseconds; 0 for "at once, every time".
   */
  uint64_t base_us;
  /**
   * The largest delay in microseconds, jitter included; not below the base.
   */
  uint64_t max_us;
  /**
   * No sleep ends later than this after the start, in microseconds; 0 for no such end.
   */
  uint64_t deadline_us;
  /**
   * Each delay is so many permille of the one before; 0 for 2000, which doubles.
   */
  uint32_t growth_permille;
  /**
   * How many delays at most; 0 for one call and no delay.
   */
  uint32_t retries;
  /**
   * One of `tollgate_jitter`.
   */
  uint32_t jitter;
  /**
   * For `TOLLGATE_JITTER_RANGE`, in permille.
   */
  uint16_t jitter_from;
  /**
   * For `TOLLGATE_JITTER_RANGE`, in permille; not below `jitter_from`.
   */
  uint16_t jitter_to;
} tollgate_backoff_config;

/**
 * Budgets that are charged together, all of them or none. In the caller's storage, which stays where it is from
 * `tollgate_ledger_init` on.
 */
typedef struct tollgate_ledger {
  uint64_t opaque[TOLLGATE_LEDGER_WORDS];
} tollgate_ledger;

/**
 * A budget. What is zero is off.
 */
typedef struct tollgate_budget {
  /**
   * The most that may be used in a period, in millionths; 0 always refuses.
   */
  int64_t limit;
  /**
   * What is admitted above this is marked, in millionths; 0 for no mark.
   */
  int64_t soft;
  /**
   * The largest debt for `TOLLGATE_OVERAGE_DEBT`, in millionths; with the limit at most `INT64_MAX`.
   */
  int64_t debt;
  /**
   * The window of a rolling budget in microseconds, a multiple of `slices`.
   */
  uint64_t window_us;
  /**
   * One of `tollgate_unit`.
   */
  uint32_t unit;
  /**
   * One of `tollgate_renewal`.
   */
  uint32_t renewal;
  /**
   * One of `tollgate_overage`.
   */
  uint32_t overage;
  /**
   * Into how many slices the window of a rolling budget is cut; it is never over, and one slice stricter at most.
   */
  uint16_t slices;
  /**
   * Where midnight is: minutes east of UTC, -1440 to 1440.
   */
  int16_t offset_minutes;
  /**
   * The day of the week or month on which a period starts.
   */
  uint8_t day;
  /**
   * Alerts at these percent of the limit, ascending; 0 for none. Each fires once, and again after the usage has fallen
   * 5 percent below it.
   */
  uint8_t alerts[4];
} tollgate_budget;

/**
 * What a wall clock says, for budgets with a calendar.
 */
typedef struct tollgate_wall {
  /**
   * Microseconds since 1970-01-01T00:00:00Z.
   */
  int64_t unix_us;
  /**
   * How wrong that may be, in microseconds.
   */
  uint64_t error_us;
  /**
   * 1 if it is the owner's word: a clock that keeps its power, authenticated network time, a person. Believed at once. 0
   * for a stranger's, such as the `Date` of a response: believed when a second one at least 60 s later agrees.
   */
  uint32_t owner;
} tollgate_wall;

/**
 * So much from one account.
 */
typedef struct tollgate_line {
  /**
   * How much, in millionths of the unit; from 0 to `INT64_MAX`.
   */
  int64_t amount;
  /**
   * The account, by its position in the configuration.
   */
  uint32_t account;
  /**
   * The unit of the amount, one of `tollgate_unit`: that of the account.
   */
  uint32_t unit;
} tollgate_line;

/**
 * What a call on accounts did. Sets of lines have one bit each, the first the lowest.
 */
typedef struct tollgate_receipt {
  /**
   * 1 if the same call was answered before, and nothing has changed.
   */
  uint32_t replayed;
  /**
   * Lines that were admitted above the soft limit.
   */
  uint32_t soft;
  /**
   * Lines that were settled above their hold.
   */
  uint32_t beyond;
  /**
   * Lines of which a part could not be booked, and is unaccounted.
   */
  uint32_t missed;
  /**
   * Lines refunded, at least in part, to a period that is closed: recorded, and nothing is free because of it.
   */
  uint32_t closed;
} tollgate_receipt;

/**
 * Where an account stands. Amounts in millionths of its unit.
 */
typedef struct tollgate_report {
  /**
   * The limit of a period.
   */
  uint64_t limit;
  /**
   * What was settled or charged in this period.
   */
  uint64_t posted;
  /**
   * What live holds have set aside in it.
   */
  uint64_t held;
  /**
   * What was used above the limit and is counted against what is available.
   */
  uint64_t debt;
  /**
   * What one call could take now.
   */
  uint64_t available;
  /**
   * What was posted in the period before.
   */
  uint64_t previous;
  /**
   * What was used and could not be booked.
   */
  uint64_t unaccounted;
  /**
   * Posted and held of the limit, in permille, rounded down.
   */
  uint32_t permille;
  /**
   * The calendar period's number; 0 without a calendar.
   */
  int32_t period;
  /**
   * Alerts that have fired, one bit each, the first the lowest; in a ledger until they are acknowledged.
   */
  uint32_t alerts;
  /**
   * 1 if a cap was exceeded: nothing is admitted until the next period or a refund.
   */
  uint32_t closed;
  /**
   * 1 if the soft limit is exceeded.
   */
  uint32_t soft;
  /**
   * 1 for a calendar budget whose date is not known: it does not roll.
   */
  uint32_t frozen;
} tollgate_report;

/**
 * One call and its attempts. In the caller's storage, which stays where it is from `tollgate_retry_init` on.
 */
typedef struct tollgate_retry {
  uint64_t opaque[TOLLGATE_RETRY_WORDS];
} tollgate_retry;

/**
 * How a call is retried: full jitter from 1 s to 60 s after a refusal that named no delay, from 100 ms to 20 s after an
 * error, a fifth of spread on what a server says, at most ten minutes of it.
 */
typedef struct tollgate_retry_config {
  /**
   * No sleep ends later than this after the start, in microseconds; 0 for no such end.
   */
  uint64_t deadline_us;
  /**
   * The longest wait that a server can impose, in microseconds; 0 for ten minutes.
   */
  uint64_t max_block_us;
  /**
   * How often to send again at most; 0 for never.
   */
  uint32_t retries;
  /**
   * One of `tollgate_repeatable`.
   */
  uint32_t repeatable;
} tollgate_retry_config;

/**
 * The header lines of one response, as far as they speak of limits. In the caller's storage, which stays where it is from
 * `tollgate_response_init` on.
 */
typedef struct tollgate_response {
  uint64_t opaque[TOLLGATE_RESPONSE_WORDS];
} tollgate_response;

/**
 * How a request ended. All zero but `status` is what a plain response says.
 */
typedef struct tollgate_outcome {
  /**
   * How long the server asked to stay back, in microseconds; 0 if it did not, unless `at_once` is 1.
   */
  uint64_t wait_us;
  /**
   * One of `tollgate_failure`. If it is not `TOLLGATE_FAILURE_NONE`, nothing else counts.
   */
  uint32_t failure;
  /**
   * One of `tollgate_verdict`.
   */
  uint32_t verdict;
  /**
   * 1 if the server said to retry, -1 if it said not to, 0 if it said neither.
   */
  int32_t should_retry;
  /**
   * 1 if the server said in so many words that there is nothing to wait for.
   */
  uint32_t at_once;
  /**
   * The HTTP status, at least 100.
   */
  uint16_t status;
} tollgate_outcome;

/**
 * Every limit of one upstream: requests, slots, accounts, a breaker, the server's word. In the caller's storage, which
 * stays where it is from `tollgate_gate_init` on.
 */
typedef struct tollgate_gate {
  uint64_t opaque[TOLLGATE_GATE_WORDS];
} tollgate_gate;

/**
 * What a gate keeps. What is zero is off or usual, but for the quota, which there must be.
 */
typedef struct tollgate_gate_config {
  /**
   * Requests, by rate.
   */
  struct tollgate_quota quota;
  /**
   * An account for each of these, known by its position. They are copied. May be NULL if there are none.
   */
  const struct tollgate_budget *budgets;
  /**
   * How many there are, at most `TOLLGATE_ACCOUNTS`.
   */
  size_t budget_count;
  /**
   * How long the breaker stays open before it lets a probe through, in microseconds.
   */
  uint64_t breaker_open_us;
  /**
   * So many failures in a row open the breaker; 0 for no breaker.
   */
  uint32_t breaker_failures;
  /**
   * How many jobs may run at once, by weight; 0 for no limit.
   */
  uint32_t slots;
  /**
   * Requests that are there at the start; `UINT32_MAX` for the whole burst, 0 after a reboot without a memory.
   */
  uint32_t start;
  /**
   * A permit that is not sent within this is void, in microseconds; 0 for 30 s.
   */
  uint64_t to_send_us;
  /**
   * A request that is not answered within this is lost, in microseconds; 0 for two minutes.
   */
  uint64_t to_answer_us;
  /**
   * The longest that a server can close the gate for, in microseconds; 0 for an hour.
   */
  uint64_t max_block_us;
} tollgate_gate_config;

/**
 * One request for a permit.
 */
typedef struct tollgate_request {
  /**
   * The caller's name for the job.
   */
  uint64_t job;
  /**
   * How long the job may run from its sending unless it is renewed, in microseconds; 0 for ever.
   */
  uint64_t lease_us;
  /**
   * About what it will cost, a line for each account. May be NULL if it costs nothing.
   */
  const struct tollgate_line *estimate;
  /**
   * How many lines, at most `TOLLGATE_ACCOUNTS`.
   */
  size_t estimate_count;
  /**
   * How many slots it takes; usually 1, 0 for none.
   */
  uint32_t weight;
  /**
   * How many requests it counts as; usually 1.
   */
  uint32_t requests;
  /**
   * One of `tollgate_repeatable`: whether it may be sent again while nobody knows whether it runs.
   */
  uint32_t repeatable;
  /**
   * How often it was sent before.
   */
  uint32_t attempt;
} tollgate_request;

/**
 * The permission to send one request, now. A value: it may be moved and copied, and is used up once.
 */
typedef struct tollgate_permit {
  uint64_t opaque[TOLLGATE_PERMIT_WORDS];
} tollgate_permit;

/**
 * What to do now.
 */
typedef struct tollgate_answer {
  /**
   * When, in microseconds of the caller's clock; 0 if it says nothing.
   */
  uint64_t at_us;
  /**
   * One of `tollgate_verb`.
   */
  uint32_t verb;
  /**
   * One of `tollgate_reason`.
   */
  uint32_t reason;
} tollgate_answer;

/**
 * What the end of a job did.
 */
typedef struct tollgate_finished {
  /**
   * One of `tollgate_cost`.
   */
  uint32_t cost;
  /**
   * What the accounts did, with what could not be booked.
   */
  struct tollgate_receipt receipt;
} tollgate_finished;

/**
 * One entry of the provider's list of running jobs.
 */
typedef struct tollgate_seen {
  /**
   * The job by our name, or by the provider's, as `tollgate_gate_tag` was told.
   */
  uint64_t name;
  /**
   * 1 if it is the provider's.
   */
  uint32_t is_tag;
} tollgate_seen;

/**
 * What a reconciliation found; counts of jobs.
 */
typedef struct tollgate_found {
  /**
   * They were unknown, and run.
   */
  uint32_t running;
  /**
   * They were unknown, and do not run: two complete lists did not have them. Slot and money are free.
   */
  uint32_t freed;
  /**
   * They ran and do not any more: their slots are free, and what they cost is to be said.
   */
  uint32_t needs_actual;
  /**
   * What runs without a slot of ours.
   */
  uint32_t foreign;
} tollgate_found;

/**
 * Where a gate stands. Every counter saturates.
 */
typedef struct tollgate_gate_state {
  /**
   * Closed by the server until then, in microseconds; 0 while open.
   */
  uint64_t blocked_until_us;
  /**
   * When the breaker lets the first probe through, in microseconds; 0 unless it is open.
   */
  uint64_t breaker_until_us;
  /**
   * Requests that could go now.
   */
  uint64_t requests;
  /**
   * The weight that is taken, by jobs of ours and by strangers.
   */
  uint64_t in_flight;
  /**
   * The limit on slots.
   */
  uint32_t slots;
  /**
   * Requests between permit and answer.
   */
  uint32_t calls;
  /**
   * How many jobs stand where, by `tollgate_job_state`.
   */
  uint32_t jobs[8];
  /**
   * One of `tollgate_phase`.
   */
  uint32_t breaker;
  /**
   * Permits given.
   */
  uint32_t granted;
  /**
   * Refusals, by the `tollgate_limit` that bound.
   */
  uint32_t refused[9];
  /**
   * Jobs that gave back all they held.
   */
  uint32_t refunded;
  /**
   * Permits not sent in time, requests not answered in time, and leases that were over.
   */
  uint32_t expired;
  /**
   * Overdue jobs that were forgotten for want of room.
   */
  uint32_t forgotten;
  /**
   * Costs of jobs that nobody remembered.
   */
  uint32_t late;
  /**
   * Calls whose stamp was older than one acted on before.
   */
  uint32_t clock_faults;
} tollgate_gate_state;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * What a status means, in a few English words, lower case, for a log. Never NULL; the text lives as long as the program.
 */
const char *tollgate_status_text(int32_t status);

/**
 * What a limit is called, in a few English words, lower case, for a log. Never NULL; the text lives as long as the program.
 */
const char *tollgate_limit_text(uint32_t limit);

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
 * Makes a window in `window`, whatever was there.
 *
 * Errors: `TOLLGATE_STATUS_ERROR_WINDOW_...`, `TOLLGATE_STATUS_ERROR_VALUE`.
 */
tollgate_status tollgate_window_init(struct tollgate_window *window,
                                     const struct tollgate_window_config *config,
                                     uint64_t now_us);

/**
 * Whether `cost` units could be taken now. Changes nothing.
 *
 * Refused with `TOLLGATE_STATUS_UNTIL`, `TOLLGATE_STATUS_NEVER`, or, where only reservations are in the way that have no
 * lease, `TOLLGATE_STATUS_BUSY`.
 */
tollgate_status tollgate_window_check(const struct tollgate_window *window,
                                      uint64_t now_us,
                                      uint64_t cost,
                                      struct tollgate_why *why);

/**
 * Takes `cost` units now, or says when they could be taken. A cost of zero always passes.
 *
 * Refused as `tollgate_window_check`.
 */
tollgate_status tollgate_window_take(struct tollgate_window *window, uint64_t now_us, uint64_t cost, struct tollgate_why *why);

/**
 * Writes how many units one call could take now to `units`.
 */
tollgate_status tollgate_window_available(const struct tollgate_window *window, uint64_t now_us, uint64_t *units);

/**
 * Books `cost` units for now, or for an instant at most `max_wait_us` away, which is written to `at_us`. They count in
 * full until they are settled with `tollgate_window_commit`, and age from then on.
 *
 * Refused as `tollgate_window_check`.
 */
tollgate_status tollgate_window_reserve(struct tollgate_window *window,
                                        uint64_t now_us,
                                        uint64_t cost,
                                        uint64_t max_wait_us,
                                        struct tollgate_reservation *held,
                                        uint64_t *at_us,
                                        struct tollgate_why *why);

/**
 * Replaces the units of a reservation by the `actual` ones; zero gives them back. Uses `held` up.
 *
 * Errors: `TOLLGATE_STATUS_ERROR_UNINITIALISED` if `held` was settled before, `TOLLGATE_STATUS_ERROR_FOREIGN` if it is of
 * another limiter.
 */
tollgate_status tollgate_window_commit(struct tollgate_window *window,
                                       uint64_t now_us,
                                       struct tollgate_reservation *held,
                                       uint64_t actual);

/**
 * Writes how much of the limit is used or held to `permille`, rounded down; above 1000 when in debt.
 */
tollgate_status tollgate_window_usage(const struct tollgate_window *window, uint64_t now_us, uint32_t *permille);

/**
 * Makes slots in `slots`, whatever was there, of which `limit` may be taken at once; 0 lets nothing in.
 */
tollgate_status tollgate_slots_init(struct tollgate_slots *slots, uint32_t limit);

/**
 * Gives a job `weight` slots, until `tollgate_slots_close` or for `lease_us` unless it is renewed; a lease of 0 is for
 * ever. A weight of 0 always passes and takes nothing.
 *
 * Refused with `TOLLGATE_STATUS_BUSY`, with `TOLLGATE_STATUS_UNTIL` where leases alone will free enough, with
 * `TOLLGATE_STATUS_NEVER` above the limit. Errors: `TOLLGATE_STATUS_ERROR_ALREADY_OPEN`.
 */
tollgate_status tollgate_slots_open(struct tollgate_slots *slots,
                                    uint64_t now_us,
                                    uint64_t job,
                                    uint32_t weight,
                                    uint64_t lease_us,
                                    struct tollgate_why *why);

/**
 * Frees the slots of a job that has ended, well or not. Closing twice is harmless, and reported.
 *
 * Errors: `TOLLGATE_STATUS_ERROR_NOT_FOUND`.
 */
tollgate_status tollgate_slots_close(struct tollgate_slots *slots, uint64_t now_us, uint64_t job);

/**
 * Prolongs a job's lease to `lease_us` from now; never shortens it.
 *
 * Errors: `TOLLGATE_STATUS_ERROR_NOT_FOUND`, also for a lease that is over.
 */
tollgate_status tollgate_slots_renew(struct tollgate_slots *slots, uint64_t now_us, uint64_t job, uint64_t lease_us);

/**
 * Takes one job whose lease is over out of the table and writes it to `job`. Call it until it says
 * `TOLLGATE_STATUS_NOTHING`. Such a job counts no longer, whether this is called or not.
 */
tollgate_status tollgate_slots_expire(struct tollgate_slots *slots, uint64_t now_us, uint64_t *job);

/**
 * Changes the limit, live. Lowering it ends nothing.
 */
tollgate_status tollgate_slots_set_limit(struct tollgate_slots *slots, uint32_t limit);

/**
 * Writes the weight that is taken now to `weight`, foreign jobs included.
 */
tollgate_status tollgate_slots_in_flight(const struct tollgate_slots *slots, uint64_t now_us, uint64_t *weight);

/**
 * Makes the table agree with the provider's list of `count` running jobs, asked for at `asked_at_us`: after a reboot, or
 * from time to time. Jobs that are not on it are closed, those on it are renewed for `lease_us`, what was opened since it
 * was asked for is left alone. `running` may be NULL if `count` is 0.
 *
 * Errors: `TOLLGATE_STATUS_ERROR_TOO_MANY` above `TOLLGATE_LIST_MAX`.
 */
tollgate_status tollgate_slots_reconcile(struct tollgate_slots *slots,
                                         uint64_t now_us,
                                         uint64_t asked_at_us,
                                         const uint64_t *running,
                                         size_t count,
                                         uint64_t lease_us,
                                         struct tollgate_reconciled *found);

/**
 * Makes a backoff in `backoff`, whatever was there, for a call that starts now.
 *
 * Errors: `TOLLGATE_STATUS_ERROR_BACKOFF_...`.
 */
tollgate_status tollgate_backoff_init(struct tollgate_backoff *backoff,
                                      const struct tollgate_backoff_config *config,
                                      uint64_t now_us);

/**
 * Writes how long to sleep before the next attempt to `delay_us`. `entropy` is any 32 random bits.
 *
 * `TOLLGATE_STATUS_RETRIES` and `TOLLGATE_STATUS_DEADLINE` if there is none.
 */
tollgate_status tollgate_backoff_next(struct tollgate_backoff *backoff, uint64_t now_us, uint32_t entropy, uint64_t *delay_us);

/**
 * The same after a server has said how long to wait: never less than `server_us`, and more only by what spreads it. May
 * exceed the max, which binds us and not the server.
 */
tollgate_status tollgate_backoff_after(struct tollgate_backoff *backoff,
                                       uint64_t server_us,
                                       uint64_t now_us,
                                       uint32_t entropy,
                                       uint64_t *delay_us);

/**
 * Begins again: on success, or for the next call.
 */
tollgate_status tollgate_backoff_reset(struct tollgate_backoff *backoff, uint64_t now_us);

/**
 * 32 bits for jitter where there is no source of randomness, from what tells this device from its neighbours (a serial
 * number), from its earlier boots, and from its earlier draws. Good enough to spread clients, not for secrets.
 */
uint32_t tollgate_entropy(uint64_t device, uint32_t boot, uint32_t draw);

/**
 * Makes a ledger in `ledger`, whatever was there, with an account for each of `count` budgets, at most
 * `TOLLGATE_ACCOUNTS`. The accounts start whole, and are known by their positions. A hold lives `grace_us` longer than
 * its time to live: for answers under way. The budgets are copied.
 *
 * Errors: `TOLLGATE_STATUS_ERROR_BUDGET_...`, with `why->account`.
 */
tollgate_status tollgate_ledger_init(struct tollgate_ledger *ledger,
                                     const struct tollgate_budget *budgets,
                                     size_t count,
                                     uint64_t grace_us,
                                     uint64_t now_us,
                                     struct tollgate_why *why);

/**
 * Says what a wall clock shows: without it, budgets with a calendar do not roll. What became of it is written to `heard`,
 * one of `tollgate_heard`.
 */
tollgate_status tollgate_ledger_set_wall(struct tollgate_ledger *ledger,
                                         uint64_t now_us,
                                         const struct tollgate_wall *wall,
                                         uint32_t *heard);

/**
 * Whether these `count` amounts would be admitted now. Changes and remembers nothing.
 *
 * Refused with `TOLLGATE_STATUS_DENIED`. Errors: `TOLLGATE_STATUS_ERROR_LINE_...`, `TOLLGATE_STATUS_ERROR_NEGATIVE`.
 */
tollgate_status tollgate_ledger_check(const struct tollgate_ledger *ledger,
                                      uint64_t now_us,
                                      const struct tollgate_line *amounts,
                                      size_t count,
                                      struct tollgate_why *why);

/**
 * Sets these `count` amounts aside in all their budgets, or in none, for `ttl_us`. The same call under the same id gets
 * the same answer and changes nothing. Equality admits: 100 of 100 fit. `receipt` may be NULL.
 *
 * Refused with `TOLLGATE_STATUS_DENIED`. Errors: `TOLLGATE_STATUS_ERROR_FULL`, `TOLLGATE_STATUS_ERROR_MISMATCH`, and
 * those of `tollgate_ledger_check`.
 */
tollgate_status tollgate_ledger_reserve(struct tollgate_ledger *ledger,
                                        uint64_t now_us,
                                        uint64_t id,
                                        const struct tollgate_line *amounts,
                                        size_t count,
                                        uint64_t ttl_us,
                                        struct tollgate_receipt *receipt,
                                        struct tollgate_why *why);

/**
 * Takes these `count` amounts at once, all or none. `receipt` may be NULL.
 *
 * Refused and errors as `tollgate_ledger_reserve`, but never `TOLLGATE_STATUS_ERROR_FULL`.
 */
tollgate_status tollgate_ledger_charge(struct tollgate_ledger *ledger,
                                       uint64_t now_us,
                                       uint64_t id,
                                       const struct tollgate_line *amounts,
                                       size_t count,
                                       struct tollgate_receipt *receipt,
                                       struct tollgate_why *why);

/**
 * Replaces what a hold has set aside by what was really used: one amount for every account of the hold. Less frees the
 * rest, more is met as each budget's overage says. `receipt` may be NULL.
 *
 * Refused with `TOLLGATE_STATUS_OVERAGE`. Errors: `TOLLGATE_STATUS_ERROR_NOT_FOUND`,
 * `TOLLGATE_STATUS_ERROR_ALREADY_POSTED`, `TOLLGATE_STATUS_ERROR_ALREADY_VOIDED`, `TOLLGATE_STATUS_ERROR_LINE_...`.
 */
tollgate_status tollgate_ledger_settle(struct tollgate_ledger *ledger,
                                       uint64_t now_us,
                                       uint64_t id,
                                       const struct tollgate_line *actual,
                                       size_t count,
                                       struct tollgate_receipt *receipt,
                                       struct tollgate_why *why);

/**
 * Settles whatever it was: as `tollgate_ledger_settle`, but never refused. What a budget cannot take is unaccounted, and
 * an id that nobody remembers is a late charge. `receipt` may be NULL.
 */
tollgate_status tollgate_ledger_absorb(struct tollgate_ledger *ledger,
                                       uint64_t now_us,
                                       uint64_t id,
                                       const struct tollgate_line *actual,
                                       size_t count,
                                       struct tollgate_receipt *receipt,
                                       struct tollgate_why *why);

/**
 * Gives back a part of what a settled job was charged; may be called again for more of it. `receipt` may be NULL.
 *
 * Errors: `TOLLGATE_STATUS_ERROR_LINE_REFUND` above what was posted, `TOLLGATE_STATUS_ERROR_NOT_POSTED`,
 * `TOLLGATE_STATUS_ERROR_NOT_FOUND`, `TOLLGATE_STATUS_ERROR_LINE_...`.
 */
tollgate_status tollgate_ledger_refund(struct tollgate_ledger *ledger,
                                       uint64_t now_us,
                                       uint64_t id,
                                       const struct tollgate_line *amounts,
                                       size_t count,
                                       struct tollgate_receipt *receipt,
                                       struct tollgate_why *why);

/**
 * Releases a hold whose job did not run. `receipt` may be NULL.
 *
 * Errors: `TOLLGATE_STATUS_ERROR_NOT_FOUND`, `TOLLGATE_STATUS_ERROR_ALREADY_POSTED`, `TOLLGATE_STATUS_ERROR_EXPIRED`.
 */
tollgate_status tollgate_ledger_void(struct tollgate_ledger *ledger,
                                     uint64_t now_us,
                                     uint64_t id,
                                     struct tollgate_receipt *receipt);

/**
 * Prolongs a live hold by `by_us`, and writes its new end to `until_us`. Only before its end.
 *
 * Errors: `TOLLGATE_STATUS_ERROR_NOT_FOUND`, `TOLLGATE_STATUS_ERROR_EXPIRED`, `TOLLGATE_STATUS_ERROR_ALREADY_...`.
 */
tollgate_status tollgate_ledger_extend(struct tollgate_ledger *ledger,
                                       uint64_t now_us,
                                       uint64_t id,
                                       uint64_t by_us,
                                       uint64_t *until_us);

/**
 * The request of this hold's job goes out now: from here on the hold is posted in full when its time is up, and not
 * released.
 *
 * Errors: `TOLLGATE_STATUS_ERROR_NOT_FOUND`, also for holds that are resolved.
 */
tollgate_status tollgate_ledger_sending(struct tollgate_ledger *ledger, uint64_t now_us, uint64_t id);

/**
 * Writes where an account stands to `report`.
 *
 * Errors: `TOLLGATE_STATUS_ERROR_NOT_FOUND`.
 */
tollgate_status tollgate_ledger_report(const struct tollgate_ledger *ledger,
                                       uint64_t now_us,
                                       uint32_t account,
                                       struct tollgate_report *report);

/**
 * The alert at this position of the account's alerts has been seen to. `TOLLGATE_STATUS_NOTHING` if it was not pending.
 */
tollgate_status tollgate_ledger_acknowledge(struct tollgate_ledger *ledger, uint32_t account, uint32_t alert);

/**
 * Gives an account another budget from now on: another limit, soft limit, overage or alerts, copied. What is held and
 * posted stays.
 *
 * Errors: `TOLLGATE_STATUS_ERROR_NOT_FOUND`; `TOLLGATE_STATUS_ERROR_BUDGET_...`, also if unit or renewal are not those
 * that the account has.
 */
tollgate_status tollgate_ledger_set_budget(struct tollgate_ledger *ledger,
                                           uint64_t now_us,
                                           uint32_t account,
                                           const struct tollgate_budget *budget,
                                           struct tollgate_why *why);

/**
 * Makes a call in `retry`, whatever was there, that starts now.
 *
 * Errors: `TOLLGATE_STATUS_ERROR_VALUE`.
 */
tollgate_status tollgate_retry_init(struct tollgate_retry *retry, const struct tollgate_retry_config *config, uint64_t now_us);

/**
 * Reads the value of a `Retry-After` header: whole seconds, a decimal, or a date; writes the wait to `wait_us`. `unix_us`
 * is what a clock showed at the receipt, for a date; negative if there is none.
 *
 * `TOLLGATE_STATUS_NOTHING` if it cannot be read, or is a date and there is no clock.
 */
tollgate_status tollgate_retry_after(const uint8_t *value, size_t length, int64_t unix_us, uint64_t *wait_us);

/**
 * Makes a reader of header lines in `response`, whatever was there, for a server by the name of its dialect (of
 * `dialect_length` bytes: "github", "kling"), or for any server if `dialect` is NULL.
 *
 * Errors: `TOLLGATE_STATUS_ERROR_NOT_FOUND` for a dialect that nobody knows.
 */
tollgate_status tollgate_response_init(struct tollgate_response *response, const uint8_t *dialect, size_t dialect_length);

/**
 * Takes one header line: its name and its value, without the colon and the end of the line, in any order. What has nothing
 * to do with limits is ignored; what cannot be read is ignored and counted.
 */
tollgate_status tollgate_response_line(struct tollgate_response *response,
                                       const uint8_t *name,
                                       size_t name_length,
                                       const uint8_t *value,
                                       size_t value_length);

/**
 * Takes the server's own error code from the response's body, which its dialect may know the meaning of.
 */
tollgate_status tollgate_response_code(struct tollgate_response *response, uint32_t code);

/**
 * Writes what all lines together mean, for a response of this HTTP status, to `outcome`. `unix_us` is what a wall clock
 * showed at the receipt, for a response without a `Date`; negative if there is none.
 */
tollgate_status tollgate_response_outcome(const struct tollgate_response *response,
                                          uint16_t status,
                                          int64_t unix_us,
                                          struct tollgate_outcome *outcome);

/**
 * Makes a gate in `gate`, whatever was there. The configuration is looked at as a whole before anything is done.
 *
 * Errors: `TOLLGATE_STATUS_ERROR_QUOTA_...`, `TOLLGATE_STATUS_ERROR_BREAKER`, and `TOLLGATE_STATUS_ERROR_BUDGET_...` with
 * `why->account`, each of which names the field.
 */
tollgate_status tollgate_gate_init(struct tollgate_gate *gate,
                                   const struct tollgate_gate_config *config,
                                   uint64_t now_us,
                                   struct tollgate_why *why);

/**
 * Asks to send the request of a job, now: all limits agree and are charged, or none is. The permit is written to `permit`.
 *
 * Refused with `TOLLGATE_STATUS_UNTIL`, `TOLLGATE_STATUS_BUSY` or `TOLLGATE_STATUS_NEVER` and `why->limit`; with
 * `TOLLGATE_STATUS_KNOWN` and `TOLLGATE_STATUS_MAYBE_RUNNING`. Errors: `TOLLGATE_STATUS_ERROR_LINE_...`,
 * `TOLLGATE_STATUS_ERROR_NEGATIVE`, `TOLLGATE_STATUS_ERROR_VALUE`.
 */
tollgate_status tollgate_gate_ask(struct tollgate_gate *gate,
                                  uint64_t now_us,
                                  const struct tollgate_request *request,
                                  struct tollgate_permit *permit,
                                  struct tollgate_why *why);

/**
 * As `tollgate_gate_ask`, for who comes back anyway: yes, or `TOLLGATE_STATUS_NOT_NOW`. The reason, and when, would be told by
 * `tollgate_gate_earliest`; to find that out is most of the work of a refusal, and of the code.
 *
 * Errors: `TOLLGATE_STATUS_ERROR_NEGATIVE`, `TOLLGATE_STATUS_ERROR_VALUE`; what else is wrong with the request is
 * `TOLLGATE_STATUS_NOT_NOW` too.
 */
tollgate_status tollgate_gate_try_ask(struct tollgate_gate *gate,
                                      uint64_t now_us,
                                      const struct tollgate_request *request,
                                      struct tollgate_permit *permit);

/**
 * Writes when this request would pass, if nothing happens until then, to `at_us`. Changes nothing.
 *
 * Refused and errors as `tollgate_gate_ask`, but never `TOLLGATE_STATUS_UNTIL`.
 */
tollgate_status tollgate_gate_earliest(const struct tollgate_gate *gate,
                                       uint64_t now_us,
                                       const struct tollgate_request *request,
                                       uint64_t *at_us,
                                       struct tollgate_why *why);

/**
 * Asks to send a request that starts no job and costs no money: a question for a status. `cost` is what the provider
 * counts it for. The permit is written to `permit`.
 *
 * Refused as `tollgate_gate_ask`.
 */
tollgate_status tollgate_gate_poll(struct tollgate_gate *gate,
                                   uint64_t now_us,
                                   uint32_t cost,
                                   struct tollgate_permit *permit,
                                   struct tollgate_why *why);

/**
 * The request goes out now: the point after which a reboot cannot tell whether its job runs.
 *
 * Errors: `TOLLGATE_STATUS_ERROR_STALE_PERMIT` if it is too late, `TOLLGATE_STATUS_ERROR_UNEXPECTED` if it was sent
 * already.
 */
tollgate_status tollgate_gate_sending(struct tollgate_gate *gate, uint64_t now_us, const struct tollgate_permit *permit);

/**
 * Gives a permit back, and uses it up. Not sent yet, everything returns; once sent, its job is
 * `TOLLGATE_JOB_STATE_UNKNOWN`, for it may run.
 *
 * Errors: `TOLLGATE_STATUS_ERROR_STALE_PERMIT`.
 */
tollgate_status tollgate_gate_cancel(struct tollgate_gate *gate, uint64_t now_us, struct tollgate_permit *permit);

/**
 * Hears how a request ended, settles what it booked, and writes what becomes of it to `answer`. `retry` is the call's own,
 * and `entropy` any 32 random bits. Uses the permit up.
 *
 * A job that was refused is free: money and slot return. One that broke off is `TOLLGATE_JOB_STATE_UNKNOWN`.
 *
 * Errors: `TOLLGATE_STATUS_ERROR_STALE_PERMIT`; `TOLLGATE_STATUS_ERROR_UNEXPECTED` if it was not sent;
 * `TOLLGATE_STATUS_ERROR_VALUE`.
 */
tollgate_status tollgate_gate_answered(struct tollgate_gate *gate,
                                       uint64_t now_us,
                                       struct tollgate_permit *permit,
                                       const struct tollgate_outcome *outcome,
                                       struct tollgate_retry *retry,
                                       uint32_t entropy,
                                       struct tollgate_answer *answer);

/**
 * Hears what has become of a request, one of `tollgate_fate`, from a program that decides by itself whether to send it again:
 * `tollgate_gate_answered` without its `tollgate_retry`. A breaker takes `TOLLGATE_FATE_RUNS` for a success,
 * `TOLLGATE_FATE_UNKNOWN` for a failure, and the others for neither; nothing is learnt about the server. Uses the permit up.
 *
 * Errors: `TOLLGATE_STATUS_ERROR_STALE_PERMIT`; `TOLLGATE_STATUS_ERROR_UNEXPECTED` if it was not sent;
 * `TOLLGATE_STATUS_ERROR_VALUE`.
 */
tollgate_status tollgate_gate_resolved(struct tollgate_gate *gate,
                                       uint64_t now_us,
                                       struct tollgate_permit *permit,
                                       uint32_t fate);

/**
 * Hears what a response of this HTTP status said about limits besides its outcome: what is left of the rate is believed
 * if it is less than we thought. Call it before `tollgate_gate_answered`; a server never raises anything by this.
 */
tollgate_status tollgate_gate_heard(struct tollgate_gate *gate,
                                    uint64_t now_us,
                                    const struct tollgate_response *response,
                                    uint16_t status);

/**
 * The job is over, well or not, and `actual` is what it cost: one amount for each account of its estimate, zero if nothing
 * was charged. Frees the slot and settles the money; never refused for want of it. `finished` may be NULL.
 *
 * Errors: `TOLLGATE_STATUS_ERROR_UNEXPECTED` if it was not sent, `TOLLGATE_STATUS_ERROR_MISMATCH` if it was settled at
 * other amounts, `TOLLGATE_STATUS_ERROR_LINE_...`, `TOLLGATE_STATUS_ERROR_NEGATIVE`.
 */
tollgate_status tollgate_gate_finished(struct tollgate_gate *gate,
                                       uint64_t now_us,
                                       uint64_t job,
                                       const struct tollgate_line *actual,
                                       size_t count,
                                       struct tollgate_finished *finished,
                                       struct tollgate_why *why);

/**
 * The job still runs: prolongs slot and money together to `lease_us` from now; never shortens them. The end is written to
 * `ends_us`.
 *
 * Errors: `TOLLGATE_STATUS_ERROR_NOT_FOUND`; `TOLLGATE_STATUS_ERROR_UNEXPECTED` if it does not run, as far as is known.
 */
tollgate_status tollgate_gate_renew(struct tollgate_gate *gate,
                                    uint64_t now_us,
                                    uint64_t job,
                                    uint64_t lease_us,
                                    uint64_t *ends_us);

/**
 * Remembers the provider's name for a job, by which `tollgate_gate_reconcile` finds it too. Zero is no name.
 *
 * Errors: `TOLLGATE_STATUS_ERROR_NOT_FOUND`.
 */
tollgate_status tollgate_gate_tag(struct tollgate_gate *gate, uint64_t job, uint64_t tag);

/**
 * Writes where a job stands to `state`, one of `tollgate_job_state`.
 */
tollgate_status tollgate_gate_job(const struct tollgate_gate *gate, uint64_t now_us, uint64_t job, uint32_t *state);

/**
 * Makes the table agree with the provider's list of `count` running jobs, asked for at `asked_at_us`: after a reboot, and
 * from time to time. Only a list that is `complete` (1, else 0) can say that something does not run. `seen` may be NULL if
 * `count` is 0.
 *
 * Errors: `TOLLGATE_STATUS_ERROR_TOO_MANY` above `TOLLGATE_LIST_MAX`, `TOLLGATE_STATUS_ERROR_VALUE`.
 */
tollgate_status tollgate_gate_reconcile(struct tollgate_gate *gate,
                                        uint64_t now_us,
                                        uint64_t asked_at_us,
                                        uint32_t complete,
                                        const struct tollgate_seen *seen,
                                        size_t count,
                                        struct tollgate_found *found);

/**
 * Tells what time has done to a job, once for each, the first first: writes `job`, and `state`, one of
 * `tollgate_job_state`. Call it until it says `TOLLGATE_STATUS_NOTHING`, whenever `tollgate_gate_next_event` has passed.
 */
tollgate_status tollgate_gate_expire(struct tollgate_gate *gate, uint64_t now_us, uint64_t *job, uint32_t *state);

/**
 * Writes the next instant after which something is different although nobody has called to `at_us`: sleep until then, or
 * until an ask said, or until something comes in. `TOLLGATE_STATUS_NOTHING` if nothing is going to happen.
 */
tollgate_status tollgate_gate_next_event(const struct tollgate_gate *gate, uint64_t now_us, uint64_t *at_us);

/**
 * Says what a wall clock shows: without it, budgets with a calendar do not roll. What became of it is written to `heard`,
 * one of `tollgate_heard`.
 */
tollgate_status tollgate_gate_set_wall(struct tollgate_gate *gate,
                                       uint64_t now_us,
                                       const struct tollgate_wall *wall,
                                       uint32_t *heard);

/**
 * Closes the gate until then, or opens it by an instant that has passed. The server's block is replaced.
 */
tollgate_status tollgate_gate_block_until(struct tollgate_gate *gate, uint64_t now_us, uint64_t until_us);

/**
 * Changes how many jobs may run at once, live; 0 lets none in. Lowering it ends nothing.
 */
tollgate_status tollgate_gate_set_slots(struct tollgate_gate *gate, uint32_t slots);

/**
 * Changes the quota of requests, live; `inherit` is one of `tollgate_inherit`.
 *
 * Errors: `TOLLGATE_STATUS_ERROR_QUOTA_...`, `TOLLGATE_STATUS_ERROR_VALUE`.
 */
tollgate_status tollgate_gate_set_quota(struct tollgate_gate *gate,
                                        uint64_t now_us,
                                        const struct tollgate_quota *quota,
                                        uint32_t inherit,
                                        struct tollgate_why *why);

/**
 * Writes where an account stands to `report`.
 *
 * Errors: `TOLLGATE_STATUS_ERROR_NOT_FOUND`.
 */
tollgate_status tollgate_gate_report(const struct tollgate_gate *gate,
                                     uint64_t now_us,
                                     uint32_t account,
                                     struct tollgate_report *report);

/**
 * The provider gives back a part of what a settled job cost; may be said again for more of it. `receipt` may be NULL.
 *
 * Errors: `TOLLGATE_STATUS_ERROR_NOT_FOUND`; `TOLLGATE_STATUS_ERROR_UNEXPECTED` if it is not settled;
 * `TOLLGATE_STATUS_ERROR_LINE_REFUND` above what was posted; `TOLLGATE_STATUS_ERROR_LINE_...`.
 */
tollgate_status tollgate_gate_refund(struct tollgate_gate *gate,
                                     uint64_t now_us,
                                     uint64_t job,
                                     const struct tollgate_line *amounts,
                                     size_t count,
                                     struct tollgate_receipt *receipt,
                                     struct tollgate_why *why);

/**
 * The alert at this position of the account's alerts has been seen to. `TOLLGATE_STATUS_NOTHING` if it was not pending.
 */
tollgate_status tollgate_gate_acknowledge(struct tollgate_gate *gate, uint64_t now_us, uint32_t account, uint32_t alert);

/**
 * Gives an account another budget from now on: another limit, soft limit, overage or alerts, copied. What is held and
 * posted stays.
 *
 * Errors: `TOLLGATE_STATUS_ERROR_NOT_FOUND`; `TOLLGATE_STATUS_ERROR_BUDGET_...`, also if unit or renewal are not those
 * that the account has.
 */
tollgate_status tollgate_gate_set_budget(struct tollgate_gate *gate,
                                         uint64_t now_us,
                                         uint32_t account,
                                         const struct tollgate_budget *budget,
                                         struct tollgate_why *why);

/**
 * Writes where the gate stands to `state`. Changes nothing.
 */
tollgate_status tollgate_gate_status(const struct tollgate_gate *gate, uint64_t now_us, struct tollgate_gate_state *state);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* TOLLGATE_H */

#if defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
_Static_assert(sizeof(tollgate_bucket) == 8 * TOLLGATE_BUCKET_WORDS, "the size of tollgate_bucket");
_Static_assert(_Alignof(tollgate_bucket) == TOLLGATE_ALIGNMENT, "the alignment of tollgate_bucket");
_Static_assert(sizeof(tollgate_reservation) == 8 * TOLLGATE_RESERVATION_WORDS, "the size of tollgate_reservation");
_Static_assert(_Alignof(tollgate_reservation) == TOLLGATE_ALIGNMENT, "the alignment of tollgate_reservation");
_Static_assert(sizeof(tollgate_window) == 8 * TOLLGATE_WINDOW_WORDS, "the size of tollgate_window");
_Static_assert(_Alignof(tollgate_window) == TOLLGATE_ALIGNMENT, "the alignment of tollgate_window");
_Static_assert(sizeof(tollgate_slots) == 8 * TOLLGATE_SLOTS_WORDS, "the size of tollgate_slots");
_Static_assert(_Alignof(tollgate_slots) == TOLLGATE_ALIGNMENT, "the alignment of tollgate_slots");
_Static_assert(sizeof(tollgate_backoff) == 8 * TOLLGATE_BACKOFF_WORDS, "the size of tollgate_backoff");
_Static_assert(_Alignof(tollgate_backoff) == TOLLGATE_ALIGNMENT, "the alignment of tollgate_backoff");
_Static_assert(sizeof(tollgate_ledger) == 8 * TOLLGATE_LEDGER_WORDS, "the size of tollgate_ledger");
_Static_assert(_Alignof(tollgate_ledger) == TOLLGATE_ALIGNMENT, "the alignment of tollgate_ledger");
_Static_assert(sizeof(tollgate_retry) == 8 * TOLLGATE_RETRY_WORDS, "the size of tollgate_retry");
_Static_assert(_Alignof(tollgate_retry) == TOLLGATE_ALIGNMENT, "the alignment of tollgate_retry");
_Static_assert(sizeof(tollgate_response) == 8 * TOLLGATE_RESPONSE_WORDS, "the size of tollgate_response");
_Static_assert(_Alignof(tollgate_response) == TOLLGATE_ALIGNMENT, "the alignment of tollgate_response");
_Static_assert(sizeof(tollgate_gate) == 8 * TOLLGATE_GATE_WORDS, "the size of tollgate_gate");
_Static_assert(_Alignof(tollgate_gate) == TOLLGATE_ALIGNMENT, "the alignment of tollgate_gate");
_Static_assert(sizeof(tollgate_permit) == 8 * TOLLGATE_PERMIT_WORDS, "the size of tollgate_permit");
_Static_assert(_Alignof(tollgate_permit) == TOLLGATE_ALIGNMENT, "the alignment of tollgate_permit");
#endif
