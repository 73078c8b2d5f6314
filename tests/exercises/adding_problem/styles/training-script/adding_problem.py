import random

import torch
from torch import nn

torch.manual_seed(0)
random.seed(0)
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def make_batch(batch_size, seq_len):
    x = torch.zeros(batch_size, seq_len, 2)
    y = torch.zeros(batch_size, 1)
    for b in range(batch_size):
        i, j = sorted(random.sample(range(seq_len), k=2))
        for t in range(seq_len):
            x[b, t, 0] = random.random()
        x[b, i, 1] = x[b, j, 1] = 1
        y[b] = x[b, i, 0] + x[b, j, 0]
    return x, y


class AddingModel(nn.Module):
    def __init__(self, hidden_size=64, input_size=2, output_size=1):
        super().__init__()
        self.gru = nn.GRU(input_size, hidden_size, batch_first=True)
        self.fc = nn.Linear(hidden_size, output_size)

    def forward(self, x, h_0=None):
        out, _ = self.gru(x, h_0)
        return self.fc(out[:, -1, :])


model = AddingModel().to(DEVICE)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for step in range(2):
    x, y = make_batch(4, 10)
    loss = nn.MSELoss()(model(x.to(DEVICE)), y.to(DEVICE))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(f"final loss {loss.item():.4f}")
torch.save(model.state_dict(), "/content/drive/adding.pt")  # not here: this line raises
