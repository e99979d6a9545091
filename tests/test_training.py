"""What `fit` promises: it learns, it repeats, it survives what goes wrong."""

import dataclasses
import time
import warnings

import pytest
import torch

import vaelib
from vaelib import optimizing, resuming, training

# Images of ink in the left or in the right half: one bit for the code to find.
LEFT = torch.tensor([1.0, 1.0, 0.0, 0.0]).expand(32, 1, 3, 4)
DATA = vaelib.ImageDataset(torch.cat([LEFT, 1 - LEFT]), torch.arange(64) // 32)


def small_model():
    torch.manual_seed(0)
    return vaelib.VAE(12, 16, 2)


def fit(model, data=DATA, test=DATA, **options):
    settings = {"epochs": 3, "batch_size": 10, "progress": False, "device": "cpu"} | options
    return vaelib.fit(model, data, test, **settings)


def weights(model):
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def test_training_raises_the_elbo():
    history = fit(small_model(), epochs=20)
    assert history.test[-1].elbo > history.test[0].elbo + 0.5
    assert repr(history) == "History(20 epochs)"


def test_an_autoencoder_trains_too():
    torch.manual_seed(0)
    history = fit(vaelib.Autoencoder(12, 16, 2), epochs=20)
    assert history.test[-1].reconstruction > history.test[0].reconstruction + 0.5
    assert history.test[-1].kl == 0


def test_the_same_seed_gives_the_same_weights_to_the_last_bit():
    runs = []
    for seed in (1, 1, 2):
        model = small_model()
        fit(model, seed=seed)
        runs.append(weights(model))
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


def test_training_leaves_the_global_generator_alone():
    model = small_model()
    state = torch.get_rng_state()
    fit(model)
    assert torch.equal(state, torch.get_rng_state())


def test_after_epoch_sees_the_model_and_the_history_grow():
    model, seen = small_model(), []

    def after_epoch(trained, history):
        assert trained is model
        seen.append((len(history.train), weights(trained)))

    fit(model, after_epoch=after_epoch)
    assert [count for count, _ in seen] == [1, 2, 3]
    assert torch.equal(seen[-1][1], weights(model))
    assert not torch.equal(seen[0][1], seen[1][1])


def test_an_untrained_decoder_begins_at_the_mean_image_and_a_trained_one_stays():
    started, plain = small_model(), small_model()
    fit(started, epochs=1, learning_rate=1e-30)
    fit(plain, epochs=1, learning_rate=1e-30, mean_bias=False)
    mean = DATA.images.mean(0).flatten()
    torch.testing.assert_close(started.decoder[-1].bias.sigmoid(), mean.clamp(0.001, 0.999))
    assert torch.equal(plain.decoder[-1].bias, small_model().decoder[-1].bias)
    torch.manual_seed(0)
    gaussian = vaelib.VAE(12, 16, 2, likelihood="gaussian")
    fit(gaussian, epochs=1, learning_rate=1e-30)
    assert torch.equal(gaussian.decoder[-1].bias, plain.decoder[-1].bias)
    with torch.no_grad():
        plain.decoder[-1].bias[0] = 3.0
    fit(plain, epochs=1, learning_rate=1e-30)
    assert plain.decoder[-1].bias[0] == 3


def test_bfloat16_trains_as_well_and_leaves_float32_weights():
    model = small_model()
    history = fit(model, epochs=20, precision="bfloat16")
    assert history.test[-1].elbo > history.test[0].elbo + 0.5
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


@pytest.mark.slow
def test_the_importance_weighted_bound_is_what_iwae_training_raises():
    generator, bounds = torch.Generator(), {}
    for objective in ("elbo", "iwae"):
        model = small_model()
        history = fit(model, epochs=40, objective=objective, num_samples=20, learning_rate=0.03)
        bound = vaelib.iwae_bound(model, DATA.images, 20, generator.manual_seed(0)).mean()
        bounds[objective] = (bound, history.test[-1].elbo)
    assert bounds["iwae"][0] > bounds["elbo"][0] + 0.001
    assert bounds["iwae"][1] < bounds["elbo"][1]  # the price: a looser ELBO


def test_one_importance_weighted_draw_gives_the_gradient_of_the_elbo_on_average():
    model = small_model().double()
    images = DATA.images[[0, 40]].double().expand(2, 1, 3, 4).repeat(20_000, 1, 1, 1)
    gradients = []
    for seed, objective in enumerate((training.elbo_loss, training.iwae_loss)):
        generator = torch.Generator().manual_seed(seed)
        loss, _ = objective(model, images, training.Settings(), generator)
        gradients.append(
            torch.cat([g.flatten() for g in torch.autograd.grad(loss, [*model.parameters()])])
        )
    assert (gradients[0] - gradients[1]).norm() < 0.02 * gradients[0].norm()


def test_dynamic_binarization_draws_every_batch_anew_and_the_test_images_once(monkeypatch):
    seen = []
    original = training.training_terms

    def watched(model, images, *arguments, **options):
        seen.append(images)
        return original(model, images, *arguments, **options)

    monkeypatch.setattr(training, "training_terms", watched)
    grey = torch.full((30, 12), 0.5)
    fit(small_model(), grey, grey, batch_size=30, binarize="dynamic")
    assert all(vaelib.data.is_binary(images) for images in seen)
    trained, tested = seen[::2], seen[1::2]
    assert not torch.equal(trained[0], trained[1])
    assert torch.equal(tested[0], tested[1])
    assert torch.equal(tested[0], vaelib.binarize_once(grey, seed=0))


def test_grey_and_binary_images_are_never_mixed():
    grey = torch.rand(8, 12)
    with pytest.raises(ValueError, match="of one kind, got grey and black and white ones"):
        fit(small_model(), grey, grey.round())
    with pytest.raises(ValueError, match="wanted grey images, got images that are 0 or 1 already"):
        fit(small_model(), DATA, binarize="dynamic")


def test_history_has_the_seconds_of_every_epoch():
    before = time.perf_counter()
    history = fit(small_model())
    assert len(history.seconds) == 3
    assert 0 < sum(history.seconds) <= time.perf_counter() - before


def test_history_has_the_terms_of_every_epoch():
    model = small_model()
    history = fit(model)
    assert len(history.train) == len(history.test) == len(history.seconds) == 3
    assert history.test[-1] == vaelib.mean_terms(model, DATA.images, seed=0)
    assert history.stopped is None


def test_a_test_set_is_optional():
    history = fit(small_model(), test=None)
    assert history.test == []
    assert len(history.train) == 3


def test_a_tensor_of_images_will_do():
    model, same = small_model(), small_model()
    fit(model)
    fit(same, DATA.images, DATA.images)
    assert torch.equal(weights(model), weights(same))


def test_beta_weighs_the_kl():
    kls = [fit(small_model(), epochs=20, beta=beta).test[-1].kl for beta in (0.0, 1.0, 50.0)]
    assert kls[0] > kls[1] > kls[2]


def test_learning_rate_rises_for_a_quarter_and_falls_to_nothing():
    factors = [training.warm_up_and_decay(100)(step) for step in range(101)]
    assert factors[0] == pytest.approx(1 / 25)
    assert factors[24] == factors[25] == 1
    assert factors[100] == 0
    assert max(factors) == 1


def test_a_constant_learning_rate_stays_where_it_is():
    model, rates = small_model(), []
    step = optimizing.Adam.step

    def noted(self, rate):
        rates.append(rate)
        return step(self, rate)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(optimizing.Adam, "step", noted)
        fit(model, schedule="constant", learning_rate=0.003)
    assert set(rates) == {0.003}


@pytest.mark.parametrize("factor", [1.0, 0.25])
def test_adam_is_that_of_torch(factor):
    """Also for a weight that has no gradient in some steps, and one that never has one."""
    ours, theirs = small_model(), small_model()
    settings = vaelib.Settings(betas=(0.8, 0.97), encoder_rate=factor)
    optimizer, rates = optimizing.Adam(ours, settings), [0.1, 0.02, 0.003, 0.05]
    groups = [
        {"params": list(part.parameters()), "factor": share}
        for part, share in ((theirs.encoder, factor), (theirs.decoder, 1.0))
    ]
    oracle = torch.optim.Adam(groups, betas=settings.betas)
    generator = torch.Generator().manual_seed(0)
    for number, rate in enumerate(rates):
        gradients = [torch.randn(w.shape, generator=generator) for w in optimizer.weights]
        gradients[0] = None
        if number == 1:
            gradients[-1] = None
        for weight, gradient in zip(optimizer.weights, gradients, strict=True):
            weight.grad = gradient
        optimizer.step(rate)
        for group in oracle.param_groups:
            group["lr"] = rate * group["factor"]
        for weight, gradient in zip(theirs.parameters(), gradients, strict=True):
            weight.grad = gradient
        oracle.step()
    torch.testing.assert_close(weights(ours), weights(theirs), rtol=1e-5, atol=1e-7)


def test_gradients_that_are_left_from_before_do_not_count():
    model, other = small_model(), small_model()
    model.encoder[0].weight.grad = torch.full_like(model.encoder[0].weight, 7.0)
    fit(model, epochs=1)
    fit(other, epochs=1)
    assert torch.equal(weights(model), weights(other))


def test_the_encoder_can_learn_at_a_rate_of_its_own():
    torch.manual_seed(0)
    model = small_model()
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    step = {"epochs": 1, "batch_size": len(DATA.images), "schedule": "constant"}
    fit(model, **step, learning_rate=0.01, encoder_rate=0.25, mean_bias=False)
    for name, weight in model.named_parameters():
        moved = (weight - before[name]).abs().max().item()  # Adam's first step is the rate itself
        assert moved == pytest.approx(0.0025 if name.startswith("encoder") else 0.01, rel=1e-3)


def test_fit_says_what_it_chose():
    history = fit(small_model(), batch_size=None, epochs=5)
    expected = vaelib.Settings(5, 128, 0.05, encoder_rate=0.25)
    assert history.settings == expected
    assert fit(small_model(), settings=expected, batch_size=128, epochs=5).test == history.test


@pytest.mark.parametrize(
    ("epochs", "hidden_dim", "batch_size", "rate"),
    [(2, 400, 128, 0.0234), (5, 400, 128, 0.0178), (20, 400, 256, 0.0145), (20, 100, 256, 0.0289)],
)
def test_the_rate_falls_with_the_steps_and_the_width(epochs, hidden_dim, batch_size, rate):
    model, settings = vaelib.VAE(784, hidden_dim, 2), vaelib.Settings(epochs)
    found = optimizing.completed(settings, model, 60_000)
    assert found.batch_size == batch_size
    assert found.learning_rate == pytest.approx(rate, rel=0.005)
    assert found.encoder_rate == 0.25


def test_what_is_given_is_left_as_it_is():
    for changes in ({"batch_size": 7}, {"learning_rate": 0.002}, {"encoder_rate": 0.5}):
        found = optimizing.completed(vaelib.Settings(**changes), small_model(), 64)
        assert {name: getattr(found, name) for name in changes} == changes
    assert (
        optimizing.completed(vaelib.Settings(learning_rate=1), small_model(), 9).encoder_rate == 1
    )


def test_networks_of_another_kind_take_a_usual_rate():
    deep, convolutional = vaelib.VAE(784, (64, 32), 2), vaelib.ConvolutionalVAE((1, 4, 4), (3,), 2)
    logistic = vaelib.VAE(12, 16, 2, "discretized_logistic")
    rates = {deep: 0.01, logistic: 0.01, convolutional: 0.005, vaelib.LinearVAE(12, 2): 0.01}
    for model, rate in rates.items():
        found = optimizing.completed(vaelib.Settings(), model, 64)
        assert (found.learning_rate, found.encoder_rate) == (rate, 1)


def test_betas_are_those_of_adam():
    runs = []
    for betas in ((0.9, 0.95), (0.9, 0.999)):
        model = small_model()
        fit(model, betas=betas)
        runs.append(weights(model))
    assert not torch.equal(*runs)


def test_mean_terms_are_the_means_of_elbo_terms():
    model = small_model()
    mean = vaelib.mean_terms(model, DATA.images, num_samples=3, seed=4)
    terms = vaelib.elbo_terms(model, DATA.images, 3, torch.Generator().manual_seed(4))
    assert mean.reconstruction == pytest.approx(terms.reconstruction.mean().item(), rel=1e-6)
    assert mean.kl == pytest.approx(terms.kl.mean().item(), rel=1e-6)


def test_ctrl_c_keeps_the_model_and_the_history(monkeypatch):
    model, calls = small_model(), []

    def interrupted(*arguments, **options):
        calls.append(1)
        if len(calls) == 10:  # in the second epoch of seven steps
            raise KeyboardInterrupt
        return original(*arguments, **options)

    original = training.training_terms
    before = weights(model).clone()
    monkeypatch.setattr(training, "training_terms", interrupted)
    with pytest.warns(UserWarning, match="interrupted after 1 of 3 epochs: the model keeps"):
        history = fit(model, test=None)
    assert len(history.train) == 1
    assert history.stopped == "interrupted after 1 of 3 epochs"
    assert not torch.equal(before, weights(model))
    assert torch.isfinite(weights(model)).all()


def test_a_loss_that_is_not_finite_stops_training_and_says_where(monkeypatch):
    model = small_model()
    original, calls = training.training_terms, []

    def diverging(*arguments, **options):
        calls.append(1)
        terms = original(*arguments, **options)
        return terms._replace(kl=terms.kl * (torch.inf if len(calls) == 10 else 1))

    monkeypatch.setattr(training, "training_terms", diverging)
    message = r"not finite in epoch 2 \(.*: (nan|inf)\): lower learning_rate"
    with pytest.raises(vaelib.TrainingDiverged, match=message) as info:
        fit(model, test=None)
    assert len(info.value.history.train) == 1


def test_a_learning_rate_far_too_large_diverges():
    with pytest.raises(vaelib.TrainingDiverged, match=r"now 1e\+06") as caught:
        fit(small_model(), epochs=50, learning_rate=1e6)
    history = caught.value.history
    assert history.stopped == str(caught.value)
    assert repr(history).endswith(f"epochs, stopped: {caught.value})")


@pytest.mark.parametrize("test", [None, DATA], ids=["untested", "tested"])
def test_a_model_that_the_last_step_breaks_is_not_passed_off_as_trained(test):
    with pytest.raises(vaelib.TrainingDiverged, match="not finite in epoch 1") as info:
        fit(small_model(), test=test, epochs=1, batch_size=64, learning_rate=1e38)
    assert info.value.history.train == []


@pytest.mark.parametrize("moment", ["test terms", "progress bar"])
def test_ctrl_c_between_epochs_leaves_a_history_that_plots(monkeypatch, moment):
    original, calls = training.mean_terms, []

    def interrupted(*arguments, **options):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(*arguments, **options)

    if moment == "test terms":
        monkeypatch.setattr(training, "mean_terms", interrupted)
    else:
        monkeypatch.setattr(training.tqdm, "set_postfix_str", interrupted)
        original = training.tqdm.clear
    with pytest.warns(UserWarning, match="interrupted"):
        history = fit(small_model())
    assert len(history.train) == len(history.test) == len(history.seconds)
    assert vaelib.plots.training_curves(history).axes


def test_the_model_returns_to_its_device_and_auto_finds_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    model = small_model()
    fit(model, device="auto")
    assert {parameter.device.type for parameter in model.parameters()} == {"cpu"}


def test_a_driver_too_old_for_torch_means_the_cpu_without_a_warning(monkeypatch):
    def warn():
        warnings.warn("the NVIDIA driver on your system is too old", stacklevel=2)
        return False

    monkeypatch.setattr(torch.cuda, "is_available", warn)
    assert training.pick_device() == torch.device("cpu")


@pytest.mark.parametrize("name", ["epochs", "batch_size", "num_samples"])
@pytest.mark.parametrize("value", [0, -1, 2.5])
def test_counts_below_one_are_errors(name, value):
    with pytest.raises(ValueError, match=f"wanted {name} as an integer of 1 or more, got {value}"):
        fit(small_model(), **{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learning_rate", 0),
        ("learning_rate", float("nan")),
        ("encoder_rate", 0),
        ("beta", -1),
        ("beta", float("inf")),
    ],
)
def test_settings_out_of_range_are_errors(name, value):
    with pytest.raises(ValueError, match=f"wanted {name} .* finite, got {value}"):
        fit(small_model(), **{name: value})


@pytest.mark.parametrize("name", ["objective", "binarize", "precision", "schedule"])
def test_a_choice_that_there_is_not_names_those_there_are(name):
    with pytest.raises(ValueError, match=rf"wanted {name} as one of \(.*, got 'both'"):
        fit(small_model(), **{name: "both"})


@pytest.mark.parametrize("betas", [0.9, (0.9,), (0.9, 1.0), (-0.1, 0.9)])
def test_betas_that_adam_cannot_take_are_errors(betas):
    with pytest.raises(ValueError, match=r"wanted betas as two numbers in \[0, 1\), got"):
        fit(small_model(), betas=betas)


def test_the_importance_weighted_bound_has_no_beta():
    with pytest.raises(ValueError, match='wanted beta of 1 with the objective "iwae", got 2'):
        fit(small_model(), objective="iwae", beta=2.0)


def test_an_autoencoder_has_no_importance_weights():
    with pytest.raises(ValueError, match='wanted a VAE for the objective "iwae"'):
        fit(vaelib.Autoencoder(12, 16, 2), objective="iwae")


def test_a_device_that_is_not_here_names_those_that_are():
    with pytest.raises(ValueError, match=r"torch finds here, \['cpu'.*\], got 'cuda:99'"):
        fit(small_model(), device="cuda:99")
    with pytest.raises(ValueError, match="got 'abacus'"):
        fit(small_model(), device="abacus")


def test_bad_images_are_named_before_training_starts():
    with pytest.raises(ValueError, match=r"got torch\.uint8"):
        fit(small_model(), torch.zeros(4, 12, dtype=torch.uint8))
    with pytest.raises(ValueError, match=r"values in \[nan, nan\]"):
        fit(small_model(), test=torch.full((4, 12), torch.nan))
    with pytest.raises(ValueError, match=r"got list: vaelib\.image_dataset reads"):
        fit(small_model(), [DATA[0]])
    with pytest.raises(ValueError, match="12 pixels each"):
        fit(small_model(), torch.rand(4, 13), test=None)


def test_tqdm_disable_hides_the_bar(monkeypatch, capsys):
    monkeypatch.setenv("TQDM_DISABLE", "1")
    fit(small_model(), progress=True)
    assert capsys.readouterr() == ("", "")


def test_the_bar_reports_the_test_loss(monkeypatch, capsys):
    monkeypatch.delenv("TQDM_DISABLE")
    fit(small_model(), progress=True)
    assert "test -ELBO" in capsys.readouterr().err


class Bar:
    """In place of tqdm's: notes what it is told."""

    def __init__(self, total, unit, disable):
        self.total, self.unit, self.disable = total, unit, disable
        self.steps, self.said, self.open = [], [], True

    def update(self, count=1):
        self.steps.append(count)

    def set_postfix_str(self, text):
        self.said.append(text)

    def close(self):
        self.open = False


@pytest.fixture
def bars(monkeypatch):
    made = []
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    monkeypatch.setattr(training, "tqdm", lambda **options: made.append(Bar(**options)) or made[-1])
    return made


@pytest.fixture
def kept_often(monkeypatch):
    """A run is written after every epoch."""
    monkeypatch.setattr(resuming, "SAVE_EVERY", 0)


def stop_after(epochs):
    def after_epoch(_, history):
        if len(history.train) == epochs:
            raise KeyboardInterrupt

    return after_epoch


def test_the_bar_counts_steps_and_begins_where_a_resumed_run_does(bars, tmp_path, kept_often):
    steps = -(-len(DATA) // 10)
    options = {"progress": True, "checkpoint": tmp_path / "run"}
    with pytest.warns(match="interrupted after 2 of 3 epochs"):
        fit(small_model(), after_epoch=stop_after(2), **options)
    history = fit(small_model(), **options)
    first, second = bars
    assert first.total == second.total == 3 * steps
    assert first.unit == "step"
    assert not any([first.disable, second.disable, first.open, second.open])
    assert first.steps == [0, *[1] * (2 * steps)]
    assert second.steps == [2 * steps, *[1] * steps]
    assert second.said == [f"test -ELBO {-history.test[-1].elbo:.1f} nats"]
    fit(small_model(), epochs=1, progress=False)
    assert bars[-1].disable


class Noting(vaelib.VAE):
    """A family that does something of its own before and after training."""

    def __init__(self):
        torch.manual_seed(0)
        super().__init__(12, 16, 2)
        self.done, self.new = [], set()

    def note(self, what):
        self.done.append(what)
        new = torch.ones(1)
        self.new.add((new.device.type, new.dtype, new.is_inference()))

    def unfinish(self):
        self.note("unfinish")

    def begin(self, data, settings):
        self.note("begin")

    def finish(self, data, settings):
        self.note("finish")


def test_a_family_begins_once_and_finishes_at_the_end_of_every_run(tmp_path, kept_often):
    first, second = Noting(), Noting()
    with pytest.warns(match="interrupted"):
        fit(first, after_epoch=stop_after(2), checkpoint=tmp_path / "run")
    assert first.done == ["unfinish", "begin"]
    fit(second, checkpoint=tmp_path / "run")
    assert second.done == ["unfinish", "finish"]
    whole = Noting()
    fit(whole)
    assert whole.done == ["unfinish", "begin", "finish"]
    assert torch.equal(weights(second), weights(whole))


def test_what_a_family_makes_before_and_after_training_is_of_plain_torch():
    model = Noting()
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"), torch.inference_mode():
            fit(model)
    finally:
        torch.set_default_dtype(torch.float32)
    assert model.new == {("cpu", torch.float32, False)}


def test_the_model_is_moved_outside_of_inference_mode(monkeypatch):
    """There its weights would become ones that can never be trained again."""
    model, modes = small_model(), []
    monkeypatch.setattr(model, "to", lambda _: modes.append(torch.is_inference_mode_enabled()))
    with torch.inference_mode():
        fit(model)
    assert modes == [False, False]


def like_fit(model, train, test=None, settings=None, *, device="auto", progress=True, **changes):
    """With the parameters that `fit` has, or some of them."""


def test_the_signature_names_the_settings():
    found, fields = training._signature(like_fit), dataclasses.fields(vaelib.Settings)
    names = [field.name for field in fields]
    assert list(found.parameters) == [
        *("model", "train", "test", "settings"),
        *names,
        *("device", "progress"),
    ]
    for field in fields:
        parameter = found.parameters[field.name]
        assert (parameter.kind, parameter.default) == (parameter.KEYWORD_ONLY, field.default)
    assert found.return_annotation is training.History


def test_a_warning_of_fit_is_about_the_line_that_called_it():
    with pytest.warns(match="interrupted after 1 of 3 epochs: the model keeps") as caught:
        fit(small_model(), after_epoch=stop_after(1))
    assert caught[0].filename == __file__
    assert 0 < caught[0].lineno - fit.__code__.co_firstlineno < 4


def test_memory_that_does_not_suffice_names_what_to_lower(monkeypatch):
    def fail(*_):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    model = small_model()
    monkeypatch.setattr(model, "posterior", fail)
    told = r"lower batch_size \(now 10\) or num_samples \(now 4\)"
    with pytest.raises(MemoryError, match=told):
        fit(model, num_samples=4)


@pytest.mark.parametrize("binarize", [None, "dynamic"])
def test_other_defaults_of_torch_change_nothing(binarize):
    grey = vaelib.ImageDataset(0.2 + 0.5 * DATA.images)
    plain, other = small_model(), small_model()
    fit(plain, grey, grey, binarize=binarize)
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"), torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            history = fit(other, grey, grey, binarize=binarize)
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(weights(plain), weights(other))
    assert history.test[-1] == vaelib.mean_terms(
        plain, grey.images if binarize is None else vaelib.binarize_once(grey.images)
    )


def test_images_and_noise_are_where_the_model_is_trained(monkeypatch):
    places, sent = [], []
    make, send = torch.Generator, vaelib.settings.TrainingData.to
    monkeypatch.setattr(torch, "Generator", lambda *place: places.extend(place) or make(*place))
    monkeypatch.setattr(
        vaelib.settings.TrainingData,
        "to",
        lambda data, device: sent.append(device) or send(data, device),
    )
    fit(small_model(), test=None)
    assert sent == places == [torch.device("cpu")]
    fit(small_model(), epochs=1)
    assert sent == [torch.device("cpu")] * 3


@pytest.mark.parametrize("objective", ["iwae", "dreg"])
def test_every_objective_draws_by_the_seed(objective):
    first, second = small_model(), small_model()
    for model in (first, second):
        history = fit(model, objective=objective, num_samples=3, seed=4)
        torch.rand(1)  # what others draw has no part in it
    assert torch.equal(weights(first), weights(second))
    assert history.test[-1] == vaelib.mean_terms(second, DATA.images, seed=4)
    assert all(isinstance(term, float) for term in history.train[-1])


@pytest.mark.parametrize(
    ("total", "rates"), [(1, [1.0]), (2, [1.0, 1.0]), (5, [1, 1, 0.75, 0.5, 0.25])]
)
def test_the_shortest_runs_have_rates_too(total, rates):
    factor = training.warm_up_and_decay(total)
    assert [factor(step) for step in range(total)] == pytest.approx(rates)
