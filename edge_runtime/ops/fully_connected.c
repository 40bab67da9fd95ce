/* FULLY_CONNECTED; the meaning is defined in fully_connected_kernels.py. */
#include "kernels.h"

#include <string.h>

#include "fixed_point.h"
#include "flash.h"

/* ---- int8: input [rows][depth], weights [outputs][depth], bias int32 [outputs] ---- */

typedef int32_t rescaler(int32_t total, int32_t multiplier, int32_t shift);

static inline int32_t dot_int8(const int8_t *input, const int8_t *weights, int32_t depth)
{
    int32_t sum = 0;
    for (int32_t k = 0; k < depth; k++)
        sum += input[k] * ek_flash_int8(&weights[k]);
    return sum;
}

/* Unsigned, because what a damaged file holds may wrap. */
static inline int32_t add(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a + (uint32_t)b);
}

static inline void dense_int8(const int32_t *params, void *const *tensors, rescaler *rescale)
{
    const int32_t rows = params[0], depth = params[1], outputs = params[2];
    const int32_t zero_point = params[3], lowest = params[4], highest = params[5];
    const int8_t *input = (const int8_t *)tensors[0];
    const int32_t *bias = (const int32_t *)tensors[2];
    const int32_t *multiplier = (const int32_t *)tensors[3], *shift = (const int32_t *)tensors[4];
    int8_t *output = (int8_t *)tensors[5];

    for (int32_t row = 0; row < rows; row++, input += depth) {
        const int8_t *weights = (const int8_t *)tensors[1];
        for (int32_t o = 0; o < outputs; o++, weights += depth) {
            const int32_t total = add(dot_int8(input, weights, depth), ek_flash_int32(&bias[o]));
            const int32_t factor = ek_flash_int32(&multiplier[o]), left = ek_flash_int32(&shift[o]);
            const int32_t scaled = add(rescale(total, factor, left), zero_point);
            *output++ = (int8_t)ek_clamp(scaled, lowest, highest);
        }
    }
}

/* tensors: input, weights, bias, multiplier int32 [outputs], shift int32 [outputs], output int8
 * [rows][outputs]. */
void ek_fully_connected_int8(const int32_t *params, void *const *tensors)
{
    dense_int8(params, tensors, ek_rescale);
}

void ek_fully_connected_int8_double(const int32_t *params, void *const *tensors)
{
    dense_int8(params, tensors, ek_rescale_double);
}

/* To the nearest, halves to the even one, of a number below 2^22: past 1.5 * 2^23 a float has no
 * bits left for a fraction. */
static inline int32_t nearest(float value)
{
    const float magic = 12582912.0f;
    const float moved = value + magic;
    int32_t bits, base;
    memcpy(&bits, &moved, sizeof bits);
    memcpy(&base, &magic, sizeof base);
    return bits - base;
}

/* tensors: input, weights, bias, scale float [outputs], output int8 [rows][outputs]. */
void ek_fully_connected_int8_float(const int32_t *params, void *const *tensors)
{
    const int32_t rows = params[0], depth = params[1], outputs = params[2];
    const float lowest = (float)(params[4] - params[3]), highest = (float)(params[5] - params[3]);
    const int8_t *input = (const int8_t *)tensors[0];
    const int32_t *bias = (const int32_t *)tensors[2];
    const float *scale = (const float *)tensors[3];
    int8_t *output = (int8_t *)tensors[4];

    for (int32_t row = 0; row < rows; row++, input += depth) {
        const int8_t *weights = (const int8_t *)tensors[1];
        for (int32_t o = 0; o < outputs; o++, weights += depth) {
            const int32_t total = add(dot_int8(input, weights, depth), ek_flash_int32(&bias[o]));
            float value = (float)total * ek_flash_float(&scale[o]);
            value = value < lowest ? lowest : value;
            value = value > highest ? highest : value;
            *output++ = (int8_t)(nearest(value) + params[3]);
        }
    }
}

/* ---- int16: input [rows][depth], weights int8 [outputs][depth] ---- */

static inline int64_t dot_int16(const int16_t *input, const int8_t *weights, int32_t depth)
{
    enum { BLOCK = 256 }; /* products of which the sum stays in int32 */
    int64_t sum = 0;
    for (int32_t k = 0; k < depth;) {
        const int32_t end = depth - k < BLOCK ? depth : k + BLOCK;
        int32_t part = 0;
        for (; k < end; k++)
            part += (int32_t)input[k] * ek_flash_int8(&weights[k]);
        sum += part;
    }
    return sum;
}

