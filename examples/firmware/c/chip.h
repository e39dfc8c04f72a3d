/* Between `chip.c`, which is the same for every chip, and the file of the chip's core. */
#ifndef CHIP_H
#define CHIP_H

#include <stdint.h>

extern uint32_t stack_top[];

/* The core begins here, with a stack. */
_Noreturn void start(void);

/* The core has met something that it cannot go on from. Aligned as a RISC-V core wants the address of its traps. */
__attribute__((aligned(4))) _Noreturn void fault(void);

/* One call of the debugger (semihosting). */
uintptr_t ask_debugger(uintptr_t operation, const void *argument);

#endif
