/* FULLY_CONNECTED in float32 with AVX-512; the same bytes as the portable kernel: each product and
 * each sum is rounded, in the order of fully_connected.py. Weights are packed, because the kernel is
 * bound by one aligned load of 64 bytes per cycle. */
#include "kernel.h"

#ifdef EK_X86
#include <immintrin.h>
#include <string.h>

#include "fully_connected.h"

typedef FullyConnectedFloat32 Layer;

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq")))
#define INLINE TARGET __attribute__((always_inline)) static inline
#define UNROLL _Pragma("GCC unroll 16")

/* Outputs in a block; the last one has those that are left, rounded up to an even number. A packed
 * block is the bias [WIDTH] and the weights [ceil(depth / LANES)][outputs][LANES], padded with
 * zeros. The packer is packing/gemm.c. */
enum { WIDTH = 16, LANES = 16, TILE = 4 };

static inline int32_t width(int32_t left)
{
    return left >= WIDTH ? WIDTH : (left + 1) / 2 * 2;
}

static inline size_t chunks_of(int32_t depth)
{
    return ((size_t)depth + LANES - 1) / LANES;
}

/* Element i of the result is the sum of vector i's lanes, folded half onto half. */
INLINE __m512 folded(const __m512 *sums)
{
    __m512 eight[8], four[4], two[2];
    UNROLL
    for (int i = 0; i < 8; i++)
        eight[i] = _mm512_add_ps(_mm512_shuffle_f32x4(sums[2 * i], sums[2 * i + 1], 0x44),
                                 _mm512_shuffle_f32x4(sums[2 * i], sums[2 * i + 1], 0xee));
    UNROLL
    for (int i = 0; i < 4; i++)
        four[i] = _mm512_add_ps(_mm512_shuffle_f32x4(eight[2 * i], eight[2 * i + 1], 0x88),
                                _mm512_shuffle_f32x4(eight[2 * i], eight[2 * i + 1], 0xdd));
    UNROLL
    for (int i = 0; i < 2; i++) {
        const __m512d a = _mm512_castps_pd(four[2 * i]), b = _mm512_castps_pd(four[2 * i + 1]);
        two[i] = _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(a, b)),
                               _mm512_castpd_ps(_mm512_unpackhi_pd(a, b)));
    }
    /* Element 4 * i + j is the sum of vector 4 * j + i. */
    const __m512 sum = _mm512_add_ps(_mm512_shuffle_ps(two[0], two[1], 0x88),
                                     _mm512_shuffle_ps(two[0], two[1], 0xdd));
    const __m512i order =
        _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return _mm512_permutexvar_ps(order, sum);
}

/* Maximum and minimum return their second operand, the sum, if it is NaN or both are zero. */
INLINE __m512 clamped(__m512 sums, float lowest, float highest)
{
    return _mm512_min_ps(_mm512_set1_ps(highest), _mm512_max_ps(_mm512_set1_ps(lowest), sums));
}

/* One row and a block of ``wide`` outputs, of which ``count`` exist. */
INLINE void block_of(const int32_t wide, const Layer *layer, const float *input,
                     const float *block, int32_t count, float *output)
{
    const int32_t depth = layer->depth, whole = depth / LANES * LANES;
    const float *weights = block + WIDTH;
    __m512 sums[WIDTH];
    UNROLL
    for (int32_t i = 0; i < WIDTH; i++)
        sums[i] = _mm512_setzero_ps();
    for (int32_t k = 0; k < whole; k += LANES, weights += wide * LANES) {
        const __m512 x = _mm512_loadu_ps(input + k);
        UNROLL
        for (int32_t i = 0; i < wide; i++)
            sums[i] =
                _mm512_add_ps(sums[i], _mm512_mul_ps(x, _mm512_load_ps(weights + i * LANES)));
    }
    if (whole < depth) {
        const __mmask16 there = (__mmask16)((1u << (depth - whole)) - 1);
        const __m512 x = _mm512_maskz_loadu_ps(there, input + whole);
        UNROLL
        for (int32_t i = 0; i < wide; i++)
            sums[i] =
                _mm512_add_ps(sums[i], _mm512_mul_ps(x, _mm512_load_ps(weights + i * LANES)));
    }
    const __m512 total = _mm512_add_ps(folded(sums), _mm512_load_ps(block));
    _mm512_mask_storeu_ps(output, (__mmask16)((1u << count) - 1),
                          clamped(total, layer->lowest, layer->highest));
}

