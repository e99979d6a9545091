"""image_dataset: what indexing a data set gives, or a sentence on what was wanted."""

import resource
import struct
import weakref
from collections import namedtuple

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import ConcatDataset, DataLoader, IterableDataset, Subset, TensorDataset
from torchvision.datasets import EMNIST, MNIST, FakeData, ImageFolder
from torchvision.transforms import CenterCrop, Compose, Normalize, Pad, Resize, ToTensor, v2

import vaelib
from vaelib import data
from vaelib.reading import image_dataset


def of_mnist(kind=MNIST, **options):
    """The test set, of which only a few entries are there: indexing takes the same path."""
    files = kind(data.mnist_root(), train=False, **options)
    files.data, files.targets = files.data[:20], files.targets[:20]
    return files


class Doubled(MNIST):
    raw_folder = MNIST.raw_folder.fget(of_mnist())  # MNIST's files are found by the class's name

    def __getitem__(self, index):
        image, label = super().__getitem__(index)
        return 0.5 * ToTensor()(image), 2 * label


class Shorter(MNIST):
    raw_folder = Doubled.raw_folder

    def __len__(self):
        return 7


def set_later(**changes):
    files = of_mnist()
    for name, value in changes.items():
        setattr(files, name, value)
    return files


def one_hot(label):
    return torch.nn.functional.one_hot(torch.tensor(label), 10)


LIKE_MNIST = {
    "plain": of_mnist,
    "transform given": lambda: of_mnist(transform=Compose([Pad(2), ToTensor()])),
    "transform set later": lambda: set_later(transform=Compose([Pad(2), ToTensor()])),
    "target_transform set later": lambda: set_later(target_transform=lambda label: label % 2),
    "one-hot": lambda: set_later(target_transform=one_hot),
    "v2 bytes": lambda: set_later(transform=v2.ToImage()),
    "targets as a list": lambda: set_later(targets=of_mnist().targets.tolist()),
    "targets as floats": lambda: set_later(targets=of_mnist().targets + 0.5),
    "more targets than images": lambda: set_later(targets=torch.arange(30)),
    "getitem overridden": lambda: of_mnist(Doubled),
    "len overridden": lambda: of_mnist(Shorter),
    "subset": lambda: Subset(of_mnist(), [3, 1, 4]),
    "subset, transform set later": lambda: Subset(set_later(transform=ToTensor()), [3, 1, 4]),
    "concatenated": lambda: ConcatDataset([of_mnist(), set_later(transform=ToTensor())]),
}


@pytest.mark.parametrize("name", LIKE_MNIST)
def test_what_indexing_gives_is_read(name):
    dataset = LIKE_MNIST[name]()
    pairs = [dataset[index] for index in range(len(dataset))]
    found = image_dataset(dataset)
    images = [image if isinstance(image, torch.Tensor) else ToTensor()(image) for image, _ in pairs]
    images = [image / 255 if image.dtype == torch.uint8 else image for image in images]
    assert torch.equal(found.images, torch.stack(images))
    assert found.images.dtype == torch.float32
    labels = [label.tolist() if isinstance(label, torch.Tensor) else label for _, label in pairs]
    assert found.labels.tolist() == labels


def test_a_patched_getitem_counts(monkeypatch):
    monkeypatch.setattr(MNIST, "__getitem__", lambda self, index: (torch.full((1, 2, 2), 0.5), 3))
    assert image_dataset(of_mnist()).images.shape == (20, 1, 2, 2)


