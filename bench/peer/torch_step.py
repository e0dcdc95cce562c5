# SPDX-License-Identifier: MIT
"""PyTorch's side of run.py: loads the start that mellow wrote, prints the first answers, then runs as many
steps as each line of the standard input asks for.

    torch_step.py MODEL DEVICE THREADS EPOCH PRECISION VARIANT START.safetensors

EPOCH is the number of batches between two readings of the loss. PRECISION fp32 keeps CUDA off its tf32 cores.
Variants:
    eager          Conv1d as it comes, default Adam
    channels-last  the same network as Conv2d in channels-last memory, fused Adam
    bf16           channels-last under bfloat16 autocast
    compile        eager through torch.compile, fused Adam; on CUDA by its CUDA graphs
    graph          CUDA: the whole step of eager with fused Adam as one hand-captured CUDA graph
    graph-bf16     CUDA: the same of bf16
"""

import json
import sys
import time
import warnings
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "torch"))
import ts2vec  # noqa: E402
from fcn import Fcn  # noqa: E402
from inception_time import InceptionTime  # noqa: E402
from lstm_fcn import LstmFcn  # noqa: E402
from resnet import ResNet  # noqa: E402
from resnet18 import ResNet18  # noqa: E402

CLASSES = 5
MODELS = {  # by the length of the series
    "inception-time": lambda _: InceptionTime(1, CLASSES, 6),
    "inception-time-3": lambda _: InceptionTime(1, CLASSES, 3),
    "inception-time-1": lambda _: InceptionTime(1, CLASSES, 1),
    "lstm-fcn": lambda length: LstmFcn(1, CLASSES, length),
    "resnet18": lambda _: ResNet18(1, CLASSES),
    "resnet": lambda _: ResNet(1, CLASSES),
    "fcn": lambda _: Fcn(1, CLASSES),
    "ts2vec": lambda _: ts2vec.Encoder(1),
}
TAU, KL_WEIGHT = 2, 4


def memory_mb(key: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) / 1024
    return 0


def wide(layer: nn.Module) -> nn.Module:
    """A layer over (batch, channels, length) as one over (batch, channels, 1, length), with its weights."""
    if isinstance(layer, nn.Conv1d):
        padding = layer.padding if isinstance(layer.padding, str) else (0, *layer.padding)
        made = nn.Conv2d(layer.in_channels, layer.out_channels, (1, *layer.kernel_size), (1, *layer.stride),
                         padding, (1, *layer.dilation), layer.groups, layer.bias is not None)
    elif isinstance(layer, nn.BatchNorm1d):
        made = nn.BatchNorm2d(layer.num_features, layer.eps, layer.momentum)
    elif isinstance(layer, nn.MaxPool1d):
        return nn.MaxPool2d((1, layer.kernel_size), (1, layer.stride), (0, layer.padding))
    else:
        for name, child in layer.named_children():
            setattr(layer, name, wide(child))
        return layer
    made.load_state_dict({k: v.unsqueeze(2) if v.dim() == 3 else v for k, v in layer.state_dict().items()})
    return made


