/* Images of float32 quantised to bytes with AVX-512. */
#include "kernel.h"

#ifdef EK_X86
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")))
#define INLINE TARGET __attribute__((always_inline)) static inline
#define QUANTIZE ek_quantize_bytes_avx512
#define V(name) _mm512_##name

enum { LANES = 16 };

typedef __m512 Floats;

INLINE __mmask16 mask_of(ptrdiff_t count)
{
    return (__mmask16)(count < LANES ? 0xffff >> (LANES - count) : 0xffff);
}

INLINE float least(Floats numbers)
{
    return _mm512_reduce_min_ps(numbers);
}

INLINE Floats load_some(const float *from, ptrdiff_t count)
{
    return _mm512_maskz_loadu_ps(mask_of(count), from);
}

INLINE void store_some(int8_t *to, __m512i whole, ptrdiff_t count)
{
    _mm512_mask_cvtepi32_storeu_epi8(to, mask_of(count), whole);
}

#include "hybrid_quantize.h"
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
