"""The meaning of outputs: probabilities, logits, numbers."""

import numpy as np
import pytest

from edge_runtime.graph import Graph, Op, Tensor
from edge_runtime.meaning import (
    LOGITS,
    MULTILABEL,
    NUMBERS,
    PROBABILITIES,
    class_scores,
    margins,
    of_graph,
)

pytestmark = pytest.mark.unsanitized


def graph_of(*names: str, outputs: int = 3, inputs: int = 10) -> Graph:
    """A chain of ops from tensor 0 to the last one."""
    tensors = tuple(
        Tensor(i, str(i), shape, shape, "float32")
        for i, shape in enumerate([(1, inputs), *((1, outputs) for _ in names)])
    )
    ops = tuple(Op(i, name, 1, (i,), (i + 1,)) for i, name in enumerate(names))
    return Graph("", tensors, ops, (0,), (len(names),), {}, 0)


@pytest.mark.parametrize(
    ("ops", "labels", "expected"),
    [
        (("FULLY_CONNECTED", "SOFTMAX"), (), PROBABILITIES),
        (("FULLY_CONNECTED", "LOGISTIC", "QUANTIZE", "RESHAPE"), (), PROBABILITIES),
        (("SOFTMAX", "FULLY_CONNECTED"), ("a", "b", "c"), LOGITS),
        (("SOFTMAX", "FULLY_CONNECTED"), (), NUMBERS),
        (("FULLY_CONNECTED", "TANH", "DEQUANTIZE"), (), NUMBERS),
    ],
)
def test_the_last_op_determines_the_meaning(
    ops: tuple[str, ...], labels: tuple[str, ...], expected: str
) -> None:
    assert of_graph(graph_of(*ops), labels) == expected


def test_as_many_sigmoids_as_inputs_are_an_autoencoder() -> None:
    assert of_graph(graph_of("LOGISTIC", outputs=784, inputs=784), ()) == NUMBERS
    assert of_graph(graph_of("LOGISTIC", outputs=2, inputs=2), ()) == PROBABILITIES


def test_a_cycle_of_ops_ends() -> None:
    tensors = graph_of("RESHAPE").tensors
    circle = Graph("", tensors, (Op(0, "RESHAPE", 1, (1,), (1,)),), (0,), (1,), {}, 0)
    assert of_graph(circle, ()) == NUMBERS


def test_a_single_sigmoid_node_is_two_classes() -> None:
    scores = class_scores(np.array([[0.25], [0.75]], np.float32), PROBABILITIES)
    assert scores.tolist() == [[0.75, 0.25], [0.25, 0.75]]
    two = np.array([[0.2, 0.9]], np.float32)
    assert class_scores(two, PROBABILITIES) is two


def test_a_single_logit_is_two_classes_that_part_at_zero() -> None:
    logits = np.array([[-200.0], [-0.2], [0.0], [0.2], [200.0]], np.float32)
    scores = class_scores(logits, LOGITS)
    assert scores.argmax(axis=1).tolist() == [0, 0, 0, 1, 1]
    assert scores[3, 1] == pytest.approx(1 / (1 + np.exp(-0.2)))
    assert scores[[0, 4]].tolist() == [[1, 0], [0, 1]]


def test_logits_become_probabilities() -> None:
    scores = class_scores(np.array([[1.0, 3.0, 2.0], [800.0, 0.0, -800.0]], np.float32), LOGITS)
    assert scores.dtype == np.float32
    assert scores.sum(axis=1) == pytest.approx([1, 1])
    assert scores.argmax(axis=1).tolist() == [1, 0]


def test_numbers_are_not_changed() -> None:
    numbers = np.array([[5.115]], np.float32)
    assert class_scores(numbers, NUMBERS) is numbers


def test_scores_of_a_pixel_are_scores() -> None:
    assert class_scores(np.zeros((2, 1, 1, 5), np.float32), PROBABILITIES).shape == (2, 5)
    assert class_scores(np.zeros((2, 4, 4, 5), np.float32), PROBABILITIES).shape == (2, 4, 4, 5)


def test_labels_do_not_exclude_each_other() -> None:
    logits = np.array([[0.0, 2.0], [-200.0, 200.0]], np.float32)
    scores = class_scores(logits, LOGITS, MULTILABEL)
    assert scores.dtype == np.float32
    assert scores[0] == pytest.approx([0.5, 1 / (1 + np.exp(-2))])
    assert scores[1].tolist() == [0, 1]
    single = np.array([[0.3]], np.float32)
    assert class_scores(single, PROBABILITIES, MULTILABEL) is single


def test_a_threshold_is_compared_with_the_output_itself() -> None:
    single = np.array([[0.25], [0.75]], np.float32)
    assert margins(single, PROBABILITIES).tolist() == margins(single, LOGITS).tolist()
    assert margins(single, LOGITS).tolist() == [0.25, 0.75]
    two = np.array([[0.25, 0.75]], np.float32)
    assert margins(two, PROBABILITIES).tolist() == [0.75]
    assert margins(two, LOGITS).tolist() == [0.5]
