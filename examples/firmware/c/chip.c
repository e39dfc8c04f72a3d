/* The port of a chip: its start, and a console and an end through the debugger. */
#include "chip.h"
#include "port.h"

enum { WRITE0 = 0x04, EXIT_EXTENDED = 0x20, APPLICATION_EXIT = 0x20026 };

extern uint32_t data_load[], data_start[], data_end[], bss_start[], bss_end[];
int main(void);

static _Noreturn void end(uintptr_t code) {
    const uintptr_t why[2] = {APPLICATION_EXIT, code};
    for (;;) {
        ask_debugger(EXIT_EXTENDED, why);
    }
}

void port_write(const char *text) {
    ask_debugger(WRITE0, text);
}

_Noreturn void start(void) {
    for (uint32_t *to = data_start, *from = data_load; to < data_end;) {
        *to++ = *from++;
    }
    for (uint32_t *to = bss_start; to < bss_end;) {
        *to++ = 0;
    }
    end((uintptr_t)main());
}

_Noreturn void fault(void) {
    end(101);
}