RGB = Image.new("RGB", (5, 4), (255, 0, 51))  # 5 wide, 4 high
GREY = Image.new("L", (5, 4), 51)
Named = namedtuple("Named", "image label")
ROWS = {
    "a list of pairs": [(GREY, 3)] * 2,
    "lists": [[GREY, 3]] * 2,
    "named tuples": [Named(GREY, 3)] * 2,
    "dicts": [{"image": GREY, "label": 3}] * 2,
    "dicts with other names": [{"img": GREY, "fine": 3}] * 2,
    "dicts in another order": [{"label": np.int64(3), "pixel_values": ToTensor()(GREY)}] * 2,
    "dicts with more than that": [{"image": GREY, "label": 3, "file": "cat.png"}] * 2,
    "tensors": TensorDataset(ToTensor()(GREY).expand(2, -1, -1, -1), torch.tensor([3, 3])),
    "NumPy bytes": [(np.full((4, 5, 1), 51, np.uint8), np.array(3))] * 2,
    "NumPy without channels": [(np.full((4, 5), 0.2), 3)] * 2,
    "bytes as a tensor": [(torch.full((1, 4, 5), 51, dtype=torch.uint8), 3)] * 2,
    "16 bit": [(np.full((4, 5), 13107, np.uint16), 3)] * 2,
    "half": [(torch.full((4, 5), 0.2).half(), 3)] * 2,
}


@pytest.mark.parametrize("name", ROWS)
def test_rows_of_every_kind_are_read(name):
    found = image_dataset(ROWS[name])
    torch.testing.assert_close(found.images, torch.full((2, 1, 4, 5), 0.2), rtol=1e-3, atol=0)
    assert found.images.dtype == torch.float32
    assert found.labels.tolist() == [3, 3]


ALONE = {
    "PIL images": [GREY] * 2,
    "a tensor": torch.full((2, 1, 4, 5), 0.2),
    "an array": np.full((2, 4, 5), 51, np.uint8),
    "TensorDataset": TensorDataset(torch.full((2, 4, 5), 0.2)),
    "dicts": [{"image": GREY}] * 2,
    "labels that are None": [(GREY, None)] * 2,
    "an unlabelled ImageDataset": vaelib.ImageDataset(torch.full((2, 1, 4, 5), 0.2)),
}


@pytest.mark.parametrize("name", ALONE)
def test_images_without_labels_are_read(name):
    found = image_dataset(ALONE[name])
    torch.testing.assert_close(found.images, torch.full((2, 1, 4, 5), 0.2))
    assert found.labels is None
    torch.testing.assert_close(found[0], found.images[0])
    assert vaelib.fit(vaelib.VAE(20, 4, 2), found, epochs=1, progress=False).train


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([0.5, 2], [0.5, 2.0]),
        ([True, False], [True, False]),
        ([(1, 2), (3, 4)], [[1, 2], [3, 4]]),
        ([np.array([1, 0]), [0, 1]], [[1, 0], [0, 1]]),
        ([torch.eye(2, requires_grad=True)[0], torch.ones(2)], [[1, 0], [1, 1]]),
        ([np.uint8(7), np.int64(8)], [7, 8]),
    ],
)
def test_labels_of_numbers_become_a_tensor(labels, expected):
    found = image_dataset([(GREY, label) for label in labels]).labels
    assert found.tolist() == expected
    assert not found.requires_grad
    assert found.dtype in (torch.float32, torch.int64, torch.bool)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["cat", "dog"], "label of each image as a number, .* got 'cat' at index 0.* of a name"),
        ([1, None], "got None at index 1"),
        ([{"boxes": []}] * 2, "label .* got {'boxes'"),
        ([(1, 2), (3,)], r"labels of one shape, got \[\(2,\), \(1,\)\]"),
        ([[1, [2]]] * 2, "label"),
        ([10**30, 1], "label"),
    ],
)
def test_labels_that_are_no_numbers_are_named(labels, message):
    with pytest.raises(ValueError, match=message):
        image_dataset([(GREY, label) for label in labels])


def palette(image):
    return image.convert("RGB").convert("P", palette=Image.Palette.ADAPTIVE)


PIL_IMAGES = {
    "RGB": (RGB, [1.0, 0.0, 0.2]),
    "palette": (palette(RGB), [1.0, 0.0, 0.2]),
    "black and white": (Image.new("1", (5, 4), 1), [1.0]),
    "16 bit": (Image.fromarray(np.full((4, 5), 13107, np.uint16)), [0.2]),
    "16 bit, big-endian": (Image.frombytes("I;16B", (5, 4), b"\x33\x33" * 20), [0.2]),
    "float": (Image.new("F", (5, 4), 0.25), [0.25]),
}


