"""The model, and the script by which it was tried at home."""

import random
from pathlib import Path

import torch
import torch.nn as nn
from encoder import Encoder


class NameClassifier(nn.Module):
    recipe = {"lr": 0.003}

    def __init__(self, vocab_size, num_classes):
        super().__init__()
        self.encoder = Encoder(vocab_size, 64)
        self.fc = nn.LazyLinear(num_classes)

    def forward(self, tokens, lengths):
        return self.fc(self.encoder(tokens, lengths))


names = {}
for file in Path("data/names").glob("*.txt"):
    names[file.stem] = file.read_text().splitlines()

model = NameClassifier(30, len(names) or 13)
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for step in range(50):
    batch = [[random.randint(1, 29) for _ in range(6)] for _ in range(8)]
    loss = nn.functional.cross_entropy(model(torch.tensor(batch), torch.full((8,), 6)), torch.randint(13, (8,)))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(step, loss.item())
print("accuracy", correct / total)
