import torch
import torch.nn as nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
PAD, SOS, EOS = 0, 1, 2
class Encoder(nn.Module):
    def __init__(self, v, e, h):
        super().__init__()
        self.emb = nn.Embedding(v, e, padding_idx=PAD)
        self.rnn = nn.GRU(e, h, batch_first=True, bidirectional=True)
        self.bridge = nn.Linear(2 * h, h)
    def forward(self, src):
        lengths = (src != PAD).sum(1).cpu()
        p = pack_padded_sequence(self.emb(src), lengths, batch_first=True, enforce_sorted=False)
        o, h = self.rnn(p)
        o, _ = pad_packed_sequence(o, batch_first=True, total_length=src.size(1))
        return o, torch.tanh(self.bridge(torch.cat([h[0], h[1]], 1)))
class Bahdanau(nn.Module):
    def __init__(self, h):
        super().__init__()
        self.k = nn.Linear(2 * h, h); self.q = nn.Linear(h, h); self.v = nn.Linear(h, 1)
    def forward(self, s, enc, mask):
        a = self.v(torch.tanh(self.k(enc) + self.q(s).unsqueeze(1))).squeeze(-1)
        a = a.masked_fill(~mask, -1e9).softmax(-1)
        return torch.bmm(a.unsqueeze(1), enc).squeeze(1)
class Decoder(nn.Module):
    def __init__(self, v, e, h):
        super().__init__()
        self.emb = nn.Embedding(v, e); self.att = Bahdanau(h)
        self.cell = nn.GRUCell(e + 2 * h, h); self.out = nn.Linear(3 * h + e, v)
    def step(self, tok, s, enc, mask):
        e = self.emb(tok); c = self.att(s, enc, mask)
        s = self.cell(torch.cat([e, c], -1), s)
        return self.out(torch.cat([s, c, e], -1)), s
class DateConverter(nn.Module):
    def __init__(self, src_vocab_size, tgt_vocab_size):
        super().__init__()
        self.encoder = Encoder(src_vocab_size, 32, 64)
        self.decoder = Decoder(tgt_vocab_size, 32, 64)
    def forward(self, src, tgt):
        enc, s = self.encoder(src); mask = src != PAD
        outs = []
        for t in range(tgt.size(1)):
            o, s = self.decoder.step(tgt[:, t], s, enc, mask)
            outs.append(o)
        return torch.stack(outs, 1)
    def translate(self, src):
        # stops early when all rows ended; ended rows are filled with <eos>
        enc, s = self.encoder(src); mask = src != PAD
        tok = torch.full((src.size(0),), SOS, dtype=torch.long, device=src.device)
        done = torch.zeros_like(tok, dtype=torch.bool)
        result = torch.full((src.size(0), 10), EOS, dtype=torch.long, device=src.device)
        for t in range(10):
            o, s = self.decoder.step(tok, s, enc, mask)
            tok = torch.where(done, torch.full_like(tok, EOS), o.argmax(-1))
            result[:, t] = tok
            done |= tok == EOS
            if done.all():
                break
        return result
