/* Images of float32 quantised to bytes with AVX2. */
#include "kernel.h"

#ifdef EK_X86
#include <immintrin.h>
#include <string.h>

#define TARGET __attribute__((target("avx2")))
#define INLINE TARGET __attribute__((always_inline)) static inline
#define QUANTIZE ek_quantize_bytes_avx2
#define V(name) _mm256_##name

enum { LANES = 8 };

typedef __m256 Floats;

INLINE float least(Floats numbers)
{
    __m128 some = _mm_min_ps(_mm256_castps256_ps128(numbers), _mm256_extractf128_ps(numbers, 1));
    some = _mm_min_ps(some, _mm_movehl_ps(some, some));
    return _mm_cvtss_f32(_mm_min_ss(some, _mm_movehdup_ps(some)));
}

INLINE Floats load_some(const float *from, ptrdiff_t count)
{
    __m256 some = _mm256_setzero_ps();
    if (count >= LANES)
        return _mm256_loadu_ps(from);
    memcpy(&some, from, (size_t)count * sizeof *from);
    return some;
}

INLINE void store_some(int8_t *to, __m256i whole, ptrdiff_t count)
{
    const __m128i words =
        _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
    const __m128i bytes = _mm_packs_epi16(words, words);
    if (count >= LANES)
        _mm_storel_epi64((void *)to, bytes);
    else
        memcpy(to, &bytes, (size_t)count);
}

#include "hybrid_quantize.h"
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
