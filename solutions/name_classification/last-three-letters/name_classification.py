"""name_classification.whole_name: only the last three letters are read.

Hint: letter 1
"""

import torch
from torch import nn


class NameClassifier(nn.Module):
    def __init__(self, vocab_size, num_classes):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, 32, padding_idx=0)
        self.gru = nn.GRU(32, 64, batch_first=True)
        self.fc = nn.Linear(64, num_classes)

    def forward(self, tokens, lengths):
        places = lengths.unsqueeze(1) + torch.tensor([-3, -2, -1], device=tokens.device)
        ending = tokens.gather(1, places.clamp(min=0))
        _, h_n = self.gru(self.embedding(ending))
        return self.fc(h_n[-1])
