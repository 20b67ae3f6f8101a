"""Pairs in each layout, the files that have no partner, and lists; the files are empty, as names alone are read."""

from __future__ import annotations

import tempfile
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gluon_pix2pix.pairs.layouts import WHOLE, find_splits, read_list, side_by_side, two_folders


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def names(split) -> list[tuple]:
    root = split.folders[0].parent if len(split.folders) == 1 else split.folders[0]
    return [(path.a.relative_to(root).as_posix(), path.b and path.b.name) for path in split.pairs]


def test_side_by_side(tmp_path):
    touch(tmp_path, "train/10.jpg", "train/9.jpg", "val/1.png", "test/notes.txt", "train/demo.npy")
    splits = find_splits(tmp_path)
    assert list(splits) == ["train", "val"]
    assert names(splits["train"]) == [("train/9.jpg", None), ("train/10.jpg", None)]
    assert splits["train"].folders == (tmp_path / "train",)
    assert [pair.name for pair in splits["train"].pairs] == ["9.jpg", "10.jpg"]


@pytest.mark.parametrize("layout", ["{}/A {}/B", "A/{} B/{}", "{}A {}B"])
def test_two_folders(tmp_path, layout):
    for split in ("train", "val"):
        a, b = layout.format(split, split).split()
        touch(tmp_path / a, "10.jpg", "9.jpg", "deep/1.jpg")
        touch(tmp_path / b, "deep/1.png", "9.png", "10.png")
    splits = find_splits(tmp_path)
    assert list(splits) == ["train", "val"]
    assert names(splits["val"]) == [("9.jpg", "9.png"), ("10.jpg", "10.png"), ("deep/1.jpg", "1.png")]
    assert splits["train"].folders == (
        tmp_path / layout.format("train", "train").split()[0],
        splits["train"].folders[1],
    )
    assert splits["train"].problems == []


def test_splits_may_lie_differently(tmp_path):
    touch(tmp_path, "train/A/1.png", "train/B/1.png", "val/1.png")
    (tmp_path / "test.tsv").write_text("x.png\ty.png\n")
    splits = find_splits(tmp_path)
    assert {name: len(split.folders) for name, split in splits.items()} == {"train": 2, "val": 1, "test": 1}


def test_files_without_a_partner_are_named(tmp_path):
    a, b = touch(tmp_path / "A", "1.png", "2.png", "3.png"), touch(tmp_path / "B", "2.jpg", "4.jpg")
    split = two_folders(a, b)
    assert [pair.a.name for pair in split.pairs] == ["2.png"]
    assert split.problems == [
        f"{a}/1.png has no partner in {b}",
        f"{a}/3.png has no partner in {b}",
        f"{b}/4.jpg has no partner in {a}",
    ]


def test_no_file_has_a_partner(tmp_path):
    a, b = touch(tmp_path / "A", "1_a.png"), touch(tmp_path / "B", "1_b.png")
    with pytest.raises(ValueError, match=r"no file in .*A has the name of one in .*B: .*1_a\.png has no partner"):
        two_folders(a, b)


def test_two_files_of_one_name(tmp_path):
    a, b = touch(tmp_path / "A", "1.png", "1.jpg", "2.png"), touch(tmp_path / "B", "1.png", "2.png")
    split = two_folders(a, b)
    assert [pair.stem for pair in split.pairs] == ["2"]
    assert split.problems == [f"{a}/1.jpg and {a}/1.png have one name for their partner: rename one"]


def test_names_that_end_in_the_side(tmp_path):
    a = touch(tmp_path / "A", "1_A.png", "x_A.png", "y_A.png", "y.png", "deep/2_A.jpg")
    b = touch(tmp_path / "B", "1_B.png", "x_A.png", "y_B.png", "y.png", "deep/2_B.png")
    split = two_folders(a, b)
    assert [(pair.stem, pair.b.name) for pair in split.pairs] == [
        ("1", "1_B.png"),
        ("deep/2", "2_B.png"),
        ("x_A", "x_A.png"),
        ("y", "y.png"),
    ]
    assert split.problems == [f"{a}/y_A.png has no partner in {b}", f"{b}/y_B.png has no partner in {a}"]


def test_names_are_one_however_their_accents_are_spelt(tmp_path):
    touch(tmp_path / "train", *(f"A/fac\u0327ade_{number}.jpg" for number in range(4)))
    touch(tmp_path / "train", *(f"B/fa\u00e7ade_{number}.png" for number in range(4)))
    split = find_splits(tmp_path)["train"]
    assert (len(split.pairs), split.problems) == (4, [])
    assert split.pairs[0].name == "fa\u00e7ade_0\t.jpg\t.png"


