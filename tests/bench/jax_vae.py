"""The book's VAE in JAX, as its users write it: data in memory, an epoch as one compiled scan.

`python jax_vae.py FOLDER BATCH_SIZE HIDDEN LATENT EPOCHS SEED` reads train.npy and test.npy of that
folder, (N, 784) in [0, 1], and prints as JSON the seconds of compiling and of each epoch, and -ELBO
of the test images. It runs in an environment of its own (`peers.py`) and imports nothing else.
"""

import json
import math
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax


def dense(key, inputs: int, outputs: int):
    """Weights and biases, drawn as PyTorch draws them."""
    bound = 1 / math.sqrt(inputs)
    return tuple(
        jax.random.uniform(one, shape, minval=-bound, maxval=bound)
        for one, shape in zip(jax.random.split(key), ((inputs, outputs), (outputs,)), strict=True)
    )


def negative_elbo(parameters, x, key):
    """Mean over a batch, (B, 784), in nats: one draw of z an image."""
    (w1, b1), (w2, b2), (w3, b3), (w4, b4) = parameters
    mu, log_var = jnp.split(jax.nn.relu(x @ w1 + b1) @ w2 + b2, 2, axis=-1)
    z = mu + jnp.exp(log_var / 2) * jax.random.normal(key, mu.shape)
    logits = jax.nn.relu(z @ w3 + b3) @ w4 + b4
    reconstruction = optax.sigmoid_binary_cross_entropy(logits, x).sum(-1)
    kl = 0.5 * (mu**2 + jnp.exp(log_var) - log_var - 1).sum(-1)
    return (reconstruction + kl).mean()


def run(folder: Path, batch_size: int, hidden: int, latent: int, epochs: int, seed: int) -> dict:
    """Train from the seed: seconds and loss."""
    train, test = (jnp.array(np.load(folder / f"{name}.npy")) for name in ("train", "test"))
    optimizer, steps = optax.adam(1e-3), len(train) // batch_size
    *keys, key = jax.random.split(jax.random.key(seed), 5)
    sizes = ((784, hidden), (hidden, 2 * latent), (latent, hidden), (hidden, 784))
    parameters = [dense(one, *size) for one, size in zip(keys, sizes, strict=True)]

    def step(state, batch):
        parameters, moments = state
        indices, key = batch
        gradients = jax.grad(negative_elbo)(parameters, train[indices], key)
        updates, moments = optimizer.update(gradients, moments, parameters)
        return (optax.apply_updates(parameters, updates), moments), None

    def epoch(state, key):
        first, second = jax.random.split(key)
        order = jax.random.permutation(first, len(train))[: steps * batch_size]
        batches = order.reshape(steps, batch_size), jax.random.split(second, steps)
        return jax.lax.scan(step, state, batches)[0]

    state, start = (parameters, optimizer.init(parameters)), time.perf_counter()
    compiled = jax.jit(epoch).lower(state, key).compile()
    compiling, seconds = time.perf_counter() - start, []
    for one in jax.random.split(key, epochs):
        start = time.perf_counter()
        state = jax.block_until_ready(compiled(state, one))
        seconds.append(time.perf_counter() - start)
    loss = float(negative_elbo(state[0], test, key))
    return {"compiling": compiling, "epochs": seconds, "total": sum(seconds), "loss": loss}


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1]), *map(int, sys.argv[2:]))))
