/* Opening what threads share: the parts of steps, from a plan's as C structures. */
#ifndef EK_PARTS_H
#define EK_PARTS_H

#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sharing.h"
#include "variants.h"

/* The number of parts of all steps, -1 with an exception; adds the number of their tensors. */
static Py_ssize_t count_parts(PyObject *parts, Py_ssize_t *tensors)
{
    Py_ssize_t count = 0;
    for (Py_ssize_t i = 0; i < PyTuple_Size(parts); i++) {
        PyObject *step = PyTuple_GetItem(parts, i);
        for (Py_ssize_t j = 0; PyTuple_Check(step) && j < PyTuple_Size(step); j++, count++) {
            PyObject *part = PyTuple_GetItem(step, j);
            PyObject *shifts =
                PyTuple_Check(part) && PyTuple_Size(part) == 2 ? PyTuple_GetItem(part, 1) : NULL;
            if (shifts && PyTuple_Check(shifts))
                *tensors += PyTuple_Size(shifts);
            ++*tensors; /* scratch memory */
        }
        if (!PyTuple_Check(step)) {
            PyErr_SetString(PyExc_TypeError, "the parts of a step are not a tuple");
            return -1;
        }
    }
    return count;
}

#ifdef EK_THREADS

/* Whether a variant packs the constants for a part as it packed them for the whole step, which the
 * part reads; packing then has the part's parameters. */
static int packs_alike(const Session *self, const Variant *variant, const Step *step,
                       const int32_t *params, void *const *constants, ek_packing *packing)
{
    ek_packing sizes = {0};
    if (!variant->pack(params, constants, &sizes))
        return 0;
    int alike = 1;
    *packing = sizes;
    for (int i = 0; i < EK_MOST_TENSORS && alike; i++)
        if (sizes.sizes[i])
            alike = (packing->tensors[i] = calloc(1, sizes.sizes[i])) != NULL;
    if (alike)
        variant->pack(params, constants, packing);
    for (int i = 0; i < EK_MOST_TENSORS; i++) {
        if (alike && sizes.sizes[i])
            alike = !memcmp(packing->tensors[i], self->references[step->first + i].data,
                            sizes.sizes[i]);
        free(packing->tensors[i]);
    }
    return alike;
}

/* Where the tensors of a part lie: those of its step, advanced by shifts, then its scratch memory. */
static int point_part(Sharing *sharing, const Step *step, Py_ssize_t part, PyObject *shifts,
                      Step *to)
{
    const Session *self = sharing->session;
    char *arena = aligned(sharing->frame.memory);
    const Py_ssize_t count = PyTuple_Size(shifts);
    to->first = sharing->pointer_count;
    for (Py_ssize_t i = 0; i < count; i++) {
        const Reference *reference = &self->references[step->first + i];
        const Py_ssize_t shift = PyLong_AsSsize_t(PyTuple_GetItem(shifts, i));
        if (shift == -1 && PyErr_Occurred())
            return -1;
        const Py_ssize_t index = sharing->pointer_count++;
        if (reference->place == CONSTANT) {
            sharing->pointers[index] = reference->data;
        } else if (reference->place == ARENA) {
            if (shift < 0 || shift > self->arena_size - reference->offset) {
                PyErr_SetString(PyExc_ValueError, "a part lies outside the arena");
                return -1;
            }
            sharing->pointers[index] = arena + reference->offset + shift;
        } else {
            if (shift < 0 || shift > self->inputs[reference->offset].size) {
                PyErr_SetString(PyExc_ValueError, "a part lies outside an input or output");
                return -1;
            }
            const Caller caller = {index, reference->offset, shift};
            sharing->callers[sharing->caller_count++] = caller;
        }
    }
    sharing->pointers[sharing->pointer_count++] =
        (char *)aligned(sharing->scratch) + part * sharing->scratch_size;
    return 0;
}

/* Reads the parts of a step: its number of parts, 0 where it is not shared, -1 with an exception.
 * constants: those of the file, NULL for others. */
