/* Runs of ndarrays without the way through Python: the function that bind returns. */
#ifndef EK_BOUND_H
#define EK_BOUND_H

#include <Python.h>
#include <stdint.h>
#include <string.h>

#include "numpy_abi.h"
#include "sharing.h"

/* Whether so many images are finite. */
static int all_finite(const Session *self, const Port *port, char *numbers, Py_ssize_t images)
{
    const int32_t count = (int32_t)(port->size / 4);
    int32_t finite = 1;
    for (; finite && images; images--, numbers += port->size) {
        void *const tensors[] = {numbers, &finite};
        self->finite(&count, tensors);
    }
    return finite;
}

/* Look NumPy up and get the element types from it. */
static int meet_numpy(Session *self)
{
    Numpy numpy = {0};
    if (find_numpy(&numpy) < 0)
        return -1;
    if (!numpy.array_type)
        return 0;
    for (Py_ssize_t i = 0; i < self->input_count + self->output_count; i++) {
        self->inputs[i].descr = numpy.descr(self->inputs[i].type_number);
        if (!self->inputs[i].descr)
            return -1;
    }
    self->numpy = numpy;
    return 0;
}

/* How many images an array has along its first axis; 0 if it is none of a port's. */
static Py_ssize_t images_of(const Array *array, const Port *port)
{
    if (array->nd != port->rank || array->descr != port->descr)
        return 0;
    if (!port->rank) /* a scalar has no dimensions, and a pointer to them of NULL */
        return 1;
    const size_t others = (size_t)(port->rank - 1) * sizeof *port->shape;
    const Py_ssize_t length = array->dimensions[0], one = port->shape[0];
    const Py_ssize_t count = length == one ? 1 : length / one; /* a single one waits for no division */
    const int whole = length == count * one;
    return whole && !memcmp(array->dimensions + 1, port->shape + 1, others) ? count : 0;
}

/* How many images kernels may read of an object: those of a fitting ndarray of finite numbers. */
static Py_ssize_t readable(const Session *self, const Port *port, PyObject *tensor)
{
    const Array *array = (const Array *)tensor;
    if (Py_TYPE(tensor) != self->numpy.array_type ||
        (array->flags & (C_CONTIGUOUS | ALIGNED)) != (C_CONTIGUOUS | ALIGNED))
        return 0;
    const Py_ssize_t count = images_of(array, port);
    const int finite =
        port->type_number != NUMPY_FLOAT32 || all_finite(self, port, array->data, count);
    return finite ? count : 0;
}

/* An array for a result: of one image the last result if we hold its only reference, otherwise a
 * new one. */
static PyObject *result_array(Session *self, Port *port, Py_ssize_t images)
{
    if (images == 1) {
        PyObject *last = port->last;
        const Array *array = (const Array *)last;
        port->last = NULL;
        if (last && Py_REFCNT(last) == 1 && !array->weakrefs && !array->base &&
            array->flags == port->last_flags && images_of(array, port) == 1)
            return last;
        Py_XDECREF(last);
    }
    Py_ssize_t shape[MAX_RANK];
    memcpy(shape, port->shape, sizeof shape);
    shape[0] *= images;
    Py_INCREF(port->descr); /* new_array steals a reference */
    PyObject *result = self->numpy.new_array(self->numpy.array_type, port->descr, port->rank, shape,
                                             NULL, NULL, 0, NULL);
    if (result)
        port->last_flags = ((const Array *)result)->flags;
    return result;
}

enum { MOST_BOUND = 16 }; /* inputs and outputs of a session that run without Python */

/* Whether each input and output has the same length along its first axis, so that several images lie
 * one after another there. */
static int have_batches(const Session *self)
{
    const Port *ports = self->inputs;
    int same = 1;
    for (Py_ssize_t i = 0; i < self->input_count + self->output_count; i++)
        same = same && ports[i].rank && ports[i].shape[0] == ports[0].shape[0];
    return same;
}

/* Finds the inputs: an ndarray, a tuple of them or a dict by name; returns the number of images, 0 if
 * not all are readable. The references are borrowed. names: of the inputs. */
static Py_ssize_t find_inputs(const Session *self, PyObject *tensors, PyObject *names,
                              PyObject **inputs)
{
    const Py_ssize_t count = self->input_count;
    const int tuple = PyTuple_CheckExact(tensors), dict = PyDict_CheckExact(tensors);
    Py_ssize_t images = 0;
    if (tuple ? PyTuple_Size(tensors) != count : dict ? PyDict_Size(tensors) != count : count > 1)
        return 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *tensor = tuple  ? PyTuple_GetItem(tensors, i)
                           : dict ? PyDict_GetItem(tensors, PyTuple_GetItem(names, i))
                                  : tensors;
        const Py_ssize_t those = tensor ? readable(self, &self->inputs[i], tensor) : 0;
        if (!those || (i && those != images))
            return 0;
        images = those;
        inputs[i] = tensor;
    }
    return images == 1 || have_batches(self) ? images : 0;
}

/* What run returns: the result, or all of them as a tuple or as a dict. */
static PyObject *gathered(PyObject *const *results, Py_ssize_t count, int tuple, PyObject *names)
{
    if (count == 1)
        return Py_NewRef(results[0]);
    PyObject *all = tuple ? PyTuple_New(count) : PyDict_New();
    for (Py_ssize_t i = 0; all && i < count; i++)
        if (tuple ? PyTuple_SetItem(all, i, Py_NewRef(results[i]))
                  : PyDict_SetItem(all, PyTuple_GetItem(names, i), results[i]))
            Py_CLEAR(all);
    return all;
}

/* The function that bind returns: bound is a session, the function that runs everything but fitting
 * ndarrays, and the names of inputs and outputs. */
static PyObject *bound_run(PyObject *bound, PyObject *tensors)
{
    Session *self = (Session *)PyTuple_GetItem(bound, 0);
    const Py_ssize_t inputs = self->input_count, outputs = self->output_count;
    char *ports[MOST_BOUND];
    PyObject *arrays[MOST_BOUND], *all = NULL;
    Py_ssize_t images = 0;
    if (!self->numpy.array_type && meet_numpy(self) < 0)
        return NULL;
    if (self->closed || !self->numpy.array_type || inputs + outputs > MOST_BOUND ||
        !(images = find_inputs(self, tensors, PyTuple_GetItem(bound, 2), arrays)))
        return PyObject_CallFunctionObjArgs(PyTuple_GetItem(bound, 1), tensors, NULL);
    /* Held, because while kernels run without the GIL, a dict may change. */
    for (Py_ssize_t i = 0; i < inputs; i++)
        ports[i] = ((Array *)Py_NewRef(arrays[i]))->data;
    Py_ssize_t ready = inputs;
    for (; ready < inputs + outputs; ready++) {
        if (!(arrays[ready] = result_array(self, &self->inputs[ready], images)))
            break;
        ports[ready] = ((Array *)arrays[ready])->data;
    }
    PyObject *const *results = arrays + inputs;
    if (ready == inputs + outputs && run_images(self, ports, images) == 0)
        all = gathered(results, outputs, PyTuple_CheckExact(tensors), PyTuple_GetItem(bound, 3));
    for (Py_ssize_t i = 0; i < ready; i++) {
        PyObject *former = arrays[i];
        if (i >= inputs && images == 1) { /* another thread may have set it in the meantime */
            former = self->inputs[i].last;
            self->inputs[i].last = arrays[i];
        }
        Py_XDECREF(former);
    }
    return all;
}

#endif
