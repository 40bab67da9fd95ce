"""The parts of the TFLite Metadata schema that edgekit reads and writes.

Source: tflite-support, tensorflow_lite_support/metadata/metadata_schema.fbs, version 1.1.0. A
table's constants are its field ids, counted from 0 in the order of the schema; a union has two,
its type and its value.
"""

IDENTIFIER = b"M001"
ENTRY = "TFLITE_METADATA"
"""Name of the model's metadata entry that holds the ModelMetadata."""


class ModelMetadata:
    """Field ids of table ModelMetadata, the root."""

    NAME, DESCRIPTION, VERSION, SUBGRAPH_METADATA = range(4)
    MIN_PARSER_VERSION = 7


class SubGraphMetadata:
    """Field ids of table SubGraphMetadata."""

    INPUT_TENSOR_METADATA, OUTPUT_TENSOR_METADATA = 2, 3


class TensorMetadata:
    """Field ids of table TensorMetadata."""

    NAME, DESCRIPTION, _DIMENSION_NAMES, CONTENT, PROCESS_UNITS, STATS, ASSOCIATED_FILES = range(7)


class Content:
    """Field ids of table Content, and the types of its union ContentProperties."""

    PROPERTIES_TYPE, PROPERTIES = range(2)
    FEATURE_PROPERTIES, IMAGE_PROPERTIES = 1, 2


class ImageProperties:
    """Field ids of table ImageProperties, and the enum ColorSpaceType."""

    COLOR_SPACE = 0
    RGB, GRAYSCALE = 1, 2


class ProcessUnit:
    """Field ids of table ProcessUnit, and one type of its union ProcessUnitOptions."""

    OPTIONS_TYPE, OPTIONS = range(2)
    NORMALIZATION_OPTIONS = 1


class NormalizationOptions:
    """Field ids of table NormalizationOptions."""

    MEAN, STD = range(2)


class Stats:
    """Field ids of table Stats."""

    MAX, MIN = range(2)


class AssociatedFile:
    """Field ids of table AssociatedFile, and one value of the enum AssociatedFileType."""

    NAME, DESCRIPTION, TYPE = range(3)
    TENSOR_AXIS_LABELS = 2
