import torch
import torch.nn as nn


class MyRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super(MyRNN, self).__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)
        self.tanh = nn.Tanh()

    def forward(self, input, hidden=None):
        batch_size = input.size(0)
        seq_len = input.size(1)
        if hidden is None:
            hidden = torch.zeros(1, batch_size, self.hidden_size, device=input.device, dtype=input.dtype)
        hidden = hidden.squeeze(0)
        outputs = []
        for t in range(seq_len):
            hidden = self.tanh(self.i2h(input[:, t, :]) + self.h2h(hidden))
            outputs.append(hidden.unsqueeze(1))
        return torch.cat(outputs, dim=1), hidden.unsqueeze(0)
