"""Choosing a device and a precision, and running out of memory."""

import pytest
import torch

from vaelib import devices


def test_fast_float32_is_float32():
    torch.manual_seed(0)
    a, b = torch.randn(300, 784), torch.randn(784, 400)
    with devices.fast_float32():
        product = a @ b
    assert (product - a.double() @ b.double()).abs().max() < 1e-4  # bfloat16 would miss by 0.1


def test_fast_float32_puts_the_switch_back():
    before = torch.backends.mkldnn.matmul.fp32_precision
    with pytest.raises(KeyError), devices.fast_float32():
        raise KeyError
    assert torch.backends.mkldnn.matmul.fp32_precision == before


@pytest.mark.parametrize("capabilities", [{}, {"avx512_f": True, "amx_tile": True}])
def test_where_it_could_lose_precision_the_switch_is_not_touched(monkeypatch, capabilities):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    before = torch.backends.mkldnn.matmul.fp32_precision
    with devices.fast_float32():
        assert torch.backends.mkldnn.matmul.fp32_precision == before


def steps(context):
    """Outputs and gradients of layers of two kinds, each computed twice in the context."""
    torch.manual_seed(0)
    layers = torch.nn.Sequential(
        torch.nn.Conv2d(1, 3, 3), torch.nn.Flatten(), torch.nn.Linear(108, 40), torch.nn.ReLU()
    )
    images = torch.randn(5, 1, 8, 8)
    for _ in range(2):
        with context:
            out = layers(images) @ torch.ones(40, 7)
        out.float().square().sum().backward()
        yield out.detach()
    yield from (parameter.grad for parameter in layers.parameters())


def test_without_instructions_for_bfloat16_the_rounding_is_the_same(monkeypatch):
    cpu, kept = torch.device("cpu"), {}
    for native in (True, False):
        monkeypatch.setattr(devices, "multiplies_bfloat16", lambda native=native: native)
        kept[native] = list(steps(devices.autocast(cpu, "bfloat16")))
    exact = list(steps(devices.autocast(cpu, "float32")))
    for wanted, found, other in zip(kept[True], kept[False], exact, strict=True):
        assert wanted.dtype == found.dtype
        size = other.abs().max()
        error = (found.float() - wanted.float()).abs().max()
        assert error < 0.01 * size  # now and then the neighbouring number
        assert (found.float() - other).abs().max() > 1e-4 * size  # they were rounded


def test_double_precision_is_not_rounded_and_an_inner_block_may_ask_for_float32(monkeypatch):
    monkeypatch.setattr(devices, "multiplies_bfloat16", lambda: False)
    double, single = torch.rand(3, 3).double(), torch.rand(3, 3)
    with devices.autocast(torch.device("cpu"), "bfloat16"):
        assert torch.equal(double @ double, torch.linalg.multi_dot([double, double]))
        assert (single @ single).dtype == torch.bfloat16
        with torch.autocast("cpu", enabled=False):
            assert (single @ single).dtype == torch.float32
    assert (single @ single).dtype == torch.float32


def test_auto_takes_a_gpu_if_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert devices.pick_device() == torch.device("cuda")


def test_memory_that_does_not_suffice_says_what_to_lower():
    with pytest.raises(MemoryError, match="does not suffice: lower batch_size"):  # noqa: SIM117
        with devices.memory_advice("batch_size"):
            torch.empty(10**15)
    with pytest.raises(MemoryError, match="lower num_samples"):  # noqa: SIM117
        with devices.memory_advice("num_samples"):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 TiB")


def test_other_errors_pass_as_they_are():
    with pytest.raises(RuntimeError, match="must match"), devices.memory_advice("batch_size"):
        torch.zeros(2) + torch.zeros(3)


def test_keeping_memory_is_harmless_where_it_cannot_be_asked_for(monkeypatch):
    with devices.freed_memory_kept():
        pass

    def missing(name):
        raise OSError(name)

    monkeypatch.setattr(devices.ctypes, "CDLL", missing)
    with devices.freed_memory_kept():
        pass
