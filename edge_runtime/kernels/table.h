/* All kernels, and their variants for instruction sets. */
#ifndef EK_TABLE_H
#define EK_TABLE_H

#include "kernel.h"
#include "lstm.h"

/* The portable kernels, which are everywhere. */
#define EK_KERNELS(X)                                                                              \
    X(abs_int16_twice)                                                                             \
    X(add_float32)                                                                                 \
    X(add_int16_shifted_once)                                                                      \
    X(add_int16_twice)                                                                             \
    X(add_int32)                                                                                   \
    X(add_int64)                                                                                   \
    X(add_int8_once)                                                                               \
    X(add_int8_twice)                                                                              \
    X(add_n_float32)                                                                               \
    X(add_n_int32)                                                                                 \
    X(add_uint8_once)                                                                              \
    X(add_uint8_twice)                                                                             \
    X(arg_max_float32)                                                                             \
    X(arg_max_int32)                                                                               \
    X(arg_max_int8)                                                                                \
    X(audio)                                                                                       \
    X(cast_from_float32)                                                                           \
    X(cast_integers)                                                                               \
    X(cast_to_float32)                                                                             \
    X(comparison_float32)                                                                          \
    X(comparison_int16)                                                                            \
    X(comparison_int16_twice)                                                                      \
    X(comparison_int32)                                                                            \
    X(comparison_int64)                                                                            \
    X(comparison_int8_twice)                                                                       \
    X(comparison_uint8_twice)                                                                      \
    X(concatenation)                                                                               \
    X(concatenation_lookup)                                                                        \
    X(conv_2d_float32)                                                                             \
    X(conv_2d_int16_once)                                                                          \
    X(conv_2d_int16_twice)                                                                         \
    X(conv_2d_int8_float)                                                                          \
    X(conv_2d_int8_twice)                                                                          \
    X(conv_2d_uint8_twice)                                                                         \
    X(copy)                                                                                        \
    X(cumsum_float32)                                                                              \
    X(cumsum_int32)                                                                                \
    X(cumsum_int64)                                                                                \
    X(depthwise_conv_2d_float32)                                                                   \
    X(depthwise_conv_2d_int16_once)                                                                \
    X(depthwise_conv_2d_int8_float)                                                                \
    X(depthwise_conv_2d_int8_twice)                                                                \
    X(depthwise_conv_2d_uint8_twice)                                                               \
    X(dequantize_float16)                                                                          \
    X(dequantize_int16)                                                                            \
    X(dequantize_int8)                                                                             \
    X(dequantize_uint8)                                                                            \
    X(div_float32)                                                                                 \
    X(div_int32)                                                                                   \
    X(div_int8_twice)                                                                              \
    X(div_uint8_twice)                                                                             \
    X(elu_float32)                                                                                 \
    X(embedding_lookup_hybrid)                                                                     \
    X(finite)                                                                                      \
    X(floor_div_float32)                                                                           \
    X(floor_div_int16)                                                                             \
    X(floor_div_int32)                                                                             \
    X(floor_div_int64)                                                                             \
    X(floor_div_int8)                                                                              \
    X(fully_connected_float32)                                                                     \
    X(fully_connected_int16_narrow_once)                                                           \
    X(fully_connected_int16_narrow_twice)                                                          \
    X(fully_connected_int16_once)                                                                  \
    X(fully_connected_int16_reduced_once)                                                          \
    X(fully_connected_int8_float)                                                                  \
    X(fully_connected_int8_once)                                                                   \
    X(fully_connected_int8_twice)                                                                  \
    X(fully_connected_offset_float32)                                                              \
    X(fully_connected_offset_int8_once)                                                            \
    X(fully_connected_offset_int8_twice)                                                           \
    X(fully_connected_offset_uint8_once)                                                           \
    X(gather_int32)                                                                                \
    X(gather_int64)                                                                                \
    X(gather_nd_int32)                                                                             \
    X(gather_nd_int64)                                                                             \
    X(gelu_float32)                                                                                \
    X(gelu_tanh_float32)                                                                           \
    X(hard_swish_float32)                                                                          \
    X(indexed_copy)                                                                                \
    X(indexed_copy_out)                                                                            \
    X(interpolation_int16)                                                                         \
    X(l2_normalization_float32)                                                                    \
    X(l2_normalization_int8_twice)                                                                 \
    X(l2_normalization_uint8_twice)                                                                \
    X(leaky_relu_float32)                                                                          \
    X(leaky_relu_int16_twice)                                                                      \
    X(log_softmax_float32)                                                                         \
    X(log_softmax_int8_twice)                                                                      \
    X(logical)                                                                                     \
    X(logistic_fixed_int16)                                                                        \
    X(logistic_float32)                                                                            \
    X(logistic_int16)                                                                              \
    X(lookup_int16)                                                                                \
    X(lookup_int8)                                                                                 \
    X(maximum_float32)                                                                             \
    X(maximum_int16)                                                                               \
    X(maximum_int32)                                                                               \
    X(maximum_int64)                                                                               \
    X(maximum_int8)                                                                                \
    X(maximum_uint8)                                                                               \
    X(mul_float32)                                                                                 \
    X(mul_int16_twice)                                                                             \
    X(mul_int32)                                                                                   \
    X(mul_int64)                                                                                   \
    X(mul_int8_float)                                                                              \
    X(mul_int8_twice)                                                                              \
    X(mul_uint8_float)                                                                             \
    X(mul_uint8_twice)                                                                             \
    X(one_hot_int32)                                                                               \
    X(one_hot_int64)                                                                               \
    X(pad)                                                                                         \
    X(pool_average_float32)                                                                        \
    X(pool_average_int16_once)                                                                     \
    X(pool_average_int8_once)                                                                      \
    X(pool_average_row_int8_once)                                                                  \
    X(pool_average_uint8_once)                                                                     \
    X(pool_l2_float32)                                                                             \
    X(pool_max_float32)                                                                            \
    X(pool_max_int16)                                                                              \
    X(pool_max_int8)                                                                               \
    X(pool_max_uint8)                                                                              \
    X(pow_float32)                                                                                 \
    X(pow_int32)                                                                                   \
    X(prelu_float32)                                                                               \
    X(prelu_int8_twice)                                                                            \
    X(prelu_uint8_twice)                                                                           \
    X(quantize_even_int16)                                                                         \
    X(quantize_even_int8)                                                                          \
    X(quantize_int16)                                                                              \
    X(quantize_int8)                                                                               \
    X(reduce_max_float32)                                                                          \
    X(reduce_max_int16)                                                                            \
    X(reduce_max_int32)                                                                            \
    X(reduce_max_int64)                                                                            \
    X(reduce_max_int8)                                                                             \
    X(reduce_prod_float32)                                                                         \
    X(reduce_prod_int16_once)                                                                      \
    X(reduce_prod_int32)                                                                           \
    X(reduce_prod_int64)                                                                           \
    X(reduce_prod_int8_once)                                                                       \
    X(reduce_sum_float32)                                                                          \
    X(reduce_sum_int16_twice)                                                                      \
    X(reduce_sum_int32)                                                                            \
    X(reduce_sum_int64)                                                                            \
    X(reduce_sum_int8_twice)                                                                       \
    X(relu_float32)                                                                                \
    X(requantize_int16_int32_twice)                                                                \
    X(requantize_int16_int8_twice)                                                                 \
    X(requantize_int16_twice)                                                                      \
    X(requantize_int32_int16_twice)                                                                \
    X(requantize_int32_int8_twice)                                                                 \
    X(resize_bilinear_float32)                                                                     \
    X(resize_bilinear_int16_once)                                                                  \
    X(resize_bilinear_int8_once)                                                                   \
    X(resize_bilinear_uint8_float)                                                                 \
    X(resize_nearest)                                                                              \
    X(reverse_sequence_int32)                                                                      \
    X(reverse_sequence_int64)                                                                      \
    X(rnn_float32)                                                                                 \
    X(roots_rsqrt_float32)                                                                         \
    X(roots_sqrt_float32)                                                                          \
    X(roots_sqrt_int16)                                                                            \
    X(select)                                                                                      \
    X(softmax_float32)                                                                             \
    X(softmax_int16_twice)                                                                         \
    X(softmax_int8_float)                                                                          \
    X(softmax_int8_int16_float)                                                                    \
    X(softmax_int8_int16_twice)                                                                    \
    X(softmax_int8_twice)                                                                          \
    X(softmax_uint8_int16_twice)                                                                   \
    X(softmax_uint8_twice)                                                                         \
    X(split)                                                                                       \
    X(squared_difference_float32)                                                                  \
    X(squared_difference_int32)                                                                    \
    X(squared_difference_int8_twice)                                                               \
    X(strided_copy)                                                                                \
    X(svdf_float32)                                                                                \
    X(svdf_int8_twice)                                                                             \
    X(tanh_fixed_int16)                                                                            \
    X(tanh_float32)                                                                                \
    X(tanh_int16)                                                                                  \
    X(topk_float32)                                                                                \
    X(topk_int16)                                                                                  \
    X(topk_int32)                                                                                  \
    X(topk_int64)                                                                                  \
    X(topk_int8)                                                                                   \
    X(topk_uint8)                                                                                  \
    X(transcendental_cos_float32)                                                                  \
    X(transcendental_exp_float32)                                                                  \
    X(transcendental_log_float32)                                                                  \
    X(transcendental_sin_float32)                                                                  \
    X(transpose_conv_float32)                                                                      \
    X(transpose_conv_int16_narrow_twice)                                                           \
    X(transpose_conv_int16_once)                                                                   \
    X(transpose_conv_int8_float)                                                                   \
    X(transpose_conv_int8_twice)                                                                   \
    X(transpose_conv_uint8_twice)                                                                  \
    X(unary_abs_float32)                                                                           \
    X(unary_abs_int32)                                                                             \
    X(unary_ceil_float32)                                                                          \
    X(unary_floor_float32)                                                                         \
    X(unary_logical_not_bool)                                                                      \
    X(unary_neg_float32)                                                                           \
    X(unary_neg_int16)                                                                             \
    X(unary_neg_int32)                                                                             \
    X(unary_neg_int64)                                                                             \
    X(unary_round_float32)                                                                         \
    X(unary_sign_float32)                                                                          \
    X(unary_sign_int32)                                                                            \
    X(unary_square_float32)

