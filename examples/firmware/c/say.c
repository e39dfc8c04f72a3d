/* Lines of text without a C library: the same bytes on every board. */
#include "port.h"

#include <stdarg.h>

static void put(char letter) {
    const char text[2] = {letter, 0};
    port_write(text);
}

static void number(uint64_t value) {
    char digits[21];
    char *first = &digits[20];
    *first = 0;
    do {
        *--first = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    port_write(first);
}

void say(const char *format, ...) {
    va_list values;
    va_start(values, format);
    for (; *format != 0; format++) {
        if (*format != '%') {
            put(*format);
            continue;
        }
        switch (*++format) {
        case 's':
            port_write(va_arg(values, const char *));
            break;
        case 'd': {
            const int64_t value = va_arg(values, int64_t);
            if (value < 0) {
                put('-');
            }
            number(value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
            break;
        }
        default:
            number(va_arg(values, uint64_t));
        }
    }
    va_end(values);
    put('\n');
}
