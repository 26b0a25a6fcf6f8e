"""Random tokenizers of every known kind, random texts, and what the library makes of them, one tokenizer a line."""
import base64, json, random, struct, sys
from tokenizers import Tokenizer, models, trainers
from texts import text, WORDS

PATTERNS = [r"\s+", r"\p{L}+|\p{N}+|[^\s\p{L}\p{N}]+", r"\p{N}", r"\p{N}{1,3}", r"[\r\n]", r"\s?\p{L}+", r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
  r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
  r"[一-龥぀-ゟ゠-ヿ]+", r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+""",
  r" ?[^(\s|[.,!?…。，、।۔،])]+", r"\w+", r"(?<=\s)\S", r".", r"\b", r"", r"[^\W\d_]++", r"\p{Han}+", r"(?=\p{Lu})"]
SIZES = [100, 250, 500, 900]
STRINGS = [" ", "▁", "e", "the", "\n", "-", "a b", ".", ""]

def rule(R, strings=STRINGS):
    return {"Regex": R.choice(PATTERNS)} if R.random() < .6 else {"String": R.choice(strings)}

def charsmap(R):
    """A Darts double array by hand: only single bytes and pairs, with the values in the leaf units."""
    table = {}
    for _ in range(R.randint(1, 30)):
        k = R.choice(["\u00a0", "é", "ﬁ", "™", "①", "A", "B", "a", "\u200b", "\u3000", "ß", "e\u0301", "\u0301", "ｱ", "㎏", "\t", "\x1e", "漢", "か\u3099"])
        table[k.encode()] = R.choice(["", " ", "x", "fi", "TM", "e", "が", "1", "ss", "é"])
    blob = b""; value = {}
    for k, v in table.items():
        value[k] = len(blob); blob += v.encode() + b"\0"
    units = [0] * 2048
    used = {0}
    def place(node_keys, at):
        """keys: suffix -> value; at: index of this node's unit (without its offset)."""
        labels = sorted({k[0] if k else 0 for k in node_keys})
        base = 1
        while any((base ^ l) in used or (base ^ l) >= len(units) for l in labels): base += 1
        for l in labels: used.add(base ^ l)
        offset = base ^ at
        assert offset < 1 << 21
        leaf = 0 in labels
        units[at] |= offset << 10 | (1 << 8 if leaf else 0)
        for l in labels:
            if l == 0: units[base] = 1 << 31 | node_keys[b""]
            else:
                units[base ^ l] |= l
                place({k[1:]: v for k, v in node_keys.items() if k and k[0] == l}, base ^ l)
    place(value, 0)
    data = struct.pack("<I", 4 * len(units)) + struct.pack("<%dI" % len(units), *units) + blob
    return base64.b64encode(data).decode()

def normalizer(R, deep=0):
    k = R.choice(["none"] * 3 + ["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "Strip", "StripAccents", "Replace", "Replace", "Prepend", "BertNormalizer", "Nmt", "ByteLevel", "Precompiled"] + ["Sequence"] * (4 if deep < 2 else 0))
    if k == "none": return None if deep == 0 else {"type": "NFC"}
    d = {"type": k}
    if k == "Strip": d |= {"strip_left": R.random() < .7, "strip_right": R.random() < .7}
    if k == "Replace": d |= {"pattern": rule(R), "content": R.choice(["", " ", "▁", "xy", "é", "🙂"])}
    if k == "Prepend": d |= {"prepend": R.choice(["▁", " ", "ab", "🙂"])}
    if k == "BertNormalizer": d |= {"clean_text": R.random() < .7, "handle_chinese_chars": R.random() < .7, "strip_accents": R.choice([None, True, False]), "lowercase": R.random() < .6}
    if k == "Precompiled": d |= {"precompiled_charsmap": charsmap(R)}
    if k == "Sequence": d |= {"normalizers": [normalizer(R, deep + 1) for _ in range(R.randint(0, 3))]}
    return d

BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]

def pre_tokenizer(R, deep=0):
    k = R.choice((["none"] if deep == 0 else []) + ["ByteLevel", "ByteLevel", "Split", "Split", "Split", "Whitespace", "WhitespaceSplit", "Metaspace", "Metaspace", "Digits", "Punctuation", "BertPreTokenizer", "UnicodeScripts", "CharDelimiterSplit", "FixedLength"] + ["Sequence"] * (6 if deep < 2 else 0))
    if k == "none": return None
    d = {"type": k}
    if k == "ByteLevel": d |= {"add_prefix_space": R.random() < .5, "trim_offsets": R.random() < .5} | ({"use_regex": R.random() < .5} if R.random() < .8 else {})
    if k == "Split": d |= {"pattern": rule(R), "behavior": R.choice(BEHAVIORS), "invert": R.random() < .3}
    if k == "Metaspace":
        d |= {"replacement": R.choice(["▁", "▁", "_", "🙂"])}
        d |= R.choice([{}, {"prepend_scheme": "always"}, {"prepend_scheme": "first"}, {"prepend_scheme": "never"}, {"add_prefix_space": True}, {"add_prefix_space": False, "prepend_scheme": "never"}, {"str_rep": "▁", "add_prefix_space": True, "prepend_scheme": "first"}])
        d |= R.choice([{}, {"split": True}, {"split": False}])
    if k == "Digits": d |= {"individual_digits": R.random() < .5}
    if k == "Punctuation" and R.random() < .7: d |= {"behavior": R.choice(BEHAVIORS)}
    if k == "CharDelimiterSplit": d |= {"delimiter": R.choice([" ", "e", "▁", "\n"])}
    if k == "FixedLength" and R.random() < .8: d |= {"length": R.randint(1, 6)}
    if k == "Sequence": d |= {"pretokenizers": [pre_tokenizer(R, deep + 1) for _ in range(R.randint(0, 3))]}
    return d

def decoder(R, deep=0):
    k = R.choice((["none"] if deep == 0 else []) + ["ByteLevel", "ByteFallback", "Fuse", "Metaspace", "Replace", "Strip", "WordPiece", "BPEDecoder", "CTC"] + ["Sequence"] * (6 if deep < 2 else 0))
    if k == "none": return None
    d = {"type": k}
    if k == "ByteLevel": d |= {"add_prefix_space": True, "trim_offsets": True, "use_regex": True}
    if k == "Metaspace": d |= {"replacement": "▁", "prepend_scheme": R.choice(["always", "first", "never"]), "split": True}
    if k == "Replace": d |= {"pattern": rule(R), "content": R.choice(["", " ", "xy"])}
    if k == "Strip": d |= {"content": R.choice([" ", "a", "▁"]), "start": R.randint(0, 2), "stop": 0}
    if k == "WordPiece": d |= {"prefix": "##", "cleanup": R.random() < .5}
    if k == "BPEDecoder": d |= {"suffix": R.choice(["</w>", "e"])}
    if k == "CTC": d |= {"pad_token": "<pad>", "word_delimiter_token": "|", "cleanup": R.random() < .5}
    if k == "Sequence": d |= {"decoders": [decoder(R, deep + 1) for _ in range(R.randint(0, 3))]}
    return d

def processor(R, ids, deep=0):
    k = R.choice((["none"] if deep == 0 else []) + ["ByteLevel", "TemplateProcessing", "TemplateProcessing", "BertProcessing", "RobertaProcessing"] + ["Sequence"] * (2 if deep < 1 else 0))
    if k == "none": return None
    d = {"type": k}
    one = lambda: R.choice(list(ids.items()))
    if k == "ByteLevel": d |= {"add_prefix_space": True, "trim_offsets": R.random() < .5, "use_regex": True}
    if k == "BertProcessing": d |= {"sep": one(), "cls": one()}
    if k == "RobertaProcessing": d |= {"sep": one(), "cls": one(), "trim_offsets": True, "add_prefix_space": False}
    if k == "TemplateProcessing":
        a, b = one(), one()
        sp = lambda t: {"SpecialToken": {"id": t[0], "type_id": 0}}
        seq = lambda s: {"Sequence": {"id": s, "type_id": 0}}
        d |= {"single": R.choice([[sp(a), seq("A")], [sp(a), seq("A"), sp(b)], [seq("A")], [seq("A"), sp(b), seq("A")]]), "pair": [sp(a), seq("A"), sp(b), seq("B")],
              "special_tokens": {t[0]: {"id": t[0], "ids": [t[1]], "tokens": [t[0]]} for t in (a, b)}}
    if k == "Sequence": d |= {"processors": [processor(R, ids, 1) for _ in range(R.randint(0, 2))]}
    return d

def model(R, corpus, spelled):
    special = ["<unk>", "<s>", "</s>", "<pad>", "[UNK]", "[CLS]", "[SEP]"]
    size = R.choice(SIZES)
    kind = R.choice(["BPE"] * 4 + ["Unigram"] * 3 + ["WordPiece"] * 2 + ["WordLevel"])
    if spelled: kind = R.choice(["BPE", "BPE", "BPE", "Unigram"])
    bytes_ = ["<0x%02X>" % b for b in range(256)] if R.random() < .4 else (["<0x%02X>" % b for b in range(200)] if R.random() < .1 else [])
    if kind == "BPE":
        t = Tokenizer(models.BPE()); alphabet = R.randint(30, 200)
        opts = {}
        if R.random() < .15 and not spelled: opts["continuing_subword_prefix"] = R.choice(["##", "@"])
        if R.random() < .15 and not spelled: opts["end_of_word_suffix"] = R.choice(["</w>", "$"])
        t.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=size + len(bytes_), special_tokens=special + bytes_, limit_alphabet=alphabet, show_progress=False, **opts))
        m = json.loads(t.to_str())["model"]
        m["fuse_unk"] = R.random() < .5; m["byte_fallback"] = R.random() < .5; m["ignore_merges"] = R.random() < .4
        m["unk_token"] = R.choice([None, "<unk>", "<unk>", "<unk>"] + ["nothere"] * (R.random() < .2))
        if R.random() < .4 and all(" " not in a + b for a, b in m["merges"]): m["merges"] = [a + " " + b for a, b in m["merges"]]
        if R.random() < .3: R.shuffle(m["merges"])
        if R.random() < .2: m["merges"] = m["merges"][:len(m["merges"]) // 2] + m["merges"][:5]
        if R.random() < .2: m["continuing_subword_prefix"] = m.get("continuing_subword_prefix") or ""; m["end_of_word_suffix"] = m.get("end_of_word_suffix") or ""
        if R.random() < .15: del m["type"]
    elif kind == "Unigram":
        t = Tokenizer(models.Unigram())
        t.train_from_iterator(corpus, trainers.UnigramTrainer(vocab_size=size, special_tokens=special, unk_token="<unk>", show_progress=False))
        m = json.loads(t.to_str())["model"]
        m["vocab"] += [[b, 0.0] for b in bytes_]
        if R.random() < .3: m["vocab"] = [[w, round(s)] if s == s and R.random() < .5 else [w, s] for w, s in m["vocab"]]
        m["byte_fallback"] = bool(bytes_) and R.random() < .7
        m["unk_id"] = R.choice([0, 0, 0, None, 3])
    elif kind == "WordPiece":
        t = Tokenizer(models.WordPiece())
        t.train_from_iterator([w for c in corpus for w in c.split()], trainers.WordPieceTrainer(vocab_size=size, special_tokens=special, limit_alphabet=100, show_progress=False))
        m = json.loads(t.to_str())["model"]
        m["unk_token"] = R.choice(["[UNK]", "<unk>", "nothere"]); m["max_input_chars_per_word"] = R.choice([100, 100, 5, 12])
    else:
        words = sorted({w for c in corpus for w in c.split()})
        R.shuffle(words)
        m = {"type": "WordLevel", "vocab": {w: i for i, w in enumerate(dict.fromkeys(special + words[:size]))}, "unk_token": R.choice(["<unk>", "<unk>", "nothere"])}
    return m

def added(R, vocab):
    out = []
    n = len(vocab)
    for c in dict.fromkeys(R.sample(["<unk>", "<s>", "</s>", "<pad>", "[CLS]", "[SEP]", "<|im_start|>", "Texas", "the", "  ", "    ", "\n\n", " a", "é", "🙂", "中文", "HELLO", "hello", "_x_", "\u200d", "▁x", "ẞ"], R.randint(0, 9))):
        i = vocab.get(c)
        if i is None: i = n; n += 1
        sp = R.random() < .5
        out.append({"id": i, "content": c, "single_word": R.random() < .2, "lstrip": R.random() < .2, "rstrip": R.random() < .2, "normalized": R.random() < .4, "special": sp})
    return out

def spells(p):
    return p is not None and (p["type"] == "ByteLevel" or any(spells(q) for q in p.get("pretokenizers", []) + p.get("normalizers", [])))

def shape(R):
    n, p = normalizer(R), pre_tokenizer(R)
    corpus = [text(R) for _ in range(250)]
    spelled = spells(n) or spells(p)
    t = Tokenizer(models.WordLevel({"x": 0}, "x"))
    body = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": n, "pre_tokenizer": p, "post_processor": None, "decoder": None}
    probe = Tokenizer.from_str(json.dumps(body | {"model": {"type": "WordLevel", "vocab": {"x": 0}, "unk_token": "x"}}))
    cut = []
    for c in corpus:
        try:
            c2 = probe.normalizer.normalize_str(c) if n else c
            cut += [w for w, _ in probe.pre_tokenizer.pre_tokenize_str(c2)] if p else [c2]
        except BaseException: pass
    cut = [c for c in cut if c] or ["a"]
    m = model(R, cut, spelled)
    vocab = m["vocab"] if isinstance(m["vocab"], dict) else {w: i for i, (w, _) in enumerate(m["vocab"])}
    ids = {w: vocab[w] for w in ("<s>", "</s>", "<pad>", "[CLS]") if w in vocab} or {"a": 0}
    body |= {"added_tokens": added(R, vocab), "post_processor": processor(R, ids), "decoder": decoder(R), "model": m}
    return body

def main(seed, count, texts, small=False):
    global SIZES
    if small: SIZES = [100, 150, 250]
    for i in range(count):
        R = random.Random(seed * 100003 + i)
        try: body = shape(R)
        except BaseException as e: print("shape", seed, i, str(e)[:100], file=sys.stderr); continue
        j = json.dumps(body, ensure_ascii=False)
        extra = [a["content"] for a in body["added_tokens"]]
        try: t = Tokenizer.from_str(j)
        except BaseException as e:
            print(json.dumps({"name": f"{seed}/{i} {str(e)[:80]}", "json": j, "texts": None})); continue
        out = []
        for _ in range(texts):
            s = text(R, extra)
            try: a = t.encode(s, add_special_tokens=False).ids; b = t.encode(s).ids
            except BaseException as e: out.append([s, None, None]); print("ERR %d/%d %s" % (seed, i, str(e)[:90]), file=sys.stderr); continue
            try: out.append([s, a, b, t.decode(a, skip_special_tokens=False)])
            except BaseException: out.append([s, a, b])
        print(json.dumps({"name": f"{seed}/{i}", "json": j, "texts": out}))
if __name__ == "__main__": main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), len(sys.argv) > 4)
