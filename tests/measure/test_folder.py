"""A person's own images: read as they lie, and every way in which a folder can be wrong has its answer."""

import pytest
import torch
from PIL import Image

from core import messages
from core.errors import InputError
from core.measure import data

COLOURS = {"blue": (0, 0, 200), "green": (0, 150, 0), "red": (250, 0, 0)}


def fill(folder, classes=("blue", "green", "red"), each=5, size=(40, 30)):
    """A folder with `each` plain images of each class, no two the same."""
    for name in classes:
        (folder / name).mkdir(parents=True, exist_ok=True)
        for i in range(each):
            colour = tuple(min(255, part + i) for part in COLOURS[name])
            Image.new("RGB", size, colour).save(folder / name / f"{name}{i}.png")
    return folder


@pytest.fixture
def root(tmp_path):
    return tmp_path / "datasets"


@pytest.fixture
def prepare(root):
    def read(path, seed=0, progress=lambda *_: None):
        return data.prepare(f"folder:{path}", seed, root, progress)

    return read


def refusal_of(prepare, path):
    with pytest.raises(InputError) as refusal:
        prepare(path)
    assert messages.sentence(refusal.value.code, refusal.value.facts)
    return refusal.value


def test_one_in_five_of_each_class_is_kept_for_the_test(prepare, tmp_path):
    made = prepare(fill(tmp_path / "images", each=10))
    assert (made.train_x.shape, made.train_x.dtype) == ((24, 3, 64, 64), torch.uint8)
    assert (made.test_x.shape, made.classes, made.notes) == ((6, 3, 64, 64), 3, ())
    assert made.train_y.bincount().tolist() == [8, 8, 8]
    assert made.test_y.bincount().tolist() == [2, 2, 2]
    corners = {tuple(x[:, 0, 0].tolist()) for x in torch.cat([made.train_x, made.test_x])}
    assert len(corners) == 30  # every image once, in one of the two parts
    for x, label in zip(made.train_x, made.train_y.tolist(), strict=True):
        assert int(x[:, 0, 0].argmax()) == {0: 2, 1: 1, 2: 0}[label]  # classes in the order of their names


def test_the_seed_chooses_the_test_images(prepare, tmp_path):
    folder = fill(tmp_path / "images", each=10)
    prints = [prepare(folder, seed).fingerprint for seed in (0, 0, 1)]
    assert prints[0] == prints[1]
    assert prints[0] != prints[2]


def test_folders_called_train_and_test_are_used_as_they_are(prepare, tmp_path):
    fill(tmp_path / "images" / "train", each=3)
    fill(tmp_path / "images" / "val", each=2)
    made = prepare(tmp_path / "images")
    assert (len(made.train_x), len(made.test_x), made.classes) == (9, 6, 3)


def test_a_size_can_be_asked_for(prepare, tmp_path):
    folder = fill(tmp_path / "im@ges", ("blue", "red"), each=2)
    assert prepare(f"{folder}@16").shape == (3, 16, 16)
    assert prepare(folder).shape == (3, 64, 64)  # an @ that no number follows is part of the name


@pytest.mark.parametrize("side", [0, 7, 1025])
def test_a_size_that_cant_be(prepare, tmp_path, side):
    refusal = refusal_of(prepare, f"{fill(tmp_path / 'images')}@{side}")
    assert (refusal.code, refusal.facts) == ("bad_side", {"side": side, "low": 8, "high": 1024})


def test_any_kind_of_image_becomes_rgb_and_square(prepare, tmp_path):
    folder = fill(tmp_path / "images", ("blue", "red"), each=1)
    Image.new("L", (10, 200), 7).save(folder / "blue" / "grey.png")
    Image.new("RGBA", (200, 10), (1, 2, 3, 0)).save(folder / "blue" / "glass.png")
    Image.new("P", (30, 30)).save(folder / "red" / "palette.bmp")
    made = prepare(folder)
    assert made.train_x.shape[1:] == made.test_x.shape[1:] == (3, 64, 64)
    assert len(made.train_x) + len(made.test_x) == 5


