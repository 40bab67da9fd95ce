/* Doubles and their bits. */
#ifndef EK_DOUBLE_BITS_H
#define EK_DOUBLE_BITS_H

#include <stdint.h>
#include <string.h>

/* Of as many bytes; where a double has 32 bits (AVR), this does not compile. */
typedef char ek_double_has_64_bits[sizeof(double) == 8 ? 8 : -1];

static inline double ek_double(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof(ek_double_has_64_bits));
    return value;
}

static inline uint64_t ek_double_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(ek_double_has_64_bits));
    return bits;
}

#endif
