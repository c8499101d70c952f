#!/bin/sh
# SPDX-License-Identifier: MIT
# avl-localize: what is wrong is said in one line, with the right exit status.
. "$TOP/tests/cli/lib.sh"

MK=$BIN/../tests/mkstream
[ -x "$MK" ] || {
	skip 'avl-localize on bad input' 'no mkstream: make tests'
	done_testing
}
"$MK" -s 32x24 -a 16000 >good.tar
"$MK" -n 3 -s 32x24 -a 16000 >three.tar

t 'an unknown option' 2 '^avl-localize: ' -- avl-localize --nonsense
t 'an unknown score' 2 "score" -- avl-localize --score best good.tar
t 'no sources' 2 'sources' -- avl-localize --sources 0 good.tar
t 'an unknown cpu level' 2 "level 'mmx'" -- avl-localize --cpu mmx good.tar
t 'no threads' 2 '-j: 0 is not within' -- avl-localize -j 0 good.tar
t 'help' 0 '' -- avl-localize --help
matches 'lists the options' '--sources K' "$OUT"

t 'a good stream' 0 '' -- avl-localize -o out.tar good.tar
t 'a missing file' 1 "'no.tar': No such file" -- avl-localize -o out.tar no.tar
t 'a directory' 1 'directory' -- avl-localize -o out.tar .
: >empty
t 'an empty file' 1 'empty' -- avl-localize -o out.tar empty
head -c 20000 three.tar >cut.tar
t 'a stream that is cut off' 1 "'cut.tar'" -- avl-localize -o out.tar cut.tar
t 'the same record twice' 1 "record '.*' comes twice: left out" -- \
	avl-localize -o twice.tar good.tar three.tar
t '... the rest goes on, to a whole stream' 0 '' -- avl-check -q twice.tar
is '... with each record once' "$(avl-check --json twice.tar 2>/dev/null | wc -l)" 3
t 'a full disk' 1 'No space left' -- sh -c 'avl-localize good.tar >/dev/full'
t 'a directory that is not there' 1 "'no/out.tar'" -- avl-localize -o no/out.tar good.tar

t 'a model that is not there' 1 "'no.model': .*No such file" -- avl-localize -m no.model good.tar
t 'no model, by environment' 1 "'no.model': .*No such file" -- env AVL_MODEL=no.model avl-localize good.tar
t 'a stream for a model' 1 "'good.tar'" -- avl-localize -m good.tar good.tar
head -c 1000000 "$TOP/lib/share/default.safetensors" >cut.model
t 'a model that is cut off' 1 "'cut.model'" -- avl-localize -m cut.model good.tar
LC_ALL=C sed 's/height\\":448/height\\":-48/' "$TOP/lib/share/default.safetensors" >tall.model
t 'a model of an absurd size' 1 "'tall.model'.*height" -- avl-localize -m tall.model good.tar
{
	head -c 9000000 "$TOP/lib/share/default.safetensors"
	printf '\001\002\003'
	tail -c +9000004 "$TOP/lib/share/default.safetensors"
} >flipped.model
t 'a model with a flipped byte' 1 "'flipped.model'.*digest" -- avl-localize -m flipped.model good.tar
# whose weights are summed up as the first record is worked on
avl-model init -q resnet18+resnet18 -o large.model
{
	head -c 40000000 large.model
	printf '\001\002\003'
	tail -c +40000004 large.model
} >turned.model
t 'a large model' 0 '' -- avl-localize -o large.tar -m large.model good.tar
t 'one with a flipped byte' 1 "'turned.model': the data is damaged" -- \
	sh -c 'avl-localize -m turned.model good.tar >turned.tar'
is '... nothing of the record comes out' "$(grep -ac heat.npy turned.tar)" 0
t_lines any 'a large model without a record to work on' 1 "'turned.model': the data is damaged" -- \
	sh -c 'avl-localize -m turned.model empty >/dev/null'
rm -f large.model turned.model

# one NAME REGEX OPTIONS...: a record of that kind is reported once, and passed on
one() {
	name=$1 regex=$2
	shift 2
	"$MK" -n 2 -s 32x24 -H none "$@" >in.tar
	t_lines any "$name" 1 "$regex" -- avl-localize -o out.tar in.tar
	avl-check out.tar >"$OUT"
	is "$name: the records are passed on without a map" \
		"$(grep -c test_ "$OUT") $(grep -c heat.npy "$OUT")" '2 0'
}
one 'no sound' "record 'test_000000' has no sound"
is 'it is said once' "$(wc -l <"$ERR")" 1
one 'no picture' "record 'test_000000' has no picture" -a 16000 -F none
one 'a grey picture' 'frame.npy is u1 \(24, 32\), not u1 \(height, width, 3\)' -a 16000 -F grey
one 'a picture of floats' 'frame.npy is f4' -a 16000 -F f4
one 'a picture without rows' 'frame.npy is u1 \(0, 32, 3\)' -a 16000 -F empty

done_testing
