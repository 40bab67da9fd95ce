/* TRANSPOSE_CONV with AVX2; the same bytes as the portable kernels.
 *
 * Each lane is an output. The pixels of a row of the input are added, one after another, to all
 * sums of a row of the output that their windows reach, and to some beside them. Weights are packed
 * by packing/transpose_conv.c. */
#define EK_ROLLED
#include "kernel.h"

#ifdef EK_X86
#include <string.h>

#include "float_bits.h"
#include "product_avx2.h"
#include "table.h"
#include "transpose_conv.h"

#define UNROLL _Pragma("GCC unroll 8")

enum { LANES = 8, MANY = 3, WIDE = 2 };

/* The weights of a tap: groups of channels, each a number or a pair for every output. */
typedef struct {
    int32_t groups;
    ptrdiff_t pitch, tap; /* numbers from a group, and from a tap, to the next */
} Layout;

/* Adds a pixel's products with the weights of "many" taps to the sums of as many columns. */
INLINE void tile(const int is_float, const int32_t many, const int32_t wide, Layout layout,
                 const int32_t *pixel, const int32_t *weights, int32_t *sums)
{
    __m256i totals[MANY * WIDE];
    UNROLL
    for (int32_t i = 0; i < many * wide; i++)
        totals[i] = _mm256_loadu_si256(
            (const void *)(sums + i / wide * layout.pitch + i % wide * LANES));
    for (int32_t group = 0; group < layout.groups; group++, weights += layout.pitch) {
        const __m256i x = _mm256_set1_epi32(pixel[group]);
        UNROLL
        for (int32_t i = 0; i < many * wide; i++) {
            const __m256i w = _mm256_loadu_si256(
                (const void *)(weights + i / wide * layout.tap + i % wide * LANES));
            if (is_float)
                totals[i] = _mm256_castps_si256(
                    _mm256_add_ps(_mm256_castsi256_ps(totals[i]),
                                  _mm256_mul_ps(_mm256_castsi256_ps(x), _mm256_castsi256_ps(w))));
            else
                totals[i] = _mm256_add_epi32(totals[i], _mm256_madd_epi16(x, w));
        }
    }
    UNROLL
    for (int32_t i = 0; i < many * wide; i++)
        _mm256_storeu_si256((void *)(sums + i / wide * layout.pitch + i % wide * LANES), totals[i]);
}

typedef void tiler(Layout layout, const int32_t *pixel, const int32_t *weights, int32_t *sums);
#define NAME(type, many, wide) type##_##many##_##wide
#define TILER(type, is_float, many, wide)                                                          \
    TARGET static void NAME(type, many, wide)(Layout layout, const int32_t *pixel,                 \
                                              const int32_t *weights, int32_t *sums)               \
    {                                                                                              \
        tile(is_float, many, wide, layout, pixel, weights, sums);                                  \
    }
#define TILERS(type, is_float, wide)                                                               \
    TILER(type, is_float, 1, wide)                                                                 \
    TILER(type, is_float, 2, wide)                                                                 \
    TILER(type, is_float, 3, wide)
#define NAMES(type, wide)                                                                          \
    {                                                                                              \
        NAME(type, 1, wide), NAME(type, 2, wide), NAME(type, 3, wide)                             \
    }
TILERS(floats, 1, 1)
TILERS(floats, 1, 2)
TILERS(pairs, 0, 1)
TILERS(pairs, 0, 2)
static tiler *const TILES[2][WIDE][MANY] = {{NAMES(floats, 1), NAMES(floats, 2)},
                                            {NAMES(pairs, 1), NAMES(pairs, 2)}};

/* Adds the products of a row of pixels with the taps of a row of the window. */
static void add_row(const TransposeConv *p, Layout layout, tiler *const (*tiles)[MANY],
                    const int32_t *pixels, const int32_t *weights, int32_t *sums)
{
    const int32_t parts = (p->window_width + MANY - 1) / MANY;
    for (int32_t o = 0, wide; o < layout.pitch; o += wide * LANES) {
        wide = layout.pitch - o < WIDE * LANES ? 1 : WIDE;
        for (int32_t x = 0; x < p->width; x++)
            for (int32_t part = 0, tap = 0, many; part < parts; part++, tap += many) {
                many = (p->window_width - tap) / (parts - part);
                tiles[wide - 1][many - 1](layout, pixels + x * layout.groups,
                                          weights + tap * layout.tap + o,
                                          sums + (x * p->stride_w + tap) * layout.pitch + o);
            }
    }
}

/* Bytes less their zero point; behind the last channel of an odd number there is any number. */
INLINE void put_pairs(const TransposeConv *p, const char *from, int32_t flip, int16_t *to)
{
    const int32_t channels = p->channels, zero_point = p->input_zero_point - flip;
    for (int32_t x = 0; x < p->width; x++, from += channels, to += channels + channels % 2)
        for (int32_t c = 0; c < channels; c += LANES) {
            __m128i bytes = _mm_setzero_si128();
            if (channels - c >= LANES)
                bytes = _mm_loadl_epi64((const void *)(from + c));
            else
                memcpy(&bytes, from + c, (size_t)(channels - c));
            bytes = _mm_xor_si128(bytes, _mm_set1_epi8((char)flip));
            _mm_storeu_si128((void *)(to + c), _mm_sub_epi16(_mm_cvtepi8_epi16(bytes),
                                                             _mm_set1_epi16((int16_t)zero_point)));
        }
}

