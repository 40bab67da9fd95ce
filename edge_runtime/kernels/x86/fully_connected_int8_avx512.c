/* FULLY_CONNECTED with AVX-512 and its VNNI; the same bytes as the portable kernels.
 *
 * Inputs are converted to uint8 (128 added), because VPDPBUSD multiplies uint8 with int8. The bound
 * is one load of 64 bytes per cycle: so a single row is multiplied along the depth, its sums folded
 * at the end; 16 rows are transposed, one lane each, and multiplied with four weights at a time by a
 * broadcast from memory, which is free. Where all 16 rows are -128, the background of images, they
 * become 0 and are skipped; for a single row the check would cost more than it saves. */
#include "kernel.h"

#ifdef EK_X86
#include <immintrin.h>

#include "fully_connected.h"

typedef FullyConnectedInt8 Layer;

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")))
#define INLINE TARGET __attribute__((always_inline)) static inline
#define UNROLL _Pragma("GCC unroll 16")

/* Outputs in a block; the last one has those that are left, rounded up to an even number. A packed
 * block is the bias (less 128 times the sum of the weights), the multiplier and 30 - shift, each
 * int32 [WIDTH], and the weights [ceil(depth / CHUNK)][outputs][CHUNK], padded with zeros. The
 * packer is packing/gemm.c. */
enum { WIDTH = 16, CHUNK = 64, HEAD = 3 * WIDTH * 4 };

static inline int32_t width(int32_t left)
{
    return left >= WIDTH ? WIDTH : (left + 1) / 2 * 2;
}

INLINE __m512i load(const void *bytes)
{
    return _mm512_loadu_si512(bytes);
}

/* Adds to each element the products of four uint8 of x with four int8 of the weights. Written out,
 * because GCC 12 copies each sum to another register and back around the intrinsic. */
INLINE __m512i dot(__m512i sum, __m512i x, const char *weights)
{
    const __m512i *all = (const __m512i *)(const void *)weights;
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(x), "m"(*all));
    return sum;
}

