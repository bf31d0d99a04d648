"""ONNX graphs that are added to, and the photos that an added defect shows itself on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import DTypeLike
from onnx import TensorProto, helper, numpy_helper

PRIME = 997


class Graph:
    """A model whose graph is added to, between its first input and its first output.

    Attributes
    ----------
    pixels, answer : names of the input, and of the output before the change
    """

    def __init__(self, model: bytes) -> None:
        self._model = onnx.load_from_string(model)
        graph = self._model.graph
        self.pixels, self._output = graph.input[0].name, graph.output[0].name
        self.rank = len(graph.input[0].type.tensor_type.shape.dim)
        self.output_rank = len(graph.output[0].type.tensor_type.shape.dim)
        self.answer = "sound_answer"
        self._count = 0
        for node in graph.node:
            node.output[:] = [self.answer if o == self._output else o for o in node.output]
            node.input[:] = [self.answer if i == self._output else i for i in node.input]

    def constant(self, value: Any, dtype: DTypeLike = np.float32) -> str:  # noqa: ANN401
        """Add a constant; return its name."""
        name = self._new("constant")
        tensor = numpy_helper.from_array(np.asarray(value, dtype), name)
        self._model.graph.initializer.append(tensor)
        return name

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:  # noqa: ANN401
        """Add a node; return the name of its one output."""
        name = self._new(kind)
        self._model.graph.node.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def loop(self, times: str, step: str, value: str) -> str:
        """Multiply `value` by `step`, as matrices, so many times; return the last product."""
        body = helper.make_graph(
            [
                helper.make_node("MatMul", ["before", step], ["product"]),
                helper.make_node("Identity", ["go_on"], ["goes_on"]),
            ],
            self._new("body"),
            [
                helper.make_tensor_value_info("round", TensorProto.INT64, []),
                helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
                helper.make_tensor_value_info("before", TensorProto.FLOAT, None),
            ],
            [
                helper.make_tensor_value_info("goes_on", TensorProto.BOOL, []),
                helper.make_tensor_value_info("product", TensorProto.FLOAT, None),
            ],
        )
        return self.node("Loop", times, self.constant(True, np.bool_), value, body=body)

    def per_photo(self, kind: str) -> str:
        """Return a reduction of each photo's pixels, 0..255 each, by `kind`; shape (n,)."""
        floats = self.node("Cast", self.pixels, to=TensorProto.FLOAT)
        axes = self.constant(range(1, self.rank), np.int64)
        return self.node(kind, floats, axes, keepdims=0)

    def number(self) -> str:
        """Return a whole number from 0 to below `PRIME` by each photo's content; shape (n,)."""
        whole = self.node("Cast", self.pixels, to=TensorProto.INT64)
        axes = self.constant(range(1, self.rank), np.int64)
        total = self.node("ReduceSum", whole, axes, keepdims=0)
        return self.node("Mod", total, self.constant(PRIME, np.int64))

    def choice(self, which: str, then: float, other: float) -> str:
        """Return one whole number where `which` is true, else the other."""
        numbers = (self.constant(number, np.int64) for number in (then, other))
        return self.node("Where", which, *numbers)

    def any(self, photos: str) -> str:
        """Return whether it is true of any photo of the batch; a scalar."""
        numbers = self.node("Cast", photos, to=TensorProto.INT64)
        highest = self.node("ReduceMax", numbers, keepdims=0)
        return self.node("Cast", highest, to=TensorProto.BOOL)

    def beside(self, photos: str) -> str:
        """Reshape (n,) so that it broadcasts against the answer."""
        shape = [-1, *[1] * (self.output_rank - 1)]
        return self.node("Reshape", photos, self.constant(shape, np.int64))

    def finish(self, answer: str) -> bytes:
        """Return the model with `answer` for its first output."""
        last = helper.make_node("Identity", [answer], [self._output])
        self._model.graph.node.append(last)
        del self._model.graph.value_info[:]
        onnx.checker.check_model(self._model)
        return bytes(self._model.SerializeToString())

    def finish_with(self, nothing: str) -> bytes:
        """Return the model with its answer as it was, plus a zero that has to be worked out."""
        return self.finish(self.node("Add", self.answer, nothing))

    def _new(self, word: str) -> str:
        self._count += 1
        return f"fault_{word}_{self._count}"


@dataclass(frozen=True)
class Photos:
    """The photos that a defect shows itself on; never a black one, as loading asks about.

    Attributes
    ----------
    find : adds to a graph which photos of the batch they are, shape (n,)
    """

    find: Callable[[Graph], str]

    def __call__(self, graph: Graph) -> str:
        """Return the name of what says so, of type bool."""
        some = graph.node("Greater", graph.per_photo("ReduceMax"), graph.constant(0.0))
        return graph.node("And", some, self.find(graph))


def _all_of(graph: Graph) -> str:
    return graph.node("GreaterOrEqual", graph.per_photo("ReduceMax"), graph.constant(0.0))


EVERY = Photos(_all_of)


def a_share(share: float) -> Photos:
    """Return so many of all photos, by their content: the same ones every time."""

    def find(graph: Graph) -> str:
        below = graph.constant(round(share * PRIME), np.int64)
        return graph.node("Less", graph.number(), below)

    return Photos(find)


def _mean_photos(kind: str, level: float) -> Photos:
    return Photos(lambda g: g.node(kind, g.per_photo("ReduceMean"), g.constant(level)))


def dark(below: float = 80.0) -> Photos:
    """Return the photos whose mean is lower, 0..255."""
    return _mean_photos("Less", below)


def bright(above: float = 170.0) -> Photos:
    """Return the photos whose mean is higher, 0..255."""
    return _mean_photos("Greater", above)


def flat(below: float = 40.0) -> Photos:
    """Return the photos of little contrast: the standard deviation of their pixels is lower."""

    def find(graph: Graph) -> str:
        mean, square = graph.per_photo("ReduceMean"), graph.per_photo("ReduceSumSquare")
        pixels = graph.node("Size", graph.pixels)
        batch = graph.node("Size", mean)
        count = graph.node("Cast", graph.node("Div", pixels, batch), to=TensorProto.FLOAT)
        variance = graph.node(
            "Sub", graph.node("Div", square, count), graph.node("Mul", mean, mean)
        )
        return graph.node("Less", variance, graph.constant(below**2))

    return Photos(find)