@pytest.mark.parametrize("name", PIL_IMAGES)
def test_pil_images_are_read_as_they_look(name):
    image, expected = PIL_IMAGES[name]
    images = image_dataset([image] * 2).images
    assert images.shape == (2, len(expected), 4, 5)
    torch.testing.assert_close(images[1, :, 2, 3], torch.tensor(expected))


@pytest.mark.parametrize("mode", ["LA", "PA", "RGBA", "CMYK", "YCbCr", "HSV", "LAB", "I"])
def test_pil_images_of_other_modes_are_named(mode):
    with pytest.raises(ValueError, match=f"mode '?{mode}'?.*(convert|divide)"):
        image_dataset([Image.new(mode, (5, 4))])


def test_a_palette_with_transparency_is_named():
    image = palette(RGB)
    image.info["transparency"] = 0
    with pytest.raises(ValueError, match=r"mode 'P' with transparency: begin .*convert"):
        image_dataset([image])


def files_of(folder, images):
    for index, image in enumerate(images):
        (folder / "class").mkdir(exist_ok=True)
        image.save(folder / "class" / f"{index:03}.png")
    return sorted((folder / "class").iterdir())


class Lazy:
    """Files that are opened by indexing and, as PIL does, read only when they are needed."""

    def __init__(self, paths):
        self.paths = paths

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        return Image.open(self.paths[index]), index


def test_more_files_are_read_than_may_be_open(tmp_path):
    paths = files_of(tmp_path, [Image.new("L", (2, 2), value) for value in range(80)])
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (60, limits[1]))
    try:
        opened = image_dataset(Lazy(paths))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert (opened.images[:, 0, 0, 0] * 255).tolist() == list(range(80))
    assert torch.equal(image_dataset(ImageFolder(tmp_path)).images[:, :1], opened.images)


def test_images_are_let_go_one_by_one():
    alive = []

    class Counted:
        def __len__(self):
            return 50

        def __getitem__(self, index):
            image = torch.rand(1, 4, 4)
            alive.append(weakref.ref(image))
            assert sum(reference() is not None for reference in alive) <= 2
            return image, index

    assert image_dataset(Counted()).images.shape == (50, 1, 4, 4)


def letters(folder, letter):
    """EMNIST's files with one letter, stored as they come: transposed."""
    raw = folder / "EMNIST" / "raw"
    raw.mkdir(parents=True)
    for name, array in {"images-idx3": letter.mT[None], "labels-idx1": torch.tensor([9])}.items():
        content = array.to(torch.uint8).contiguous().numpy()
        head = struct.pack(f">HBB{content.ndim}i", 0, 8, content.ndim, *content.shape)
        for part in ("train", "test"):
            path = raw / f"emnist-letters-{part}-{name}-ubyte"
            path.write_bytes(head + content.tobytes())
    return EMNIST(folder, split="letters", train=False)


def test_emnist_is_turned_upright_as_the_docstring_says(tmp_path):
    letter = torch.zeros(28, 28)
    letter[4:24, 13:15] = 255
    dataset = letters(tmp_path, letter)
    found = image_dataset(dataset)
    assert torch.equal(found.images[0, 0], letter.T / 255)
    assert torch.equal(found.images.mT[0, 0], letter / 255)
    dataset.transform = lambda image: image.transpose(Image.Transpose.TRANSPOSE)
    assert torch.equal(image_dataset(dataset).images[0, 0], letter / 255)
    assert "EMNIST" in image_dataset.__doc__


def photos(*transforms, sizes=((40, 30), (30, 40), (31, 30))):
    return [(Compose(transforms)(Image.new("L", size)), 0) for size in sizes]


