"""What readers set in torch beforehand changes nothing, or is refused by name."""

import contextlib
import copy
import warnings

import pytest
import torch
import torch.utils.checkpoint
from torch.optim.swa_utils import AveragedModel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import vaelib
from vaelib import devices, networks

torch.manual_seed(0)
IMAGES = 0.3 * torch.rand(40, 1, 4, 4)
BINARY = (IMAGES > 0.2).float()


def small_model():
    torch.manual_seed(0)
    return vaelib.VAE(16, 8, 2)


def fit(model, **options):
    settings = {"epochs": 2, "batch_size": 16, "progress": False, "device": "cpu"} | options
    return vaelib.fit(model, IMAGES, IMAGES, **settings)


def weights(model):
    return torch.cat([weight.detach().flatten().cpu() for weight in model.parameters()])


def scores(model) -> list:
    """What every function says of a model that only looks at it."""
    generator = torch.Generator("cpu")
    posterior = vaelib.grid_posterior(model, BINARY[:2], side=40)
    found = vaelib.log_likelihood(model, BINARY, 5, device="cpu")
    return [
        vaelib.mean_terms(model, IMAGES, 3),
        vaelib.rate_distortion(model, IMAGES),
        (found.mean, found.mean_error, found.sampling_error),
        found.estimate.tolist(),
        vaelib.iwae_bound(model, BINARY, 3, generator.manual_seed(0)).tolist(),
        vaelib.kl_per_dimension(model, IMAGES).tolist(),
        vaelib.active_units(model, IMAGES).tolist(),
        posterior.log_likelihood.tolist(),
        [part.tolist() for part in posterior.best_gaussian(3)],
    ]


@contextlib.contextmanager
def setting(write, value, before):
    write(value)
    try:
        yield
    finally:
        write(before)


STATES = {
    "meta": lambda: setting(torch.set_default_device, "meta", None),
    "a GPU that is not here": lambda: setting(torch.set_default_device, "cuda:9", None),
    "with torch.device": lambda: torch.device("meta"),
    "float64": lambda: setting(torch.set_default_dtype, torch.float64, torch.float32),
    "float16": lambda: setting(torch.set_default_dtype, torch.float16, torch.float32),
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "gradients off": lambda: setting(torch.set_grad_enabled, False, True),
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "deterministic": lambda: setting(torch.use_deterministic_algorithms, True, False),
    "medium": lambda: setting(torch.set_float32_matmul_precision, "medium", "highest"),
}


@pytest.fixture(scope="module")
def plain():
    """The weights, the history and the scores where nothing was set."""
    model = small_model()
    history = fit(model)
    return weights(model), history, scores(model)


@pytest.mark.parametrize("state", STATES)
def test_what_is_set_in_torch_changes_nothing(state, plain, tmp_path):
    model, other, path = small_model(), small_model(), tmp_path / "model.safetensors"
    with STATES[state]():
        history = fit(model, checkpoint=tmp_path / "run")
        again = fit(other, checkpoint=tmp_path / "run")
        found = scores(model)
        vaelib.save(model, path)
        loaded = vaelib.load(path)
    assert torch.equal(weights(model), plain[0])
    assert history.train == again.train == plain[1].train
    assert history.test == again.test == plain[1].test
    assert found == plain[2]
    assert torch.equal(weights(loaded), plain[0])
    assert all(weight.requires_grad and not weight.is_inference() for weight in loaded.parameters())


def test_anomaly_detection_changes_nothing(plain):
    model = small_model()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch says that it is slow
        with torch.autograd.set_detect_anomaly(True):
            fit(model)
    assert torch.equal(weights(model), plain[0])


def test_the_callback_runs_in_the_reader_s_own_state():
    seen = []

    def after_epoch(*_):
        seen.append((torch.get_default_dtype(), torch.is_grad_enabled(), torch.empty(1).device))

    model, state = small_model(), setting(torch.set_default_dtype, torch.float64, torch.float32)
    with state, torch.no_grad(), torch.device("meta"):
        fit(model, epochs=1, after_epoch=after_epoch)
    assert seen == [(torch.float64, False, torch.device("meta"))]


def test_a_switch_that_two_threads_set_is_put_back_by_the_last():
    value = ["before"]
    switch = devices._Switch(lambda: value[0], lambda new: value.__setitem__(0, new))
    first, second = switch.set_to("set"), switch.set_to("set")
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert value == ["set"]
    second.__exit__(None, None, None)
    assert value == ["before"]


def test_a_value_that_is_as_good_stays_and_a_second_thread_holds_it_as_well():
    value = ["before"]
    switch = devices._Switch(lambda: value[0], lambda new: value.__setitem__(0, new))
    with switch.set_to("set", "before"):
        assert value == ["before"]
    first, second = switch.set_to("set", "good"), switch.set_to("set", "good")
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert value == ["set"]
    second.__exit__(None, None, None)
    assert value == ["before"]


