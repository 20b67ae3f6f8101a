"""Score pictures: ``python eval_psnr.py results/``."""

from gluon_pix2pix.commands.cli import run

if __name__ == "__main__":
    run("evaluate")
