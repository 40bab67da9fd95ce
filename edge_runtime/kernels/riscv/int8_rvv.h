/* Layers of int8 on RISC-V cores with vectors of 32-bit integers, Zve32x, of any length: sums of four
 * outputs at a time, and outputs of up to 16 sums. */
#ifndef EK_INT8_RVV_H
#define EK_INT8_RVV_H

#include <riscv_vector.h>
#include <stddef.h>
#include <stdint.h>

enum { EK_RVV_BLOCK = 16 };

/* sums[i] += the products of so many inputs, less zero, with the weights of output i, one window
 * behind the other; up to four outputs. */
static inline void ek_rvv_add(const int8_t *x, int32_t zero, const int8_t *w, ptrdiff_t window,
                              int32_t count, int32_t outputs, int32_t *sums)
{
    const int8_t *w1 = outputs > 1 ? w + window : w, *w2 = outputs > 2 ? w1 + window : w1;
    const int8_t *w3 = outputs > 3 ? w2 + window : w2;
    const size_t all = __riscv_vsetvlmax_e32m4();
    const vint32m1_t none = __riscv_vmv_s_x_i32m1(0, 1);
    vint32m4_t s0 = __riscv_vmv_v_x_i32m4(0, all), s1 = s0, s2 = s0, s3 = s0;
    while (count > 0) {
        const size_t n = __riscv_vsetvl_e8m1((size_t)count);
        const vint16m2_t input =
            __riscv_vwsub_vx_i16m2(__riscv_vle8_v_i8m1(x, n), (int8_t)zero, n);
        vint16m2_t weight = __riscv_vsext_vf2_i16m2(__riscv_vle8_v_i8m1(w, n), n);
        s0 = __riscv_vwmacc_vv_i32m4_tu(s0, input, weight, n);
        weight = __riscv_vsext_vf2_i16m2(__riscv_vle8_v_i8m1(w1, n), n);
        s1 = __riscv_vwmacc_vv_i32m4_tu(s1, input, weight, n);
        weight = __riscv_vsext_vf2_i16m2(__riscv_vle8_v_i8m1(w2, n), n);
        s2 = __riscv_vwmacc_vv_i32m4_tu(s2, input, weight, n);
        weight = __riscv_vsext_vf2_i16m2(__riscv_vle8_v_i8m1(w3, n), n);
        s3 = __riscv_vwmacc_vv_i32m4_tu(s3, input, weight, n);
        x += n;
        w += n;
        w1 += n;
        w2 += n;
        w3 += n;
        count -= (int32_t)n;
    }
    sums[0] += __riscv_vmv_x_s_i32m1_i32(__riscv_vredsum_vs_i32m4_i32m1(s0, none, all));
    if (outputs > 1)
        sums[1] += __riscv_vmv_x_s_i32m1_i32(__riscv_vredsum_vs_i32m4_i32m1(s1, none, all));
    if (outputs > 2)
        sums[2] += __riscv_vmv_x_s_i32m1_i32(__riscv_vredsum_vs_i32m4_i32m1(s2, none, all));
    if (outputs > 3)
        sums[3] += __riscv_vmv_x_s_i32m1_i32(__riscv_vredsum_vs_i32m4_i32m1(s3, none, all));
}

/* Outputs of sums as ek_rescale_twice rounds them, for multipliers above INT32_MIN. tensors: ..., bias,
 * multiplier, shift int32; of output "first" on. */
static inline void ek_rvv_finish_twice(const int32_t *sums, int32_t count, void *const *tensors,
                                       int32_t first, int32_t zero_point, int32_t lowest,
                                       int32_t highest, int8_t *output)
{
    const int32_t *bias = (const int32_t *)tensors[2] + first;
    const int32_t *multiplier = (const int32_t *)tensors[3] + first;
    const int32_t *shift = (const int32_t *)tensors[4] + first;
    while (count > 0) {
        const size_t n = __riscv_vsetvl_e32m4((size_t)count);
        const vint32m4_t left = __riscv_vle32_v_i32m4(shift, n);
        const vint32m4_t right = __riscv_vmax_vx_i32m4(__riscv_vrsub_vx_i32m4(left, 0, n), 0, n);
        vint32m4_t value = __riscv_vadd_vv_i32m4(__riscv_vle32_v_i32m4(sums, n),
                                                 __riscv_vle32_v_i32m4(bias, n), n);
        value = __riscv_vsll_vv_i32m4(
            value, __riscv_vreinterpret_v_i32m4_u32m4(__riscv_vmax_vx_i32m4(left, 0, n)), n);
        value = __riscv_vsmul_vv_i32m4(value, __riscv_vle32_v_i32m4(multiplier, n),
                                       __RISCV_VXRM_RNU, n);
        /* One less below zero, so that halves are rounded away from it. */
        const vbool8_t below = __riscv_vmslt_vx_i32m4_b8(value, 0, n);
        const vbool8_t moved = __riscv_vmand_mm_b8(
            below, __riscv_vmsgt_vx_i32m4_b8(right, 0, n), n);
        value = __riscv_vsadd_vx_i32m4_mu(moved, value, value, -1, n);
        value = __riscv_vssra_vv_i32m4(value, __riscv_vreinterpret_v_i32m4_u32m4(right),
                                       __RISCV_VXRM_RNU, n);
        value = __riscv_vadd_vx_i32m4(value, zero_point, n);
        value = __riscv_vmin_vx_i32m4(__riscv_vmax_vx_i32m4(value, lowest, n), highest, n);
        const vint16m2_t half = __riscv_vncvt_x_x_w_i16m2(value, n);
        __riscv_vse8_v_i8m1(output, __riscv_vncvt_x_x_w_i8m1(half, n), n);
        sums += n;
        bias += n;
        multiplier += n;
        shift += n;
        output += n;
        count -= (int32_t)n;
    }
}

#endif
