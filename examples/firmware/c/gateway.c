/* A gateway in C: the same program for a host and for chips, which print the same. Time is an argument. */
#include "port.h"
#include "tollgate.h"

int main(void) {
    static tollgate_bucket requests;
    const tollgate_quota quota = {.units = 2, .burst = 3, .per_us = 1000000};
    tollgate_why why;
    uint64_t now = 0;
    uint64_t sent = 0;
    if (tollgate_bucket_init(&requests, &quota, UINT32_MAX, now, &why) != TOLLGATE_STATUS_OK) {
        return 1;
    }
    while (now < 3000000) {
        switch (tollgate_bucket_take(&requests, now, 1, &why)) {
        case TOLLGATE_STATUS_OK:
            say("%u ms: request %u", now / 1000, ++sent);
            break;
        case TOLLGATE_STATUS_UNTIL:
            now = why.at_us;
            break;
        default:
            return 2;
        }
    }
    return 0;
}
