/* TFLite_Detection_PostProcess; the meaning is defined in detection_postprocess.py. */
#define EK_ROLLED
#include "kernel.h"

#include <string.h>

#include "exponential.h"
#include "flash.h"
#include "float_bits.h"

typedef struct {
    int32_t boxes, box_length, classes, background, detections, classes_per_detection, per_class;
    int32_t regular, least_score, most_overlap, y_scale, x_scale, h_scale, w_scale;
} DetectionPostprocess;

/* Floats; or bytes, and the float of each. */
typedef struct {
    const void *numbers;
    const float *table;
} Numbers;

typedef struct {
    float *corners, *classes, *scores, *count; /* the outputs */
    float *box;                                /* corners [boxes][4] */
    float *left;                               /* scores [boxes]; NaN: a box that is not left */
} Detections;

/* Bytes of scratch memory: corners and scores of all boxes. */
size_t ek_detection_postprocess_scratch(const int32_t *params)
{
    return (size_t)((const DetectionPostprocess *)params)->boxes * 5 * sizeof(float);
}

/* The score of a box that is not left. */
static inline float no_score(void)
{
    const int32_t nan = 0x7fc00000;
    return ek_float(&nan);
}

static inline float number_at(Numbers of, ptrdiff_t at)
{
    if (!of.table)
        return ((const float *)of.numbers)[at];
    return ek_flash_float(&of.table[((const uint8_t *)of.numbers)[at]]);
}

static inline void side(float *box, double encoded, double position, double length, double anchor,
                        double scale, double length_scale)
{
    const float center = (float)(encoded / scale * anchor + position);
    const float half = (float)(0.5 * ek_exp(length / length_scale) * anchor);
    box[0] = center - half;
    box[2] = center + half;
}

static inline void find_corners(const DetectionPostprocess *p, Numbers encodings, Numbers anchors,
                                float *box)
{
    const double y = ek_float(&p->y_scale), x = ek_float(&p->x_scale);
    const double h = ek_float(&p->h_scale), w = ek_float(&p->w_scale);
    const ptrdiff_t length = (ptrdiff_t)p->box_length;
    for (ptrdiff_t i = 0; i < p->boxes; i++, box += 4) {
        const ptrdiff_t at = i * length, by = 4 * i;
        side(box, number_at(encodings, at), number_at(anchors, by), number_at(encodings, at + 2),
             number_at(anchors, by + 2), y, h);
        side(box + 1, number_at(encodings, at + 1), number_at(anchors, by + 1),
             number_at(encodings, at + 3), number_at(anchors, by + 3), x, w);
    }
}

static inline float common_side(const float *a, const float *b)
{
    const float first = a[0] < b[0] ? b[0] : a[0], last = b[2] < a[2] ? b[2] : a[2];
    return last - first < 0 ? 0 : last - first;
}

static inline float overlap(const float *a, const float *b)
{
    const float area_a = (a[2] - a[0]) * (a[3] - a[1]), area_b = (b[2] - b[0]) * (b[3] - b[1]);
    if (area_a <= 0 || area_b <= 0)
        return 0;
    const float common = common_side(a, b) * common_side(a + 1, b + 1);
    return common / (area_a + area_b - common);
}

/* Returns the best box that is left, which then is not, nor those that overlap it; -1: none. */
static inline ptrdiff_t take_best(const DetectionPostprocess *p, const Detections *d, float *score)
{
    const float most = ek_float(&p->most_overlap);
    ptrdiff_t best = -1;
    for (ptrdiff_t i = 0; i < p->boxes; i++)
        if (d->left[i] == d->left[i] && (best < 0 || d->left[i] > d->left[best]))
            best = i;
    if (best < 0)
        return best;
    *score = d->left[best];
    d->left[best] = no_score();
    for (ptrdiff_t i = 0; i < p->boxes; i++)
        if (d->left[i] == d->left[i] && overlap(d->box + 4 * best, d->box + 4 * i) > most)
            d->left[i] = no_score();
    return best;
}

static inline void put(const Detections *d, ptrdiff_t at, const float *box, int32_t index,
                       float score)
{
    memcpy(d->corners + 4 * at, box, 4 * sizeof *box);
    d->classes[at] = (float)index;
    d->scores[at] = score;
}

static inline void leave(const DetectionPostprocess *p, const Detections *d, ptrdiff_t box,
                         float score)
{
    d->left[box] = score >= ek_float(&p->least_score) ? score : no_score();
}

