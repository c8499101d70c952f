# SPDX-License-Identifier: MIT
# avl-eval: what is counted, what is left out, the forms of output, and bad input.
# shellcheck shell=sh
. "$TOP/tests/cli/lib.sh"
PATH=$BIN/../tests:$PATH

# value NAME: of the object in $OUT
value() {
	grep -oE "\"$1\":[^,}]*" "$OUT" | head -n 1 | cut -d : -f 2
}

# Maps of two columns: the bilinear map rises from left to right, so its half is the right half.
mkrecord >in.tar <<'END'
record right
f4 heat.npy 2x2 = 0 1
f8 boxes.npy 1x5 = 0.5 0 1 1 0
record wrong
f4 heat.npy 2x2 = 0 1
f8 boxes.npy 1x5 = 0 0 0.5 1 0
record half
f4 heat.npy 2x2 = 0 1
f8 boxes.npy 1x5 = 0 0 1 1 0
record flat
f4 heat.npy 2x2 = 3
f8 boxes.npy 1x5 = 0.5 0 1 1 0
record nan
f4 heat.npy 2x2 = 0 1 nan 1
f8 boxes.npy 1x5 = 0.5 0 1 1 0
record negative
f4 heat.npy 2x2 = 0 0.5
f8 boxes.npy 0x5 = 0
record mapless
f8 boxes.npy 1x5 = 0.5 0 1 1 0
record truthless
f4 heat.npy 2x2 = 0 1
END

t 'a summary as JSON' 0 '' -- avl-eval --json --resamples 0 in.tar
is 'one line' "$(wc -l <"$OUT")" 1
is 'the protocol' "$(value protocol)" '"ezvsl"'
is 'n' "$(value n)" 5
is 'left out' "$(value left_out)" 3
is 'and why' "$(grep -o '"left_out_why":{[^}]*}' "$OUT")" '"left_out_why":{"no_map":1,"no_truth":1,"no_source":1}'
is 'cIoU: two of five; a constant map and NaN are misses' "$(value ciou)" 0.4
is 'mean cIoU' "$(value mean_ciou)" 0.3
is 'LocAcc wants more than 0.5' "$(value loc_acc)" 0.2
is 'pointing' "$(value pointing)" 0.4
matches 'constant maps are counted' '1 maps are constant: counted as misses' "$OUT"
matches 'maps with NaN are counted' '1 maps hold NaN' "$OUT"
matches 'the lack of controls is named' 'no controls in the stream' "$OUT"

t 'SLAVC counts the negative' 0 '' -- avl-eval --json --resamples 0 --protocol slavc in.tar
is 'n with negatives' "$(value n)/$(value positives)/$(value negatives)" 6/5/1

t 'the official rule for a constant map' 0 '' -- avl-eval --json --resamples 0 --flat-counts in.tar
is 'takes all of it: 0.5 is a hit' "$(value ciou)" 0.6

t 'a fixed threshold' 0 '' -- avl-eval --json --resamples 0 --threshold 2 in.tar
is 'beyond every map' "$(value mean_ciou)" 0

t 'intervals' 0 '' -- avl-eval --json in.tar
cp "$OUT" first
matches 'are pairs of numbers' '"intervals":\{"ciou":\[0[.0-9]*,0?[.0-9]+\]' "$OUT"
t 'the same seed' 0 '' -- avl-eval --json in.tar
same 'the same bytes' "$OUT" first
avl-eval --json - <in.tar >"$OUT"
same 'from a pipe as from a file' "$OUT" first

t 'TSV' 0 '' -- avl-eval --tsv in.tar
is 'six fields a row' "$(awk -F '\t' 'NF != 6' "$OUT")" ''
is 'with a heading' "$(head -n 1 "$OUT" | tr '\t' ' ')" 'section name value low high n'
matches 'baselines' "^baselines	centre_disc_ciou	" "$OUT"

t 'a table' 0 '' -- avl-eval in.tar
matches 'percentages with intervals' '^cIoU >= 0.5 +40\.00  \[[0-9.]+, [0-9.]+\]$' "$OUT"
matches 'what was left out, and why' '^  no truth +1$' "$OUT"
matches 'the baselines' '^the full frame +[0-9.]+ +[0-9.]+ +[0-9.]+ +5$' "$OUT"

t 'a line a record' 0 '' -- avl-eval --per-record in.tar
is 'all records, and a heading' "$(wc -l <"$OUT")" 9
is 'with the cIoU' "$(grep '^half	' "$OUT" | cut -f 1-4 | tr '\t' ' ')" 'half positive  0.5'
is 'or the reason' "$(grep '^mapless	' "$OUT" | cut -f 1-3 | tr '\t' ' ')" 'mapless  no map'
t 'a line a record, JSON' 0 '' -- avl-eval --per-record --json in.tar
matches 'is an object a line' '^\{"key":"right","kind":"positive","ciou":1,' "$OUT"