def test_what_other_programs_leave_is_no_half(tmp_path):
    touch(tmp_path / "train", "A/1.jpg", "A/.ipynb_checkpoints/1-checkpoint.jpg", "B/1.png", "B/@eaDir/1.png")
    split = find_splits(tmp_path)["train"]
    assert (len(split.pairs), split.problems) == (1, [])
    assert split.notes == [f"left out of {tmp_path}/train/B: what is in @eaDir/"]


def test_halves_in_linked_folders(tmp_path):
    for side in "AB":
        touch(tmp_path, f"train/{side}/city1/1.png", f"elsewhere/{side}/2.png")
        (tmp_path / "train" / side / "city2").symlink_to(tmp_path / "elsewhere" / side)
        (tmp_path / "train" / side / "city1" / "loop").symlink_to(tmp_path / "train")
    split = find_splits(tmp_path)["train"]
    assert [pair.stem for pair in split.pairs] == ["city1/1", "city2/2"]


def test_what_lies_beside_the_pairs_is_counted(tmp_path):
    touch(tmp_path / "train", *(f"{number}.jpg" for number in range(4)), "9.heic", "readme.md", "more/10.jpg")
    split = find_splits(tmp_path)["train"]
    assert [pair.name for pair in split.pairs] == ["0.jpg", "1.jpg", "2.jpg", "3.jpg", "more/10.jpg"]
    (note,) = split.notes
    assert note.startswith(f"left out of {tmp_path}/train: 1 .md, 9.heic, whose format cannot be read here: save")
    touch(tmp_path / "deep", "train/city/1.png")
    assert [pair.name for pair in find_splits(tmp_path / "deep")["train"].pairs] == ["city/1.png"]


NAMES = st.text(st.sampled_from("ABab_\u00e91"), min_size=1, max_size=4)


@settings(max_examples=80, deadline=None)
@given(st.sets(NAMES), st.sets(NAMES), st.sampled_from(["NFC", "NFD"]))
def test_every_name_is_in_a_pair_or_in_a_problem(names_a, names_b, form):
    spelt = [unicodedata.normalize(form, name) for name in names_b]
    with tempfile.TemporaryDirectory() as folder:
        sides = [
            touch(Path(folder, side), *(f"{name}.png" for name in names))
            for side, names in (("A", names_a), ("B", spelt))
        ]
        try:
            split = two_folders(*sides)
        except (FileNotFoundError, ValueError):
            assert not names_a & names_b
            return
        assert names_a & names_b <= {pair.stem for pair in split.pairs}
        assert len(split.problems) + 2 * len(split.pairs) == len(names_a) + len(names_b)


def test_an_empty_folder(tmp_path):
    a = touch(tmp_path / "A", "1.png")
    (tmp_path / "B").mkdir()
    with pytest.raises(FileNotFoundError, match=r"B holds no pictures \(.*\.npy\)"):
        two_folders(a, tmp_path / "B")


def test_a_split_that_is_there_twice(tmp_path):
    touch(tmp_path, "train/1.png", "trainA/1.png", "trainB/1.png")
    with pytest.raises(
        ValueError, match=r"the train split is there twice, in .*/trainA and in .*/train: move one away"
    ):
        find_splits(tmp_path)


def test_arrays_alone_are_pictures(tmp_path):
    touch(tmp_path, "train/A/1.npy", "train/B/1.png", "train/B/1.npy", "val/2.npy")
    splits = find_splits(tmp_path)
    assert names(splits["train"]) == [("1.npy", "1.png")]
    assert names(splits["val"]) == [("val/2.npy", None)]


def test_photos(tmp_path):
    touch(tmp_path / "flat", "2.jpg", "1.jpg")
    splits = find_splits(tmp_path / "flat", photos=True)
    assert {name: names(split) for name, split in splits.items()} == {
        WHOLE: [("flat/1.jpg", None), ("flat/2.jpg", None)]
    }
    touch(tmp_path / "flat", "train/3.jpg", "val/4.jpg")
    splits = find_splits(tmp_path / "flat", photos=True)
    assert [len(split.pairs) for split in splits.values()] == [1, 1]
    assert list(splits) == ["train", "val"]


def test_splits_of_photos_in_folders(tmp_path):
    touch(tmp_path, "train/2019/1.jpg", "val/2020/2.jpg", "3.jpg")
    splits = find_splits(tmp_path, photos=True)
    assert {name: [pair.name for pair in split.pairs] for name, split in splits.items()} == {
        "train": ["2019/1.jpg"],
        "val": ["2020/2.jpg"],
    }


