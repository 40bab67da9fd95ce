/* Sums of DEPTHWISE_CONV_2D of int8 on a core whose instructions are those of Thumb-1, such as a
 * Cortex-M0: of four channels, which stay in registers that such a core can only move and add. */
#ifndef EK_DEPTHWISE_THUMB1_H
#define EK_DEPTHWISE_THUMB1_H

#include <stddef.h>
#include <stdint.h>

#include "outputs_int8.h"

#if defined(__thumb__) && !defined(__thumb2__) && __ARM_ARCH_PROFILE == 'M'
/* The taps of a window; the fields' order is that of the assembly. */
typedef struct {
    const int8_t *input, *weights;      /* of the first tap */
    ptrdiff_t tap, row;                 /* from tap to tap, and over all of a row; of both */
    ptrdiff_t input_next, weights_next; /* from behind a row to the next */
    int32_t zero;                       /* less the input's zero point */
    int32_t rows;                       /* which ends as 0 */
    uint32_t *sums;                     /* of four channels */
} EkFourChannels;

/* r0, r1: input and weights; r4: tap; r5 to r7: 1 to 3, the other channels; r8: zero; r9 to r12: sums;
 * lr: the last tap of a row. r7 is kept by hand: it may be the frame's, which no clobber may name. */
static EK_OUTLINE void ek_four_channels(EkFourChannels *channels)
{
    register EkFourChannels *from __asm__("r0") = channels;
    __asm__ volatile(".syntax unified\n\t"
                     "push {r0, r7}\n\t"
                     "ldr r1, [r0, #24]\n\t"
                     "mov r8, r1\n\t"
                     "movs r1, #0\n\t"
                     "mov r9, r1\n\t"
                     "mov r10, r1\n\t"
                     "mov r11, r1\n\t"
                     "mov r12, r1\n\t"
                     "movs r5, #1\n\t"
                     "movs r6, #2\n\t"
                     "movs r7, #3\n\t"
                     "mov r3, r0\n\t"
                     "ldmia r3!, {r0, r1, r4}\n\t"
                     "subs r0, r0, r4\n\t"
                     "subs r1, r1, r4\n\t"
                     "0:\n\t"
                     "ldr r3, [sp, #0]\n\t"
                     "ldr r2, [r3, #12]\n\t"
                     "adds r2, r2, r0\n\t"
                     "mov lr, r2\n\t"
                     "1:\n\t"
                     "ldrsb r2, [r0, r4]\n\t"
                     "ldrsb r3, [r1, r4]\n\t"
                     "add r2, r8\n\t"
                     "muls r3, r2, r3\n\t"
                     "add r9, r3\n\t"
                     "adds r0, r0, r4\n\t"
                     "adds r1, r1, r4\n\t"
                     "ldrsb r2, [r0, r5]\n\t"
                     "ldrsb r3, [r1, r5]\n\t"
                     "add r2, r8\n\t"
                     "muls r3, r2, r3\n\t"
                     "add r10, r3\n\t"
                     "ldrsb r2, [r0, r6]\n\t"
                     "ldrsb r3, [r1, r6]\n\t"
                     "add r2, r8\n\t"
                     "muls r3, r2, r3\n\t"
                     "add r11, r3\n\t"
                     "ldrsb r2, [r0, r7]\n\t"
                     "ldrsb r3, [r1, r7]\n\t"
                     "add r2, r8\n\t"
                     "muls r3, r2, r3\n\t"
                     "add r12, r3\n\t"
                     "cmp r0, lr\n\t"
                     "bne 1b\n\t"
                     "ldr r3, [sp, #0]\n\t"
                     "ldr r2, [r3, #16]\n\t"
                     "adds r0, r0, r2\n\t"
                     "ldr r2, [r3, #20]\n\t"
                     "adds r1, r1, r2\n\t"
                     "ldr r2, [r3, #28]\n\t"
                     "subs r2, r2, #1\n\t"
                     "str r2, [r3, #28]\n\t"
                     "bne 0b\n\t"
                     "mov r0, r9\n\t"
                     "mov r1, r10\n\t"
                     "mov r2, r11\n\t"
                     "mov r4, r12\n\t"
                     "ldr r3, [r3, #32]\n\t"
                     "stmia r3!, {r0, r1, r2, r4}\n\t"
                     "pop {r0, r7}"
                     : "+r"(from)
                     :
                     : "r1", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr",
                       "cc", "memory");
}
#endif

#endif
