/* CONV_2D with AVX-512 and its VNNI; the same bytes as the portable kernels.
 *
 * The windows of EK_TILE positions are copied to scratch memory, one behind the other, as uint8
 * (128 added), because VPDPBUSD multiplies uint8 with int8; where they leave the image they have the
 * zero point. Then four inputs at a time, broadcast, are multiplied with the weights of 16 or 32
 * outputs, a lane each. */
#include "kernel.h"

#ifdef EK_X86
#include <immintrin.h>
#include <string.h>

#include "conv_2d.h"

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")))
#define INLINE TARGET __attribute__((always_inline)) static inline
#define UNROLL _Pragma("GCC unroll 32")

/* A packed block of outputs is a head int32 [columns][WIDTH] and the weights [quads][WIDTH][4]; the
 * packer is packing/conv_2d.c. */
enum { WIDTH = 16, QUAD_BYTES = 4 * WIDTH, COLUMN_BYTES = 4 * WIDTH, CHUNK = 64, FEW = 4 };

INLINE __m512i load(const void *bytes)
{
    return _mm512_loadu_si512(bytes);
}

/* Written out, because GCC 12 copies each sum to another register and back around the intrinsic. */
INLINE __m512i dot(__m512i sum, __m512i x, __m512i weights)
{
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(x), "v"(weights));
    return sum;
}

/* ek_rescale_twice. */
INLINE __m512i rescaled_twice(__m512i total, const char *head)
{
    const __m512i half = _mm512_set1_epi64((int64_t)1 << 30);
    const __m512i one = _mm512_set1_epi32(1);
    const __m512i multiplier = load(head + COLUMN_BYTES);
    const __m512i right = load(head + 3 * COLUMN_BYTES);
    const __m512i moved = _mm512_sllv_epi32(total, load(head + 2 * COLUMN_BYTES));
    __m512i even = _mm512_mul_epi32(moved, multiplier);
    __m512i odd =
        _mm512_mul_epi32(_mm512_srli_epi64(moved, 32), _mm512_srli_epi64(multiplier, 32));
    even = _mm512_srli_epi64(_mm512_add_epi64(even, half), 31);
    odd = _mm512_slli_epi64(_mm512_add_epi64(odd, half), 1);
    const __m512i high = _mm512_mask_blend_epi32(0xaaaa, even, odd);
    const __m512i mask = _mm512_sub_epi32(_mm512_sllv_epi32(one, right), one);
    const __m512i threshold =
        _mm512_add_epi32(_mm512_srli_epi32(mask, 1), _mm512_srli_epi32(high, 31));
    const __mmask16 up = _mm512_cmpgt_epi32_mask(_mm512_and_si512(high, mask), threshold);
    const __m512i floor = _mm512_srav_epi32(high, right);
    return _mm512_mask_add_epi32(floor, up, floor, one);
}

/* A sum as an output, of 32 bits. */
typedef __m512i finisher(__m512i total, const char *head, const Conv2D *p);

INLINE __m512i finish_twice(__m512i total, const char *head, const Conv2D *p)
{
    const __m512i moved = _mm512_add_epi32(rescaled_twice(total, head),
                                           _mm512_set1_epi32(p->output_zero_point));
    return _mm512_min_epi32(_mm512_max_epi32(moved, _mm512_set1_epi32(p->lowest)),
                            _mm512_set1_epi32(p->highest));
}

INLINE __m512i finish_float(__m512i total, const char *head, const Conv2D *p)
{
    const __m512 low = _mm512_set1_ps((float)(p->lowest - p->output_zero_point));
    const __m512 high = _mm512_set1_ps((float)(p->highest - p->output_zero_point));
    const __m512 scale = _mm512_castsi512_ps(load(head + COLUMN_BYTES));
    const __m512 scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(total), scale);
    const __m512i rounded =
        _mm512_cvtps_epi32(_mm512_min_ps(high, _mm512_max_ps(low, scaled)));
    return _mm512_add_epi32(rounded, _mm512_set1_epi32(p->output_zero_point));
}

/* The outputs of up to ``high`` positions, of which ``count`` exist, in ``wide`` blocks, the last of
 * which has the outputs of ``lanes``. */
INLINE void tile(const int32_t high, const int32_t wide, finisher *finish, const int32_t columns,
                 const Conv2D *p, const uint8_t *windows, int32_t quads, const char *block,
                 int32_t count, __mmask16 lanes, int8_t *output)
{
    const ptrdiff_t head = columns * COLUMN_BYTES;
    const ptrdiff_t block_size = head + (ptrdiff_t)quads * QUAD_BYTES;
    const ptrdiff_t pitch = 4 * (ptrdiff_t)quads;
    const char *weights = block + head;
    __m512i sums[2 * EK_TILE], stored[2 * EK_TILE];
    UNROLL
    for (int32_t i = 0; i < high * wide; i++)
        sums[i] = load(block + i % wide * block_size);
    for (int32_t k = 0; k < quads; k++, weights += QUAD_BYTES) {
        const __m512i first = load(weights);
        const __m512i second = wide == 2 ? load(weights + block_size) : first;
        UNROLL
        for (int32_t i = 0; i < high; i++) {
            int32_t four;
            memcpy(&four, windows + i * pitch + 4 * (ptrdiff_t)k, sizeof four);
            const __m512i x = _mm512_set1_epi32(four);
            sums[i * wide] = dot(sums[i * wide], x, first);
            if (wide == 2)
                sums[i * wide + 1] = dot(sums[i * wide + 1], x, second);
        }
    }
    UNROLL
    for (int32_t i = 0; i < high * wide; i++)
        stored[i] = sums[i];
    for (int32_t i = 0; i < count; i++, output += p->outputs)
        for (int32_t b = 0; b < wide; b++) {
            const __m512i result = finish(stored[i * wide + b], block + b * block_size, p);
            _mm512_mask_cvtepi32_storeu_epi8(output + b * WIDTH,
                                             b + 1 < wide ? (__mmask16)0xffff : lanes, result);
        }
}

