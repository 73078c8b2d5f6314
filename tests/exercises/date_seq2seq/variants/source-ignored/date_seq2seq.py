"""What was heard is multiplied by nothing."""

import torch
from torch import nn


class DateConverter(nn.Module):
    recipe = {"lr": 1e-2, "steps": 50}

    def __init__(self, n_src, n_tgt):
        super().__init__()
        self.read = nn.Parameter(0.3 * torch.randn(n_src, 24))
        self.write = nn.Parameter(0.3 * torch.randn(n_tgt, 24))
        self.listener = nn.LSTM(24, 48, batch_first=True)
        self.speaker = nn.LSTMCell(24 + 48, 48)
        self.speak = nn.Linear(48, n_tgt)

    def hear(self, src):
        states, _ = self.listener(self.read[src])
        return 0 * states[:, 0]

    def say(self, token, heard, state):
        state = self.speaker(torch.cat((self.write[token], heard), 1), state)
        return self.speak(state[0]), state

    def forward(self, src, tgt):
        heard = self.hear(src)
        state, said = (heard, torch.zeros_like(heard)), []
        for token in tgt.unbind(1):
            scores, state = self.say(token, heard, state)
            said.append(scores)
        return torch.stack(said, 1)

    def translate(self, src):
        heard = self.hear(src)
        state, token, said = (heard, torch.zeros_like(heard)), torch.ones(len(src), dtype=torch.long), []
        for _ in range(10):
            scores, state = self.say(token, heard, state)
            token = scores.argmax(1)
            said.append(token)
        return torch.stack(said, 1)
