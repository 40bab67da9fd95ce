/* ADD, SUB and MUL of float32 with AVX2. */
#define EK_ROLLED
#include "kernel.h"

#ifdef EK_X86
#include "elementwise_avx2.h"

/* Parameters of add_float32. */
typedef struct {
    int32_t sign;
    float lowest, highest;
} Sum;

/* Parameters of mul_float32. */
typedef struct {
    float lowest, highest;
} Product;

INLINE Sum sum_of(const int32_t *params)
{
    Sum p;
    memcpy(&p, params, sizeof p);
    return p;
}

INLINE Product product_of(const int32_t *params)
{
    Product p;
    memcpy(&p, params, sizeof p);
    return p;
}

/* ek_clamp_float32: of a bound and NaN, they give the second. */
INLINE __m256i bounded(__m256 value, float lowest, float highest)
{
    value = _mm256_max_ps(_mm256_set1_ps(lowest), value);
    return _mm256_castps_si256(_mm256_min_ps(_mm256_set1_ps(highest), value));
}

INLINE __m256i sum(const Sum *p, __m256i a, __m256i b)
{
    const __m256 signed_b = _mm256_mul_ps(_mm256_set1_ps((float)p->sign), _mm256_castsi256_ps(b));
    return bounded(_mm256_add_ps(_mm256_castsi256_ps(a), signed_b), p->lowest, p->highest);
}

INLINE __m256i product(const Product *p, __m256i a, __m256i b)
{
    const __m256 value = _mm256_mul_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b));
    return bounded(value, p->lowest, p->highest);
}

EK_ELEMENTWISE_AVX2(ek_add_float32_avx2, float, Sum, sum_of, sum)
EK_ELEMENTWISE_AVX2(ek_mul_float32_avx2, float, Product, product_of, product)
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
