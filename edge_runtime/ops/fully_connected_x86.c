/* FULLY_CONNECTED for x86-64 with AVX-512; the same bytes as the portable kernels. */
#include "kernels.h"

#ifdef EK_X86
#include <immintrin.h>
#include <string.h>

enum { BLOCK = 16 }; /* outputs in a vector of int32, lanes of a float32 dot product */

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")))

/* Packed weights are uint8 [ceil(outputs / BLOCK)][ceil(depth / 4)][BLOCK][4], 128 added: VPDPBUSD
 * multiplies unsigned by signed bytes, and its signed operand can be a broadcast from memory, so
 * the input is read where it lies. */
size_t ek_fully_connected_int8_avx512_pack(const int32_t *params, const void *weights, void *packed)
{
    const size_t depth = (size_t)params[1], outputs = (size_t)params[2];
    const size_t quads = (depth + 3) / 4, blocks = (outputs + BLOCK - 1) / BLOCK;
    const size_t size = blocks * quads * BLOCK * 4;
    if (packed) {
        const uint8_t *from = weights;
        uint8_t *to = packed;
        memset(to, 128, size);
        for (size_t o = 0; o < outputs; o++)
            for (size_t k = 0; k < depth; k++)
                to[((o / BLOCK * quads + k / 4) * BLOCK + o % BLOCK) * 4 + k % 4] =
                    (uint8_t)(from[o * depth + k] ^ 128);
    }
    return size;
}

AVX512 static inline int32_t four(const int8_t *input, int32_t count)
{
    int32_t bytes = 0;
    memcpy(&bytes, input, (size_t)count);
    return bytes;
}

/* Sum of the input's elements. */
AVX512 static inline int32_t total(const int8_t *input, int32_t depth)
{
    const __m512i ones = _mm512_set1_epi8(1);
    __m512i sum = _mm512_setzero_si512();
    int32_t k = 0;
    for (; k + 64 <= depth; k += 64)
        sum = _mm512_dpbusd_epi32(sum, ones, _mm512_loadu_si512(input + k));
    if (k < depth) {
        const __mmask64 rest = ~(__mmask64)0 >> (64 - (depth - k));
        sum = _mm512_dpbusd_epi32(sum, ones, _mm512_maskz_loadu_epi8(rest, input + k));
    }
    return _mm512_reduce_add_epi32(sum);
}

/* ek_rescale, halves of the vector at a time. */
AVX512 static inline __m512i rescale(__m512i sum, __m512i multiplier, __m512i shift)
{
    const __m512i right = _mm512_sub_epi32(_mm512_set1_epi32(31), shift);
    const __m512i one = _mm512_set1_epi64(1);
    const __m512i low = _mm512_set1_epi64(0xffffffff);
    const __m512i right_even = _mm512_and_si512(right, low);
    const __m512i right_odd = _mm512_srli_epi64(right, 32);
    __m512i even = _mm512_mul_epi32(sum, multiplier);
    __m512i odd = _mm512_mul_epi32(_mm512_srli_epi64(sum, 32), _mm512_srli_epi64(multiplier, 32));
    even = _mm512_add_epi64(even, _mm512_sllv_epi64(one, _mm512_sub_epi64(right_even, one)));
    odd = _mm512_add_epi64(odd, _mm512_sllv_epi64(one, _mm512_sub_epi64(right_odd, one)));
    even = _mm512_srav_epi64(even, right_even);
    odd = _mm512_srav_epi64(odd, right_odd);
    return _mm512_mask_blend_epi32(0xaaaa, even, _mm512_slli_epi64(odd, 32));
}

