import datetime
import random

import torch
import torch.nn as nn
import torch.optim as optim

random.seed(1)
torch.manual_seed(1)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
PAD_idx, SOS_idx, EOS_idx = 0, 1, 2
MAX_LEN = 10


class EncoderRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.embedding = nn.Embedding(input_size, hidden_size)
        self.gru = nn.GRU(hidden_size, hidden_size, batch_first=True)

    def forward(self, x):
        output, hidden = self.gru(self.embedding(x))
        index = (x != PAD_idx).sum(1) - 1
        return output[torch.arange(x.size(0)), index].unsqueeze(0)


class DecoderRNN(nn.Module):
    def __init__(self, output_size, hidden_size):
        super().__init__()
        self.embedding = nn.Embedding(output_size, hidden_size)
        self.gru = nn.GRU(hidden_size * 2, hidden_size, batch_first=True)
        self.out = nn.Linear(hidden_size, output_size)

    def forward(self, token, hidden, context):
        # token: (B, 1)
        embedded = torch.relu(self.embedding(token))
        output, hidden = self.gru(torch.cat((embedded, context), dim=2), hidden)
        return self.out(output), hidden


class DateConverter(nn.Module):
    recipe = {"lr": 5e-3}

    def __init__(self, src_vocab_size, tgt_vocab_size, hidden_size=64):
        super().__init__()
        self.encoder = EncoderRNN(src_vocab_size, hidden_size)
        self.decoder = DecoderRNN(tgt_vocab_size, hidden_size)

    def forward(self, src, tgt):
        hidden = self.encoder(src)
        context = hidden.permute(1, 0, 2)
        outputs = []
        for di in range(tgt.size(1)):
            output, hidden = self.decoder(tgt[:, di].unsqueeze(1), hidden, context)
            outputs.append(output)
        return torch.cat(outputs, dim=1)

    def translate(self, src):
        with torch.no_grad():
            hidden = self.encoder(src)
            context = hidden.permute(1, 0, 2)
            decoder_input = torch.tensor([[SOS_idx]] * src.size(0)).to(src.device)
            decoded = []
            for di in range(MAX_LEN):
                output, hidden = self.decoder(decoder_input, hidden, context)
                topv, topi = output.data.topk(1)
                decoder_input = topi.squeeze(-1).detach()
                decoded.append(decoder_input)
            return torch.cat(decoded, dim=1)


def make_pair():
    date = datetime.date(1950, 1, 1) + datetime.timedelta(days=random.randrange(36890))
    return f"{date:%B} {date.day}, {date.year}", date.isoformat()


pairs = [make_pair() for _ in range(64)]
src_chars = sorted(set("".join(s for s, _ in pairs)))
tgt_chars = sorted(set("".join(t for _, t in pairs)))
model = DateConverter(len(src_chars) + 3, len(tgt_chars) + 3).to(device)
optimizer = optim.Adam(model.parameters(), lr=5e-3)
criterion = nn.CrossEntropyLoss()
for step in range(2):
    src = nn.utils.rnn.pad_sequence(
        [torch.tensor([src_chars.index(c) + 3 for c in s]) for s, _ in pairs], batch_first=True
    )
    tgt = torch.tensor([[tgt_chars.index(c) + 3 for c in t] for _, t in pairs])
    sos = torch.full((len(pairs), 1), SOS_idx)
    eos = torch.full((len(pairs), 1), EOS_idx)
    logits = model(src.to(device), torch.cat([sos, tgt], 1).to(device))
    loss = criterion(logits.flatten(0, 1), torch.cat([tgt, eos], 1).flatten().to(device))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(step, loss.item())
print(model.translate(src[:3].to(device)))
