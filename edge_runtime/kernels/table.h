/* All kernels, and their variants for instruction sets. */
#ifndef EK_TABLE_H
#define EK_TABLE_H

#include "kernel.h"

/* The portable kernels, which are everywhere. */
#define EK_KERNELS(X)                                                                              \
    X(add_float32)                                                                                 \
    X(add_int16_twice)                                                                             \
    X(add_int16_shifted_once)                                                                      \
    X(add_int32)                                                                                   \
    X(add_int8_twice)                                                                              \
    X(add_int8_once)                                                                               \
    X(concatenation)                                                                               \
    X(copy)                                                                                        \
    X(dequantize_int16)                                                                            \
    X(dequantize_int8)                                                                             \
    X(dequantize_uint8)                                                                            \
    X(finite)                                                                                      \
    X(fully_connected_float32)                                                                     \
    X(fully_connected_int16_once)                                                                  \
    X(fully_connected_int16_narrow_once)                                                           \
    X(fully_connected_int16_narrow_twice)                                                          \
    X(fully_connected_int16_reduced_once)                                                          \
    X(fully_connected_int8_once)                                                                   \
    X(fully_connected_int8_twice)                                                                  \
    X(fully_connected_int8_float)                                                                  \
    X(leaky_relu_float32)                                                                          \
    X(leaky_relu_int16_twice)                                                                      \
    X(logistic_fixed_int16)                                                                        \
    X(logistic_float32)                                                                            \
    X(logistic_int16)                                                                              \
    X(lookup_int16)                                                                                \
    X(lookup_int8)                                                                                 \
    X(mul_float32)                                                                                 \
    X(mul_int16_twice)                                                                             \
    X(mul_int32)                                                                                   \
    X(mul_int8_twice)                                                                              \
    X(mul_int8_float)                                                                              \
    X(quantize_even_int16)                                                                         \
    X(quantize_even_int8)                                                                          \
    X(quantize_int16)                                                                              \
    X(quantize_int8)                                                                               \
    X(relu_float32)                                                                                \
    X(requantize_int16_twice)                                                                      \
    X(requantize_int16_int8_twice)                                                                 \
    X(softmax_float32)                                                                             \
    X(softmax_int16_twice)                                                                         \
    X(softmax_int8_twice)                                                                          \
    X(softmax_int8_int16_twice)                                                                    \
    X(softmax_int8_int16_float)                                                                    \
    X(softmax_int8_float)                                                                          \
    X(tanh_fixed_int16)                                                                            \
    X(tanh_float32)                                                                                \
    X(tanh_int16)

/* What some machines have besides: X(kernel, instruction set, packer or NULL). */
#if defined(EK_X86)
#define EK_VARIANTS(X)                                                                             \
    X(finite, avx2, NULL)                                                                          \
    X(fully_connected_int8_once, avx512, ek_fully_connected_int8_once_avx512_pack)                 \
    X(fully_connected_int8_once, avxvnni, ek_fully_connected_int8_once_avxvnni_pack)               \
    X(fully_connected_int8_once, avx2, ek_fully_connected_int8_once_avx2_pack)                     \
    X(fully_connected_float32, avx512, ek_fully_connected_float32_avx512_pack)                     \
    X(fully_connected_float32, avx2, NULL)                                                         \
    X(add_int8_twice, avx2, NULL)                                                                  \
    X(add_int16_twice, avx2, NULL)                                                                 \
    X(mul_int8_twice, avx2, NULL)                                                                  \
    X(mul_int16_twice, avx2, NULL)
ek_packer ek_fully_connected_float32_avx512_pack;
ek_packer ek_fully_connected_int8_once_avx512_pack;
ek_packer ek_fully_connected_int8_once_avxvnni_pack;
ek_packer ek_fully_connected_int8_once_avx2_pack;
#elif defined(EK_ARM64)
#define EK_VARIANTS(X)                                                                             \
    X(fully_connected_int8_once, dotprod, ek_fully_connected_int8_once_neon_pack)                  \
    X(fully_connected_int8_once, neon, ek_fully_connected_int8_once_neon_pack)                     \
    X(fully_connected_float32, neon, NULL)
ek_packer ek_fully_connected_int8_once_neon_pack;
#else
#define EK_VARIANTS(X)
#endif

#define EK_DECLARE(name) ek_kernel ek_##name;
#define EK_DECLARE_VARIANT(name, level, pack) ek_kernel ek_##name##_##level;
EK_KERNELS(EK_DECLARE)
EK_VARIANTS(EK_DECLARE_VARIANT)
#undef EK_DECLARE
#undef EK_DECLARE_VARIANT

#endif
