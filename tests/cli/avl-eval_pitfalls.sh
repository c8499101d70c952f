# SPDX-License-Identifier: MIT
# avl-eval names the known pitfalls of the data sets when it meets them.
# shellcheck shell=sh
. "$TOP/tests/cli/lib.sh"
PATH=$BIN/../tests:$PATH

# records N FROM: N records of a data set
records() {
	awk -v n="$1" -v from="$2" 'BEGIN {
		for (i = 0; i < n; i++)
			printf "record r%d\nseal truth {\"from\":\"%s\"}\nf4 heat.npy 2x2 = 0 1\nf8 boxes.npy 1x5 = 0.5 0 1 1 0\n", i, from
	}' | mkrecord
}

for n in 249 250 178 177; do
	records $n flickr >in.tar
	t "Flickr-SoundNet, N = $n" 0 '' -- avl-eval --resamples 0 in.tar
	cp "$OUT" "flickr$n"
done
matches '249 is the list without 3908875350' 'N = 249 is the list without 3908875350' flickr249
matches '250 is the other list' "N = 250 is SLAVC's and SSLalignment's" flickr250
matches '178 is HTF'\''s' "N = 178 is HTF's" flickr178
matches 'others are not published' 'N = 177 is neither 249 nor 250' flickr177

records 7 vggss >in.tar
t 'VGG-SS, some' 0 '' -- avl-eval --resamples 0 in.tar
matches 'the published Ns are named' 'VGG-SS: N = 7 is no published one \(5158' "$OUT"
records 4654 vggss >in.tar
t 'VGG-SS, 4654' 0 '' -- avl-eval --resamples 0 in.tar
matches 'one of them is known' "VGG-SS: N = 4654 is SSLalignment's" "$OUT"

printf '[{"file":"a","bbox":[[0,0,-2.88e16,1],[0,0,0.5,1]]},{"file":"b","bbox":[[0.5,0,0.2,1]]}]' >vggss.json
printf 'record a\nf4 heat.npy 2x2 = 1 0\nrecord b\nf4 heat.npy 2x2 = 1 0\n' | mkrecord |
	avl-truth -q --vggss vggss.json >in.tar
t 'boxes without sense' 0 '' -- avl-eval --json --resamples 0 in.tar
matches 'values outside are named' '1 records have boxes with values outside the frame' "$OUT"
matches 'empty truths are named' '1 truths are empty' "$OUT"
matches 'and score 0, not NaN' '"n":2,.*"ciou":0.5,"mean_ciou":0.5,' "$OUT"

# the same boxes without avl-truth
printf 'record a\nf4 heat.npy 2x2 = 1 0\nf8 boxes.npy 2x5 = 0 0 -2.88e16 1 0 0 0 0.5 1 0\n' | mkrecord >in.tar
t 'raw boxes without sense' 0 '' -- avl-eval --json --resamples 0 in.tar
matches 'are cut as well' '1 records have boxes with values outside the frame' "$OUT"
matches 'and evaluated' '"ciou":1,' "$OUT"

# consensus: by the data set, else by the number of annotators; the map marks the right half
for how in '{"from":"flickr"} 0:0.5' '{"from":"vggss"} 0:1' '{"from":"vggss"} 1:1' '{"from":"boxes"} 0:1' '{"from":"boxes"} 1:0.5'; do
	set -- "${how%% *}" "${how##* }"
	printf 'record a\nseal truth %s\nf4 heat.npy 2x2 = 0 1\nf8 boxes.npy 2x5 = 0.5 0 1 1 0 0 0 0 0 %s\n' "$1" "${2%:*}" |
		mkrecord >in.tar
	t "annotators ${2%:*}, $1" 0 '' -- avl-eval --per-record --json in.tar
	is "g is ${2#*:}" "$(grep -o '"area":[0-9]*' "$OUT")" "\"area\":$(echo "${2#*:}" | awk '{ print $1 * 112 * 224 }')"
done

printf 'record a\nseal heat_region [0.25,0,0.75,1]\nf4 heat.npy 2x2 = 0 1\nf8 boxes.npy 1x5 = 0.5 0 0.75 1 0\n' | mkrecord >in.tar
t 'a map of a crop' 0 '' -- avl-eval --json --resamples 0 in.tar
matches 'is stretched, and that is said' '1 maps are of a crop and were stretched' "$OUT"
matches 'its cIoU is the official one' '"ciou":1,"mean_ciou":0.5,' "$OUT"
t 'a map of a crop, where it belongs' 0 '' -- avl-eval --json --resamples 0 --align in.tar
matches 'and that is said' 'put where they belong: not the official number' "$OUT"
printf 'record a\nseal heat_region [0.25,0,2,1]\nf4 heat.npy 2x2 = 0 1\nf8 boxes.npy 1x5 = 0.5 0 0.75 1 0\n' | mkrecord >in.tar
t_lines 2 'a region outside the frame' 1 "record 'a': heat_region is not four fractions" -- avl-eval in.tar

for range in '[1,0]' '[0]' '["a",1]' '[0,1e999]'; do
	printf 'record a\nseal heat_range %s\nf4 heat.npy 2x2 = 0 1\nf8 boxes.npy 1x5 = 0.5 0 0.75 1 0\n' "$range" | mkrecord >in.tar 2>/dev/null || continue
	t_lines 2 "the range $range" 1 "heat_range is not two numbers" -- avl-eval in.tar
done

records 3 is3 >in.tar
t 'the same stream twice' 0 '' -- avl-eval --resamples 0 in.tar in.tar
matches 'is seen by its keys' '3 records have a key that came before' "$OUT"

t 'the adaptive rule' 0 '' -- avl-eval --resamples 0 --protocol adaptive in.tar
matches 'is not to be compared' 'not to be compared with the median rule' "$OUT"
matches 'and the median stands beside it' '^cIoU >= 0.5, median +100.00$' "$OUT"
done_testing
