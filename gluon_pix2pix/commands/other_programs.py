"""Options of the other pix2pix programs: two go on as ours, and each of the others is answered by the word here.

Words are upstream's (junyanz/pytorch-CycleGAN-and-pix2pix), its former ones among them, and affinelayer's.
docs/options.md sets all of them beside ours.
"""

from __future__ import annotations

from collections.abc import Sequence

from gluon_pix2pix.errors import UsageError

# Taken as they are, with their values. A path stays a path, and is never taken for the name of a set.
ALIASES = {"--gpu-ids": "--gpu"}
TRAIN_ALIASES = {**ALIASES, "--dataroot": "--dataset", "--netG": "--generator", "--netD": "--discriminator"}
TRAIN_ALIASES |= {"--lambda-L1": "--lambda-l1"}

_PICTURES = "the run's page has pictures after 100 steps and after epochs; --sample-every N says how often"
_LIVE = "--log visdom shows a run there; index.html in its folder needs no server"
_SAME = "the same command goes on where it was; --init-from RUN begins another run with the weights of one"
_TRANSLATED = "training does not translate all pictures; afterwards: translate --model RUN --input FOLDER"
_MINE = {
    "num-threads": "it is --num-workers here",
    "n-threads": "it is --num-workers here",
    "name": "the run's folder is one word here: --run-dir runs/NAME",
    "checkpoints-dir": "the run's folder, with its checkpoints, is one word here: --run-dir runs/NAME",
    "output-dir": "the run's folder is --run-dir here",
    "suffix": "the run's folder is one word here: --run-dir runs/NAME",
    "model": "leave it out: pix2pix is what is trained; --task colorization is what --model colorization is",
    "dataset-mode": "leave it out: the layout is seen; --task colorization is what --dataset_mode colorization is",
    "continue-train": f"leave it out: {_SAME}",
    "epoch-count": f"leave it out: {_SAME}",
    "epoch": f"leave it out: {_SAME}",
    "load-iter": f"leave it out: {_SAME}",
    "checkpoint": f"leave it out: {_SAME}",
    "phase": "leave it out: train/ is trained on, and val/ (else test/) validated on",
    "mode": "leave it out: the command's first word says it, train, translate or export",
    "isTrain": "leave it out: the command's first word says it, train, translate or export",
    "input-dir": "it is --dataset here: the folder above the one of train",
    "which-direction": "it is --direction here",
    "which-model-net-G": "it is --generator here",
    "which-model-net-D": "it is --discriminator here",
    "fine-size": "it is --crop-size here",
    "scale-size": "it is --load-size here",
    "niter": "it is --n-epochs here",
    "niter-decay": "it is --n-epochs-decay here",
    "max-epochs": "it is --n-epochs here, with --n-epochs-decay 0",
    "max-steps": "say it in epochs, --n-epochs; Ctrl-C saves and ends at any step",
    "l1-weight": "it is --lambda-l1 here",
    "gan-weight": "it is --lambda-gan here",
    "lab-colorization": "it is --task colorization here",
    "print-freq": "it is --log-every here, in steps",
    "progress-freq": "it is --log-every here, in steps",
    "save-epoch-freq": "it is --save-every here, in epochs",
    "save-latest-freq": "--save-every N saves after epochs; Ctrl-C saves at any step",
    "save-freq": "--save-every N saves after epochs; Ctrl-C saves at any step",
    "save-by-iter": "leave it out: --save-every N saves after epochs; Ctrl-C saves at any step",
    "display-freq": _PICTURES,
    "update-html-freq": _PICTURES,
    "no-html": f"leave it out: {_PICTURES}",
    "display-winsize": f"leave it out: {_PICTURES}",
    **{f"display-{word}": _LIVE for word in ("id", "ncols", "server", "env", "port")},
    "summary-freq": "it is --log tensorboard here",
    "use-wandb": "Weights & Biases is not here: log.jsonl in the run's folder has the numbers; --log tensorboard",
    "wandb-project-name": "Weights & Biases is not here: log.jsonl in the run's folder has the numbers",
    "verbose": "leave it out: options.json in the run's folder has the networks; --debug shows tracebacks",
    "separable-conv": "separable convolutions are not here",
    "lambda-A": "it is CycleGAN's, which is not here",
    "lambda-B": "it is CycleGAN's, which is not here",
    "lambda-identity": "it is CycleGAN's, which is not here",
    "results-dir": _TRANSLATED,
    "num-test": _TRANSLATED,
    "how-many": _TRANSLATED,
    "eval": _TRANSLATED,
}
_KNOWN = "leave it out: the run knows it"
_RUN_KNOWS = ("dataset-mode", "direction", "which-direction", "netG", "which-model-net-G", "ngf", "norm", "input-nc")
_RUN_KNOWS += ("output-nc", "load-size", "crop-size", "fine-size", "scale-size", "init-type", "init-gain", "ndf")
_TRANSLATE = {
    "dataroot": "the pictures are --input here: --input PATH/val",
    "input-dir": "the pictures are --input here",
    "phase": "the pictures' folder says it: --input PATH/test",
    "name": "the run is --model here: --model runs/NAME",
    "checkpoints-dir": "the run is --model here: --model runs/NAME",
    "checkpoint": "the run is --model here: --model runs/NAME",
    "model-suffix": "the run is --model here: --model runs/NAME",
    "results-dir": "it is --output here",
    "output-dir": "it is --output here",
    "num-test": "all pictures of --input are translated: name fewer, by a pattern such as 'val/1*.jpg' or a list",
    "how-many": "all pictures of --input are translated: name fewer, by a pattern such as 'val/1*.jpg' or a list",
    "max-steps": "all pictures of --input are translated: name fewer, by a pattern such as 'val/1*.jpg' or a list",
    "eval": "it is --statistics running --no-dropout here",
    "load-iter": "--epoch latest, best or a number says which checkpoint",
    "which-epoch": "it is --epoch here",
    "mode": "leave it out: the command's first word says it, train, translate or export",
    "dataset": "the pictures are --input here: --input data/NAME/val",
    "num-threads": "leave it out: there is nothing to choose",
    "no-flip": "leave it out: nothing is mirrored",
    "serial-batches": "leave it out: pictures are translated in their order",
    **dict.fromkeys(_RUN_KNOWS, _KNOWN),
    "preprocess": "the run knows it; --keep-size translates pictures at their own size",
}
ANSWERS = {"train": _MINE, "translate": _TRANSLATE}


def read_words(command: str, words: Sequence[str]) -> list[str]:
    """Return the words of a command line in ours.

    Raises
    ------
    UsageError
        If one is another program's; it says what to take.
    """
    aliases = TRAIN_ALIASES if command == "train" else ALIASES
    answers = {_key(word): answer for word, answer in ANSWERS[command].items()}
    ours, is_path = [], False
    for word in words:
        name, equals, value = word.partition("=")
        alias = aliases.get(name.replace("_", "-")) if name.startswith("--") else None
        if name.startswith("--") and alias is None and _key(name) in answers:
            raise UsageError(f"{name}: {answers[_key(name)]}")
        given = [value] if equals else []
        if is_path or (alias and given and name == "--dataroot"):
            given, word = [_as_path(value) for value in given], _as_path(word)
        is_path = name == "--dataroot" and not equals
        ours += [alias, *given] if alias else [word]
    return ours


def _key(word: str) -> str:
    """Return what all spellings of an option have in common: --batch_size, --batch-size, --batchSize."""
    return word.replace("-", "").replace("_", "").lower()


def _as_path(word: str) -> str:
    """Return a folder's path that no set's name is taken for."""
    return word if "/" in word or word.startswith("-") else f"./{word}"
