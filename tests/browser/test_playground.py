"""Playground on its page: it trains as PyTorch does, in a worker or without one, and stops."""

import base64
import itertools
import json
import re
import zlib

import numpy as np
import pytest
import torch
from playwright.sync_api import expect
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

import vaelib
from tests.browser.canvases import FRAMES, normals, shown_images, trait
from tests.browser.conftest import PHONE, Visit, ready_widget
from vaelib.widgets import playground as own
from vaelib.widgets.playground import FAULTS

PAGE = "book/building.html"
NAME = "Playground"
HIDDEN = 32
NO_WORKER = {
    "at once": "window.Worker = class { constructor() { throw new DOMException('no') } }",
    "later": """window.Worker = class extends EventTarget {
        constructor() { super(); setTimeout(() => this.onerror(new ErrorEvent('error')), 100); }
        postMessage() {}
        terminate() {}
    }""",
}


def said(figure):
    return figure.locator(".vae-announcement span").first


def table(figure) -> dict[str, str]:
    rows = figure.locator("table.vae-readout tr").all_inner_texts()
    return dict(row.split("\t") for row in rows)


def button(figure, name: str):
    return figure.get_by_role("button", name=name, exact=True)


# It is not said of each epoch, if they take less time than it takes to say.
AN_EPOCH = re.compile(r"After epoch \d+,")


def train_for(figure, wish: str, wait_for: str | re.Pattern) -> None:
    button(figure, wish).click()
    expect(said(figure)).to_contain_text(wait_for, timeout=60_000)


@pytest.fixture
def opened(browser, server):
    with Visit(browser, server, color_scheme="light") as visit:
        yield visit, ready_widget(visit.open(PAGE), NAME)
        assert visit.problems == []


# The same numbers as PyTorch's

# Numbers travel as text: as a list of values, Playwright takes seconds for them.
STEPS = """([figure, text]) => {
    const given = JSON.parse(text);
    const { newVae, turned, backward, adam, lossFactors, pixelOf } = figure.vaelib.module;
    const { WebAssembly } = window;
    if (given.plain) delete window.WebAssembly;
    const vae = newVae(given.hidden, 1);
    Object.assign(window, { WebAssembly });
    vae.weights.numbers.set(turned(given.hidden, Float32Array.from(given.weights), false));
    const losses = [];
    let slopes;
    given.batches.forEach(({ images, noise }, step) => {
        const count = noise.length / 2;
        const pixels = Float32Array.from(images, grey => pixelOf(grey, given.objective.fault));
        const noises = Float32Array.from(noise);
        const terms = [0, 0];
        for (let from = 0; from < count; from += given.few) {  // as training does it
            const some = Math.min(given.few, count - from);
            const found = backward(
                vae, pixels.slice(784 * from, 784 * (from + some)),
                noises.slice(2 * from, 2 * (from + some)), some, 1 / count, given.objective);
            found.forEach((sum, i) => (terms[i] += sum / count));
        }
        const factors = lossFactors(given.objective, 1 / count);
        losses.push(factors[0] * terms[0] + factors[1] * terms[1]);
        if (step === 0) slopes = turned(given.hidden, vae.slopes.numbers, true);
        adam(vae, given.rate);
    });
    const weights = turned(given.hidden, vae.weights.numbers, true);
    return JSON.stringify({ losses: losses.map(String), slopes: [...slopes], weights: [...weights],
                            isPlain: !vae.memory.kernels });
}"""


def drawn_batches(steps: int, count: int = 40):
    """Digits and noise for a batch each, the last one smaller."""
    generator = torch.Generator().manual_seed(5)
    images = vaelib.mnist("train").images.flatten(1)
    batches = []
    for step in range(steps):
        size = count if step < steps - 1 or steps == 1 else count // 3
        some = torch.randperm(1000, generator=generator)[:size]
        batches.append((images[some], torch.randn(size, 2, generator=generator)))
    return batches


def broken_loss(model, images, noise, beta: float, fault: str):
    """Minus the ELBO as the code has it that a reader would write, with one bug."""
    if fault == "inverted":
        images = 1 - images
    if fault == "normalised":
        images = (images - 0.1307) / 0.3081
    mu, log_var = model.encode(images)
    if fault != "unclamped":
        log_var = log_var.clamp(max=10)
    right = (log_var / 2).exp()
    sigma = {
        "log-var-as-sigma": log_var,
        "variance-as-sigma": log_var.exp(),
        "little-noise": 0.01 * right,
    }.get(fault, right)
    z = mu + sigma * noise
    reconstruction = log_prob(model, z.detach() if fault == "detached" else z, images)
    kl = vaelib.gaussian_kl(mu, log_var)
    if fault == "kl-mean":
        kl = kl / 784
    if fault == "kl-latents":
        kl = kl / 2
    if fault == "kl-batch":
        return -reconstruction.mean() + beta * kl.sum() / 64
    if fault == "kl-twice":
        kl = kl + kl
    if fault == "pixel-mean":
        reconstruction = reconstruction / 784
    beta = {"kl-sign": -beta, "no-coefficient": 1}.get(fault, beta)
    return (beta * kl - reconstruction).mean()


