"""Write the tests' small models and mutants of them as a seed corpus: ``corpus.py FOLDER``."""

import hashlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
import hostile

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
seeds = hostile.originals()
for data in (*seeds.values(), *(hostile.mutant(index, seeds) for index in range(500))):
    Path(folder, hashlib.sha1(data).hexdigest()).write_bytes(data)
