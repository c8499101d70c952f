#!/bin/sh
# SPDX-License-Identifier: MIT
# avl-heatmap: what is wrong is said in one line, with the right exit status.
. "$TOP/tests/cli/lib.sh"

MK=$BIN/../tests/mkstream
[ -x "$MK" ] || {
	skip 'avl-heatmap on bad input' "no mkstream: make tests"
	done_testing
}
"$MK" -s 32x24 >one.tar
"$MK" -n 3 -s 32x24 >three.tar

t 'an unknown option' 2 '^avl-heatmap: ' -- avl-heatmap --nonsense
t 'an unknown colour map' 2 "colormap" -- avl-heatmap --colormap rainbow one.tar
t 'too much opacity' 2 'alpha' -- avl-heatmap --alpha 1.5 one.tar
t 'no fraction' 2 'threshold' -- avl-heatmap --threshold 0 one.tar
t 'two kinds of output' 2 'exclude each other' -- avl-heatmap --raw --y4m one.tar
t 'a label and none' 2 'exclude each other' -- avl-heatmap --label --no-label one.tar
t 'a range that falls' 2 "range '2:1'" -- avl-heatmap --range 2:1 one.tar
t 'a range that is none' 2 "range 'x'" -- avl-heatmap --range x one.tar
t 'an empty name' 2 'needs a name' -- avl-heatmap -o '' one.tar
t 'help' 0 '' -- avl-heatmap --help
matches 'lists the options' '--colormap NAME' "$OUT"

t 'a missing file' 1 "'no.tar': No such file" -- avl-heatmap -o out no.tar
t 'a directory' 1 'directory' -- avl-heatmap -o out .
: >empty
t 'an empty file' 1 'empty' -- avl-heatmap -o out empty
head -c 2000 one.tar >cut.tar
t 'a stream that is cut off' 1 'cut.tar' -- avl-heatmap -o out cut.tar
for name in x.jpg x.JPEG dir.png/x.gif x.mp4; do
	t "-o $name is no directory" 2 "-o '$name': pictures are written as PNG" -- \
		avl-heatmap -o "$name" three.tar
	is "and none is made of $name" "$(ls -d "$name" 2>/dev/null)" ''
done
mkdir there.jpg
t 'but one that exists is' 0 '' -- avl-heatmap -o there.jpg three.tar
is 'with the pictures in it' "$(find there.jpg -name '*.png' | wc -l)" 3
t 'the output cannot be a directory' 1 "'one.tar.?': Not a directory" -- avl-heatmap -o one.tar/ three.tar
t 'a full disk' 1 'No space left' -- sh -c 'avl-heatmap one.tar >/dev/full'
t 'a full disk, as video' 1 'No space left' -- sh -c 'avl-heatmap --y4m three.tar >/dev/full'
t 'a full disk, as records' 1 'No space left' -- sh -c 'avl-heatmap --records one.tar >/dev/full'

t 'two records for one picture' 1 "'test_000001': a second record" -- avl-heatmap three.tar
cp "$OUT" first.png
avl-heatmap one.tar >one.png
same 'the first is whole' first.png one.png
t 'two records for one file' 1 "'test_000001': a second record" -- avl-heatmap -o f.png three.tar
same 'the first is whole in the file' f.png one.png
"$MK" -n 0 >none.tar
t 'no record for a picture' 1 'no record to draw' -- avl-heatmap -o none.png none.tar
is 'then there is no file' "$(ls none.png 2>/dev/null)" ''
t 'no record for a directory' 0 '' -- avl-heatmap -o nothing none.tar

"$MK" -n 2 -H none -s 32x24 >heatless.tar
t 'records without heat' 1 "'test_000000' and 1 more records: no heat.npy" -- \
	avl-heatmap -o out heatless.tar
t 'records without heat are passed on' 1 'no heat.npy' -- avl-heatmap --records heatless.tar
is 'all of them' "$(tar tf "$OUT")" "$(tar tf heatless.tar)"
t 'in a video they are bare' 1 'no heat.npy' -- avl-heatmap --raw heatless.tar
is 'but there' "$(wc -c <"$OUT" | tr -d ' ')" $((2 * 32 * 24 * 3))
"$MK" -F none >frameless.tar
t 'a record without frame' 1 "'test_000000': no frame.npy" -- avl-heatmap -o out frameless.tar

# kind, what mkstream is asked for, message
while IFS='|' read -r what options message; do
	# shellcheck disable=SC2086 # words
	"$MK" -K bad -s 32x24 $options >bad.tar
	rm -rf out
	t "$what" 1 "'bad_000000': $message" -- avl-heatmap -o out bad.tar
	is "$what: no picture" "$(ls out)" ''
	t "$what, between good ones" 1 "'bad_000000': $message" -- \
		avl-heatmap -o out one.tar bad.tar
	is "$what: the others are drawn" "$(ls out)" test_000000.png
	t "$what, passed on" 1 "'bad_000000': $message" -- avl-heatmap --records bad.tar
	is "$what: untouched" "$(tar tf "$OUT")" "$(tar tf bad.tar)"
done <<'END'
NaN in the heat|-H nan|the heat holds NaN
an infinity in the heat|-H inf|the heat holds an infinity
heat of another type|-H f8|heat.npy is f8 .14, 14., not f4 .rows, cols.
heat of one dimension|-H flatdim|heat.npy is f4 .196.*, not f4 .rows, cols.
heat without cells|-H empty|heat.npy is f4 .0, 14., not f4
a grey frame|-F grey|frame.npy is u1 .24, 32., not a picture u1 .h, w, 3.
a frame of floats|-F f4|frame.npy is f4 .24, 32, 3., not a picture
a frame without rows|-F empty|frame.npy is u1 .0, 32, 3., not a picture
a region outside the frame|-r 0,0,2,1|heat_region is no part of the frame
a region inside out|-r 0.5,0,0.4,1|heat_region is no part of the frame
END

"$MK" -K big -s 48x24 >big.tar
t 'frames of two sizes in a video' 1 "'big_000000': a frame of 48 x 24 in a video of 32 x 24" -- \
	avl-heatmap --raw one.tar big.tar three.tar
is 'the frames before are there' "$(wc -c <"$OUT" | tr -d ' ')" $((32 * 24 * 3))
"$MK" -n 400 -s 64x64 >long.tar
case $(pipe_status avl-heatmap --y4m long.tar) in
0 | 141) is 'a closed pipe ends it quietly' "$(cat "$ERR")" '' ;;
*) fail 'a closed pipe ends it quietly' "$(cat "$ERR")" ;;
esac
done_testing