/* TILE rows and the outputs first to first + TILE of a block: each weight is loaded once for TILE
 * rows, so that many rows are not bound by the second-level cache as a single row is. */
INLINE void tile_of(const int32_t outs, const Layer *layer, const float *input,
                    const float *block, int32_t wide, int32_t first, int32_t count, float *output)
{
    const int32_t depth = layer->depth, outputs = layer->outputs;
    const float *weights = block + WIDTH + first * LANES;
    __m512 sums[TILE * TILE];
    UNROLL
    for (int32_t i = 0; i < TILE * TILE; i++)
        sums[i] = _mm512_setzero_ps();
    for (int32_t k = 0; k < depth; k += LANES, weights += wide * LANES) {
        const __mmask16 there =
            (__mmask16)(depth - k >= LANES ? 0xffffu : (1u << (depth - k)) - 1);
        __m512 x[TILE];
        UNROLL
        for (int32_t row = 0; row < TILE; row++)
            x[row] = _mm512_maskz_loadu_ps(there, input + (ptrdiff_t)row * depth + k);
        UNROLL
        for (int32_t i = 0; i < outs; i++) {
            const __m512 w = _mm512_load_ps(weights + i * LANES);
            UNROLL
            for (int32_t row = 0; row < TILE; row++)
                sums[row * TILE + i] =
                    _mm512_add_ps(sums[row * TILE + i], _mm512_mul_ps(x[row], w));
        }
    }
    const __m512 bias = _mm512_broadcast_f32x4(_mm_loadu_ps(block + first));
    float tile[TILE * TILE];
    _mm512_storeu_ps(tile,
                     clamped(_mm512_add_ps(folded(sums), bias), layer->lowest, layer->highest));
    for (int32_t row = 0; row < TILE; row++)
        for (int32_t i = 0; i < count; i++)
            output[(ptrdiff_t)row * outputs + first + i] = tile[row * TILE + i];
}

TARGET static void tile_4(const Layer *layer, const float *input, const float *block,
                          int32_t wide, int32_t first, int32_t count, float *output)
{
    tile_of(4, layer, input, block, wide, first, count, output);
}

TARGET static void tile_2(const Layer *layer, const float *input, const float *block,
                          int32_t wide, int32_t first, int32_t count, float *output)
{
    tile_of(2, layer, input, block, wide, first, count, output);
}

/* A function for each width, so that the sums stay in registers. */
#define WIDTHS(X) X(2) X(4) X(6) X(8) X(10) X(12) X(14) X(16)
#define FUNCTION(wide)                                                                             \
    TARGET static void block_##wide(const Layer *layer, const float *input, const float *block,    \
                                    int32_t count, float *output)                                  \
    {                                                                                              \
        block_of(wide, layer, input, block, count, output);                                        \
    }
#define NAME(wide) block_##wide,
WIDTHS(FUNCTION)

typedef void block_function(const Layer *, const float *, const float *, int32_t, float *);
static block_function *const BLOCKS[] = {WIDTHS(NAME)};

void ek_fully_connected_float32_avx512(const int32_t *params, void *const *tensors)
{
    Layer layer;
    memcpy(&layer, params, sizeof layer);
    const int32_t rows = layer.rows, depth = layer.depth, outputs = layer.outputs;
    const float *input = tensors[0];
    float *output = tensors[3];

    for (int32_t row = 0; row < rows;) {
        const int32_t step = rows - row >= TILE ? TILE : 1;
        const float *block = tensors[1];
        for (int32_t o = 0; o < outputs; o += WIDTH) {
            const int32_t left = outputs - o, wide = width(left);
            const int32_t count = left < WIDTH ? left : WIDTH;
            if (step == 1)
                BLOCKS[wide / 2 - 1](&layer, input, block, count, output + o);
            for (int32_t i = 0; step == TILE && i < wide; i += TILE)
                (wide - i >= TILE ? tile_4 : tile_2)(&layer, input, block, wide, i,
                                                     count - i < TILE ? count - i : TILE,
                                                     output + o);
            block += WIDTH + chunks_of(depth) * (size_t)wide * LANES;
        }
        row += step;
        input += (ptrdiff_t)step * depth;
        output += (ptrdiff_t)step * outputs;
    }
}
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
