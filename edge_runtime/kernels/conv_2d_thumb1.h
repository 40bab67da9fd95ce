/* Sums of CONV_2D of int8 on a core whose instructions are those of Thumb-1, such as a Cortex-M0: of
 * four outputs, which stay in registers that such a core can only move and add. */
#ifndef EK_CONV_2D_THUMB1_H
#define EK_CONV_2D_THUMB1_H

#include <stddef.h>
#include <stdint.h>

#include "outputs_int8.h"

#if defined(__thumb__) && !defined(__thumb2__) && __ARM_ARCH_PROFILE == 'M'
/* The products of a window's rows, each a run; the fields' order is that of the assembly. */
typedef struct {
    const int8_t *input, *weights;            /* behind the run of the first row */
    ptrdiff_t window, input_row, weights_row; /* from an output's weights, and a row, to the next */
    int32_t zero;                             /* less the input's zero point */
    ptrdiff_t count;                          /* less the numbers of a run */
    int32_t rows;                             /* which ends as 0 */
    const int32_t *from;                      /* what the products are added to */
    int32_t *sums;                            /* of four outputs */
} EkFourWindows;

/* r0 to r4: input, and weights of the outputs; r5: place in the run; r8: zero; r9 to r12: sums. r7 is
 * kept by hand: it may be the frame's, which no clobber may name. */
static EK_OUTLINE void ek_four_sums(EkFourWindows *windows)
{
    register EkFourWindows *from __asm__("r0") = windows;
    __asm__ volatile(".syntax unified\n\t"
                     "push {r7}\n\t"
                     "mov lr, r0\n\t"
                     "ldr r1, [r0, #20]\n\t"
                     "mov r8, r1\n\t"
                     "ldr r1, [r0, #32]\n\t"
                     "ldmia r1!, {r2, r3, r4, r5}\n\t"
                     "mov r9, r2\n\t"
                     "mov r10, r3\n\t"
                     "mov r11, r4\n\t"
                     "mov r12, r5\n\t"
                     "mov r7, r0\n\t"
                     "ldmia r7!, {r0, r1, r5}\n\t"
                     "adds r2, r1, r5\n\t"
                     "adds r3, r2, r5\n\t"
                     "adds r4, r3, r5\n\t"
                     "0:\n\t"
                     "mov r7, lr\n\t"
                     "ldr r5, [r7, #24]\n\t"
                     "1:\n\t"
                     "ldrsb r6, [r0, r5]\n\t"
                     "add r6, r8\n\t"
                     "ldrsb r7, [r1, r5]\n\t"
                     "muls r7, r6, r7\n\t"
                     "add r9, r7\n\t"
                     "ldrsb r7, [r2, r5]\n\t"
                     "muls r7, r6, r7\n\t"
                     "add r10, r7\n\t"
                     "ldrsb r7, [r3, r5]\n\t"
                     "muls r7, r6, r7\n\t"
                     "add r11, r7\n\t"
                     "ldrsb r7, [r4, r5]\n\t"
                     "muls r7, r6, r7\n\t"
                     "add r12, r7\n\t"
                     "adds r5, r5, #1\n\t"
                     "bne 1b\n\t"
                     "mov r7, lr\n\t"
                     "ldr r5, [r7, #12]\n\t"
                     "adds r0, r0, r5\n\t"
                     "ldr r5, [r7, #16]\n\t"
                     "adds r1, r1, r5\n\t"
                     "adds r2, r2, r5\n\t"
                     "adds r3, r3, r5\n\t"
                     "adds r4, r4, r5\n\t"
                     "ldr r5, [r7, #28]\n\t"
                     "subs r5, r5, #1\n\t"
                     "str r5, [r7, #28]\n\t"
                     "bne 0b\n\t"
                     "mov r0, r9\n\t"
                     "mov r1, r10\n\t"
                     "mov r2, r11\n\t"
                     "mov r3, r12\n\t"
                     "ldr r7, [r7, #36]\n\t"
                     "stmia r7!, {r0, r1, r2, r3}\n\t"
                     "pop {r7}"
                     : "+r"(from)
                     :
                     : "r1", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr",
                       "cc", "memory");
}
#endif

#endif
