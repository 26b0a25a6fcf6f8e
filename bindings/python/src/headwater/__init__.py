"""Attribution graphs of language models, computed by Headwater in this process.

>>> import headwater
>>> model = headwater.load("atlas")
>>> graph = model.attribute("Fact: the capital of the state containing Dallas is")
>>> graph.prune().nodes.head()
"""

from ._evaluation import Evaluation
from ._graph import ARRAYS, Graph, Pruned, read, serve
from ._heads import Heads, Score
from ._library import Cancelled, Chat, ClosedError, HeadwaterError, UsageError, about
from ._model import (
    Edit,
    Generation,
    Model,
    Prompt,
    Run,
    ablate,
    add,
    knock_out,
    load,
    scale,
    set,
    start,
    swap,
)
from ._tensor import Tensor
from .compat import from_circuit_tracer, to_circuit_tracer

__all__ = [
    "ARRAYS",
    "Cancelled",
    "Chat",
    "ClosedError",
    "Edit",
    "Evaluation",
    "Generation",
    "Graph",
    "Heads",
    "HeadwaterError",
    "Model",
    "Prompt",
    "Pruned",
    "Run",
    "Score",
    "Tensor",
    "UsageError",
    "ablate",
    "about",
    "add",
    "from_circuit_tracer",
    "knock_out",
    "load",
    "read",
    "scale",
    "serve",
    "set",
    "start",
    "swap",
    "to_circuit_tracer",
]
__version__ = "0.1.0.dev0"
