"""The parts of the TFLite schema that the reader needs, under the schema's names.

Source: tensorflow/lite/schema/schema.fbs, schema version 3, as of LiteRT 2.3. A table's constants
are its field ids, counted from 0 in the order of the schema; a union has two.
"""

IDENTIFIER = b"TFL3"
VERSION = 3


class Model:
    """Field ids of table Model, the root."""

    VERSION, OPERATOR_CODES, SUBGRAPHS, DESCRIPTION, BUFFERS, _METADATA_BUFFER, METADATA = range(7)
    SIGNATURES = 7


class OperatorCode:
    """Field ids of table OperatorCode."""

    DEPRECATED_BUILTIN_CODE, CUSTOM_CODE, VERSION, BUILTIN_CODE = range(4)


class SubGraph:
    """Field ids of table SubGraph."""

    TENSORS, INPUTS, OUTPUTS, OPERATORS, NAME = range(5)


class Tensor:
    """Field ids of table Tensor."""

    SHAPE, TYPE, BUFFER, NAME, QUANTIZATION, IS_VARIABLE, SPARSITY, SHAPE_SIGNATURE = range(8)
    EXTERNAL_BUFFER = 10


class QuantizationParameters:
    """Field ids of table QuantizationParameters."""

    SCALE, ZERO_POINT, DETAILS_TYPE, DETAILS, QUANTIZED_DIMENSION = range(2, 7)
    BLOCKWISE = 2
    """Member of union QuantizationDetails."""


class BlockwiseQuantization:
    """Field ids of table BlockwiseQuantization."""

    SCALES, ZERO_POINTS, BLOCK_SIZE = range(3)


class SparsityParameters:
    """Field ids of table SparsityParameters."""

    TRAVERSAL_ORDER, BLOCK_MAP, DIM_METADATA = range(3)


class DimensionMetadata:
    """Field ids of table DimensionMetadata."""

    FORMAT, DENSE_SIZE, SEGMENTS_TYPE, SEGMENTS, INDICES_TYPE, INDICES = range(6)
    SPARSE = 1
    """Member of enum DimensionType."""

    VECTORS = ("", "i", "H", "B")
    """Struct codes by union SparseIndexVector; field 0 of each of its tables has the numbers."""


class Operator:
    """Field ids of table Operator."""

    OPCODE_INDEX, INPUTS, OUTPUTS, BUILTIN_OPTIONS_TYPE, BUILTIN_OPTIONS, CUSTOM_OPTIONS = range(6)
    INTERMEDIATES = 8


class Buffer:
    """Field ids of table Buffer; OFFSET and SIZE place content behind the FlatBuffer."""

    DATA, OFFSET, SIZE = range(3)


class SignatureDef:
    """Field ids of table SignatureDef."""

    INPUTS, OUTPUTS, KEY, _TAG, SUBGRAPH = range(5)


class TensorMap:
    """Field ids of table TensorMap."""

    NAME, TENSOR = range(2)


class Metadata:
    """Field ids of table Metadata."""

    NAME, BUFFER = range(2)


TENSOR_TYPES = (
    ("float32", 32),
    ("float16", 16),
    ("int32", 32),
    ("uint8", 8),
    ("int64", 64),
    ("string", None),
    ("bool", 8),
    ("int16", 16),
    ("complex64", 64),
    ("int8", 8),
    ("float64", 64),
    ("complex128", 128),
    ("uint64", 64),
    ("resource", None),
    ("variant", None),
    ("uint32", 32),
    ("uint16", 16),
    ("int4", 4),
    ("bfloat16", 16),
    ("int2", 2),
    ("uint4", 4),
    ("float8_e4m3fn", 8),
    ("float8_e5m2", 8),
)
"""NumPy's name (or the schema's, in lower case) and bits of an element, by enum TensorType."""

ACTIVATIONS = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6", "TANH", "SIGN_BIT")
"""Names by enum ActivationFunctionType."""

