# SPDX-License-Identifier: MIT
# avl-benchmark: from folders with the names of the data sets to the table, in one command, which
# goes on where it was.
# shellcheck shell=sh
. "$TOP/tests/cli/lib.sh"
PATH=$PATH:$TOP/scripts
if ! have python3; then
	skip 'avl-benchmark' 'python3 is not installed'
	done_testing
fi

# Pictures and sounds of a few names: a bright square, a tone.
python3 - <<'END'
import json, math, os, struct, wave, zlib

def png(path, planes, box, size=96):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    rows = b""
    for y in range(size):
        inside = [box[0] <= x < box[2] and box[1] <= y < box[3] for x in range(size)]
        rows += b"\0" + b"".join(bytes([200 * i + (x + y) % 50 * (planes > 1)] * planes) for x, i in enumerate(inside))
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 2 if planes == 3 else 0, 0, 0, 0)),
              (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in chunks))

def wav(path, seconds, hz):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with wave.open(path, "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", None))
        file.writeframes(b"".join(struct.pack("<h", int(9000 * math.sin(i * hz / 2546))) for i in range(int(16000 * seconds))))

boxes = []
for n in range(4):
    name = f"abcdefghij{n}_00000{n}"
    boxes.append({"file": name, "class": "x", "bbox": [[0, 0, 0.5, 1]]})
    if n < 3:
        other = f"abcdefghij{n}_{n}000_{n + 10}000" if n == 1 else name
        png(f"vggss/frames/{other}.png", 3, (0, 0, 48, 96))
        wav(f"vggss/audio/{other}.wav", 2, 300 + 100 * n)
json.dump(boxes, open("vggss.json", "w"))
open("silent.csv", "w").write("video,audio,label\n" + "".join(
    f"abcdefghij{a}_00000{a},abcdefghij{b}_00000{b},non-sounding\n" for a, b in ((0, 1), (1, 3), (2, 2))))
open("two.txt", "w").write("abcdefghij0_000000.jpg\nabcdefghij1_1000_11000\n")

with open("flickr.tsv", "w") as rows:
    for n in (10000130166, 10007936344):
        for k in range(3):
            rows.write(f"{n}\t{k}\t20\t30\t150\t200\n")
        png(f"flickr/{n}.png", 3, (0, 0, 48, 96))
        wav(f"flickr/{n}.wav", 3, 400)

pairs = []
for what in ("cat", "dog"):
    name = f"cat_dog_7_{what}"
    pairs.append({"image": f"/home/x/visual_frames/{name}.jpg", "audio": f"/home/x/audio_wav/{name}.wav",
                  "gt_box": [10.0, 20.0, 100.0, 200.0] if what == "cat" else [120.0, 20.0, 220.0, 200.0]})
    png(f"is3/visual_frames/{name}.png", 3, (0, 0, 48, 96))
    wav(f"is3/audio_wav/{name}.wav", 2, 700)
json.dump(pairs, open("is3.json", "w"))

for k in (1, 2):
    png(f"ms3/gt_masks/-aBc_0/-aBc_0_{k}.png", 1, (0, 0, 48, 96) if k == 1 else (0, 0, 0, 0))
    png(f"ms3/visual_frames/-aBc_0/-aBc_0.mp4_{k}.png", 3, (0, 0, 48, 96))
wav("ms3/audio_wav/-aBc_0.wav", 5, 500)
END
run() {
	avl-benchmark --bin "$BIN" -j 2 --eval '--resamples 0' "$@"
}

t 'pictures and sounds named as those of VGG-SS' 0 'vggss: 4 named, 3 there, 1 missing: abcdefghij3_000003 \(all: ' -- \
	run vggss vggss.json vggss
matches 'N is that of what is there' '^with a visible source +3$' "$OUT"
matches 'and held beside the published ones' 'VGG-SS: N = 3 is no published one' "$OUT"
matches 'the table says whether the model listens' '^listens +(yes|no|not shown)  \(own sound [0-9.]+, another clip.s' "$OUT"
is 'what is missing is listed' "$(cat benchmark-vggss/missing.txt)" abcdefghij3_000003
is 'maps are kept without pictures and sounds' \
	"$(cat benchmark-vggss/*/*.tar | tar tif - | grep -c 'frame.npy\|audio.npy')" 0
