"""Choosing a device and a precision, and running out of memory."""

import os
import platform
import types
import warnings

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import vaelib
from vaelib import devices, evaluation, training

BINARY = (torch.rand(20, 12, generator=torch.Generator().manual_seed(0)) > 0.5).float()
WITH_AVX512 = {"avx512_f": True, "amx_tile": False}


class Watched(vaelib.VAE):
    """A model that notes what `look` gives each time it is asked, and where it is sent."""

    def __init__(self, look=lambda: None):
        torch.manual_seed(0)
        super().__init__(12, 8, 2)
        self.look, self.seen, self.stops = look, [], []

    def posterior(self, images):
        self.seen.append(self.look())
        return super().posterior(images)

    def to(self, device):
        self.stops.append(device)
        return self


def fit(model, test=None, **options):
    settings = {"epochs": 1, "batch_size": 10, "progress": False, "device": "cpu"} | options
    return vaelib.fit(model, BINARY, test, **settings)


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


NO_NEED = [{}, {"avx512_f": True, "amx_tile": True}, {"avx512_f": False, "amx_tile": False}]


@pytest.mark.parametrize("capabilities", NO_NEED)
def test_where_it_could_lose_precision_the_switch_is_not_touched(monkeypatch, capabilities):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    before = torch.backends.mkldnn.matmul.fp32_precision
    with devices.fast_float32():
        assert torch.backends.mkldnn.matmul.fp32_precision == before


def test_an_older_torch_that_cannot_tell_its_processor_s_instructions_is_not_asked(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    before = torch.backends.mkldnn.matmul.fp32_precision
    with devices.fast_float32():
        assert torch.backends.mkldnn.matmul.fp32_precision == before


def test_an_attribute_of_torch_is_a_switch():
    owner = types.SimpleNamespace(precise="before")
    with devices._attribute(owner, "precise").set_to("after"):
        assert owner.precise == "after"
    assert owner.precise == "before"


@pytest.mark.parametrize("error", [RuntimeError, AssertionError])
def test_a_default_device_that_is_not_here_is_no_cpu(monkeypatch, error):
    def fail():
        raise error("no such device")

    monkeypatch.setattr(torch, "get_default_device", fail)
    with devices.plain_torch(gradients=False):
        assert torch.empty(1).device.type == "cpu"


def test_inference_mode_ends_inside():
    with torch.inference_mode(), devices.plain_torch(gradients=True):
        assert not torch.ones(1).is_inference()
        assert (2 * torch.ones(1, requires_grad=True)).requires_grad


def test_torch_is_plain_inside_and_the_reader_s_own_outside():
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"), torch.autocast("cpu", torch.bfloat16), torch.no_grad():
            with devices.plain_torch(gradients=True):
                inside = torch.empty(2, 2), torch.is_grad_enabled()
                product = inside[0] @ inside[0]
            outside = torch.empty(1), torch.is_grad_enabled()
    finally:
        torch.set_default_dtype(torch.float32)
    assert (inside[0].device.type, inside[0].dtype, inside[1]) == ("cpu", torch.float32, True)
    assert product.dtype == torch.float32
    assert (outside[0].device.type, outside[0].dtype, outside[1]) == ("meta", torch.float64, False)


@pytest.mark.parametrize("capabilities", [*NO_NEED, WITH_AVX512])
def test_products_stay_exact_until_the_last_of_several_threads_is_done(
    monkeypatch, capabilities, rounding_allowed
):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    matmul, plain = torch.backends.mkldnn.matmul, "ieee" if capabilities in NO_NEED else "bf16"
    first, second = devices.fast_float32(), devices.fast_float32()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert matmul.fp32_precision == plain
    second.__exit__(None, None, None)
    assert matmul.fp32_precision == rounding_allowed[0]


def precisions():
    """How torch multiplies float32 on this processor and on a GPU."""
    owners = torch.backends.mkldnn.matmul, torch.backends.cuda.matmul, torch.backends.cudnn.conv
    cudnn = torch.backends.cudnn
    return [*(owner.fp32_precision for owner in owners), cudnn.benchmark, cudnn.deterministic]


@pytest.fixture
def rounding_allowed():
    """As readers set torch for speed, and not as a run that is to be repeated wants it."""
    torch.set_float32_matmul_precision("medium")
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.conv.fp32_precision = "ieee"
    yield precisions()
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.conv.fp32_precision = "tf32"


@pytest.mark.parametrize("capabilities", NO_NEED)
def test_no_product_is_rounded_though_a_reader_has_allowed_it(
    monkeypatch, capabilities, rounding_allowed
):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    with devices.plain_torch(gradients=False):
        assert precisions() == ["ieee", "ieee", "tf32", False, True]
    assert precisions() == rounding_allowed == ["bf16", "tf32", "ieee", True, False]


USES = {
    "fit": fit,
    "mean_terms": lambda model: vaelib.mean_terms(model, BINARY),
    "log_likelihood": lambda model: vaelib.log_likelihood(model, BINARY, 2, device="cpu"),
    "iwae_bound": lambda model: vaelib.iwae_bound(model, BINARY, 2),
    "kl_per_dimension": lambda model: vaelib.kl_per_dimension(model, BINARY),
    "mean_variance": lambda model: vaelib.mean_variance(model, BINARY),
}


@pytest.mark.parametrize("use", USES)
def test_where_it_loses_nothing_onednn_multiplies_in_training_and_evaluation(monkeypatch, use):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: WITH_AVX512, raising=False)
    before = torch.backends.mkldnn.matmul.fp32_precision
    model = Watched(lambda: torch.backends.mkldnn.matmul.fp32_precision)
    USES[use](model)
    assert set(model.seen) == {"bf16"} != {before}
    assert torch.backends.mkldnn.matmul.fp32_precision == before


