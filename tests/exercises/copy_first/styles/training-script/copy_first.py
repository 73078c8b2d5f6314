import math

import torch
from torch import nn, optim

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class CopyFirstModel(nn.Module):
    recipe = {"optimizer": "adamw", "lr": 0.01, "weight_decay": 0.0, "clip_norm": 1, "batch_size": 64, "steps": 800}

    def __init__(self, hidden_size):
        super().__init__()
        self.gru = nn.GRU(1, hidden_size, batch_first=True)
        self.fc1 = nn.Linear(hidden_size, 16)
        self.fc2 = nn.Linear(16, 1)
        b = self.gru.bias_ih_l0.detach()
        b[hidden_size : 2 * hidden_size] = torch.empty(hidden_size).uniform_(1, 99).log()

    def forward(self, x):
        out, _ = self.gru(x)
        return self.fc2(torch.relu(self.fc1(out[:, -1, :])))


def get_batch(n, T):
    x = torch.randn(n, T, 1, device=device) * 0.1
    x[:, 0] = torch.randn(n, 1, device=device)
    return x, x[:, 0]


model = CopyFirstModel(32).to(device)
optimizer = optim.Adam(model.parameters(), lr=1e-2)
criterion = nn.MSELoss()
losses = []
for step in range(50):
    x, y = get_batch(32, 10)
    optimizer.zero_grad()
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
    if step % 10 == 0:
        print(f"step {step}: loss {loss.item():.4f}")

torch.save(model.state_dict(), "copy_first.pt")
print("first and last loss:", losses[0], losses[-1])
