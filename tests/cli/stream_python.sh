# SPDX-License-Identifier: MIT
# The stream and Python: the programs of avl-stream(5), numpy, and WebDataset's own reader.
# shellcheck shell=sh
. "$TOP/tests/cli/lib.sh"

stream=$TOP/tests/golden/stream.tar
python=${PYTHON:-python3}

# program N: the Nth indented block of the page that begins with an import
program() {
	awk -v want="$1" '
		/^\.Ed/ { inside = 0 }
		inside { if (!begun) { begun = 1; n += /^import/ } if (n == want) print }
		/^\.Bd -literal -offset indent/ { inside = 1; begun = 0; if (n == want) exit }
	' "$TOP/man/avl-stream.5"
}

if ! "$python" -c 'import numpy' 2>/dev/null; then
	skip 'the stream and numpy' 'numpy is not installed'
	done_testing
fi

program 1 >reader.py
program 2 >writer.py
t 'the reader of the manual reads a stream' 0 '' -- sh -c "$python reader.py <$stream"
cat >want <<'END'
a_000000 0.5 frame.npy uint8 (2, 3, 3)
a_000000 0.5 audio.npy float32 (5,)
b-1 None boxes.npy float64 (0, 5)
END
same 'and finds what is there' "$OUT" want
t 'and reads it through gzip' 0 '' -- sh -c "gzip -c $stream | $python reader.py"
same 'and finds the same there' "$OUT" want
sed 's/hello/hullo/' "$stream" >damaged.tar
t 'and sees damage' 1 '^record a_000000 is damaged$' -- sh -c "$python reader.py <damaged.tar"
t 'as avl-check does' 1 "^avl-check: 'damaged.tar': record 'a_000000', byte [0-9]+: 'note.txt' is damaged" -- \
	avl-check damaged.tar

t 'the writer of the manual writes' 0 '' -- sh -c "$python writer.py >made.tar"
t 'a stream' 0 '3 records, 1092 bytes, all intact' -- avl-check made.tar
sed -n 1p "$OUT" >line
is 'with what it was given' "$(cat line)" \
	'made_000000000000    0.000000 s  frame.npy u1 (4, 6, 3)  audio.npy f4 (9)'

cat >values.py <<'END'
import io, sys, tarfile
import numpy

with tarfile.open(sys.argv[1]) as archive:
    load = lambda name: numpy.load(io.BytesIO(archive.extractfile(name).read()))
    assert (load("a_000000.frame.npy").ravel() == numpy.arange(18) * 11).all()
    assert load("a_000000.audio.npy").tolist() == [0, 0.5, -0.5, 1, -1]
    for entry in archive:
        assert entry.offset_data % 64 == 0
        if not entry.name.endswith(".npy"):
            continue
        payload = archive.extractfile(entry).read()
        again = io.BytesIO()
        numpy.save(again, numpy.load(io.BytesIO(payload)))
        if tuple(map(int, numpy.__version__.split(".")[:2])) >= (1, 23):
            assert again.getvalue() == payload, entry.name
END
t 'numpy finds the values, and would have written the same bytes' 0 '' -- \
	"$python" values.py "$stream"

cat >kinds.py <<'END'
import io, sys
import numpy

exec(open("writer.py").read().split("with tarfile")[0])
arrays = [numpy.ones((2, 3), t) for t in ("f4", "f8", "u1", "i2", "i4", "i8")]
bad = {"bool": numpy.ones(3, "?"), "half": numpy.ones(3, "f2"), "big": numpy.ones(3, ">f4"),
       "text": numpy.array(["a"]), "record": numpy.zeros(2, "i4,f8"), "complex": numpy.ones(2, "c8"),
       "fortran": numpy.asfortranarray(numpy.ones((2, 3)))}
numpy.ascontiguousarray = lambda a: a
def write(path, arrays):
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        add(archive, "__avl__/stream.json", sealed({"format": "avl-stream", "version": 1}))
        add_record(archive, "k", arrays, {})
write("good.tar", {"m%d.npy" % i: a for i, a in enumerate(arrays)})
for name, array in bad.items():
    write(name + ".tar", {"m.npy": array})
with tarfile.open("names.tar", "w", format=tarfile.USTAR_FORMAT) as archive:
    add(archive, "__avl__/stream.json", sealed({"format": "avl-stream", "version": 1}))
    heard = [{"name": "\x1b[31mDog\x9b1m", "score": 0.9}, {"name": "Fl\xf6te", "score": 0.25}]
    add_record(archive, "k", {}, {"time": 1.5, "heard": heard, "peak": [0.25, 0.5]})
END
"$python" kinds.py
t 'all types that the stream has are read' 0 'all intact' -- avl-check good.tar
for name in bool half big text record complex fortran; do
	t "an array of another kind ($name) is refused" 1 \
		"'$name.tar': record 'k', byte [0-9]+: m.npy: npy: (dtype|structured|data in Fortran)" -- \
		avl-check "$name.tar"
done

t 'what was heard and where is listed' 0 'all intact' -- avl-check names.tar
printf 'k    1.500000 s  heard ?[31mDog?1m 0.90, Fl\303\266te 0.25  peak 0.250 0.500\n' >want
same 'and names do not reach the terminal as commands' "$OUT" want

if ! "$python" -c 'import webdataset' 2>/dev/null; then
	skip 'WebDataset reads a stream' 'webdataset is not installed'
	done_testing
fi
cat >web.py <<'END'
import sys
import webdataset

dataset = webdataset.WebDataset(sys.argv[1], shardshuffle=False, empty_check=False).decode()
for sample in dataset:
    names = sorted(k for k in sample if not k.startswith("__"))
    print(sample["__key__"], *names, sample["json"].get("time"))
    if sample["__key__"] == "a_000000":
        assert sample["frame.npy"].shape == (2, 3, 3) and sample["frame.npy"][1, 2, 2] == 187
        assert sample["audio.npy"].tolist() == [0, 0.5, -0.5, 1, -1]
END
cat >want <<'END'
a_000000 audio.npy frame.npy json note.txt 0.5
b-1 boxes.npy json None
END
"$python" web.py "$stream" >got 2>err || cat err
same 'WebDataset reads a stream' got want
done_testing
