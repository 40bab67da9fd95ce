/* CONV_2D of int8 with AVX-VNNI, which processors without AVX-512 have. */
#include "kernel.h"

#ifdef EK_X86
#include <immintrin.h>
#include <string.h>

#include "conv_2d.h"

/* A test compiles this with the same instruction of AVX-512, where that is what the machine has. */
#ifdef EK_VNNI_OF_AVX512
#define TARGET __attribute__((target("avx2,avx512vl,avx512vnni")))
#define DPBUSD _mm256_dpbusd_epi32
#else
#define TARGET __attribute__((target("avx2,avxvnni")))
#define DPBUSD _mm256_dpbusd_avx_epi32
#endif
#define INLINE TARGET __attribute__((always_inline)) static inline
#define KERNEL(name) ek_##name##_avxvnni

enum { WIDTH = 16, COLUMN_BYTES = 4 * WIDTH }; /* of a packed block */
enum { LANES = 8, MANY = 6, FEW = 2, QUAD_BYTES = 64, ADDED = 128 };

typedef __m256i Vector, Quad;

INLINE Quad quad_at(const uint8_t *window)
{
    int32_t four;
    memcpy(&four, window, sizeof four);
    return _mm256_set1_epi32(four);
}

INLINE Vector dot(Vector sum, Quad quad, const char *weights)
{
    return DPBUSD(sum, quad, _mm256_loadu_si256((const __m256i *)(const void *)weights));
}

#include "conv_2d_int8_ymm.h"
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
