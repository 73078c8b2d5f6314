import torch
from torch import nn


class Encoder(nn.Module):
    def __init__(self, vocab, hidden):
        super().__init__()
        self.hidden = hidden
        self.emb = nn.Embedding(vocab, hidden)
        self.cell = nn.LSTMCell(hidden, hidden)

    def forward(self, src):
        h = c = torch.zeros(len(src), self.hidden, device=src.device)
        for t in range(src.shape[1]):
            keep = (src[:, t] == 0).float()[:, None]
            h_new, c_new = self.cell(self.emb(src[:, t]), (h, c))
            h, c = keep * h + (1 - keep) * h_new, keep * c + (1 - keep) * c_new
        return h, c


class Decoder(nn.Module):
    def __init__(self, vocab, hidden):
        super().__init__()
        self.emb = nn.Embedding(vocab, hidden)
        self.cell = nn.LSTMCell(2 * hidden, hidden)
        self.out = nn.Linear(hidden, vocab)

    def forward(self, token, ctx, state):
        state = self.cell(torch.cat([self.emb(token), ctx], -1), state)
        return self.out(state[0]), state


class DateConverter(nn.Module):
    """One loop for both: it is told the characters, or takes its own."""

    recipe = {"lr": 1e-2, "batch_size": 32}

    def __init__(self, src_vocab_size, tgt_vocab_size):
        super().__init__()
        self.encoder = Encoder(src_vocab_size, 48)
        self.decoder = Decoder(tgt_vocab_size, 48)

    def run(self, src, steps, tgt=None):
        state = self.encoder(src)
        ctx = state[0]
        token = torch.ones(len(src), dtype=torch.long, device=src.device)
        scores, choices = [], []
        for t in range(steps):
            logits, state = self.decoder(token if tgt is None else tgt[:, t], ctx, state)
            token = logits.argmax(-1)
            scores.append(logits)
            choices.append(token)
        return torch.stack(scores, 1), torch.stack(choices, 1)

    def forward(self, src, tgt):
        return self.run(src, tgt.shape[1], tgt)[0]

    def translate(self, src):
        return self.run(src, 10)[1]
