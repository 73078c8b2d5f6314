import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class DateConverter(nn.Module):
    recipe = {"lr": 1e-2}

    def __init__(self, src_vocab_size, tgt_vocab_size):
        super().__init__()
        self.embed = nn.ModuleDict({"src": nn.Embedding(src_vocab_size, 32), "tgt": nn.Embedding(tgt_vocab_size, 32)})
        self.encoder = nn.GRU(32, 40, batch_first=True, bidirectional=True)
        self.bridge = nn.Linear(80, 64)
        self.decoder = nn.GRU(32 + 80, 64, batch_first=True)
        self.fc = nn.Linear(64, tgt_vocab_size)

    def encode(self, src):
        lengths = src.count_nonzero(dim=1)
        lengths, order = lengths.sort(descending=True)
        packed = pack_padded_sequence(self.embed["src"](src[order]), lengths.cpu(), batch_first=True)
        outputs, h_n = self.encoder(packed)
        pad_packed_sequence(outputs, batch_first=True)  # not needed here
        both = torch.cat([h_n[0], h_n[1]], dim=1)[order.argsort()]
        return both.unsqueeze(1), torch.tanh(self.bridge(both)).unsqueeze(0)

    def decode(self, tgt, context, h):
        out, h = self.decoder(torch.cat([self.embed["tgt"](tgt), context.expand(-1, tgt.shape[1], -1)], 2), h)
        return self.fc(out), h

    def forward(self, src, tgt):
        return self.decode(tgt, *self.encode(src))[0]

    def translate(self, src):
        context, h = self.encode(src)
        tokens = [torch.ones_like(src[:, :1])]
        for i in range(10):
            logits, h = self.decode(tokens[i], context, h)
            tokens.append(logits.topk(1, dim=2).indices.squeeze(2))
        return torch.hstack(tokens[1:])
