"""``train`` on files that are bad, or turn bad: it stops in one line, or goes on without them."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def spoilt(draw_set, tmp_path):
    """Six pairs, the fourth of which is text by the name of a picture and the sixth is cut off."""
    folder = draw_set(tmp_path / "set", 6)
    (folder / "train/3.png").write_text("not a picture")
    (folder / "train/5.png").write_bytes((folder / "train/5.png").read_bytes()[:-50])
    return folder


def test_bad_files_stop_before_training_starts(train, spoilt, tmp_path):
    code, _, err = train("--dataset", spoilt, "--run-dir", tmp_path / "run")
    assert code == 1
    bad = f"{spoilt}/train/3.png is not a picture in a known format (13 bytes)"
    assert err == f"error: {bad} (and 1 more); --skip-bad goes on without such files\n"
    assert not (tmp_path / "run").exists()


def test_bad_files_are_skipped_if_that_is_wanted(train, look, spoilt, tmp_path):
    words = ["--dataset", spoilt, "--run-dir", tmp_path / "run", "--skip-bad"]
    code, out, err = train(*words, epochs=1)
    assert (code, err) == (0, "")
    lines = [
        f"skipped: {spoilt}/train/3.png is not a picture in a known format (13 bytes)",
        f"skipped: {spoilt}/train/5.png is cut off: the end of the picture is missing",
    ]
    for line in lines:
        assert f"note: {line}\n" in out
    run = look(tmp_path / "run")
    assert len(run.losses()) == 4
    assert run.events("start", "notes") == [(lines,)]


def vanishing(after_step, path: Path, number: int) -> None:
    after_step(number, lambda trainer: path.unlink())


@pytest.mark.parametrize("workers", [0, 2])
def test_a_file_that_vanishes_stops_the_run(train, look, draw_set, tmp_path, after_step, workers):
    folder = draw_set(tmp_path / "set", 8)
    vanishing(after_step, folder / "train/4.png", 8)
    words = ["--dataset", folder, "--run-dir", tmp_path / "run", "--num-workers", workers]
    code, _, err = train(*words, epochs=3)
    assert (code, err) == (1, f"error: {folder}/train/4.png: No such file or directory\n")
    assert look(tmp_path / "run").checkpoints() == ["epoch_0001"]


def test_a_file_that_vanishes_is_replaced_if_that_is_wanted(train, look, draw_set, tmp_path, after_step):
    folder = draw_set(tmp_path / "set", 8)
    kept = (folder / "train/4.png").read_bytes()
    runs = []
    for workers in (0, 2):  # without reading ahead, and with: the file is gone before the second epoch begins
        (folder / "train/4.png").write_bytes(kept)
        vanishing(after_step, folder / "train/4.png", 8)
        run_dir = tmp_path / str(workers)
        words = ["--dataset", folder, "--run-dir", run_dir, "--num-workers", workers, "--skip-bad"]
        code, out, err = train(*words, epochs=3)
        assert (code, err) == (0, "")
        line = f"{folder}/train/4.png: No such file or directory"
        assert out.count(f"skipped: {line}\n") == 1
        runs.append(look(run_dir))
        assert runs[-1].events("skipped", "file") == [(line,)]
        assert len(runs[-1].losses()) == 24
    assert runs[0].state("epoch_0003") == runs[1].state("epoch_0003")


def test_a_run_that_stopped_at_a_bad_file_goes_on_without_it(train, look, draw_set, tmp_path):
    folder = draw_set(tmp_path / "set", 4)
    words = ["--dataset", folder, "--run-dir", tmp_path / "run"]
    assert train(*words, epochs=1)[0] == 0
    (folder / "train/2.png").write_text("")
    assert train(*words, epochs=2)[0] == 1
    code, out, err = train(*words, "--skip-bad", epochs=2)
    assert (code, err) == (0, "")
    assert "note: the files in" not in out
    assert f"the files in {folder}/train are not those that the run has seen so far" in out
    assert len(look(tmp_path / "run").losses()) == 4 + 3
