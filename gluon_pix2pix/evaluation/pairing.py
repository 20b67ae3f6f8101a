"""Which picture belongs to which: a folder's fakes and their targets, by name.

Whatever should be half of a pair and has no partner, or two, comes back as a line that names it.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Optional

from gluon_pix2pix.pictures.folders import find_images
from gluon_pix2pix.writing import PathLike

# How a picture's name tells what it is. In this order the names of:
# this package, pytorch-CycleGAN-and-pix2pix (util/visualizer.py), affinelayer's pix2pix-tensorflow (pix2pix.py).
ENDINGS = {
    "fake": ("_fake", "_fake_B", "-outputs"),
    "target": ("_target", "_real_B", "-targets"),
    "source": ("_source", "_real_A", "-inputs"),
}


class Pair(NamedTuple):
    """A translated picture and the true one; `folder` and `name` are relative to the folder scored.

    `source` is the picture that was translated, if it lies beside them and is the only one of its name.
    """

    folder: str
    name: str
    fake: Path
    target: Path
    source: Optional[Path] = None

    @property
    def label(self) -> str:
        """The name with its folder, as tables show it."""
        return self.name if self.folder == "." else f"{self.folder}/{self.name}"


class Pairs(NamedTuple):
    """What a search found: pairs, a line for everything that should be one and is not, and pictures of neither kind."""

    pairs: list[Pair]
    problems: list[str]
    ignored: list[Path]


def find_pairs(folder: PathLike) -> Pairs:
    """Find the fakes and targets that lie beside each other under a folder, at any depth, by the `ENDINGS` of names.

    Pictures of other names are listed as ignored.

    Raises
    ------
    FileNotFoundError
        If `folder` is not a folder, or holds no pictures.
    ValueError
        If no picture has a fake's name, or none a target's.
    """
    folder = Path(folder)
    found: dict[tuple[Path, str], dict[str, list[Path]]] = {}
    sources: dict[tuple[Path, str], list[Path]] = {}
    ignored = []
    pictures = find_images(folder)
    for path in pictures:
        name, role = _split_ending(path.stem)
        if role in ("fake", "target"):
            found.setdefault((path.parent, name), {"fake": [], "target": []})[role].append(path)
        elif role == "source":
            sources.setdefault((path.parent, name), []).append(path)
        else:
            ignored.append(path)
    for role in ("fake", "target"):
        if not any(roles[role] for roles in found.values()):
            raise ValueError(
                f"none of the {len(pictures)} pictures in {folder} has the name of a {role} "
                f"({_expected('NAME', role)}): "
                "if the targets lie in another folder under equal names, --targets names it"
            )
    pairs, problems = [], _empty_folders(folder)
    for (parent, name), roles in found.items():
        problem = _claims(roles["fake"], roles["target"], expected=name)
        if problem:
            problems.append(problem)
        else:
            source = _only(sources.get((parent, name), []))
            below = parent.relative_to(folder).as_posix()
            pairs.append(Pair(below, name, roles["fake"][0], roles["target"][0], source))
    return Pairs(pairs, problems, ignored)


def match_folders(fakes: PathLike, targets: PathLike) -> Pairs:
    """Pair the pictures of two folders, at any depth, by their relative paths without the extension.

    A fake may end as in `ENDINGS`: ``a/7_fake.png`` finds ``a/7.jpg`` if there is no ``a/7_fake.*``. Targets among
    the fakes are passed over.

    Raises
    ------
    FileNotFoundError
        If one of them is not a folder, or holds no pictures.
    ValueError
        If both are the same folder.
    """
    fakes, targets = Path(fakes), Path(targets)
    found: dict[str, dict[str, list[Path]]] = {}
    for path in find_images(targets):
        found.setdefault(_stem(path, targets), {"fake": [], "target": []})["target"].append(path)
    if fakes.resolve() == targets.resolve():
        raise ValueError(f"{fakes} is the folder of the fakes and of the targets: every picture would equal itself")
    known = set(found)
    sources: dict[str, list[Path]] = {}
    for path in find_images(fakes):
        stem = _stem(path, fakes)
        name, role = (stem, "fake") if stem in known else _split_ending(stem)
        if role in ("fake", None):
            found.setdefault(name, {"fake": [], "target": []})["fake"].append(path)
        elif role == "source":
            sources.setdefault(name, []).append(path)
    pairs, problems = [], _empty_folders(fakes) + _empty_folders(targets)
    for name, roles in found.items():
        problem = _claims(roles["fake"], roles["target"], expected=name, folders=(fakes, targets))
        if problem:
            problems.append(problem)
        else:
            parent, _, stem = name.rpartition("/")
            source = _only(sources.get(name, []))
            pairs.append(Pair(parent or ".", stem, roles["fake"][0], roles["target"][0], source))
    return Pairs(pairs, problems, [])


def _split_ending(stem: str) -> tuple[str, Optional[str]]:
    for role, endings in ENDINGS.items():
        for ending in endings:
            if stem.endswith(ending) and Path(stem).name != ending:
                return stem[: -len(ending)], role
    return stem, None


def _only(paths: list[Path]) -> Optional[Path]:
    return paths[0] if len(paths) == 1 else None


def _stem(path: Path, folder: Path) -> str:
    return path.relative_to(folder).with_suffix("").as_posix()


def _expected(name: str, role: str) -> str:
    return ", ".join(f"{name}{ending}.*" for ending in ENDINGS[role])


def _claims(
    fakes: list[Path], targets: list[Path], *, expected: str, folders: Optional[tuple[Path, Path]] = None
) -> Optional[str]:
    """Say what keeps these from being one fake and one target; None if they are."""
    for role, paths in (("fake", fakes), ("target", targets)):
        if len(paths) > 1:
            return f"{' and '.join(map(str, paths))} would each be the {role} of {expected!r}: keep one"
    if fakes and targets:
        return None
    missing, partner = ("target", fakes) if fakes else ("fake", targets)
    if folders:
        return f"{partner[0]} has no {missing}: no {folders[missing == 'target'] / expected}.*"
    return f"{partner[0]} has no {missing} beside it: none of {_expected(expected, missing)}"


def _empty_folders(folder: Path) -> list[str]:
    problems = []
    for path in sorted(folder.rglob("*")):
        try:
            if path.is_dir() and not path.name.startswith(".") and not any(path.iterdir()):
                problems.append(f"{path} is an empty folder")
        except OSError as error:  # rglob passes over a folder that it may not read
            problems.append(f"{path}: {error.strerror}")
    return problems
