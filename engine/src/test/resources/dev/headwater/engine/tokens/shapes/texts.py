import random
WORDS="the of capital Texas Dallas is a Hello hello HELLO naïve café Zürich don't I'll we've 's 'S 'll x1 12345 3.14 1,000 foo_bar C++ http://a.b/c?d=e&f=g <bos> <eos> <unk> <pad> <s> </s> [CLS] [SEP] [MASK] [UNK] [PAD] <|endoftext|> <|eot_id|> <start_of_turn> <end_of_turn> <|im_start|> ▁ ▁▁x ## ##ing Ġ Ċ <0x41> <0xE4> é ﬁ ½ ① Ⅷ ﬀ ß ẞ İ ı ſ Ǆ ǅ Σ ς σ ΟΔΟΣ 中文 漢字かな カタカナ 한국어 안녕 ไทย ภาษา हिन्दी বাংলা العربية שלום فارسی Привет мир 🙂 😀👍🏽 👨‍👩‍👧 🇫🇷 ☃️ ™ … — “q” ‘x’ «é» \u200b \u200d \ufeff \u00ad \u2028 \u2029 \u0085 \u00a0 \u3000 \u180e \ufffd \0 \x01 \x07 \x1b \x7f e\u0301 a\u0323\u0301 q\u0307\u0323 \u0344 가 각 ᄀ ᅡ ᆨ \u1e9b\u0323 ﷺ \U0001d7d8 𝔘 𝕏 \U00011935\U00011930 \U000e0041 \ue000 \u0378 \U0010ffff ٣٤ １２ Ａｂｃ ㎏ ㈱".split(" ")
WORDS=[w.encode().decode('unicode_escape').encode('latin-1','ignore').decode('latin-1') if False else w for w in WORDS]
import re
def un(w): return re.sub(r'\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})|\\x([0-9a-f]{2})|\\0',lambda m: chr(int(m.group(1) or m.group(2) or m.group(3) or '0',16)),w)
WORDS=[un(w) for w in WORDS]
SEP=[" "," "," ","","","  ","   ","\n","\n\n","\t","\r\n"," \n","    ","\u00a0",".",",","!","-","'"]
BL=[(0x20,0x7f),(0xa0,0x250),(0x300,0x370),(0x370,0x530),(0x590,0x700),(0x900,0xe00),(0x1100,0x1200),(0x1e00,0x2000),(0x2000,0x2100),(0x2100,0x2c00),(0x3000,0x3400),(0x4e00,0x4f00),(0xac00,0xad00),(0xf900,0x10000),(0x1f300,0x1fa00),(0x1d400,0x1d500),(0,0x20),(0x20,0x110000),(0x10000,0x20000)]
def rc(R):
    a,b=R.choice(BL)
    while True:
        c=R.randrange(a,b)
        if not 0xd800<=c<0xe000: return chr(c)
def text(R,extra=()):
    k=R.random()
    W=WORDS+list(extra)*3
    if k<.6: return "".join(R.choice(W)+R.choice(SEP) for _ in range(R.randint(0,10)))
    if k<.8: return "".join(rc(R) for _ in range(R.randint(0,12)))
    if k<.9: return "".join(rc(R) if R.random()<.4 else R.choice(W)+R.choice(SEP) for _ in range(R.randint(0,10)))
    return R.choice([" ","  a"," \n","\t","a","é","漢","🙂"])*R.randint(0,20)+R.choice(["","x"," x","\n"])
