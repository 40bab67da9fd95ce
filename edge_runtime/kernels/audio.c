/* The audio front end: PCM to the bytes of log-mel energies or of MFCC; the meaning, and what the
 * constants are, is defined in audio.py. It is no op: edge_runtime and exported C call it before
 * the model. */
#define EK_SMALL
#include "kernel.h"

typedef struct {
    int32_t frames, window, hop, fft, bands, coefficients, floor, gain;
} Audio;

/* The upper half of a sum of two products: of numbers and of cosines or sines of 31 bits, half of
 * what it stands for. */
static inline int32_t half_sum(int32_t a, int32_t c, int32_t b, int32_t s)
{
    return (int32_t)(((int64_t)a * c + (int64_t)b * s) >> 32);
}

/* a and b become a / 2 + (x, y) and a / 2 - (x, y); in memory, the imaginary part follows the real
 * one. */
static inline void butterfly(int32_t *a, int32_t *b, int32_t x, int32_t y)
{
    const int32_t re = a[0] >> 1, im = a[1] >> 1;
    a[0] = re + x;
    a[1] = im + y;
    b[0] = re - x;
    b[1] = im - y;
}

/* A sample times the window, whose second half is the first one backwards; zero behind it. */
static inline int32_t windowed(const Audio *p, const int16_t *pcm, const uint16_t *window, int32_t i)
{
    if (i >= p->window)
        return 0;
    return (pcm[i] * (int32_t)window[i < p->window - i ? i : p->window - i]) >> 3;
}

/* Windowed samples as complex numbers: the even ones are real, the odd ones imaginary parts. Their
 * order is that of reversed bits. */
static inline void fill(const Audio *p, const int16_t *pcm, const uint16_t *window, int32_t *z)
{
    int32_t to = 0;
    for (int32_t i = 0; i < p->fft; i += 2) {
        z[to] = windowed(p, pcm, window, i);
        z[to + 1] = windowed(p, pcm, window, i + 1);
        int32_t bit = p->fft / 2;
        for (; to & bit; bit /= 2)
            to -= bit;
        to += bit;
    }
}

/* The Fourier transform of fft / 2 complex numbers: two stages that have no factors, then the others,
 * in which the second quarter turn is the first times -i. */
static inline void transform(int32_t *z, int32_t fft, const int32_t *sines)
{
    for (int32_t i = 0; i < fft; i += 8, z += 8) {
        const int32_t a = z[0] + z[2], b = z[1] + z[3], c = z[0] - z[2], d = z[1] - z[3];
        const int32_t e = z[4] + z[6], f = z[5] + z[7], g = z[4] - z[6], h = z[5] - z[7];
        z[0] = a + e;
        z[1] = b + f;
        z[2] = c + h;
        z[3] = d - g;
        z[4] = a - e;
        z[5] = b - f;
        z[6] = c - h;
        z[7] = d + g;
    }
    z -= fft;
    for (int32_t half = 8; half < fft; half *= 2) { /* in int32, of the numbers to transform */
        const int32_t step = fft / half, quarter = half / 2;
        const int32_t *cosine = sines + fft / 4, *sine = sines;
        for (int32_t j = 0; j < quarter; j += 2, cosine -= step, sine += step) {
            const int32_t c = *cosine, s = *sine;
            for (int32_t i = j; i < fft; i += 2 * half) {
                int32_t *a = z + i, *b = a + half;
                butterfly(a, b, half_sum(b[0], c, b[1], s), half_sum(b[1], c, b[0], -s));
                a += quarter;
                b += quarter;
                butterfly(a, b, half_sum(b[1], c, b[0], -s), -half_sum(b[0], c, b[1], s));
            }
        }
    }
}

static inline void put_power(int32_t *to, int32_t re, int32_t im)
{
    const uint64_t power = (uint64_t)((int64_t)re * re + (int64_t)im * im);
    to[0] = (int32_t)(uint32_t)power;
    to[1] = (int32_t)(uint32_t)(power >> 32);
}

/* The transformed becomes the powers of the bins of the real samples, in 64 bits, in the same
 * places, but for the first. */