/* The class whose score follows that of class before, -1 for the best; -1: there is none. */
static inline int32_t next_class(const DetectionPostprocess *p, Numbers scores, ptrdiff_t row,
                                 int32_t before)
{
    const float last = before < 0 ? 0 : number_at(scores, row + (ptrdiff_t)before);
    int32_t best = -1;
    for (int32_t c = 0; c < p->classes; c++) {
        const float score = number_at(scores, row + (ptrdiff_t)c);
        if (before >= 0 && !(score < last || (score == last && c > before)))
            continue;
        if (best < 0 ? score == score : score > number_at(scores, row + (ptrdiff_t)best))
            best = c;
    }
    return best;
}

static inline int32_t of_boxes(const DetectionPostprocess *p, const Detections *d, Numbers scores)
{
    const ptrdiff_t row = (ptrdiff_t)(p->background + p->classes);
    float score = 0;
    int32_t found = 0;
    for (ptrdiff_t i = 0; i < p->boxes; i++) {
        float best = number_at(scores, i * row + (ptrdiff_t)p->background);
        for (int32_t c = 1; c < p->classes; c++) {
            score = number_at(scores, i * row + (ptrdiff_t)(p->background + c));
            best = score > best ? score : best;
        }
        leave(p, d, i, best);
    }
    for (; found < p->detections; found++) {
        const ptrdiff_t at = take_best(p, d, &score);
        const ptrdiff_t first = (ptrdiff_t)(found * p->classes_per_detection);
        const ptrdiff_t start = at * row + (ptrdiff_t)p->background;
        int32_t index = -1;
        if (at < 0)
            break;
        for (int32_t c = 0; c < p->classes_per_detection && c < p->classes; c++) {
            index = next_class(p, scores, start, index);
            if (index < 0)
                break;
            put(d, first + (ptrdiff_t)c, d->box + 4 * at, index,
                number_at(scores, start + (ptrdiff_t)index));
        }
    }
    return found;
}

static inline int32_t of_classes(const DetectionPostprocess *p, const Detections *d, Numbers scores)
{
    const ptrdiff_t row = (ptrdiff_t)(p->background + p->classes);
    int32_t found = 0;
    for (int32_t c = 0; c < p->classes; c++) {
        for (ptrdiff_t i = 0; i < p->boxes; i++)
            leave(p, d, i, number_at(scores, i * row + (ptrdiff_t)(p->background + c)));
        for (int32_t taken = 0; taken < p->per_class; taken++) {
            float score = 0;
            const ptrdiff_t at = take_best(p, d, &score);
            ptrdiff_t place = (ptrdiff_t)found;
            while (at >= 0 && place > 0 && d->scores[place - 1] < score)
                place--;
            if (at < 0 || place >= p->detections)
                break;
            found += found < p->detections;
            for (ptrdiff_t i = (ptrdiff_t)found - 1; i > place; i--)
                put(d, i, d->corners + 4 * (i - 1), (int32_t)d->classes[i - 1], d->scores[i - 1]);
            put(d, place, d->box + 4 * at, c, score);
        }
    }
    return found;
}

static inline void detect(const int32_t *params, void *const *outputs, Numbers encodings,
                          Numbers scores, Numbers anchors)
{
    const DetectionPostprocess p = *(const DetectionPostprocess *)params;
    const size_t count = (size_t)p.detections * (size_t)p.classes_per_detection;
    Detections d;
    d.corners = (float *)outputs[0];
    d.classes = (float *)outputs[1];
    d.scores = (float *)outputs[2];
    d.count = (float *)outputs[3];
    d.box = (float *)outputs[4];
    d.left = d.box + 4 * (ptrdiff_t)p.boxes;
    memset(d.corners, 0, 4 * count * sizeof(float));
    memset(d.classes, 0, count * sizeof(float));
    memset(d.scores, 0, count * sizeof(float));
    find_corners(&p, encodings, anchors, d.box);
    *d.count = (float)(p.regular ? of_classes(&p, &d, scores) : of_boxes(&p, &d, scores));
}

/* tensors: encodings float [boxes][box_length], scores float [boxes][background + classes], anchors
 * float [boxes][4], corners float [n][4], classes and scores float [n], their number float [1],
 * scratch. */
void ek_detection_postprocess_float32(const int32_t *params, void *const *tensors)
{
    const Numbers encodings = {tensors[0], NULL}, scores = {tensors[1], NULL};
    const Numbers anchors = {tensors[2], NULL};
    detect(params, tensors + 3, encodings, scores, anchors);
}

/* tensors: the same of uint8, and a table float [256] of each, before the outputs. */
void ek_detection_postprocess_uint8(const int32_t *params, void *const *tensors)
{
    const Numbers encodings = {tensors[0], (const float *)tensors[3]};
    const Numbers scores = {tensors[1], (const float *)tensors[4]};
    const Numbers anchors = {tensors[2], (const float *)tensors[5]};
    detect(params, tensors + 6, encodings, scores, anchors);
}
