/* The table of variants for Python: list, choose and pack variants, and run the portable kernel. The
 * types of the arguments are checked; the sizes of tensors, which only a kernel knows, are not. */
#ifndef EK_CHOOSING_H
#define EK_CHOOSING_H

#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "variants.h"

/* The arguments of a kernel from Python. */
typedef struct {
    int32_t *params;    /* followed by zeros up to EK_MOST_PARAMS */
    void **tensors;     /* likewise by NULL; a copy where one is not aligned to 8 bytes */
    Py_ssize_t count;   /* of tensors */
    Py_buffer *buffers; /* one for each tensor, and one for the parameters */
    void **copies;
} Operands;

static void release_operands(Operands *operands)
{
    for (Py_ssize_t i = 0; operands->buffers && i <= operands->count; i++)
        if (operands->buffers[i].obj)
            PyBuffer_Release(&operands->buffers[i]);
    for (Py_ssize_t i = 0; operands->copies && i < operands->count; i++)
        free(operands->copies[i]);
    free(operands->params);
    free(operands->tensors);
    free(operands->buffers);
    free(operands->copies);
}

static int read_tensor(Operands *operands, Py_ssize_t i, PyObject *source)
{
    Py_buffer *buffer = &operands->buffers[i];
    if (source == Py_None)
        return 0;
    if (PyObject_GetBuffer(source, buffer, PyBUF_SIMPLE) < 0)
        return -1;
    operands->tensors[i] = buffer->buf;
    if ((uintptr_t)buffer->buf % 8 == 0)
        return 0;
    if (!(operands->copies[i] = malloc((size_t)buffer->len + 1))) {
        PyErr_NoMemory();
        return -1;
    }
    operands->tensors[i] = memcpy(operands->copies[i], buffer->buf, (size_t)buffer->len);
    return 0;
}

/* Reads parameters and tensors; there is room for further tensors. The operands have to be released
 * in any case. */
static int read_operands(Operands *operands, PyObject *params, PyObject *tensors,
                         Py_ssize_t further)
{
    const size_t count = (size_t)PyTuple_Size(tensors);
    memset(operands, 0, sizeof *operands);
    operands->count = (Py_ssize_t)count;
    operands->tensors = calloc(count + (size_t)further + EK_MOST_TENSORS, sizeof(void *));
    operands->buffers = calloc(count + 1, sizeof *operands->buffers);
    operands->copies = calloc(count + 1, sizeof(void *));
    if (!operands->tensors || !operands->buffers || !operands->copies) {
        PyErr_NoMemory();
        return -1;
    }
    Py_buffer *buffer = &operands->buffers[count];
    if (PyObject_GetBuffer(params, buffer, PyBUF_SIMPLE) < 0)
        return -1;
    if (buffer->len % (Py_ssize_t)sizeof(int32_t)) {
        PyErr_SetString(PyExc_ValueError, "parameters are not int32");
        return -1;
    }
    operands->params = calloc((size_t)buffer->len / 4 + EK_MOST_PARAMS, sizeof(int32_t));
    if (!operands->params) {
        PyErr_NoMemory();
        return -1;
    }
    memcpy(operands->params, buffer->buf, (size_t)buffer->len);
    for (Py_ssize_t i = 0; i < operands->count; i++)
        if (read_tensor(operands, i, PyTuple_GetItem(tensors, i)) < 0)
            return -1;
    return 0;
}

static int require_kernel(const char *name)
{
    if (find_variant(name, "portable"))
        return 0;
    PyErr_Format(PyExc_ValueError, "there is no kernel %s", name);
    return -1;
}

static const Variant *require_variant(const char *name, const char *level)
{
    const Variant *variant = find_variant(name, level);
    if (!variant)
        PyErr_Format(PyExc_ValueError, "there is no kernel %s for %s", name, level);
    return variant;
}

/* The parameters that a variant reads once its packer has been called. */
static const int32_t *read_params(const Operands *operands, const ek_packing *packing)
{
    return packing->count ? packing->params : operands->params;
}

static PyObject *variants(PyObject *Py_UNUSED(module), PyObject *source)
{
    const char *name = PyUnicode_AsUTF8AndSize(source, NULL);
    if (!name || require_kernel(name) < 0)
        return NULL;
    PyObject *list = PyList_New(0);
    for (int i = 0; list && i < LEVEL_COUNT; i++) {
        if (!find_variant(name, LEVELS[i]))
            continue;
        PyObject *level = PyUnicode_FromString(LEVELS[i]);
        if (!level || PyList_Append(list, level) < 0)
            Py_CLEAR(list);
        Py_XDECREF(level);
    }
    PyObject *result = list ? PyList_AsTuple(list) : NULL;
    Py_XDECREF(list);
    return result;
}

static PyObject *choose(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    const char *name, *highest;
    PyObject *params, *tensors;
    if (!PyArg_ParseTuple(arguments, "szOO!:choose", &name, &highest, &params, &PyTuple_Type,
                          &tensors) ||
        require_kernel(name) < 0)
        return NULL;
    Operands operands;
    ek_packing packing;
    PyObject *result = NULL;
    if (read_operands(&operands, params, tensors, 0) == 0) {
        const Variant *variant =
            choose_variant(name, highest, operands.params, operands.tensors, &packing);
        const int32_t *read = read_params(&operands, &packing);
        if (variant)
            result = Py_BuildValue("sn", LEVELS[variant->level],
                                   (Py_ssize_t)(variant->scratch ? variant->scratch(read) : 0));
        else
            PyErr_Format(PyExc_ValueError, "there are no instructions %s here", highest);
    }
    release_operands(&operands);
    return result;
}

