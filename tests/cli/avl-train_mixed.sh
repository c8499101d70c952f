# SPDX-License-Identifier: MIT
# avl-train -p bf16: networks in mixed precision.
# shellcheck shell=sh
. "$TOP/tests/cli/lib.sh"
PATH=$BIN/../tests:$PATH

mknet slavc 48 0.5 sound. >init.safetensors
i=0
while [ $i -lt 8 ]; do
	awk -v i=$i 'BEGIN {
		printf "record r%d\nu1 frame.npy 48x48x3 =", i
		for (k = 0; k < 97; k++) printf " %d", (k * k * (i + 3) + 29 * k) % 256
		printf "\nf4 fs.npy 1x512 random %d\n", i
	}'
	i=$((i + 1))
done | mkrecord >records.tar
train() { # OUTPUT OPTION...
	out=$1
	shift
	avl-train -q -m init.safetensors --unsup nce --batch 4 --lr 1e-4 "$@" -o "$out" records.tar
}

t 'fp32' 0 '' -- train fp32 --epochs 2 --log fp32.tsv
t 'which is the default' 0 '' -- train same --epochs 2 -p fp32
same 'the same bytes' fp32 same
t 'bf16' 0 '' -- train bf16 --epochs 2 -p bf16 --log bf16.tsv -j 1
if cmp -s fp32 bf16; then fail 'is another model'; else pass 'is another model'; fi
t 'three threads' 0 '' -- train three --epochs 2 --precision bf16 -j 3
same 'are the same bytes' bf16 three
is 'the first loss is that of fp32 within 2 per cent' "$(paste fp32.tsv bf16.tsv |
	awk -F '\t' 'NR == 2 { print ($3 - $(NF / 2 + 3)) ^ 2 < 4e-4 * $3 ^ 2 }')" 1
matches 'the checkpoint is in fp32' '"image.conv1.weight":{"dtype":"F32"' bf16
is 'all of it' "$(head -c 100000 bf16 | grep -ac '"BF16"')" 0

t 'stopped' 0 '' -- train part --epochs 1 -p bf16
t 'and resumed' 0 '' -- train part --epochs 2 -p bf16 --resume
same 'the same bytes' bf16 part
t 'resumed in fp32' 0 '' -- train part --epochs 3 --resume

t 'a frozen network' 0 '' -- train frozen --epochs 1 -p bf16 --freeze image.
is 'has no moments' "$(grep -ac 'optim.first.image\.' frozen)" 0
t 'another type' 2 "^avl-train: .*'fp16'" -- train bad -p fp16
done_testing
