#!/usr/bin/env python3
"""Renews .ci/known-holes.txt from a database of advisories:

    git clone --depth 1 https://github.com/github/advisory-database /tmp/advisories
    mvn -Psbom verify
    .ci/known-holes.py /tmp/advisories target/bom.xml

The database is any folder of files in the OSV format (GitHub's is free to use, CC BY 4.0; OSV's archives of one ecosystem, unpacked,
do as well). Of it, what concerns a package of the bill of materials, or of a line "+" in the list (what comes inside another package),
is written: package | versions that have the hole | advisories | what it is | why it does not concern us. Reasons stay with their
advisories, and so do lines whose advisories the database does not have. The check itself, KnownHoles.java, asks nobody."""
import datetime, json, pathlib, re, sys
import xml.etree.ElementTree as xml

LIST = pathlib.Path(__file__).with_name("known-holes.txt")
ECOSYSTEMS = {"Maven": "", "npm": "npm:", "PyPI": "pip:"}
LONGEST = 120

def packages(bom, lines):
    """Names in the database's words, and what each is called in the list: a webjar is its npm package, libtorch is torch."""
    names = {"pip:torch": "pip:torch"}
    for component in xml.parse(bom).getroot().iter():
        if component.tag.endswith("}component"):
            texts = {child.tag.split("}")[1]: (child.text or "").strip() for child in component}
            name = texts.get("group", "") + ":" + texts["name"]
            names[name] = name
            if name.startswith("org.webjars.npm:"): names["npm:" + texts["name"]] = name
    for line in lines:
        if line.startswith("+ "): names[line.split()[1]] = line.split()[1]
    return names

def ranges(affected):
    """[introduced, fixed), [introduced, last affected], or [introduced,) where nothing mends it."""
    found = []
    for events in (r["events"] for r in affected.get("ranges", []) if r["type"] in ("ECOSYSTEM", "SEMVER")):
        start = None
        for event in events:
            if "introduced" in event: start = event["introduced"]
            elif "fixed" in event: found, start = found + [f"[{start},{event['fixed']})"], None
            elif "last_affected" in event: found, start = found + [f"[{start},{event['last_affected']}]"], None
        if start is not None: found.append(f"[{start},)")
    # Single versions, where that is all that is said.
    return found or [f"[{v},{v}]" for v in affected.get("versions", [])]

def advisories(folder, names):
    """(package, ids, ranges, summary) of what was not withdrawn."""
    for file in sorted(pathlib.Path(folder).rglob("*.json")):
        text = file.read_text(encoding="utf-8")
        if not any(name.removeprefix("npm:").removeprefix("pip:") in text for name in names): continue
        advisory = json.loads(text)
        if advisory.get("withdrawn"): continue
        holes = {}
        for affected in advisory.get("affected", []):
            package = affected.get("package", {})
            name = names.get(ECOSYSTEMS.get(package.get("ecosystem"), "?") + package.get("name", ""))
            if name: holes.setdefault(name, []).extend(ranges(affected))
        for name, versions in holes.items():
            ids = [advisory["id"]] + sorted(advisory.get("aliases", []))
            what = advisory.get("summary") or advisory.get("details", "").split("\n")[0]
            what = re.sub(r"[\s|]+", " ", what).strip()
            yield name, ids, versions, what if len(what) <= LONGEST else what[:LONGEST - 1] + "…"

def ids_of(cell): return {i for i in re.split(r"[,\s]+", cell.strip()) if re.match(r"(GHSA|CVE|PYSEC|OSV)-", i)}

def main(folder, bom):
    lines = LIST.read_text(encoding="utf-8").splitlines()
    head = [line for line in lines if line.startswith(("#", "+"))]
    old = [[cell.strip() for cell in line.split("|")] for line in lines if line.strip() and not line.startswith(("#", "+"))]
    names = packages(bom, lines)
    new, seen = [], set()
    for name, ids, versions, what in advisories(folder, names):
        same = [cells for cells in old if cells[0] == name and ids_of(cells[2]) & set(ids)]
        reason = next((cells[4] for cells in same if len(cells) > 4 and cells[4]), "")
        new.append([name, " ".join(versions), ", ".join(ids), what] + ([reason] if reason else []))
        seen |= {(name, i) for i in ids}
    if not new: sys.exit(f"{folder} holds no advisory about any of {len(names)} packages: is it the database?")
    kept = [cells for cells in old if not any((cells[0], i) in seen for i in ids_of(cells[2]))]
    today = datetime.date.today().isoformat()
    head = [f"# looked up: {today}" if line.startswith("# looked up:") else line for line in head]
    rows = sorted(new + kept, key=lambda cells: (cells[0], cells[2]))
    LIST.write_text("\n".join(head + [" | ".join(cells) for cells in rows]) + "\n", encoding="utf-8")
    print(f"{len(new)} advisories about {len({cells[0] for cells in new})} of {len(names)} packages, {len(kept)} lines kept that it does not have")

if __name__ == "__main__":
    if len(sys.argv) != 3: sys.exit(__doc__)
    main(*sys.argv[1:])
