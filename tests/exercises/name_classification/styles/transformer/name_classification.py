import math, torch, torch.nn as nn
class NameClassifier(nn.Module):
    recipe = {"lr": 1e-3, "batch_size": 128, "schedule": "cosine"}
    def __init__(self, vocab_size, num_classes, d=64):
        super().__init__()
        self.emb = nn.Embedding(vocab_size, d, padding_idx=0)
        self.pos = nn.Embedding(64, d)
        layer = nn.TransformerEncoderLayer(d, 4, 128, dropout=0.1, batch_first=True)
        self.enc = nn.TransformerEncoder(layer, 2)
        self.fc = nn.Linear(d, num_classes)
    def forward(self, tokens, lengths):
        B, T = tokens.shape
        mask = tokens == 0
        x = self.emb(tokens) + self.pos(torch.arange(T, device=tokens.device))
        h = self.enc(x, src_key_padding_mask=mask)
        h = h.masked_fill(mask[:, :h.shape[1], None], 0.0)
        return self.fc(h.sum(1) / lengths[:, None])
