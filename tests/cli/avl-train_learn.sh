# SPDX-License-Identifier: MIT
# avl-train: it learns, its checkpoints are models, and the same training gives the same bytes.
# shellcheck shell=sh
. "$TOP/tests/cli/lib.sh"
PATH=$BIN/../tests:$PATH

# Six kinds of sound; each is a bump in f_s, and in one channel of v where a box lies. The kind
# that sounds is in the left half of even records and in the right half of the others.
records() { # N
	i=0
	while [ "$i" -lt "$1" ]; do
		kind=$((i % 6)) other=$(((i + 1 + i / 6 % 5) % 6)) side=$((i / 3 % 2))
		awk -v i="$i" -v kind=$kind -v other=$other -v side=$side 'BEGIN {
			printf "record r%04d\nseal rate_hz 16000\nf4 fs.npy 2x8 =", i
			for (p = 0; p < 2; p++) for (d = 0; d < 8; d++)
				printf " %g", (d == kind) * 3 + ((i * 7 + d * 3 + p) % 5) * 0.05
			printf "\nf4 v.npy 12x2x4 ="
			for (c = 0; c < 12; c++) for (y = 0; y < 2; y++) for (x = 0; x < 4; x++) {
				left = x < 2
				own = c % 6 == kind && left == (side == 0)
				printf " %g", own * 2 + (c % 6 == other && left == (side == 1)) * 2 \
					+ ((i * 5 + c * 7 + y * 3 + x) % 11) * 0.03
			}
			printf "\nf8 boxes.npy 1x5 = %g 0 %g 1 0\n", side / 2, side / 2 + 0.5
		}'
		i=$((i + 1))
	done
}
# column NAME: the last number of a column of log.tsv
column() {
	awk -F '\t' -v name="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i; next }
		$c != "-" { last = $c } END { print last }' log.tsv
}
at_least() { # NAME VALUE LEAST
	if awk -v a="$2" -v b="$3" 'BEGIN { exit !(a >= b) }'; then pass "$1"; else fail "$1" "$2 < $3"; fi
}

mkhead 8 10 12 >init.safetensors
records 96 | mkrecord >data.tar
records 30 | tail -n +31 | mkrecord >valid.tar
common='-q -m init.safetensors --batch 16 --lr 0.02'

for loss in kl ce l2; do
	# shellcheck disable=SC2086 # common is a list of words
	t "--sup $loss" 0 '' -- avl-train $common --sup $loss --epochs 25 --score cosine \
		--valid valid.tar --log log.tsv -o sup-$loss.safetensors data.tar
	at_least "--sup $loss points at the box" "$(column valid_pointing)" 0.95
done
for loss in triplet hinge nce attended-nce lvs margin-nce slavc; do
	# shellcheck disable=SC2086
	t "--unsup $loss" 0 '' -- avl-train $common --unsup $loss --epochs 60 \
		--valid valid.tar --log log.tsv -o unsup-$loss.safetensors data.tar
	at_least "--unsup $loss prefers a picture's own sound" "$(column valid_right)" 0.8
done
# shellcheck disable=SC2086
t 'both' 0 '' -- avl-train $common --unsup nce --sup kl --lambda 2 --epochs 5 --log log.tsv \
	-o both.safetensors data.tar
is 'the log has its columns' "$(head -n 1 log.tsv | tr '\t' ' ')" \
	'step epoch loss unsup sup right pointing grad_norm rate valid_loss valid_right valid_pointing'
is 'and a row for each step' "$(wc -l <log.tsv)" 31
is 'the loss is the sum' "$(awk -F '\t' 'NR > 1 && ($3 - $4 - 2 * $5) ^ 2 > 1e-6' log.tsv)" ''

# the same bytes
# shellcheck disable=SC2086
train() { # OUTPUT OPTION...
	out=$1
	shift
	avl-train $common --unsup triplet --sup kl --epochs 4 "$@" -o "$out" data.tar
}
train one.safetensors -j 1 --log one.tsv
train three.safetensors -j 3 --log three.tsv
same 'the number of threads does not change a byte' one.safetensors three.safetensors
same 'nor the log' one.tsv three.tsv
train again.safetensors --seed 2
differ 'another seed is another model' one.safetensors again.safetensors
mkdir elsewhere
train elsewhere/other.safetensors
same 'a checkpoint holds no path and no time' one.safetensors elsewhere/other.safetensors

# several files are one set
records 96 | awk '/^record/ { n++ } n <= 40' | mkrecord >a.tar
records 96 | awk '/^record/ { n++ } n > 40' | mkrecord >b.tar
# shellcheck disable=SC2086
t 'several files' 0 '' -- avl-train $common --unsup triplet --sup kl --epochs 4 -o ab.safetensors a.tar b.tar
same 'are as one' one.safetensors ab.safetensors