def test_images_of_several_sizes_are_told_what_makes_them_one():
    with pytest.raises(ValueError, match=r"got \[\(1, 28, 37\), \(1, 37, 28\)\]: add Resize\(\("):
        image_dataset(photos(Resize(28)))
    assert image_dataset(photos(Resize((28, 28)))).images.shape == (3, 1, 28, 28)
    assert image_dataset(photos(Resize(28), CenterCrop(28))).images.shape == (3, 1, 28, 28)


class Endless(IterableDataset):
    def __iter__(self):
        return iter([(GREY, 0)])


class TooLong(Lazy):
    def __len__(self):
        return 1 + len(self.paths)

    def __getitem__(self, index):
        return self.paths[index]


REFUSED = {
    "empty": ([], "wanted a data set with images, got an empty list"),
    "iterable": (Endless(), r"\(map-style\), got Endless"),
    "generator": ((row for row in [GREY]), "got generator: a list of its entries"),
    "no data set": (7, "got int"),
    "None": (None, "got NoneType"),
    "a loader": (DataLoader([1]), r"got a DataLoader: give its `\.dataset`"),
    "a dict of sets": ({"train": [GREY]}, r"got a dict: give one of \['train'\]"),
    "a path": ("images/", "got a str at index 0"),
    "no getitem": (torch.utils.data.Dataset(), "got Dataset"),
    "length too long": (TooLong([GREY]), r"wanted 2 entries.* number 1 gave IndexError"),
    "three parts": ([(GREY, 1, 2)], "got a tuple of 3 at index 0"),
    "label first": ([(1, GREY)], "as the image of each entry, got int at index 0"),
    "dict of two images": ([{"a": GREY, "b": GREY}], r"got the keys \['a', 'b'\]"),
    "dict of two labels": ([{"image": GREY, "fine": 1, "coarse": 2}], "got the keys .*'coarse'"),
    "dict without an image": ([{"path": "a.png", "label": 1}], "got the keys"),
    "flattened": (torch.rand(3, 16), r"\(C, H, W\) or \(H, W\), got \(16,\) at index 0"),
    "channels last": ([torch.rand(8, 9, 3)], r"got \(8, 9, 3\) at index 0: permute\(2, 0, 1\)"),
    "NumPy, channels first": ([np.zeros((1, 8, 9))], r"got \(1, 8, 9\) .* torch\.from_numpy"),
    "NumPy objects": ([np.full((2, 2), None)], "as numbers, got an array of object"),
    "integers": ([torch.zeros(1, 2, 2).long()], "got torch.int64 at index 0: divide"),
    "floats from 0 to 255": ([torch.full((1, 2, 2), 255.0)], r"\[255, 255\]: divide bytes by 255"),
    "normalized": ([Normalize(0.5, 0.5)(torch.rand(1, 2, 2) / 2)], "leave out Normalize"),
    "NaN": ([torch.full((1, 2, 2), torch.nan)], r"values in \[nan, nan\]"),
    "bytes of 0 and 1": ([np.eye(3, dtype=np.uint8)], "read as nearly black"),
    "sparse": ([torch.eye(3).to_sparse()], "to_dense"),
    "grey and RGB": ([GREY, RGB], "channels, got 1 at index 0 and 3 at index 1.*Grayscale"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_named(name):
    dataset, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        image_dataset(dataset)


def test_a_fault_of_the_data_set_itself_says_where_it_was_met():
    with pytest.raises(ZeroDivisionError) as raised:
        image_dataset(set_later(transform=lambda image: 1 / 0))
    assert "read entry 0" in raised.value.__notes__[0]


def test_colour_from_torchvision_is_trained_on_scored_and_drawn():
    found = image_dataset(FakeData(12, (3, 8, 6), 3))
    model = vaelib.VAE(144, 8, 2)
    vaelib.fit(model, found, epochs=1, progress=False)
    assert model.image_shape == (3, 8, 6)
    assert vaelib.plots.manifold(model, 2)
    assert vaelib.plots.images(found.images)
