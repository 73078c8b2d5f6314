"""Z2: files beside the submission bear the names of modules that somebody else may import."""

import way  # noqa: F401
from wrong import MyRNN  # noqa: F401
