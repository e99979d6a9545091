"""MNIST from the package, other data sets, and images that are none."""

import errno
import hashlib
import importlib.resources
import io
import os
import tarfile
import warnings

import numpy as np
import pytest
import torch
from torchvision.datasets import MNIST
from torchvision.transforms import ToTensor

import vaelib
from tests.processes import Running
from vaelib import data


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty data cache of the test's own."""
    monkeypatch.setenv(data.CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def small(cache, tmp_path, monkeypatch):
    """An empty cache, and in place of MNIST an archive that is unpacked in no time."""
    contents = {name: name.encode() * 1000 for name in data.RAW_MD5}
    path = tmp_path / "small.tar.xz"
    with tarfile.open(path, "w:xz") as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    sums = {name: hashlib.md5(content).hexdigest() for name, content in contents.items()}
    monkeypatch.setattr(data, "RAW_MD5", sums)
    monkeypatch.setattr(data, "ARCHIVE", path)
    monkeypatch.setattr(data, "ARCHIVE_MD5", hashlib.md5(path.read_bytes()).hexdigest())
    return cache


def sums_in(cache):
    return {path.name: hashlib.md5(path.read_bytes()).hexdigest() for path in raw(cache).iterdir()}


def unpack(cache):
    os.environ[data.CACHE_VARIABLE] = str(cache)
    data.mnist_root()


def raw(cache):
    return cache / "MNIST" / "raw"


def test_train_has_60000_images_and_their_labels():
    train = vaelib.mnist("train")
    assert train.images.shape == (60000, 1, 28, 28)
    assert train.images.dtype == torch.float32
    assert (train.images.min(), train.images.max()) == (0, 1)
    assert train.labels.shape == (60000,)
    assert train.labels.dtype == torch.int64
    # Class counts of the training set as LeCun et al. published the files: 5,923 zeros, ...
    assert train.labels.bincount().tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]  # fmt: skip


def test_images_are_what_torchvision_and_totensor_give():
    test = vaelib.mnist("test")
    reference = MNIST(data.mnist_root(), train=False, transform=ToTensor())
    for index in (0, 4321, 9999):
        image, label = reference[index]
        torch.testing.assert_close(test.images[index], image, rtol=0, atol=0)
        assert test.labels[index] == label


def test_images_are_float32_whatever_the_default_type():
    torch.set_default_dtype(torch.float64)
    try:
        assert vaelib.mnist("test").images.dtype == torch.float32
    finally:
        torch.set_default_dtype(torch.float32)


def test_an_unknown_split_is_an_error():
    with pytest.raises(ValueError, match='wanted split "train" or "test", got \'valid\''):
        vaelib.mnist("valid")


@pytest.mark.slow
def test_unpacks_into_torchvisions_layout(cache):
    assert data.mnist_root() == cache
    assert sums_in(cache) == data.RAW_MD5


def test_a_missing_file_is_unpacked_without_a_word(small):
    assert data.mnist_root() == small
    (raw(small) / "t10k-images-idx3-ubyte").unlink()
    assert data.mnist_root() == small
    assert sums_in(small) == data.RAW_MD5


@pytest.mark.parametrize("damage", ["truncated", "changed"])
def test_a_damaged_cache_file_is_replaced_with_a_warning(small, damage):
    data.mnist_root()
    path = raw(small) / "t10k-images-idx3-ubyte"
    content = bytearray(path.read_bytes())
    content[5000] ^= 1
    path.write_bytes(content[:9000] if damage == "truncated" else content)
    with pytest.warns(UserWarning, match=r"damaged t10k-images-idx3-ubyte again$") as caught:
        data.mnist_root()
    assert caught[0].filename == __file__
    assert sums_in(small) == data.RAW_MD5


def test_every_damaged_file_is_named(small):
    data.mnist_root()
    for path in raw(small).glob("t10k*"):
        path.write_bytes(b"")
    both = "t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte"
    with pytest.warns(UserWarning, match=rf"damaged {both} again$"):
        data.mnist_root()


def test_a_damaged_cache_file_is_replaced_even_where_warnings_are_errors(small):
    data.mnist_root()
    path = raw(small) / "t10k-labels-idx1-ubyte"
    path.write_bytes(b"")
    with pytest.raises(UserWarning, match="damaged t10k-labels-idx1-ubyte"):
        data.mnist_root()
    data.mnist_root()