static inline void to_powers(int32_t *z, int32_t fft, const int32_t *sines)
{
    for (int32_t k = 1; k <= fft / 4; k++) {
        int32_t *a = z + 2 * k, *b = z + fft - 2 * k;
        const int32_t a_re = a[0] >> 1, a_im = a[1] >> 1, b_re = b[0] >> 1, b_im = b[1] >> 1;
        const int32_t even_re = (a_re + b_re) >> 1, even_im = (a_im - b_im) >> 1;
        const int32_t odd_re = a_im + b_im, odd_im = b_re - a_re;
        const int32_t c = sines[fft / 4 - k], s = sines[k];
        const int32_t x = half_sum(odd_re, c, odd_im, s), y = half_sum(odd_im, c, odd_re, -s);
        put_power(a, even_re + x, even_im + y);
        put_power(b, even_re - x, even_im - y);
    }
}

/* An energy on the scale of the bytes, in 1/256. */
static int32_t level(uint64_t energy, const Audio *p, const uint16_t *logarithms)
{
    int32_t octaves = 0;
    if (energy) {
        uint32_t high = (uint32_t)(energy >> 32), low = (uint32_t)energy;
        octaves = 63;
        if (!high) {
            high = low;
            low = 0;
            octaves = 31;
        }
        int32_t zeros = 0;
        for (int32_t step = 16; step; step /= 2)
            if (!(high << zeros >> (32 - step)))
                zeros += step;
        high = (uint32_t)(((uint64_t)high << 32 | low) >> (32 - zeros));
        const uint16_t *at = logarithms + (high >> 25 & 63);
        const uint32_t rest = high >> 9 & 0xffff;
        octaves = (octaves - zeros) * 32768 + at[0] +
                  (int32_t)((uint32_t)(at[1] - at[0]) * rest >> 16);
    }
    const int64_t scaled = ((int64_t)(octaves - p->floor) * p->gain) >> 24;
    return scaled < 0 ? 0 : scaled > 65280 ? 65280 : (int32_t)scaled;
}

static inline uint8_t clamped(int32_t value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* tensors: pcm, window, sines, counts, weights, logarithms, cosines, features, and scratch memory,
 * int32 [fft + bands, or fft without coefficients]. */
void ek_audio(const int32_t *params, void *const *tensors)
{
    const Audio *p = (const Audio *)params;
    const int16_t *pcm = (const int16_t *)tensors[0];
    const int32_t *sines = (const int32_t *)tensors[2];
    uint8_t *features = (uint8_t *)tensors[7];
    int32_t *z = (int32_t *)tensors[8], *levels = z + p->fft;

    for (int32_t i = 0; i < p->frames; i++, pcm += p->hop) {
        fill(p, pcm, (const uint16_t *)tensors[1], z);
        transform(z, p->fft, sines);
        to_powers(z, p->fft, sines);

        const uint16_t *counts = (const uint16_t *)tensors[3];
        const uint16_t *weight = (const uint16_t *)tensors[4];
        const int32_t *power = z + 2 + 2 * counts[0];
        uint64_t below = 0;
        for (int32_t band = -1; band < p->bands; band++) {
            const int32_t *end = power + 2 * counts[band + 2];
            uint64_t total = 0, low = 0, high = 0;
            for (; power < end; power += 2, weight++) {
                const uint32_t lower = (uint32_t)power[0], upper = (uint32_t)power[1];
                total += (uint64_t)upper << 32 | lower;
                low += (uint64_t)lower * *weight;
                high += (uint64_t)upper * *weight;
            }
            const uint64_t rising = (low >> 15) + (high << 17);
            if (band >= 0) {
                const int32_t one =
                    level(below + total - rising, p, (const uint16_t *)tensors[5]);
                if (p->coefficients)
                    levels[band] = one;
                else
                    *features++ = clamped((one + 128) >> 8);
            }
            below = rising;
        }
        const int16_t *cosine = (const int16_t *)tensors[6];
        for (int32_t k = 0; k < p->coefficients; k++) {
            int64_t sum = (int64_t)1 << 23;
            for (int32_t band = 0; band < p->bands; band++)
                sum += (int64_t)levels[band] * *cosine++;
            *features++ = clamped((int32_t)(sum >> 24) + (k ? 128 : 0));
        }
    }
}
