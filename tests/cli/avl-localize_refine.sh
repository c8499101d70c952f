#!/bin/sh
# SPDX-License-Identifier: MIT
# avl-localize: maps mixed with a map of objects, and made to follow the picture's edges.
. "$TOP/tests/cli/lib.sh"

avl-extract -q -w 2 -t 1.5,5.5 "$TOP/tests/data/demo.mp4" >two.tar
avl-localize -q -o plain.tar two.tar

# map FILE: the first map's payload
map() {
	tar xOf "$1" demo_000001500000.heat.npy
}

# ends FILE: the smallest and the largest value of the first map
ends() {
	map "$1" | tail -c +129 | od -An -v -tf4 | tr -s ' ' '\n' | sed 1d | sort -g | sed -n '1p;$p' | tr '\n' ' '
}

# peak FILE K
peak() {
	avl-check --json "$1" | sed -n "$2"'s/.*"peak":\[\([0-9.]*\),[0-9.]*\],"box[^{]*.*/\1/p' |
		awk '{ print ($1 < 0.5) ? "left" : "right" }'
}

t 'maps that follow edges' 0 '' -- avl-localize -q --edges -o edges.tar two.tar
avl-check edges.tar >list
matches 'have 224 positions on a side' 'heat.npy f4 \(224, 224\)' list
avl-check --json edges.tar >seals
matches 'and the seal says so' '"refined":\{"edges":"guided"\}' seals
is 'what is heard and how sure it is does not change' \
	"$(sed 's/"peak":\[[^]]*\],"box":\[[^]]*\]//; s/,"refined":{[^}]*}//; s/"scoring.*//' seals)" \
	"$(avl-check --json plain.tar | sed 's/"peak":\[[^]]*\],"box":\[[^]]*\]//; s/"scoring.*//')"
is 'the rooster is on the left' "$(peak edges.tar 1)" left
is 'the tiger is on the right' "$(peak edges.tar 2)" right
t 'a size of their own' 0 '' -- avl-localize -q --edges --map-size 96x64 --sources 2 -o size.tar two.tar
avl-check size.tar >list
matches 'is that of all maps' 'heat.npy f4 \(64, 96\) .*heats.npy f4 \(2, 64, 96\)' list
t 'a size alone' 0 '' -- avl-localize -q --map-size 14 -o same.tar two.tar
map plain.tar >want
map same.tar >got
same 'that of the model changes nothing' want got

t 'objects' 0 '' -- avl-localize -q --object-prior 0.4 -o mixed.tar two.tar
is 'the mixture lies in 0..1' "$(ends mixed.tar)" '0 1 '
avl-check --json mixed.tar >seals
matches 'and the seal says what it is' '"refined":\{"prior":0.4\},"heat_range":\[0,1\]' seals
t 'objects alone' 0 '' -- avl-localize -q --object-prior 0 -o objects.tar two.tar
t 'do not listen' 0 '' -- sh -c 'avl-truth --control silence two.tar | avl-localize -q --object-prior 0 -o silence.tar'
map objects.tar >want
map silence.tar >got
same 'to anything' want got
t 'scores alone' 0 '' -- avl-localize -q --object-prior 1 -o scores.tar two.tar
is 'are those of the model' "$(peak scores.tar 1)$(peak scores.tar 2)" leftright
t 'both' 0 '' -- avl-localize -q -j 1 --object-prior 0.4 --edges -o both.tar two.tar
t 'with more threads' 0 '' -- avl-localize -q -j 3 --object-prior 0.4 --edges -o more.tar two.tar
same 'the number of threads changes nothing' both.tar more.tar

for preset in ezvsl slavc lvs senocak; do
	avl-model init -q $preset -o $preset.model
done
avl-extract -q -m ezvsl.model -t 1.5 "$TOP/tests/data/demo.mp4" -o one.tar
for preset in ezvsl slavc; do
	t "the objects of another model, $preset" 0 '' -- \
		avl-localize -q -m $preset.model --object-prior 0.4 --object-model ezvsl.model -o $preset.tar one.tar
done
is 'EZ-VSL scales to 0..1' "$(ends ezvsl.tar)" '0 1 '
is 'SLAVC does not' "$(ends slavc.tar | awk '{ print ($1 != 0 && $2 != 1) ? "fixed" : $0 }')" fixed
printf 'demo_000001500000\t0\t0\t0.5\t1\n' >boxes.tsv
avl-truth --boxes boxes.tsv slavc.tar | avl-eval --protocol slavc --per-record --json - >range
avl-check --json slavc.tar | grep -o '"heat_range":\[0,1\]' >"$OUT"
matches 'its scale is in the seal' '0,1' "$OUT"
map slavc.tar | tail -c +129 | od -An -v -tf4 | tr -s ' ' '\n' | sed '/^$/d' | sort -gr | head -n 12544 |
	awk '{ s += $1 } END { printf "%.4f\n", s / NR }' >want
grep -o '"confidence":[0-9.]*' range | awk -F: '{ printf "%.4f\n", $2 }' >got
same 'which avl-eval takes instead of that of cosines' want got

t 'a model that sees another part of the frame' 2 'sees another part of the frame' -- \
	avl-localize -m lvs.model --object-prior 0.4 --object-model ezvsl.model one.tar -o out.tar
t 'objects without a weight' 2 'is of --object-prior' -- avl-localize --object-model ezvsl.model one.tar -o out.tar
t 'a weight outside' 2 'object-prior' -- avl-localize --object-prior 1.5 one.tar -o out.tar
for size in 0 x 5x 5x5x 9999 -3 4.5; do
	t "'$size' is no size" 2 'is no size of a map' -- avl-localize --map-size=$size one.tar -o out.tar
done
t 'a file that is no model' 1 "'boxes.tsv'" -- avl-localize --object-prior 0.5 --object-model boxes.tsv two.tar -o out.tar
done_testing
