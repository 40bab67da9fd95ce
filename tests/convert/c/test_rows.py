"""Plans by rows give the bytes of the plan of whole steps, and hold no row too few."""

import numpy as np
import pytest

import build
import by_rows
import image_chains
import models
import networks
import runtimes
from edge_runtime.errors import ModelError
from edge_runtime.ops.window import SAME, VALID
from edge_runtime.planner import plan
from edge_runtime.planner.plan import Plan
from edge_runtime.planner.portable import PORTABLE
from edge_runtime.reader import read
from edgekit.convert.c.arena import laid_out
from edgekit.convert.c.rows import search
from edgekit.convert.c.rows.plans import RowPlan, feedable, row_plan, row_plans
from edgekit.convert.c.rows.search import Segments


def inputs(planned: Plan) -> list[by_rows.Bytes]:
    """Return random bytes of each input."""
    drawn = []
    for index in planned.inputs:
        slot = planned.slots[index]
        count = (slot.size // np.dtype(slot.dtype).itemsize,)
        rng = np.random.default_rng(7 + index)
        drawn.append(runtimes.drawn(rng, slot.dtype, count).view(np.uint8))
    return drawn


def cut(planned: Plan, seed: int) -> RowPlan:
    """Return a plan cut at random; an even seed has its input brought row by row if it can be."""
    rng = np.random.default_rng(seed)
    segments, fed = Segments(planned, PORTABLE, 1 << 40, 1 + seed // 2), feedable(planned)
    usable = segments.unfed if seed % 2 or fed is None else segments.fed(fed)
    if not any(one.first == 0 for one in usable):
        usable = segments.unfed
    chosen, at = [], 0
    while at < len(planned.steps):
        possible = [one for one in usable if one.first == at]
        one = possible[min(int(rng.integers(2 * len(possible))), len(possible) - 1)]
        several = [one, *segments.faster(one)]
        chosen.append(several[int(rng.integers(len(several)))])
        at = chosen[-1].end
    return row_plan(segments.plan, chosen)


def require_the_same(data: bytes) -> int:
    """Require the same outputs of plans by rows; return the most steps of a chain."""
    try:
        planned = plan(read(data))
    except ModelError:
        return 0
    if planned.states:
        return 0
    given = inputs(planned)
    longest = 0
    with np.errstate(all="ignore"):
        expected = by_rows.whole(planned, given)
        smallest = row_plans(planned, laid_out(planned), PORTABLE)[-1]
        for seed, one in enumerate([smallest, *(cut(planned, seed) for seed in range(4))]):
            assert by_rows.Memory(one, given, seed).run() == expected
            longest = max(longest, *(len(chain.steps) for chain in one.chains), 0)
    return longest


def test_small_models_have_the_same_outputs_by_rows() -> None:
    assert max(require_the_same(data) for data in models.seeds().values()) > 1


@pytest.mark.parametrize("scheme", networks.SCHEMES)
def test_random_networks_have_the_same_outputs_by_rows(scheme: str) -> None:
    longest = [require_the_same(networks.network(seed, scheme)) for seed in range(10)]
    assert max(longest) > 1


@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_random_chains_have_the_same_outputs_by_rows(dtype: str) -> None:
    longest = [require_the_same(image_chains.model(seed, dtype)) for seed in range(40)]
    assert max(longest) > 4


def test_what_rows_need_as_a_whole_stays_in_memory() -> None:
    """The sum of an image and of a number for each channel, which depends on all of the image."""
    rng, image, each = np.random.default_rng(1), (1, 16, 8, 4), (1, 1, 1, 4)
    options = {"padding": SAME, "strideH": 1, "strideW": 1}
    tensors, ops = [build.tensor(image)], []

    def add(name: str, sources: list[int], shape: tuple[int, ...], **options: int) -> int:
        tensors.append(build.tensor(shape))
        ops.append((name, sources, len(tensors) - 1, options))
        return len(tensors) - 1

    def convolution(source: int) -> int:
        tensors.append(build.constant(rng.normal(size=(4, 3, 3, 4)), "float32"))
        tensors.append(build.constant(rng.normal(size=4), "float32"))
        count = len(tensors)
        return add("CONV_2D", [source, count - 2, count - 1], image, **options)

    first = convolution(0)
    sides = {"filterHeight": 16, "filterWidth": 8, "padding": VALID}
    number = add("AVERAGE_POOL_2D", [first], each, strideH=1, strideW=1, **sides)
    total = add("ADD", [first, number], image)
    for _ in range(3):
        total = convolution(total)
    assert require_the_same(build.model(tensors, ops)) > 2


def test_an_average_of_all_rows_takes_them_one_by_one() -> None:
    """So that nowhere the image is held that it averages."""
    for seed in range(8):
        data = image_chains.averaged(seed)
        assert require_the_same(data) == 3
        planned = plan(read(data))
        segments = Segments(planned, PORTABLE, 1 << 40, 1)
        fed = segments.fed(planned.inputs[0])
        [whole] = (one.chain for one in fed if (one.first, one.end) == (0, 3))
        assert whole is not None
        assert whole.steps[-1].folds
        assert planned.steps[-1].reads[0] in whole.rings


def test_the_search_for_chains_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model of many layers is planned in time, if not in the least RAM."""
    tensors = [build.tensor((1, 12, 4, 2)) for _ in range(1201)]
    ops = [("RELU", [at], at + 1, {}) for at in range(1200)]
    planned = plan(read(build.model(tensors, ops)))
    monkeypatch.setattr(search, "MOST_WORK", 10_000)
    [*_, smallest] = row_plans(planned, laid_out(planned), PORTABLE)
    assert all(len(chain.steps) <= search.LONGEST for chain in smallest.chains)
    given = inputs(planned)
    expected = by_rows.whole(planned, given)
    assert by_rows.Memory(smallest, given, 0).run() == expected
