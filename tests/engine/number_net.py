"""A small net, and numbers as its images."""

import torch
from mmengine.model import BaseModel
from mmengine.structures import BaseDataElement
from torch import nn
from torch.utils.data import Dataset


class Numbers(Dataset):
    """Images of 1x2x2 pixels; those at ``bad`` are infinite."""

    def __init__(self, count=8, bad=(), without=()):
        self.numbers = [index for index in range(count) if index not in without]
        self.bad = bad

    def __len__(self):
        return len(self.numbers)

    def __getitem__(self, index):
        number = self.numbers[index]
        value = float("inf") if number in self.bad else float(number)
        sample = BaseDataElement(metainfo={"img_path": f"{number}.png"})
        return {"inputs": torch.arange(4.0).reshape(1, 2, 2) + value, "data_samples": sample}


class Net(BaseModel):
    def __init__(self, factor=1.0):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))
        self.head = nn.Linear(2, 1)
        self.factor = factor

    def forward(self, inputs, data_samples=None, mode="loss"):
        images = torch.stack(inputs) if isinstance(inputs, list) else inputs
        score = self.head(self.stem(images).mean((2, 3))).squeeze(1)
        return {"loss_score": (score.float() - 1).square() * self.factor}