/* total * multiplier * 2^(shift - 31), rounded once, halves up, with a multiplier of 16 bits. */
static inline int32_t rescale_reduced(int64_t total, int32_t multiplier, int32_t shift)
{
    const int32_t half = (int32_t)1 << 15;
    const int32_t reduced = multiplier < 0x7fff0000 ? (multiplier + half) >> 16 : 0x7fff;
    const int32_t right = 15 - shift < 1 ? 1 : 15 - shift;
    const uint64_t product = (uint64_t)total * (uint64_t)reduced + ((uint64_t)1 << (right - 1));
    return (int32_t)(uint32_t)(uint64_t)((int64_t)product >> right);
}

/* A sum with the bias of an output, int64 or int32 as the bias is; it wraps. */
typedef int64_t adder(int64_t sum, const void *bias, int32_t output);

static inline int64_t add_wide(int64_t sum, const void *bias, int32_t output)
{
    return (int64_t)((uint64_t)sum + (uint64_t)ek_flash_int64((const int64_t *)bias + output));
}

static inline int64_t add_narrow(int64_t sum, const void *bias, int32_t output)
{
    return add((int32_t)(uint32_t)(uint64_t)sum, ek_flash_int32((const int32_t *)bias + output));
}

/* A total scaled by the multiplier and the shift of an output. */
typedef int32_t scaler(int64_t total, const void *multiplier, const int32_t *shift, int32_t output);

static inline int32_t scale_exact(int64_t total, const void *multiplier, const int32_t *shift,
                                  int32_t output)
{
    const int64_t significand = ek_flash_int64((const int64_t *)multiplier + output);
    return ek_rescale_exact(total, significand, ek_flash_int32(&shift[output]));
}

static inline int32_t scale_reduced(int64_t total, const void *multiplier, const int32_t *shift,
                                    int32_t output)
{
    const int32_t factor = ek_flash_int32((const int32_t *)multiplier + output);
    return rescale_reduced(total, factor, ek_flash_int32(&shift[output]));
}

static inline int32_t scale_double(int64_t total, const void *multiplier, const int32_t *shift,
                                   int32_t output)
{
    const int32_t factor = ek_flash_int32((const int32_t *)multiplier + output);
    return ek_rescale_double((int32_t)total, factor, ek_flash_int32(&shift[output]));
}

static inline void dense_int16(const int32_t *params, void *const *tensors, adder *with_bias,
                               scaler *scale)
{
    const int32_t rows = params[0], depth = params[1], outputs = params[2];
    const int16_t *input = (const int16_t *)tensors[0];
    const int32_t *shift = (const int32_t *)tensors[4];
    int16_t *output = (int16_t *)tensors[5];

    for (int32_t row = 0; row < rows; row++, input += depth) {
        const int8_t *weights = (const int8_t *)tensors[1];
        for (int32_t o = 0; o < outputs; o++, weights += depth) {
            const int64_t total = with_bias(dot_int16(input, weights, depth), tensors[2], o);
            const int32_t scaled = scale(total, tensors[3], shift, o);
            *output++ = (int16_t)ek_clamp(scaled, params[3], params[4]);
        }
    }
}

/* tensors: input, weights, bias int64 [outputs], multiplier int64 [outputs], shift int32 [outputs],
 * output int16 [rows][outputs]. */
void ek_fully_connected_int16(const int32_t *params, void *const *tensors)
{
    dense_int16(params, tensors, add_wide, scale_exact);
}

/* tensors: as above with bias int32 [outputs]. */
void ek_fully_connected_int16_narrow(const int32_t *params, void *const *tensors)
{
    dense_int16(params, tensors, add_narrow, scale_exact);
}

/* tensors: as the first with multiplier int32 [outputs]. */
void ek_fully_connected_int16_reduced(const int32_t *params, void *const *tensors)
{
    dense_int16(params, tensors, add_wide, scale_reduced);
}

/* tensors: as the first with bias and multiplier int32 [outputs]. */
void ek_fully_connected_int16_narrow_double(const int32_t *params, void *const *tensors)
{
    dense_int16(params, tensors, add_narrow, scale_double);
}

/* ---- float32 ---- */

/* Partial sums of a dot product; element k goes to sum k % LANES. */
enum { LANES = 16 };

/* M-profile cores with a single-precision FPU that code may use. In assembly, because compilers
 * keep the sums in memory: here they are s0-s15. Products are rounded before they are added. */
#if defined(__ARM_FP) && (__ARM_FP & 4) && !defined(__SOFTFP__) && __ARM_ARCH_PROFILE == 'M' &&    \
    defined(__GNUC__) && !defined(__ARM_BIG_ENDIAN)
#define VMUL(a, b) "vmul.f32 s" #a ", s" #a ", s" #b "\n\t"
#define VADD(a, b) "vadd.f32 s" #a ", s" #a ", s" #b "\n\t"
#define EIGHT_PRODUCTS                                                                             \
    "vldm %[x]!, {s16-s23}\n\t"                                                                    \
    "vldm %[w]!, {s24-s31}\n\t" VMUL(16, 24) VMUL(17, 25) VMUL(18, 26) VMUL(19, 27) VMUL(20, 28)   \
    VMUL(21, 29) VMUL(22, 30) VMUL(23, 31)

