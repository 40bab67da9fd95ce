/* A session and how it runs: the kernels of a plan, one after another, on one image or on a group of
 * images, with or without the GIL. */
#ifndef EK_SESSION_H
#define EK_SESSION_H

#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "numpy_abi.h"
#include "table.h"

enum { NUMPY_FLOAT32 = 11 };
enum { MAX_RANK = 8, ALIGNMENT = 64 };

typedef struct {
    int type_number; /* NumPy's */
    int rank;
    Py_ssize_t shape[MAX_RANK];
    Py_ssize_t size, element; /* bytes of one image and of one of its elements, both at least 1 */
    PyObject *descr;
    PyObject *last; /* the last result, reused when no other reference is left */
    int last_flags;
} Port; /* an input or output of the model */

/* Images that kernels process at once if their rows are independent: as many as there are lanes in
 * the widest vectors, as fill two tiles, or a few. A tensor then is so many tensors, one after
 * another. */
enum { SIZES = 4, MOST_IMAGES = 32 };
static const int32_t IMAGES[SIZES] = {1, 4, 16, MOST_IMAGES};
enum { MAX_GROUP_ARENA = (1 << 20) / MOST_IMAGES }; /* bytes, so that all stay in a cache */

typedef struct {
    ek_kernel *run;
    const int32_t *params[SIZES]; /* for so many images at once */
    Py_ssize_t first;             /* index of its first pointer */
} Step;

typedef enum { CONSTANT, ARENA, INPUT, OUTPUT } Place;

typedef struct {
    Place place;
    Py_ssize_t offset; /* in the arena; of an input or output its position among all ports */
    void *data;        /* of a constant */
} Reference;

typedef struct {
    Py_ssize_t offset, size; /* in the arena */
    int fill;                /* the byte that fills it before the first run */
    const void *data;        /* or the bytes that do; NULL for none */
} State; /* a tensor that keeps its value from one run to the next */

typedef struct {
    void **pointers; /* one for each reference */
    char *memory;
    int size; /* of IMAGES */
} Frame; /* memory of one thread at a time */

typedef struct {
    PyObject_HEAD
    Py_ssize_t step_count, reference_count, buffer_count, copy_count, arena_size, work;
    size_t constants, packed; /* bytes */
    Step *steps;
    ek_kernel *finite;
    Reference *references;
    Py_ssize_t *callers, caller_count; /* which of them are the caller's: inputs and outputs */
    Py_buffer *buffers; /* of constants and params, held while the session lives */
    void **copies;      /* packed weights, and constants that lay misaligned in the file */
    Frame frame;        /* for runs that keep the GIL */
    struct Sharing *sharing; /* among threads; NULL for one thread */
    int closed;
    int groups;         /* whether all steps can process several images at once */
    State *states;
    Py_ssize_t state_count;
    Port *inputs, *outputs; /* one array */
    Py_ssize_t input_count, output_count;
    Numpy numpy;
} Session;

/* The bytes of an object, which live as long as the session; NULL with an exception. */
static void *keep(Session *self, PyObject *source)
{
    Py_buffer *buffer = &self->buffers[self->buffer_count];
    if (PyObject_GetBuffer(source, buffer, PyBUF_SIMPLE) < 0)
        return NULL;
    self->buffer_count++;
    if ((uintptr_t)buffer->buf % 8 == 0)
        return buffer->buf;
    char *copy = malloc((size_t)buffer->len + 1);
    if (!copy)
        return PyErr_NoMemory();
    self->copies[self->copy_count++] = copy;
    return memcpy(copy, buffer->buf, (size_t)buffer->len);
}

static void *aligned(char *memory)
{
    return memory + (ALIGNMENT - (uintptr_t)memory % ALIGNMENT) % ALIGNMENT;
}

