"""Both directions of a packed LSTM, from its final states."""

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence


class NameClassifier(nn.Module):
    recipe = {"lr": 3e-3, "steps": 600}

    def __init__(self, vocab_size, num_classes):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, 32)
        self.lstm = nn.LSTM(32, 48, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(96, num_classes)

    def forward(self, tokens, lengths):
        packed = pack_padded_sequence(self.embedding(tokens), lengths.cpu(), batch_first=True, enforce_sorted=False)
        h_n = self.lstm(packed)[1][0]
        return self.fc(torch.cat([h_n[0], h_n[1]], dim=-1))