static inline float dot_float32(const float *input, const float *weights, int32_t depth)
{
    float lanes[LANES], *lane; /* for the depth's rest */
    register float sum __asm__("s0");
    __asm__ volatile("mov %[lane], #0\n\t"
                     "vmov d0, %[lane], %[lane]\n\t"
                     "vmov d1, %[lane], %[lane]\n\t"
                     "vmov d2, %[lane], %[lane]\n\t"
                     "vmov d3, %[lane], %[lane]\n\t"
                     "vmov d4, %[lane], %[lane]\n\t"
                     "vmov d5, %[lane], %[lane]\n\t"
                     "vmov d6, %[lane], %[lane]\n\t"
                     "vmov d7, %[lane], %[lane]\n\t"
                     "subs %[n], #16\n\t"
                     "blt 2f\n"
                     "1:\n\t" EIGHT_PRODUCTS VADD(0, 16) VADD(1, 17) VADD(2, 18) VADD(3, 19)
                     VADD(4, 20) VADD(5, 21) VADD(6, 22) VADD(7, 23)
                     EIGHT_PRODUCTS VADD(8, 16) VADD(9, 17) VADD(10, 18) VADD(11, 19)
                     VADD(12, 20) VADD(13, 21) VADD(14, 22) VADD(15, 23)
                     "subs %[n], #16\n\t"
                     "bge 1b\n"
                     "2:\n\t"
                     "adds %[n], #16\n\t"
                     "beq 4f\n\t"
                     "mov %[lane], %[lanes]\n\t"
                     "vstm %[lanes], {s0-s15}\n"
                     "3:\n\t"
                     "vldm %[x]!, {s16}\n\t"
                     "vldm %[w]!, {s17}\n\t"
                     "vldr s18, [%[lane]]\n\t" VMUL(16, 17) VADD(18, 16)
                     "vstm %[lane]!, {s18}\n\t"
                     "subs %[n], #1\n\t"
                     "bne 3b\n\t"
                     "vldm %[lanes], {s0-s15}\n"
                     "4:\n\t" VADD(0, 8) VADD(1, 9) VADD(2, 10) VADD(3, 11) VADD(4, 12)
                     VADD(5, 13) VADD(6, 14) VADD(7, 15) VADD(0, 4) VADD(1, 5) VADD(2, 6)
                     VADD(3, 7) VADD(0, 2) VADD(1, 3) VADD(0, 1)
                     : [x] "+r"(input), [w] "+r"(weights), [n] "+r"(depth), [lane] "=&r"(lane),
                       "=t"(sum)
                     : [lanes] "r"(lanes)
                     : "cc", "memory", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10",
                       "s11", "s12", "s13", "s14", "s15", "s16", "s17", "s18", "s19", "s20", "s21",
                       "s22", "s23", "s24", "s25", "s26", "s27", "s28", "s29", "s30", "s31");
    return sum;
}
#else
static inline float dot_float32(const float *input, const float *weights, int32_t depth)
{
    float lanes[LANES] = {0};
    const float *const end = input + depth;
    for (; end - input >= LANES; input += LANES, weights += LANES)
        for (int32_t lane = 0; lane < LANES; lane++)
            lanes[lane] += input[lane] * ek_flash_float(&weights[lane]);
    for (int32_t lane = 0; input + lane < end; lane++)
        lanes[lane] += input[lane] * ek_flash_float(&weights[lane]);
    for (int32_t half = LANES / 2; half; half /= 2)
        for (int32_t lane = 0; lane < half; lane++)
            lanes[lane] += lanes[lane + half];
    return lanes[0];
}
#endif

/* tensors: input float [rows][depth], weights float [outputs][depth], bias float [outputs],
 * output float [rows][outputs]. */
void ek_fully_connected_float32(const int32_t *params, void *const *tensors)
{
    const int32_t rows = params[0], depth = params[1], outputs = params[2];
    const float *input = (const float *)tensors[0], *bias = (const float *)tensors[2];
    float *output = (float *)tensors[3], lowest, highest;
    memcpy(&lowest, &params[3], sizeof lowest);
    memcpy(&highest, &params[4], sizeof highest);

    for (int32_t row = 0; row < rows; row++, input += depth) {
        const float *weights = (const float *)tensors[1];
        for (int32_t o = 0; o < outputs; o++, weights += depth) {
            float sum = dot_float32(input, weights, depth) + ek_flash_float(&bias[o]);
            sum = sum < lowest ? lowest : sum;
            *output++ = sum > highest ? highest : sum;
        }
    }
}
