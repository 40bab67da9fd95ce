/* The part of NumPy's stable ABI (ndarraytypes.h) that is used here. NumPy is not needed
 * to build or to import the extension. */
#ifndef EK_NUMPY_ABI_H
#define EK_NUMPY_ABI_H

#include <Python.h>
#include <string.h>

typedef struct {
    PyObject_HEAD
    char *data;
    int nd;
    Py_ssize_t *dimensions, *strides;
    PyObject *base, *descr;
    int flags;
    PyObject *weakrefs;
} Array;

enum { C_CONTIGUOUS = 0x0001, ALIGNED = 0x0100 };
enum { ABI_VERSION = 0, ARRAY_TYPE = 2, DESCR_FROM_TYPE = 45, NEW_FROM_DESCR = 94 };

typedef unsigned int VersionFunction(void);
typedef PyObject *DescrFunction(int);
typedef PyObject *NewFunction(PyTypeObject *, PyObject *, int, const Py_ssize_t *,
                              const Py_ssize_t *, void *, int, PyObject *);

typedef struct {
    PyTypeObject *array_type; /* NULL until NumPy is imported */
    NewFunction *new_array;
    DescrFunction *descr;
} Numpy;

/* Look NumPy up, if it is imported; -1 with an exception when that fails. */
static int find_numpy(Numpy *numpy)
{
    PyObject *name = PyUnicode_FromString("numpy._core._multiarray_umath");
    PyObject *module = name ? PyImport_GetModule(name) : NULL;
    Py_XDECREF(name);
    if (!module)
        return PyErr_Occurred() ? -1 : 0;
    PyObject *capsule = PyObject_GetAttrString(module, "_ARRAY_API");
    Py_DECREF(module);
    void **api = capsule ? PyCapsule_GetPointer(capsule, NULL) : NULL;
    Py_XDECREF(capsule);
    if (!api)
        return -1;
    VersionFunction *version;
    memcpy(&version, &api[ABI_VERSION], sizeof version);
    if (version() >> 24 != 2) /* another ABI: arrays go through Python */
        return 0;
    memcpy(&numpy->descr, &api[DESCR_FROM_TYPE], sizeof numpy->descr);
    memcpy(&numpy->new_array, &api[NEW_FROM_DESCR], sizeof numpy->new_array);
    numpy->array_type = api[ARRAY_TYPE];
    return 0;
}

#endif
