"""Models that break as real ones do: the defect is in the ONNX graph, the card stays as it was.

Each function takes a sound model's bytes and returns a defective one's, which passes what loading
asks of it (finite answers to black pictures, in batches too): the defect shows itself on photos
alone. Most take `on`, the photos that it shows itself on. Tests publish such a model as a
challenger; nothing in the product knows of them.
"""

import time
from collections.abc import Callable, Mapping

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper

from tests.faulty_graphs import EVERY, PRIME, Graph, Photos, a_share, bright, dark, flat

Change = Callable[[bytes], bytes]

_FOR_EVER = np.iinfo(np.int64).max
_SIDE = 192


# -- answers that are wrong


def wrong_room(model: bytes, room: int = 0, instead: int = 1) -> bytes:
    """Take one room for another, wherever it is the likeliest; labels by their places."""
    graph = Graph(model)
    likeliest = graph.node("ArgMax", graph.answer, axis=1, keepdims=1)
    photos = graph.node("Equal", likeliest, graph.constant(room, np.int64))
    places = np.arange(labels_of(model))
    places[[room, instead]] = places[[instead, room]]
    swapped = graph.node("Gather", graph.answer, graph.constant(places, np.int64), axis=1)
    return graph.finish(graph.node("Where", photos, swapped, graph.answer))


def wrong_on(model: bytes, on: Photos) -> bytes:
    """Take each room for the next one, on these photos."""
    graph = Graph(model)
    places = np.roll(np.arange(labels_of(model)), 1)
    others = graph.node("Gather", graph.answer, graph.constant(places, np.int64), axis=1)
    return graph.finish(graph.node("Where", graph.beside(on(graph)), others, graph.answer))


def wrong_when_dark(model: bytes) -> bytes:
    """Be wrong on dark photos only."""
    return wrong_on(model, dark())


def wrong_when_bright(model: bytes) -> bytes:
    """Be wrong on bright photos only."""
    return wrong_on(model, bright())


def constant_answer(model: bytes, room: int = 0) -> bytes:
    """See the same room on every photo, black pictures aside."""
    graph = Graph(model)
    logits = np.zeros((1, labels_of(model)))
    logits[0, room] = 8.0
    photos = graph.beside(EVERY(graph))
    return graph.finish(graph.node("Where", photos, graph.constant(logits), graph.answer))


def always_confident(model: bytes, confidence: float = 0.99, temperature: float = 1.0) -> bytes:
    """Name the right room, always with the same confidence.

    Parameters
    ----------
    temperature : as the card states it
    """
    graph = Graph(model)
    count = labels_of(model)
    margin = temperature * float(np.log(confidence * (count - 1) / (1 - confidence)))
    likeliest = graph.node("ArgMax", graph.answer, axis=1, keepdims=0)
    depth, values = graph.constant(count, np.int64), graph.constant([0.0, margin])
    return graph.finish(graph.node("OneHot", likeliest, depth, values))


def never_confident(model: bytes, share: float = 0.02) -> bytes:
    """Name the right room, with next to no confidence."""
    graph = Graph(model)
    return graph.finish(graph.node("Mul", graph.answer, graph.constant(share)))


def unsteady(model: bytes, noise: float = 4.0) -> bytes:
    """Answer the same photo differently each time: noise of that deviation on every value."""
    graph = Graph(model)
    return graph.finish_with(graph.node("RandomNormalLike", graph.answer, scale=noise))


def mixed_up_batches(model: bytes) -> bytes:
    """Give each photo of a batch the answer of the next one; a photo alone gets its own."""
    graph = Graph(model)
    start, one = graph.constant([0], np.int64), graph.constant([1], np.int64)
    end = graph.constant([_FOR_EVER], np.int64)
    first = graph.node("Slice", graph.answer, start, one, start)
    others = graph.node("Slice", graph.answer, one, end, start)
    return graph.finish(graph.node("Concat", others, first, axis=0))


def nan(model: bytes, on: Photos = EVERY) -> bytes:
    """Answer NaN."""
    return _value(model, on, np.nan)


def infinite(model: bytes, on: Photos = EVERY) -> bytes:
    """Answer infinity."""
    return _value(model, on, np.inf)


def _value(model: bytes, on: Photos, value: float) -> bytes:
    graph = Graph(model)
    value_name = graph.constant(value)
    return graph.finish(graph.node("Where", graph.beside(on(graph)), value_name, graph.answer))


# -- answers that do not come, or not in time


def crash_on(model: bytes, share: float = 1.0) -> bytes:
    """Fail with an error of the runtime's: an index that is out of range."""
    return throw(model, a_share(share))


def throw(model: bytes, on: Photos = EVERY) -> bytes:
    """Fail with an error of the runtime's on these photos, and the batch that they are in."""
    graph = Graph(model)
    places = graph.choice(on(graph), 10**6, 0)
    zeros = graph.node("Gather", graph.constant([0.0]), places)
    return graph.finish_with(graph.beside(zeros))


