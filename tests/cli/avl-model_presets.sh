# SPDX-License-Identifier: MIT
# Models of published methods through the commands: what they ask of a clip, and the maps they give.
# shellcheck shell=sh
. "$TOP/tests/cli/lib.sh"

clip=$TOP/tests/data/demo.mp4

# check PRESET SAMPLES SIZE: the sound that is taken from the clip at 2 s, and the size of the map
check() {
	t "make $1" 0 '' -- avl-model init --seed 1 -o m.st "$1"
	t "extract for $1" 0 '' -- avl-extract -q -t 2 -m m.st -o r.tar "$clip"
	t "list it" 0 '1 records' -- avl-check r.tar
	matches "$1 gets $2 samples" "audio\\.npy f4 \\($2\\)" "$OUT"
	t "localize with $1" 0 '' -- avl-localize -q -m m.st -j 1 -o one.tar r.tar
	t "and two threads" 0 '' -- avl-localize -q -m m.st -j 2 -o two.tar r.tar
	same "give the same bytes" one.tar two.tar
	t "describe the map" 0 '' -- avl-check --json one.tar
	matches "it has $3 x $3 places" "\"heat.npy\":\\{[^}]*\"shape\":\\[$3,$3\\]" "$OUT"
}

rate=$(avl-extract -t 2 -a 0 -w 1 "$clip" | avl-check | sed -n 's/.*audio.npy f4 (\([0-9]*\)).*/\1/p')
check ezvsl $((3 * rate)) 7
check slavc $((3 * rate)) 7
matches 'a stretched frame is covered by the map' '"scoring":"cosine"' "$OUT"
is 'so no region is named' "$(grep -c heat_region "$OUT")" 0
check sslalign $((10 * rate)) 14
t 'sounds cannot be told apart without units' 2 'the model cannot tell sounds apart' -- \
	avl-localize -m m.st --sources 2 r.tar
check lvs $((10 * rate)) 14
matches 'a cropped frame names its region' '"heat_region":\[0\.[0-9]*,0,0\.[0-9]*,1\]' "$OUT"
rm -f ./*.st
done_testing
