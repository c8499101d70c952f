# SPDX-License-Identifier: MIT
# The recipes of avl.7 that are not among the commands of its examples do what the page says.
# shellcheck shell=sh
. "$TOP/tests/cli/lib.sh"
PYTHON=${PYTHON:-python3}

# recipe NAME: the literal block that follows the line '.\" test: NAME' of the page
recipe() {
	awk -v mark=".\\\\\" test: $1" '
		$0 == mark { armed = 1; next }
		armed && /^\.Bd/ { inside = 1; next }
		inside && /^\.Ed/ { exit }
		inside { print }' "$TOP/man/avl.7" | sed -e 's/^\\&//' -e 's/\\e/\\/g'
}

has_module() {
	"$PYTHON" -c "import $1" 2>/dev/null
}

cp "$TOP/tests/data/demo.mp4" .
avl-extract -t 1.5,5.5 demo.mp4 | avl-localize -o heat.tar

if has_module numpy; then
	recipe peaks >peaks.py
	t 'the program of the tour runs' 0 '' -- "$PYTHON" peaks.py
	is 'it prints a line for each map' "$(wc -l <"$OUT")" 2
	matches 'with its member and its place' '^demo_000001500000\.heat\.npy [0-9]+ [0-9]+ ' "$OUT"
else
	skip 'the program of the tour runs' 'NumPy is not installed'
fi
if has_module webdataset; then
	recipe samples >samples.py
	t_lines any 'the program with WebDataset runs' 0 '' -- "$PYTHON" -W ignore samples.py
	matches 'it sees maps and seals' '^demo_000001500000 \(14, 14\) \[\{' "$OUT"
else
	skip 'the program with WebDataset runs' 'webdataset is not installed'
fi
if have ffmpeg; then
	recipe film | sed -e 's/-r 10/-r 1/' -e 's/ffmpeg /&-v error /' >film.sh
	t 'the film is made' 0 '' -- sh film.sh
	# Twelve pictures, one a second, and the sound as it was: 12 s of both.
	t 'it can be read again' 0 '' -- avl-extract -r 1 -w 1 -a 16000 -o film.tar film.mp4
	is 'it is as long as the clip' "$(avl-check --json film.tar 2>/dev/null | wc -l)" 12
	is 'it has sound' "$(tar tf film.tar | grep -c audio.npy)" 12
else
	skip 'the film is made' 'ffmpeg is not installed'
fi

mkdir videos
cp demo.mp4 videos/a.mp4
cp demo.mp4 videos/b.mp4
head -c 200000 demo.mp4 >videos/bad.mp4
recipe folder | sed 's/avl-extract/& -r 0.25/' >Makefile
unset MAKEFLAGS MAKELEVEL MFLAGS
make -k -j2 >log 2>&1
is 'a video that cannot be read makes the folder fail' "$?" 2
matches 'it is named' "avl-extract: 'videos/bad.mp4'" log
is 'the others are answered, and nothing else' "$(echo heat/*)" \
	'heat/a.jsonl heat/a.tar heat/b.jsonl heat/b.tar'
is 'an answer is a line for each record' "$(wc -l <heat/a.jsonl)" 3
rm videos/bad.mp4
t 'a second run goes on' 0 '' -- make
matches 'it has nothing to do' 'Nothing to be done' "$OUT"
cp demo.mp4 videos/c.mp4
make >log 2>&1
is 'a new video is all that is worked on' "$(grep -c '^avl-extract' log)" 1
matches 'it is the new one' '^avl-extract .* videos/c.mp4 ' log
done_testing
