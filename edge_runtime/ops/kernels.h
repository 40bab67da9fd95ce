/* The kernels, one calling convention for all: int32 parameters in the order of the record in
 * ops/<op>.py, and the flat tensors: inputs, constants of the lowering, output last. C99, no
 * allocation, no globals; the caller has checked sizes and alignment. */
#ifndef EK_KERNELS_H
#define EK_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* Cortex-M cores with the DSP extension, and a compiler that takes their assembly. */
#if defined(__ARM_FEATURE_DSP) && __ARM_ARCH_PROFILE == 'M' && defined(__GNUC__) &&                \
    !defined(__ARM_BIG_ENDIAN)
#define EK_DSP 1
#endif

typedef void ek_kernel(const int32_t *params, void *const *tensors);

/* Writes constants in the form in which a variant reads them, in place of tensor 1, and returns how
 * many bytes that takes; with packed == NULL it only returns the number. */
typedef size_t ek_packer(const int32_t *params, void *const *tensors, void *packed);

/* The portable kernels, which are everywhere. */
#define EK_KERNELS(X)                                                                              \
    X(add_float32)                                                                                 \
    X(add_int16)                                                                                   \
    X(add_int16_shifted)                                                                           \
    X(add_int32)                                                                                   \
    X(add_int8)                                                                                    \
    X(add_int8_single)                                                                             \
    X(concatenation)                                                                               \
    X(copy)                                                                                        \
    X(dequantize_int16)                                                                            \
    X(dequantize_int8)                                                                             \
    X(dequantize_uint8)                                                                            \
    X(finite)                                                                                      \
    X(fully_connected_float32)                                                                     \
    X(fully_connected_int16)                                                                       \
    X(fully_connected_int16_narrow)                                                                \
    X(fully_connected_int16_narrow_double)                                                         \
    X(fully_connected_int16_reduced)                                                               \
    X(fully_connected_int8)                                                                        \
    X(fully_connected_int8_double)                                                                 \
    X(fully_connected_int8_float)                                                                  \
    X(leaky_relu_float32)                                                                          \
    X(leaky_relu_int16)                                                                            \
    X(logistic_fixed_int16)                                                                        \
    X(logistic_float32)                                                                            \
    X(logistic_int16)                                                                              \
    X(lookup_int16)                                                                                \
    X(lookup_int8)                                                                                 \
    X(mul_float32)                                                                                 \
    X(mul_int16)                                                                                   \
    X(mul_int32)                                                                                   \
    X(mul_int8)                                                                                    \
    X(mul_int8_single)                                                                             \
    X(quantize_even_int16)                                                                         \
    X(quantize_even_int8)                                                                          \
    X(quantize_int16)                                                                              \
    X(quantize_int8)                                                                               \
    X(relu_float32)                                                                                \
    X(requantize_int16)                                                                            \
    X(requantize_int16_int8)                                                                       \
    X(softmax_float32)                                                                             \
    X(softmax_int16)                                                                               \
    X(softmax_int8)                                                                                \
    X(softmax_int8_int16)                                                                          \
    X(softmax_int8_int16_single)                                                                   \
    X(softmax_int8_single)                                                                         \
    X(tanh_fixed_int16)                                                                            \
    X(tanh_float32)                                                                                \
    X(tanh_int16)

/* What some machines have besides: X(kernel, instruction set, packer or NULL). */
#if defined(__x86_64__) && defined(__GNUC__)
#define EK_X86 1
#define EK_VARIANTS(X)                                                                             \
    X(finite, avx2, NULL)                                                                          \
    X(fully_connected_int8, avx512, ek_fully_connected_int8_avx512_pack)                           \
    X(fully_connected_int8, avxvnni, ek_fully_connected_int8_avxvnni_pack)                         \
    X(fully_connected_int8, avx2, ek_fully_connected_int8_avx2_pack)                               \
    X(fully_connected_float32, avx512, ek_fully_connected_float32_avx512_pack)                     \
    X(fully_connected_float32, avx2, NULL)                                                         \
    X(add_int8, avx2, NULL)                                                                        \
    X(add_int16, avx2, NULL)                                                                       \
    X(mul_int8, avx2, NULL)                                                                        \
    X(mul_int16, avx2, NULL)
ek_packer ek_fully_connected_float32_avx512_pack;
ek_packer ek_fully_connected_int8_avx512_pack;
ek_packer ek_fully_connected_int8_avxvnni_pack;
ek_packer ek_fully_connected_int8_avx2_pack;
/* Compilers that have the dot products; the older ones get the portable kernels. */
#elif defined(__aarch64__) && defined(__GNUC__) &&                                                 \
    (defined(__ARM_FEATURE_DOTPROD) || (defined(__clang__) ? __clang_major__ >= 16 : __GNUC__ >= 8))
#define EK_ARM64 1
#define EK_VARIANTS(X)                                                                             \
    X(fully_connected_int8, dotprod, ek_fully_connected_int8_neon_pack)                            \
    X(fully_connected_int8, neon, ek_fully_connected_int8_neon_pack)                               \
    X(fully_connected_float32, neon, NULL)
ek_packer ek_fully_connected_int8_neon_pack;
#else
#define EK_VARIANTS(X)
#endif

#define EK_DECLARE(name) ek_kernel ek_##name;
#define EK_DECLARE_VARIANT(name, level, pack) ek_kernel ek_##name##_##level;
EK_KERNELS(EK_DECLARE)
EK_VARIANTS(EK_DECLARE_VARIANT)
#undef EK_DECLARE
#undef EK_DECLARE_VARIANT

/* What only the export to C uses, with weights packed for it by convert/packing.py. */
ek_kernel ek_fully_connected_int8_dsp;
ek_kernel ek_fully_connected_int8_skip;
ek_kernel ek_fully_connected_int8_skip_dsp;

/* What a kernel is called and compiled for, where <op>_avx2.c compiles <op>.c once more. */
#if defined(EK_AVX2) && defined(EK_X86)
#define EK(name) ek_##name##_avx2
#define EK_TARGET __attribute__((target("avx2")))
#else
#define EK(name) ek_##name
#define EK_TARGET
#endif

#endif
