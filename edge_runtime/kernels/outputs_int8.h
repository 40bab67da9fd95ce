/* How int8 layers with a multiplier for each output make their outputs of sums of products. */
#ifndef EK_OUTPUTS_INT8_H
#define EK_OUTPUTS_INT8_H

#include <stdint.h>

#include "fixed_point.h"
#include "flash.h"
#include "outline.h"

/* What outputs are moved by and clamped to. */
typedef struct {
    int32_t zero_point, lowest, highest;
} EkOutputs;

#if defined(__thumb__) && !defined(__thumb2__) && __ARM_ARCH_PROFILE == 'M'
/* What the assembly reads, in this order: "place" is less the bytes of the sums, which all but the
 * output end at. */
typedef struct {
    const int32_t *bias, *multiplier, *shift;
    int32_t lowest, highest, place;
    const int32_t *sums;
    int32_t zero_point;
    int8_t *output;
} EkOutputRun;

/* Writes "count" outputs, of which "first" is the first of the layer's. tensors: ..., at 2 bias,
 * multiplier, shift int32 [outputs]. */
static EK_OUTLINE void ek_outputs_int8(EkOutputs p, const int32_t *sums, void *const *tensors,
                                       int32_t first, int32_t count, int8_t *output)
{
    const int32_t end = first + count;
    const EkOutputRun run = {(const int32_t *)tensors[2] + end,
                             (const int32_t *)tensors[3] + end,
                             (const int32_t *)tensors[4] + end,
                             p.lowest,
                             p.highest,
                             -4 * count,
                             sums + count,
                             p.zero_point,
                             output};
    register const EkOutputRun *from __asm__("r0") = &run;
    if (count <= 0)
        return;
    /* r0: sum and output; r6: place; r7: shift to the right, which is kept by hand as it may be the
     * frame's; r8 to r10: bias, multiplier, shift; r11, r12: bounds; lr: output. */
    __asm__ volatile(".syntax unified\n\t"
                     "ldmia r0!, {r1, r2, r3, r4, r5, r6}\n\t"
                     "mov r8, r1\n\t"
                     "mov r9, r2\n\t"
                     "mov r10, r3\n\t"
                     "mov r11, r4\n\t"
                     "mov r12, r5\n\t"
                     "ldmia r0!, {r1, r2, r3}\n\t"
                     "mov lr, r3\n\t"
                     "push {r1, r2, r7}\n\t"
                     "0:\n\t"
                     "ldr r0, [sp, #0]\n\t"
                     "ldr r0, [r0, r6]\n\t"
                     "mov r1, r8\n\t"
                     "ldr r1, [r1, r6]\n\t"
                     "adds r0, r0, r1\n\t"
                     "mov r1, r10\n\t"
                     "ldr r1, [r1, r6]\n\t"
                     "rsbs r7, r1, #0\n\t"
                     "bpl 1f\n\t"
                     "lsls r0, r1\n\t"
                     "movs r7, #0\n\t"
                     "1:\n\t"
                     "mov r1, r9\n\t"
                     "ldr r1, [r1, r6]\n\t"
                     EK_DOUBLED_HIGH("r0", "r1", "r2", "r3", "r4", "r5")
                     "ldr r1, [sp, #4]\n\t"
                     EK_HALVES_AWAY("r0", "r7", "r1", "r2")
                     "cmp r0, r11\n\t"
                     "bge 2f\n\t"
                     "mov r0, r11\n\t"
                     "2:\n\t"
                     "cmp r0, r12\n\t"
                     "ble 3f\n\t"
                     "mov r0, r12\n\t"
                     "3:\n\t"
                     "mov r1, lr\n\t"
                     "strb r0, [r1, #0]\n\t"
                     "adds r1, r1, #1\n\t"
                     "mov lr, r1\n\t"
                     "adds r6, r6, #4\n\t"
                     "bne 0b\n\t"
                     "pop {r1, r2, r7}"
                     : "+r"(from)
                     :
                     : "r1", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr",
                       "cc", "memory");
}
#else
/* Writes "count" outputs, of which "first" is the first of the layer's. tensors: ..., at 2 bias,
 * multiplier, shift int32 [outputs]. */
static EK_OUTLINE void ek_outputs_int8(EkOutputs p, const int32_t *sums, void *const *tensors,
                                       int32_t first, int32_t count, int8_t *output)
{
    const int32_t *bias = (const int32_t *)tensors[2] + first;
    const int32_t *multiplier = (const int32_t *)tensors[3] + first;
    const int32_t *shift = (const int32_t *)tensors[4] + first;
    for (int32_t c = 0; c < count; c++) {
        const int32_t total = ek_add(sums[c], ek_flash_int32(&bias[c]));
        const int32_t factor = ek_flash_int32(&multiplier[c]), left = ek_flash_int32(&shift[c]);
        const int32_t moved = ek_add(ek_rescale_twice(total, factor, left), p.zero_point);
        output[c] = (int8_t)ek_clamp(moved, p.lowest, p.highest);
    }
}
#endif

#endif
