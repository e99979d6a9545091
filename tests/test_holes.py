"""The hole measures, against brute force and closed forms."""

import math

import pytest
import torch

import vaelib
from vaelib import holes


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


UNIT_SQUARE = torch.tensor([[0.0, 0.0], [1.0, 1.0]], dtype=torch.float64)


def test_nearest_distance_is_the_smallest_of_all_distances():
    queries, references = normal(50, 7), normal(80, 7, seed=1)
    every = [[math.dist(a, b) for b in references.tolist()] for a in queries.tolist()]
    expected = torch.tensor(every, dtype=torch.float64).amin(1)
    torch.testing.assert_close(holes.nearest_distance(queries, references), expected)


def test_nearest_distance_on_a_line_is_the_gap_to_the_nearer_end():
    references = torch.tensor([[0.0], [1.0]], dtype=torch.float64)
    queries = torch.tensor([[-0.5], [0.25], [0.75], [3.0]], dtype=torch.float64)
    expected = torch.tensor([0.5, 0.25, 0.25, 2.0], dtype=torch.float64)
    torch.testing.assert_close(holes.nearest_distance(queries, references), expected)


def test_nearest_distance_of_a_reference_is_exactly_zero_in_float32():
    images = vaelib.mnist("test").images[:300]
    assert (holes.nearest_distance(images, images) == 0).all()


def test_nearest_distance_does_not_depend_on_how_the_queries_are_split(monkeypatch):
    queries, references = normal(50, 3), normal(40, 3, seed=1)
    at_once = holes.nearest_distance(queries, references)
    monkeypatch.setattr(holes, "PAIRS_AT_ONCE", 280)  # 7 queries and a last part of 1
    torch.testing.assert_close(holes.nearest_distance(queries, references), at_once)


def test_nearest_distance_takes_images():
    images = torch.rand(4, 1, 5, 5, generator=generator())
    flat = holes.nearest_distance(images.flatten(1) + 0.1, images.flatten(1))
    torch.testing.assert_close(holes.nearest_distance(images + 0.1, images), flat)


@pytest.mark.parametrize(
    ("queries", "references"),
    [
        (torch.zeros(3, 2), torch.zeros(3, 4)),
        (torch.zeros(3, 2), torch.zeros(3, 2, dtype=torch.float64)),
        (torch.zeros(3), torch.zeros(3, 2)),
        (torch.zeros(0, 2), torch.zeros(3, 2)),
        (torch.zeros(3, 2), torch.zeros(0, 2)),
        (torch.zeros(3, 2, dtype=torch.int64), torch.zeros(3, 2, dtype=torch.int64)),
        (torch.full((3, 2), torch.nan), torch.zeros(3, 2)),
        (torch.zeros(3, 2), torch.full((3, 2), torch.inf)),
    ],
    ids=["sizes", "dtypes", "no axis", "no query", "no reference", "integers", "nan", "infinite"],
)
def test_nearest_distance_refuses(queries, references):
    with pytest.raises(ValueError, match="wanted"):
        holes.nearest_distance(queries, references)


def test_empty_fraction_around_one_code_is_the_area_outside_its_disc():
    centre = torch.tensor([[0.5, 0.5]], dtype=torch.float64)
    empty = holes.empty_fraction(holes.box_grid(UNIT_SQUARE, 500), centre, 0.3)
    assert empty == pytest.approx(1 - math.pi * 0.3**2, abs=1e-4)


def test_empty_fraction_counts_overlapping_discs_once():
    codes = torch.tensor([[0.4, 0.5], [0.6, 0.5]], dtype=torch.float64)
    radius, half = 0.2, 0.1
    lens = 2 * radius**2 * math.acos(half / radius) - 2 * half * math.sqrt(radius**2 - half**2)
    empty = holes.empty_fraction(holes.box_grid(UNIT_SQUARE, 500), codes, radius)
    assert empty == pytest.approx(1 - 2 * math.pi * radius**2 + lens, abs=1e-4)


def test_empty_fraction_of_gaussian_draws_is_the_tail_of_their_distance():
    code = torch.zeros(1, 2, dtype=torch.float64)
    empty = holes.empty_fraction(normal(100_000, 2), code, 1.5)
    tail = math.exp(-(1.5**2) / 2)  # the distance of N(0, I) from the origin is Rayleigh
    assert empty == pytest.approx(tail, abs=5 * math.sqrt(tail * (1 - tail) / 100_000))


def test_empty_fraction_does_not_change_with_the_unit_of_the_codes():
    codes, points = normal(100, 2), normal(1000, 2, seed=1)
    scaled = holes.empty_fraction(16 * points, 16 * codes, 16 * 0.1)
    assert scaled == holes.empty_fraction(points, codes, 0.1)


@pytest.mark.parametrize("radius", [0.0, -1.0, math.nan])
def test_empty_fraction_refuses_a_radius_that_is_not_positive(radius):
    with pytest.raises(ValueError, match="radius above 0"):
        holes.empty_fraction(normal(3, 2), normal(3, 2), radius)


def test_bounding_box_has_the_extremes_of_each_coordinate():
    codes = torch.tensor([[0.0, 5.0], [-2.0, 1.0], [1.0, 3.0]])
    assert holes.bounding_box(codes).tolist() == [[-2.0, 1.0], [1.0, 5.0]]