def log_prob(model, z, images):
    """log p(x|z): of the library, or for pixels that it refuses of PyTorch."""
    if images.min() >= 0 and images.max() <= 1:
        return model.likelihood(z).log_prob(images)
    return -binary_cross_entropy_with_logits(model.decoder(z), images, reduction="none").sum(1)


def by_pytorch(model, batches, rate, beta, fault):
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    losses, slopes = [], None
    for images, noise in batches:
        loss = broken_loss(model, images, noise, beta, fault)
        optimizer.zero_grad()
        loss.backward()
        grads = [w.grad if w.grad is not None else torch.zeros_like(w) for w in model.parameters()]
        slopes = torch.cat([g.flatten() for g in grads]) if slopes is None else slopes
        optimizer.step()
        losses.append(loss.item())
    return losses, slopes, nn.utils.parameters_to_vector(model.parameters()).detach()


def on_page(figure, model, batches, rate, beta, fault, plain=False):
    """What the page's functions find; `plain` is where a browser has no WebAssembly."""
    given = given_to_page(model, batches, rate, beta, fault, plain)
    found = read(figure.page.evaluate(STEPS, [figure.element_handle(), given]))
    assert found.pop("isPlain") == plain
    return tuple(found.values())


def read(found: str) -> dict:
    """Losses as numbers, slopes and weights as tensors, in which NaN stands for all not finite."""
    found = json.loads(found)
    tensors = {n: torch.from_numpy(np.array(found[n], np.float32)) for n in ("slopes", "weights")}
    return {"losses": [*map(float, found["losses"])], **tensors, "isPlain": found["isPlain"]}


def given_to_page(model, batches, rate, beta, fault, plain=False) -> str:
    given = {
        "hidden": HIDDEN,
        "plain": plain,
        "weights": nn.utils.parameters_to_vector(model.parameters()).tolist(),
        "rate": rate,
        "few": 16,
        "batches": [
            {"images": i.flatten().tolist(), "noise": n.flatten().tolist()} for i, n in batches
        ],
        "objective": {
            "likelihood": model.pixels.name,
            "sigma": float(getattr(model.pixels, "sigma", 1.0)),
            "beta": beta,
            "fault": fault,
        },
    }
    return json.dumps(given)


def assert_near(found, wanted, model):
    """To 1e-4 of each tensor's largest number."""
    for name, one, other in zip(
        dict(model.named_parameters()), parts(found, model), parts(wanted, model), strict=True
    ):
        assert (one - other).abs().max() <= 1e-4 * other.abs().max() + 1e-12, name


def parts(vector, model):
    return vector.split([weight.numel() for weight in model.parameters()])


@pytest.fixture(scope="module")
def shared(browser, server):
    with Visit(browser, server, color_scheme="light") as visit:
        yield ready_widget(visit.open(PAGE), NAME)
        assert visit.problems == []


@pytest.mark.parametrize("plain", [False, True], ids=["WebAssembly", "plain"])
@pytest.mark.parametrize("steps", [1, 10])
@pytest.mark.parametrize(
    ("likelihood", "beta"), [(("bernoulli", 1.0), 1.0), (("gaussian", 0.3), 0.5)]
)
def test_steps_on_the_page_are_pytorchs(shared, likelihood, beta, steps, plain):
    torch.manual_seed(0)
    model = vaelib.VAE(784, HIDDEN, 2, *likelihood)
    batches = drawn_batches(steps)
    found = on_page(shared, model, batches, 0.003, beta, "none", plain)
    wanted = by_pytorch(model, batches, 0.003, beta, "none")
    assert found[0] == pytest.approx(wanted[0], rel=1e-4)
    assert_near(found[1], wanted[1], model)
    assert_near(found[2], wanted[2], model)


@pytest.mark.parametrize("fault", [f for f in FAULTS if f not in ("none", "one-noise")])
def test_each_bug_is_the_one_that_pytorch_would_have(shared, fault):
    torch.manual_seed(0)
    model = vaelib.VAE(784, HIDDEN, 2)
    batches = drawn_batches(3)
    found = on_page(shared, model, batches, 0.003, 0.7, fault)
    wanted = by_pytorch(model, batches, 0.003, 0.7, fault)
    assert found[0] == pytest.approx(wanted[0], rel=1e-4)
    assert_near(found[1], wanted[1], model)
    assert_near(found[2], wanted[2], model)