t 'the list of protocols' 0 '' -- avl-eval --list
is 'has those of the contract' "$(grep -cE '^(ezvsl|lvs|slavc|fnac|adaptive|senocak|mask) ' "$OUT")" 7
for protocol in ezvsl lvs slavc fnac adaptive senocak mask ssltie htf; do
	t "$protocol runs" 0 '' -- avl-eval --protocol "$protocol" --json in.tar
	is "$protocol names itself" "$(value protocol)" "\"$protocol\""
done

# IS3: two sounds in a picture
mkrecord >pairs.tar <<'END'
record a
seal source cat_dog_1_cat.jpg
f4 heat.npy 2x2 = 0 1
f8 boxes.npy 1x5 = 0.5 0 1 1 0
record b
seal source cat_dog_1_dog.jpg
f4 heat.npy 2x2 = 1 0
f8 boxes.npy 1x5 = 0 0 0.5 1 0
f8 other.npy 1x5 = 0.5 0 1 1 0
record c
seal source cow_pig_2_cow.jpg
f4 heat.npy 2x2 = 0 1
f8 boxes.npy 1x5 = 0 0 0.5 1 0
f8 other.npy 1x5 = 0.5 0 1 1 0
record d
seal source cow_pig_2_pig.jpg
f4 heat.npy 2x2 = 0 1
f8 boxes.npy 1x5 = 0.5 0 1 1 0
END
t 'pairs' 0 '' -- avl-eval --pairs --json --resamples 0 pairs.tar
is 'iIoU: one of two pictures' "$(value iiou)" 0.5
is 'cIoU: three of four records' "$(value ciou)" 0.75
is 'right of two, where the other object is known' "$(value right_of_two)" 0.5
is 'the map of the record before, where its source is another' "$(value other_map_ciou | cut -c 1-6)" 0.6666

mkrecord >masks.tar <<'END'
record m
f4 heat.npy 2x2 = -1 1
u1 mask.npy 2x2 = 0 1
record empty
f4 heat.npy 2x2 = -1 -1 -1 1
u1 mask.npy 2x2 = 0
record none
f4 heat.npy 2x2 = -1
u1 mask.npy 2x2 = 0
END
t 'masks' 0 '' -- avl-eval --protocol mask --json --resamples 0 masks.tar
is 'mIoU, of the background where the mask is empty' "$(value miou | cut -c 1-8)" 0.916666
is 'F' "$(value fmeasure)" 1

t 'nothing to evaluate' 1 'no record could be evaluated: 1 no truth' -- sh -c \
	"printf 'record a\nf4 heat.npy 1x1 = 1\n' | mkrecord | avl-eval"
t 'an empty stream' 1 'no record could be evaluated' -- sh -c 'mkrecord </dev/null | avl-eval --json'
is 'nothing is printed then' "$(cat "$OUT")" ''
printf 'record a\nf8 heat.npy 2x2 = 1\nf8 boxes.npy 1x5 = 0 0 1 1 0\nrecord b\nf4 heat.npy 2x2 = 0 1\nf8 boxes.npy 1x5 = 0 0 1 1 0\n' |
	mkrecord >bad.tar
t 'a map of the wrong type' 1 "'bad.tar': record 'a': heat.npy is f8 \(2, 2\), not f4" -- avl-eval --json bad.tar
is 'the others are evaluated' "$(value n)" 1
for member in 'f4 boxes.npy 1x5 = 0' 'f8 boxes.npy 1x4 = 0' 'f4 mask.npy 2x2 = 0' 'f4 heat.npy 4 = 1' 'f4 heat.npy 0x4 = 1'; do
	printf 'record a\nf4 heat.npy 2x2 = 0 1\n%s\nrecord b\nf4 heat.npy 2x2 = 0 1\nf8 boxes.npy 1x5 = 0 0 1 1 0\n' "$member" | mkrecord >bad.tar
	t "refused: $member" 1 "record 'a': [a-z]*.npy is f[48]" -- avl-eval --json bad.tar
done
printf 'record a\nseal control loud\nf4 heat.npy 2x2 = 0 1\n' | mkrecord >bad.tar
t 'an unknown control' 1 'no record could be evaluated: 1 an unknown kind of control' -- avl-eval bad.tar
head -c 3000 in.tar >cut.tar
t_lines any 'a stream that is cut off' 1 "'cut.tar'" -- avl-eval cut.tar
t 'an unknown protocol' 2 "no protocol is called 'best'" -- avl-eval --protocol best in.tar
t 'JSON and TSV' 2 'exclude each other' -- avl-eval --json --tsv in.tar
t 'a full disk' 1 '^avl-eval: stdout: No space left' -- sh -c 'avl-eval in.tar >/dev/full'
is 'a closed pipe is quiet' "$(pipe_status avl-eval --per-record in.tar | sed 's/141/0/')" 0
done_testing