@pytest.mark.parametrize(
    "codes",
    [torch.zeros(3), torch.zeros(0, 2), torch.zeros(2, 2, 2), torch.tensor([[torch.nan]])],
)
def test_bounding_box_refuses(codes):
    with pytest.raises(ValueError, match="wanted"):
        holes.bounding_box(codes)


def test_box_grid_has_the_centres_of_the_cells():
    box = torch.tensor([[0.0, 10.0], [4.0, 14.0]])
    expected = [[1.0, 11.0], [1.0, 13.0], [3.0, 11.0], [3.0, 13.0]]
    assert holes.box_grid(box, 2).tolist() == expected


def test_box_grid_keeps_the_dimension_of_the_box():
    line = torch.tensor([[0.0], [1.0]])
    assert holes.box_grid(line, 4).tolist() == [[0.125], [0.375], [0.625], [0.875]]
    cube = torch.tensor([[0.0] * 3, [1.0] * 3])
    assert holes.box_grid(cube, 4).shape == (64, 3)


@pytest.mark.parametrize(
    "box",
    [torch.zeros(2, 2), torch.tensor([[1.0, 1.0], [0.0, 2.0]]), torch.zeros(2), torch.zeros(3, 2)],
    ids=["flat", "upside down", "one axis", "three corners"],
)
def test_a_box_needs_two_corners(box):
    with pytest.raises(ValueError, match="wanted a box"):
        holes.box_grid(box, 3)
    with pytest.raises(ValueError, match="wanted a box"):
        holes.uniform_codes(box, 3)


@pytest.mark.parametrize("count", [0, -1])
def test_counts_below_one_are_refused(count):
    with pytest.raises(ValueError, match="side as an integer of 1 or more"):
        holes.box_grid(UNIT_SQUARE, count)
    with pytest.raises(ValueError, match="num_samples as an integer of 1 or more"):
        holes.uniform_codes(UNIT_SQUARE, count)
    with pytest.raises(ValueError, match="num_samples as an integer of 1 or more"):
        holes.gaussian_codes(normal(5, 2), count)


def test_uniform_codes_fill_the_box_evenly():
    box = torch.tensor([[-1.0, 2.0], [3.0, 10.0]], dtype=torch.float64)
    draws = holes.uniform_codes(box, 50_000, generator())
    assert ((draws >= box[0]) & (draws <= box[1])).all()
    size = box[1] - box[0]
    error = 5 * size / math.sqrt(12 * 50_000)
    assert ((draws.mean(0) - box.mean(0)).abs() < error).all()
    torch.testing.assert_close(draws.T.cov(), torch.diag(size**2 / 12), rtol=0.03, atol=0.1)


def test_gaussian_codes_have_the_mean_and_covariance_of_the_codes():
    codes = normal(500, 2) @ torch.tensor([[2.0, 1.0], [0.0, 0.5]]).double() + 3
    draws = holes.gaussian_codes(codes, 200_000, generator(1))
    covariance = codes.T.cov(correction=0)
    error = 5 * (covariance.diagonal() / 200_000).sqrt()
    assert ((draws.mean(0) - codes.mean(0)).abs() < error).all()
    torch.testing.assert_close(draws.T.cov(), covariance, rtol=0.03, atol=0.03)


def test_gaussian_codes_are_gaussian():
    draws = holes.gaussian_codes(holes.box_grid(UNIT_SQUARE, 9), 20_000, generator())
    standard = (draws - 0.5) / draws.std(0)
    cdf = torch.distributions.Normal(0.0, 1.0).cdf(standard.sort(0).values)
    steps = (torch.arange(20_000) + 0.5) / 20_000
    assert (cdf - steps[:, None]).abs().max() < 2 / math.sqrt(20_000)  # Kolmogorov-Smirnov


def test_gaussian_codes_refuse_codes_on_a_line():
    with pytest.raises(ValueError, match="fill their 2 dimensions"):
        holes.gaussian_codes(torch.zeros(5, 2), 3)


def test_draws_are_repeated_by_the_seed():
    box, codes = UNIT_SQUARE, normal(10, 2)
    for draw, source in ((holes.uniform_codes, box), (holes.gaussian_codes, codes)):
        assert torch.equal(draw(source, 5, generator()), draw(source, 5, generator()))


def test_confidence_of_two_classes_is_a_logistic_function_of_their_difference():
    logits = torch.tensor([[0.0, 2.0], [3.0, 3.0], [1.0, -4.0]], dtype=torch.float64)
    expected = torch.sigmoid((logits[:, 0] - logits[:, 1]).abs())
    torch.testing.assert_close(holes.confidence(torch.nn.Identity(), logits), expected)


def test_confidence_is_the_largest_probability_of_the_distribution():
    logits = normal(20, 10)
    expected = torch.distributions.Categorical(logits=logits).probs.amax(1)
    torch.testing.assert_close(holes.confidence(torch.nn.Identity(), logits), expected)


def test_confidence_of_a_guess_is_one_over_the_number_of_classes():
    result = holes.confidence(lambda images: torch.zeros(len(images), 10), torch.rand(3, 1, 28, 28))
    torch.testing.assert_close(result, torch.full((3,), 0.1))


@pytest.mark.parametrize(
    "logits", [torch.zeros(3), torch.zeros(2, 4), torch.zeros(3, 1), torch.full((3, 4), torch.nan)]
)
def test_confidence_refuses_what_are_no_logits(logits):
    with pytest.raises(ValueError, match="wanted"):
        holes.confidence(lambda images: logits, torch.rand(3, 1, 28, 28))
