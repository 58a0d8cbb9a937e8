"""The digits: no image is tested on a copy of which the model was trained, and a seed says all."""

import itertools

import pytest
import torch
from sklearn.datasets import load_digits

from core.errors import InputError
from core.measure.data import digits


def silent(*_):
    pass


@pytest.fixture
def fewer(monkeypatch):
    """Twice every training original and some: enough to see all of them, and quick."""
    monkeypatch.setattr(digits, "TRAIN_IMAGES", 3_000)


def test_their_number_shape_and_kind(digits_data):
    train_x, train_y, test_x, test_y = (
        getattr(digits_data, name) for name in ("train_x", "train_y", "test_x", "test_y")
    )
    assert (train_x.shape, train_x.dtype) == ((60_000, 1, 28, 28), torch.uint8)
    assert (test_x.shape, test_x.dtype) == ((360, 1, 28, 28), torch.uint8)
    assert (train_y.shape, train_y.dtype) == ((60_000,), torch.int64)
    assert (test_y.shape, test_y.dtype) == ((360,), torch.int64)
    assert (digits_data.classes, digits_data.shape, digits_data.notes) == (10, (1, 28, 28), ())
    assert train_y.bincount(minlength=10).min() > 5_000
    assert test_y.bincount(minlength=10).min() > 15
    assert train_x.float().mean().item() == pytest.approx(test_x.float().mean().item(), rel=0.1)


def test_the_split_is_by_original_and_before_any_copy_is_made(fewer, monkeypatch):
    """Every image that is deformed is traced back to its original, and so is every test image."""
    deformed = []
    deform = digits._deform
    monkeypatch.setattr(digits, "_deform", lambda images, rng: deformed.append(images) or deform(images, rng))
    made = digits._make(0, silent)

    source = load_digits()
    canvas = digits._enlarge(torch.from_numpy(source.images).div(16.0)[:, None])
    original = {row.numpy().tobytes(): i for i, row in enumerate(canvas)}
    test_original = {row.numpy().tobytes(): i for i, row in enumerate(digits._to_bytes(canvas))}
    assert len(original) == len(test_original) == 1_797  # so that each is known by its bytes

    train = [original[row.numpy().tobytes()] for row in torch.cat(deformed)]
    test = [test_original[row.numpy().tobytes()] for row in made.test_x]
    assert not set(train) & set(test)
    assert set(train) | set(test) == set(range(1_797))
    assert (len(train), len(test), len(set(test))) == (3_000, 360, 360)
    assert made.train_y.tolist() == [source.target[i] for i in train]
    assert made.test_y.tolist() == [source.target[i] for i in test]


def test_copies_of_an_original_differ(fewer):
    made = digits._make(0, silent)
    first, second = made.train_x[:1_437], made.train_x[1_437:2_874]  # the same originals, in the same order
    assert torch.equal(made.train_y[:1_437], made.train_y[1_437:2_874])
    assert (first != second).flatten(1).any(dim=1).all()
    # but not beyond recognition: they share most of their ink
    shared = torch.minimum(first, second).float().sum() / torch.maximum(first, second).float().sum()
    assert 0.3 < shared < 0.95


def test_the_same_seed_gives_the_same_data_wherever_it_is_made(fewer):
    here = digits._make(3, silent).fingerprint
    torch.manual_seed(99)  # the process's own generator has no say
    torch.set_num_threads(2)
    assert digits._make(3, silent).fingerprint == here
    assert digits._make(4, silent).fingerprint != here


def test_another_seed_tests_on_other_images(fewer):
    one, other = (digits._make(seed, silent) for seed in (0, 1))
    assert not torch.equal(one.test_y, other.test_y)


def test_the_progress_is_told(fewer, monkeypatch):
    monkeypatch.setattr(digits, "_CHUNK", 1_000)
    told = []
    digits._make(0, lambda stage, fraction: told.append((stage, fraction)))
    assert {stage for stage, _ in told} == {"prepare"}
    fractions = [fraction for _, fraction in told]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)


def test_the_second_time_they_come_from_the_cache(fewer, tmp_path, monkeypatch):
    first = digits.prepare("digits", 0, tmp_path, silent)
    monkeypatch.setattr(digits, "_make", None)  # whoever calls it fails
    again = digits.prepare("digits", 0, tmp_path, silent)
    for name in ("train_x", "train_y", "test_x", "test_y"):
        assert torch.equal(getattr(first, name), getattr(again, name))
    assert (again.classes, again.fingerprint, again.notes) == (10, first.fingerprint, ())


@pytest.mark.parametrize("name", ["train_x.npy", "test_y.npy", "facts.json"])
@pytest.mark.parametrize("damage", ["cut short", "empty", "missing"])
def test_a_cache_that_was_cut_short_is_made_afresh(fewer, tmp_path, name, damage):
    first = digits.prepare("digits", 0, tmp_path, silent)
    path = next(tmp_path.glob("digits-*")) / name
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 if damage == "cut short" else 0])
    told = []
    again = digits.prepare("digits", 0, tmp_path, lambda *args: told.append(args))
    assert told, "it was taken from the damaged cache"
    assert again.fingerprint == first.fingerprint
    told.clear()
    assert (
        digits.prepare("digits", 0, tmp_path, lambda *args: told.append(args)).fingerprint == first.fingerprint
    )
    assert not told, "the cache wasn't mended"


@pytest.mark.parametrize("name", ["digits:2", "digitsx"])
def test_another_name_isnt_theirs(name, tmp_path):
    with pytest.raises(InputError) as refusal:
        digits.prepare(name, 0, tmp_path, silent)
    assert refusal.value.code == "unknown_dataset"
    assert not list(tmp_path.iterdir())


def test_seeds_and_versions_have_caches_of_their_own(fewer, tmp_path, monkeypatch):
    for version, seed in itertools.product((1, 2), (0, 1)):
        monkeypatch.setattr(digits, "_VERSION", version)
        digits.prepare("digits", seed, tmp_path, silent)
    assert len(list(tmp_path.iterdir())) == 4
