"""Train pix2pix: ``python train_pix2pix.py --gpu 0 --dataset facades``."""

from gluon_pix2pix.commands.cli import run

if __name__ == "__main__":
    run("train")