/* ek_rescale_twice, and the zero point. */
INLINE __m256i rescaled(const TransposeConv *p, __m256i total, const int32_t *head, ptrdiff_t pitch)
{
    const __m256i none = _mm256_setzero_si256(), one = _mm256_set1_epi32(1);
    const __m256i multiplier = _mm256_loadu_si256((const void *)(head + pitch));
    const __m256i shift = _mm256_loadu_si256((const void *)(head + 2 * pitch));
    const __m256i left = _mm256_max_epi32(shift, none);
    const __m256i right = _mm256_sub_epi32(left, shift);
    const __m256i high = product(_mm256_sllv_epi32(total, left), multiplier);
    const __m256i mask = _mm256_sub_epi32(_mm256_sllv_epi32(one, right), one);
    const __m256i rest = _mm256_and_si256(high, mask);
    const __m256i half =
        _mm256_add_epi32(_mm256_srli_epi32(mask, 1), _mm256_srli_epi32(high, 31));
    const __m256i floor = _mm256_srav_epi32(high, right);
    const __m256i value = _mm256_sub_epi32(floor, _mm256_cmpgt_epi32(rest, half));
    return _mm256_add_epi32(value, _mm256_set1_epi32(p->output_zero_point));
}

/* The outputs of a row, of float32 or bytes. */
INLINE char *put_row(int is_float, const TransposeConv *p, const int32_t *head, ptrdiff_t pitch,
                     const int32_t *sums, char *output)
{
    const __m256i lowest = _mm256_set1_epi32(p->lowest), highest = _mm256_set1_epi32(p->highest);
    const size_t size = is_float ? sizeof(float) : 1;
    for (int32_t x = 0; x < p->output_width; x++, sums += pitch)
        for (int32_t o = 0; o < p->outputs; o += LANES) {
            const size_t left = (size_t)(p->outputs - o < LANES ? p->outputs - o : LANES);
            const __m256i bias = _mm256_loadu_si256((const void *)(head + o));
            __m256i total = _mm256_loadu_si256((const void *)(sums + o));
            if (is_float) {
                /* Maximum and minimum return their second operand if one is NaN or both are 0. */
                __m256 value = _mm256_castsi256_ps(total);
                value = _mm256_add_ps(value, _mm256_castsi256_ps(bias));
                value = _mm256_max_ps(_mm256_castsi256_ps(lowest), value);
                value = _mm256_min_ps(_mm256_castsi256_ps(highest), value);
                total = _mm256_castps_si256(value);
            } else {
                total = rescaled(p, _mm256_add_epi32(total, bias), head + o, pitch);
                total = _mm256_min_epi32(_mm256_max_epi32(total, lowest), highest);
                total = _mm256_shuffle_epi8(total, _mm256_set1_epi32(0x0c080400));
                total = _mm256_permutevar8x32_epi32(total,
                                                    _mm256_setr_epi32(0, 4, 0, 0, 0, 0, 0, 0));
            }
            memcpy(output, &total, left * size);
            output += left * size;
        }
    return output;
}

/* flip: of the highest bit of uint8 numbers, which makes them int8, 128 less. */
TARGET static void transpose_conv(int is_float, int32_t flip, const int32_t *params,
                                  void *const *tensors)
{
    TransposeConv layer; /* a copy, because bytes of the output could be params to the compiler */
    memcpy(&layer, params, sizeof layer);
    const TransposeConv *const p = &layer;
    const int32_t groups = is_float ? p->channels : (p->channels + 1) / 2;
    const ptrdiff_t pitch = (p->outputs + LANES - 1) / LANES * LANES;
    const Layout layout = {groups, pitch, groups * pitch};
    const ptrdiff_t line = (ptrdiff_t)p->width * p->channels * (is_float ? (int)sizeof(float) : 1);
    const int32_t *const head = tensors[1], *const weights = head + (is_float ? 1 : 3) * pitch;
    const char *image = tensors[0];
    char *output = tensors[is_float ? 3 : 5];
    int32_t *const sums = tensors[is_float ? 4 : 6];
    const int32_t columns = ek_reached_columns(p);
    int32_t *const pairs = sums + columns * pitch;

    for (int32_t batch = 0; batch < p->batches; batch++, image += p->height * line)
        for (int32_t row = p->top; row < p->top + p->output_height; row++) {
            const int32_t end = ek_end_reaching(row, p->stride_h, p->height);
            memset(sums, 0, (size_t)(columns * pitch) * sizeof *sums);
            for (int32_t y = ek_first_reaching(row, p->window_height, p->stride_h); y < end; y++) {
                const void *pixels = image + y * line;
                const int32_t tap = (row - y * p->stride_h) * p->window_width;
                if (!is_float) {
                    put_pairs(p, pixels, flip, (int16_t *)pairs);
                    pixels = pairs;
                }
                add_row(p, layout, TILES[!is_float], pixels, weights + tap * layout.tap, sums);
            }
            output = put_row(is_float, p, head, pitch, sums + p->left * pitch, output);
        }
}

void ek_transpose_conv_float32_avx2(const int32_t *params, void *const *tensors)
{
    transpose_conv(1, 0, params, tensors);
}

void ek_transpose_conv_int8_twice_avx2(const int32_t *params, void *const *tensors)
{
    transpose_conv(0, 0, params, tensors);
}

void ek_transpose_conv_uint8_twice_avx2(const int32_t *params, void *const *tensors)
{
    transpose_conv(0, 128, params, tensors);
}
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
