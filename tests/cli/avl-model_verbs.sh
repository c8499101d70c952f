# SPDX-License-Identifier: MIT
# avl-model: list, show, init and convert, and what each says of bad input.
# shellcheck shell=sh
. "$TOP/tests/cli/lib.sh"

default=$TOP/lib/share/default.safetensors

t 'list' 0 '' -- avl-model list
for preset in default senocak lvs ezvsl slavc fnac sslalign ssltie; do
	matches "list names $preset" "^$preset  *[a-z0-9_]*\\+[a-z0-9_]* " "$OUT"
done
is 'the table of list is 100 columns wide at most' "$(sed -n 1,9p "$OUT" | awk 'length > 100')" ''

t 'show' 0 '' -- avl-model show "$default"
matches 'show says the architecture' '^  architecture  *efficientnet_lite0\+yamnet$' "$OUT"
matches 'show says the picture' 'stretched to 448 x 448' "$OUT"
matches 'show says the sound' 'at 16000 Hz; 4 s' "$OUT"
matches 'show says the licence' 'Apache-2.0' "$OUT"
matches 'show says that the digest is good' 'digest  *crc32:[0-9a-f]{8}, verified' "$OUT"
matches 'show says that nothing lacks' 'complete  *yes' "$OUT"
is 'show is 80 columns wide but for digests' "$(sed 1d "$OUT" | grep -v '[0-9a-f]\{64\}' | awk 'length > 80')" ''
t 'show -v lists tensors' 0 '' -- avl-model show -v "$default"
matches 'with type and shape' 'sound_fc1\.weight  *f2 \(521, 1024\)' "$OUT"

t 'init' 0 '' -- avl-model init --seed 5 -o a.st ezvsl
t 'init again' 0 '' -- avl-model init --seed 5 -o b.st ezvsl
same 'the same seed gives the same file' a.st b.st
t 'init with another seed' 0 '' -- avl-model init --seed 6 -o c.st ezvsl
differ 'another seed gives another file' a.st c.st
t 'show of a new model' 0 '' -- avl-model show a.st
matches 'it is complete' 'complete  *yes' "$OUT"
matches 'and says its seed' 'seed 5' "$OUT"

for arch in resnet18_14+yamnet efficientnet_lite0+resnet18_mean resnet18+resnet18_14; do
	t "init $arch" 0 '' -- avl-model init -o d.st "$arch"
	t "show of it" 0 '' -- avl-model show d.st
	is "names $arch" "$(sed -n 's/^  architecture *//p' "$OUT")" "$arch"
done

t 'convert to fp16' 0 '' -- avl-model convert --dtype fp16 -o half.st a.st
t 'convert to bf16' 0 '' -- avl-model convert --dtype bf16 -o brain.st a.st
t 'convert back' 0 '' -- avl-model convert --dtype fp32 -o wide.st half.st
t 'convert as it is' 0 '' -- avl-model convert -o same.st a.st
same 'changes nothing' a.st same.st
t 'convert fp16 once more' 0 '' -- avl-model convert --dtype fp16 -o half2.st wide.st
same 'fp16, fp32, fp16 is fp16' half.st half2.st
is 'fp16 takes about half the space' \
	"$(($(wc -c <half.st) * 100 / $(wc -c <a.st) / 2))" 25
t 'vectors stay fp32' 0 '' -- avl-model show -v half.st
matches 'as batch norms are' 'image\.bn1\.running_var  *f4 \(64\)' "$OUT"
matches 'while weights are fp16' 'image\.conv1\.weight  *f2 \(64, 3, 7, 7\)' "$OUT"
t 'convert to stdout' 0 '' -- avl-model convert a.st
same 'gives the same bytes' a.st "$OUT"

head -c 1000 a.st >cut.st
(head -c 300000 a.st && printf 'X' && tail -c +300002 a.st) >flipped.st
printf '\002\000\000\000\000\000\000\000{}' >empty.st
: >nothing.st
t 'no verb' 2 'needs one of list, show' -- avl-model
t 'an unknown verb' 2 "'frob' is none of" -- avl-model frob
t 'list with an operand' 2 'list: takes no operand' -- avl-model list x
t 'show without a file' 2 'show: needs a model file' -- avl-model show
t 'init without a name' 2 'init: needs an architecture' -- avl-model init
t 'init of two' 2 'init: takes one operand' -- avl-model init -o x.st ezvsl lvs
t 'init of something unknown' 2 "'vgg19' is neither a preset nor an architecture" -- avl-model init -o x.st vgg19
t 'init of an unknown pair' 2 "'vgg19\\+yamnet' is neither" -- avl-model init -o x.st vgg19+yamnet
t 'convert without a file' 2 'convert: needs a model file' -- avl-model convert
t 'a missing file' 1 "'no.st': cannot open: No such file" -- avl-model show no.st
t 'a directory' 1 "'\\.': not a regular file" -- avl-model show .
t 'an empty file' 1 "'nothing.st': the file is empty" -- avl-model show nothing.st
t 'a cut file' 1 "'cut.st': not a safetensors file, or cut off" -- avl-model show cut.st
t 'a flipped byte' 1 "'flipped.st': the data is damaged" -- avl-model show flipped.st
t 'convert of a damaged file' 1 "'flipped.st': the data is damaged" -- avl-model convert -o x.st flipped.st
t 'a file of nothing is shown' 0 '' -- avl-model show empty.st
matches 'as no model' 'contract  *none: not a model of avl' "$OUT"
t_lines 2 'good and bad files together' 1 "'no.st'" -- avl-model show a.st no.st b.st cut.st
is 'the good ones are shown' "$(grep -c architecture "$OUT")" 2
t 'a full disk' 1 'No space left on device' -- sh -c 'avl-model list >/dev/full'
t 'a full disk for a model' 1 'No space left on device' -- avl-model init -o /dev/full ezvsl
t 'a folder that is not there' 1 'No such file' -- avl-model init -o no/x.st ezvsl
is 'failures leave nothing behind' "$(ls x.st .x.st* 2>/dev/null)" ''
is 'SIGPIPE is quiet' "$(pipe_status avl-model init ezvsl; cat "$ERR")" 141
rm -f ./*.st ./*.pth
done_testing