class Lifted(nn.Module):
    """A wide network that takes and gives (batch, channels, length)."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = wide(net).to(memory_format=torch.channels_last)

    def forward(self, x: Tensor) -> Tensor:
        y = self.net(x.unsqueeze(2))
        return y.squeeze(2) if y.dim() == 4 else y


def compiled(net: nn.Module, device: torch.device, cuda_mode: str | None) -> nn.Module:
    return torch.compile(net, mode=cuda_mode if device.type == "cuda" else None)


class Classification:
    """Cross entropy and KL to per-class soft labels, Adam, whole batches."""

    def __init__(self, net: nn.Module, start: dict[str, Tensor], variant: str, epoch: int):
        device = start["x"].device
        self.graphed = variant.startswith("graph")
        self.bf16 = variant.endswith("bf16")
        self.net = Lifted(net) if self.bf16 or variant == "channels-last" else net
        self.run_net = compiled(self.net, device, "reduce-overhead") if variant == "compile" else self.net
        self.optimizer = torch.optim.Adam(self.net.parameters(), fused=None if variant == "eager" else True,
                                          capturable=self.graphed)
        self.x = start["x"].transpose(1, 2).contiguous()
        self.labels = start["labels"].long()
        self.soft = start["soft"]
        self.batch, self.epoch = len(self.x), epoch
        self.total = torch.zeros((), device=device)
        self.index = torch.arange(self.batch, device=device)
        self.graph = None

    def loss(self, x: Tensor, labels: Tensor) -> Tensor:
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.bf16):
            z = self.run_net(x)
        z = z.float()
        kl = functional.kl_div(functional.log_softmax(z / TAU, 1), self.soft[labels], reduction="batchmean")
        return functional.cross_entropy(z, labels) + KL_WEIGHT * kl

    def step(self) -> None:
        """Forward, backward and update on the batch that self.index names; the loss goes to self.total."""
        loss = self.loss(self.x[self.index], self.labels[self.index])
        loss.backward()
        self.optimizer.step()
        self.total += loss.detach()

    def run_epoch(self) -> float:
        order = torch.randperm(len(self.x), device=self.x.device)
        self.total.zero_()
        for index in order.split(self.batch):
            self.index.copy_(index)
            if self.graph is None:
                self.optimizer.zero_grad()
                self.step()
            else:
                self.graph.replay()
        return self.total.item()

    def capture(self) -> None:
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self.optimizer.zero_grad()
                self.step()
        torch.cuda.current_stream().wait_stream(side)
        self.optimizer.zero_grad()  # so that backward makes the gradients anew, in the graph's own memory
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.step()
        self.graph = graph

    def first_answers(self) -> list[float]:
        """The loss in evaluation, and of three steps where no dropout makes them differ."""
        self.net.eval()
        with torch.no_grad():
            answers = [self.loss(self.x, self.labels).item()]
        self.net.train()
        random = any(isinstance(m, nn.Dropout) for m in self.net.modules())
        answers += [self.run_epoch() for _ in range(0 if random else 3)]
        self.x = self.x.repeat(self.epoch, 1, 1)
        self.labels = self.labels.repeat(self.epoch)
        if self.graphed:
            self.capture()
        return answers

    def run(self, steps: int) -> None:
        for _ in range(0, steps, self.epoch):
            self.run_epoch()


class Pretraining:
    """TS2Vec's iteration, with the crops that mellow drew."""

    def __init__(self, encoder: nn.Module, start: dict[str, Tensor], variant: str, _epoch: int):
        self.encoder = encoder
        self.device = start["x"].device
        if variant not in ("eager", "compile"):
            encoder.feature_extractor = Lifted(encoder.feature_extractor)
        # No CUDA graphs: each crop has a length of its own.
        self.run_encoder = compiled(encoder, self.device, None) if variant == "compile" else encoder
        self.bf16 = variant == "bf16"
        self.optimizer = torch.optim.AdamW(encoder.parameters(), lr=1e-3, weight_decay=0.01,
                                           fused=None if variant == "eager" else True)
        self.average = AveragedModel(encoder)
        self.x = start["x"]
        self.masks = [start["mask1"].bool(), start["mask2"].bool()]
        self.crops = start["crops"].view(-1, 4 + len(self.x)).tolist()
        self.iteration = 0

    def view(self, offsets: Tensor, begin: int, end: int) -> Tensor:
        rows = torch.arange(len(self.x), device=self.device).unsqueeze(1)
        return self.x[rows, offsets.unsqueeze(1) + torch.arange(begin, end, device=self.device)]

    def loss(self, crop: list[int], masks: list[Tensor | None]) -> Tensor:
        left, right, early, late = crop[:4]
        offsets = torch.tensor(crop[4:], device=self.device)
        views = [self.view(offsets, early, right), self.view(offsets, left, late)]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            z1, z2 = (self.run_encoder(v, torch.rand(v.shape[:2], device=self.device) < 0.5 if m is None else m)
                      for v, m in zip(views, masks))
        return ts2vec.hierarchical_contrast(z1[:, left - right:].float(), z2[:, :right - left].float())

    def first_answers(self) -> list[float]:
        self.encoder.eval()
        with torch.no_grad():
            answer = self.loss(self.crops[0], self.masks).item()
        self.encoder.train()
        return [answer]

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self.optimizer.zero_grad()
            self.loss(self.crops[self.iteration], [None, None]).backward()
            self.optimizer.step()
            self.average.update_parameters(self.encoder)
            self.iteration += 1


def usage(device: torch.device, baseline: float) -> dict[str, float]:
    """Most memory in use: of the process, or on the GPU."""
    if device.type == "cuda":
        return {"peak_mb": torch.cuda.max_memory_allocated() / 2**20, "baseline_mb": 0}
    return {"peak_mb": memory_mb("VmHWM"), "baseline_mb": baseline}


def main() -> None:
    model, device_name, threads, epoch, precision, variant, path = sys.argv[1:]
    warnings.filterwarnings("ignore", message="Using padding='same'")
    device = torch.device(device_name)
    if model == "ts2vec" and variant.startswith("graph"):
        sys.exit("ts2vec has no fixed shapes to capture")
    torch.set_num_threads(int(threads))
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = precision != "fp32"
    baseline = memory_mb("VmRSS")
    start = {key: value.to(device) for key, value in load_file(path).items()}
    net = MODELS[model](start["x"].shape[1])
    net.load_state_dict({k.removeprefix("model."): v for k, v in start.items() if k.startswith("model.")})
    kind = Pretraining if model == "ts2vec" else Classification
    job = kind(net.to(device), start, variant, int(epoch))
    print(json.dumps({"answers": job.first_answers(), "torch": torch.__version__}), flush=True)
    for line in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        job.run(int(line))
        if device.type == "cuda":
            torch.cuda.synchronize()
        print(json.dumps({"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu,
                          **usage(device, baseline)}), flush=True)


if __name__ == "__main__":
    main()
