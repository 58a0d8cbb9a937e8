"""JAX: `jit` over a `scan` of steps, the images on the device as bytes, the weights' memory given away."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks.peers import images, protocol

LIBRARY = protocol.named("jax")

Weights = list[tuple[jax.Array, jax.Array]]

# Steps of the scan written out in one go, the best of a trial; None: no scan, for XLA's convolutions on the
# CPU are 3x slower within one.
_UNROLLED: dict[str, tuple[int | None, ...]] = {"mlp": (1, 4), "cnn": (None,)}
_CHUNK_IMAGES = 8192  # of one call
_LAYERS = {
    "mlp": ((784, 512), (512, 10)),
    "cnn": ((5, 5, 1, 6), (5, 5, 6, 16), (400, 120), (120, 84), (84, 10)),
}


def _weights(model: str) -> Weights:
    shapes = _LAYERS[model]
    keys = jax.random.split(jax.random.key(0), len(shapes))
    return [
        (jax.nn.initializers.he_uniform()(key, shape), jnp.zeros(shape[-1]))
        for key, shape in zip(keys, shapes, strict=True)
    ]


def _mlp(weights: Weights, x: jax.Array) -> jax.Array:
    *hidden, (last, bias) = weights
    for matrix, shift in hidden:
        x = jax.nn.relu(x @ matrix + shift)
    return x @ last + bias


def _cnn(weights: Weights, x: jax.Array) -> jax.Array:
    x = x.reshape(-1, 28, 28, 1)
    for (filters, shift), padding in zip(weights[:2], ("SAME", "VALID"), strict=True):
        x = lax.conv_general_dilated(x, filters, (1, 1), padding, dimension_numbers=("NHWC", "HWIO", "NHWC"))
        x = jax.nn.relu(x + shift)
        x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    return _mlp(weights[2:], x.reshape(len(x), -1))


def _step(model: str) -> Callable[[Weights, jax.Array, jax.Array], tuple[Weights, jax.Array]]:
    forward = {"mlp": _mlp, "cnn": _cnn}[model]

    def loss(weights: Weights, inputs: jax.Array, labels: jax.Array) -> jax.Array:
        x = inputs.astype(jnp.float32) * (2 / 255) - 1
        chances = jax.nn.log_softmax(forward(weights, x))
        return -jnp.take_along_axis(chances, labels[:, None], axis=1).mean()

    def step(weights: Weights, inputs: jax.Array, labels: jax.Array) -> tuple[Weights, jax.Array]:
        value, slopes = jax.value_and_grad(loss)(weights, inputs, labels)
        rate = images.LEARNING_RATE
        return jax.tree.map(lambda weight, slope: weight - rate * slope, weights, slopes), value

    return step


def _training(model: str, batch: int, unrolled: int | None) -> protocol.Go:
    pixels, labels = images.load(model)
    x, y = jnp.asarray(pixels.reshape(len(pixels), -1)), jnp.asarray(labels)
    step = _step(model)

    def call(weights: Weights, indices: jax.Array) -> tuple[Weights, jax.Array]:
        def one(weights: Weights, rows: jax.Array) -> tuple[Weights, jax.Array]:
            return step(weights, x[rows], y[rows])

        if unrolled is None:
            return one(weights, indices[0])
        return lax.scan(one, weights, indices, unroll=unrolled)

    chunk = 1 if unrolled is None else max(1, _CHUNK_IMAGES // batch)
    compiled = jax.jit(call, donate_argnums=0)
    order = images.batches(len(labels), batch, chunk)
    weights = _weights(model)

    def train(steps: int) -> None:
        nonlocal weights
        losses: Any = None
        for _ in range(steps // chunk):
            weights, losses = compiled(weights, next(order))
        losses.block_until_ready()

    return protocol.by_steps(protocol.timed(train), batch, chunk)


def prepare(model: str, batch: int, _: str) -> protocol.Prepared:
    ways = {unrolled: _training(model, batch, unrolled) for unrolled in _UNROLLED[model]}
    best = max(ways, key=lambda unrolled: _rate(ways[unrolled])) if len(ways) > 1 else next(iter(ways))
    return "jit of a step" if best is None else f"scan, unroll={best}", ways[best]


def _rate(go: protocol.Go) -> float:
    trained, seconds = go(0.2)
    return trained / seconds