@pytest.mark.parametrize("fault", ["none", "unclamped", "variance-as-sigma"])
def test_large_log_variances_are_clamped_but_for_one_bug(shared, fault):
    """Some images have log-variances above 10, some below, and the loss tells both codes apart."""
    model, batches = wide_start(10.0), drawn_batches(2)
    log_var = model.encode(batches[0][0])[1].detach()
    assert 10 < (log_var > 10).sum() < log_var.numel() - 10
    found = on_page(shared, model, batches, 0.003, 0.7, fault)
    wanted = by_pytorch(wide_start(10.0), batches, 0.003, 0.7, fault)
    other = by_pytorch(wide_start(10.0), batches, 0.003, 0.7, OTHER.get(fault, "none"))
    assert found[0] == pytest.approx(wanted[0], rel=1e-4)
    assert_near(found[1], wanted[1], model)
    assert_near(found[2], wanted[2], model)
    assert found[0] != pytest.approx(other[0], rel=1e-3)


OTHER = {"none": "unclamped"}  # what a bug must not be mistaken for


def wide_start(log_var: float):
    """A model whose log-variances lie around a number, as far apart as the first ones do."""
    torch.manual_seed(0)
    model = vaelib.VAE(784, HIDDEN, 2)
    with torch.no_grad():
        model.encoder[2].weight[2:] *= 10
        model.encoder[2].bias[2:] += log_var - model.encode(drawn_batches(1)[0][0])[1].mean(0)
    return model


@pytest.mark.parametrize(("log_var", "is_finite"), [(60.0, True), (95.0, False)])
def test_without_the_clamp_the_loss_overflows_where_pytorchs_does(shared, log_var, is_finite):
    batches = drawn_batches(1)
    found = on_page(shared, wide_start(log_var), batches, 0.003, 1.0, "unclamped")
    wanted = by_pytorch(wide_start(log_var), batches, 0.003, 1.0, "unclamped")
    assert np.isfinite(wanted[0]) == is_finite
    assert np.isfinite(np.float32(found[0])) == is_finite
    assert by_pytorch(wide_start(log_var), batches, 0.003, 1.0, "none")[0][0] < 1e6


def test_noise_is_shared_by_a_batch_with_that_bug_alone(shared):
    noise = """([figure, fault]) => {
        const { noiseOf, normals } = figure.vaelib.module;
        return [...noiseOf(normals(4), 5, fault)];
    }"""
    handle = shared.element_handle()
    own = np.reshape(shared.page.evaluate(noise, [handle, "none"]), (5, 2))
    one = np.reshape(shared.page.evaluate(noise, [handle, "one-noise"]), (5, 2))
    assert len(np.unique(own)) == 10
    np.testing.assert_array_equal(one, np.broadcast_to(own[0], (5, 2)))


DIFFERENCES = """([figure, likelihood]) => {
    const { newVae, backward, normals, uniforms } = figure.vaelib.module;
    const count = 6;
    const [uniform, normal] = [uniforms(3), normals(4)];
    const images = Float32Array.from({ length: 784 * count }, () => Math.max(0, 2 * uniform() - 1));
    const noise = Float32Array.from({ length: 2 * count }, () => normal());
    const objective = { likelihood, sigma: 0.3, beta: 0.7, fault: "none" };
    const vae = newVae(16, 1);
    const loss = () => {
        const [pixels, kl] = backward(vae, images, noise, count, 0, objective);
        return (pixels + objective.beta * kl) / count;
    };
    backward(vae, images, noise, count, 1 / count, objective);
    const slopes = vae.slopes.numbers.slice();
    const along = slopes.map(() => normal() / 100);
    const numbers = vae.weights.numbers;
    const start = numbers.slice();
    const results = [];
    let at = 0;
    for (const { weight, bias } of vae.weights.layers) {  // along a random direction of each layer
        const length = weight.length + bias.length;
        const ends = [1, -1].map((sign) => {
            numbers.set(start);
            for (let i = at; i < at + length; i += 1) numbers[i] += sign * 0.05 * along[i];
            return loss();
        });
        let slope = 0;
        for (let i = at; i < at + length; i += 1) slope += slopes[i] * along[i];
        results.push([slope, (ends[0] - ends[1]) / 0.1]);
        at += length;
    }
    return results;
}"""


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_gradients_are_finite_differences(shared, likelihood):
    found = shared.page.evaluate(DIFFERENCES, [shared.element_handle(), likelihood])
    assert len(found) == 4
    for slope, difference in found:
        assert slope == pytest.approx(difference, rel=0.01)


def test_first_weights_are_as_pytorch_draws_them(shared):
    draw = """(figure) => {
        const { newVae } = figure.vaelib.module;
        return [1, 1, 2].map(seed => newVae(64, seed).weights.layers.map(
            ({ weight, bias }) => [[...weight], [...bias]]));
    }"""
    one, again, other = shared.evaluate(draw)
    assert one == again
    assert one != other
    for (weight, bias), inputs in zip(one, (784, 64, 2, 64), strict=True):
        bound = inputs**-0.5
        assert 0.9 * bound < max(map(abs, weight)) <= bound
        assert max(map(abs, bias)) <= bound
        spread = np.std(weight) / (bound / 3**0.5)
        assert spread == pytest.approx(1, abs=5 / len(weight) ** 0.5)


