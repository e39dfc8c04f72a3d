/* What a program needs of the place it runs in: text, and an end. `host.c` or `cortex.c` provides it. */
#ifndef PORT_H
#define PORT_H

#include <stdint.h>

/* Writes text to the console. */
void port_write(const char *text);

/* Prints a line: %s takes a `const char *`, %d an `int64_t`, %u a `uint64_t`. */
void say(const char *format, ...);

#endif
