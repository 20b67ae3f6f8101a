"""A folder of results: what stays, what goes, and what is refused, so that no two translations mix."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gluon_pix2pix.errors import UsageError
from gluon_pix2pix.translation.inputs import Input
from gluon_pix2pix.translation.result_folder import ResultFolder

SETTINGS = {"checkpoint": "epoch_0001", "pictures": "pair"}


def translate(folder: Path, *names: str, parts=("fake", "source", "target"), overwrite=False, root="in", **changes):
    """Write results as a translation does; return the folder."""
    inputs = [Input(Path(root, f"{name}.png"), name) for name in names]
    with ResultFolder(folder, {**SETTINGS, **changes}, inputs, overwrite=overwrite) as held:
        for name in names:
            for part in parts:
                path = folder / f"{name}_{part}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(str(changes))
    return held


def there(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def out(tmp_path) -> Path:
    translate(tmp_path / "out", "1", "a/2")
    return tmp_path / "out"


def test_the_record(out):
    record = json.loads((out / "translation.json").read_text())
    sources = {"1": os.path.abspath("in/1.png"), "a/2": os.path.abspath("in/a/2.png")}
    assert record == {**SETTINGS, "sources": sources, "cut": {}}
    translate(out, "3", video_format="same")
    record = json.loads((out / "translation.json").read_text())
    assert set(record["sources"]) == {"1", "a/2", "3"}
    assert record["video_format"] == "same"


@pytest.mark.parametrize("names", [("1",), ("5",)], ids=["the same names", "other names"])
def test_results_of_other_settings_do_not_mix(out, names):
    before = there(out)
    with pytest.raises(UsageError, match=r"has pictures of another translation \(other checkpoint\): pass --overwrite"):
        translate(out, *names, checkpoint="epoch_0002")
    with pytest.raises(UsageError, match=r"these inputs do not replace (1, )?a/2: remove them, or pass another"):
        translate(out, *names, checkpoint="epoch_0002", overwrite=True)
    assert there(out) == before


def test_what_a_mode_does_not_write_goes(out):
    (out / "1_side.jpg").touch()
    (out / "mine.png").touch()
    translate(out, "1", "a/2", pictures="single", parts=("fake", "source"), overwrite=True)
    expected = ["1_fake.png", "1_source.png", "a/2_fake.png", "a/2_source.png", "mine.png", "translation.json"]
    assert there(out) == expected


def test_what_a_killed_translation_left_half_written_goes_and_nothing_else_that_is_hidden(out):
    left = [".1_fake.png.abcdefg8.part.png", "a/.2_side.mp4.abcdefg8.part.mp4", ".translation.json.abcdefg8.part.json"]
    mine = [".mine", ".film.mkv.part", ".1_fake.png", "a/.mine_too.png.abcdefg8.part.png"]
    before = there(out)
    for name in left + mine:
        (out / name).touch()
    translate(out, "1", "a/2")
    assert there(out) == sorted(before + mine)


def test_a_target_without_its_fake_is_of_an_earlier_translation(out):
    for name in ("1", "a/2"):
        (out / f"{name}_fake.png").unlink()
    with pytest.raises(UsageError, match=r"another translation \(other pictures\)"):
        translate(out, "1", pictures="single")


def test_results_of_the_same_settings_stay(out):
    translate(out, "3")
    translate(out, "1", overwrite=True, parts=("fake",))
    expected = ["1_fake.png", *(f"{name}_{part}.png" for name in ("3", "a/2") for part in ("fake", "source", "target"))]
    assert there(out) == [*expected, "translation.json"]


def test_another_file_of_the_same_name(out):
    other = os.path.abspath("elsewhere/1.png")
    with pytest.raises(
        UsageError, match=rf"1_fake in .*out is of .*/in/1\.png, and that of {other} would have the same"
    ):
        translate(out, "1", root="elsewhere")
    translate(out, "1", root="elsewhere", overwrite=True)
    assert json.loads((out / "translation.json").read_text())["sources"]["1"] == other


def test_results_that_nothing_is_known_of(out):
    (out / "translation.json").unlink()
    with pytest.raises(UsageError, match=r"another translation \(it has no translation\.json\): pass --overwrite"):
        translate(out, "1", "a/2")
    translate(out, "1", "a/2", overwrite=True)


def test_a_record_of_an_earlier_version(out):
    """It names no files, and no format."""
    (out / "translation.json").write_text(json.dumps({**SETTINGS, "input": "/in"}))
    translate(out, "1", "5", format="png")
    assert "input" not in json.loads((out / "translation.json").read_text())


def test_a_record_that_is_something_else(out):
    (out / "translation.json").write_text("[]")
    with pytest.raises(ValueError, match=r"is not the record of a translation \(--overwrite begins anew\): it should"):
        translate(out, "1")
    translate(out, "1", "a/2", overwrite=True)


def test_folders_of_results_within(out):
    """results/a and results/b beside pictures in results: each has a record of its own."""
    translate(out.parent, "9", checkpoint="epoch_0007")
    with pytest.raises(UsageError, match="other checkpoint"):
        translate(out.parent, "9")


def test_videos_and_their_frames(tmp_path):
    video, settings = Input(Path("in/clip.mp4"), "clip"), {"video_format": "frames"}
    with ResultFolder(tmp_path, settings, [video], overwrite=False):
        (tmp_path / "clip_fake").mkdir()
        (tmp_path / "clip_fake/000001.png").touch()
    with pytest.raises(UsageError, match="other video_format"):
        ResultFolder(tmp_path, {"video_format": "mp4"}, [video], overwrite=False).__enter__()
    with ResultFolder(tmp_path, {"video_format": "mp4"}, [video], overwrite=True) as held:
        assert there(tmp_path) == ["translation.json"]
        (tmp_path / "clip_fake.mp4").touch()
        assert held.remember_cut({"clip": "6 of 12 frames"}) == ["6 of 12 frames"]
    with ResultFolder(tmp_path, {"video_format": "mp4"}, [video], overwrite=False) as held:
        assert held.remember_cut({}) == ["6 of 12 frames"]
    with ResultFolder(tmp_path, {"video_format": "mp4"}, [video], overwrite=True) as held:
        assert held.remember_cut({}) == []


def test_nothing_translated_leaves_no_trace(tmp_path, out):
    (tmp_path / "mine/sub").mkdir(parents=True)
    for folder in (tmp_path / "new/deep/er", tmp_path / "mine/sub", tmp_path / "mine"):
        before = sorted(tmp_path.rglob("*"))
        held = translate(folder, "1", parts=())
        (folder / "a").mkdir(exist_ok=True)
        held.forget()
        if folder.name == "er":
            assert sorted(tmp_path.rglob("*")) == before
        else:  # a folder that the user made stays
            (folder / "a").rmdir()
            assert sorted(tmp_path.rglob("*")) == before
    record = (out / "translation.json").read_text()
    translate(out, "5", parts=()).forget()
    assert (out / "translation.json").read_text() == record


def test_one_process_at_a_time(tmp_path):
    busy = r"another process is translating into .*: pass another --output"
    with ResultFolder(tmp_path, SETTINGS, [], overwrite=False), pytest.raises(OSError, match=busy):
        translate(tmp_path, "1")
    translate(tmp_path, "1")


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"cannot write results into .*file \(File exists\): pass another --output"):
        translate(tmp_path / "file", "1")


STEPS = st.tuples(st.sets(st.sampled_from(["1", "2", "a/1"]), min_size=1), st.sampled_from("XY"), st.booleans())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, max_size=5))
def test_all_results_of_a_folder_are_of_one_translation(tmp_path_factory, steps):
    """Whatever is translated into it, in whatever order, with or without --overwrite."""
    out = tmp_path_factory.mktemp("results")
    for names, checkpoint, overwrite in steps:
        parts = ("fake", "target") if checkpoint == "X" else ("fake",)
        with contextlib.suppress(UsageError):
            translate(out, *sorted(names), checkpoint=checkpoint, parts=parts, overwrite=overwrite)
        written = {path.read_text() for path in out.rglob("*.png")}
        assert len(written) <= 1
        if written == {str({"checkpoint": "Y"})}:
            assert not list(out.rglob("*_target.png"))