/* The same with the same four weights for each element. */
INLINE __m512i dot_four(__m512i sum, __m512i x, const char *weights)
{
    const int32_t *four = (const int32_t *)(const void *)weights;
    __asm__("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(x), "m"(*four));
    return sum;
}

/* Up to CHUNK inputs as uint8, padded with zeros. */
INLINE __m512i inputs(const int8_t *input, int32_t left)
{
    const __m512i flip = _mm512_set1_epi8(-128);
    if (left >= CHUNK)
        return _mm512_xor_si512(load(input), flip);
    const __mmask64 there = ~(__mmask64)0 >> (CHUNK - left);
    return _mm512_xor_si512(_mm512_mask_loadu_epi8(flip, there, input), flip);
}

/* ek_rescale_once, the zero point and the bounds. Half of 1 >> n is added as 1 between two shifts. */
INLINE __m512i finish(__m512i sum, __m512i multiplier, __m512i right,
                                    const Layer *layer)
{
    const __m512i one = _mm512_set1_epi64(1);
    const __m512i right_even = _mm512_and_si512(right, _mm512_set1_epi64(0xffffffff));
    __m512i even = _mm512_mul_epi32(sum, multiplier);
    __m512i odd = _mm512_mul_epi32(_mm512_srli_epi64(sum, 32), _mm512_srli_epi64(multiplier, 32));
    even = _mm512_add_epi64(_mm512_srav_epi64(even, right_even), one);
    odd = _mm512_add_epi64(_mm512_srav_epi64(odd, _mm512_srli_epi64(right, 32)), one);
    even = _mm512_srli_epi64(even, 1);
    odd = _mm512_slli_epi64(odd, 31);
    sum = _mm512_mask_blend_epi32(0xaaaa, even, odd);
    sum = _mm512_add_epi32(sum, _mm512_set1_epi32(layer->output_zero_point));
    sum = _mm512_max_epi32(sum, _mm512_set1_epi32(layer->lowest));
    return _mm512_min_epi32(sum, _mm512_set1_epi32(layer->highest));
}

/* Element i of the result is the sum of vector i's elements. */
INLINE __m512i folded(const __m512i *sums)
{
    __m512i two[8], four[4], eight[2];
    UNROLL
    for (int i = 0; i < 8; i++)
        two[i] = _mm512_add_epi32(_mm512_unpacklo_epi32(sums[2 * i], sums[2 * i + 1]),
                                  _mm512_unpackhi_epi32(sums[2 * i], sums[2 * i + 1]));
    UNROLL
    for (int i = 0; i < 4; i++)
        four[i] = _mm512_add_epi32(_mm512_unpacklo_epi64(two[2 * i], two[2 * i + 1]),
                                   _mm512_unpackhi_epi64(two[2 * i], two[2 * i + 1]));
    UNROLL
    for (int i = 0; i < 2; i++)
        eight[i] = _mm512_add_epi32(_mm512_shuffle_i32x4(four[2 * i], four[2 * i + 1], 0x88),
                                    _mm512_shuffle_i32x4(four[2 * i], four[2 * i + 1], 0xdd));
    return _mm512_add_epi32(_mm512_shuffle_i32x4(eight[0], eight[1], 0x88),
                            _mm512_shuffle_i32x4(eight[0], eight[1], 0xdd));
}

/* One row and a block of ``wide`` outputs, of which ``count`` exist. */
INLINE void row_block(const int32_t wide, const Layer *layer, const int8_t *input,
                      const char *block, int32_t count, int8_t *output)
{
    const int32_t depth = layer->depth;
    const char *weights = block + HEAD;
    __m512i sums[WIDTH];
    UNROLL
    for (int32_t i = 0; i < WIDTH; i++)
        sums[i] = _mm512_setzero_si512();
    int32_t k = 0;
    for (; k + CHUNK <= depth; k += CHUNK, weights += wide * CHUNK) {
        const __m512i x = _mm512_xor_si512(load(input + k), _mm512_set1_epi8(-128));
        UNROLL
        for (int32_t i = 0; i < wide; i++)
            sums[i] = dot(sums[i], x, weights + i * CHUNK);
    }
    if (k < depth) {
        const __m512i x = inputs(input + k, depth - k);
        UNROLL
        for (int32_t i = 0; i < wide; i++)
            sums[i] = dot(sums[i], x, weights + i * CHUNK);
    }
    const __m512i total = _mm512_add_epi32(folded(sums), load(block));
    const __m512i result =
        finish(total, load(block + 4 * WIDTH), load(block + 8 * WIDTH), layer);
    _mm512_mask_cvtepi32_storeu_epi8(output, (__mmask16)((1u << count) - 1), result);
}

/* Transposing 16 vectors of 16 elements needs two halves of four steps each, so that steps for the
 * next chunk can go between the products of this one, which leave the shuffling ports idle. The
 * first half swaps elements within the lanes of vectors 4 * step and following, ... */
INLINE void within_lanes(__m512i a, __m512i b, __m512i c, __m512i d, int32_t step, __m512i *part)
{
    const __m512i ab_low = _mm512_unpacklo_epi32(a, b), ab_high = _mm512_unpackhi_epi32(a, b);
    const __m512i cd_low = _mm512_unpacklo_epi32(c, d), cd_high = _mm512_unpackhi_epi32(c, d);
    part[4 * step] = _mm512_unpacklo_epi64(ab_low, cd_low);
    part[4 * step + 1] = _mm512_unpackhi_epi64(ab_low, cd_low);
    part[4 * step + 2] = _mm512_unpacklo_epi64(ab_high, cd_high);
    part[4 * step + 3] = _mm512_unpackhi_epi64(ab_high, cd_high);
}

/* ... the second half swaps lanes and makes vectors step, 4 + step, 8 + step and 12 + step. */
INLINE void across_lanes(const __m512i *part, int32_t step, __m512i *vectors)
{
    const __m512i a = part[step], b = part[4 + step], c = part[8 + step], d = part[12 + step];
    const __m512i ab_low = _mm512_shuffle_i32x4(a, b, 0x44);
    const __m512i ab_high = _mm512_shuffle_i32x4(a, b, 0xee);
    const __m512i cd_low = _mm512_shuffle_i32x4(c, d, 0x44);
    const __m512i cd_high = _mm512_shuffle_i32x4(c, d, 0xee);
    vectors[step] = _mm512_shuffle_i32x4(ab_low, cd_low, 0x88);
    vectors[4 + step] = _mm512_shuffle_i32x4(ab_low, cd_low, 0xdd);
    vectors[8 + step] = _mm512_shuffle_i32x4(ab_high, cd_high, 0x88);
    vectors[12 + step] = _mm512_shuffle_i32x4(ab_high, cd_high, 0xdd);
}

/* A chunk of 16 rows as 16 quads, a lane for each row, under construction. */
typedef struct {
    __m512i part[16], quads[16], any;
    unsigned filled; /* bits of the quads that are not all 0 */
} Chunk;

/* Performs one of the eight steps. */
INLINE void advance(Chunk *chunk, int32_t step, const int8_t *input, int32_t depth, int32_t left)
{
    if (step < 4) {
        const int8_t *rows = input + (ptrdiff_t)(4 * step) * depth;
        const __m512i a = inputs(rows, left), b = inputs(rows + depth, left);
        const __m512i c = inputs(rows + 2 * (ptrdiff_t)depth, left);
        const __m512i d = inputs(rows + 3 * (ptrdiff_t)depth, left);
        const __m512i some = _mm512_or_si512(_mm512_or_si512(a, b), _mm512_or_si512(c, d));
        chunk->any = step ? _mm512_or_si512(chunk->any, some) : some;
        within_lanes(a, b, c, d, step, chunk->part);
        if (step == 3)
            chunk->filled = _mm512_test_epi32_mask(chunk->any, chunk->any);
    } else if (chunk->filled) {
        across_lanes(chunk->part, step - 4, chunk->quads);
    }
}

/* 16 rows and a block of ``wide`` outputs, of which ``count`` exist. */
INLINE void rows_block(const int32_t wide, const Layer *layer, const int8_t *input,
                       const char *block, int32_t count, int8_t *output)
{
    const int32_t depth = layer->depth, outputs = layer->outputs;
    const int32_t *head = (const int32_t *)(const void *)block;
    const char *weights = block + HEAD;
    __m512i sums[WIDTH], part[16];
    Chunk chunks[2], *chunk = &chunks[0], *next = &chunks[1];
    UNROLL
    for (int32_t i = 0; i < WIDTH; i++)
        sums[i] = i < wide ? _mm512_set1_epi32(head[i]) : _mm512_setzero_si512();
    for (int32_t step = 0; step < 8; step++)
        advance(chunk, step, input, depth, depth);
    for (int32_t k = 0; k < depth; k += CHUNK, weights += wide * CHUNK) {
        unsigned filled = chunk->filled;
        for (int32_t step = 0; step < 8; step++) {
            if (k + CHUNK < depth)
                advance(next, step, input + k + CHUNK, depth, depth - k - CHUNK);
            for (int32_t two = 0; two < 2 && filled; two++, filled &= filled - 1) {
                const int32_t q = __builtin_ctz(filled);
                const __m512i x = chunk->quads[q];
                UNROLL
                for (int32_t i = 0; i < wide; i++)
                    sums[i] = dot_four(sums[i], x, weights + i * CHUNK + 4 * q);
            }
        }
        Chunk *const done = chunk;
        chunk = next;
        next = done;
    }
    UNROLL
    for (int32_t i = 0; i < wide; i++)
        sums[i] = finish(sums[i], _mm512_set1_epi32(head[WIDTH + i]),
                         _mm512_set1_epi32(head[2 * WIDTH + i]), layer);
    UNROLL
    for (int32_t step = 0; step < 4; step++)
        within_lanes(sums[4 * step], sums[4 * step + 1], sums[4 * step + 2], sums[4 * step + 3],
                     step, part);
    UNROLL
    for (int32_t step = 0; step < 4; step++)
        across_lanes(part, step, sums);
    UNROLL
    for (int32_t row = 0; row < 16; row++)
        _mm512_mask_cvtepi32_storeu_epi8(output + (ptrdiff_t)row * outputs,
                                         (__mmask16)((1u << count) - 1), sums[row]);
}

/* A function for each width, so that the sums stay in registers. */
#define WIDTHS(X) X(2) X(4) X(6) X(8) X(10) X(12) X(14) X(16)
#define FUNCTIONS(wide)                                                                            \
    TARGET static void row_##wide(const Layer *layer, const int8_t *input, const char *block,      \
                                  int32_t count, int8_t *output)                                   \
    {                                                                                              \
        row_block(wide, layer, input, block, count, output);                                       \
    }                                                                                              \
    TARGET static void rows_##wide(const Layer *layer, const int8_t *input, const char *block,     \
                                   int32_t count, int8_t *output)                                  \
    {                                                                                              \
        rows_block(wide, layer, input, block, count, output);                                      \
    }
