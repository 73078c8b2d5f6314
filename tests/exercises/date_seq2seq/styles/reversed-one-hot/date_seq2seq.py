import torch
import torch.nn.functional as F


class DateConverter(torch.nn.Module):
    """No embeddings, the batch second inside, and the source read backwards: so its padding comes first."""

    recipe = {"lr": 1e-2, "schedule": "step", "steps": 1500}

    def __init__(self, src_vocab_size: int, tgt_vocab_size: int):
        super().__init__()
        self.n_src, self.n_tgt, self.n_hidden = src_vocab_size, tgt_vocab_size, 96
        self.reader = torch.nn.LSTM(src_vocab_size, self.n_hidden)
        self.writer = torch.nn.LSTM(tgt_vocab_size, self.n_hidden)
        self.letters = torch.nn.Linear(self.n_hidden, tgt_vocab_size)

    def remember(self, src: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.reader(F.one_hot(src.flip(1).T, self.n_src).float())[1]

    def forward(self, src: torch.Tensor, tgt: torch.Tensor) -> torch.Tensor:
        out, _ = self.writer(F.one_hot(tgt.T, self.n_tgt).float(), self.remember(src))
        return self.letters(out).transpose(0, 1)

    def translate(self, src: torch.Tensor) -> torch.Tensor:
        memory = self.remember(src)
        char = torch.ones(1, src.size(0), dtype=torch.long, device=src.device)
        chars = torch.empty(10, src.size(0), dtype=torch.long, device=src.device)
        for t in range(10):
            out, memory = self.writer(F.one_hot(char, self.n_tgt).float(), memory)
            char = self.letters(out).argmax(2)
            chars[t] = char[0]
        return chars.T
