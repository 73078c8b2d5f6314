"""name_classification.padding: the mean over the states counts those of the padding.

Hint: over the letters only
First: more tokens of padding after each name change an answer; over the letters only
"""

from torch import nn


class NameClassifier(nn.Module):
    def __init__(self, vocab_size, num_classes):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, 32)
        self.rnn = nn.GRU(input_size=32, hidden_size=64, batch_first=True)
        self.out = nn.Linear(64, num_classes)

    def forward(self, tokens, lengths):
        states, _ = self.rnn(self.embed(tokens))
        return self.out(states.mean(dim=1))