def test_the_cache_follows_the_files(prepare, tmp_path):
    folder = fill(tmp_path / "images", each=50)
    told = []
    first = prepare(folder, progress=lambda *args: told.append(args))
    assert told, "150 images are worth a word on the way"
    told.clear()
    assert prepare(folder, progress=lambda *args: told.append(args)).fingerprint == first.fingerprint
    assert told == []
    Image.new("RGB", (40, 30), (9, 9, 9)).save(folder / "red" / "red0.png")
    assert prepare(folder).fingerprint != first.fingerprint


@pytest.mark.parametrize("path", ["", "/no/such/folder"])
def test_no_folder(prepare, path):
    refusal = refusal_of(prepare, path)
    assert (refusal.code, refusal.facts) == ("folder_missing", {"path": path})


@pytest.mark.parametrize("made", [(), ("blue",), ("blue", "red")])
def test_a_folder_without_images(prepare, tmp_path, made):
    folder = tmp_path / "images"
    folder.mkdir()
    for name in made:
        (folder / name).mkdir()
        (folder / name / "notes.txt").write_text("no image")
    assert refusal_of(prepare, folder).code == "folder_empty"


def test_one_class_is_too_few(prepare, tmp_path):
    refusal = refusal_of(prepare, fill(tmp_path / "images", ("red",)))
    assert (refusal.code, refusal.facts["found"]) == ("folder_one_class", "red")


def test_train_and_test_must_have_the_same_classes(prepare, tmp_path):
    fill(tmp_path / "images" / "train", ("blue", "red"))
    fill(tmp_path / "images" / "test", ("blue", "green"))
    assert refusal_of(prepare, tmp_path / "images").code == "folder_classes_differ"


def test_one_broken_image_is_left_out_and_told_every_time(prepare, tmp_path):
    folder = fill(tmp_path / "images", each=4)
    broken = folder / "red" / "red0.png"
    broken.write_bytes(broken.read_bytes()[:40])
    for _ in ("read", "from the cache"):
        made = prepare(folder)
        assert len(made.train_x) + len(made.test_x) == 11
        (note,) = made.notes
        assert (note.code, note.facts) == ("images_skipped", {"count": 1, "example": "red0.png"})


@pytest.mark.parametrize("broken", ["text", "cut", "empty", "absurdly large"])
def test_whatever_is_wrong_with_a_file_it_is_left_out(prepare, tmp_path, broken, monkeypatch):
    folder = fill(tmp_path / "images", ("blue", "red"), each=3)
    file = folder / "blue" / "blue1.png"
    if broken == "text":
        file.write_text("not an image")
    elif broken == "absurdly large":
        Image.new("RGB", (300, 300)).save(file)
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40_000)  # Pillow raises beyond twice this
    else:
        file.write_bytes(file.read_bytes()[: 60 if broken == "cut" else 0])
    assert [note.facts["example"] for note in prepare(folder).notes] == ["blue1.png"]


def test_many_broken_images_are_no_accident(prepare, tmp_path, root):
    folder = fill(tmp_path / "images", each=4)
    for i in range(2):
        (folder / "red" / f"red{i}.png").write_text("not an image")
    refusal = refusal_of(prepare, folder)
    assert (refusal.code, refusal.facts) == ("folder_broken", {"broken": 2, "total": 12, "example": "red0.png"})
    assert not root.exists()  # what was refused isn't cached


def test_a_class_with_one_image_keeps_it_for_the_training(prepare, tmp_path):
    folder = fill(tmp_path / "images", ("blue",), each=5)
    fill(folder, ("red",), each=1)
    made = prepare(folder)
    assert made.train_y.tolist().count(1) == 1
    assert made.test_y.tolist() == [0]