@pytest.mark.parametrize("damage", ["truncated", "changed", "missing"])
def test_a_damaged_archive_is_an_error_and_leaves_the_cache_alone(
    cache, damage, tmp_path, monkeypatch
):
    content = bytearray(data.ARCHIVE.read_bytes())
    content[5000] ^= 1
    copy = tmp_path / "mnist.tar.xz"
    if damage != "missing":
        copy.write_bytes(content[:9000] if damage == "truncated" else content)
    monkeypatch.setattr(data, "ARCHIVE", copy)
    with pytest.raises(RuntimeError, match=r"mnist\.tar\.xz is missing or damaged: install vaelib"):
        data.mnist_root()
    assert not raw(cache).exists()


def test_a_cache_that_cannot_be_written_says_where_and_what_moves_it(small, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv(data.CACHE_VARIABLE, str(tmp_path / "file"))
    with pytest.raises(PermissionError, match=r"file/MNIST/raw.*set VAELIB_CACHE"):
        data.mnist_root()


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.ENOSPC, OSError), (errno.EACCES, PermissionError)]
)
def test_a_full_disk_is_no_lack_of_permission(small, monkeypatch, number, kind):
    def fail(path, content):
        raise OSError(number, "told by the system")

    monkeypatch.setattr(data, "write_atomically", fail)
    with pytest.raises(
        OSError, match=r"cannot write the data cache .*told by the system"
    ) as caught:
        data.mnist_root()
    assert caught.type is kind


@pytest.mark.slow
def test_two_processes_may_unpack_at_once(cache):
    workers = [Running(unpack, cache) for _ in range(2)]
    assert [worker.outcome() for worker in workers] == [(0, None, None)] * 2
    assert sorted(path.name for path in raw(cache).iterdir()) == sorted(data.RAW_MD5)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(TypeError):
        data.write_atomically(path, object())
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    assert path.read_bytes() == b"old"


def test_the_archive_holds_just_the_four_files():
    assert data._md5_of(data.ARCHIVE) == data.ARCHIVE_MD5
    with importlib.resources.as_file(data.ARCHIVE) as path, tarfile.open(path) as archive:
        assert sorted(archive.getnames()) == sorted(data.RAW_MD5)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(2, 1, 28, 28, dtype=torch.uint8), "torch.uint8: divide bytes by 255"),
        (torch.zeros(2, 4, dtype=torch.bool), r"torch.bool: write images.float\(\)$"),
        (torch.zeros(2, 4, dtype=torch.int64), "divided by what stands for white"),
        (torch.zeros(2, 4, dtype=torch.complex64), "got torch.complex64"),
        (torch.zeros(2, 4).to(torch.float8_e4m3fn), "got torch.float8_e4m3fn"),
        (torch.full((2, 1, 28, 28), 255.0), r"values in \[255, 255\]: divide bytes by 255"),
        (torch.full((2, 1, 28, 28), -0.5), r"values in \[-0.5, -0.5\]: leave out Normalize"),
        (torch.full((2, 1, 28, 28), 1.0000001), r"\[1.00000012, 1.00000012\]: images.clamp"),
        (torch.full((2, 4), 300.0), r"values in \[300, 300\]$"),
        (torch.full((2, 4), torch.inf), r"values in \[inf, inf\]$"),
        (torch.full((2, 1, 28, 28), torch.nan), r"values in \[nan, nan\]"),
        (torch.zeros(0, 1, 28, 28), r"shape \(0, 1, 28, 28\)"),
        (torch.zeros(784), r"shape \(784,\)"),
        ([[0.0]], "torch.Tensor, got list"),
        (np.zeros((2, 4)), r"got ndarray: torch.from_numpy\(images\)"),
        (torch.zeros(2, 4).to_sparse(), r"got torch.sparse_coo: write images.to_dense\(\)"),
        (torch.zeros(2, 4, device="meta"), "on the meta device"),
    ],
)
def test_images_that_are_none_are_named(images, message):
    with pytest.raises(ValueError, match=message):
        data.check_images(images)


@pytest.mark.parametrize("dtype", data.FLOATS)
def test_images_of_every_floating_point_type_are_images(dtype):
    data.check_images(torch.rand(3, 4).to(dtype).requires_grad_())


def test_one_nan_among_good_pixels_is_found():
    images = torch.rand(3, 1, 28, 28)
    images[1, 0, 5, 5] = torch.nan
    with pytest.raises(ValueError, match="nan"):
        data.check_images(images)


