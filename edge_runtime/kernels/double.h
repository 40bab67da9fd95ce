/* For kernels that need a double of 64 bits; where it has 32 (AVR), they do not compile. */
#ifndef EK_DOUBLE_H
#define EK_DOUBLE_H

/* Of as many bytes. */
typedef char ek_double_has_64_bits[sizeof(double) == 8 ? 8 : -1];

#endif
