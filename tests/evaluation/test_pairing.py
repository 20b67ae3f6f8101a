"""Which files become pairs, and that whatever does not is named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gluon_pix2pix.evaluation.pairing import find_pairs, match_folders


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


def listed(found, folder):
    return [
        (pair.label, pair.fake.relative_to(folder).as_posix(), pair.target.relative_to(folder).as_posix())
        for pair in found.pairs
    ]


@pytest.mark.parametrize(
    ("fake", "target", "source"),
    [
        ("7_fake.png", "7_target.png", "7_source.png"),
        ("7_fake.jpg", "7_target.tif", "7_source.bmp"),
        ("7_fake_B.png", "7_real_B.png", "7_real_A.png"),
        ("7-outputs.png", "7-targets.png", "7-inputs.png"),
    ],
)
def test_pairs_by_each_convention(tmp_path, fake, target, source):
    touch(tmp_path, fake, target, source)
    found = find_pairs(tmp_path)
    assert listed(found, tmp_path) == [("7", fake, target)]
    assert found.pairs[0].source == tmp_path / source
    assert not found.problems
    assert not found.ignored


def test_searches_every_depth_in_natural_order(tmp_path):
    pictures = tmp_path / "maps/test_latest/images"
    touch(tmp_path / "facades", "10_fake.png", "10_target.png", "2_fake.png", "2_target.png")
    touch(pictures, "x_fake_B.png", "x_real_B.png", "x_real_A.png")
    touch(tmp_path, "facades/index.html", "facades/grid.png", "facades/_fake.png")
    found = find_pairs(tmp_path)
    assert [pair.label for pair in found.pairs] == ["facades/2", "facades/10", "maps/test_latest/images/x"]
    assert [pair.folder for pair in found.pairs] == ["facades", "facades", "maps/test_latest/images"]
    assert not found.problems
    assert sorted(path.name for path in found.ignored) == ["_fake.png", "grid.png"]


def test_conventions_may_mix_where_no_name_is_claimed_twice(tmp_path):
    touch(tmp_path, "1_fake.png", "1_target.png", "2_fake_B.png", "2_real_B.png", "3-outputs.png", "3-targets.png")
    found = find_pairs(tmp_path)
    assert [pair.name for pair in found.pairs] == ["1", "2", "3"]
    assert not found.problems


def test_names_every_problem(tmp_path):
    touch(tmp_path, "1_fake.png", "1_fake_B.png", "1_target.png")
    touch(tmp_path, "2_fake.png", "2_target.png", "2_target.jpg")
    touch(tmp_path, "3_fake.png", "4_target.png", "5_fake.png", "5_target.png")
    (tmp_path / "none").mkdir()
    (tmp_path / ".hidden").mkdir()
    found = find_pairs(tmp_path)
    assert [pair.name for pair in found.pairs] == ["5"]
    assert found.problems == [
        f"{tmp_path}/none is an empty folder",
        f"{tmp_path}/1_fake.png and {tmp_path}/1_fake_B.png would each be the fake of '1': keep one",
        f"{tmp_path}/2_target.jpg and {tmp_path}/2_target.png would each be the target of '2': keep one",
        f"{tmp_path}/3_fake.png has no target beside it: none of 3_target.*, 3_real_B.*, 3-targets.*",
        f"{tmp_path}/4_target.png has no fake beside it: none of 4_fake.*, 4_fake_B.*, 4-outputs.*",
    ]


def test_a_folder_that_may_not_be_read_is_an_error(tmp_path, monkeypatch):
    touch(tmp_path, "1_fake.png", "1_target.png", "locked/2_fake.png")
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(PermissionError, match=r"Permission denied: .*locked"):
        find_pairs(tmp_path)


def test_files_of_other_programs_are_neither_scored_nor_problems(tmp_path):
    touch(
        tmp_path / "fakes", "a.png", ".ipynb_checkpoints/a-checkpoint.png", "scores.json", "index.html", "thumbs/x.png"
    )
    touch(tmp_path / "true", "a.png", ".ipynb_checkpoints/a-checkpoint.png", "@eaDir/a.png", "b.heic", "notes.txt")
    found = match_folders(tmp_path / "fakes", tmp_path / "true")
    assert listed(found, tmp_path) == [("a", "fakes/a.png", "true/a.png")]
    assert found.problems == []
    (note,) = found.notes
    assert note.startswith(f"left out of {tmp_path}/true: 1 .txt, what is in @eaDir/, b.heic, whose format")


def test_names_are_one_however_their_accents_are_spelt(tmp_path):
    touch(tmp_path / "fakes", "fac\u0327ade_fake.png", "fac\u0327ade_source.png")
    touch(tmp_path / "true", "fa\u00e7ade.png")
    found = match_folders(tmp_path / "fakes", tmp_path / "true")
    assert [(pair.name, pair.source.name) for pair in found.pairs] == [("fa\u00e7ade", "fac\u0327ade_source.png")]
    touch(tmp_path / "beside", "fac\u0327ade_fake.png", "fa\u00e7ade_target.png")
    assert [pair.name for pair in find_pairs(tmp_path / "beside").pairs] == ["fa\u00e7ade"]


@pytest.mark.parametrize(
    ("record", "stale"),
    [
        ('{"pictures": "single", "targets": null}', True),
        ('{"pictures": "single", "targets": "true"}', False),
        ('{"pictures": "pair", "targets": null}', False),
        ("[]", False),
    ],
)
def test_targets_of_an_earlier_translation_are_not_scored_against(tmp_path, record, stale):
    folder = tmp_path / "X"
    touch(folder, "1_target.png", "1_fake.png", "deep/2_target.png", "deep/2_fake.png", "3_fake.png", "3_target.png")
    for age, name in enumerate(("3_target", "1_fake", "deep/2_fake", "3_fake", "deep/2_target", "1_target")):
        os.utime(folder / f"{name}.png", (1e9 - age, 1e9 - age))
    (folder / "translation.json").write_text(record)
    found = find_pairs(tmp_path)
    assert [pair.name for pair in found.pairs] == (["3"] if stale else ["1", "3", "2"])
    assert [line.split(" is older than ")[0] for line in found.problems] == (
        [f"{folder}/1_target.png", f"{folder}/deep/2_target.png"] if stale else []
    )
    assert all("it is of an earlier translation; remove it, or name" in line for line in found.problems)


def test_folders_that_never_had_targets_are_passed_over(tmp_path):
    touch(
        tmp_path, "a/1_fake.png", "a/1_target.png", "b/2_fake.png", "b/deep/3_fake.png", "c/4_fake.png", "d/5_fake.png"
    )
    (tmp_path / "b/translation.json").write_text('{"pictures": "single", "targets": null}')
    (tmp_path / "c/translation.json").write_text('{"pictures": "pair"}')
    found = find_pairs(tmp_path)
    assert [pair.label for pair in found.pairs] == ["a/1"]
    assert found.notes == [f"passed over {tmp_path}/b: 2 pictures were translated without targets"]
    assert [line.partition(" has no ")[0] for line in found.problems] == [
        f"{tmp_path}/c/4_fake.png",
        f"{tmp_path}/d/5_fake.png",
    ]


@pytest.mark.parametrize(("there", "missing"), [("1.png", "fake"), ("1_fake.png", "target"), ("1_target.png", "fake")])
def test_a_folder_without_one_kind_is_one_error(tmp_path, there, missing):
    touch(tmp_path, there, there.replace("1", "2"))
    with pytest.raises(ValueError, match=f"none of the 2 pictures in .* has the name of a {missing} .*--targets"):
        find_pairs(tmp_path)


def test_matches_two_folders_by_relative_path(tmp_path):
    touch(tmp_path / "fakes", "1.png", "sub/1.jpg", "v1.5.png")
    touch(tmp_path / "true", "1.jpg", "sub/1.png", "v1.5.tif")
    found = match_folders(tmp_path / "fakes", tmp_path / "true")
    assert listed(found, tmp_path) == [
        ("1", "fakes/1.png", "true/1.jpg"),
        ("sub/1", "fakes/sub/1.jpg", "true/sub/1.png"),
        ("v1.5", "fakes/v1.5.png", "true/v1.5.tif"),
    ]
    assert not found.problems


def test_matches_fakes_by_their_ending_and_passes_over_sources(tmp_path):
    touch(tmp_path / "fakes", "a/1_fake.png", "a/1_source.png", "2_fake.png")
    touch(tmp_path / "true", "a/1.png", "2_fake.png")  # the second is a picture's own name
    found = match_folders(tmp_path / "fakes", tmp_path / "true")
    assert listed(found, tmp_path) == [
        ("2_fake", "fakes/2_fake.png", "true/2_fake.png"),
        ("a/1", "fakes/a/1_fake.png", "true/a/1.png"),
    ]
    assert not found.problems


def test_names_every_problem_of_two_folders(tmp_path):
    fakes, true = tmp_path / "fakes", tmp_path / "true"
    touch(fakes, "1.png", "1.jpg", "2.png", "4.png")
    touch(true, "1.png", "3.png", "4.png")
    (true / "none").mkdir()
    found = match_folders(fakes, true)
    assert [pair.name for pair in found.pairs] == ["4"]
    assert found.problems == [
        f"{true}/none is an empty folder",
        f"{fakes}/1.jpg and {fakes}/1.png would each be the fake of '1': keep one",
        f"{true}/3.png has no fake: no {fakes}/3.*",
        f"{fakes}/2.png has no target: no {true}/2.*",
    ]


def test_refuses_to_compare_a_folder_with_itself(tmp_path):
    touch(tmp_path, "1.png")
    with pytest.raises(ValueError, match="every picture would equal itself"):
        match_folders(tmp_path, tmp_path / ".." / tmp_path.name)


def test_refuses_folders_that_hold_nothing(tmp_path):
    touch(tmp_path / "true", "1.png")
    with pytest.raises(FileNotFoundError, match=r"there is no file or folder .*absent"):
        match_folders(tmp_path / "true", tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="empty holds no pictures"):
        find_pairs(tmp_path / "empty")