#define ROW(wide) row_##wide,
#define ROWS(wide) rows_##wide,
WIDTHS(FUNCTIONS)

typedef void block_function(const Layer *, const int8_t *, const char *, int32_t, int8_t *);
static block_function *const ROW_BLOCKS[] = {WIDTHS(ROW)};
static block_function *const ROWS_BLOCKS[] = {WIDTHS(ROWS)};

void ek_fully_connected_int8_once_avx512(const int32_t *params, void *const *tensors)
{
    const Layer *const layer = (const Layer *)params;
    const int32_t rows = layer->rows, depth = layer->depth, outputs = layer->outputs;
    const size_t chunks = ((size_t)depth + CHUNK - 1) / CHUNK;
    const int8_t *input = tensors[0];
    int8_t *output = tensors[5];

    for (int32_t row = 0; row < rows;) {
        const int32_t step = rows - row >= 16 ? 16 : 1;
        const char *block = tensors[1];
        for (int32_t o = 0; o < outputs; o += WIDTH) {
            const int32_t left = outputs - o, wide = width(left);
            block_function *const run = (step == 16 ? ROWS_BLOCKS : ROW_BLOCKS)[wide / 2 - 1];
            run(layer, input, block, left < WIDTH ? left : WIDTH, output + o);
            block += HEAD + chunks * (size_t)wide * CHUNK;
        }
        row += step;
        input += (ptrdiff_t)step * depth;
        output += (ptrdiff_t)step * outputs;
    }
}
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