static int open_frame(const Session *self, Frame *frame, int size)
{
    const Py_ssize_t images = IMAGES[size];
    frame->size = size;
    frame->pointers = calloc((size_t)self->reference_count + 1, sizeof(void *));
    frame->memory = malloc((size_t)(self->arena_size * images) + ALIGNMENT);
    if (!frame->pointers || !frame->memory) {
        PyErr_NoMemory();
        return -1;
    }
    char *arena = aligned(frame->memory);
    for (Py_ssize_t i = 0; i < self->reference_count; i++) {
        const Reference *reference = &self->references[i];
        frame->pointers[i] =
            reference->place == ARENA ? arena + reference->offset * images : reference->data;
    }
    return 0;
}

/* Sets the states to their initial values. */
static void reset_states(const Session *self, const Frame *frame)
{
    char *arena = aligned(frame->memory);
    for (Py_ssize_t i = 0; i < self->state_count; i++) {
        const State *state = &self->states[i];
        if (state->data)
            memcpy(arena + state->offset, state->data, (size_t)state->size);
        else
            memset(arena + state->offset, state->fill, (size_t)state->size);
    }
}

/* The size of the largest group of so many images. */
static int size_of(const Session *self, Py_ssize_t count)
{
    int size = self->groups ? SIZES - 1 : 0;
    while (IMAGES[size] > count)
        size--;
    return size;
}

/* Opens those frames of all sizes that so many images need. */
static int open_frames(const Session *self, Frame *frames, Py_ssize_t count)
{
    for (int size; count; count %= IMAGES[size]) {
        size = size_of(self, count);
        if (open_frame(self, &frames[size], size) < 0)
            return -1;
    }
    return 0;
}

static void close_frame(Frame *frame)
{
    free(frame->pointers);
    free(frame->memory);
}

static void close_frames(Frame *frames)
{
    for (int size = 0; size < SIZES; size++)
        close_frame(&frames[size]);
}

/* ports: addresses of inputs, then outputs. */
static void point_at(const Session *self, const Frame *frame, char *const *ports)
{
    for (Py_ssize_t i = 0; i < self->caller_count; i++) {
        const Py_ssize_t caller = self->callers[i];
        frame->pointers[caller] = ports[self->references[caller].offset];
    }
}

/* Runs the frame's number of images. */
static void compute(const Session *self, const Frame *frame, char *const *ports)
{
    point_at(self, frame, ports);
    for (Py_ssize_t i = 0; i < self->step_count; i++) {
        const Step *step = &self->steps[i];
        step->run(step->params[frame->size], frame->pointers + step->first);
    }
}

/* Advances the ports beyond so many images. */
static void advance(const Session *self, char **ports, Py_ssize_t images)
{
    for (Py_ssize_t i = 0; i < self->input_count + self->output_count; i++)
        ports[i] += self->inputs[i].size * images;
}

/* Runs count images in the frames that open_frames() opened for them, and advances the ports beyond
 * them. */
static void compute_all(const Session *self, const Frame *frames, char **ports, Py_ssize_t count)
{
    for (int size; count; count -= IMAGES[size]) {
        size = size_of(self, count);
        compute(self, &frames[size], ports);
        advance(self, ports, IMAGES[size]);
    }
}

/* Bytes to touch from which other threads may run in the meantime: releasing and reacquiring the GIL
 * costs about as much as touching a few thousand. */
enum { RELEASE_AT = 200000 };

static int execute(const Session *self, char **ports, Py_ssize_t count)
{
    if (count == 1 && self->work < RELEASE_AT) {
        compute(self, &self->frame, ports);
        return 0;
    }
    if (self->state_count) { /* one after another, without other threads */
        compute_all(self, &self->frame, ports, count);
        return 0;
    }
    Frame frames[SIZES] = {{0}}; /* not self->frame, which another thread may use */
    const int wrong = open_frames(self, frames, count) < 0;
    if (wrong)
        ;
    else if (self->work < RELEASE_AT / count) {
        compute_all(self, frames, ports, count);
    } else {
        Py_BEGIN_ALLOW_THREADS
        compute_all(self, frames, ports, count);
        Py_END_ALLOW_THREADS
    }
    close_frames(frames);
    return wrong ? -1 : 0;
}

#endif
