/* Calls the one function in which a panic cannot be ruled out: on a chip this must not link, for want of the function that
 * an application which accepts that provides. If it does, `cargo xtask firmware` proves nothing by linking the others. */
#include "tollgate.h"

int main(void) {
    static tollgate_response response;
    tollgate_response_init(&response, NULL, 0);
    return tollgate_response_line(&response, (const uint8_t *)"RateLimit", 9, (const uint8_t *)"\"a\";r=1", 7);
}