WRAPPERS = {
    "compiled": lambda model: torch.compile(model, backend="eager"),
    "parallel": torch.nn.DataParallel,
    "compiled parallel": lambda model: torch.compile(torch.nn.DataParallel(model), backend="eager"),
    "averaged": AveragedModel,
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_what_is_in_a_wrapper_is_trained_scored_and_saved(wrapper, plain, tmp_path):
    wrapped, path, seen = WRAPPERS[wrapper](small_model()), tmp_path / "model.safetensors", []
    wrapped.cpu()  # DataParallel moves to a GPU where there is one
    history = fit(wrapped, after_epoch=lambda model, _: seen.append(model is wrapped))
    assert seen == [True, True]
    assert torch.equal(weights(wrapped), plain[0])
    assert history.train == plain[1].train
    assert scores(wrapped) == plain[2]
    vaelib.save(wrapped, path)
    assert torch.equal(weights(vaelib.load(path)), plain[0])
    torch.testing.assert_close(
        vaelib.elbo(wrapped, IMAGES, 2, torch.Generator().manual_seed(0)),
        vaelib.elbo(vaelib.load(path), IMAGES, 2, torch.Generator().manual_seed(0)),
    )


def test_a_wrapped_autoencoder_has_no_kl_either():
    model = torch.nn.DataParallel(vaelib.Autoencoder(16, 8, 2))
    assert fit(model).test[-1].kl == 0
    assert vaelib.mean_terms(model, IMAGES[:2]).kl == 0


def test_a_model_that_compiles_itself_is_as_it_was(plain):
    model = small_model()
    model.compile(backend="eager")
    fit(model)
    assert torch.equal(weights(model), plain[0])


def quantized():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch says that it goes elsewhere
        return torch.ao.quantization.quantize_dynamic(small_model())


def traced():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch says that it is old
        return torch.jit.trace(small_model(), IMAGES, check_trace=False)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: small_model().to("meta"), "in memory, got one on the meta device"),
        (quantized, "got a VAE without parameters: give the model from before"),
        (traced, "pixels, parameters, got a TopLevelTracedModule"),
        (lambda: torch.nn.Linear(16, 2), "pixels, parameters, got a Linear"),
        (lambda: torch.nn.DataParallel(torch.nn.Linear(16, 2)), "got a DataParallel"),
        (lambda: "vae-2d", "pixels, parameters, got a str"),
    ],
)
def test_what_cannot_be_scored_or_trained_is_named(model, message):
    model = model()
    for use in (
        fit,
        lambda model: vaelib.mean_terms(model, IMAGES),
        lambda model: vaelib.log_likelihood(model, BINARY, 2),
        lambda model: vaelib.elbo(model, IMAGES),
        lambda model: vaelib.iwae_bound(model, BINARY, 2),
        lambda model: vaelib.kl_per_dimension(model, IMAGES),
        lambda model: vaelib.grid_posterior(model, BINARY),
    ):
        with pytest.raises(ValueError, match=message):
            use(model)


def distributed():
    model = torch.nn.parallel.DistributedDataParallel.__new__(
        torch.nn.parallel.DistributedDataParallel
    )
    torch.nn.Module.__init__(model)  # its own would ask for other processes
    model.module = small_model()
    return model


def inference_model():
    with torch.inference_mode():
        return small_model()


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: small_model().requires_grad_(False), "weights are all frozen"),
        (lambda: small_model().half(), r"got torch\.float16, .*call model\.float"),
        (lambda: small_model().bfloat16(), r"got torch\.bfloat16, .*precision=.bfloat16."),
        (distributed, "got a DistributedDataParallel, .* give its .module to one process"),
        (inference_model, "got some made under torch.inference_mode"),
    ],
)
def test_weights_that_cannot_be_trained_are_named_and_stay(model, message):
    model = model()
    before = weights(model).clone()
    with pytest.raises(ValueError, match=message):
        fit(model)
    assert torch.equal(weights(model), before)


@pytest.mark.parametrize("precision", [torch.float64, torch.float16, torch.bfloat16])
def test_a_model_of_another_precision_scores_as_in_float32(precision, plain):
    model = small_model()
    fit(model)
    found, tolerance = scores(model.to(precision)), 1e-5 if precision == torch.float64 else 0.03
    assert found[1].rate == pytest.approx(plain[2][1].rate, rel=tolerance, abs=tolerance)
    assert found[1].distortion == pytest.approx(plain[2][1].distortion, rel=0.03)
    for index in (2, 3, 4, 5, 7):
        found_part = torch.tensor(found[index], dtype=torch.float64)
        assert found_part.isfinite().all()
        if index in (5, 7):  # no draws, which differ from one precision to the next
            expected = torch.tensor(plain[2][index], dtype=torch.float64)
            torch.testing.assert_close(found_part, expected, rtol=tolerance, atol=tolerance)


def test_images_made_in_inference_mode_will_do(plain):
    with torch.inference_mode():
        images = IMAGES.clone()
    model = small_model()
    settings = {"epochs": 2, "batch_size": 16, "progress": False, "device": "cpu"}
    vaelib.fit(model, images, images, **settings)
    assert torch.equal(weights(model), plain[0])
    with torch.inference_mode():
        slopes = vaelib.gradients.pathwise(lambda z: z.sum(1), torch.zeros(2), torch.ones(2), 3)
    assert slopes.mu.tolist() == [[1, 1]] * 3