def test_a_dataset_wants_one_label_an_image_and_four_axes():
    with pytest.raises(ValueError, match="got 3 labels for 2"):
        vaelib.ImageDataset(torch.zeros(2, 1, 4, 4), torch.zeros(3))
    with pytest.raises(ValueError, match="got a number without an axis"):
        vaelib.ImageDataset(torch.zeros(2, 1, 4, 4), torch.tensor(3))
    with pytest.raises(ValueError, match=r"\(N, C, H, W\), got \(2, 16\)"):
        vaelib.ImageDataset(torch.zeros(2, 16), torch.zeros(2))


def test_a_dataset_serves_a_dataloader():
    dataset = vaelib.ImageDataset(torch.rand(5, 1, 4, 4), torch.arange(5))
    images, labels = next(iter(torch.utils.data.DataLoader(dataset, batch_size=3)))
    torch.testing.assert_close(images, dataset.images[:3])
    assert labels.tolist() == [0, 1, 2]
    assert repr(dataset) == "ImageDataset(5 images of 1 x 4 x 4)"


def test_a_dataset_takes_a_list_of_labels_or_none():
    images = torch.rand(5, 1, 4, 4)
    assert vaelib.ImageDataset(images, [3, 1, 4, 1, 5]).labels.tolist() == [3, 1, 4, 1, 5]
    unlabelled = vaelib.ImageDataset(images)
    assert unlabelled.labels is None
    batch = next(iter(torch.utils.data.DataLoader(unlabelled, batch_size=3)))
    assert torch.equal(batch, images[:3])


def test_binarized_pixels_are_one_as_often_as_they_are_bright():
    images = torch.rand(1, 12).expand(20_000, 12)
    drawn = vaelib.binarize(images, torch.Generator().manual_seed(0))
    assert vaelib.data.is_binary(drawn)
    error = (images[0] * (1 - images[0]) / len(images)).sqrt()
    assert ((drawn.mean(0) - images[0]).abs() < 5 * error).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_coarse_floats_are_binarized_as_their_float32(dtype):
    images = torch.rand(50, 12).to(dtype)
    images[:, 0], images[:, 1] = 1, 0.001  # in bfloat16 a draw is a multiple of 1/256
    drawn = vaelib.binarize_once(images, 3)
    assert drawn.dtype == dtype
    assert torch.equal(drawn.float(), vaelib.binarize_once(images.float(), 3))
    white = torch.ones(100_000, 2, dtype=dtype)
    assert vaelib.binarize(white).all()


def test_black_stays_black_and_white_white():
    images = torch.tensor([[0.0, 1.0]]).expand(1000, 2)
    assert torch.equal(vaelib.binarize(images), images)


def test_binarizing_anew_differs_and_once_does_not():
    images, generator = torch.rand(5, 12), torch.Generator().manual_seed(0)
    assert not torch.equal(vaelib.binarize(images, generator), vaelib.binarize(images, generator))
    assert torch.equal(vaelib.binarize_once(images, 3), vaelib.binarize_once(images, 3))
    assert not torch.equal(vaelib.binarize_once(images, 3), vaelib.binarize_once(images, 4))


def test_binarizing_twice_is_an_error():
    with pytest.raises(ValueError, match=r"wanted grey images .* 0 or 1 already"):
        vaelib.binarize_once(torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"in \[0, 1\], got values in"):
        vaelib.binarize_once(torch.full((2, 3), 7.0))


@pytest.mark.parametrize(
    "images", [torch.full((2, 3), torch.nan), torch.full((2, 3), 7.0), torch.ones(2, 3) > 0]
)
def test_what_are_no_intensities_is_not_binarized(images):
    with pytest.raises(ValueError, match=r"in \[0, 1\], got"):
        vaelib.binarize(images)


@pytest.mark.parametrize("seed", [np.int64(3), np.array(3), torch.tensor(3)])
def test_a_seed_may_come_from_any_library(seed):
    images = torch.rand(5, 12)
    assert torch.equal(vaelib.binarize_once(images, seed), vaelib.binarize_once(images, 3))


@pytest.mark.parametrize("seed", [1.0, True, "3", None, 2**64])
def test_a_seed_that_is_no_integer_is_named(seed):
    with pytest.raises(ValueError, match="wanted seed as an integer"):
        vaelib.binarize_once(torch.rand(5, 12), seed)


