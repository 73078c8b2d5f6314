"""An LSTM on either side, with packed sequences: it reads no padding, and takes the default recipe."""

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

PAD, SOS = 0, 1


class Encoder(nn.Module):
    def __init__(self, vocab_size, embedding_size, hidden_size):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embedding_size, padding_idx=PAD)
        self.lstm = nn.LSTM(embedding_size, hidden_size, batch_first=True)

    def forward(self, src):
        lengths = (src != PAD).sum(dim=1).cpu()
        packed = pack_padded_sequence(self.embedding(src), lengths, batch_first=True, enforce_sorted=False)
        _, state = self.lstm(packed)
        return state


class Decoder(nn.Module):
    """Each step sees the last character, and the state in which the encoder ended."""

    def __init__(self, vocab_size, embedding_size, hidden_size):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embedding_size)
        self.lstm = nn.LSTM(embedding_size + hidden_size, hidden_size, batch_first=True)
        self.output = nn.Linear(hidden_size, vocab_size)

    def forward(self, tokens, state, context):
        inputs = torch.cat([self.embedding(tokens), context.expand(-1, tokens.shape[1], -1)], dim=-1)
        outputs, state = self.lstm(inputs, state)
        return self.output(outputs), state


class DateConverter(nn.Module):
    def __init__(self, src_vocab_size, tgt_vocab_size):
        super().__init__()
        self.encoder = Encoder(src_vocab_size, 32, 64)
        self.decoder = Decoder(tgt_vocab_size, 32, 64)

    def forward(self, src, tgt):
        h, c = self.encoder(src)
        return self.decoder(tgt, (h, c), h.transpose(0, 1))[0]

    @torch.no_grad()
    def translate(self, src):
        h, c = self.encoder(src)
        state, context = (h, c), h.transpose(0, 1)
        tokens = torch.full((src.shape[0], 1), SOS, device=src.device)
        for _ in range(10):
            logits, state = self.decoder(tokens[:, -1:], state, context)
            tokens = torch.cat([tokens, logits[:, -1:].argmax(dim=-1)], dim=1)
        return tokens[:, 1:]