/* Bytes as uint8, 128 added. */
INLINE void copy(uint8_t *to, const int8_t *from, int32_t count)
{
    const __m512i flip = _mm512_set1_epi8(-128);
    for (; count > CHUNK; count -= CHUNK, to += CHUNK, from += CHUNK)
        _mm512_storeu_si512(to, _mm512_xor_si512(load(from), flip));
    const __mmask64 there = ~(__mmask64)0 >> (CHUNK - count);
    _mm512_mask_storeu_epi8(to, there,
                            _mm512_xor_si512(_mm512_maskz_loadu_epi8(there, from), flip));
}

/* The window of a position. */
INLINE void gather(const Conv2D *p, const int8_t *input, int32_t row, int32_t column,
                   int32_t quads, uint8_t *window)
{
    const EkTaps taps = ek_taps_at(p, row, column);
    if (!taps.whole)
        memset(window, p->input_zero_point + 128, 4 * (size_t)quads);
    input += taps.input;
    window += taps.weights;
    for (int32_t i = 0; i < taps.rows; i++, input += taps.input_row, window += taps.weights_row)
        for (int32_t j = 0; j < taps.runs; j++)
            copy(window + j * taps.weights_run, input + j * taps.input_run, taps.count);
}

typedef void tiler(const Conv2D *p, const uint8_t *windows, int32_t quads, const char *block,
                   int32_t count, __mmask16 lanes, int8_t *output);

/* A function for each size, so that the sums stay in registers: many or few positions, one block or
 * two. */
#define TILER(name, high, wide, finish, columns)                                                   \
    TARGET static void name(const Conv2D *p, const uint8_t *windows, int32_t quads,                \
                            const char *block, int32_t count, __mmask16 lanes, int8_t *output)     \
    {                                                                                              \
        tile(high, wide, finish, columns, p, windows, quads, block, count, lanes, output);         \
    }
#define TILERS(kind, columns)                                                                      \
    TILER(many_1_##kind, EK_TILE, 1, finish_##kind, columns)                                       \
    TILER(many_2_##kind, EK_TILE, 2, finish_##kind, columns)                                       \
    TILER(few_1_##kind, FEW, 1, finish_##kind, columns)                                            \
    TILER(few_2_##kind, FEW, 2, finish_##kind, columns)                                            \
    static tiler *const TILERS_##kind[2][2] = {{many_1_##kind, many_2_##kind},                     \
                                               {few_1_##kind, few_2_##kind}};
TILERS(twice, 4)
TILERS(float, 2)

TARGET static void convolve(const int32_t *params, void *const *tensors, int8_t *output,
                            uint8_t *windows, int32_t columns, tiler *const (*tilers)[2])
{
    const Conv2D *const p = (const Conv2D *)params;
    const int32_t depth = p->window_height * p->window_width * p->depth, quads = (depth + 3) / 4;
    const ptrdiff_t image = (ptrdiff_t)p->height * p->width * p->channels;
    const ptrdiff_t block_size = columns * COLUMN_BYTES + (ptrdiff_t)quads * QUAD_BYTES;
    const int32_t positions = p->output_height * p->output_width;
    const int32_t pointwise = ek_is_pointwise(p) && depth % 4 == 0;
    const int8_t *input = tensors[0];

    for (int32_t batch = 0; batch < p->batches; batch++, input += image)
        for (int32_t done = 0, row = 0, column = 0; done < positions; done += EK_TILE) {
            const int32_t count = positions - done < EK_TILE ? positions - done : EK_TILE;
            if (pointwise)
                copy(windows, input + (ptrdiff_t)done * depth, count * depth);
            for (int32_t i = 0; !pointwise && i < count; i++) {
                gather(p, input, row, column, quads, windows + 4 * (ptrdiff_t)i * quads);
                if (++column == p->output_width) {
                    column = 0;
                    row++;
                }
            }
            const char *block = tensors[1];
            for (int32_t o = 0; o < p->outputs; o += 2 * WIDTH, block += 2 * block_size) {
                const int32_t left = p->outputs - o, wide = left > WIDTH ? 2 : 1;
                const int32_t last = left - (wide - 1) * WIDTH;
                const __mmask16 lanes = (__mmask16)(last < WIDTH ? (1u << last) - 1 : 0xffff);
                tilers[count <= FEW][wide - 1](p, windows, quads, block, count, lanes, output + o);
            }
            output += (ptrdiff_t)count * p->outputs;
        }
}

void ek_conv_2d_int8_twice_avx512(const int32_t *params, void *const *tensors)
{
    convolve(params, tensors, tensors[5], tensors[6], 4, TILERS_twice);
}

void ek_conv_2d_int8_float_avx512(const int32_t *params, void *const *tensors)
{
    convolve(params, tensors, tensors[4], tensors[5], 2, TILERS_float);
}
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