/* Those that need scratch memory, which follows their outputs: (kernel, scratch). */
#define EK_KERNELS_WITH_SCRATCH(X)                                                                 \
    X(batch_matmul_float32, ek_batch_matmul_scratch_float32)                                       \
    X(batch_matmul_int16_int8_once, ek_batch_matmul_scratch_int16)                                 \
    X(batch_matmul_int16_once, ek_batch_matmul_scratch_int16)                                      \
    X(batch_matmul_int8_int32, ek_batch_matmul_scratch_int8)                                       \
    X(batch_matmul_int8_twice, ek_batch_matmul_scratch_int8)                                       \
    X(conv_2d_hybrid_asymmetric, ek_conv_2d_hybrid_scratch)                                        \
    X(conv_2d_hybrid_symmetric, ek_conv_2d_hybrid_scratch)                                         \
    X(depthwise_conv_2d_hybrid, ek_depthwise_conv_2d_hybrid_scratch)                               \
    X(detection_postprocess_float32, ek_detection_postprocess_scratch)                             \
    X(detection_postprocess_uint8, ek_detection_postprocess_scratch)                               \
    X(fully_connected_hybrid, ek_fully_connected_hybrid_scratch)                                   \
    X(lstm_float32, ek_lstm_float32_scratch)                                                       \
    X(lstm_float32_hybrid, ek_lstm_float32_hybrid_scratch)                                         \
    X(lstm_int8_twice, ek_lstm_int8_scratch)

