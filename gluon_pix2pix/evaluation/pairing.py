"""Which picture belongs to which: a folder's fakes and their targets, by name.

Whatever should be half of a pair and has no partner, or two, comes back as a line that names it.
"""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path
from typing import NamedTuple, Optional

from gluon_pix2pix.pairs.matching import Match, by_stem, match
from gluon_pix2pix.pictures.folders import Listing, list_images
from gluon_pix2pix.reading import read_json
from gluon_pix2pix.writing import PathLike

# How a picture's name tells what it is. In this order the names of:
# this package, pytorch-CycleGAN-and-pix2pix (util/visualizer.py), affinelayer's pix2pix-tensorflow (pix2pix.py).
ENDINGS = {
    "fake": ("_fake", "_fake_B", "-outputs"),
    "target": ("_target", "_real_B", "-targets"),
    "source": ("_source", "_real_A", "-inputs"),
}


# What this program writes beside pictures.
_OURS = ("scores.json", "scores.csv", "index.html", "translation.json")


class Translated(NamedTuple):
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


class Found(NamedTuple):
    """What a search found.

    `problems` has a line for everything that should be a pair and is not, `ignored` the pictures of neither kind,
    `notes` a line for each folder that says which other files were not looked at.
    """

    pairs: list[Translated]
    problems: list[str]
    ignored: list[Path]
    notes: list[str]


def find_pairs(folder: PathLike) -> Found:
    """Find the fakes and targets that lie beside each other under a folder, at any depth, by the `ENDINGS` of names.

    Pictures of other names are listed as ignored. Folders whose translation.json says that they never had targets are
    passed over, with a note, where there are others.

    Raises
    ------
    FileNotFoundError
        If `folder` is not a folder, or holds no pictures.
    ValueError
        If no picture has a fake's name, or none a target's.
    """
    listing = list_images(folder)
    named: dict[Optional[str], dict[str, list[Path]]] = {"fake": {}, "target": {}, "source": {}, None: {}}
    for stem, paths in by_stem(listing).items():
        name, role = _split_ending(stem)
        named[role].setdefault(name, []).extend(paths)
    for role in ("fake", "target"):
        if not named[role]:
            raise ValueError(
                f"none of the {len(listing.pictures)} pictures in {folder} has the name of a {role} "
                f"({_expected('NAME', role)}): "
                "if the targets lie in another folder under equal names, --targets names it"
            )
    found = match(named["fake"], named["target"])
    lone, passed_over = _without_translations_of_no_targets(listing, found)
    problems = _empty(listing) + _doubles(found)
    for missing, partner in (("target", lone), ("fake", found.lone[1])):
        problems += [
            f"{path} has no {missing} beside it: none of {_expected(_last(name), missing)}"
            for name, path in partner.items()
        ]
    pairs = _pairs(found, named["source"])
    stale = _stale_targets(listing, pairs)
    ignored = [path for paths in named[None].values() for path in paths]
    whole, notes = [pair for pair in pairs if pair not in stale], passed_over + _notes(listing)
    return Found(whole, [*problems, *stale.values()], ignored, notes)


def match_folders(fakes: PathLike, targets: PathLike) -> Found:
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
    true = list_images(targets)
    if Path(fakes).resolve() == Path(targets).resolve():
        raise ValueError(f"{fakes} is the folder of the fakes and of the targets: every picture would equal itself")
    listing = list_images(fakes)
    known = by_stem(true)
    named: dict[str, dict[str, list[Path]]] = {"fake": {}, "source": {}, "target": {}}
    for stem, paths in by_stem(listing).items():
        name, role = (stem, "fake") if stem in known else _split_ending(stem)
        named[role or "fake"].setdefault(name, []).extend(paths)
    found = match(named["fake"], known)
    problems = _empty(listing) + _empty(true) + _doubles(found)
    problems += [f"{path} has no fake: no {listing.folder / name}.*" for name, path in found.lone[1].items()]
    problems += [f"{path} has no target: no {true.folder / name}.*" for name, path in found.lone[0].items()]
    return Found(_pairs(found, named["source"]), problems, [], _notes(listing) + _notes(true))


def _pairs(found: Match, sources: dict[str, list[Path]]) -> list[Translated]:
    pairs = []
    for name, (fake, target) in found.pairs.items():
        folder, _, stem = name.rpartition("/")
        of_that_name = sources.get(name, [])
        pairs.append(Translated(folder or ".", stem, fake, target, of_that_name[0] if len(of_that_name) == 1 else None))
    return pairs


def _without_translations_of_no_targets(listing: Listing, found: Match) -> tuple[dict[str, Path], list[str]]:
    """Return the fakes that lack a target, but for those of translations that never had any; and a line for each."""
    lone, notes = dict(found.lone[0]), []
    paired = [path for pair in found.pairs.values() for path in pair] + list(found.lone[1].values())
    records = sorted((path for path in listing.others if path.name == "translation.json"), key=lambda p: -len(p.parts))
    for record in records:  # the deepest first: a folder of results may lie within another
        folder = record.parent
        here = [name for name, path in lone.items() if folder in path.parents]
        if here and found.pairs and _had_no_targets(record) and not any(folder in path.parents for path in paired):
            words = "1 picture was" if len(here) == 1 else f"{len(here)} pictures were"
            notes.append(f"passed over {folder}: {words} translated without targets")
            for name in here:
                del lone[name]
    return lone, notes


def _had_no_targets(record: Path) -> bool:
    """Whether the record of a translation says that no picture's true answer was known."""
    with contextlib.suppress(ValueError, OSError):  # nothing is known of how the fakes were made
        made = read_json(record, {"pictures": str}, what="the record of a translation")
        return made["pictures"] == "single" and made.get("targets") is None
    return False


def _stale_targets(listing: Listing, pairs: list[Translated]) -> dict[Translated, str]:
    """Say which targets an earlier translation has left beside fakes that were made later, without any target."""
    stale = {}
    for path in listing.others:
        if path.name != "translation.json":
            continue
        for pair in pairs if _had_no_targets(path) else ():
            if path.parent in pair.fake.parents and pair.target.stat().st_mtime_ns <= pair.fake.stat().st_mtime_ns:
                stale[pair] = (
                    f"{pair.target} is older than {pair.fake}, which was translated without targets ({path}): it "
                    "is of an earlier translation; remove it, or name the true pictures' folder by --targets"
                )
    return stale


def _split_ending(stem: str) -> tuple[str, Optional[str]]:
    for role, endings in ENDINGS.items():
        for ending in endings:
            if stem.endswith(ending) and _last(stem) != ending:
                return stem[: -len(ending)], role
    return stem, None


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _expected(name: str, role: str) -> str:
    return ", ".join(f"{name}{ending}.*" for ending in ENDINGS[role])


def _doubles(found: Match) -> list[str]:
    return [
        f"{' and '.join(map(str, paths))} would each be the {('fake', 'target')[side]} of {name!r}: keep one"
        for name, side, paths in found.doubles
    ]


def _empty(listing: Listing) -> list[str]:
    return [f"{path} is an empty folder" for path in listing.empty]


def _notes(listing: Listing) -> list[str]:
    """Say what else is there, but for what this program writes itself."""
    others = [path for path in listing.others if path.name not in _OURS]
    ours = [path.parent / "thumbs" for path in listing.others if path.name == "index.html"]
    previews = [path for path in listing.previews if path not in ours]
    note = dataclasses.replace(listing, others=others, previews=previews).note()
    return [note] if note else []
