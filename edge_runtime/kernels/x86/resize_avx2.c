/* RESIZE_BILINEAR with AVX2; the same bytes as the portable kernels.
 *
 * Rows of the image are weighed for a row of the output, and then the columns. A vector has the
 * channels of a pixel, and what follows them, where the next pixel is written over it. */
#define EK_ROLLED
#include "kernel.h"

#ifdef EK_X86
#include <immintrin.h>
#include <string.h>

#include "resize.h"

#define TARGET __attribute__((target("avx2")))
#define INLINE TARGET __attribute__((always_inline)) static inline

enum { LANES = 8, WHOLE = 1024 };

typedef enum { INT8 = 1, UINT8 = 2, FLOAT32 = 4 } Kind;

/* Two rows or columns of the image, and the weight of the second: 1024ths, or a float. */
typedef struct {
    int32_t first, second;
    union {
        int32_t whole;
        float real;
    } weight;
} Taps;

/* A function of its own, or the loop over columns would become vectors that gain nothing. */
TARGET __attribute__((noinline)) static Taps taps_of(Kind kind, const Resize *p, int32_t size,
                                                     int32_t output, int32_t position)
{
    if (kind == INT8) {
        const EkTapsInteger taps = ek_taps_integer(p, size, output, position);
        return (Taps){taps.first, taps.second, {.whole = taps.weight}};
    }
    const EkTapsFloat taps = ek_taps_float(p, size, output, position);
    return (Taps){taps.first, taps.second, {.real = taps.weight}};
}

/* Up to 8 numbers, as floats or int32. */
INLINE __m256i numbers_at(Kind kind, const char *from, int32_t count)
{
    const size_t size = kind == FLOAT32 ? sizeof(float) : 1;
    __m256i numbers = _mm256_setzero_si256();
    if (count < LANES)
        memcpy(&numbers, from, (size_t)count * size);
    else if (kind == FLOAT32)
        numbers = _mm256_loadu_si256((const void *)from);
    else
        numbers = _mm256_castsi128_si256(_mm_loadl_epi64((const void *)from));
    if (kind == INT8)
        numbers = _mm256_cvtepi8_epi32(_mm256_castsi256_si128(numbers));
    if (kind == UINT8)
        numbers = _mm256_castps_si256(
            _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm256_castsi256_si128(numbers))));
    return numbers;
}

/* A row of the image above and one below, so many numbers, each times its weight; of int8 their
 * sum. */
INLINE void weigh_rows(Kind kind, const char *above, const char *below, Taps rows, int32_t count,
                       float *upper, float *lower)
{
    const int32_t size = kind == FLOAT32 ? sizeof(float) : 1;
    for (int32_t i = 0; i < count; i += LANES) {
        const __m256i a = numbers_at(kind, above + i * size, count - i);
        const __m256i b = numbers_at(kind, below + i * size, count - i);
        if (kind == INT8) {
            const __m256i down = _mm256_set1_epi32(rows.weight.whole);
            const __m256i up = _mm256_sub_epi32(_mm256_set1_epi32(WHOLE), down);
            const __m256i sum =
                _mm256_add_epi32(_mm256_mullo_epi32(a, up), _mm256_mullo_epi32(b, down));
            _mm256_storeu_si256((void *)(upper + i), sum);
        } else {
            const __m256 down = _mm256_set1_ps(rows.weight.real);
            const __m256 up = _mm256_sub_ps(_mm256_set1_ps(1), down);
            _mm256_storeu_ps(upper + i, _mm256_mul_ps(_mm256_castsi256_ps(a), up));
            _mm256_storeu_ps(lower + i, _mm256_mul_ps(_mm256_castsi256_ps(b), down));
        }
    }
}

/* 8 channels of a pixel of the output, from those of its columns. */
INLINE __m256i weighed_columns(Kind kind, const float *upper, const float *lower, Taps columns)
{
    const float *const a = upper + columns.first, *const c = upper + columns.second;
    const float *const b = lower + columns.first, *const d = lower + columns.second;
    if (kind == INT8) {
        const __m256i right = _mm256_set1_epi32(columns.weight.whole);
        const __m256i left = _mm256_sub_epi32(_mm256_set1_epi32(WHOLE), right);
        return _mm256_add_epi32(
            _mm256_mullo_epi32(_mm256_loadu_si256((const void *)a), left),
            _mm256_mullo_epi32(_mm256_loadu_si256((const void *)c), right));
    }
    const __m256 right = _mm256_set1_ps(columns.weight.real);
    const __m256 left = _mm256_sub_ps(_mm256_set1_ps(1), right);
    __m256 sum = _mm256_mul_ps(_mm256_loadu_ps(a), left);
    sum = _mm256_add_ps(sum, _mm256_mul_ps(_mm256_loadu_ps(b), left));
    sum = _mm256_add_ps(sum, _mm256_mul_ps(_mm256_loadu_ps(c), right));
    sum = _mm256_add_ps(sum, _mm256_mul_ps(_mm256_loadu_ps(d), right));
    return _mm256_castps_si256(_mm256_add_ps(sum, _mm256_setzero_ps()));
}