cp "$OUT" table
find benchmark-vggss -name '*.tar' -newer vggss.json | sort | xargs ls -i >before

t 'a second time' 0 '3 there' -- run vggss vggss.json vggss
same 'gives the same table' "$OUT" table
find benchmark-vggss -name '*.tar' | sort | xargs ls -i >after
same 'and does nothing again' before after
cp vggss/frames/abcdefghij0_000000.png vggss/frames/abcdefghij3_000003.png
cp vggss/audio/abcdefghij0_000000.wav vggss/audio/abcdefghij3_000003.wav
t 'a clip that came later' 0 '4 named, 4 there, 0 missing$' -- run vggss vggss.json vggss
matches 'is counted' '^records +4$' "$OUT"

t 'a list of names with extensions or milliseconds' 0 'vggss: 2 named, 2 there' -- \
	run --list two.txt --controls none -o listed vggss vggss.json vggss
matches 'is all that is evaluated' '^records +2$' "$OUT"
matches 'without controls that is said' '^listens +not tested' "$OUT"

t 'the extended set' 0 'vggss: 7 named, 7 there' -- \
	run --silent silent.csv --controls silence,noise -o extended vggss vggss.json vggss
matches 'is judged by the rules of SLAVC' '^slavc: ' "$OUT"
matches 'its silent clips are negatives' '^without +3$' "$OUT"
matches 'and its N is held beside the published one' 'extended set: N = 7, 3 of them with no visible source' "$OUT"
matches 'two controls' '^listens .*silence [0-9.]+; own sound [0-9.]+, noise ' "$OUT"
is 'controls are of the positives' "$(run --silent silent.csv --controls silence,noise -o extended --json vggss vggss.json vggss 2>/dev/null |
	grep -o '"silence_n":[0-9]*')" '"silence_n":4'

t 'Flickr-SoundNet' 0 'flickr: 2 named, 2 there' -- run flickr flickr.tsv flickr
matches 'is judged by consensus and counted' 'Flickr-SoundNet: N = 2 is neither' "$OUT"
t 'IS3' 0 'is3: 2 named, 2 there' -- run is3 is3.json is3
matches 'has pairs' '^iIoU ' "$OUT"
matches 'and the right of two' '^right of two ' "$OUT"
t 'AVSBench' 0 'avsbench: 2 named, 2 there' -- run avsbench ms3/gt_masks ms3
matches 'is judged by masks' '^mask: ' "$OUT"
matches 'of all frames' '^records +2$' "$OUT"

mkdir videos
cp "$TOP/tests/data/demo.mp4" videos/abcdefghij0_000000.mp4
printf 'no video' >videos/abcdefghij1_000001.mp4
t_lines 2 'a video that cannot be read' 1 "1 clips got no map; 'v/failed.txt' names them" -- \
	run --controls none -o v vggss vggss.json videos
matches 'the others are evaluated' '^records +1$' "$OUT"
matches 'it is named with its log' '^own	abcdefghij1_000001	v/own/00000-[0-9a-f]*.log$' v/failed.txt
matches 'which says why' 'abcdefghij1_000001.mp4' "$(cut -f 3 v/failed.txt)"
is 'the frame is that at 5 s' "$(avl-check --json v/own/*.tar | grep -o '"time":[0-9.]*')" '"time":5'

t_lines 2 'a folder without any of the files' 1 'none of the files that' -- run is3 is3.json videos
t_lines 1 'a file that is not there' 1 "'no.json': No such file" -- run vggss no.json videos
t_lines any 'a control that is not known' 2 'of shuffled, silence, noise' -- run --controls other vggss vggss.json videos
t_lines any 'a set that is not known' 2 'invalid choice' -- run coco vggss.json videos
done_testing