/* Levels that a kernel may have variants for, the best first. */
#define EK_LEVELS(LEVEL)                                                                           \
    LEVEL(amx)                                                                                     \
    LEVEL(avx512)                                                                                  \
    LEVEL(avxvnni)                                                                                 \
    LEVEL(avx2)                                                                                    \
    LEVEL(i8mm)                                                                                    \
    LEVEL(dotprod)                                                                                 \
    LEVEL(neon)                                                                                    \
    LEVEL(rvv)                                                                                     \
    LEVEL(helium)                                                                                  \
    LEVEL(skip_dsp)                                                                                \
    LEVEL(sparse_dsp)                                                                              \
    LEVEL(dsp)                                                                                     \
    LEVEL(fpu)                                                                                     \
    LEVEL(skip)                                                                                    \
    LEVEL(sparse)                                                                                  \
    LEVEL(computed)                                                                                \
    LEVEL(portable)

/* The variants: (kernel, level, packer or NULL, scratch or NULL). Rows are on every machine, and so
 * are packers; who compiles ek_<kernel>_<level> begins the row: x86, arm64, cortex_m, riscv have folders
 * of their own, and what all compile is for the exporter to choose. */
#define EK_VARIANTS_BY(x86, arm64, cortex_m, riscv, all)                                           \
    x86(finite, avx2, NULL, NULL)                                                                  \
    x86(conv_2d_int8_twice, amx, ek_pack_conv_2d_int8_twice_amx, ek_scratch_conv_tiles)            \
    x86(conv_2d_int8_twice, avx512, ek_pack_conv_2d_int8_twice_avx512, ek_scratch_conv_bytes)      \
    x86(conv_2d_int8_twice, avxvnni, ek_pack_conv_2d_int8_twice_avxvnni, ek_scratch_conv_bytes)    \
    x86(conv_2d_int8_twice, avx2, ek_pack_conv_2d_int8_twice_avx2, ek_scratch_conv_pairs)          \
    arm64(conv_2d_int8_twice, i8mm, ek_pack_conv_2d_int8_twice_i8mm, ek_scratch_conv_bytes)        \
    arm64(conv_2d_int8_twice, dotprod, ek_pack_conv_2d_int8_twice_dotprod, ek_scratch_conv_bytes)  \
    arm64(conv_2d_int8_twice, neon, ek_pack_conv_2d_int8_twice_neon, ek_scratch_conv_bytes)        \
    riscv(conv_2d_int8_twice, rvv, ek_pack_conv_2d_rvv, NULL)                                      \
    cortex_m(conv_2d_int8_twice, helium, ek_pack_conv_2d_helium, ek_scratch_conv_helium)           \
    x86(conv_2d_int8_float, amx, ek_pack_conv_2d_int8_float_amx, ek_scratch_conv_tiles)            \
    x86(conv_2d_int8_float, avx512, ek_pack_conv_2d_int8_float_avx512, ek_scratch_conv_bytes)      \
    x86(conv_2d_int8_float, avxvnni, ek_pack_conv_2d_int8_float_avxvnni, ek_scratch_conv_bytes)    \
    x86(conv_2d_int8_float, avx2, ek_pack_conv_2d_int8_float_avx2, ek_scratch_conv_pairs)          \
    arm64(conv_2d_int8_float, i8mm, ek_pack_conv_2d_int8_float_i8mm, ek_scratch_conv_bytes)        \
    arm64(conv_2d_int8_float, dotprod, ek_pack_conv_2d_int8_float_dotprod, ek_scratch_conv_bytes)  \
    arm64(conv_2d_int8_float, neon, ek_pack_conv_2d_int8_float_neon, ek_scratch_conv_bytes)        \
    x86(conv_2d_uint8_twice, avx2, ek_pack_conv_2d_uint8_twice_avx2, ek_scratch_conv_pairs)        \
    x86(conv_2d_float32, avx512, ek_pack_conv_2d_float32_16, ek_scratch_conv_float32)              \
    x86(conv_2d_float32, avx2, ek_pack_conv_2d_float32, ek_scratch_conv_float32)                   \
    arm64(conv_2d_float32, neon, ek_pack_conv_2d_float32, ek_scratch_conv_float32)                 \
    x86(conv_2d_hybrid_symmetric, amx, ek_pack_conv_hybrid_amx, ek_scratch_hybrid_tiles)           \
    x86(conv_2d_hybrid_symmetric, avx512, ek_pack_conv_hybrid_avx512, ek_scratch_hybrid_bytes)     \
    x86(conv_2d_hybrid_symmetric, avxvnni, ek_pack_conv_hybrid_avxvnni, ek_scratch_hybrid_bytes)   \
    x86(conv_2d_hybrid_symmetric, avx2, ek_pack_conv_hybrid_avx2, ek_scratch_hybrid_pairs)         \
    x86(conv_2d_hybrid_asymmetric, amx, ek_pack_conv_hybrid_amx, ek_scratch_hybrid_tiles)          \
    x86(conv_2d_hybrid_asymmetric, avx512, ek_pack_conv_hybrid_avx512, ek_scratch_hybrid_bytes)    \
    x86(conv_2d_hybrid_asymmetric, avxvnni, ek_pack_conv_hybrid_avxvnni, ek_scratch_hybrid_bytes)  \
    x86(conv_2d_hybrid_asymmetric, avx2, ek_pack_conv_hybrid_avx2, ek_scratch_hybrid_pairs)        \
    x86(depthwise_conv_2d_int8_twice, avx512, ek_pack_dw_twice_avx512, ek_scratch_dw_avx512)       \
    x86(depthwise_conv_2d_int8_twice, avxvnni, ek_pack_dw_twice_avxvnni, ek_scratch_dw_avxvnni)    \
    x86(depthwise_conv_2d_int8_twice, avx2, ek_pack_dw_twice_avx2, ek_scratch_dw_avx2)             \
    arm64(depthwise_conv_2d_int8_twice, dotprod, ek_pack_dw_twice_dotprod, ek_scratch_dw_dotprod)  \
    arm64(depthwise_conv_2d_int8_twice, neon, ek_pack_dw_twice_neon, ek_scratch_dw_neon)           \
    riscv(depthwise_conv_2d_int8_twice, rvv, ek_pack_dw_rvv, NULL)                                 \
    cortex_m(depthwise_conv_2d_int8_twice, helium, ek_pack_dw_helium, ek_scratch_dw_helium)         \
    cortex_m(depthwise_conv_2d_int8_twice, dsp, ek_pack_dw_twice_dsp, ek_scratch_dw_dsp)           \
    x86(depthwise_conv_2d_int8_float, avx512, ek_pack_dw_float_avx512, ek_scratch_dw_avx512)       \
    x86(depthwise_conv_2d_int8_float, avxvnni, ek_pack_dw_float_avxvnni, ek_scratch_dw_avxvnni)    \
    x86(depthwise_conv_2d_int8_float, avx2, ek_pack_dw_float_avx2, ek_scratch_dw_avx2)             \
    arm64(depthwise_conv_2d_int8_float, dotprod, ek_pack_dw_float_dotprod, ek_scratch_dw_dotprod)  \
    arm64(depthwise_conv_2d_int8_float, neon, ek_pack_dw_float_neon, ek_scratch_dw_neon)           \
    x86(depthwise_conv_2d_uint8_twice, avx2, ek_pack_dw_uint8_avx2, ek_scratch_dw_avx2)            \
    x86(depthwise_conv_2d_hybrid, avx512, ek_pack_dw_hybrid_avx512, ek_scratch_dw_hybrid_avx512)   \
    x86(depthwise_conv_2d_hybrid, avxvnni, ek_pack_dw_hybrid_avxvnni, ek_scratch_dw_hybrid_avxvnni)\
    x86(depthwise_conv_2d_hybrid, avx2, ek_pack_dw_hybrid_avx2, ek_scratch_dw_hybrid_avx2)         \
    x86(depthwise_conv_2d_float32, avx512, ek_pack_depthwise_float32_16, ek_scratch_depthwise)     \
    x86(depthwise_conv_2d_float32, avx2, ek_pack_depthwise_float32, ek_scratch_depthwise)          \
    arm64(depthwise_conv_2d_float32, neon, ek_pack_depthwise_float32, ek_scratch_depthwise)        \
    x86(fully_connected_int8_once, amx, ek_pack_gemm_int8_amx, ek_scratch_conv_tiles)              \
    x86(fully_connected_int8_once, avx512, ek_pack_gemm_int8_avx512, ek_scratch_conv_bytes)        \
    x86(fully_connected_int8_once, avxvnni, ek_pack_gemm_int8_avxvnni, ek_scratch_conv_bytes)      \
    x86(fully_connected_int8_once, avx2, ek_pack_gemm_int8_avx2, ek_scratch_conv_pairs)            \
    arm64(fully_connected_int8_once, dotprod, ek_pack_gemm_int8_neon, NULL)                        \
    arm64(fully_connected_int8_once, neon, ek_pack_gemm_int8_neon, NULL)                           \
    riscv(fully_connected_int8_once, rvv, NULL, NULL)                                              \
    cortex_m(fully_connected_int8_once, helium, ek_pack_gemm_int8_helium, ek_scratch_dense_helium) \
    cortex_m(fully_connected_int8_once, skip_dsp, ek_pack_gemm_int8_skip_dsp, NULL)                \
    cortex_m(fully_connected_int8_once, sparse_dsp, ek_pack_gemm_int8_sparse_dsp, NULL)            \
    cortex_m(fully_connected_int8_once, dsp, ek_pack_gemm_int8_dsp, NULL)                          \
    all(fully_connected_int8_once, skip, ek_pack_gemm_int8_skip, NULL)                             \
    all(fully_connected_int8_once, sparse, ek_pack_gemm_int8_sparse, NULL)                         \
    x86(fully_connected_hybrid, avx512, ek_pack_gemm_hybrid_avx512, ek_scratch_hybrid_bytes)       \
    x86(fully_connected_hybrid, avxvnni, ek_pack_gemm_hybrid_avxvnni, ek_scratch_hybrid_bytes)     \
    x86(fully_connected_hybrid, avx2, ek_pack_gemm_hybrid_avx2, ek_scratch_hybrid_pairs)           \
    x86(fully_connected_float32, avx512, ek_pack_gemm_float32, NULL)                               \
    x86(fully_connected_float32, avx2, ek_pack_gemm_float32, NULL)                                 \
    arm64(fully_connected_float32, neon, ek_pack_gemm_float32, NULL)                               \
    cortex_m(fully_connected_float32, fpu, NULL, NULL)                                             \
    cortex_m(conv_2d_int8_twice, dsp, ek_pack_conv_2d_int8_dsp, ek_scratch_conv_dsp)               \
    x86(add_int8_twice, avx512, NULL, NULL)                                                        \
    x86(add_int8_twice, avx2, NULL, NULL)                                                          \
    cortex_m(add_int8_twice, helium, ek_pack_add_helium, NULL)                                     \
    cortex_m(add_int8_twice, dsp, ek_pack_add_int8_dsp, NULL)                                      \
    x86(add_uint8_twice, avx512, NULL, NULL)                                                       \
    x86(add_uint8_twice, avx2, NULL, NULL)                                                         \
    x86(add_int16_twice, avx2, NULL, NULL)                                                         \
    x86(mul_int8_twice, avx512, NULL, NULL)                                                        \
    x86(mul_int8_twice, avx2, NULL, NULL)                                                          \
    x86(mul_uint8_twice, avx512, NULL, NULL)                                                       \
    x86(mul_uint8_twice, avx2, NULL, NULL)                                                         \
    x86(mul_int16_twice, avx2, NULL, NULL)                                                         \
    x86(softmax_float32, avx2, NULL, ek_scratch_softmax_float32)                                   \
    x86(softmax_int8_twice, avx2, NULL, NULL)                                                      \
    x86(softmax_uint8_twice, avx2, NULL, NULL)                                                     \
    all(softmax_int8_twice, computed, ek_pack_softmax_computed, NULL)                              \
    all(softmax_uint8_twice, computed, ek_pack_softmax_computed, NULL)                             \
    x86(logistic_float32, avx512, NULL, NULL)                                                      \
    x86(logistic_float32, avx2, NULL, NULL)                                                        \
    x86(tanh_float32, avx512, NULL, NULL)                                                          \
    x86(tanh_float32, avx2, NULL, NULL)                                                            \
    x86(elu_float32, avx512, NULL, NULL)                                                           \
    x86(elu_float32, avx2, NULL, NULL)                                                             \
    x86(transcendental_exp_float32, avx512, NULL, NULL)                                            \
    x86(transcendental_exp_float32, avx2, NULL, NULL)                                              \
    x86(gelu_float32, avx512, NULL, NULL)                                                          \
    x86(gelu_float32, avx2, NULL, NULL)                                                            \
    x86(gelu_tanh_float32, avx512, NULL, NULL)                                                     \
    x86(gelu_tanh_float32, avx2, NULL, NULL)                                                       \
    x86(pool_max_int8, avx512, NULL, NULL)                                                         \
    x86(pool_max_int8, avx2, NULL, NULL)                                                           \
    x86(pool_max_float32, avx512, NULL, NULL)                                                      \
    x86(pool_max_float32, avx2, NULL, NULL)                                                        \
    cortex_m(pool_average_int8_once, dsp, ek_pack_pool_average_int8_dsp, NULL)                     \
    x86(pool_average_float32, avx512, NULL, NULL)                                                  \
    x86(pool_average_float32, avx2, NULL, NULL)                                                    \
    x86(quantize_int8, avx2, NULL, NULL)                                                           \
    x86(concatenation, avx2, NULL, NULL)                                                           \
    x86(resize_bilinear_int8_once, avx2, NULL, ek_scratch_resize)                                  \
    x86(resize_bilinear_uint8_float, avx2, NULL, ek_scratch_resize)                                \
    x86(resize_bilinear_float32, avx2, NULL, ek_scratch_resize)                                    \
    x86(lookup_int8, avx512, NULL, NULL)                                                           \
    x86(lookup_int8, avx2, NULL, NULL)                                                             \
    x86(transpose_conv_float32, avx2, ek_pack_transpose_conv_float32, ek_scratch_transpose_conv)   \
    x86(transpose_conv_int8_twice, avx2, ek_pack_transpose_conv_int8, ek_scratch_transpose_conv)   \
    x86(transpose_conv_uint8_twice, avx2, ek_pack_transpose_conv_uint8, ek_scratch_transpose_conv) \
    x86(lstm_float32, avx512, ek_pack_lstm_float32, ek_lstm_float32_scratch)                       \
    x86(lstm_float32, avx2, ek_pack_lstm_float32, ek_lstm_float32_scratch)                         \
    x86(add_float32, avx2, NULL, NULL)                                                             \
    x86(mul_float32, avx2, NULL, NULL)                                                             \
    x86(prelu_float32, avx2, NULL, NULL)                                                           \
    x86(leaky_relu_float32, avx2, NULL, NULL)                                                      \
    x86(strided_copy, avx2, NULL, NULL)
