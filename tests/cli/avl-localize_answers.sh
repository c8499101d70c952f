#!/bin/sh
# SPDX-License-Identifier: MIT
# avl-localize: what it answers on the demo clip, and that nothing but the record decides it.
. "$TOP/tests/cli/lib.sh"

CLIP=$TOP/tests/data/demo.mp4
avl-extract -q -w 2 -t 1.5,5.5,10.5 "$CLIP" >three.tar

# side FILE K: the side of the K-th record's peak
side() {
	avl-check --json "$1" | sed -n "$2"'s/.*"peak":\[\([0-9.]*\),[0-9.]*\],"box[^{]*$/\1/p' |
		awk '{ print ($1 < 0.5) ? "left" : "right" }'
}

# answer FILE K: the K-th record's seal from "sure" of the whole map on
answer() {
	avl-check --json "$1" | sed -n "$2p" | sed 's/,"members".*/}/'
}

for score in dot relu class cosine; do
	t "scoring by $score" 0 '' -- sh -c "avl-localize -q --score $score -o $score.tar three.tar"
	answer $score.tar 1 | sed 's/.*"sure"/"sure"/' >first
	matches "$score: the rooster is on the left" '"peak":\[0\.[0-4]' first
	answer $score.tar 2 | sed 's/.*"sure"/"sure"/' >second
	matches "$score: the tiger is on the right" '"peak":\[0\.[5-9]' second
	matches "$score is named" "\"scoring\":\"$score\"" second
done
answer dot.tar 1 >seal
matches 'a rooster was heard' '"heard":\[.*"Chicken, rooster"' seal

t 'two sources' 0 '' -- avl-localize -q --sources 2 -o sources.tar three.tar
answer sources.tar 3 | sed 's/.*"sources":\[\(.*\)\],"sure.*/\1/' >sources
matches 'the first source is the rooster, on the left' \
	'^\{"name":"Chicken, rooster"[^}]*"peak":\[0\.[0-4]' sources
matches 'the second is the tiger, on the right' \
	'\},\{"name":"Roaring cats[^}]*"peak":\[0\.[5-9]' sources
avl-check sources.tar >"$OUT"
matches 'a map for each' 'heat.npy f4 \(14, 14\) .*heats.npy f4 \(2, 14, 14\)' "$OUT"

t 'one thread' 0 '' -- avl-localize -q -j 1 -o one.tar three.tar
t 'three threads' 0 '' -- avl-localize -q -j 3 -o more.tar three.tar
same 'the number of threads changes nothing' one.tar more.tar
t 'again' 0 '' -- avl-localize -q -j 1 -o again.tar three.tar
same 'a second run gives the same bytes' one.tar again.tar

avl-extract -q -w 2 -t 5.5 "$CLIP" | avl-localize -q >alone.tar
tar xf alone.tar && mv demo_000005500000.heat.npy alone.npy
tar xf one.tar
same 'a record answers alone as among others' alone.npy demo_000005500000.heat.npy
same 'the frame is passed on untouched' demo_000005500000.frame.npy demo_000005500000.frame.npy

# A record is answered before the next one comes: the second is held back until the answer to the
# first is there, or a minute has passed.
mkfifo in
avl-localize -q <in >answers.tar &
{
	cut=$(grep -abo demo_000005500000.frame.npy three.tar | head -n 1 | cut -d: -f1)
	head -c "$cut" three.tar
	tries=0
	until grep -qa 'demo_000001500000.json' answers.tar || [ "$tries" -ge 600 ]; do
		tries=$((tries + 1))
		sleep 0.1
	done
	tail -c +"$((cut + 1))" three.tar
} >in
wait
if [ "$tries" -lt 600 ]; then
	pass 'a record is answered without waiting for the next'
else
	fail 'a record is answered without waiting for the next'
fi
same 'and is answered the same' answers.tar one.tar

t 'gzip comes out' 0 '' -- sh -c 'avl-localize -q -z three.tar >packed.gz && gzip -t packed.gz'
t 'and goes in' 0 '' -- sh -c 'avl-localize -q packed.gz >/dev/null'
t 'the profile has a line a stage' 0 'image-net' -- avl-localize -q --profile -o /dev/null three.tar
is 'eight lines' "$(grep -c '	' "$ERR")" 8
for level in portable avx2; do
	t "cpu level $level" 0 '' -- sh -c "avl-localize -q --cpu $level -o $level.tar three.tar || [ $level != portable ]"
done
t 'in bf16' 0 '' -- avl-localize -q -p bf16 -o bf16.tar three.tar
t 'in bf16 on one thread' 0 '' -- avl-localize -q -p bf16 -j 1 -o bf16one.tar three.tar
same 'gives the same bytes' bf16.tar bf16one.tar
is 'the peaks are on the same sides' "$(side bf16.tar 1) $(side bf16.tar 2)" "$(side one.tar 1) $(side one.tar 2)"
differ 'the maps are not those of fp32' bf16.tar one.tar
t 'fp32 by name' 0 '' -- avl-localize -q -p fp32 -o fp32.tar three.tar
same 'is the default' fp32.tar one.tar
t 'no other precision' 2 "'fp16' is none of fp32" -- avl-localize -p fp16 three.tar
t 'bf16 where the processor lacks it' 0 '' -- avl-localize -q -p bf16 --cpu portable -o plain.tar three.tar
is 'finds the same sides' "$(side plain.tar 1) $(side plain.tar 2)" "$(side one.tar 1) $(side one.tar 2)"
is 'the plainest level finds the same peaks' "$(side portable.tar 1) $(side portable.tar 2)" "$(side one.tar 1) $(side one.tar 2)"

done_testing
