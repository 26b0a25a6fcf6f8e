"""Tokenizers damaged at random, and what the library makes of texts with them, as shapes.py prints them:

    python3 mutated.py SEED COUNT TEXTS < shapes.jsonl > mutated.jsonl

PipelineShapesTest compares with -Dshapes=mutated.jsonl. Each tokenizer is asked in a process of its own, since the library ends
some of them; those have no texts to compare."""
import json, multiprocessing, random, sys
from tokenizers import Tokenizer
from texts import text

SECONDS = 10

def places(value, path=()):
    """Every place of a tree that can be replaced."""
    if path: yield path
    if isinstance(value, dict):
        for key in value:
            if not (path and path[-1] == "vocab"): yield from places(value[key], path + (key,))
    elif isinstance(value, list) and len(value) < 200:
        for i in range(len(value)): yield from places(value[i], path + (i,))

def get(tree, path):
    for key in path: tree = tree[key]
    return tree

def damage(R, tree, others):
    """One change: a value for its opposite, for one of another tokenizer at the same place, gone, or twice."""
    path = R.choice(list(places(tree)))
    parent, key, old = get(tree, path[:-1]), path[-1], get(tree, path)
    kind = R.randrange(5)
    if kind == 0:
        if isinstance(old, bool): parent[key] = not old
        elif isinstance(old, int): parent[key] = R.choice([0, 1, -1, old + 1, 2**31, 10**6])
        elif isinstance(old, str): parent[key] = R.choice(["", " ", old + old, old[:-1], "\u0301", "a", old.upper()])
        else: parent[key] = None
    elif kind == 1:
        try: parent[key] = json.loads(json.dumps(get(R.choice(others), path)))
        except (KeyError, IndexError, TypeError): parent[key] = None
    elif kind == 2 and isinstance(parent, dict): del parent[key]
    elif kind == 3 and isinstance(parent, list): parent.insert(key, json.loads(json.dumps(old)))
    elif isinstance(parent, list) and len(parent) > 1: R.shuffle(parent)

def answers(source, texts, out):
    try: tokenizer = Tokenizer.from_str(source)
    except BaseException: out.put(None); return
    result = []
    for s in texts:
        try: ids = tokenizer.encode(s, add_special_tokens=False).ids; whole = tokenizer.encode(s).ids
        except BaseException: result.append([s, None, None]); continue
        try: result.append([s, ids, whole, tokenizer.decode(ids, skip_special_tokens=False)])
        except BaseException: result.append([s, ids, whole])
    out.put(result)

def main(seed, count, texts):
    shapes = [json.loads(json.loads(line)["json"]) for line in sys.stdin]
    for i in range(count):
        R = random.Random(seed * 100003 + i)
        tree = json.loads(json.dumps(R.choice(shapes)))
        for _ in range(R.randint(1, 4)): damage(R, tree, shapes)
        source = json.dumps(tree, ensure_ascii=False)
        words = [a["content"] for a in tree.get("added_tokens") or [] if isinstance(a, dict) and isinstance(a.get("content"), str)]
        out = multiprocessing.Queue()
        child = multiprocessing.Process(target=answers, args=(source, [text(R, words) for _ in range(texts)], out), daemon=True)
        child.start()
        try: result = out.get(timeout=SECONDS)
        except Exception: result = None
        child.kill()
        child.join()
        print(json.dumps({"name": f"mutated {seed}/{i}", "json": source, "texts": result}))

if __name__ == "__main__": main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
