"""Random configurations beside the golden tokenizers, and what AutoTokenizer makes of them: SEED COUNT GOLDEN_DIRECTORY WORK_DIRECTORY. Needs texts.py of ../shapes."""
import json,os,random,sys,shutil,warnings,logging
warnings.filterwarnings("ignore"); os.environ["TRANSFORMERS_VERBOSITY"]="error"
from transformers import AutoTokenizer
import transformers; transformers.logging.set_verbosity_error()
from texts import text
GOLDEN=sys.argv[3]; WORK=sys.argv[4]
seed=int(sys.argv[1]); n=int(sys.argv[2]); R=random.Random(seed)
base=[json.load(open(f)) for f in [GOLDEN+"/gpt2-plt-relu/model/tokenizer.json",GOLDEN+"/llama-plt-relu-skip/model/tokenizer.json",GOLDEN+"/gemma2-plt-npz/model/tokenizer.json",GOLDEN+"/qwen3-plt-jumprelu/model/tokenizer.json"]]
CLS=["GPT2Tokenizer","GPT2TokenizerFast","PreTrainedTokenizerFast","LlamaTokenizer","LlamaTokenizerFast","GemmaTokenizer","GemmaTokenizerFast","Qwen2Tokenizer","GPTNeoXTokenizer"]
out=open(f"{WORK}/exp{seed}.jsonl","w")
for i in range(n):
    d=f"{WORK}/{seed}-{i}"; shutil.rmtree(d,ignore_errors=True); os.makedirs(d)
    t=json.loads(json.dumps(R.choice(base))); own=[a["content"] for a in t["added_tokens"]]
    # drop some added tokens / duplicate in vocab
    if R.random()<.4: t["added_tokens"]=t["added_tokens"][:-1]
    if t["pre_tokenizer"] and t["pre_tokenizer"]["type"]=="ByteLevel": t["pre_tokenizer"]["add_prefix_space"]=R.random()<.5
    json.dump(t,open(d+"/tokenizer.json","w"))
    json.dump({"model_type":R.choice(["gpt2","llama","qwen2"])},open(d+"/config.json","w"))
    pool=own+["<|new|>","Texas","the"," a"]
    flags=lambda: {"lstrip":R.random()<.3,"rstrip":R.random()<.3,"normalized":R.random()<.4,"single_word":R.random()<.2,"special":R.random()<.6}
    c={"tokenizer_class":R.choice(CLS),"clean_up_tokenization_spaces":R.random()<.3,"model_max_length":512}
    role=lambda: R.choice([R.choice(own),R.choice(own),None])
    for r in ["bos_token","eos_token","unk_token","pad_token","sep_token","cls_token","mask_token"]:
        x=R.random()
        if r in("bos_token","eos_token","unk_token") or x<.3:
            v=role()
            if v is None and r=="bos_token": v=own[0]
            c[r]=v if (v is None or R.random()<.8) else {"__type":"AddedToken","content":v}|flags()
    if R.random()<.5:
        base_id=max([0]+[a["id"] for a in t["added_tokens"]]+list(t["model"]["vocab"].values()))
        ids={a["content"]:a["id"] for a in t["added_tokens"]}
        dec={}
        for tok in R.sample(own,R.randint(0,len(own))): 
            if tok in ids or tok in t["model"]["vocab"]: dec[str(ids.get(tok,t["model"]["vocab"].get(tok)))]={"content":tok}|flags()
        if R.random()<.5: dec[str(base_id+1)]={"content":"<|new|>"}|flags()
        c["added_tokens_decoder"]=dec
    if R.random()<.4: c["add_prefix_space"]=R.random()<.5
    if R.random()<.3: c["add_bos_token"]=R.random()<.5
    if R.random()<.3: c["add_eos_token"]=R.random()<.3
    if R.random()<.2: c["additional_special_tokens"]=R.sample(own,min(len(own),R.randint(0,2)))
    if R.random()<.1: c["split_special_tokens"]=True
    json.dump(c,open(d+"/tokenizer_config.json","w"))
    if R.random()<.5:
        m={}
        for r in ["bos_token","eos_token","pad_token","unk_token"]:
            if R.random()<.5:
                v=R.choice(own); m[r]=v if R.random()<.5 else {"content":v}|{k:x for k,x in flags().items() if k!="special"}
        if R.random()<.3: m["additional_special_tokens"]=R.sample(own,min(len(own),R.randint(0,2)))
        json.dump(m,open(d+"/special_tokens_map.json","w"))
    try:
        a=AutoTokenizer.from_pretrained(d)
        x=[]
        for _ in range(12):
            s=text(R,pool); x.append([s,a.encode(s,add_special_tokens=False),a.encode(s)])
        print(json.dumps({"dir":d,"special":a.all_special_ids,"bos":a.bos_token_id,"eos":a.eos_token_id,"pad":a.pad_token_id,"texts":x}),file=out)
    except BaseException as e: print(json.dumps({"dir":d,"error":str(e)[:150]}),file=out)
    out.flush()
