/* What a RISC-V core has: it begins at the first instruction, without a stack. */
#include "chip.h"

/* The three instructions are the mark by which a debugger knows its call: together, and uncompressed. */
uintptr_t ask_debugger(uintptr_t operation, const void *argument) {
    register uintptr_t a0 __asm__("a0") = operation;
    register const void *a1 __asm__("a1") = argument;
    __asm__ volatile(".balign 16\n.option push\n.option norvc\n"
                     "slli x0, x0, 0x1f\nebreak\nsrai x0, x0, 7\n.option pop"
                     : "+r"(a0)
                     : "r"(a1)
                     : "memory");
    return a0;
}

__attribute__((naked, used, section(".first"))) void reset(void);
__attribute__((naked, used, section(".first"))) void reset(void) {
    __asm__ volatile("la sp, stack_top\n"
                     "la t0, fault\n"
                     "csrw mtvec, t0\n"
                     "j start");
}
