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
    X(depthwise_conv_2d_float32)                                                                   \
    X(depthwise_conv_2d_int16_once)                                                                \
    X(depthwise_conv_2d_int8_twice)                                                                \
    X(depthwise_conv_2d_int8_float)                                                                \
    X(depthwise_conv_2d_uint8_twice)                                                               \
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
    X(tanh_int16)                                                                                  \
    X(transpose_conv_float32)                                                                      \
    X(transpose_conv_int16_once)                                                                   \
    X(transpose_conv_int16_narrow_twice)                                                           \
    X(transpose_conv_int8_twice)                                                                   \
    X(transpose_conv_int8_float)                                                                   \
    X(transpose_conv_uint8_twice)

/* Those that need scratch memory, which follows their outputs: (kernel, scratch). */
#define EK_KERNELS_WITH_SCRATCH(X)

/* Levels that a kernel may have variants for, the best first. */
#define EK_LEVELS(LEVEL)                                                                           \
    LEVEL(avx512)                                                                                  \
    LEVEL(avxvnni)                                                                                 \
    LEVEL(avx2)                                                                                    \
    LEVEL(dotprod)                                                                                 \
    LEVEL(neon)                                                                                    \
    LEVEL(skip_dsp)                                                                                \
    LEVEL(sparse_dsp)                                                                              \
    LEVEL(dsp)                                                                                     \
    LEVEL(fpu)                                                                                     \
    LEVEL(skip)                                                                                    \
    LEVEL(sparse)                                                                                  \
    LEVEL(portable)

/* The variants: (kernel, level, packer or NULL, scratch or NULL). Rows are on every machine, and so
 * are packers; who compiles ek_<kernel>_<level> begins the row: x86, arm64 and cortex_m have folders
 * of their own, and what all compile is for the exporter to choose. */
#define EK_VARIANTS_BY(x86, arm64, cortex_m, all)                                                  \
    x86(finite, avx2, NULL, NULL)                                                                  \
    x86(fully_connected_int8_once, avx512, ek_pack_gemm_int8_avx512, NULL)                         \
    x86(fully_connected_int8_once, avxvnni, ek_pack_gemm_int8_avxvnni, NULL)                       \
    x86(fully_connected_int8_once, avx2, ek_pack_gemm_int8_avx2, NULL)                             \
    arm64(fully_connected_int8_once, dotprod, ek_pack_gemm_int8_neon, NULL)                        \
    arm64(fully_connected_int8_once, neon, ek_pack_gemm_int8_neon, NULL)                           \
    cortex_m(fully_connected_int8_once, skip_dsp, ek_pack_gemm_int8_skip_dsp, NULL)                \
    cortex_m(fully_connected_int8_once, sparse_dsp, ek_pack_gemm_int8_sparse_dsp, NULL)            \
    cortex_m(fully_connected_int8_once, dsp, ek_pack_gemm_int8_dsp, NULL)                          \
    all(fully_connected_int8_once, skip, ek_pack_gemm_int8_skip, NULL)                             \
    all(fully_connected_int8_once, sparse, ek_pack_gemm_int8_sparse, NULL)                         \
    x86(fully_connected_float32, avx512, ek_pack_gemm_float32_avx512, NULL)                        \
    x86(fully_connected_float32, avx2, NULL, NULL)                                                 \
    arm64(fully_connected_float32, neon, NULL, NULL)                                               \
    cortex_m(fully_connected_float32, fpu, NULL, NULL)                                             \
    x86(depthwise_conv_2d_float32, avx2, ek_pack_depthwise_float32, NULL)                          \
    x86(depthwise_conv_2d_int8_twice, avx2, ek_pack_depthwise_int8, NULL)                          \
    x86(add_int8_twice, avx2, NULL, NULL)                                                          \
    x86(add_int16_twice, avx2, NULL, NULL)                                                         \
    x86(mul_int8_twice, avx2, NULL, NULL)                                                          \
    x86(mul_int16_twice, avx2, NULL, NULL)
#define EK_VARIANTS(X) EK_VARIANTS_BY(X, X, X, X)

ek_packer ek_pack_gemm_float32_avx512, ek_pack_gemm_int8_avx512, ek_pack_gemm_int8_avxvnni;
ek_packer ek_pack_gemm_int8_avx2, ek_pack_gemm_int8_neon, ek_pack_gemm_int8_dsp;
ek_packer ek_pack_gemm_int8_skip_dsp, ek_pack_gemm_int8_sparse_dsp, ek_pack_gemm_int8_skip;
ek_packer ek_pack_gemm_int8_sparse, ek_pack_depthwise_int8, ek_pack_depthwise_float32;

#define EK_DECLARE(name) ek_kernel ek_##name;
#define EK_DECLARE_WITH_SCRATCH(name, scratch)                                                     \
    ek_kernel ek_##name;                                                                           \
    ek_scratch scratch;
#define EK_DECLARE_VARIANT(name, level, pack, scratch) ek_kernel ek_##name##_##level;
EK_KERNELS(EK_DECLARE)
EK_KERNELS_WITH_SCRATCH(EK_DECLARE_WITH_SCRATCH)
EK_VARIANTS(EK_DECLARE_VARIANT)
#undef EK_DECLARE
#undef EK_DECLARE_WITH_SCRATCH
#undef EK_DECLARE_VARIANT

#endif