AVX512 void ek_fully_connected_int8_avx512(const int32_t *params, void *const *tensors)
{
    const int32_t rows = params[0], depth = params[1], outputs = params[2];
    const int8_t *input = tensors[0];
    const int32_t *bias = tensors[2], *multiplier = tensors[3], *shift = tensors[4];
    int8_t *output = tensors[5];
    const int32_t quads = depth / 4, rest = depth % 4;

    for (int32_t row = 0; row < rows; row++, input += depth, output += outputs) {
        const __m512i excess = _mm512_set1_epi32(total(input, depth) * 128);
        const uint8_t *weights = tensors[1];
        for (int32_t o = 0; o < outputs; o += BLOCK) {
            const int32_t left = outputs - o;
            const __mmask16 mask = (__mmask16)(left < BLOCK ? (1u << left) - 1 : 0xffffu);
            __m512i a = _mm512_setzero_si512(), b = a, c = a, d = a;
            int32_t k = 0;
            for (; k + 4 <= quads; k += 4, weights += 256) {
                const int8_t *x = input + 4 * k;
                a = _mm512_dpbusd_epi32(a, _mm512_loadu_si512(weights),
                                        _mm512_set1_epi32(four(x, 4)));
                b = _mm512_dpbusd_epi32(b, _mm512_loadu_si512(weights + 64),
                                        _mm512_set1_epi32(four(x + 4, 4)));
                c = _mm512_dpbusd_epi32(c, _mm512_loadu_si512(weights + 128),
                                        _mm512_set1_epi32(four(x + 8, 4)));
                d = _mm512_dpbusd_epi32(d, _mm512_loadu_si512(weights + 192),
                                        _mm512_set1_epi32(four(x + 12, 4)));
            }
            for (; k < quads; k++, weights += 64)
                a = _mm512_dpbusd_epi32(a, _mm512_loadu_si512(weights),
                                        _mm512_set1_epi32(four(input + 4 * k, 4)));
            if (rest) {
                b = _mm512_dpbusd_epi32(b, _mm512_loadu_si512(weights),
                                        _mm512_set1_epi32(four(input + 4 * k, rest)));
                weights += 64;
            }
            a = _mm512_add_epi32(_mm512_add_epi32(a, b), _mm512_add_epi32(c, d));
            a = _mm512_sub_epi32(a, excess);
            a = _mm512_add_epi32(a, _mm512_maskz_loadu_epi32(mask, bias + o));
            a = rescale(a, _mm512_maskz_loadu_epi32(mask, multiplier + o),
                        _mm512_maskz_loadu_epi32(mask, shift + o));
            a = _mm512_add_epi32(a, _mm512_set1_epi32(params[3]));
            a = _mm512_max_epi32(a, _mm512_set1_epi32(params[4]));
            a = _mm512_min_epi32(a, _mm512_set1_epi32(params[5]));
            _mm512_mask_cvtepi32_storeu_epi8(output + o, mask, a);
        }
    }
}

/* Adds the lanes as the portable kernel does: halves onto each other. */
AVX512 static inline float folded(__m512 lanes)
{
    const __m256 eight =
        _mm256_add_ps(_mm512_castps512_ps256(lanes), _mm512_extractf32x8_ps(lanes, 1));
    const __m128 four_ = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four_, _mm_movehl_ps(four_, four_));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

AVX512 void ek_fully_connected_float32_avx512(const int32_t *params, void *const *tensors)
{
    enum { AT_ONCE = 4 }; /* outputs: as many sums as hide an addition's latency */
    const int32_t rows = params[0], depth = params[1], outputs = params[2];
    const float *input = tensors[0], *bias = tensors[2];
    float *output = tensors[3], lowest, highest;
    memcpy(&lowest, &params[3], sizeof lowest);
    memcpy(&highest, &params[4], sizeof highest);
    const __mmask16 tail = (__mmask16)((1u << depth % BLOCK) - 1);

    for (int32_t row = 0; row < rows; row++, input += depth) {
        for (int32_t o = 0; o < outputs; o += AT_ONCE) {
            const float *weights[AT_ONCE];
            __m512 lanes[AT_ONCE];
            for (int32_t i = 0; i < AT_ONCE; i++) {
                /* Past the last output the last one is calculated again, and not stored. */
                const int32_t own = o + i < outputs ? o + i : outputs - 1;
                weights[i] = (const float *)tensors[1] + (ptrdiff_t)own * depth;
                lanes[i] = _mm512_setzero_ps();
            }
            int32_t k = 0;
            for (; k + BLOCK <= depth; k += BLOCK) {
                const __m512 x = _mm512_loadu_ps(input + k);
                for (int32_t i = 0; i < AT_ONCE; i++)
                    lanes[i] =
                        _mm512_add_ps(lanes[i], _mm512_mul_ps(x, _mm512_loadu_ps(weights[i] + k)));
            }
            if (tail) {
                const __m512 x = _mm512_maskz_loadu_ps(tail, input + k);
                for (int32_t i = 0; i < AT_ONCE; i++)
                    lanes[i] = _mm512_add_ps(
                        lanes[i], _mm512_mul_ps(x, _mm512_maskz_loadu_ps(tail, weights[i] + k)));
            }
            for (int32_t i = 0; i < AT_ONCE && o + i < outputs; i++) {
                float sum = folded(lanes[i]) + bias[o + i];
                sum = sum < lowest ? lowest : sum;
                *output++ = sum > highest ? highest : sum;
            }
        }
    }
}
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