/* Sums as bytes: of int8 rounded, halves away from zero. */
INLINE void put_bytes(Kind kind, const float *sums, int32_t count, char *output)
{
    for (int32_t i = 0; i < count; i += LANES) {
        __m256i numbers = _mm256_loadu_si256((const void *)(sums + i));
        if (kind == INT8) {
            const __m256i negative = _mm256_srai_epi32(numbers, 31);
            numbers = _mm256_add_epi32(numbers, _mm256_set1_epi32(1 << 19));
            numbers = _mm256_srai_epi32(_mm256_add_epi32(numbers, negative), 20);
        } else {
            numbers = _mm256_cvttps_epi32(
                _mm256_add_ps(_mm256_castsi256_ps(numbers), _mm256_set1_ps(0.5f)));
        }
        numbers = _mm256_shuffle_epi8(numbers, _mm256_set1_epi32(0x0c080400));
        const __m128i bytes = _mm_unpacklo_epi32(_mm256_castsi256_si128(numbers),
                                                 _mm256_extracti128_si256(numbers, 1));
        if (count - i >= LANES)
            _mm_storel_epi64((void *)(output + i), bytes);
        else
            memcpy(output + i, &bytes, (size_t)(count - i));
    }
}

/* One for all kinds, whose branches cost less than three copies would. */
TARGET __attribute__((noinline)) static void resize(Kind kind, const int32_t *params, void *const *tensors)
{
    const Resize layer = *(const Resize *)params, *const p = &layer;
    const int32_t size = kind == FLOAT32 ? sizeof(float) : 1, channels = p->channels;
    const int32_t count = p->columns * channels, output_count = p->output_columns * channels;
    const ptrdiff_t line = (ptrdiff_t)count * size;
    const char *image = tensors[0];
    char *output = tensors[1];
    Taps *const columns = tensors[2];
    float *const upper = (float *)(void *)(columns + p->output_columns);
    float *const lower = upper + count + LANES, *const sums = lower + count + LANES;

    for (int32_t x = 0; x < p->output_columns; x++) {
        columns[x] = taps_of(kind, p, p->columns, p->output_columns, x);
        columns[x].first *= channels;
        columns[x].second *= channels;
    }
    /* Behind rows there may be floats that are slow to multiply, for nothing. */
    memset(upper + count, 0, LANES * sizeof *upper);
    memset(lower + count, 0, LANES * sizeof *lower);
    for (int32_t batch = 0; batch < p->batches; batch++, image += p->rows * line)
        for (int32_t y = 0; y < p->output_rows; y++, output += (ptrdiff_t)output_count * size) {
            const Taps rows = taps_of(kind, p, p->rows, p->output_rows, y);
            weigh_rows(kind, image + rows.first * line, image + rows.second * line, rows, count,
                       upper, lower);
            /* Where all vectors are full, nothing is written behind a row. */
            const int directly = kind == FLOAT32 && channels % LANES == 0;
            float *to = directly ? (float *)(void *)output : sums;
            for (int32_t x = 0; x < p->output_columns; x++, to += channels)
                for (int32_t c = 0; c < channels; c += LANES)
                    _mm256_storeu_si256(
                        (void *)(to + c),
                        weighed_columns(kind, upper + c, lower + c, columns[x]));
            if (kind != FLOAT32)
                put_bytes(kind, sums, output_count, output);
            else if (!directly)
                memcpy(output, sums, (size_t)output_count * sizeof(float));
        }
}

void ek_resize_bilinear_int8_once_avx2(const int32_t *params, void *const *tensors)
{
    resize(INT8, params, tensors);
}

void ek_resize_bilinear_uint8_float_avx2(const int32_t *params, void *const *tensors)
{
    resize(UINT8, params, tensors);
}

void ek_resize_bilinear_float32_avx2(const int32_t *params, void *const *tensors)
{
    resize(FLOAT32, params, tensors);
}
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