# What the reader sees and does


def test_nothing_of_the_digits_is_loaded_before_training(browser, server):
    with Visit(browser, server) as visit:
        asked = []
        visit.page.on("request", lambda request: asked.append(request.url))
        figure = ready_widget(visit.open(PAGE), NAME)
        assert not [url for url in asked if "digits" in url]
        train_for(figure, "one step", "After epoch 0.01")
        assert len([url for url in asked if "digits" in url]) == 1
        assert visit.problems == []


@pytest.mark.parametrize("worker", [None, *NO_WORKER])
def test_it_trains_an_epoch_with_a_worker_and_without(browser, base, worker):
    with Visit(browser, base) as visit:
        if worker:
            visit.page.add_init_script(NO_WORKER[worker])
        figure = ready_widget(visit.open(PAGE), NAME)
        figure.get_by_label("hidden units").select_option("16")
        train_for(figure, "one epoch", "After epoch 1,")
        numbers = table(figure)
        assert 150 < float(numbers["−ELBO"]) < 225
        total = float(numbers["reconstruction loss"]) + float(numbers["KL"])
        assert total == pytest.approx(float(numbers["−ELBO"]), abs=0.11)
        assert visit.problems == []


def test_the_same_seed_gives_the_same_run_and_another_does_not(opened):
    _, figure = opened
    figure.get_by_label("hidden units").select_option("16")
    ends = []
    for seed in (2, 3, 2):
        figure.get_by_label("seed").fill(str(seed))
        train_for(figure, "one epoch", "After epoch 1,")
        ends.append(table(figure))
        button(figure, "reset").click()
        expect(said(figure)).to_contain_text("Before training")
    assert ends[0]["−ELBO"] == ends[2]["−ELBO"] != ends[1]["−ELBO"]


def test_it_is_paused_and_goes_on(opened):
    _, figure = opened
    button(figure, "train").click()
    expect(button(figure, "pause")).to_be_visible()
    figure.page.wait_for_function(
        "f => /\\d/.test(f.querySelector('table').innerText)", arg=figure.element_handle()
    )
    button(figure, "pause").click()
    expect(said(figure)).to_contain_text("After epoch")
    before = said(figure).inner_text()
    figure.page.wait_for_timeout(700)
    assert said(figure).inner_text() == before
    button(figure, "one step").click()
    expect(said(figure)).not_to_have_text(before)
    button(figure, "train").click()
    expect(button(figure, "pause")).to_be_visible()


def test_a_setting_is_taken_while_it_runs(opened):
    """With a KL ten times as dear, the KL of the test digits falls at once."""
    _, figure = opened
    figure.get_by_label("hidden units").select_option("16")
    train_for(figure, "one epoch", "After epoch 1,")
    before = float(table(figure)["KL"])
    button(figure, "train").click()
    figure.get_by_label("β").press("End")
    assert trait(figure, "beta") == 10
    figure.page.wait_for_function(
        """([f, before]) => {
            const row = [...f.querySelectorAll('table tr')].at(-1);
            return Number(row.cells[1].innerText) < before / 2;
        }""",
        arg=[figure.element_handle(), before],
    )


def test_the_batch_is_taken_with_the_next_step(opened):
    """Steps of 64 images, of 512 and of 16, of one and the same run."""
    _, figure = opened
    train_for(figure, "one step", "After epoch 0.01,")
    for key, size, epoch in (("End", 512, "0.12"), ("Home", 16, "0.12"), ("End", 512, "0.22")):
        figure.get_by_label("batch size").press(key)
        assert trait(figure, "batch_size") == size
        before = table(figure)
        button(figure, "one step").click()
        figure.page.wait_for_function(
            "([f, before]) => f.querySelector('table').innerText !== before",
            arg=[figure.element_handle(), "\n".join(map("\t".join, before.items()))],
        )
        expect(said(figure)).to_contain_text(f"After epoch {epoch},")


def test_the_rate_is_taken_while_it_runs(opened):
    """A run that learns comes to nothing when its rate is set to ten."""
    _, figure = opened
    train_for(figure, "train", AN_EPOCH)
    expect(button(figure, "pause")).to_be_visible()
    figure.get_by_label("learning rate").press("End")
    expect(said(figure)).to_contain_text("far above the", timeout=60_000)


