/* The port of a host. */
#include "port.h"

#include <stdio.h>

void port_write(const char *text) {
    fputs(text, stdout);
}