@pytest.fixture
def from_afar(monkeypatch):
    """A home for models that is not the device on which they are asked for."""
    home = torch.device("cuda:7")
    for module in (training, evaluation):
        monkeypatch.setattr(module, "device_of", lambda model: home)
    return [torch.device("cpu"), home]


def test_fit_sends_the_model_to_the_device_and_home_again(from_afar):
    model = Watched()
    fit(model)
    assert model.stops == from_afar


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_fit_sends_the_model_home_when_it_is_cut_off(from_afar, error):
    def stop(*_):
        raise error

    model = Watched()
    with pytest.raises(error) if error is ZeroDivisionError else pytest.warns(match="interrupted"):
        fit(model, after_epoch=stop)
    assert model.stops == from_afar


def test_log_likelihood_sends_the_model_to_the_device_and_home_again(from_afar):
    model = Watched()
    vaelib.log_likelihood(model, BINARY, 2, device="cpu")
    assert model.stops == from_afar
    broken = Watched(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        vaelib.log_likelihood(broken, BINARY, 2, device="cpu")
    assert broken.stops == from_afar


def test_bfloat16_rounds_the_products_of_training_and_not_those_of_the_test():
    seen = {}
    for precision in devices.PRECISIONS:
        model = Watched(lambda: torch.is_autocast_enabled("cpu"))
        history = fit(model, BINARY, precision=precision)
        weights = torch.cat([weight.detach().flatten() for weight in model.parameters()])
        seen[precision] = list(model.seen), history.train[0].elbo, weights
        assert history.test[0] == vaelib.mean_terms(model, BINARY)
    assert seen["float32"][0] == [False, False, False]
    assert seen["bfloat16"][0] == [True, True, False]  # two steps and the test
    assert 0 < abs(seen["float32"][1] - seen["bfloat16"][1]) < 0.1
    moved = (seen["float32"][2] - seen["bfloat16"][2]).abs().max()
    assert 1e-5 < moved < 0.1


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


def test_a_precision_that_is_unknown_is_named():
    with pytest.raises(ValueError, match=r"wanted precision as one of .* got 'float16'"):
        devices.autocast(torch.device("cpu"), "float16")


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.filterwarnings("ignore:.*CUDA is not available")
def test_factors_are_rounded_by_hand_on_a_cpu_alone(monkeypatch, native):
    monkeypatch.setattr(devices, "multiplies_bfloat16", lambda: native)
    found = {name: devices.autocast(torch.device(name), "bfloat16") for name in ("cpu", "cuda")}
    by_hand = isinstance(found["cpu"], devices._RoundedProducts)
    assert by_hand is not native
    assert isinstance(found["cuda"], torch.autocast)
    assert found["cuda"].fast_dtype == torch.bfloat16


def test_other_layers_are_cast_to_bfloat16_whatever_a_reader_has_chosen_for_autocast():
    before = torch.get_autocast_dtype("cpu")
    torch.set_autocast_dtype("cpu", torch.float16)
    try:
        assert devices._RoundedProducts()._cast.fast_dtype == torch.bfloat16
    finally:
        torch.set_autocast_dtype("cpu", before)


class Factors(TorchDispatchMode):
    """Notes the precision in which matrices are multiplied."""

    def __init__(self):
        super().__init__()
        self.kinds = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if "mm" in str(function):
            self.kinds.append(args[-1].dtype)
        return function(*args, **kwargs or {})


def test_by_hand_products_are_computed_in_float32(monkeypatch):
    monkeypatch.setattr(devices, "multiplies_bfloat16", lambda: False)
    x, w, bias = torch.rand(2, 3), torch.rand(4, 3), torch.rand(4)
    depth = torch._C._len_torch_function_stack()
    with devices.autocast(torch.device("cpu"), "bfloat16"), Factors() as factors:
        out = torch.nn.functional.linear(x, w, bias=bias)
    assert torch._C._len_torch_function_stack() == depth
    assert factors.kinds == [torch.float32]
    assert out.dtype == torch.bfloat16
    exact = torch.nn.functional.linear(*(part.bfloat16().double() for part in (x, w, bias)))
    torch.testing.assert_close(out, exact.bfloat16())


@pytest.mark.parametrize("answer", [True, False])
def test_onednn_says_whether_it_multiplies_bfloat16(monkeypatch, answer):
    mkldnn = types.SimpleNamespace(_is_mkldnn_bf16_supported=lambda: answer)
    monkeypatch.setattr(torch.ops, "mkldnn", mkldnn)
    assert devices.multiplies_bfloat16() is answer
    monkeypatch.setattr(torch.ops, "mkldnn", types.SimpleNamespace())
    assert devices.multiplies_bfloat16()


def test_auto_takes_a_gpu_if_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert devices.pick_device() == torch.device("cuda")


def test_to_look_for_a_gpu_leaves_the_reader_s_warnings_as_they_were(monkeypatch):
    def warn():
        warnings.warn("the driver is too old", stacklevel=1)
        return False

    monkeypatch.setattr(torch.cuda, "is_available", warn)
    before = list(warnings.filters)
    assert devices.pick_device() == torch.device("cpu")
    assert list(warnings.filters) == before


@pytest.mark.parametrize("error", [RuntimeError, AssertionError, TypeError])
def test_a_device_that_torch_refuses_in_whatever_way_is_named(monkeypatch, error):
    def refuse(*_, **__):
        raise error("torch is not compiled with it")

    monkeypatch.setattr(torch, "zeros", refuse)
    with pytest.raises(ValueError, match=r"wanted device as .* got 'cuda'"):
        devices.pick_device("cuda")


class Lock:
    """Notes whether it is held."""

    held, times = False, 0

    def __enter__(self):
        self.held, self.times = True, self.times + 1

    def __exit__(self, *error):
        self.held = False


def test_a_switch_of_the_process_is_moved_by_one_thread_at_a_time():
    held = []
    switch = devices._Switch(lambda: "before", lambda value: held.append(switch.lock.held))
    switch.lock = Lock()
    with switch.set_to("after"):
        assert not switch.lock.held
    assert held == [True, True]


def test_memory_that_does_not_suffice_says_what_to_lower():
    with pytest.raises(MemoryError, match="does not suffice: lower batch_size"):  # noqa: SIM117
        with devices.memory_advice("batch_size"):
            torch.empty(10**15)
    with pytest.raises(MemoryError, match="lower num_samples"):  # noqa: SIM117
        with devices.memory_advice("num_samples"):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 TiB")


SIGNS = ["CUDA out of memory", "DefaultCPUAllocator: can't allocate memory", "not enough memory: 9"]


@pytest.mark.parametrize("error", [MemoryError(), *map(RuntimeError, SIGNS)])
def test_every_way_to_run_out_of_memory_is_known(error):
    with pytest.raises(MemoryError, match="lower chunk"), devices.memory_advice("chunk"):
        raise error


def test_other_errors_pass_as_they_are():
    with pytest.raises(RuntimeError, match="must match"), devices.memory_advice("batch_size"):
        torch.zeros(2) + torch.zeros(3)


class Libc:
    """In place of the C library: notes what is set."""

    def __init__(self):
        self.calls = []

    def mallopt(self, parameter, value):
        self.calls.append((parameter, value))

    def malloc_trim(self, pad):
        self.calls.append(pad)


THRESHOLDS = {"M_TRIM_THRESHOLD": -1, "M_MMAP_THRESHOLD": -3}  # malloc.h


def limits(large, spare):
    """The calls that set up to which size blocks are kept, and how much in all, in MiB."""
    sizes = {"M_MMAP_THRESHOLD": large, "M_TRIM_THRESHOLD": spare}
    return [*((THRESHOLDS[name], size * 1024**2) for name, size in sizes.items()), 0]


def test_memory_is_kept_inside_fit_and_given_back_after_it(monkeypatch):
    libc, names = Libc(), []
    monkeypatch.setattr(devices.ctypes, "CDLL", lambda name: names.append(name) or libc)
    model = Watched(lambda: list(libc.calls))
    fit(model)
    assert set(names) == {"libc.so.6"}
    assert model.seen == [limits(64, 256)] * 2
    assert libc.calls == limits(64, 256) + limits(32, 64)


def test_keeping_memory_is_harmless_where_it_cannot_be_asked_for(monkeypatch):
    with devices.freed_memory_kept():
        pass

    def missing(name):
        raise OSError(name)

    monkeypatch.setattr(devices.ctypes, "CDLL", missing)
    with devices.freed_memory_kept():
        pass


def test_another_c_library_keeps_memory_in_its_own_way(monkeypatch):
    monkeypatch.setattr(devices.ctypes, "CDLL", lambda name: object())
    with devices.freed_memory_kept():
        pass


def test_a_machine_is_told_by_what_results_depend_on(monkeypatch):
    monkeypatch.setattr(devices, "_processor", lambda: "Some Processor")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(
        os, "sched_getaffinity", lambda process: {0: [3, 5]}[process], raising=False
    )
    known = {
        "processor": "Some Processor",
        "cores": 2,
        "threads": torch.get_num_threads(),
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
    assert devices.machine() == known
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Some GPU")
    assert devices.machine() == known | {"gpu": "Some GPU"}
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert devices.machine()["cores"] == 7


CPUINFO = "processor\t: 0\nmodel name\t: Some Processor: fast \nmodel name\t: another\n"


def test_a_processor_is_told_by_the_system_s_own_name_for_it(monkeypatch, tmp_path):
    (tmp_path / "cpuinfo").write_text(CPUINFO)
    monkeypatch.setattr(devices, "Path", {"/proc/cpuinfo": tmp_path / "cpuinfo"}.get)
    monkeypatch.setattr(platform, "processor", lambda: "i386")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    assert devices._processor() == "Some Processor: fast"
    (tmp_path / "cpuinfo").write_text("processor\t: 0\n")
    assert devices._processor() == "i386"
    (tmp_path / "cpuinfo").unlink()
    monkeypatch.setattr(platform, "processor", str)
    assert devices._processor() == "x86_64"