static PyObject *scratch(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    const char *name, *level;
    PyObject *params, *tensors;
    if (!PyArg_ParseTuple(arguments, "ssOO!:scratch", &name, &level, &params, &PyTuple_Type,
                          &tensors))
        return NULL;
    const Variant *variant = require_variant(name, level);
    if (!variant)
        return NULL;
    Operands operands;
    ek_packing packing = {0};
    PyObject *result = NULL;
    if (read_operands(&operands, params, tensors, 0) == 0) {
        const int fits =
            !variant->pack || variant->pack(operands.params, operands.tensors, &packing);
        const int32_t *read = read_params(&operands, &packing);
        result = PyLong_FromSize_t(fits && variant->scratch ? variant->scratch(read) : 0);
    }
    release_operands(&operands);
    return result;
}

/* The tensors in the form of a variant, as bytes; None where they are as they are. */
static PyObject *packed_tensors(const Variant *variant, const Operands *operands,
                                ek_packing *packing)
{
    PyObject *result = PyTuple_New(operands->count);
    for (Py_ssize_t i = 0; result && i < operands->count; i++) {
        const int is_packed = i < EK_MOST_TENSORS && packing->sizes[i];
        PyObject *bytes = is_packed ? PyBytes_FromStringAndSize(NULL, (Py_ssize_t)packing->sizes[i])
                                    : Py_NewRef(Py_None);
        if (is_packed && bytes)
            packing->tensors[i] = PyBytes_AsString(bytes);
        if (!bytes || PyTuple_SetItem(result, i, bytes) < 0)
            Py_CLEAR(result);
    }
    if (result && variant->pack)
        variant->pack(operands->params, operands->tensors, packing);
    return result;
}

static PyObject *pack(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    const char *name, *level;
    PyObject *params, *tensors;
    if (!PyArg_ParseTuple(arguments, "ssOO!:pack", &name, &level, &params, &PyTuple_Type, &tensors))
        return NULL;
    const Variant *variant = require_variant(name, level);
    if (!variant)
        return NULL;
    Operands operands;
    ek_packing packing = {0};
    PyObject *result = NULL;
    if (read_operands(&operands, params, tensors, 0) == 0) {
        if (variant->pack && !variant->pack(operands.params, operands.tensors, &packing)) {
            result = Py_NewRef(Py_None);
        } else {
            const Py_buffer *original = &operands.buffers[operands.count];
            const int32_t *read = read_params(&operands, &packing);
            const Py_ssize_t size =
                packing.count ? packing.count * (Py_ssize_t)sizeof *read : original->len;
            PyObject *packed = packed_tensors(variant, &operands, &packing);
            if (packed)
                result = Py_BuildValue("y#N", (const char *)read, size, packed);
        }
    }
    release_operands(&operands);
    return result;
}

/* New bytes for each of the sizes, which a kernel may write to, behind the tensors. */
static PyObject *new_outputs(const Operands *operands, PyObject *sizes)
{
    const Py_ssize_t count = PyTuple_Size(sizes);
    PyObject *outputs = PyTuple_New(count);
    for (Py_ssize_t i = 0; outputs && i < count; i++) {
        const Py_ssize_t size = PyLong_AsSsize_t(PyTuple_GetItem(sizes, i));
        if (size < 0 && !PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "the size of an output is negative");
        PyObject *bytes = PyErr_Occurred() ? NULL : PyBytes_FromStringAndSize(NULL, size);
        if (!bytes || PyTuple_SetItem(outputs, i, bytes) < 0) {
            Py_CLEAR(outputs);
            break;
        }
        operands->tensors[operands->count + i] = memset(PyBytes_AsString(bytes), 0, (size_t)size);
    }
    return outputs;
}

static PyObject *run(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    const char *name;
    PyObject *params, *tensors, *sizes;
    if (!PyArg_ParseTuple(arguments, "sOO!O!:run", &name, &params, &PyTuple_Type, &tensors,
                          &PyTuple_Type, &sizes) ||
        require_kernel(name) < 0)
        return NULL;
    Operands operands;
    PyObject *outputs = NULL;
    const Variant *portable = find_variant(name, "portable");
    void *scratch_memory = NULL;
    if (read_operands(&operands, params, tensors, PyTuple_Size(sizes) + 1) == 0)
        outputs = new_outputs(&operands, sizes);
    for (Py_ssize_t i = 0; outputs && i < operands.count; i++)
        if (!operands.tensors[i]) {
            PyErr_Format(PyExc_TypeError, "tensor %zd is None", i);
            Py_CLEAR(outputs);
        }
    if (outputs && portable->scratch) {
        scratch_memory = malloc(portable->scratch(operands.params) + 1);
        operands.tensors[operands.count + PyTuple_Size(sizes)] = scratch_memory;
        if (!scratch_memory) {
            PyErr_NoMemory();
            Py_CLEAR(outputs);
        }
    }
    if (outputs)
        portable->run(operands.params, operands.tensors);
    free(scratch_memory);
    release_operands(&operands);
    return outputs;
}

#endif