@pytest.mark.parametrize("pixels", ["bernoulli 0.3", "gaussian 0.3"])
def test_what_it_shows_is_what_its_weights_say(opened, pixels):
    """Table, rebuilt digits, draws and the image at z: as PyTorch finds them with these weights."""
    visit, figure = opened
    figure.get_by_label("hidden units").select_option("16")
    figure.get_by_label("pixels").select_option(pixels)
    expect(said(figure)).to_contain_text("Not trained yet")
    changed = """([f, before]) => {
        const { byteLength, buffer } = f.vaelib.model.get("weights");
        return byteLength && [...new Uint8Array(buffer)].join() !== before;
    }"""
    visit.page.wait_for_function(changed, arg=[figure.element_handle(), ""])
    untrained = ",".join(map(str, trait(figure, "weights")))
    train_for(figure, "one epoch", "After epoch 1,")
    visit.page.wait_for_function(changed, arg=[figure.element_handle(), untrained])
    vae = vaelib.VAE(784, 16, 2, pixels.split()[0], 0.3)
    weights = torch.frombuffer(bytearray(trait(figure, "weights")), dtype=torch.float32)
    nn.utils.vector_to_parameters(weights, vae.parameters())
    with torch.no_grad():
        assert_table(table(figure), vae)
        draws = torch.tensor([*itertools.islice(normals(3), 20)]).view(10, 2)
        examples = (own.test_images().images.flatten(1) * 15).round() / 15
        labels = own.test_images().labels
        examples = examples[[int((labels == label).nonzero()[0]) for label in range(10)]]
        for label, wanted in {
            "The same digits, rebuilt": vae.decode(vae.encode(examples)[0]),
            "Images decoded at draws from the prior": vae.decode(draws),
            "Image decoded at z": vae.decode(torch.zeros(1, 2)),
        }.items():
            found = shown_images(figure.locator(f"canvas[aria-label^='{label}']"))
            np.testing.assert_allclose(found, wanted, atol=0.01)


def assert_table(rows, vae):
    """Both terms on the test digits, in sixteen levels, with the noise that the page draws."""
    images = (own.test_images().images.flatten(1) * 15).round() / 15
    mu, log_var = vae.encode(images)
    noise = torch.tensor([*itertools.islice(normals(1), 1000)]).view(500, 2)
    terms = -vae.likelihood(mu + (log_var / 2).exp() * noise).log_prob(images).mean()
    kl = vaelib.gaussian_kl(mu, log_var).mean()
    wanted = {"reconstruction loss": terms, "KL": kl, "−ELBO": terms + kl}
    for name, number in wanted.items():
        assert float(rows[name].replace("−", "-")) == pytest.approx(float(number), abs=0.06)


def test_two_hundred_beginnings_take_one_memory(opened):
    """Of the loops that are compiled; a browser grants a page few of them."""
    visit, figure = opened
    train_for(figure, "one step", "After epoch 0.01")
    (worker,) = visit.page.workers
    worker.evaluate(
        """() => {
          self.made = 0;
          const { Memory } = WebAssembly;
          WebAssembly.Memory = class extends Memory {
            constructor(size) { super(size); self.made += 1; }
          };
        }"""
    )
    begin = """async (figure) => {
        for (let seed = 1; seed <= 200; seed += 1) {
            figure.vaelib.model.set("seed", seed % 100);
            await new Promise((done) => setTimeout(done));
        }
    }"""
    figure.evaluate(begin)
    expect(said(figure)).to_contain_text("Before training")
    train_for(figure, "one epoch", "After epoch 1,")
    assert worker.evaluate("self.made") == 0
    figure.get_by_label("hidden units").select_option("256")
    train_for(figure, "one step", "After epoch 0.01")
    assert worker.evaluate("self.made") == 1


def test_z_is_answered_by_the_decoder_of_today(opened):
    _, figure = opened
    picture = figure.locator("canvas[aria-label^='Image decoded at z']")
    expect(picture).to_be_visible()
    seen = "c => c.toDataURL()"
    untrained = picture.evaluate(seen)
    train_for(figure, "one step", "After epoch 0.01")
    button(figure, "one epoch").click()
    expect(said(figure)).to_contain_text("After epoch 1,", timeout=60_000)
    trained = picture.evaluate(seen)
    assert trained != untrained
    figure.locator("canvas[tabindex='0']").focus()
    for _ in range(8):
        figure.page.keyboard.press("Shift+ArrowRight")
    x = trait(figure, "z")[0]
    expect(picture).to_have_attribute("aria-label", f"Image decoded at z = ({x:.2f}, 0.00)")
    assert picture.evaluate(seen) != trained


# Pixels in the colour of a kept run, inside of the three panels, where nothing else has it.
GREY = """(canvas) => {
  const { colors, rgb } = canvas.closest("figure").vaelib.module;
  const wanted = rgb(colors(canvas).muted);
  const copy = new OffscreenCanvas(canvas.width, canvas.height)
    .getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const scale = canvas.width / canvas.clientWidth;
  return [0, 1, 2].map((panel) => {
    const box = [50, 24 + 104 * panel, canvas.clientWidth - 66, 62].map((side) => side * scale);
    const { data } = copy.getImageData(...box);
    let count = 0;
    for (let i = 0; i < data.length; i += 4)
      count += wanted.every((part, k) => Math.abs(part - data[i + k]) < 8) ? 1 : 0;
    return count;
  });
}"""