_ACTIVATION = ("fused_activation", "b", 0)

_POOL = (
    ("padding", "b", 0),
    ("stride_w", "i", 0),
    ("stride_h", "i", 0),
    ("filter_width", "i", 0),
    ("filter_height", "i", 0),
    _ACTIVATION,
)
_REDUCER = (("keep_dims", "?", 0),)
_RESIZE = (("align_corners", "?", 0), ("half_pixel_centers", "?", 0))

OPTIONS: dict[str, tuple[int, tuple[tuple[str, str, int], ...]]] = {
    "CONV_2D": (
        1,
        (
            ("padding", "b", 0),
            ("stride_w", "i", 0),
            ("stride_h", "i", 0),
            _ACTIVATION,
            ("dilation_w", "i", 1),
            ("dilation_h", "i", 1),
            ("quantized_bias_type", "b", 0),
        ),
    ),
    "DEPTHWISE_CONV_2D": (
        2,
        (
            ("padding", "b", 0),
            ("stride_w", "i", 0),
            ("stride_h", "i", 0),
            ("depth_multiplier", "i", 0),
            _ACTIVATION,
            ("dilation_w", "i", 1),
            ("dilation_h", "i", 1),
        ),
    ),
    "AVERAGE_POOL_2D": (5, _POOL),
    "L2_POOL_2D": (5, _POOL),
    "MAX_POOL_2D": (5, _POOL),
    "SVDF": (6, (("rank", "i", 0), _ACTIVATION, ("asymmetric_quantize_inputs", "?", 0))),
    "RNN": (7, (_ACTIVATION, ("asymmetric_quantize_inputs", "?", 0))),
    "FULLY_CONNECTED": (
        8,
        (
            _ACTIVATION,
            ("weights_format", "b", 0),
            ("keep_num_dims", "?", 0),
            ("asymmetric_quantize_inputs", "?", 0),
            ("quantized_bias_type", "b", 0),
        ),
    ),
    "SOFTMAX": (9, (("beta", "f", 0),)),
    "CONCATENATION": (10, (("axis", "i", 0), _ACTIVATION)),
    "ADD": (11, (_ACTIVATION, ("pot_scale_int16", "?", 1))),
    "L2_NORMALIZATION": (12, (_ACTIVATION,)),
    "LSTM": (
        14,
        (
            _ACTIVATION,
            ("cell_clip", "f", 0),
            ("proj_clip", "f", 0),
            ("kernel_type", "b", 0),
            ("asymmetric_quantize_inputs", "?", 0),
        ),
    ),
    "RESIZE_BILINEAR": (15, (("new_height", "i", 0), ("new_width", "i", 0), *_RESIZE)),
    "RESHAPE": (17, (("new_shape", "i*", 0),)),
    "SPACE_TO_DEPTH": (19, (("block_size", "i", 0),)),
    "MUL": (21, (_ACTIVATION,)),
    "GATHER": (23, (("axis", "i", 0), ("batch_dims", "i", 0))),
    "MEAN": (27, _REDUCER),
    "REDUCE_ALL": (27, _REDUCER),
    "REDUCE_ANY": (27, _REDUCER),
    "REDUCE_MAX": (27, _REDUCER),
    "REDUCE_MIN": (27, _REDUCER),
    "REDUCE_PROD": (27, _REDUCER),
    "SUM": (27, _REDUCER),
    "SUB": (28, (_ACTIVATION, ("pot_scale_int16", "?", 1))),
    "DIV": (29, (_ACTIVATION,)),
    "SQUEEZE": (30, (("squeeze_dims", "i*", 0),)),
    "STRIDED_SLICE": (
        32,
        (
            ("begin_mask", "i", 0),
            ("end_mask", "i", 0),
            ("ellipsis_mask", "i", 0),
            ("new_axis_mask", "i", 0),
            ("shrink_axis_mask", "i", 0),
            ("offset", "?", 0),
        ),
    ),
    "UNIDIRECTIONAL_SEQUENCE_RNN": (
        31,
        (("time_major", "?", 0), _ACTIVATION, ("asymmetric_quantize_inputs", "?", 0)),
    ),
    "SPLIT": (35, (("num_splits", "i", 0),)),
    "CAST": (37, (("in_data_type", "b", 0), ("out_data_type", "b", 0))),
    "ARG_MAX": (40, (("output_type", "b", 0),)),
    "TRANSPOSE_CONV": (
        49,
        (
            ("padding", "b", 0),
            ("stride_w", "i", 0),
            ("stride_h", "i", 0),
            _ACTIVATION,
            ("quantized_bias_type", "b", 0),
        ),
    ),
    "SHAPE": (55, (("out_type", "b", 0),)),
    "ARG_MIN": (57, (("output_type", "b", 0),)),
    "PACK": (59, (("values_count", "i", 0), ("axis", "i", 0))),
    "ONE_HOT": (61, (("axis", "i", 0),)),
    "UNPACK": (64, (("num", "i", 0), ("axis", "i", 0))),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (
        71,
        (
            _ACTIVATION,
            ("cell_clip", "f", 0),
            ("proj_clip", "f", 0),
            ("time_major", "?", 0),
            ("asymmetric_quantize_inputs", "?", 0),
            ("diagonal_recurrent_tensors", "?", 0),
        ),
    ),
    "RESIZE_NEAREST_NEIGHBOR": (74, _RESIZE),
    "LEAKY_RELU": (75, (("alpha", "f", 0),)),
    "MIRROR_PAD": (77, (("mode", "b", 0),)),
    "SPLIT_V": (79, (("num_splits", "i", 0),)),
    "REVERSE_SEQUENCE": (87, (("seq_dim", "i", 0), ("batch_dim", "i", 0))),
    "IF": (92, (("then_subgraph", "i", 0), ("else_subgraph", "i", 0))),
    "WHILE": (93, (("cond_subgraph", "i", 0), ("body_subgraph", "i", 0))),
    "DEPTH_TO_SPACE": (94, (("block_size", "i", 0),)),
    "BATCH_MATMUL": (
        101,
        (("adj_x", "?", 0), ("adj_y", "?", 0), ("asymmetric_quantize_inputs", "?", 0)),
    ),
    "CUMSUM": (102, (("exclusive", "?", 0), ("reverse", "?", 0))),
    "CALL_ONCE": (103, (("init_subgraph", "i", 0),)),
    "VAR_HANDLE": (111, (("container", "s", 0), ("shared_name", "s", 0))),
    "GELU": (116, (("approximate", "?", 0),)),
}
"""Op -> its member of union BuiltinOptions, and that table's fields in the order of their ids:
name, struct code ("*" for a vector, "s" for a string), default."""