@pytest.mark.parametrize("frozen", ["encoder", "decoder", "encoder.0.weight", "decoder.2.bias"])
def test_what_is_frozen_stays_and_the_rest_is_trained(frozen):
    model = small_model()
    for name, weight in model.named_parameters():
        weight.requires_grad_(not name.startswith(frozen))
        weight.grad = torch.ones_like(weight)  # of an earlier loop
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    fit(model, encoder_rate=0.5)
    for name, weight in model.named_parameters():
        is_frozen = name.startswith(frozen)
        assert torch.equal(weight, before[name]) == is_frozen
        assert weight.requires_grad != is_frozen
        assert not is_frozen or (weight.grad == 1).all()


def with_norm_and_dropout():
    torch.manual_seed(0)
    model = vaelib.VAE(16, 8, 2)
    model.encoder.insert(1, torch.nn.BatchNorm1d(8))
    model.encoder.insert(2, torch.nn.Dropout(0.5))
    return model


def test_the_buffers_of_a_frozen_layer_stay_too():
    model = with_norm_and_dropout()
    model.encoder[1].requires_grad_(False)
    before = copy.deepcopy(model.encoder[1].state_dict())
    fit(model)
    after = model.encoder[1].state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert model.encoder[1].training
    free = with_norm_and_dropout()
    fit(free)
    assert not torch.equal(free.encoder[1].running_mean, before["running_mean"])


@pytest.mark.parametrize("mode", [True, False])
def test_scores_are_of_the_whole_network_and_leave_its_modes(mode):
    model = with_norm_and_dropout().train(mode)
    model.encoder[0].train(not mode)
    modes = [layer.training for layer in model.modules()]
    buffers = model.encoder[1].running_mean.clone()
    first, second = vaelib.mean_terms(model, IMAGES), vaelib.mean_terms(model, IMAGES)
    assert first == second  # nothing is dropped out
    vaelib.log_likelihood(model, BINARY, 2)
    vaelib.kl_per_dimension(model, IMAGES)
    assert torch.equal(model.encoder[1].running_mean, buffers)
    fit(model)
    assert [layer.training for layer in model.modules()] == modes


class WithoutFloat64(TorchDispatchMode):
    """As on Apple's GPUs: no tensor of float64 can be made."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        kinds = {leaf.dtype for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)}
        assert torch.float64 not in kinds, function
        return result


def test_no_float64_is_asked_of_the_device(tmp_path):
    with WithoutFloat64():
        model = small_model()
        for _ in range(2):
            fit(model, checkpoint=tmp_path / "run")
        fit(small_model(), objective="iwae", num_samples=2, binarize="dynamic")
        vaelib.elbo(model, IMAGES, 3).mean().backward()
        vaelib.active_units(model, IMAGES)
        scores(model)
        vaelib.save(model, tmp_path / "model.safetensors")
        vaelib.load(tmp_path / "model.safetensors").sample(3)


def test_casting_is_asked_for_only_where_it_is_wanted(monkeypatch):
    asked = []
    monkeypatch.setattr(torch, "autocast", lambda *a, **options: asked.append((a, options)))
    devices.autocast(torch.device("mps"), "float32")
    assert asked == [(("mps",), {"enabled": False})]  # bfloat16 is an error on older ones


def test_the_global_generator_is_left_alone():
    model = small_model()
    state = torch.get_rng_state()
    fit(model)
    scores(model)
    assert torch.equal(state, torch.get_rng_state())


def test_a_wrapper_s_name_in_a_model_of_one_s_own_is_no_wrapper():
    class Own(vaelib.VAE):
        def __init__(self):
            super().__init__(16, 8, 2)
            self.module = torch.nn.Linear(1, 1)

    own = Own()
    assert networks.unwrapped(own) is own


class Checkpointed(torch.nn.Module):
    """A layer whose activations are computed again on the way back, in torch's older way."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(12, 4)

    def forward(self, images):
        rows = images.flatten(1).requires_grad_()
        return torch.utils.checkpoint.checkpoint(self.layer, rows, use_reentrant=True)


def test_weights_inside_a_reentrant_checkpoint_are_trained():
    model = vaelib.VAE(Checkpointed(), torch.nn.Linear(2, 12), image_shape=(1, 3, 4))
    before = [weight.detach().clone() for weight in model.parameters()]
    vaelib.fit(model, torch.rand(8, 1, 3, 4), epochs=1, progress=False, device="cpu")
    for weight, old in zip(model.parameters(), before, strict=True):
        assert not torch.equal(weight, old)


def test_hooks_on_weights_see_every_gradient():
    model, seen = vaelib.VAE(12, 6, 2), []
    for weight in model.parameters():
        weight.register_post_accumulate_grad_hook(lambda weight: seen.append(weight.shape))
    vaelib.fit(model, torch.rand(8, 12), epochs=1, batch_size=4, progress=False, device="cpu")
    assert len(seen) == 2 * len(list(model.parameters()))
