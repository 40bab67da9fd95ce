/* Layers of int8 on Cortex-M cores with Helium: four outputs of two rows of inputs at a time.
 *
 * VMLADAVA adds 16 products to a core register, so a tile is eight sums in the eight registers that
 * it takes. Weights are packed by packing/gemm_int8_helium.c: for each four outputs their next 16
 * weights, one output after another, padded with zeros. Rows of inputs are padded as well, with any
 * bytes, unless their depth is a multiple of 16. */
#ifndef EK_GEMM_INT8_HELIUM_H
#define EK_GEMM_INT8_HELIUM_H

#include <arm_mve.h>
#include <stdint.h>

/* How sums become outputs. */
typedef struct {
    const int32_t *bias, *multiplier, *shift; /* [outputs], padded to a multiple of four */
    int32_t outputs, zero_point, lowest, highest;
    int32_t ties; /* whether halves below zero are to be rounded away from it */
} EkHeliumLayer;

#define EK_HELIUM_STEP                                                                             \
    "vldrb.u8 q0, [r1], #16\n\t"                                                                   \
    "vldrb.u8 q1, [r3], #16\n\t"                                                                   \
    "vldrb.u8 q2, [r5], #16\n\t"                                                                   \
    "vmladava.s8 r0, q0, q2\n\t"                                                                   \
    "vldrb.u8 q3, [r5], #16\n\t"                                                                   \
    "vmladava.s8 r8, q1, q2\n\t"                                                                   \
    "vmladava.s8 r2, q0, q3\n\t"                                                                   \
    "vldrb.u8 q2, [r5], #16\n\t"                                                                   \
    "vmladava.s8 r10, q1, q3\n\t"                                                                  \
    "vmladava.s8 r4, q0, q2\n\t"                                                                   \
    "vldrb.u8 q3, [r5], #16\n\t"                                                                   \
    "vmladava.s8 r12, q1, q2\n\t"                                                                  \
    "vmladava.s8 r6, q0, q3\n\t"                                                                   \
    "vmladava.s8 lr, q1, q3\n\t"

/* sums = bias + weights * two rows x and y of so many times 16 inputs; returns the next weights. In
 * assembly, because compilers run out of registers. */
static inline const int8_t *ek_helium_tile(const int8_t *x, const int8_t *y, const int8_t *weights,
                                           const int32_t *bias, int32_t steps, int32x4_t *of_x,
                                           int32x4_t *of_y)
{
    register const int8_t *a __asm__("r1") = x;
    register const int8_t *b __asm__("r3") = y;
    register const int8_t *w __asm__("r2") = weights;
    register const int32_t *start __asm__("r0") = bias;
    register int32_t n __asm__("r12") = steps;
    register int32x4_t sum_a __asm__("q0");
    register int32x4_t sum_b __asm__("q1");
    __asm__ volatile("push {r4-r11, lr}\n\t"
                     "mov r5, r2\n\t"
                     "mov r7, r12\n\t"
                     "ldrd r8, r10, [r0]\n\t"
                     "ldrd r12, lr, [r0, #8]\n\t"
                     "ldrd r4, r6, [r0, #8]\n\t"
                     "ldrd r0, r2, [r0]\n\t"
                     "lsrs r9, r7, #1\n\t"
                     "bcc 1f\n\t" EK_HELIUM_STEP "cmp r9, #0\n\t"
                     "beq 2f\n"
                     "1:\n\t" EK_HELIUM_STEP EK_HELIUM_STEP "subs r9, #1\n\t"
                     "bgt 1b\n"
                     "2:\n\t"
                     "vmov q0[2], q0[0], r0, r4\n\t"
                     "vmov q0[3], q0[1], r2, r6\n\t"
                     "vmov q1[2], q1[0], r8, r12\n\t"
                     "vmov q1[3], q1[1], r10, lr\n\t"
                     "mov r2, r5\n\t"
                     "pop {r4-r11, lr}"
                     : "+r"(a), "+r"(b), "+r"(w), "+r"(start), "+r"(n), "=w"(sum_a), "=w"(sum_b)
                     :
                     : "q2", "q3", "cc", "memory");
    *of_x = sum_a;
    *of_y = sum_b;
    return w;
}

/* As ek_rescale_twice for shifts up to 0 and multipliers above INT32_MIN; halves below zero are only
 * rounded away from it if there are ties. */
static inline int32x4_t ek_helium_rescale(int32x4_t sums, int32x4_t multiplier, int32x4_t shift,
                                          int32_t ties)
{
    int32x4_t high = vqrdmulhq_s32(sums, multiplier);
    if (ties)
        high = vqaddq_s32(high, vshrq_n_s32(vandq_s32(high, shift), 31));
    return vrshlq_s32(high, shift);
}

/* Writes up to four outputs. */
static inline void ek_helium_store(const EkHeliumLayer *layer, int8_t *output, int32_t count,
                                   int32x4_t scaled)
{
    const int32x4_t moved = vaddq_n_s32(scaled, layer->zero_point);
    const int32x4_t above = vmaxq_s32(moved, vdupq_n_s32(layer->lowest));
    const int32x4_t clamped = vminq_s32(above, vdupq_n_s32(layer->highest));
    if (count >= 4)
        vstrbq_s32(output, clamped);
    else
        vstrbq_p_s32(output, clamped, vctp32q((uint32_t)count));
}

/* Writes the outputs of two rows x and y of so many times 16 inputs, or of x alone. */
static inline void ek_helium_rows(const EkHeliumLayer *layer, const int8_t *x, const int8_t *y,
                                  const int8_t *weights, int32_t steps, int32_t both,
                                  int8_t *output)
{
    const int32_t outputs = layer->outputs, ties = layer->ties;
    for (int32_t o = 0; o < outputs; o += 4) {
        int32x4_t of_x, of_y;
        weights = ek_helium_tile(x, y, weights, layer->bias + o, steps, &of_x, &of_y);
        const int32x4_t multiplier = vldrwq_s32(layer->multiplier + o);
        const int32x4_t shift = vldrwq_s32(layer->shift + o);
        const int32_t left = outputs - o;
        ek_helium_store(layer, output + o, left, ek_helium_rescale(of_x, multiplier, shift, ties));
        if (both)
            ek_helium_store(layer, output + o + outputs, left,
                            ek_helium_rescale(of_y, multiplier, shift, ties));
    }
}

#endif