MAPS = ("TFLite_Detection_PostProcess",)
"""Custom ops whose options are a FlexBuffer that is a map."""

CUSTOM = 32
"""BuiltinOperator of an op that is named by its custom code."""

_BUILTIN_OPERATORS = """
ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE
EMBEDDING_LOOKUP FLOOR FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D
LOCAL_RESPONSE_NORMALIZATION LOGISTIC LSH_PROJECTION LSTM MAX_POOL_2D MUL RELU RELU_N1_TO_1 RELU6
RESHAPE RESIZE_BILINEAR RNN SOFTMAX SPACE_TO_DEPTH SVDF TANH CONCAT_EMBEDDINGS SKIP_GRAM CALL
CUSTOM EMBEDDING_LOOKUP_SPARSE PAD UNIDIRECTIONAL_SEQUENCE_RNN GATHER BATCH_TO_SPACE_ND
SPACE_TO_BATCH_ND TRANSPOSE MEAN SUB DIV SQUEEZE UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE
BIDIRECTIONAL_SEQUENCE_RNN EXP TOPK_V2 SPLIT LOG_SOFTMAX DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM CAST
PRELU MAXIMUM ARG_MAX MINIMUM LESS NEG PADV2 GREATER GREATER_EQUAL LESS_EQUAL SELECT SLICE SIN
TRANSPOSE_CONV SPARSE_TO_DENSE TILE EXPAND_DIMS EQUAL NOT_EQUAL LOG SUM SQRT RSQRT SHAPE POW
ARG_MIN FAKE_QUANT REDUCE_PROD REDUCE_MAX PACK LOGICAL_OR ONE_HOT LOGICAL_AND LOGICAL_NOT UNPACK
REDUCE_MIN FLOOR_DIV REDUCE_ANY SQUARE ZEROS_LIKE FILL FLOOR_MOD RANGE RESIZE_NEAREST_NEIGHBOR
LEAKY_RELU SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V UNIQUE CEIL REVERSE_V2 ADD_N GATHER_ND COS
WHERE RANK ELU REVERSE_SEQUENCE MATRIX_DIAG QUANTIZE MATRIX_SET_DIAG ROUND HARD_SWISH IF WHILE
NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 SCATTER_ND SELECT_V2 DENSIFY SEGMENT_SUM
BATCH_MATMUL PLACEHOLDER_FOR_GREATER_OP_CODES CUMSUM CALL_ONCE BROADCAST_TO RFFT2D CONV_3D IMAG
REAL COMPLEX_ABS HASHTABLE HASHTABLE_FIND HASHTABLE_IMPORT HASHTABLE_SIZE REDUCE_ALL
CONV_3D_TRANSPOSE VAR_HANDLE READ_VARIABLE ASSIGN_VARIABLE BROADCAST_ARGS RANDOM_STANDARD_NORMAL
BUCKETIZE RANDOM_UNIFORM MULTINOMIAL GELU DYNAMIC_UPDATE_SLICE RELU_0_TO_1 UNSORTED_SEGMENT_PROD
UNSORTED_SEGMENT_MAX UNSORTED_SEGMENT_SUM ATAN2 UNSORTED_SEGMENT_MIN SIGN BITCAST BITWISE_XOR
RIGHT_SHIFT STABLEHLO_LOGISTIC STABLEHLO_ADD STABLEHLO_DIVIDE STABLEHLO_MULTIPLY STABLEHLO_MAXIMUM
STABLEHLO_RESHAPE STABLEHLO_CLAMP STABLEHLO_CONCATENATE STABLEHLO_BROADCAST_IN_DIM
STABLEHLO_CONVOLUTION STABLEHLO_SLICE STABLEHLO_CUSTOM_CALL STABLEHLO_REDUCE STABLEHLO_ABS
STABLEHLO_AND STABLEHLO_COSINE STABLEHLO_EXPONENTIAL STABLEHLO_FLOOR STABLEHLO_LOG
STABLEHLO_MINIMUM STABLEHLO_NEGATE STABLEHLO_OR STABLEHLO_POWER STABLEHLO_REMAINDER
STABLEHLO_RSQRT STABLEHLO_SELECT STABLEHLO_SUBTRACT STABLEHLO_TANH STABLEHLO_SCATTER
STABLEHLO_COMPARE STABLEHLO_CONVERT STABLEHLO_DYNAMIC_SLICE STABLEHLO_DYNAMIC_UPDATE_SLICE
STABLEHLO_PAD STABLEHLO_IOTA STABLEHLO_DOT_GENERAL STABLEHLO_REDUCE_WINDOW STABLEHLO_SORT
STABLEHLO_WHILE STABLEHLO_GATHER STABLEHLO_TRANSPOSE DILATE STABLEHLO_RNG_BIT_GENERATOR
REDUCE_WINDOW STABLEHLO_COMPOSITE STABLEHLO_SHIFT_LEFT STABLEHLO_CBRT STABLEHLO_CASE
"""
BUILTIN_OPERATORS = tuple(_BUILTIN_OPERATORS.split())
"""Op names by enum BuiltinOperator."""
