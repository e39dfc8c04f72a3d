/* The port of a Cortex-M: the vectors, the start, and a console through the debugger (semihosting). */
#include "port.h"

#include <stddef.h>

enum { WRITE0 = 0x04, EXIT_EXTENDED = 0x20, APPLICATION_EXIT = 0x20026 };

extern uint32_t data_load[], data_start[], data_end[], bss_start[], bss_end[];
int main(void);
_Noreturn void reset(void);

static uint32_t ask_debugger(uint32_t operation, const void *argument) {
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static _Noreturn void end(uint32_t code) {
    const uint32_t why[2] = {APPLICATION_EXIT, code};
    for (;;) {
        ask_debugger(EXIT_EXTENDED, why);
    }
}

void port_write(const char *text) {
    ask_debugger(WRITE0, text);
}

_Noreturn void reset(void) {
    for (uint32_t *to = data_start, *from = data_load; to < data_end;) {
        *to++ = *from++;
    }
    for (uint32_t *to = bss_start; to < bss_end;) {
        *to++ = 0;
    }
    end((uint32_t)main());
}

static _Noreturn void fault(void) {
    end(101);
}

/* Behind the first word, where the linker script puts the top of the stack. */
__attribute__((section(".vectors"), used)) static void (*const vectors[15])(void) = {
    reset, fault, fault, fault, fault, fault, NULL, NULL, NULL, NULL, fault, fault, NULL, fault, fault,
};
