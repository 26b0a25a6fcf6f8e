"""The notebooks' drawings: a pruned graph, a circuit of groups, and what a change does to the next token."""

import matplotlib.pyplot as plt
import numpy as np

FOR, AGAINST, QUIET, INK = "#1b7034", "#742a86", "#c9c4b8", "#20262b"
plt.rcParams.update(
    {
        "figure.dpi": 72,
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": "#8b939a",
        "savefig.bbox": "tight",
    }
)


def graph(pruned, groups=None, strongest=150):
    """A pruned graph: tokens from left to right, layers from bottom to top, a dot's area its influence; features of the named groups
    (each a list of places: layer, position, number) in colour."""
    nodes = pruned.nodes[pruned.nodes.kind != "error"]
    tokens = pruned.graph.token_texts
    top = nodes.layer[nodes.kind == "feature"].max() + 1
    layer = np.select([nodes.kind == "token", nodes.kind == "logit"], [-1, top], nodes.layer)
    column = {}
    across = []
    for place in zip(nodes.position, layer):  # beside each other where several share a token and a layer
        column[place] = column.get(place, -1) + 1
        across.append(place[0] + 0.8 * column[place] / max(6, list(zip(nodes.position, layer)).count(place)) - 0.35)
    at = dict(zip(nodes.index, zip(across, layer)))
    _, axes = plt.subplots(figsize=(8, 3.8))
    edges = pruned.edges[pruned.edges.target.isin(at) & pruned.edges.source.isin(at)]
    edges = edges.assign(size=edges.weight.abs()).nlargest(strongest, "size")
    for target, source, weight in zip(edges.target, edges.source, edges.weight):
        (x0, y0), (x1, y1) = at[source], at[target]
        axes.plot([x0, x1], [y0, y1], color=FOR if weight > 0 else AGAINST, linewidth=0.2 + min(2.0, abs(weight) / 2), alpha=0.25, zorder=1)
    size = 12 + 2500 * nodes.influence
    axes.scatter(across, layer, s=size, color="white", edgecolor="#8b939a", zorder=2)
    places = list(zip(nodes.layer, nodes.position, nodes.number))
    for number, (name, members) in enumerate((groups or {}).items()):
        chosen = [i for i, place in enumerate(places) if nodes.kind.iloc[i] == "feature" and place in set(members)]
        axes.scatter(np.array(across)[chosen], layer[chosen], s=size.iloc[chosen], color=f"C{number}", label=name, zorder=3)
    axes.set_xticks(range(len(tokens)), tokens, rotation=35, ha="right")
    axes.set_yticks(range(-1, top + 1), ["token", *range(top), "output"])
    axes.set_ylabel("layer")
    if groups:
        axes.legend(frameon=False, loc="upper left")
    plt.show()


def ties(graph, groups):
    """Direct effects between groups of nodes (lists of node numbers), each the sum over its members: float64 [groups, groups], rows are
    targets."""
    edges = graph.edges
    return np.array([[edges[to][:, of].sum() for of in groups.values()] for to in groups.values()], dtype=np.float64)


def circuit(graph, groups, rows):
    """Groups of nodes (lists of node numbers) as boxes, in rows of names from below, with the direct effects between them."""
    effect = ties(graph, groups)
    names = list(groups)
    at = {}
    for height, row in enumerate(rows):
        for place, name in enumerate(row):
            if name in groups:
                at[name] = ((place + 0.5) / len(row), height)
    _, axes = plt.subplots(figsize=(8, 0.95 * len(rows)))
    most = np.abs(effect[~np.eye(len(effect), dtype=bool)]).max()
    for target, source in np.argwhere(np.abs(effect) > 0.03 * most):
        start, end = at[names[source]], at[names[target]]
        if start[1] >= end[1]:
            continue
        weight = effect[target, source]
        colour = FOR if weight > 0 else AGAINST
        bend = 0.25 if end[1] - start[1] > 1 and abs(start[0] - end[0]) < 0.1 else 0
        arrow = {"arrowstyle": "-|>", "color": colour, "linewidth": 0.6 + 4 * abs(weight) / most, "shrinkA": 13, "shrinkB": 13}
        axes.annotate("", end, start, arrowprops={**arrow, "alpha": 0.7, "connectionstyle": f"arc3,rad={bend}"})
        x, y = 0.62 * np.array(start) + 0.38 * np.array(end)
        x += 0.18 * bend * (end[1] - start[1])
        axes.text(x, y, f"{weight:+.1f}", fontsize=8, ha="center", va="center", bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})
    for name, (x, y) in at.items():
        axes.text(x, y, name, ha="center", va="center", bbox={"boxstyle": "round,pad=0.45", "facecolor": "#f3d9a4", "edgecolor": "#8b939a"})
    axes.set_xlim(0, 1)
    axes.set_ylim(-0.4, len(rows) - 0.6)
    axes.axis("off")
    plt.show()


def outcomes(runs, tokens):
    """What the model says next in several runs, named as they are: probabilities of some tokens."""
    _, axes = plt.subplots(figsize=(7.5, 0.42 * len(runs) + 0.9))
    left = np.zeros(len(runs))
    names = list(runs)[::-1]
    for number, token in enumerate(tokens):
        part = np.array([runs[name].probabilities()[runs[name].model.token_id(token)] for name in names])
        axes.barh(names, part, left=left, color=f"C{number}", label=token.strip(), height=0.65)
        left += part
    axes.barh(names, 1 - left, left=left, color="#e6e3da", label="anything else", height=0.65)
    axes.set_xlim(0, 1)
    axes.set_xlabel("probability of the next token")
    axes.legend(frameon=False, ncol=len(tokens) + 1, loc="lower left", bbox_to_anchor=(0, 1))
    plt.show()
