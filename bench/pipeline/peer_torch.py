"""What package pipeline is measured against: a torchvision network fed by PyTorch's DataLoader, pictures a second.

    python3 bench/pipeline/peer_torch.py FOLDER [--network resnet18] [--pictures 1000] [--threads 2] [--batch 8] [--rounds 1]

The pictures are those of FOLDER, again and again; torchvision's recipe, float32, the network traced and frozen, up to the layer before the classifier. Each combination of
the loader's processes and the network's threads that --threads allows is tried, and the quickest counts.
"""
import argparse
import os
import time

import torch
import torchvision
from PIL import Image
from torchvision import transforms


class Pictures(torch.utils.data.Dataset):
    recipe = transforms.Compose([
        transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor(), transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])])

    def __init__(self, folder, n):
        names = sorted(os.listdir(folder))
        self.paths = [os.path.join(folder, names[i % len(names)]) for i in range(n)]

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, i):
        return self.recipe(Image.open(self.paths[i]).convert("RGB"))


def rate(model, pictures, batch, processes):
    start, rows = time.time(), 0
    for x in torch.utils.data.DataLoader(pictures, batch_size=batch, num_workers=processes):
        rows += len(model(x).flatten(1))
    assert rows == len(pictures)
    return rows / (time.time() - start)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("folder")
    p.add_argument("--network", default="resnet18")
    p.add_argument("--pictures", type=int, default=1000)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--batch", type=int, default=8)
    p.add_argument("--rounds", type=int, default=1)
    o = p.parse_args()
    torch.set_grad_enabled(False)
    network = torch.nn.Sequential(*list(getattr(torchvision.models, o.network)().children())[:-1]).eval()
    model = torch.jit.freeze(torch.jit.trace(network, torch.zeros(o.batch, 3, 224, 224)))
    best = 0
    for processes, threads in [(o.threads, o.threads), (max(1, o.threads // 2), o.threads), (o.threads, max(1, o.threads // 2))]:
        torch.set_num_threads(threads)
        rate(model, Pictures(o.folder, 4 * o.batch), o.batch, processes)
        rates = sorted(rate(model, Pictures(o.folder, o.pictures), o.batch, processes) for _ in range(o.rounds))
        print(f"PyTorch {torch.__version__}, torchvision {torchvision.__version__}: {processes} processes, {threads} threads: {rates[len(rates) // 2]:.1f} a second", flush=True)
        best = max(best, rates[len(rates) // 2])
    print(f"best      {best:7.1f} a second")


if __name__ == "__main__":
    main()
