"""Trains featx's embedded model: a CIFAR-10 ResNet-20 on a folder of 32x32 JPEGs, one folder per class.

    python3 train_cifar.py --train DIR --out resnet20.pth [--test DIR] [--epochs 65]

Needs torch, numpy and Pillow. One core takes about 67 s an epoch (bfloat16 autocast, AMX or AVX512-BF16).
The test pictures are looked at once, after the last epoch: they choose nothing.
"""
import argparse
import os
import random
import time

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from cifar_resnet import CifarResNet

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


def load(folder):
    """Returns pictures as uint8 N x 3 x 32 x 32 and labels, classes in alphabetical order of the folders."""
    pixels, labels = [], []
    for label, name in enumerate(sorted(os.listdir(folder))):
        for file in sorted(os.listdir(os.path.join(folder, name))):
            with Image.open(os.path.join(folder, name, file)) as im:
                pixels.append(np.asarray(im.convert("RGB")))
            labels.append(label)
    return torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).contiguous(), torch.tensor(labels)


def normalise(x):
    return (x.float() / 255 - MEAN) / STD


def augment(x):
    """Random horizontal flip, then a random 32x32 crop from the picture padded by 4 on each side."""
    n = x.shape[0]
    flip = torch.rand(n) < 0.5
    x = torch.where(flip.view(-1, 1, 1, 1), x.flip(3), x)
    x = F.pad(x, (4, 4, 4, 4))
    rows = torch.randint(0, 9, (n, 1)) + torch.arange(32)
    cols = torch.randint(0, 9, (n, 1)) + torch.arange(32)
    x = x.gather(2, rows.view(n, 1, 32, 1).expand(n, 3, 32, 40))
    return x.gather(3, cols.view(n, 1, 1, 32).expand(n, 3, 32, 32))


def correct(model, pixels, labels):
    model.eval()
    right = 0
    with torch.no_grad():
        for i in range(0, len(pixels), 500):
            right += (model(normalise(pixels[i:i + 500])).argmax(1) == labels[i:i + 500]).sum().item()
    return right


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--train", required=True)
    p.add_argument("--test")
    p.add_argument("--out", required=True)
    p.add_argument("--depth", type=int, default=20)
    p.add_argument("--epochs", type=int, default=65)
    p.add_argument("--batch", type=int, default=128)
    p.add_argument("--lr", type=float, default=0.1)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--seed", type=int, default=20)
    a = p.parse_args()

    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    random.seed(a.seed)
    pixels, labels = load(a.train)
    model = CifarResNet(a.depth).to(memory_format=torch.channels_last)
    decay = [q for q in model.parameters() if q.ndim > 1]
    plain = [q for q in model.parameters() if q.ndim <= 1]
    opt = torch.optim.SGD([{"params": decay, "weight_decay": 5e-4}, {"params": plain, "weight_decay": 0.0}],
                          lr=a.lr, momentum=0.9, nesterov=True)
    steps = a.epochs * (len(pixels) // a.batch)
    warm = steps // a.epochs * 2
    sched = torch.optim.lr_scheduler.LambdaLR(
        opt, lambda s: (s + 1) / warm if s < warm else 0.5 * (1 + np.cos(np.pi * (s - warm) / (steps - warm))))

    for epoch in range(a.epochs):
        model.train()
        start, total, right, seen = time.time(), 0.0, 0, 0
        order = torch.randperm(len(pixels))
        for i in range(0, len(order) - a.batch + 1, a.batch):
            pick = order[i:i + a.batch]
            x = augment(normalise(pixels[pick])).contiguous(memory_format=torch.channels_last)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                out = model(x)
            loss = F.cross_entropy(out.float(), labels[pick])
            opt.zero_grad()
            loss.backward()
            opt.step()
            sched.step()
            total += loss.item() * len(pick)
            right += (out.argmax(1) == labels[pick]).sum().item()
            seen += len(pick)
        print(f"epoch {epoch + 1}/{a.epochs} loss {total / seen:.4f} train {right / seen:.4f} {time.time() - start:.0f}s", flush=True)
        torch.save({"arch": f"cifar_resnet{a.depth}", "epoch": epoch + 1, "state_dict": model.state_dict()}, a.out + ".part")
        os.replace(a.out + ".part", a.out)
    if a.test:
        pixels, labels = load(a.test)
        print(f"test: {correct(model, pixels, labels)} of {len(labels)} right")


if __name__ == "__main__":
    main()
