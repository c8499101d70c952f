# SPDX-License-Identifier: MIT
# avl-eval: a "model" that paints a blob on the centre whatever it sees and hears is exposed by the
# table, and one that finds its sources is not accused.
# shellcheck shell=sh
. "$TOP/tests/cli/lib.sh"
PATH=$BIN/../tests:$PATH

# A data set as they are: 60 clips, most sources near the centre.
# clips BLOB [CONTROL]: BLOB is centre or source
clips_text() {
	awk -v blob="$1" -v control="$2" 'BEGIN {
		for (i = 0; i < 60; i++) {
			x = 0.5 + 0.3 * sin(i * 2.399); y = 0.5 + 0.25 * cos(i * 1.7)
			w = 0.25 + 0.02 * (i % 7)
			printf "record clip%d_0\nseal source clip%d.mp4\n", i, i
			if (control) printf "seal control %s\n", control
			printf "f8 boxes.npy 1x5 = %.6f %.6f %.6f %.6f 0\n", x - w, y - w, x + w, y + w
			if (blob == "centre") printf "f4 heat.npy 7x7 bell 0.5 0.5 0.3\n"
			else if (control == "silence") printf "f4 heat.npy 7x7 = 0\n"
			else if (control) printf "f4 heat.npy 7x7 bell %.6f %.6f 0.3\n", 1 - x, 1 - y
			else printf "f4 heat.npy 7x7 bell %.6f %.6f 0.3\n", x, y
		}
	}'
}

clips() {
	clips_text "$@" | mkrecord
}

for kind in '' silence shuffled; do
	clips centre "$kind" >"centre$kind.tar"
	clips source "$kind" >"source$kind.tar"
done

sed 's/^seal source.*/&\nseal control shuffled/' <<EOF | mkrecord >sourcenothing.tar
$(clips_text source '')
EOF

t 'the centre blob' 0 '' -- avl-eval centre.tar centresilence.tar centreshuffled.tar
cp "$OUT" centre
matches 'the table says that it does not look' '^looks +no  \(own map ([0-9.]+), another clip.s \1\)$' centre
matches 'and that it does not listen' \
	'^listens +no  \(own sound ([0-9.]+), silence \1; own sound \1, another clip.s \1\)$' centre
matches 'its maps are all alike' '59 of 60 maps equal the map before them: the model does not look' centre
matches 'it is not above the centre disc' 'not above the centre disc \(' centre
matches 'it is not above the maps of other clips' 'not above the maps of other clips \(' centre
matches 'it scores the same in silence' 'not above its own score with silence \(' centre
matches 'it scores the same with the sound of another clip' 'not above its own score with the sound of another clip \(' centre
score=$(sed -n 's/^cIoU >= 0.5 *\([0-9.]*\) .*/\1/p' centre)
is 'the control stands in the table with the same number' \
	"$(sed -n 's/^silence  *cIoU >= 0.5 *\([0-9.]*\)$/\1/p' centre)" "$score"
is 'and so does the map of another clip' \
	"$(awk -v s="$score" '/^the map of another clip/ { print ($6 - s < 2 && s - $6 < 2) ? "near" : $6 }' centre)" near

t 'a model that finds its sources' 0 '' -- avl-eval source.tar sourcesilence.tar sourceshuffled.tar
cp "$OUT" source
is 'is not accused of anything' "$(grep -c 'above\|does not look' source)" 0
matches 'the table says that it looks' '^looks +yes  \(own map ' source
matches 'and that it listens' '^listens +yes  \(own sound [0-9.]+, silence 0.0; own sound' source
matches 'the table shows what silence does' '^silence +cIoU >= 0.5 +0.00$' source
t 'without controls' 0 '' -- avl-eval source.tar
matches 'it is said that nothing shows whether it listens' 'no controls in the stream' "$OUT"

matches 'and in the place of the verdict' '^listens +not tested  \(no controls in the stream' "$OUT"
t 'the verdicts as JSON' 0 '' -- avl-eval --json centre.tar centreshuffled.tar
matches 'are words' '"looks":"no","listens":"no",' "$OUT"
t 'and as TSV' 0 '' -- avl-eval --tsv source.tar sourceshuffled.tar
matches 'are rows' '^verdict	listens	yes	' "$OUT"

# one listens to something, the other only to whether there is a sound: one control is not enough
t 'a model that knows silence only' 0 '' -- avl-eval source.tar sourcesilence.tar sourcenothing.tar
matches 'is not said to listen' '^listens +no  \(own sound ([0-9.]+), silence 0.0; own sound \1, another clip.s \1\)$' "$OUT"

# Juanola et al.: pIA and F by one threshold for all maps
t 'a universal threshold' 0 '' -- avl-eval --json --resamples 0 --protocol lvs --universal 0.5 source.tar sourcesilence.tar
matches 'nothing is active in silence' '"silence_pia":0[,}]' "$OUT"
matches 'F_LOC' '"f_loc":0\.[0-9]+' "$OUT"
matches 'F_AUC' '"f_auc":0\.[0-9]+' "$OUT"
t 'the blob is active in silence' 0 '' -- avl-eval --json --resamples 0 --protocol lvs --universal 0.5 centre.tar centresilence.tar
matches 'by its area' '"silence_pia":0\.[1-9]' "$OUT"

# two records prove nothing, whatever their numbers
printf 'record a\nf4 heat.npy 7x7 bell 0.2 0.5 0.2\nf8 boxes.npy 1x5 = 0 0 0.5 1 0\nrecord b\nf4 heat.npy 7x7 bell 0.8 0.5 0.2\nf8 boxes.npy 1x5 = 0.75 0 1 1 0\n' |
	mkrecord >two.tar
t 'two records' 0 '' -- avl-eval two.tar
matches 'are few, and that is said' '^note: 2 records are few' "$OUT"
matches 'are not surely above anything' 'not surely above the maps of other clips \(0.00\)' "$OUT"

# a map divided by a temperature is judged as the map itself, if avl-eval is told; 0.25 is exact
for scale in 1 4; do
	awk -v s=$scale 'BEGIN {
		printf "record a\nf8 boxes.npy 1x5 = 0 0 0.5 1 0\nf4 heat.npy 4x4 ="
		for (i = 0; i < 16; i++) printf " %.6f", s * (i * 7 % 16 / 16 - 0.25)
		print ""
	}' | mkrecord >scaled$scale.tar
done
avl-eval --protocol slavc --threshold 0.6 --per-record scaled1.tar >plain
avl-eval --protocol slavc --threshold 0.6 --per-record --tau 0.25 scaled4.tar >divided
same '--tau undoes a temperature' plain divided
avl-eval --protocol slavc --threshold 0.6 --per-record scaled4.tar >divided
is 'which matters' "$(cmp -s plain divided || echo yes)" yes
t 'a temperature has to be above 0' 2 'is not within' -- avl-eval --tau 0 two.tar
done_testing
