/* FULLY_CONNECTED of float32 for Cortex-M cores with an FPU. In assembly, because compilers keep
 * the sums in memory: here they are s0-s15. Products are rounded before they are added. */
#include "kernel.h"

#ifdef EK_FPU
#include "dense_float32.h"

#define VMUL(a, b) "vmul.f32 s" #a ", s" #a ", s" #b "\n\t"
#define VADD(a, b) "vadd.f32 s" #a ", s" #a ", s" #b "\n\t"
#define EIGHT_PRODUCTS                                                                             \
    "vldm %[x]!, {s16-s23}\n\t"                                                                    \
    "vldm %[w]!, {s24-s31}\n\t" VMUL(16, 24) VMUL(17, 25) VMUL(18, 26) VMUL(19, 27) VMUL(20, 28)   \
    VMUL(21, 29) VMUL(22, 30) VMUL(23, 31)

static inline float dot_on_fpu(const float *input, const float *weights, int32_t depth)
{
    float lanes[EK_LANES], *lane; /* for the depth's rest */
    register float sum __asm__("s0");
    __asm__ volatile("mov %[lane], #0\n\t"
                     "vmov d0, %[lane], %[lane]\n\t"
                     "vmov d1, %[lane], %[lane]\n\t"
                     "vmov d2, %[lane], %[lane]\n\t"
                     "vmov d3, %[lane], %[lane]\n\t"
                     "vmov d4, %[lane], %[lane]\n\t"
                     "vmov d5, %[lane], %[lane]\n\t"
                     "vmov d6, %[lane], %[lane]\n\t"
                     "vmov d7, %[lane], %[lane]\n\t"
                     "subs %[n], #16\n\t"
                     "blt 2f\n"
                     "1:\n\t" EIGHT_PRODUCTS VADD(0, 16) VADD(1, 17) VADD(2, 18) VADD(3, 19)
                     VADD(4, 20) VADD(5, 21) VADD(6, 22) VADD(7, 23)
                     EIGHT_PRODUCTS VADD(8, 16) VADD(9, 17) VADD(10, 18) VADD(11, 19)
                     VADD(12, 20) VADD(13, 21) VADD(14, 22) VADD(15, 23)
                     "subs %[n], #16\n\t"
                     "bge 1b\n"
                     "2:\n\t"
                     "adds %[n], #16\n\t"
                     "beq 4f\n\t"
                     "mov %[lane], %[lanes]\n\t"
                     "vstm %[lanes], {s0-s15}\n"
                     "3:\n\t"
                     "vldm %[x]!, {s16}\n\t"
                     "vldm %[w]!, {s17}\n\t"
                     "vldr s18, [%[lane]]\n\t" VMUL(16, 17) VADD(18, 16)
                     "vstm %[lane]!, {s18}\n\t"
                     "subs %[n], #1\n\t"
                     "bne 3b\n\t"
                     "vldm %[lanes], {s0-s15}\n"
                     "4:\n\t" VADD(0, 8) VADD(1, 9) VADD(2, 10) VADD(3, 11) VADD(4, 12)
                     VADD(5, 13) VADD(6, 14) VADD(7, 15) VADD(0, 4) VADD(1, 5) VADD(2, 6)
                     VADD(3, 7) VADD(0, 2) VADD(1, 3) VADD(0, 1)
                     : [x] "+r"(input), [w] "+r"(weights), [n] "+r"(depth), [lane] "=&r"(lane),
                       "=t"(sum)
                     : [lanes] "r"(lanes)
                     : "cc", "memory", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10",
                       "s11", "s12", "s13", "s14", "s15", "s16", "s17", "s18", "s19", "s20", "s21",
                       "s22", "s23", "s24", "s25", "s26", "s27", "s28", "s29", "s30", "s31");
    return sum;
}

void ek_fully_connected_float32_fpu(const int32_t *params, void *const *tensors)
{
    ek_dense_float32(params, tensors, dot_on_fpu);
}
#endif
