/* What every Cortex-M has: a table of vectors, whose first word is the stack, and a call of the debugger. */
#include "chip.h"

uintptr_t ask_debugger(uintptr_t operation, const void *argument) {
    register uintptr_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

_Noreturn void reset(void);
_Noreturn void reset(void) {
    start();
}

static const struct {
    const void *stack;
    void (*vectors[15])(void);
} table __attribute__((section(".first"), used)) = {
    .stack = stack_top,
    .vectors = {reset, fault, fault, fault, fault, fault, 0, 0, 0, 0, fault, fault, 0, fault, fault},
};
