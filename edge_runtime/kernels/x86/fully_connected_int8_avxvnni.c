/* FULLY_CONNECTED with AVX-VNNI, which processors without AVX-512 have. */
#include "kernel.h"

#ifdef EK_X86
#include <immintrin.h>
#include <string.h>

/* A test compiles this with the same instruction of AVX-512, where that is what the machine has. */
#ifdef EK_VNNI_OF_AVX512
#define TARGET __attribute__((target("avx2,avx512vl,avx512vnni")))
#define DPBUSD _mm256_dpbusd_epi32
#else
#define TARGET __attribute__((target("avx2,avxvnni")))
#define DPBUSD _mm256_dpbusd_avx_epi32
#endif
#define KERNEL ek_fully_connected_int8_once_avxvnni

enum { QUAD_BYTES = 64 };

TARGET static inline __m256i dot_half(__m256i sum, __m256i four, const char *weights)
{
    return DPBUSD(sum, four, _mm256_loadu_si256((const __m256i *)(const void *)weights));
}

#include "gemm_int8_ymm.h"
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