# frozen, and what stays of INIT
# shellcheck disable=SC2086
t '--freeze' 0 '' -- avl-train $common --sup kl --freeze sound_fc1 --epochs 2 -o frozen.safetensors data.tar
is 'nothing is remembered of what is frozen' "$(grep -ac 'optim.first.sound_fc1' frozen.safetensors)" 0
matches 'and something of what is not' 'optim.first.sound_fc2' frozen.safetensors
matches 'the contract says how maps are scored' '\\"score\\":\\"dot\\"' frozen.safetensors
matches 'and that they were cosines in training' '\\"score\\":\\"cosine\\"' one.safetensors
# shellcheck disable=SC2086
t '--fresh' 0 '' -- avl-train $common --unsup triplet --fresh --units 7 --hidden 5 --epochs 2 -o fresh.safetensors data.tar
matches 'a fresh head is ReLU' '\\"activation\\":\\"relu\\"' fresh.safetensors
matches 'and has the units that were asked for' '"sound_fc1.bias":{"dtype":"F32","shape":\[7\]' fresh.safetensors
# shellcheck disable=SC2086
t '--fresh but for what is frozen' 0 '' -- avl-train $common --unsup triplet --fresh --freeze sound_fc1 --epochs 2 -o half.safetensors data.tar
matches 'a kept layer keeps its activation' '\\"activation\\":\\"sigmoid\\"' half.safetensors

# three layers
# shellcheck disable=SC2086
three() { # OUTPUT OPTION...
	out=$1
	shift
	avl-train $common --unsup attended-nce --fresh --layers 3 --units 5 "$@" -o "$out" data.tar
}
t '--layers 3' 0 '' -- three deep.safetensors --epochs 4 --freeze sound_fc1 -j 1 --log deep.tsv
matches 'the contract says so' '\\"layers\\":3' deep.safetensors
matches 'the second leads to the units that were asked for' '"sound_fc2.bias":{"dtype":"F32","shape":\[5\]' deep.safetensors
matches 'and the third to the channels of v' '"sound_fc3.weight":{"dtype":"F32","shape":\[12,5\]' deep.safetensors
is 'they learn' "$(awk -F '\t' 'NR == 2 { first = $3 } END { print ($3 < first) }' deep.tsv)" 1
three part.safetensors --epochs 2 --freeze sound_fc1 -j 3
t 'resumed' 0 '' -- three part.safetensors --epochs 4 --freeze sound_fc1 --resume
same 'by other threads, the same bytes' deep.safetensors part.safetensors
# shellcheck disable=SC2086
t 'from three layers on' 0 '' -- avl-train $common -m deep.safetensors --sup kl --epochs 1 -o on.safetensors data.tar
matches 'there are three' 'optim.first.sound_fc3.weight' on.safetensors
# shellcheck disable=SC2086
t 'back to two' 0 '' -- avl-train $common -m deep.safetensors --unsup nce --fresh --layers 2 --epochs 1 -o two.safetensors data.tar
is 'nothing is left of the third' "$(grep -ac 'sound_fc3' two.safetensors)" 0
t 'but not behind a frozen one' 2 '--layers 2: the model has 3' -- avl-train -q -m deep.safetensors --unsup nce --fresh --layers 2 --freeze sound_fc1 -o bad data.tar
# shellcheck disable=SC2086
t 'what is frozen has to fit' 1 "'sound_fc2.weight' leads from" -- avl-train $common --unsup nce --fresh --layers 3 --units 5 --freeze sound_fc1,sound_fc2 -o bad data.tar
# shellcheck disable=SC2086
t 'of two layers, too' 1 "'sound_fc2.weight' leads from" -- avl-train $common --unsup nce --fresh --units 5 --freeze sound_fc2 -o bad data.tar
t '--layers alone' 2 '--layers is for --fresh' -- avl-train --unsup nce --layers 3 -o bad data.tar

# wrong sounds
records 96 | sed 's/^seal rate_hz.*/&\nseal source clip.mp4/' | mkrecord >clip.tar
# shellcheck disable=SC2086
t 'any other sound is a wrong one' 0 '' -- avl-train $common --unsup nce --epochs 1 --log log.tsv -o clip.safetensors clip.tar
is 'and is compared with' "$(awk -F '\t' 'NR > 1 && $6 != "-"' log.tsv | wc -l)" 6
# shellcheck disable=SC2086
t '--by-source' 0 '' -- avl-train $common --unsup nce --by-source --epochs 1 --log log.tsv -o clip.safetensors clip.tar
is 'a single file has no wrong ones' "$(awk -F '\t' 'NR > 1 { print $4, $6 }' log.tsv | sort -u)" '0 -'

# one pass
# shellcheck disable=SC2086
t 'standard input is one pass' 0 '' -- sh -c "avl-train $common --sup kl --log log.tsv -o pipe.safetensors - <data.tar"
is 'of whole batches' "$(wc -l <log.tsv)" 7

# files kept
# shellcheck disable=SC2086
t '--keep' 0 '' -- avl-train $common --sup kl --epochs 5 --keep 2 --hold-out 0.2 -o kept.safetensors data.tar
is 'the last two and the best stay' "$(find . -name 'kept*' | sort | paste -sd ' ')" \
	'./kept-00000016.safetensors ./kept-00000020.safetensors ./kept-best.safetensors ./kept.safetensors'
same 'the last is the checkpoint' kept.safetensors kept-00000020.safetensors
done_testing
