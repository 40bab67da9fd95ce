/* The smallest firmware around a model: only what a device runs after reset.
 *
 * under_test.h, which each build writes, includes the model's header and defines EK_RUN,
 * EK_INPUT (element type), EK_INPUT_SIZE, EK_OUTPUT and EK_OUTPUT_SIZE; and where the model has room
 * for them, EK_INPUT_PLACE and EK_OUTPUT_PLACE. */
#include "under_test.h"

#include <stdint.h>

#define USED __attribute__((used))

#ifndef EK_INPUT_PLACE
EK_INPUT ek_input[EK_INPUT_SIZE];
#define EK_INPUT_PLACE ek_input
#endif
#ifndef EK_OUTPUT_PLACE
EK_OUTPUT ek_output[EK_OUTPUT_SIZE];
#define EK_OUTPUT_PLACE ek_output
#endif

#ifdef EK_SEMIHOSTED
extern void ek_next(void), ek_fault(void); /* of semihosting.c */
#else
/* Where a camera or a radio would read the output and write the next input. The emulator stops at
 * its entry and does so; because of the clobber the compiler cannot know the buffers' content. */
__attribute__((noinline)) void ek_next(void)
{
    __asm__ volatile("" ::: "memory");
}
#endif

#define FOREVER                                                                                    \
    for (;;) {                                                                                     \
        ek_next();                                                                                 \
        (void)EK_RUN(EK_INPUT_PLACE, EK_OUTPUT_PLACE);                                             \
    }

#if defined(__AVR__)

/* avr-libc has the rest. */
int main(void)
{
    FOREVER
}

#else

/* Defined by the linker script. */
extern uint32_t ek_data[], ek_data_end[], ek_bss[], ek_bss_end[], ek_stack[];
extern const uint32_t ek_data_image[];

USED __attribute__((noreturn)) void ek_reset(void)
{
#if defined(__arm__) && defined(__ARM_FP)
    /* The FPU, whose registers the loops below may use for vectors, is off after reset: CPACR, full
     * access to coprocessors 10 and 11. */
    *(volatile uint32_t *)0xe000ed88u |= 0xfu << 20;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
    const uint32_t *image = ek_data_image;
    for (uint32_t *word = ek_data; word < ek_data_end;)
        *word++ = *image++;
    for (uint32_t *word = ek_bss; word < ek_bss_end;)
        *word++ = 0;
    FOREVER
}

#endif

#if defined(__arm__)

#ifdef EK_SEMIHOSTED
#define fault ek_fault
#else
static void fault(void)
{
    for (;;)
        __asm__ volatile("");
}
#endif

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
#ifdef EK_SEMIHOSTED
        "la t0, ek_fault\n"
        "csrw mtvec, t0\n"
#endif
#ifdef __riscv_vector
        "li t0, 0x200\n" /* vectors are off after reset: mstatus.VS */
        "csrs mstatus, t0\n"
#endif
        "j ek_reset\n"
        ".text\n");

#endif
