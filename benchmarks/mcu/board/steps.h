/* Names the address of each step of the model: a label, and no instruction. %= is a different number
 * for each place where the compiler emits it. Where QEMU emulates the core, six instructions (Arm) or
 * four (RISC-V) note the clock of semihosting.c too. */
#if defined(EK_SEMIHOSTED) && defined(__arm__)
#define EK_STEP(index)                                                                             \
    __asm__ volatile("ek_step_" #index "_%=:\n\t"                                                  \
                     "movw r3, #0x2018\n\tmovt r3, #0x4930\n\tldr r3, [r3]\n\t"                   \
                     "movw r12, #:lower16:(ek_ticks + 4 * " #index ")\n\t"                        \
                     "movt r12, #:upper16:(ek_ticks + 4 * " #index ")\n\t"                        \
                     "str r3, [r12]" ::: "r3", "r12", "memory");
#elif defined(EK_SEMIHOSTED)
#define EK_STEP(index)                                                                             \
    __asm__ volatile("ek_step_" #index "_%=:\n\t"                                                  \
                     "lui t0, 0x200c\n\tlw t0, -8(t0)\n\t"                                        \
                     "lui t1, %%hi(ek_ticks + 4 * " #index ")\n\t"                                \
                     "sw t0, %%lo(ek_ticks + 4 * " #index ")(t1)" ::: "t0", "t1", "memory");
#else
#define EK_STEP(index) __asm__ volatile("ek_step_" #index "_%=:" ::: "memory");
#endif
