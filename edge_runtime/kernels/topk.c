/* TOPK_V2; the meaning is defined in topk.py. */
#define EK_SMALL
#include "kernel.h"

#include <string.h>

typedef struct {
    int32_t rows, length, count;
} TopK;

/* Whether the number at position a of a row comes before that at b. */
typedef int comes_first(const void *row, int32_t a, int32_t b);

static inline int first_float32(const void *row, int32_t a, int32_t b)
{
    const float x = ((const float *)row)[a], y = ((const float *)row)[b];
    if (x == y || (x != x && y != y))
        return a < b;
    return x > y || y != y;
}

static inline int first_int8(const void *row, int32_t a, int32_t b)
{
    const int8_t x = ((const int8_t *)row)[a], y = ((const int8_t *)row)[b];
    return x > y || (x == y && a < b);
}

static inline int first_uint8(const void *row, int32_t a, int32_t b)
{
    const uint8_t x = ((const uint8_t *)row)[a], y = ((const uint8_t *)row)[b];
    return x > y || (x == y && a < b);
}

static inline int first_int16(const void *row, int32_t a, int32_t b)
{
    const int16_t x = ((const int16_t *)row)[a], y = ((const int16_t *)row)[b];
    return x > y || (x == y && a < b);
}

static inline int first_int32(const void *row, int32_t a, int32_t b)
{
    const int32_t x = ((const int32_t *)row)[a], y = ((const int32_t *)row)[b];
    return x > y || (x == y && a < b);
}

static inline int first_int64(const void *row, int32_t a, int32_t b)
{
    const int64_t x = ((const int64_t *)row)[a], y = ((const int64_t *)row)[b];
    return x > y || (x == y && a < b);
}

/* Replaces the top of a heap, which of all its positions comes last, by another position. */
static inline void replace_top(int32_t *heap, int32_t size, int32_t position, const void *row,
                               comes_first *first)
{
    int32_t hole = 0;
    while (hole < size / 2) {
        int32_t child = 2 * hole + 1;
        if (child + 1 < size && first(row, heap[child], heap[child + 1]))
            child++;
        if (!first(row, position, heap[child]))
            break;
        heap[hole] = heap[child];
        hole = child;
    }
    heap[hole] = position;
}

static inline void add_last(int32_t *heap, int32_t size, const void *row, comes_first *first)
{
    int32_t hole = size;
    for (; hole && first(row, heap[(hole - 1) / 2], size); hole = (hole - 1) / 2)
        heap[hole] = heap[(hole - 1) / 2];
    heap[hole] = size;
}

/* tensors: input [rows][length] of bytes, values [rows][count], positions int32 [rows][count]. */
static inline void find_greatest(const int32_t *params, void *const *tensors, size_t bytes,
                                 comes_first *first)
{
    const TopK p = *(const TopK *)params; /* a copy, because positions could be params */
    const char *row = (const char *)tensors[0];
    char *values = (char *)tensors[1];
    int32_t *positions = (int32_t *)tensors[2];

    for (int32_t i = 0; i < p.rows; i++) {
        for (int32_t at = 0; at < p.count; at++)
            add_last(positions, at, row, first);
        for (int32_t at = p.count; at < p.length; at++)
            if (first(row, at, positions[0]))
                replace_top(positions, p.count, at, row, first);
        for (int32_t end = p.count - 1; end > 0; end--) {
            const int32_t position = positions[end];
            positions[end] = positions[0];
            replace_top(positions, end, position, row, first);
        }
        for (int32_t at = 0; at < p.count; at++, values += bytes)
            memcpy(values, row + (size_t)positions[at] * bytes, bytes);
        row += (size_t)p.length * bytes;
        positions += p.count;
    }
}

void ek_topk_float32(const int32_t *params, void *const *tensors)
{
    find_greatest(params, tensors, sizeof(float), first_float32);
}

void ek_topk_int8(const int32_t *params, void *const *tensors)
{
    find_greatest(params, tensors, sizeof(int8_t), first_int8);
}

void ek_topk_uint8(const int32_t *params, void *const *tensors)
{
    find_greatest(params, tensors, sizeof(uint8_t), first_uint8);
}

void ek_topk_int16(const int32_t *params, void *const *tensors)
{
    find_greatest(params, tensors, sizeof(int16_t), first_int16);
}

void ek_topk_int32(const int32_t *params, void *const *tensors)
{
    find_greatest(params, tensors, sizeof(int32_t), first_int32);
}

void ek_topk_int64(const int32_t *params, void *const *tensors)
{
    find_greatest(params, tensors, sizeof(int64_t), first_int64);
}