#define EK_VARIANTS(X) EK_VARIANTS_BY(X, X, X, X, X)

ek_packer ek_pack_add_int8_dsp;
ek_packer ek_pack_conv_2d_float32, ek_pack_conv_2d_float32_16, ek_pack_conv_2d_int8_float_amx;
ek_packer ek_pack_conv_2d_int8_dsp;
ek_packer ek_pack_conv_2d_int8_float_avx2, ek_pack_conv_2d_int8_float_avx512;
ek_packer ek_pack_conv_2d_int8_float_avxvnni, ek_pack_conv_2d_int8_float_dotprod;
ek_packer ek_pack_conv_2d_int8_float_i8mm, ek_pack_conv_2d_int8_float_neon;
ek_packer ek_pack_conv_2d_int8_twice_amx, ek_pack_conv_2d_int8_twice_avx2;
ek_packer ek_pack_conv_2d_int8_twice_avx512, ek_pack_conv_2d_int8_twice_avxvnni;
ek_packer ek_pack_conv_2d_int8_twice_dotprod, ek_pack_conv_2d_int8_twice_i8mm;
ek_packer ek_pack_conv_2d_int8_twice_neon, ek_pack_conv_2d_uint8_twice_avx2;
ek_packer ek_pack_conv_hybrid_amx, ek_pack_conv_hybrid_avx2, ek_pack_conv_hybrid_avx512;
ek_packer ek_pack_conv_hybrid_avxvnni, ek_pack_depthwise_float32, ek_pack_depthwise_float32_16;
ek_packer ek_pack_dw_float_avx2, ek_pack_dw_float_avx512, ek_pack_dw_float_avxvnni;
ek_packer ek_pack_dw_float_dotprod, ek_pack_dw_float_neon, ek_pack_dw_hybrid_avx2;
ek_packer ek_pack_dw_hybrid_avx512, ek_pack_dw_hybrid_avxvnni, ek_pack_dw_twice_avx2;
ek_packer ek_pack_dw_twice_avx512, ek_pack_dw_twice_avxvnni, ek_pack_dw_twice_dotprod;
ek_packer ek_pack_dw_twice_dsp, ek_pack_dw_twice_neon, ek_pack_dw_uint8_avx2, ek_pack_gemm_float32;
ek_packer ek_pack_gemm_hybrid_avx2, ek_pack_gemm_hybrid_avx512, ek_pack_gemm_hybrid_avxvnni;
ek_packer ek_pack_gemm_int8_amx, ek_pack_gemm_int8_avx2, ek_pack_gemm_int8_avx512;
ek_packer ek_pack_gemm_int8_avxvnni, ek_pack_gemm_int8_dsp, ek_pack_gemm_int8_neon;
ek_packer ek_pack_add_helium, ek_pack_conv_2d_rvv, ek_pack_dw_rvv;
ek_packer ek_pack_conv_2d_helium, ek_pack_dw_helium, ek_pack_gemm_int8_helium;
ek_packer ek_pack_gemm_int8_skip, ek_pack_gemm_int8_skip_dsp, ek_pack_gemm_int8_sparse;
ek_packer ek_pack_gemm_int8_sparse_dsp, ek_pack_lstm_float32, ek_pack_pool_average_int8_dsp;
ek_packer ek_pack_softmax_computed;
ek_packer ek_pack_transpose_conv_float32;
ek_packer ek_pack_transpose_conv_int8, ek_pack_transpose_conv_uint8;
ek_scratch ek_scratch_conv_dsp;
ek_scratch ek_scratch_conv_bytes, ek_scratch_conv_float32, ek_scratch_conv_pairs;
ek_scratch ek_scratch_conv_tiles, ek_scratch_depthwise, ek_scratch_dw_avx2, ek_scratch_dw_avx512;
ek_scratch ek_scratch_dw_avxvnni, ek_scratch_dw_dotprod, ek_scratch_dw_dsp;
ek_scratch ek_scratch_dw_hybrid_avx2;
ek_scratch ek_scratch_dw_hybrid_avx512, ek_scratch_dw_hybrid_avxvnni, ek_scratch_dw_neon;
ek_scratch ek_scratch_hybrid_bytes, ek_scratch_hybrid_pairs, ek_scratch_hybrid_tiles;
ek_scratch ek_scratch_conv_helium, ek_scratch_dense_helium, ek_scratch_dw_helium;
ek_scratch ek_scratch_resize, ek_scratch_softmax_float32, ek_scratch_transpose_conv;

/* In lstm_float32.c. */
void ek_run_lstm(const int32_t *params, void *const *tensors, int32_t hybrid,
                 ek_lstm_product *add_product, ek_lstm_each *tanhs, ek_lstm_each *logistics);

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
