"""Our pass in the compiler: an update becomes one product with its weight, where nobody else notices."""

import pytest
import torch
from torch import fx

from core.errors import MeasurementError
from core.measure import compiling

aten = torch.ops.aten
RATE = 0.1


def graph_of(also=lambda graph, nodes: (), weight="given", written=True):
    """weight - RATE * (a b), copied back to the weight, and what `also` adds to the outputs."""
    graph = fx.Graph()
    nodes = {name: graph.placeholder(name) for name in ("weight", "a", "b")}
    if weight == "made":
        nodes["weight"] = graph.call_function(aten.mul.Tensor, (nodes["weight"], 1.0))
    nodes["product"] = graph.call_function(aten.mm.default, (nodes["a"], nodes["b"]))
    nodes["scaled"] = graph.call_function(aten.mul.Tensor, (nodes["product"], RATE))
    nodes["after"] = graph.call_function(aten.sub.Tensor, (nodes["weight"], nodes["scaled"]))
    outputs = also(graph, nodes)
    if written:
        graph.call_function(aten.copy_.default, (nodes["weight"], nodes["after"]))
    graph.output((nodes["after"], *outputs))
    return graph


def run(graph):
    torch.manual_seed(0)
    weight, a, b = torch.randn(3, 4), torch.randn(3, 2), torch.randn(2, 4)
    outputs = fx.GraphModule(torch.nn.Module(), graph)(weight, a, b)
    return [weight, *outputs]


def folded(graph):
    compiling._UpdatesInProducts()(graph)
    return bool(list(graph.find_nodes(op="call_function", target=aten.addmm_.default)))


def test_an_update_becomes_one_product():
    graph = graph_of()
    plain = run(graph)
    assert folded(graph)
    assert not list(graph.find_nodes(op="call_function", target=aten.mm.default))
    for found, expected in zip(run(graph), plain, strict=True):
        torch.testing.assert_close(found, expected)


def twice(graph, nodes):
    """A second step on what the first one left."""
    product = graph.call_function(aten.mm.default, (nodes["a"], nodes["b"]))
    scaled = graph.call_function(aten.mul.Tensor, (product, RATE))
    nodes["after"] = graph.call_function(aten.sub.Tensor, (nodes["after"], scaled))
    return ()


def test_several_steps_become_as_many_products():
    graph = graph_of(twice)
    plain = run(graph)
    assert folded(graph)
    assert len(list(graph.find_nodes(op="call_function", target=aten.addmm_.default))) == 2
    for found, expected in zip(run(graph), plain, strict=True):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(
    "changes",
    [
        {"also": lambda graph, nodes: (nodes["product"],)},  # somebody wants the gradient
        {"also": lambda graph, nodes: (nodes["scaled"],)},
        {"also": lambda graph, nodes: (graph.call_function(aten.neg.default, (nodes["weight"],)),)},
        {"weight": "made"},
        {"written": False},
    ],
    ids=["gradient", "scaled gradient", "old weight", "not an argument", "not written back"],
)
def test_it_is_left_alone_where_somebody_would_notice(changes):
    graph = graph_of(**changes)
    plain = run(graph)
    assert not folded(graph)
    for found, expected in zip(run(graph), plain, strict=True):
        assert torch.equal(found, expected)


def test_a_compiler_that_lacks_the_processors_vectors_is_asked_by_torch(monkeypatch):
    monkeypatch.setattr("torch._inductor.cpp_builder.get_cpp_compiler", lambda: "false")
    compiling._vectors_are_known.cache_clear()
    try:
        assert not compiling._vectors_are_known()
    finally:
        compiling._vectors_are_known.cache_clear()


def test_without_a_compiler_the_reason_is_that():
    compiling._vectors_are_known.cache_clear()
    try:
        with (
            torch._inductor.config.patch({"cpp.cxx": (None, "/nowhere/g++")}),
            pytest.raises(MeasurementError) as refusal,
        ):
            compiling.compiled(lambda x: (x * 3.25 + 1,), [torch.ones(7)])
        assert refusal.value.code == "no_compiler"
    finally:
        compiling._vectors_are_known.cache_clear()
