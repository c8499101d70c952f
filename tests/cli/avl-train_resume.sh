# SPDX-License-Identifier: MIT
# avl-train: whenever it is killed, --resume ends with the bytes of a run without interruption.
# shellcheck shell=sh
. "$TOP/tests/cli/lib.sh"
. "$TOP/tests/cli/kill.sh"
PATH=$BIN/../tests:$PATH

i=0
while [ "$i" -lt 40 ]; do
	printf 'record r%03d\nseal rate_hz 16000\nf4 fs.npy 3x8 random %d\nf4 v.npy 12x4x4 random %d\nf8 boxes.npy 1x5 = 0.1 0.2 0.7 0.9 0\n' $i $i $((i + 100))
	i=$((i + 1))
done | mkrecord >data.tar
mkhead 8 10 12 >init.safetensors
run() {
	cd "$1" || exit
	shift
	exec avl-train -m ../init.safetensors --unsup triplet --sup ce --batch 8 --epochs 200 \
		--every 20 --keep 2 --hold-out 0.2 --clip 1 --warmup 30 --schedule cosine --resume --log log.tsv \
		-o ckpt.safetensors "$@" ../data.tar
}
ends_the_same 0.01 0.13 ckpt.safetensors ckpt-best.safetensors ckpt-00000780.safetensors \
	ckpt-00000800.safetensors log.tsv

# SIGTERM: a checkpoint, a message, and the signal's own end
mkdir stopped
run stopped 2>stopped.err &
pid=$!
while [ ! -s stopped/log.tsv ] || [ "$(wc -l <stopped/log.tsv)" -lt 3 ]; do sleep 0.01; done
kill -TERM $pid
wait $pid
is 'SIGTERM ends it as such' $? 143
matches 'and is told' "stopped at step [0-9]+; the checkpoint 'ckpt.safetensors' is written" stopped.err
t 'the rest' 0 '' -- train stopped
same 'a stopped run ends with the same bytes' whole/ckpt.safetensors stopped/ckpt.safetensors
same 'and the same log' whole/log.tsv stopped/log.tsv

# other settings
cp -r whole other
t 'another batch' 2 "^avl-train: --resume: 'ckpt.safetensors' was made with batch 8, not 4\$" -- train other --batch 4
t 'another loss' 2 "was made with sup ce, not kl\$" -- train other --sup kl
t 'more epochs along a cosine' 2 "was made with epochs 200, not 300\$" -- train other --epochs 300
mkhead 8 11 12 >init2.safetensors
t 'another model' 2 "was made with init crc32:[0-9a-f]*, not" -- train other -m ../init2.safetensors
t 'a model without training' 1 "is a model without a state of training" -- \
	avl-train --sup kl --batch 8 --resume -o init.safetensors data.tar
same 'nothing is overwritten' whole/ckpt.safetensors other/ckpt.safetensors
done_testing