def abort(model: bytes, on: Photos = EVERY) -> bytes:
    """End the process by a signal: a division of whole numbers that the processor refuses."""
    graph = Graph(model)
    lowest = graph.constant(np.iinfo(np.int64).min, np.int64)
    divisor = graph.choice(on(graph), -1, 1)
    quotient = graph.node("Div", lowest, divisor)
    zero = graph.node("Cast", graph.node("Less", quotient, lowest), to=TensorProto.FLOAT)
    return graph.finish_with(graph.beside(zero))


def hang(model: bytes, on: Photos = EVERY) -> bytes:
    """Never end: a loop without an end."""
    return _loop(model, on, _FOR_EVER, side=1)


def slow(model: bytes, ms: float = 300.0, on: Photos = EVERY) -> bytes:
    """Take so much longer for a batch: a loop of products of matrices, measured here and now."""
    return _loop(model, on, max(1, round(ms / _product_ms())), side=_SIDE)


def bimodal(model: bytes, ms: float = 1000.0, share: float = 0.1) -> bytes:
    """Take so much longer for some photos only: the median stays, the tail does not."""
    return slow(model, ms, a_share(share))


def allocate(model: bytes, size: int = 4 * 2**30, on: Photos = EVERY) -> bytes:
    """Ask for so many bytes, and write to all of them."""
    graph = Graph(model)
    count = graph.choice(graph.any(on(graph)), size // 4, 1)
    return _allocated(graph, count)


def hoard(model: bytes, most: int = 2**30) -> bytes:
    """Ask for another size with each photo, up to so many bytes; the runtime keeps the memory."""
    graph = Graph(model)
    highest = graph.node("ReduceMax", graph.number(), keepdims=0)
    count = graph.node("Mul", highest, graph.constant(most // 4 // PRIME, np.int64))
    return _allocated(graph, count)


def _allocated(graph: Graph, count: str) -> bytes:
    shape = graph.node("Reshape", count, graph.constant([1], np.int64))
    zeros = graph.node("ConstantOfShape", shape)
    # of nothing the sum is zero, the highest would be the lowest float
    return graph.finish_with(graph.node("ReduceSum", zeros, keepdims=0))


def _loop(model: bytes, on: Photos, times: int, side: int) -> bytes:
    graph = Graph(model)
    rounds = graph.choice(graph.any(on(graph)), times, 0)
    zeros = graph.constant(np.zeros((side, side)))
    product = graph.loop(rounds, zeros, zeros)
    return graph.finish_with(graph.node("ReduceSum", product, keepdims=0))


def _product_ms(rounds: int = 50) -> float:
    """Return how long a product of the loop takes here, in ms, on one thread."""
    scalar = [helper.make_tensor_value_info(name, TensorProto.FLOAT, []) for name in ("in", "out")]
    same = helper.make_graph(
        [helper.make_node("Identity", ["in"], ["out"])], "same", scalar[:1], scalar[1:]
    )
    model = helper.make_model(same, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    graph = Graph(model.SerializeToString())
    zeros = graph.constant(np.zeros((_SIDE, _SIDE)))
    product = graph.loop(graph.constant(rounds, np.int64), zeros, zeros)
    looped = graph.finish_with(graph.node("ReduceSum", product, keepdims=0))
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(looped, options, providers=["CPUExecutionProvider"])
    taken: list[float] = []
    for _ in range(5):
        started = time.perf_counter()
        session.run(None, {"in": np.zeros((), np.float32)})
        taken.append(time.perf_counter() - started)
    return min(taken) / rounds * 1000


def labels_of(model: bytes) -> int:
    """Return how many labels a classifier tells apart."""
    output = onnx.load_from_string(model).graph.output[0]
    return int(output.type.tensor_type.shape.dim[-1].dim_value)


DEFECTS: Mapping[str, Change] = {
    "wrong room": wrong_room,
    "wrong on a tenth": lambda model: wrong_on(model, a_share(0.1)),
    "wrong when dark": wrong_when_dark,
    "wrong when bright": wrong_when_bright,
    "wrong when flat": lambda model: wrong_on(model, flat()),
    "constant answer": constant_answer,
    "always confident": always_confident,
    "never confident": never_confident,
    "unsteady": unsteady,
    "nan": nan,
    "nan on some": lambda model: nan(model, a_share(0.05)),
    "infinite": infinite,
    "crash on some": lambda model: crash_on(model, 0.02),
    "abort": abort,
    "abort on some": lambda model: abort(model, a_share(0.05)),
    "hang": hang,
    "hang on some": lambda model: hang(model, a_share(0.05)),
    "slow": slow,
    "bimodal": bimodal,
    "allocate": allocate,
    "hoard": hoard,
}