def test_pairs_without_splits(tmp_path):
    touch(tmp_path / "flat", "2.jpg", "10.jpg", "runs/flat/samples/1.png", "notes.txt")
    split = find_splits(tmp_path / "flat")[WHOLE]
    assert names(split) == [("flat/2.jpg", None), ("flat/10.jpg", None)]
    assert split.notes[0] == f"left out of {tmp_path}/flat: pictures in folders below it, 1 of them"
    touch(tmp_path / "own", "A/1.jpg", "B/1.png", "A/2.jpg", "check.png")
    split = find_splits(tmp_path / "own")[WHOLE]
    assert names(split) == [("1.jpg", "1.png")]
    assert split.problems == [f"{tmp_path}/own/A/2.jpg has no partner in {tmp_path}/own/B"]
    assert split.notes == [f"left out of {tmp_path}/own: the pictures beside A/ and B/"]
    touch(tmp_path / "deep", "cats/1.jpg")
    touch(tmp_path / "without_train", "val/1.jpg", "1.jpg")
    assert find_splits(tmp_path / "deep") == {}
    assert list(find_splits(tmp_path / "without_train")) == ["val"]
    touch(tmp_path / "half", "A/1.jpg")
    with pytest.raises(ValueError, match=r"half/A has no partner: the other halves .* into .*half/B$"):
        find_splits(tmp_path / "half")


def test_a_list_of_photos_is_refused(tmp_path):
    (tmp_path / "photos.csv").write_text("a,b\n")
    with pytest.raises(ValueError, match=r"photos\.csv is a list of pairs: photos are taken from a folder"):
        find_splits(tmp_path / "photos.csv", photos=True)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pairs.csv", 'A,B\nx/2.jpg,y/2.png\n"x/1, ä.jpg", y/1.png\n'),
        ("pairs.csv", '\ufeffa,b\r\n\r\nx/2.jpg,y/2.png\r\n"x/1, ä.jpg",y/1.png'),
        ("pairs.tsv", "x/2.jpg\ty/2.png\nx/1, ä.jpg\ty/1.png\n"),
    ],
)
def test_a_list_keeps_its_own_order(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8")
    (split,) = find_splits(tmp_path / name).values()
    expected = [("x/2.jpg", "y/2.png"), ("x/1, ä.jpg", "y/1.png")]
    assert [(pair.a, pair.b) for pair in split.pairs] == [(tmp_path / a, tmp_path / b) for a, b in expected]
    assert split.folders == (tmp_path / name,)


def test_a_lists_third_column_names_the_split(tmp_path):
    (tmp_path / "pairs.csv").write_text(f"A,B,split\n1.png,2.png,val\n{tmp_path}/3.png,4.png,train\n5.png,6.png,val\n")
    splits = find_splits(tmp_path / "pairs.csv")
    assert {name: len(split.pairs) for name, split in splits.items()} == {"train": 1, "val": 2}
    assert splits["train"].pairs[0].a == tmp_path / "3.png"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "1.png\n",
            r"pairs\.csv, line 1, has 1 column: a list of pairs has two columns, A and B, and for the split a t",
        ),
        ("1.png,2.png\n1.png,2.png,train,x\n", r"line 2, has 4 columns"),
        ("1.png,2.png,training\n", r"line 1, names a split: .* \(the splits are train, val, test\)"),
        ("1.png,\n", "line 1, lacks a path"),
        ("A,B\n", r"pairs\.csv is a list without pairs"),
        ("", r"pairs\.csv is a list without pairs"),
    ],
)
def test_lists_that_are_none(tmp_path, text, message):
    (tmp_path / "pairs.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_list(tmp_path / "pairs.csv")


def test_a_list_of_one_split_has_two_columns(tmp_path):
    (tmp_path / "train.csv").write_text("1.png,2.png,val\n")
    with pytest.raises(
        ValueError, match=r"train\.csv, line 1, has 3 columns: a list of pairs has two columns, A and B$"
    ):
        find_splits(tmp_path)


def test_a_list_that_is_no_text(tmp_path):
    (tmp_path / "pairs.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"pairs\.csv is no list of paths in UTF-8"):
        read_list(tmp_path / "pairs.csv")


def test_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file or folder .*nowhere"):
        side_by_side(tmp_path / "nowhere")
    assert find_splits(tmp_path / "nowhere") == {}


@pytest.mark.parametrize("layout", ["train/A train/B", "A/train B/train", "trainA trainB"])
def test_one_half_alone_names_the_other(tmp_path, layout):
    for there, missing in (layout.split(), layout.split()[::-1]):
        root = tmp_path / there.replace("/", "_")
        touch(root, f"{there}/1.jpg")
        message = rf"^{root}/{there} has no partner: the other halves of its pairs belong into {root}/{missing}$"
        with pytest.raises(ValueError, match=message):
            find_splits(root)
    touch(root, "train/1.jpg")  # it is pairs side by side, whatever else lies there
    assert len(find_splits(root)["train"].pairs) == 1
