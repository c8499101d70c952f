# SPDX-License-Identifier: MIT
# avl-train: a network in training that is killed at any time goes on to the same bytes, with its
# statistics and moments.
# shellcheck shell=sh
. "$TOP/tests/cli/lib.sh"
. "$TOP/tests/cli/kill.sh"
PATH=$BIN/../tests:$PATH

i=0
while [ "$i" -lt 8 ]; do
	echo "record r$i"
	picture 40x40 "$i" 97
	echo "f4 fs.npy 2x1024 random $i"
	i=$((i + 1))
done | mkrecord >data.tar
mknet efficientnet_lite0+yamnet 32 1 sound. >init.safetensors
run() {
	cd "$1" || exit
	shift
	exec avl-train -m ../init.safetensors --unsup nce --freeze sound_fc,image._blocks.1 --batch 4 \
		--epochs 6 --every 2 --keep 1 --lr 1e-4 --augment crop,flip --image-dropout 0.5 --resume \
		--log log.tsv -o ckpt "$@" ../data.tar
}
ends_the_same 0.02 0.42 ckpt ckpt-00000012 log.tsv
matches 'statistics move' 'image._bn0.running_mean' whole/ckpt
t 'another variation' 2 'was made with augment 3, not 0' -- train whole --augment none
t 'another statistic' 2 'was made with bn 0, not 1' -- train whole --bn stored
done_testing
