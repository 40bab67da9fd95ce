/* Opening what threads share: the stages of a run, from a plan's as C structures. */
#ifndef EK_PARTS_H
#define EK_PARTS_H

#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sharing.h"

/* A tuple of at least so many, an item of another; NULL with an exception. */
static PyObject *tuple_in(PyObject *source, Py_ssize_t index, Py_ssize_t least)
{
    PyObject *item = PyTuple_GetItem(source, index);
    if (item && PyTuple_Check(item) && PyTuple_Size(item) >= least)
        return item;
    if (item)
        PyErr_SetString(PyExc_TypeError, "a stage is not (first step, count, parts)");
    return NULL;
}

/* Steps of parts, tensors of these. */
typedef struct {
    Py_ssize_t steps, tensors;
} PartCount;

/* stages: see open_sharing; -1 with an exception. */
static int count_parts(PyObject *stages, PartCount *count)
{
    for (Py_ssize_t i = 0; i < PyTuple_Size(stages); i++) {
        PyObject *stage = tuple_in(stages, i, 3), *parts = stage ? tuple_in(stage, 2, 0) : NULL;
        if (!parts)
            return -1;
        for (Py_ssize_t j = 0; j < PyTuple_Size(parts); j++) {
            PyObject *part = tuple_in(parts, j, 0);
            if (!part)
                return -1;
            for (Py_ssize_t k = 0; k < PyTuple_Size(part); k++) {
                PyObject *step = tuple_in(part, k, 2), *tensors = step ? tuple_in(step, 1, 0) : NULL;
                if (!tensors)
                    return -1;
                count->steps++;
                count->tensors += PyTuple_Size(tensors) + 1;
            }
        }
    }
    return 0;
}

#ifdef EK_THREADS

/* Where a tensor of a part lies: where that of its step lies, advanced by an int, or in bytes of its
 * own. */
static int point_tensor(Session *self, const Reference *reference, PyObject *source, char *arena)
{
    Sharing *sharing = self->sharing;
    const Py_ssize_t index = sharing->pointer_count++;
    if (PyBytes_Check(source)) {
        sharing->pointers[index] = keep(self, source);
        return sharing->pointers[index] ? 0 : -1;
    }
    const Py_ssize_t shift = PyLong_AsSsize_t(source);
    if (shift == -1 && PyErr_Occurred())
        return -1;
    const Py_ssize_t room = reference->place == CONSTANT ? 0
                            : reference->place == ARENA
                                ? self->arena_size - reference->offset
                                : self->inputs[reference->offset].size;
    if (shift < 0 || shift > room) {
        PyErr_SetString(PyExc_ValueError, "a part lies outside its tensors");
        return -1;
    }
    if (reference->place == CONSTANT) {
        sharing->pointers[index] = reference->data;
    } else if (reference->place == ARENA) {
        sharing->pointers[index] = arena + reference->offset + shift;
    } else {
        const Caller caller = {index, reference->offset, shift};
        sharing->callers[sharing->caller_count++] = caller;
    }
    return 0;
}

/* Reads a step of a part, (params that its kernel reads, tensors). */
static int read_part_step(Session *self, PyObject *source, const Step *whole, Py_ssize_t part,
                          Step *step)
{
    Sharing *sharing = self->sharing;
    PyObject *tensors = PyTuple_GetItem(source, 1);
    char *const arena = aligned(sharing->frame.memory), *const scratch = aligned(sharing->scratch);
    if (PyTuple_Size(tensors) > whole[1].first - whole->first) {
        PyErr_SetString(PyExc_ValueError, "a part has more tensors than its step");
        return -1;
    }
    step->run = whole->run;
    step->first = sharing->pointer_count;
    if (!(step->params[0] = keep(self, PyTuple_GetItem(source, 0))))
        return -1;
    for (Py_ssize_t i = 0; i < PyTuple_Size(tensors); i++)
        if (point_tensor(self, &self->references[whole->first + i], PyTuple_GetItem(tensors, i),
                         arena) < 0)
            return -1;
    sharing->pointers[sharing->pointer_count++] = scratch + part * sharing->scratch_size;
    return 0;
}