def test_a_kept_run_is_a_grey_curve_behind_the_next(opened):
    """In each of the three panels, and still there when the run itself is gone."""
    visit, figure = opened
    figure.get_by_label("hidden units").select_option("16")
    train_for(figure, "one epoch", "After epoch 1,")
    chart = figure.get_by_role("img", name="Curves of the test digits")
    button(figure, "one epoch").click()
    expect(said(figure)).to_contain_text("After epoch 2,", timeout=60_000)
    visit.page.evaluate(FRAMES)
    own = chart.evaluate(GREY)
    button(figure, "keep this run").click()
    button(figure, "reset").click()
    expect(said(figure)).to_contain_text("Before training")
    expect(button(figure, "keep this run")).to_have_attribute("aria-disabled", "true")
    visit.page.evaluate(FRAMES)
    kept = chart.evaluate(GREY)
    assert all(after > before + 20 for before, after in zip(own, kept, strict=True)), (own, kept)


BEGIN_ANEW = {
    "hidden units": lambda control: control.select_option("32"),
    "pixels": lambda control: control.select_option("gaussian 0.3"),
    "seed": lambda control: control.press("ArrowRight"),
}


@pytest.mark.parametrize("label", BEGIN_ANEW)
def test_some_controls_begin_anew_after_training(opened, label):
    """And what is trained then is what was chosen."""
    _, figure = opened
    figure.get_by_label("hidden units").select_option("16")
    train_for(figure, "one epoch", "After epoch 1,")
    before = float(table(figure)["−ELBO"])
    BEGIN_ANEW[label](figure.get_by_label(label))
    expect(said(figure)).to_contain_text("Before training")
    train_for(figure, "one epoch", "After epoch 1,")
    after = float(table(figure)["−ELBO"])
    assert after != before
    if label == "pixels":
        assert after < 120 < 150 < before


def test_a_bug_is_shown_as_code_and_explained_behind_a_fold(opened):
    _, figure = opened
    for name in FAULTS[1:]:
        figure.get_by_label("break it").select_option(name)
        assert trait(figure, "fault") == name
        fold = button(figure, "what it does, and why")
        expect(fold).to_have_attribute("aria-expanded", "false")
        code = figure.locator("pre").inner_text()
        assert code.startswith("- ")
        assert "\n+ " in code
        fold.click()
        expect(fold).to_have_attribute("aria-expanded", "true")
        expect(fold.locator("xpath=following-sibling::p")).to_be_visible()
    figure.get_by_label("break it").select_option("none")
    expect(figure.locator("pre")).to_be_hidden()


def test_without_beta_nothing_holds_the_codes(opened):
    """With the KL at no cost it grows, and the loss that is reported is the reconstruction's."""
    _, figure = opened
    figure.get_by_label("hidden units").select_option("32")
    figure.get_by_label("β").press("Home")
    assert trait(figure, "beta") == 0
    train_for(figure, "one epoch", "After epoch 1,")
    # The loss is the mean since the last report, which a busy machine gives but once an epoch.
    train_for(figure, "one step", "After epoch 1.")
    numbers = table(figure)
    assert float(numbers["KL"]) > 10
    reported = float(numbers["loss of the code"].split()[0])
    assert reported == pytest.approx(float(numbers["reconstruction loss"]), rel=0.15)


def test_collapse_is_seen_with_the_pixels_averaged(opened):
    _, figure = opened
    figure.get_by_label("break it").select_option("pixel-mean")
    figure.get_by_label("hidden units").select_option("16")
    train_for(figure, "one epoch", "After epoch 1,")
    assert float(table(figure)["KL"]) < 0.1
    assert float(table(figure)["loss of the code"].split()[0]) < 1


def test_it_speaks_of_epoch_and_bound(opened):
    _, figure = opened
    train_for(figure, "one epoch", "After epoch 1,")
    status = figure.locator("[role=status]")
    expect(status).to_have_text(said(figure).inner_text())
    assert "−ELBO" in status.inner_text()
    expect(figure.locator("canvas[aria-label^='Curves of the test digits. After']")).to_be_visible()


# What goes wrong


def diverge(figure) -> None:
    """Train with a rate at which a log-variance overflows, in the code that does not clamp it."""
    figure.get_by_label("break it").select_option("unclamped")
    figure.get_by_label("learning rate").press("End")
    button(figure, "train").click()


def diverge_by_rate(figure) -> None:
    """Train the right code with a rate that the slider does not offer, but Python does."""
    figure.evaluate("f => f.vaelib.model.set('learning_rate', 1e30)")
    button(figure, "train").click()


def diverge_by_numbers(figure) -> None:
    """Train the right code with the highest rate of the slider: its losses stay numbers."""
    figure.get_by_label("learning rate").press("End")
    button(figure, "train").click()


