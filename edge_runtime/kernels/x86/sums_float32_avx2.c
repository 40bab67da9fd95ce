/* ADD, SUB, MUL, PRELU and LEAKY_RELU of float32 with AVX2. */
#define EK_ROLLED
#include "kernel.h"

#ifdef EK_X86
#include "broadcast.h"
#include "elementwise_avx2.h"
#include "float_bits.h"

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

/* The product with b where a is negative or, as C compares it, NaN. */
INLINE __m256i sloped(const Elements *p, __m256i a, __m256i b)
{
    (void)p;
    const __m256 x = _mm256_castsi256_ps(a), y = _mm256_mul_ps(x, _mm256_castsi256_ps(b));
    const __m256 stays = _mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_GE_OQ);
    return _mm256_castps_si256(_mm256_blendv_ps(y, x, stays));
}

/* And where it is 0. */
INLINE __m256i leaky(const Elements *p, __m256i a, __m256i b)
{
    (void)p;
    const __m256 x = _mm256_castsi256_ps(a), y = _mm256_mul_ps(x, _mm256_castsi256_ps(b));
    const __m256 stays = _mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_GT_OQ);
    return _mm256_castps_si256(_mm256_blendv_ps(y, x, stays));
}

EK_ROW_AVX2(prelu_row, float, Elements, sloped)
EK_ROW_AVX2(leaky_row, float, Elements, leaky)

TARGET void ek_prelu_float32_avx2(const int32_t *params, void *const *tensors)
{
    ek_run_rows(prelu_row, params, sizeof(float), tensors);
}

/* tensors: input float [count], output float [count]. */
TARGET void ek_leaky_relu_float32_avx2(const int32_t *params, void *const *tensors)
{
    const float alpha = ek_float(&params[1]);
    const EkRow row = {tensors[0], &alpha, tensors[1], params[0], 1, 0, INT32_MAX};
    leaky_row(params, &row);
}
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
