/* What a session holds, and how it runs: the kernels of a plan, one after another, on one image or on
 * GROUP of them, with or without the GIL. */
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
} Port; /* an input or output of the model */

typedef struct {
    ek_kernel *run;
    const int32_t *params, *group_params; /* the latter for GROUP images at once */
    Py_ssize_t first;                     /* of its pointers */
} Step;

typedef enum { CONSTANT, ARENA, INPUT, OUTPUT } Place;

typedef struct {
    Place place;
    Py_ssize_t offset; /* in the arena; of an input or output its position among all ports */
    void *data;        /* of a constant */
} Reference;

typedef struct {
    Py_ssize_t offset, size; /* in the arena */
    int fill;                /* the byte of which it is full before the first run */
} State; /* a tensor that keeps its value from one run to the next */

/* Images that kernels take at once where each of their rows stands for itself: as many as the widest
 * vectors have lanes. A tensor then is GROUP tensors, one behind the other. */
enum { GROUP = 16, MAX_GROUP_ARENA = 1 << 16 }; /* bytes of an arena that still fits a cache then */

typedef struct {
    void **pointers; /* one for each reference */
    char *memory;
    Py_ssize_t images; /* 1 or GROUP */
} Frame; /* what one thread at a time works in */

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
    int groups;         /* whether all steps take GROUP images at once */
    State *states;
    Py_ssize_t state_count;
    Port *inputs, *outputs; /* one array */
    Py_ssize_t input_count, output_count;
    Numpy numpy;
    PyObject *last; /* result, whose memory serves again when nobody else has it any more */
    int last_flags;
} Session;

static void *aligned(char *memory)
{
    return memory + (ALIGNMENT - (uintptr_t)memory % ALIGNMENT) % ALIGNMENT;
}

static int open_frame(const Session *self, Frame *frame, Py_ssize_t images)
{
    frame->images = images;
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

/* Sets the tensors that keep their values to their first ones. */
static void reset_states(const Session *self, const Frame *frame)
{
    char *arena = aligned(frame->memory);
    for (Py_ssize_t i = 0; i < self->state_count; i++)
        memset(arena + self->states[i].offset, self->states[i].fill, (size_t)self->states[i].size);
}

static void close_frame(Frame *frame)
{
    free(frame->pointers);
    free(frame->memory);
}

/* Runs the frame's number of images; ports: where inputs, then outputs lie. */
static void compute(const Session *self, const Frame *frame, char *const *ports)
{
    for (Py_ssize_t i = 0; i < self->caller_count; i++) {
        const Py_ssize_t caller = self->callers[i];
        frame->pointers[caller] = ports[self->references[caller].offset];
    }
    for (Py_ssize_t i = 0; i < self->step_count; i++) {
        const Step *step = &self->steps[i];
        step->run(frame->images == 1 ? step->params : step->group_params,
                  frame->pointers + step->first);
    }
}

/* Moves the ports beyond so many images. */
static void compute_all(const Session *self, const Frame *frames, char **ports, Py_ssize_t count)
{
    while (count) {
        const Frame *frame = count >= GROUP && self->groups ? &frames[1] : &frames[0];
        compute(self, frame, ports);
        for (Py_ssize_t i = 0; i < self->input_count + self->output_count; i++)
            ports[i] += self->inputs[i].size * frame->images;
        count -= frame->images;
    }
}

/* Longer than this, in bytes that are touched, other threads may run meanwhile: giving the GIL away
 * and taking it again costs about as much as a few thousand. */
enum { RELEASE_AT = 200000 };

static int execute(const Session *self, char **ports, Py_ssize_t count)
{
    if (count == 1 && self->work < RELEASE_AT) {
        compute(self, &self->frame, ports);
        return 0;
    }
    if (self->state_count) { /* one after another, and no other thread meanwhile */
        compute_all(self, &self->frame, ports, count);
        return 0;
    }
    Frame frames[2] = {{0}, {0}}; /* of one's own: another thread may come */
    const int wrong = open_frame(self, &frames[0], 1) < 0 ||
                      (self->groups && count >= GROUP && open_frame(self, &frames[1], GROUP) < 0);
    if (wrong)
        ;
    else if (self->work < RELEASE_AT / count) {
        compute_all(self, frames, ports, count);
    } else {
        Py_BEGIN_ALLOW_THREADS
        compute_all(self, frames, ports, count);
        Py_END_ALLOW_THREADS
    }
    close_frame(&frames[0]);
    close_frame(&frames[1]);
    return wrong ? -1 : 0;
}

#endif