NO_NUMBER = "the loss is no longer a number"
TOO_HIGH = re.compile(r"the loss is [\d.e]+ nats, and .* far above the 5\d\d\.\d nats from before")


@pytest.mark.parametrize(
    ("begin", "what"),
    [(diverge, NO_NUMBER), (diverge_by_rate, NO_NUMBER), (diverge_by_numbers, TOO_HIGH)],
)
def test_a_run_that_diverges_stops_and_reset_helps(opened, begin, what):
    _, figure = opened
    begin(figure)
    expect(said(figure)).to_contain_text(what, timeout=60_000)
    expect(said(figure)).to_contain_text("reset for new weights")
    for name in ("train", "one step", "one epoch"):
        expect(button(figure, name)).to_have_attribute("aria-disabled", "true")
    button(figure, "train").press("Enter")
    expect(button(figure, "train")).to_be_visible()
    figure.get_by_label("learning rate").press("Home")
    button(figure, "reset").click()
    train_for(figure, "one step", "After epoch 0.01")


@pytest.mark.parametrize("width", [390, 820, 1400])
def test_controls_stand_in_columns_and_captions_by_their_own_pictures(browser, server, width):
    parts = "all => all.map((e) => [...e.children].map((part) => part.getBoundingClientRect()))"
    with Visit(browser, server, viewport={"width": width, "height": 900}) as visit:
        figure = ready_widget(visit.open(PAGE), NAME)
        columns = figure.locator(".vae-even")
        assert columns.count() == 3
        for column in columns.all():
            controls = column.locator("input[type=range], select").all()
            lefts = [control.bounding_box()["x"] for control in controls]
            assert max(lefts) - min(lefts) < 1  # pixels
        strips = figure.locator(".vae-wide > .vae-labelled").evaluate_all(parts)
        assert len(strips) == 3
        for (_, caption), (following, _) in itertools.pairwise(strips):
            assert following["top"] - caption["bottom"] > 8


@pytest.mark.parametrize("end", ["Home", "End"])
def test_with_all_sliders_at_an_end_nothing_breaks(opened, end):
    _, figure = opened
    for slider in figure.locator("input[type=range]").all():
        slider.press(end)
    button(figure, "train").click()
    wanted = "far above the" if end == "End" else AN_EPOCH  # the first is soon over
    expect(said(figure)).to_contain_text(wanted, timeout=60_000)


def test_missing_digits_are_named_in_a_sentence_and_asked_for_again(browser, base):
    with Visit(browser, base) as visit:
        visit.context.route("**/digits.js", lambda route: route.abort())
        figure = ready_widget(visit.open(PAGE), NAME)
        button(figure, "train").click()
        expect(said(figure)).to_contain_text(
            "Nothing can be trained: the file digits.js is missing"
        )
        expect(button(figure, "train")).to_be_visible()
        visit.context.unroute("**/digits.js")
        train_for(figure, "one step", "After epoch 0.01")


def test_damaged_digits_are_named(browser, server):
    with Visit(browser, server) as visit:

        def spoil(route):
            packed = base64.b64encode(zlib.compress(b"few")[:-1] + b"x").decode()
            body = f"vaelib.data.digits = {json.dumps(packed)};"
            route.fulfill(body=body, content_type="text/javascript")

        visit.context.route("**/digits.js", spoil)
        figure = ready_widget(visit.open(PAGE), NAME)
        button(figure, "train").click()
        expect(said(figure)).to_contain_text("the file digits.js is damaged")


def steps_done(figure) -> str:
    return said(figure).inner_text() + table(figure)["−ELBO"]


def test_out_of_sight_it_rests_and_goes_on_afterwards(opened):
    visit, figure = opened
    train_for(figure, "train", AN_EPOCH)
    visit.page.evaluate("scrollTo({top: 0, behavior: 'instant'})")
    expect(figure).not_to_be_in_viewport()
    visit.page.wait_for_timeout(1000)
    before = table(figure)
    visit.page.wait_for_timeout(1500)
    assert table(figure) == before
    figure.scroll_into_view_if_needed()
    expect(button(figure, "pause")).to_be_visible()
    visit.page.wait_for_function(
        "([f, before]) => f.querySelector('table').innerText !== before",
        arg=[figure.element_handle(), figure.locator("table").inner_text()],
    )