/* Reads a stage, and advances to the step behind its last; -1 with an exception. */
static int read_stage(Session *self, PyObject *source, Step **next)
{
    Sharing *sharing = self->sharing;
    Stage *stage = &sharing->stages[sharing->stage_count];
    PyObject *parts;
    if (!PyArg_ParseTuple(source, "nnO!", &stage->first, &stage->count, &PyTuple_Type, &parts))
        return -1;
    const Stage *before = stage - 1;
    const Py_ssize_t first = sharing->stage_count ? before->first + before->count : 0;
    const Py_ssize_t part_count = PyTuple_Size(parts);
    if (stage->first != first || stage->count < 1 || stage->count > self->step_count - first ||
        part_count == 1 || part_count > sharing->thread_count) {
        PyErr_SetString(PyExc_ValueError, "stages do not follow each other, or have too many parts");
        return -1;
    }
    stage->parts = part_count ? *next : NULL;
    for (Py_ssize_t i = 0; i < part_count; i++) {
        PyObject *part = PyTuple_GetItem(parts, i);
        if (PyTuple_Size(part) != stage->count) {
            PyErr_SetString(PyExc_ValueError, "a part has not the steps of its stage");
            return -1;
        }
        for (Py_ssize_t j = 0; j < stage->count; j++)
            if (read_part_step(self, PyTuple_GetItem(part, j), &self->steps[first + j], i,
                               (*next)++) < 0)
                return -1;
    }
    sharing->part_counts[sharing->stage_count++] = part_count ? (int)part_count : 1;
    sharing->shares |= part_count > 1;
    return 0;
}

/* Opens the threads of a session, whose steps have been read.
 * stages: tuples of the index of the first step, the number of steps, and the parts, none where they
 * are not shared; a part is a tuple of its steps. scratch: bytes of each part. */
static int open_sharing(Session *self, Py_ssize_t threads, Py_ssize_t scratch, PyObject *stages,
                        PartCount count)
{
    const Py_ssize_t stage_count = PyTuple_Size(stages);
    if (threads < 1 || threads > MOST_THREADS || scratch < 0 || scratch % ALIGNMENT ||
        scratch > (PY_SSIZE_T_MAX - ALIGNMENT) / MOST_THREADS || stage_count > self->step_count) {
        PyErr_SetString(PyExc_ValueError, "threads, their scratch memory, or stages are wrong");
        return -1;
    }
    Sharing *sharing = calloc(1, sizeof *sharing);
    if (!sharing) {
        PyErr_NoMemory();
        return -1;
    }
    self->sharing = sharing;
    sharing->session = self;
    sharing->thread_count = threads;
    sharing->scratch_size = scratch;
    sharing->part_counts = calloc((size_t)stage_count + 1, sizeof *sharing->part_counts);
    sharing->stages = calloc((size_t)stage_count + 1, sizeof *sharing->stages);
    sharing->parts = calloc((size_t)count.steps + 1, sizeof *sharing->parts);
    sharing->pointers = calloc((size_t)count.tensors + 1, sizeof *sharing->pointers);
    sharing->callers = calloc((size_t)count.tensors + 1, sizeof *sharing->callers);
    sharing->scratch = malloc((size_t)(threads * scratch) + ALIGNMENT);
    if (!sharing->part_counts || !sharing->stages || !sharing->parts || !sharing->pointers ||
        !sharing->callers || !sharing->scratch) {
        PyErr_NoMemory();
        return -1;
    }
    if (open_frame(self, &sharing->frame, 0) < 0)
        return -1;
    Step *next = sharing->parts;
    for (Py_ssize_t i = 0; i < stage_count; i++)
        if (read_stage(self, PyTuple_GetItem(stages, i), &next) < 0)
            return -1;
    const Stage *last = &sharing->stages[stage_count ? stage_count - 1 : 0];
    if (last->first + last->count != self->step_count) {
        PyErr_SetString(PyExc_ValueError, "the stages have not all steps");
        return -1;
    }
    const int batch_parts = BATCH_PARTS * (int)threads;
    const int stage_counts[KINDS] = {(int)stage_count, 1};
    const int *const part_counts[KINDS] = {sharing->part_counts, &batch_parts};
    sharing->pool = pool_open((int)threads, stage_counts, part_counts, run_part, sharing);
    if (!sharing->pool) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

#else

static int open_sharing(Session *self, Py_ssize_t threads, Py_ssize_t scratch, PyObject *stages,
                        PartCount count)
{
    (void)self, (void)threads, (void)scratch, (void)stages, (void)count;
    PyErr_SetString(PyExc_ValueError, "this build of the extension has no threads");
    return -1;
}

#endif

#endif
