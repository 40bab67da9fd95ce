/* The smallest firmware around a model: what a device runs from reset on, and nothing else.
 *
 * under_test.h, which is written for each build, includes the model's header and defines EK_RUN,
 * EK_INPUT (element type), EK_INPUT_SIZE, EK_OUTPUT and EK_OUTPUT_SIZE. */
#include "under_test.h"

#include <stdint.h>

#define USED __attribute__((used))

EK_INPUT ek_input[EK_INPUT_SIZE];
EK_OUTPUT ek_output[EK_OUTPUT_SIZE];

/* Where a camera or a radio would take the answer and give the next input. The emulator stops at
 * its entry and does so; the clobber keeps the compiler from knowing what is in the buffers. */
__attribute__((noinline)) void ek_next(void)
{
    __asm__ volatile("" ::: "memory");
}

#define FOREVER                                                                                    \
    for (;;) {                                                                                     \
        ek_next();                                                                                 \
        (void)EK_RUN(ek_input, ek_output);                                                      \
    }

#if defined(__AVR__)

/* avr-libc brings the rest. */
int main(void)
{
    FOREVER
}

#else

/* Named by the linker script. */
extern uint32_t ek_data[], ek_data_end[], ek_bss[], ek_bss_end[], ek_stack[];
extern const uint32_t ek_data_image[];

USED __attribute__((noreturn)) void ek_reset(void)
{
    const uint32_t *image = ek_data_image;
    for (uint32_t *word = ek_data; word < ek_data_end;)
        *word++ = *image++;
    for (uint32_t *word = ek_bss; word < ek_bss_end;)
        *word++ = 0;
#if defined(__arm__) && defined(__ARM_FP)
    /* The FPU is off after reset: CPACR, full access to coprocessors 10 and 11. */
    *(volatile uint32_t *)0xe000ed88u |= 0xfu << 20;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
    FOREVER
}

#endif

#if defined(__arm__)

static void fault(void)
{
    for (;;)
        __asm__ volatile("");
}

/* Armv6-M and Armv7-M: the initial stack pointer, then reset and the other system exceptions. */
typedef void handler(void);
USED __attribute__((section(".vectors"))) const struct {
    uint32_t *stack;
    handler *exceptions[15];
} ek_vectors = {
    ek_stack,
    {ek_reset, fault, fault, fault, fault, fault, 0, 0, 0, 0, fault, fault, 0, fault, fault},
};

#elif defined(__riscv)

__asm__(".section .vectors, \"ax\"\n"
        ".globl ek_vectors\n"
        "ek_vectors:\n"
        "la sp, ek_stack\n"
        "j ek_reset\n"
        ".text\n");

#endif