def test_a_hidden_tab_rests(opened):
    visit, figure = opened
    train_for(figure, "train", AN_EPOCH)
    hide = """state => {
        Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    visit.page.evaluate(hide, "hidden")
    visit.page.wait_for_timeout(1000)
    before = table(figure)
    visit.page.wait_for_timeout(1500)
    assert table(figure) == before
    visit.page.evaluate(hide, "visible")
    visit.page.wait_for_function(
        "([f, before]) => f.querySelector('table').innerText !== before",
        arg=[figure.element_handle(), figure.locator("table").inner_text()],
    )


def test_two_playgrounds_train_apart(browser, server):
    with Visit(browser, server, viewport={"width": 1280, "height": 2400}) as v:
        double = f"""addEventListener('DOMContentLoaded', () => {{
            const figure = document.querySelector('figure[data-widget={NAME}]');
            figure.after(figure.cloneNode(true));
        }}, {{capture: true}})"""
        v.page.add_init_script(double)
        v.open(PAGE)
        figures = v.page.locator(f"figure[data-widget={NAME}]")
        for index in (0, 1):
            figures.nth(index).scroll_into_view_if_needed()
            expect(figures.nth(index)).to_have_attribute("data-ready", "")
        train_for(figures.nth(0), "one step", "After epoch 0.01")
        expect(said(figures.nth(1))).to_have_text("Not trained yet.")
        train_for(figures.nth(1), "one epoch", "After epoch 1,")
        expect(said(figures.nth(0))).to_contain_text("After epoch 0.01")
        assert v.problems == []


def test_axes_have_room_for_the_numbers_of_a_run_that_explodes(shared):
    """Six characters fit beside the chart."""
    number = "(f, [number, step]) => f.vaelib.module.roundNumber(number, step)"
    wanted = {(150, 50): "150", (0.3, 0.1): "0.3", (-99_000, 1000): "−99000", (0, 5e10): "0"}
    wanted |= {(5e4 * 3, 5e4): "1.5e5", (3 * 0.1e12, 1e11): "3e11", (-2.5e11, 5e10): "−2.5e11"}
    for pair, text in wanted.items():
        assert shared.evaluate(number, list(pair)) == text
    nats = "(f, number) => f.vaelib.module.natsText(number)"
    for value, text in {150: "150.0", -99.5: "−99.5", -4.3e6: "−4.3e6", 5e-9: "0.0"}.items():
        assert shared.evaluate(nats, value) == text


def test_what_a_run_remembers_is_bounded(shared):
    count = """(figure) => {
        const history = figure.vaelib.module.newHistory();
        for (let i = 0; i < 100000; i += 1) history.add({ epoch: i, values: [i, i, i] });
        const moments = history.moments();
        return [moments.length, moments[0].epoch, moments.at(-1).epoch];
    }"""
    length, first, last = shared.evaluate(count)
    assert 200 <= length <= 400
    assert first == 0
    assert last > 99_000


def test_weights_from_python_begin_a_run(opened):
    """And the page tells Python of the weights that it has trained."""
    visit, figure = opened
    torch.manual_seed(1)
    model = vaelib.VAE(784, 16, 2)
    numbers = nn.utils.parameters_to_vector(model.parameters()).detach()
    give = """([figure, numbers]) => {
        const { model } = figure.vaelib;
        model.set("weights", new DataView(Float32Array.from(numbers).buffer));
        model.set("hidden_dim", 16);
    }"""
    visit.page.evaluate(give, [figure.element_handle(), numbers.tolist()])
    expect(said(figure)).to_contain_text("Weights from Python")
    picture = figure.locator("canvas[aria-label^='Image decoded at z']")
    expect(picture).to_be_visible()
    train_for(figure, "one step", "After epoch 0.01")
    visit.page.wait_for_timeout(300)
    told = np.frombuffer(bytes(trait(figure, "weights")), "<f4")
    assert told.shape == numbers.shape
    # Adam's first step moves no weight by more than its rate.
    assert 0 < np.abs(told - numbers.numpy()).max() <= 0.00301


def test_with_reduced_motion_it_draws_at_the_end_of_an_epoch(browser, server):
    with Visit(browser, server, reduced_motion="reduce") as visit:
        figure = ready_widget(visit.open(PAGE), NAME)
        button(figure, "train").click()
        changes, epochs = figure.evaluate(
            """(figure) => new Promise((done) => {
              const said = figure.querySelector(".vae-announcement span");
              const table = figure.querySelector("table");
              let count = 0;
              new MutationObserver(() => (count += 1)).observe(
                table, { childList: true, subtree: true, characterData: true });
              new MutationObserver(() => {
                const epochs = /epoch ([0-9]+),/.exec(said.textContent);
                if (epochs) done([count, Number(epochs[1])]);
              }).observe(said, { childList: true, subtree: true, characterData: true });
            })"""
        )
        assert changes <= 4 * epochs  # the rows of the table, once an epoch
        assert visit.problems == []


def test_fingers_train_and_move_it_on_a_phone(browser, server):
    with Visit(browser, server, color_scheme="dark", **PHONE) as visit:
        figure = ready_widget(visit.open(PAGE), NAME)
        button(figure, "one step").tap()
        expect(said(figure)).to_contain_text("After epoch 0.01")
        box = figure.locator("canvas[tabindex='0']").bounding_box()
        visit.page.touchscreen.tap(box["x"] + 0.75 * box["width"], box["y"] + box["height"] / 4)
        z = trait(figure, "z")
        assert z == pytest.approx([2, 2], abs=0.1)
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390
        assert visit.problems == []