def test_mnist_is_on_the_cpu_whatever_torchs_default_is():
    torch.set_default_device("meta")
    try:
        test = vaelib.mnist("test")
        drawn = vaelib.binarize_once(test.images[:10])
    finally:
        torch.set_default_device(None)
    assert {str(part.device) for part in (test.images, test.labels, drawn)} == {"cpu"}


@pytest.mark.parametrize(
    ("low", "high", "advice"),
    [
        (-0.009, 1.009, "clamp"),
        (-0.01, 1.0, "Normalize"),
        (0.0, 1.01, "bytes"),
        (0.0, 1.5, "bytes"),
        (0.0, 255.0, "bytes"),
        (0.0, 255.5, ""),
        (-5.0, 100.0, ""),
        (-1.0, 1.0, "Normalize"),
        (-1.5, 1.0, ""),
        (-1.0, 1.5, ""),
    ],
)
def test_pixels_out_of_range_come_with_the_advice_that_fits(low, high, advice):
    images = torch.tensor([[low, high]], dtype=torch.float64)
    with pytest.raises(ValueError, match="wanted pixel intensities in") as caught:
        data.check_images(images)
    told = str(caught.value)
    assert f"[{low:.9g}, {high:.9g}]" in told
    assert advice in told
    assert advice or ("leave out" not in told and "divide" not in told)


@pytest.mark.parametrize("pixel", [torch.inf, -torch.inf, torch.nan])
def test_pixels_of_any_size_are_finite_all_the_same(pixel):
    data.check_images(torch.tensor([[0.5, 300.0]]), unit_interval=False)
    with pytest.raises(ValueError, match="wanted finite pixel intensities"):
        data.check_images(torch.tensor([[0.5, pixel]]), unit_interval=False)


def test_what_is_no_tensor_of_numbers_one_after_the_other_is_named():
    with pytest.raises(ValueError, match=r"got list$"):
        data.check_floating([0.5])
    with pytest.raises(ValueError, match=r"int64: write images.float\(\), divided by what"):
        data.check_floating(torch.ones(2, 3, dtype=torch.int64))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such tensors are new
        nested = torch.nested.nested_tensor([torch.rand(2), torch.rand(3)])
    with pytest.raises(ValueError, match="wanted dense images"):
        data.check_floating(nested)


def test_labels_are_float32_or_int64_on_the_cpu_whatever_torchs_defaults_are():
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"):
            found = [data.label_tensor([label]) for label in (0.5, 3)]
    finally:
        torch.set_default_dtype(torch.float32)
    assert [label.dtype for label in found] == [torch.float32, torch.int64]
    assert [label.tolist() for label in found] == [[0.5], [3]]


@pytest.mark.parametrize("label", [2**80, [1.0, 10**400], "seven", [1, [2]], torch.ones])
def test_a_label_that_is_no_number_is_named(label):
    with pytest.raises(ValueError, match=r"wanted the label of each image as a number.*at index 1"):
        data.label_tensor([0, label])


def test_the_same_generator_draws_the_same_again():
    grey = torch.full((10, 20), 0.5)
    first, second = (vaelib.binarize(grey, torch.Generator().manual_seed(seed)) for seed in (3, 3))
    assert torch.equal(first, second)


def test_a_pixel_is_as_bright_as_its_probability_to_the_last_draw(monkeypatch):
    """The smallest number that can be drawn is 0, and no black pixel may be above it."""
    monkeypatch.setattr(torch.Tensor, "uniform_", lambda self, generator=None: self.zero_())
    assert vaelib.binarize(torch.tensor([[0.0, 1e-30]])).tolist() == [[0.0, 1.0]]


class Elsewhere(torch.Tensor):
    """Images that say that they are on another device."""

    device = property(lambda self: torch.device("meta"))

    def cpu(self):
        return self.as_subclass(torch.Tensor)


def test_images_are_binarized_once_on_the_cpu_and_sent_back(monkeypatch):
    kinds, draw = [], data.draw_binary
    monkeypatch.setattr(
        data, "draw_binary", lambda images, *rest: kinds.append(type(images)) or draw(images, *rest)
    )
    images = torch.rand(3, 4).as_subclass(Elsewhere)
    assert vaelib.binarize_once(images).is_meta
    assert kinds == [torch.Tensor]