static int read_parts(Session *self, PyObject *source, const Variant *variant, const Step *step,
                      void *const *constants, Step *parts)
{
    Sharing *sharing = self->sharing;
    const Py_ssize_t count = PyTuple_Size(source);
    if (count > sharing->thread_count) {
        PyErr_SetString(PyExc_ValueError, "a step has more parts than there are threads");
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *params, *shifts, *part = PyTuple_GetItem(source, i);
        if (!PyTuple_Check(part)) {
            PyErr_SetString(PyExc_TypeError, "a part is not (params, shifts)");
            return -1;
        }
        if (!PyArg_ParseTuple(part, "OO!", &params, &PyTuple_Type, &shifts))
            return -1;
        if (PyTuple_Size(shifts) > (step + 1)->first - step->first) {
            PyErr_SetString(PyExc_ValueError, "a part has more tensors than its step");
            return -1;
        }
        const int32_t *own = keep(self, params);
        if (!own)
            return -1;
        parts[i].run = step->run;
        parts[i].params = own;
        if (variant->pack) {
            ek_packing packing = {0};
            if (!packs_alike(self, variant, step, own, constants, &packing))
                return 0;
            const size_t size = (size_t)packing.count * sizeof *packing.params;
            if (size) {
                int32_t *copy = malloc(size);
                if (!copy) {
                    PyErr_NoMemory();
                    return -1;
                }
                self->copies[self->copy_count++] = copy;
                parts[i].params = memcpy(copy, packing.params, size);
            }
        }
        if (point_part(sharing, step, i, shifts, &parts[i]) < 0)
            return -1;
    }
    return (int)count;
}

/* Opens the threads of a session, whose steps have been read from ``steps`` and ``slots``.
 * parts: a tuple for each step, empty where it is not shared, in all as many parts and tensors;
 * scratch: bytes of each part. */
static int open_sharing(Session *self, Py_ssize_t threads, Py_ssize_t scratch, PyObject *steps,
                        const Reference *slots, PyObject *parts, Py_ssize_t part_count,
                        Py_ssize_t tensors)
{
    if (threads < 1 || threads > MOST_THREADS || scratch < 0 || scratch % ALIGNMENT ||
        scratch > (PY_SSIZE_T_MAX - ALIGNMENT) / MOST_THREADS ||
        PyTuple_Size(parts) != self->step_count) {
        PyErr_SetString(PyExc_ValueError, "threads, their scratch memory, or parts are wrong");
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
    const size_t step_count = (size_t)self->step_count + 1;
    sharing->part_counts = calloc(step_count, sizeof *sharing->part_counts);
    sharing->stages = calloc(step_count, sizeof *sharing->stages);
    sharing->parts = calloc((size_t)part_count + 1, sizeof *sharing->parts);
    sharing->pointers = calloc((size_t)tensors + 1, sizeof *sharing->pointers);
    sharing->callers = calloc((size_t)tensors + 1, sizeof *sharing->callers);
    sharing->scratch = malloc((size_t)(threads * scratch) + ALIGNMENT);
    if (!sharing->part_counts || !sharing->stages || !sharing->parts || !sharing->pointers ||
        !sharing->callers || !sharing->scratch) {
        PyErr_NoMemory();
        return -1;
    }
    if (open_frame(self, &sharing->frame, 1) < 0)
        return -1;
    Step *next = sharing->parts;
    for (Py_ssize_t i = 0; i < self->step_count; i++) {
        PyObject *source = PyTuple_GetItem(steps, i), *indices = PyTuple_GetItem(source, 4);
        void *constants[EK_MOST_TENSORS] = {NULL};
        for (Py_ssize_t k = 0; k < EK_MOST_TENSORS && k < PyTuple_Size(indices); k++)
            constants[k] = slots[PyLong_AsSsize_t(PyTuple_GetItem(indices, k))].data;
        const Variant *variant =
            find_variant(PyUnicode_AsUTF8AndSize(PyTuple_GetItem(source, 0), NULL),
                         PyUnicode_AsUTF8AndSize(PyTuple_GetItem(source, 1), NULL));
        const int shared = read_parts(self, PyTuple_GetItem(parts, i), variant, &self->steps[i],
                                      constants, next);
        if (shared < 0)
            return -1;
        Stage *stage = &sharing->stages[sharing->stage_count];
        if (shared > 1) {
            stage->parts = next;
            next += shared;
        } else if (sharing->stage_count && !stage[-1].parts) {
            stage[-1].count++;
            continue;
        }
        stage->first = i;
        stage->count = 1;
        sharing->part_counts[sharing->stage_count++] = shared > 1 ? shared : 1;
        sharing->shares |= shared > 1;
    }
    const int batch_parts = BATCH_PARTS * (int)threads;
    const int stage_counts[KINDS] = {(int)sharing->stage_count, 1};
    const int *const part_counts[KINDS] = {sharing->part_counts, &batch_parts};
    sharing->pool = pool_open((int)threads, stage_counts, part_counts, run_part, sharing);
    if (!sharing->pool) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

#else

static int open_sharing(Session *self, Py_ssize_t threads, Py_ssize_t scratch, PyObject *steps,
                        const Reference *slots, PyObject *parts, Py_ssize_t part_count,
                        Py_ssize_t tensors)
{
    (void)self, (void)threads, (void)scratch, (void)steps, (void)slots, (void)parts;
    (void)part_count, (void)tensors;
    PyErr_SetString(PyExc_ValueError, "this build of the extension has no threads");
    return -1;
}

#endif

#endif
